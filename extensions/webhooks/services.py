"""What people do with deliveries: send one or many again, call off what is waiting (REL W18, W19)."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from extensions import turns
from extensions.models import WebhookDelivery
from extensions.querysets import DeliveryQuerySet
from extensions.webhooks.publish import QUEUE, receiver_of, wake_for
from library.models import Account
from library.services.accounts import audit
from mediahub.lib import clock
from mediahub.lib.errors import Conflict

State = WebhookDelivery.State
REPLAYED_WITHIN = timedelta(days=30)
MOST_REPLAYED_AT_ONCE = 1000
"""A larger replay is asked for again, with where the one before ended."""


class NotReplayable(Conflict):
    """The delivery is still being tried, was called off for good, or is too old."""

    code = "not_replayable"


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Which finished deliveries to send again: of an account (None: all), to a receiver, made since a moment.

    receiver: scheme, host and port, or any URL there. only_failed: not those that were delivered. after: key of the
    delivery at which an earlier replay ended.
    """

    account: Account | None = None
    receiver: str | None = None
    since: datetime | None = None
    only_failed: bool = False
    after: int = 0


@dataclass(frozen=True)
class Replayed:
    """How many will be sent again, and the key to go on after where there may be more."""

    count: int
    after: int | None


@transaction.atomic
def replay(*, delivery: WebhookDelivery, actor: str) -> WebhookDelivery:
    """Send a finished delivery once more, with the same id and body, a fresh signature and a fresh window.

    An event goes to its endpoint's present address. Raises NotReplayable.
    """
    now = clock.now()
    found = _replayable(now).filter(pk=delivery.pk).select_related("endpoint", "account").first()
    if found is None or not _start_anew(found, now=now):
        raise NotReplayable(
            "Only a finished delivery of the last 30 days can be sent again, with its body kept and its endpoint on."
        )
    audit(account=found.account, actor=actor, action="webhook.replayed", target=found.message_id, detail={})
    return found


def replay_many(*, chosen: Chosen, actor: str) -> Replayed:
    """Send finished deliveries again, the oldest first, at most MOST_REPLAYED_AT_ONCE.

    Each is a transaction of its own, so that a long replay neither locks rows nor loses what it has done.
    """
    rows = chosen_deliveries(chosen, now=clock.now()).order_by("pk")
    keys = list(rows.values_list("pk", flat=True)[:MOST_REPLAYED_AT_ONCE])
    count: Counter[int] = Counter()
    for pk in keys:
        with transaction.atomic():
            now = clock.now()
            found = _replayable(now).filter(pk=pk).select_related("endpoint").first()
            if found is not None and _start_anew(found, now=now):
                count[found.account_id] += 1
    for account in Account.objects.filter(pk__in=count):
        detail = {"count": count[account.pk], "since": chosen.since.isoformat() if chosen.since else None}
        audit(account=account, actor=actor, action="webhook.replayed-many", target=chosen.receiver or "", detail=detail)
    return Replayed(count.total(), keys[-1] if len(keys) == MOST_REPLAYED_AT_ONCE else None)


def can_replay(delivery: WebhookDelivery) -> bool:
    """Whether `replay` would take it at this moment."""
    return _replayable(clock.now()).filter(pk=delivery.pk).exists()


def chosen_deliveries(chosen: Chosen, *, now: datetime) -> DeliveryQuerySet:
    """Those of the chosen that can be sent again at this moment."""
    rows = _replayable(now).filter(pk__gt=chosen.after)
    if chosen.account is not None:
        rows = rows.of_account(chosen.account)
    if chosen.receiver is not None:
        rows = rows.filter(receiver=receiver_of(chosen.receiver))
    if chosen.since is not None:
        rows = rows.filter(created_at__gte=chosen.since)
    return rows.exclude(state=State.DELIVERED) if chosen.only_failed else rows


def _replayable(now: datetime) -> DeliveryQuerySet:
    """Finished, of the last 30 days, with its body, and, for an event, with an endpoint that is on."""
    finished = [State.DELIVERED, State.GONE, State.EXPIRED]
    rows = WebhookDelivery.objects.filter(created_at__gt=now - REPLAYED_WITHIN, body_erased_at=None)
    return rows.filter(
        Q(kind=WebhookDelivery.Kind.EXTENSION, state__in=finished)
        | Q(kind=WebhookDelivery.Kind.EVENT, state__in=[*finished, State.CANCELLED], endpoint__enabled=True)
    )


def _start_anew(delivery: WebhookDelivery, *, now: datetime) -> bool:
    """One conditional UPDATE from the state that was seen to pending; False if somebody else was faster."""
    values: dict[str, Any] = {"state": State.PENDING, "finished_at": None, "first_due_at": now, "due_at": now}
    if delivery.endpoint is not None:
        values |= {"url": delivery.endpoint.url, "receiver": receiver_of(delivery.endpoint.url)}
    seen = WebhookDelivery.objects.filter(pk=delivery.pk, state=delivery.state, body_erased_at=None)
    if not seen.update(woken_at=None, **values):
        return False
    delivery.refresh_from_db(fields=[*values, "woken_at"])
    turns.join_queue(QUEUE, [delivery.receiver], now=now)
    wake_for(delivery, now=now)
    delivery.save(update_fields=["woken_at"])
    return True


def cancel_deliveries(*, account: Account) -> int:
    """Call off everything that waits for an account's receivers, visibly, when the account is closed."""
    now = clock.now()
    waiting = WebhookDelivery.objects.open().filter(account=account)
    return waiting.update(state=State.CANCELLED, finished_at=now, token=None)
