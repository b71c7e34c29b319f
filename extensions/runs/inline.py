"""Synchronous-first: the request waits for its runs' rows to become terminal, under one deadline (architecture 4).

The web process holds no model and no provider; it only looks at rows. What is still open at the deadline goes on in
its worker and is answered `pending`; the worker then announces its end.
"""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from extensions.catalog import CATALOG
from extensions.models import ExtensionRun
from extensions.runs import heartbeats
from extensions.webhooks.publish import announced, withdraw_answered
from mediahub.lib import clock
from mediahub.lib.retry import repeat_on_conflict
from mediahub.lib.waits import place_if_free

GRACE_S = 10
"""How long after the deadline a request may still answer before it counts as dead."""
LOOK_EVERY_S, OFTEN_FOR_S = 0.006, 0.25
"""Most taggers end within a quarter of a second, and a look costs half a millisecond: so long it looks often."""
LONGEST_PAUSE_S = 0.05


def answer_by(now: datetime) -> datetime:
    """Until when a request that starts to wait now is taken to be alive."""
    return now + timedelta(seconds=settings.MEDIAHUB_SYNC_DEADLINE_S + GRACE_S)


def wait_for(runs: Sequence[ExtensionRun]) -> dict[str, str]:
    """Wait for the synchronous-first ones among a request's runs; return each extension's status for the answer.

    Call it after commit. No end is lost and none is both answered and announced, see `_take_leave`.
    """
    waited = [run.pk for run in runs if run.answer_by is not None]
    if not waited:
        return {run.extension: "pending" for run in runs}  # a moment old, and every end of theirs is announced
    with place_if_free("run") as is_free:
        if is_free and _are_served(runs):
            _wait_until_over(waited, time.monotonic() + settings.MEDIAHUB_SYNC_DEADLINE_S)
    to_tell = [run.pk for run in runs if run.webhook_url]
    if to_tell:
        _take_leave(waited)
    known = ExtensionRun.objects.in_bulk([run.pk for run in runs])
    told = announced(to_tell) if to_tell else set()
    return {run.extension: _status(known[run.pk], is_announced=run.pk in told) for run in runs}


@repeat_on_conflict
def _take_leave(waited: list[UUID]) -> None:
    """Hand the announcement of open runs to their workers, and withdraw those of runs that this request answers.

    A run that ends while a request waits is announced for the moment at which the request counts as dead. If the
    request dies, the announcement goes out; if not, it is taken back here. The run's row orders the two.
    """
    with transaction.atomic():
        ExtensionRun.objects.open().filter(pk__in=waited).update(announce=True)
        withdraw_answered(runs=waited, now=clock.now())


def _status(run: ExtensionRun, *, is_announced: bool) -> str:
    """What the answer says of a run: an end that goes out by webhook is `pending` here, unless all ends do."""
    if is_announced and settings.MEDIAHUB_EXTENSION_WEBHOOKS != "all":
        return "pending"
    is_waited_for = CATALOG[run.extension].is_synchronous_first
    return run.wire_status if is_waited_for or run.state != ExtensionRun.State.SUCCEEDED else "pending"


def _are_served(runs: Sequence[ExtensionRun]) -> bool:
    """Waiting makes sense with a living worker."""
    now = clock.now()
    queues = {run.queue for run in runs if run.answer_by is not None}
    return all(heartbeats.alive(queue, now=now) for queue in queues)


def _wait_until_over(keys: list[UUID], deadline: float) -> None:
    pause, often_until = LOOK_EVERY_S, time.monotonic() + OFTEN_FOR_S
    while ExtensionRun.objects.open().filter(pk__in=keys).exists() and time.monotonic() < deadline:
        time.sleep(pause)
        if time.monotonic() > often_until:
            pause = min(pause * 1.3, LONGEST_PAUSE_S)
