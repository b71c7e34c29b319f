"""When to publish wake-ups for rows, so that neither requests nor sweeps flood the broker (REL J12).

Rows of a queue carry `woken_at`: set when a wake-up is published for them, cleared when they are claimed or put back.
A request wakes while fewer than `CEILING` open rows wait for a worker that was told of them; the sweep wakes a row
again after `WAKE_AGAIN_S`, while fewer than `CEILING` messages wait in the broker. Both apps use this for their queues.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from mediahub.lib.wakeup import publish, waiting, wake

CEILING = 1000
WAKE_AGAIN_S = 30


def wake_new(queue: str, fresh: "QuerySet[Any]", open_rows: "QuerySet[Any]", *, now: datetime) -> None:
    """Wake workers after commit for rows written in this transaction, as far as the ceiling allows.

    fresh: the new rows. open_rows: all open rows that count against the queue's ceiling.
    """
    keys = list(fresh.values_list("pk", flat=True)[: _room(open_rows)])
    if not keys:
        return
    rows = open_rows.model._default_manager
    rows.filter(pk__in=keys).update(woken_at=now)

    def forget(sent: int) -> None:
        rows.filter(pk__in=keys[sent:]).update(woken_at=None)

    wake(queue, count=len(keys), unsent=forget)


def wake_due(queue: str, due: "QuerySet[Any]", open_rows: "QuerySet[Any]", *, now: datetime) -> int:
    """Publish wake-ups for due rows that nobody was woken for lately; return how many. Safe in any number of copies."""
    in_broker = waiting(queue)
    if in_broker is None:
        return 0
    again = Q(woken_at=None) | Q(woken_at__lte=now - timedelta(seconds=WAKE_AGAIN_S))
    lately = open_rows.filter(woken_at__gt=now - timedelta(seconds=WAKE_AGAIN_S))
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
