"""Write a delivery in the caller's transaction and wake a worker after its commit (REL J8, W1).

Runs call this when they end. The body is frozen here: every attempt and replay sends the same bytes.
"""

from datetime import datetime
from urllib.parse import urlsplit

from extensions import turns
from extensions.models import ExtensionRun, WebhookDelivery
from extensions.waking import wake_new
from extensions.webhooks.events import encode, extension_body
from extensions.webhooks.signing import new_message_id
from library import wire
from library.models import Asset

QUEUE = "webhooks"
DEFAULT_PORTS = {"http": 80, "https": 443}


def publish_extension_webhook(*, run: ExtensionRun, now: datetime) -> WebhookDelivery | None:
    """Write the announcement of a run's end, once per run; None where the run has no `webhookUrl`."""
    if not run.webhook_url:
        return None
    asset = Asset.objects.with_details().filter(pk=run.asset_id).first() if run.asset_id else None
    receiver = receiver_of(run.webhook_url)
    delivery = WebhookDelivery.objects.create(
        message_id=new_message_id(),
        account_id=run.account_id,
        kind=WebhookDelivery.Kind.EXTENSION,
        event=run.extension,
        run_id=run.pk,
        file_id=run.file_id,
        url=run.webhook_url,
        receiver=receiver,
        body=encode(extension_body(run, wire.file_object(asset) if asset else None)),
        first_due_at=now,
        due_at=now,
        created_at=now,
    )
    turns.join_queue(QUEUE, [receiver], now=now)
    fresh = WebhookDelivery.objects.filter(pk=delivery.pk)
    wake_new(QUEUE, fresh, WebhookDelivery.objects.open(), now=now)
    return delivery


def receiver_of(url: str) -> str:
    """Scheme, host and port of a URL: what deliveries take turns by."""
    parts = urlsplit(url)
    port = parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
    return f"{parts.scheme}://{parts.hostname}:{port}"[:300]
