"""Take the fairest due delivery: the receiver served longest ago, within its cap and pause (REL W14, W15)."""

from datetime import datetime, timedelta
from uuid import uuid4

from django.db import connection, transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from extensions.models import Turn, WebhookDelivery
from extensions.querysets import DeliveryQuerySet
from extensions.webhooks.backoff import LAST_ATTEMPT_AT, WINDOW
from extensions.webhooks.publish import QUEUE
from mediahub.lib import processes

LEASE_S = 60
MOST_AT_ONCE = 4
FAILURES_BEFORE_PAUSE = 3
LONGEST_PAUSE_S = 60

State = WebhookDelivery.State


def claim(*, now: datetime) -> WebhookDelivery | None:
    """Take a due delivery, or None if nothing may be sent now. One conditional UPDATE decides who has it."""
    with transaction.atomic():
        turn = _next_turn(now=now)
        if turn is None:
            return None
        due = WebhookDelivery.objects.due(now).filter(receiver=turn.key).first()
        if due is None or not _take(due, now=now):
            return None
        Turn.objects.filter(pk=turn.pk).update(served_at=now)
    return WebhookDelivery.objects.select_related("account").get(pk=due.pk)


def expire_late(*, now: datetime) -> int:
    """End deliveries whose 24 hours passed while they waited for a turn; return how many. They can be replayed."""
    late = WebhookDelivery.objects.filter(state=State.PENDING, first_due_at__lte=now - WINDOW, attempts_made__gt=0)
    return late.filter(due_at__gt=F("first_due_at")).update(state=State.EXPIRED, finished_at=now)


def free_dead_leases(*, now: datetime) -> int:
    """Let deliveries of this node be claimed at once whose process no longer exists; return how many (REL J16)."""
    freed = 0
    held = WebhookDelivery.objects.filter(state=State.SENDING, node=processes.node(), due_at__gt=now)
    for delivery in held.only("pk", "token", "process_id", "process_started"):
        if delivery.process_id and not processes.is_alive(delivery.process_id, delivery.process_started):
            mine = WebhookDelivery.objects.filter(pk=delivery.pk, state=State.SENDING, token=delivery.token)
            freed += mine.update(due_at=now, woken_at=None)
    return freed


def pause_after(failures: int) -> timedelta | None:
    """How long a receiver rests after so many failures in a row: from the third on 2, 4, 8 ... 60 s."""
    if failures < FAILURES_BEFORE_PAUSE:
        return None
    return timedelta(seconds=min(LONGEST_PAUSE_S, 2 ** min(failures - FAILURES_BEFORE_PAUSE + 1, 10)))


def _next_turn(*, now: datetime) -> Turn | None:
    of_receiver = WebhookDelivery.objects.filter(receiver=OuterRef("key"))
    in_flight = of_receiver.filter(state=State.SENDING, due_at__gt=now).order_by()
    sending = Coalesce(Subquery(in_flight.values("receiver").annotate(n=Count("pk")).values("n")), Value(0))
    in_last_minute = Exists(
        of_receiver.filter(state=State.PENDING, due_at__lte=now, first_due_at__lte=now - LAST_ATTEMPT_AT)
    )
    may_send = Q(paused_until=None) | Q(paused_until__lte=now) | in_last_minute
    turns = (
        Turn.objects.filter(Exists(_due_of_receiver(now)), may_send, queue=QUEUE)
        .annotate(sending=sending)
        .filter(Q(sending=0) | Q(sending__lt=MOST_AT_ONCE, failures__lt=FAILURES_BEFORE_PAUSE))
        .order_by("served_at", "pk")
    )
    return _locked(turns).first()


def _due_of_receiver(now: datetime) -> DeliveryQuerySet:
    return WebhookDelivery.objects.open().filter(receiver=OuterRef("key"), due_at__lte=now)


def _locked(turns: "QuerySet[Turn]") -> "QuerySet[Turn]":
    """On PostgreSQL the turn's row is locked, so that two workers do not exceed a cap together.

    SQLite has one writer at a time anyway.
    """
    if connection.vendor != "postgresql":
        return turns
    return turns.select_for_update(of=("self",), skip_locked=True)


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
        )
    )
