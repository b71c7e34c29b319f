"""Take the fairest due run of a queue, and give leases back: one conditional UPDATE each (REL J4, J14, J16)."""

import random
import time
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import BigIntegerField, Exists, OuterRef
from django.db.models.functions import Cast

from extensions import turns
from extensions.catalog import CATALOG
from extensions.models import ExtensionRun, Turn
from extensions.providers import state
from extensions.providers.registry import availability_of
from extensions.querysets import RunQuerySet
from mediahub.lib import clock, processes

BEYOND_TIMEOUT_S = {"tagging": 75, "images": 120}
"""From a provider's time-out to the end of the lease: the hard time limit and a margin lie in between (REL J5)."""
TRIES = 10


def claim(queue: str, *, now: datetime) -> ExtensionRun | None:
    """Take a due run of the account served longest ago, or None if nothing is due.

    The UPDATE's row count says who won; a loser looks again, because another run may be due.
    """
    for attempt in range(TRIES):
        if attempt:
            time.sleep(random.uniform(0, 0.01) * attempt)  # noqa: S311 - lets rivals pass, guards nothing
            now = max(now, clock.now())  # what our wake-up was sent for may have come due since
        key = _next_in_turn(queue, now=now)
        if key is None:
            return None
        run = _first_of(int(key), queue, now=now)
        if run is not None and _take(run, now=now):
            return run
    return None


def lease(queue: str) -> timedelta:
    """How long a claim is good for: longer than the worker may live with it."""
    return timedelta(seconds=timeout_s(queue) + BEYOND_TIMEOUT_S[queue])


def timeout_s(queue: str) -> float:
    """How long a provider may take for a run of the queue, from settings."""
    by_queue: dict[str, float] = {
        "tagging": settings.MEDIAHUB_TAGGING_TIMEOUT_S,
        "images": settings.MEDIAHUB_IMAGES_TIMEOUT_S,
    }
    return by_queue[queue]


def free_dead_leases(*, now: datetime) -> int:
    """Let runs of this node be claimed at once whose process no longer exists; return how many (REL J16)."""
    freed = 0
    # Open rows by queue, as the partial index has them.
    running = ExtensionRun.objects.open().filter(state=ExtensionRun.State.RUNNING, due_at__gt=now)
    for queue in ExtensionRun.Queue.values:
        for run in processes.lost(running.filter(queue=queue)):
            held = ExtensionRun.objects.held_by(token=run.token).filter(pk=run.pk)
            freed += held.update(due_at=now, woken_at=None)
    return freed


def _due(queue: str, *, now: datetime) -> RunQuerySet:
    return ExtensionRun.objects.due(now).filter(queue=queue)


def _next_in_turn(queue: str, *, now: datetime) -> str | None:
    has_work = Exists(_due(queue, now=now).filter(account_id=Cast(OuterRef("key"), BigIntegerField())))
    in_turn = Turn.objects.filter(has_work, queue=queue).order_by("served_at", "pk")
    return in_turn.values_list("key", flat=True).first()


def _first_of(account_id: int, queue: str, *, now: datetime) -> ExtensionRun | None:
    """The account's run that is due longest; those of backfills come after all others."""
    due = _due(queue, now=now).filter(account_id=account_id).select_related("account").order_by("due_at", "created_at")
    # Two looks, each along the index: an order of both kinds together would sort the whole backlog at every claim.
    return due.filter(backfill=None).first() or due.first()


def _take(run: ExtensionRun, *, now: datetime) -> bool:
    """Take the run as it was read: every claim changes `attempts`, so nobody can have had it in between."""
    node, process_id, started = processes.me()
    columns: dict[str, Any] = {
        "state": ExtensionRun.State.RUNNING,
        "token": uuid4(),
        "attempts": run.attempts + 1,
        "provider": first_choice(run.extension),
        "due_at": now + lease(run.queue),
        "started_at": run.started_at or now,
        "node": node,
        "process_id": process_id,
        "process_started": started,
        "woken_at": None,
    }
    with transaction.atomic():
        won = ExtensionRun.objects.due(now).filter(pk=run.pk, attempts=run.attempts)
        taken = won.update(**columns)
        if taken:
            turns.mark_served(run.queue, str(run.account_id), now=now)
    if taken:
        for name, value in columns.items():
            setattr(run, name, value)
    return bool(taken)


def first_choice(extension: str) -> str:
    """The provider that is asked first if all is well, recorded with the claim to spare a statement at the call.

    One with limits is not: it is counted as working only once it has given leave.
    """
    chain = CATALOG[extension].chain if extension in CATALOG else []
    slug = next((slug for slug in chain if availability_of(slug).available), "")
    return "" if state.has_limits(slug) else slug
