"""When to publish wake-ups for rows, so that neither requests nor sweeps flood the broker (REL J12).

Rows of a queue carry `woken_at`: set when a wake-up is published for them, cleared when they are claimed or put back.
A request wakes while fewer than `CEILING` open rows wait for a worker that was told of them; the sweep wakes a row
again after `WAKE_AGAIN_S`, while fewer than `CEILING` messages wait in the broker, and after `LOST_AFTER_S` if none
does: then its message was lost with a broker or a worker. Both apps use this for their queues.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from mediahub.lib.wakeup import publish, waiting, wake

CEILING = 1000
WAKE_AGAIN_S = 30
LOST_AFTER_S = 3


def wake_new(queue: str, rows: Sequence[Any], open_rows: "QuerySet[Any]", *, now: datetime) -> None:
    """Mark rows as woken, as far as the ceiling allows, and wake workers after commit. Call it before saving them.

    rows: not saved yet, or saved again by the caller. open_rows: all that count against the queue's ceiling.
    """
    marked = rows[: _room(open_rows)]
    if not marked:
        return
    for row in marked:
        row.woken_at = now

    def forget(sent: int) -> None:
        open_rows.model._default_manager.filter(pk__in=[row.pk for row in marked[sent:]]).update(woken_at=None)

    wake(queue, count=len(marked), unsent=forget)


def wake_due(queue: str, due: "QuerySet[Any]", open_rows: "QuerySet[Any]", *, now: datetime) -> int:
    """Publish wake-ups for due rows that nobody was woken for lately; return how many. Safe in any number of copies."""
    in_broker = waiting(queue)
    if in_broker is None:
        return 0
    wait_s = WAKE_AGAIN_S if in_broker else LOST_AFTER_S
    again = Q(woken_at=None) | Q(woken_at__lte=now - timedelta(seconds=wait_s))
    lately = open_rows.filter(woken_at__gt=now - timedelta(seconds=wait_s))
    keys = list(due.filter(again).values_list("pk", flat=True)[: max(0, min(_room(lately), CEILING - in_broker))])
    if not keys:
        return 0
    rows = open_rows.model._default_manager
    # The condition is asked again in the UPDATE: of several sweeps at once, one marks each row.
    marked = rows.filter(again, pk__in=keys).update(woken_at=now)
    sent = publish(queue, count=marked) if marked else 0
    if sent < marked:
        rows.filter(pk__in=keys, woken_at=now).update(woken_at=None)
    return sent


def wake_workers(queue: str, *, wanted: int) -> int:
    """Publish wake-ups until `wanted` of them wait in the broker, for workers that go on while there is work."""
    in_broker = waiting(queue)
    return publish(queue, count=wanted - in_broker) if in_broker is not None and wanted > in_broker else 0


def _room(rows: "QuerySet[Any]") -> int:
    return CEILING - int(rows.filter(woken_at__isnull=False)[:CEILING].count())
