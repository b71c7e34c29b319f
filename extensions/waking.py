"""When to publish wake-ups for rows, so that neither requests nor sweeps flood the broker (REL J12).

A row is woken at most once in `WAKE_AGAIN_S`, and at most `CEILING` rows of a queue within that span: `woken_at` on
the row remembers it. Runs and deliveries use the same rule.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from mediahub.lib.wakeup import publish, wake

CEILING = 1000
WAKE_AGAIN_S = 30


def wake_new(queue: str, fresh: "QuerySet[Any]", of_queue: "QuerySet[Any]", *, now: datetime) -> None:
    """Wake workers for rows just written in this transaction, as far as the ceiling allows.

    fresh: the new rows. of_queue: all open rows of the queue.
    """
    room = _room(of_queue, now)
    keys = list(fresh.values_list("pk", flat=True)[:room])
    if keys:
        of_queue.model._default_manager.filter(pk__in=keys).update(woken_at=now)
        wake(queue, count=len(keys))


def wake_due(queue: str, due: "QuerySet[Any]", of_queue: "QuerySet[Any]", *, now: datetime) -> int:
    """Publish wake-ups for due rows that nobody was woken for lately; return how many. Safe in any number of copies."""
    again = Q(woken_at=None) | Q(woken_at__lte=now - timedelta(seconds=WAKE_AGAIN_S))
    keys = list(due.filter(again).values_list("pk", flat=True)[: _room(of_queue, now)])
    # The condition is asked again in the UPDATE: of several sweeps at once, one marks each row.
    marked = of_queue.model._default_manager.filter(pk__in=keys).filter(again).update(woken_at=now) if keys else 0
    return publish(queue, count=marked) if marked else 0


def _room(of_queue: "QuerySet[Any]", now: datetime) -> int:
    since = now - timedelta(seconds=WAKE_AGAIN_S)
    return CEILING - of_queue.filter(woken_at__gt=since)[:CEILING].count()
