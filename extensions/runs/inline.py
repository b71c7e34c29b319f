"""Synchronous-first: the request waits for its runs' rows to become terminal, under one deadline (architecture 4).

The web process holds no model and no provider; it only looks at rows. What is still open at the deadline goes on in
its worker and is answered `pending`; the worker then announces its end.
"""

import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from extensions.catalog import CATALOG
from extensions.models import ExtensionRun
from extensions.runs import heartbeats
from mediahub.lib import clock

GRACE_S = 10
"""How long after the deadline a request may still set `announce` before a worker takes it for dead."""
FIRST_LOOK_S, LONGEST_PAUSE_S = 0.004, 0.05

_lock = threading.Lock()
_waiting = 0


def answer_by(now: datetime) -> datetime:
    """Until when a request that starts to wait now is taken to be alive."""
    return now + timedelta(seconds=settings.MEDIAHUB_SYNC_DEADLINE_S + GRACE_S)


def wait_for(runs: Sequence[ExtensionRun]) -> dict[str, str]:
    """Wait for the synchronous-first ones among a request's runs; return each extension's status for the answer.

    Call it after commit. Ends with one conditional UPDATE per open run that hands its announcement to the worker, so
    that no end is lost and none is both answered and announced.
    """
    waited = [run.pk for run in runs if run.answer_by is not None]
    if waited and _may_wait(runs):
        _wait_until_over(waited, time.monotonic() + settings.MEDIAHUB_SYNC_DEADLINE_S)
    if waited:
        ExtensionRun.objects.open().filter(pk__in=waited).update(announce=True)
    now_known = ExtensionRun.objects.in_bulk([run.pk for run in runs])
    return {run.extension: _status(now_known[run.pk]) for run in runs}


def _status(run: ExtensionRun) -> str:
    """What the answer says of a run: an end that goes out by webhook alone is `pending` here."""
    is_announced_only = run.announce and settings.MEDIAHUB_EXTENSION_WEBHOOKS != "all"
    if CATALOG[run.extension].is_synchronous_first and is_announced_only and run.webhook_url:
        return "pending"
    return "pending" if run.state == ExtensionRun.State.SUCCEEDED and run.answer_by is None else run.wire_status


def _may_wait(runs: Sequence[ExtensionRun]) -> bool:
    """Waiting makes sense with a living worker and while at most half of the web threads wait (REL J18)."""
    now = clock.now()
    queues = {run.queue for run in runs if run.answer_by is not None}
    return _waiting < settings.MEDIAHUB_WEB_THREADS // 2 and all(heartbeats.alive(queue, now=now) for queue in queues)


def _wait_until_over(keys: list[UUID], deadline: float) -> None:
    global _waiting
    with _lock:
        _waiting += 1
    try:
        pause = FIRST_LOOK_S
        while ExtensionRun.objects.open().filter(pk__in=keys).exists() and time.monotonic() < deadline:
            time.sleep(pause)
            pause = min(pause * 1.3, LONGEST_PAUSE_S)
    finally:
        with _lock:
            _waiting -= 1
