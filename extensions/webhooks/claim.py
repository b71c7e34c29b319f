"""Take the fairest due delivery: the receiver served longest ago, within its cap and pause (REL W14, W15).

These statements run for every delivery, so they are written as SQL: a query set costs more to put together than it
costs the database to answer. `state` is compared with literals, as the partial indexes have it.
"""

import random
import time
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.db import connection, transaction
from django.db.models import F

from extensions.models import ClaimTerms, WebhookDelivery
from extensions.webhooks.backoff import LAST_ATTEMPT_AT, WINDOW
from extensions.webhooks.publish import FAILURES_BEFORE_PAUSE, QUEUE
from mediahub.lib import processes
from mediahub.lib.retry import repeat_on_conflict

LEASE_S = 60
MOST_AT_ONCE = 4
TRIES = 5
LONGEST_PAUSE_S = 60

State = WebhookDelivery.State

# Deliveries whose window is about to close: a pause does not cost them their last attempt (REL W15).
_CLOSING = "d.state = 'pending' AND d.first_due_at > %(opened)s AND d.first_due_at <= %(closing)s"
_DUE = "d.state IN ('pending', 'sending') AND d.due_at <= %(now)s"
_UNDER_WAY = """(SELECT count(*) FROM extensions_webhookdelivery d
    WHERE d.receiver = {receiver} AND d.state = 'sending' AND d.due_at > %(now)s)"""
_SENDABLE = f"""FROM extensions_turn t WHERE t.queue = %(queue)s
    AND EXISTS (SELECT 1 FROM extensions_webhookdelivery d WHERE d.receiver = t.key AND {_DUE})
    AND (t.paused_until IS NULL OR t.paused_until <= %(now)s OR EXISTS (
        SELECT 1 FROM extensions_webhookdelivery d WHERE d.receiver = t.key AND {_CLOSING} AND d.due_at <= %(now)s))
    AND {_UNDER_WAY.format(receiver="t.key")} < CASE WHEN t.failures >= %(strikes)s THEN 1 ELSE %(most)s END"""  # noqa: S608 - constants
_NEXT_TURN = f"""UPDATE extensions_turn SET served_at = %(now)s
    WHERE id = (SELECT t.id {_SENDABLE} ORDER BY t.served_at, t.id LIMIT 1 {{lock}})
    RETURNING key, failures, paused_until > %(now)s"""  # noqa: S608 - put together from the constants above
_COUNT = f"SELECT count(*) FROM (SELECT 1 {_SENDABLE} LIMIT %(limit)s) counted"  # noqa: S608 - constants
# The cap is asked again: what was counted without the turn's lock may have changed. Then the receiver has gone to the
# end of the queue although it got nothing, which is right: it is being served as much as it may be.
_TAKE = f"""UPDATE extensions_webhookdelivery SET state = 'sending', token = %(token)s, due_at = %(lease)s,
        node = %(node)s, process_id = %(process)s, process_started = %(started)s, woken_at = NULL
    WHERE id = (SELECT d.id FROM extensions_webhookdelivery d WHERE d.receiver = %(key)s AND {_DUE} {{only}}
        ORDER BY d.due_at LIMIT 1)
    AND state IN ('pending', 'sending') AND due_at <= %(now)s AND {_UNDER_WAY.format(receiver="%(key)s")} < %(cap)s
    RETURNING id"""  # noqa: S608 - put together from the constants above


_LOADED = """SELECT d.*, coalesce(e.secret_token, a.webhook_secret_token) AS secret_token,
        e.enabled AS endpoint_is_on, e.failing_since, EXISTS (SELECT 1 FROM extensions_retiredsecret r
            WHERE r.account_id = d.account_id AND r.until > %(now)s) AS has_retired_secrets
    FROM extensions_webhookdelivery d JOIN library_account a ON a.id = d.account_id
    LEFT JOIN extensions_webhookendpoint e ON e.id = d.endpoint_id WHERE d.id = %(pk)s"""


def claim(*, now: datetime) -> WebhookDelivery | None:
    """Take a due delivery, or None if nothing may be sent now. One conditional UPDATE decides who has it.

    With several workers on PostgreSQL the turn may be locked by another for a moment: then it is tried again.
    """
    for attempt in range(TRIES):
        if attempt:
            time.sleep(random.uniform(0.002, 0.01) * attempt)  # noqa: S311 - lets rivals pass, guards nothing
        taken = _claim_once(now=now)
        if taken is not None:
            return taken
        if not sendable_receivers(now=now, most=1):
            return None
    return None


