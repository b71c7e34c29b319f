"""Write a delivery in the caller's transaction and wake a worker after its commit (REL J8, W1).

Runs call this when they end, `extensions.receivers` when the library announces a change. The body is frozen here:
every attempt and replay sends the same bytes.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

from extensions import turns
from extensions.models import ExtensionRun, Turn, WebhookDelivery, WebhookEndpoint
from extensions.webhooks import subscriptions
from extensions.webhooks.events import TEST, encode, event_body, extension_body
from extensions.webhooks.signing import new_message_id
from library import wire
from library.models import Asset
from mediahub.lib import clock
from mediahub.lib.waking import wake_new

QUEUE = "webhooks"
FAILURES_BEFORE_PAUSE = 3
DEFAULT_PORTS = {"http": 80, "https": 443}


def publish_extension_webhook(
    *, run: ExtensionRun, now: datetime, due_at: datetime | None = None
) -> WebhookDelivery | None:
    """Write the announcement of a run's end, once per run; None where the run has no `webhookUrl`.

    due_at: when it goes out, if not at once: a request that still waits for the run may withdraw it until then.
    """
    if not run.webhook_url:
        return None
    due_at = due_at or now
    asset = Asset.objects.with_details().filter(pk=run.asset_id).first() if run.asset_id else None
    receiver = receiver_of(run.webhook_url)
    delivery = WebhookDelivery(
        message_id=new_message_id(),
        account_id=run.account_id,
        kind=WebhookDelivery.Kind.EXTENSION,
        event=run.extension,
        run_id=run.pk,
        file_id=run.file_id,
        url=run.webhook_url,
        receiver=receiver,
        body=encode(extension_body(run, wire.file_object(asset) if asset else None)),
        first_due_at=due_at,
        due_at=due_at,
        created_at=now,
    )
    turns.join_queue(QUEUE, [receiver], now=now)
    if due_at <= now:
        wake_for(delivery, now=now)
    delivery.save()
    return delivery


def publish_event(*, account_id: int, event: str, data: Callable[[], wire.Json | None], file_id: str = "") -> int:
    """Write one delivery for each endpoint of the account that is on and asks for the event; return how many.

    Call it in the transaction of the change. data: makes the event's `data`; called only where somebody listens, and
    it gives None where there is nothing to tell. The first question of a transaction costs one query, the others none.
    """
    endpoints = subscriptions.of(account_id, event)
    if not endpoints or (told := data()) is None:
        return 0
    now = clock.now()
    for endpoint in endpoints:
        delivery = event_delivery(endpoint, event, told, file_id=file_id, now=now)
        # One worker that was woken goes on until all is sent, however many events a transaction has.
        if subscriptions.is_first(account_id, delivery.receiver):
            turns.join_queue(QUEUE, [delivery.receiver], now=now)
            wake_for(delivery, now=now)
        delivery.save(force_insert=True)
    return len(endpoints)


def event_delivery(
    endpoint: WebhookEndpoint, event: str, data: wire.Json, *, file_id: str = "", now: datetime
) -> WebhookDelivery:
    """A delivery of an event to an endpoint, due at once, not saved."""
    message_id = new_message_id()
    return WebhookDelivery(
        message_id=message_id,
        account_id=endpoint.account_id,
        kind=WebhookDelivery.Kind.EVENT,
        event=event,
        endpoint=endpoint,
        file_id=file_id,
        url=endpoint.url,
        receiver=receiver_of(endpoint.url),
        body=encode(event_body(event, message_id=message_id, data=data, now=now)),
        first_due_at=now,
        due_at=now,
        created_at=now,
    )


def publish_test(*, endpoint: WebhookEndpoint, now: datetime) -> WebhookDelivery:
    """Write a delivery that tries an endpoint, on or off."""
    data = {"endpointId": endpoint.endpoint_id, "message": "A test of this endpoint. Nothing has happened."}
    delivery = event_delivery(endpoint, TEST, data, now=now)
    turns.join_queue(QUEUE, [delivery.receiver], now=now)
    wake_for(delivery, now=now)
    delivery.save(force_insert=True)
    return delivery


def withdraw_answered(*, runs: Iterable[UUID], now: datetime) -> None:
    """Take back announcements that wait for a request's end, because that request answers (architecture 4.6)."""
    untouched = WebhookDelivery.objects.filter(state=WebhookDelivery.State.PENDING, attempts_made=0, due_at__gt=now)
    untouched.filter(kind=WebhookDelivery.Kind.EXTENSION, run_id__in=list(runs)).delete()


def announced(runs: Iterable[UUID]) -> set[UUID]:
    """Those of the runs whose end is announced by webhook."""
    of_runs = WebhookDelivery.objects.filter(kind=WebhookDelivery.Kind.EXTENSION, run_id__in=list(runs))
    return {run_id for run_id in of_runs.values_list("run_id", flat=True) if run_id}


def wake_for(delivery: WebhookDelivery, *, now: datetime) -> None:
    """Wake a worker for a due delivery that is about to be saved.

    Not if its receiver fails: then the sweep lets it through in its turn. Deliveries for failing receivers do not
    count against the ceiling either, so that they keep nobody else waiting.
    """
    failing = Turn.objects.filter(queue=QUEUE, failures__gte=FAILURES_BEFORE_PAUSE)
    if not failing.filter(key=delivery.receiver).exists():
        others = WebhookDelivery.objects.open().exclude(receiver__in=failing.values("key"))
        wake_new(QUEUE, [delivery], others, now=now)


def receiver_of(url: str) -> str:
    """Scheme, host and port of a URL: what deliveries take turns by."""
    parts = urlsplit(url)
    port = parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
    return f"{parts.scheme}://{parts.hostname}:{port}"[:300]
