"""Tell workers that a queue has work: after commit, within a bound, never raising (REL J1 to J3).

A message means "there is work in queue Q" and nothing else. It may be lost, repeated or late: rows are the truth and
the sweep publishes again. Services call `wake`; the sweep calls `publish`.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

import structlog
from amqp.exceptions import ChannelError
from celery import current_app
from django.db import transaction

log = structlog.get_logger(__name__)

PUBLISH_BUDGET_S = 1.0
PAUSE_AFTER_FAILURE_S = 5.0

_lock = threading.Lock()
_paused_until = 0.0
failures = 0
"""How many publishes this process has given up; shown by the health page."""


def task_name(queue: str) -> str:
    """Name of the Celery task that works on a queue."""
    return f"work.{queue}"


def wake(queue: str, *, count: int = 1, unsent: Callable[[int], None] | None = None) -> None:
    """Publish `count` wake-ups for a queue once the present transaction has committed.

    unsent: called with how many got out if not all did.
    """

    def after_commit() -> None:
        sent = publish(queue, count=count)
        if sent < count and unsent is not None:
            unsent(sent)

    transaction.on_commit(after_commit, robust=True)


def publish(queue: str, *, count: int = 1) -> int:
    """Publish now and return how many got out before the budget of 1 s ran out or the broker failed."""
    global _paused_until, failures
    if time.monotonic() < _paused_until:
        return 0
    started, sent = time.monotonic(), 0
    try:
        for _ in range(count):
            current_app.send_task(task_name(queue), queue=queue, ignore_result=True, retry=False)
            sent += 1
            if time.monotonic() - started > PUBLISH_BUDGET_S:
                break
    except Exception as error:  # noqa: BLE001 - whatever the transport raises, the rows are safe and the sweep will publish
        with _lock:
            failures += 1
            _paused_until = time.monotonic() + PAUSE_AFTER_FAILURE_S
        log.warning("wake_up_not_published", queue=queue, sent=sent, wanted=count, error=repr(error))
    return sent


def waiting(queue: str) -> int | None:
    """How many messages wait in the broker for a queue; None if the broker does not say."""
    try:
        with current_app.connection_for_write() as connection:
            channel: Any = connection.default_channel
            return int(channel.queue_declare(queue=queue, passive=True).message_count)
    except ChannelError:
        return 0  # nothing was ever sent to it, or all of it was taken
    except Exception as error:  # noqa: BLE001 - as in publish: rows are safe without the broker
        log.warning("broker_not_asked", queue=queue, error=repr(error))
        return None