@repeat_on_conflict
@transaction.atomic
def _claim_once(*, now: datetime) -> WebhookDelivery | None:
    return take_next(now=now)


def take_next(*, now: datetime) -> WebhookDelivery | None:
    """Take a delivery inside the caller's transaction, which may hold a turn already; waits for no lock of a turn.

    The turn's row is locked before any delivery's, here and when an attempt ends. On PostgreSQL a turn that another
    worker has locked is passed over; SQLite has one writer at a time anyway. The delivery comes with its `terms`.
    """
    values = _values(now)
    lock = "FOR UPDATE OF t SKIP LOCKED" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(_NEXT_TURN.format(lock=lock), values)
        found = cursor.fetchall()
        if not found:
            return None
        receiver, failures, is_paused = found[0]
        values |= {"key": receiver, "cap": 1 if failures >= FAILURES_BEFORE_PAUSE else MOST_AT_ONCE} | _lease(now)
        cursor.execute(_TAKE.format(only=f"AND {_CLOSING}" if is_paused else ""), values)
        taken = cursor.fetchall()
    return _loaded(taken[0][0], values, receiver_is_failing=failures > 0) if taken else None


def sendable_receivers(*, now: datetime, most: int) -> int:
    """How many receivers with due work may get a request now, counted up to `most`."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, _values(now) | {"limit": most})
        return int(cursor.fetchone()[0])


def _loaded(pk: int, values: dict[str, Any], *, receiver_is_failing: bool) -> WebhookDelivery:
    [row] = WebhookDelivery.objects.raw(_LOADED, values | {"pk": pk})
    seen: Any = row  # what the query adds to the columns of the delivery
    row.terms = ClaimTerms(
        secret_token=seen.secret_token,
        has_retired_secrets=bool(seen.has_retired_secrets),
        endpoint_is_on=None if row.endpoint_id is None else bool(seen.endpoint_is_on),
        endpoint_is_failing=seen.failing_since is not None,
        receiver_is_failing=receiver_is_failing,
    )
    return row


def _values(now: datetime) -> dict[str, Any]:
    as_stored = connection.ops.adapt_datetimefield_value
    return {
        "queue": QUEUE,
        "now": as_stored(now),
        "opened": as_stored(now - WINDOW),
        "closing": as_stored(now - LAST_ATTEMPT_AT),
        "strikes": FAILURES_BEFORE_PAUSE,
        "most": MOST_AT_ONCE,
    }


def _lease(now: datetime) -> dict[str, Any]:
    node, process_id, started = processes.me()
    token = uuid4()
    return {
        "token": token if connection.features.has_native_uuid_field else token.hex,
        "lease": connection.ops.adapt_datetimefield_value(now + timedelta(seconds=LEASE_S)),
        "node": node,
        "process": process_id,
        "started": started,
    }


def expire_late(*, now: datetime) -> int:
    """End deliveries whose 24 hours are over: those that waited for a turn, and those whose worker died at the last.

    Returns how many; they can be replayed. What is late is due, so the index of due rows finds it.
    """
    late = WebhookDelivery.objects.due(now).order_by().filter(first_due_at__lte=now - WINDOW, attempts_made__gt=0)
    waited = late.filter(state=State.PENDING, due_at__gt=F("first_due_at"))
    over: dict[str, object] = {"state": State.EXPIRED, "finished_at": now, "token": None}
    return waited.update(**over) + late.filter(state=State.SENDING).update(**over, last_reason="worker_lost")


def free_dead_leases(*, now: datetime) -> int:
    """Let deliveries of this node be claimed at once whose process no longer exists; return how many (REL J16)."""
    freed = 0
    sending = WebhookDelivery.objects.open().filter(state=State.SENDING, due_at__gt=now)
    for delivery in processes.lost(sending):
        mine = WebhookDelivery.objects.filter(pk=delivery.pk, state=State.SENDING, token=delivery.token)
        freed += mine.update(due_at=now, woken_at=None)
    return freed


def pause_after(failures: int) -> timedelta | None:
    """How long a receiver rests after so many failures in a row: from the third on 2, 4, 8 ... 60 s."""
    if failures < FAILURES_BEFORE_PAUSE:
        return None
    return timedelta(seconds=min(LONGEST_PAUSE_S, 2 ** min(failures - FAILURES_BEFORE_PAUSE + 1, 10)))
