"""Take the fairest due delivery: the receiver served longest ago, within its cap and pause (REL W14, W15)."""

import random
import time
from datetime import datetime, timedelta
from uuid import uuid4

from django.db import connection, transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from extensions import turns
from extensions.models import Turn, WebhookDelivery
from extensions.webhooks.backoff import LAST_ATTEMPT_AT, WINDOW
from extensions.webhooks.publish import FAILURES_BEFORE_PAUSE, QUEUE
from mediahub.lib import processes
from mediahub.lib.retry import repeat_on_conflict

LEASE_S = 60
MOST_AT_ONCE = 4
TRIES = 5
LONGEST_PAUSE_S = 60

State = WebhookDelivery.State


def claim(*, now: datetime) -> WebhookDelivery | None:
    """Take a due delivery, or None if nothing may be sent now. One conditional UPDATE decides who has it.

    With several workers on PostgreSQL the turn may be locked by another for a moment: then it is tried again.
    """
    for attempt in range(TRIES):
        if attempt:
            time.sleep(random.uniform(0.002, 0.01) * attempt)  # noqa: S311 - lets rivals pass, guards nothing
        taken = _claim_once(now=now)
        if taken is not None:
            return WebhookDelivery.objects.select_related("account").get(pk=taken)
        if not sendable_turns(now=now).exists():
            return None
    return None


@repeat_on_conflict
@transaction.atomic
def _claim_once(*, now: datetime) -> int | None:
    """Key of the delivery taken. The turn's row is locked before any delivery's, here and when an attempt ends."""
    turn = _locked(sendable_turns(now=now)).first()
    if turn is None or _under_way(turn, now=now) >= (1 if turn.failures >= FAILURES_BEFORE_PAUSE else MOST_AT_ONCE):
        return None
    due = WebhookDelivery.objects.due(now).filter(receiver=turn.key)
    if turn.paused_until is not None and turn.paused_until > now:
        due = due.filter(_in_last_minute(now))
    delivery = due.first()
    if delivery is None or not _take(delivery, now=now):
        return None
    turns.mark_served(QUEUE, turn.key, now=now)
    return delivery.pk


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


def sendable_turns(*, now: datetime) -> "QuerySet[Turn]":
    """Receivers with due work that may get a request now, the one served longest ago first."""
    due_here = WebhookDelivery.objects.open().filter(receiver=OuterRef("key"), due_at__lte=now)
    in_flight = WebhookDelivery.objects.open().filter(receiver=OuterRef("key"), state=State.SENDING, due_at__gt=now)
    sending = Coalesce(Subquery(in_flight.order_by().values("receiver").annotate(n=Count("pk")).values("n")), Value(0))
    may_send = Q(paused_until=None) | Q(paused_until__lte=now) | Exists(due_here.filter(_in_last_minute(now)))
    receivers = Turn.objects.filter(Exists(due_here), may_send, queue=QUEUE).annotate(sending=sending)
    below_cap = Q(sending=0) | Q(sending__lt=MOST_AT_ONCE, failures__lt=FAILURES_BEFORE_PAUSE)
    return receivers.filter(below_cap).order_by("served_at", "pk")


def _in_last_minute(now: datetime) -> Q:
    """Deliveries whose window is about to close: a pause does not cost them their last attempt (REL W15)."""
    return Q(state=State.PENDING, first_due_at__lte=now - LAST_ATTEMPT_AT, first_due_at__gt=now - WINDOW)


def _under_way(turn: Turn, *, now: datetime) -> int:
    """Requests to the receiver at present, counted under the turn's lock."""
    sending = WebhookDelivery.objects.open().filter(receiver=turn.key, state=State.SENDING, due_at__gt=now)
    return sending.count()


def _locked(receivers: "QuerySet[Turn]") -> "QuerySet[Turn]":
    """On PostgreSQL the turn's row is locked, so that two workers do not exceed a cap together.

    SQLite has one writer at a time anyway.
    """
    if connection.vendor != "postgresql":
        return receivers
    return receivers.select_for_update(of=("self",), skip_locked=True)


def _take(delivery: WebhookDelivery, *, now: datetime) -> bool:
    node, process_id, started = processes.me()
    won = WebhookDelivery.objects.open().filter(pk=delivery.pk, due_at__lte=now)
    return bool(
        won.update(
            state=State.SENDING,
            token=uuid4(),
            due_at=now + timedelta(seconds=LEASE_S),
            node=node,
            process_id=process_id,
            process_started=started,
            woken_at=None,
        )
    )
