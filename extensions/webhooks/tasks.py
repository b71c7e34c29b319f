"""Celery's side of webhooks: a wake-up comes in, due deliveries go out. The sweep publishes what is due.

A worker goes on while something may be sent: with a cap per receiver a wake-up can meet a full receiver, and the
delivery it stood for is then sent by whoever finishes next.
"""

import time
from datetime import datetime

from celery import shared_task

from extensions.webhooks.claim import MOST_AT_ONCE, expire_late, free_dead_leases, sendable_receivers
from extensions.webhooks.delivery import deliver_while
from extensions.webhooks.publish import QUEUE
from mediahub.lib import clock
from mediahub.lib.draining import draining
from mediahub.lib.wakeup import task_name
from mediahub.lib.waking import wake_workers

LONGEST_STRETCH_S = 20
MOST_WOKEN = 64


@shared_task(name=task_name(QUEUE), ignore_result=True)
def deliver_webhook() -> None:
    """Send due deliveries until none may be sent now, for at most 20 s, so that a shutdown need not wait for more."""
    end = time.monotonic() + LONGEST_STRETCH_S
    deliver_while(lambda: not draining() and time.monotonic() < end)


def sweep_due_deliveries(now: datetime | None = None) -> dict[str, int]:
    """Free leases of dead processes, end what is too late, wake workers for due deliveries; return counts by name."""
    now = now or clock.now()
    return {
        "freed_deliveries": free_dead_leases(now=now),
        "expired_deliveries": expire_late(now=now),
        "woken_webhooks": wake_workers(QUEUE, wanted=_wanted_workers(now)),
    }


def _wanted_workers(now: datetime) -> int:
    """As many as may send at once: up to the cap for each receiver that may get a request now.

    Rows are not counted: ten thousand deliveries for a dead receiver must wake no more workers than it may get.
    """
    return min(MOST_WOKEN, MOST_AT_ONCE * sendable_receivers(now=now, most=MOST_WOKEN))
