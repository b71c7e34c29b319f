"""A delivery as JSON, for the API of deliveries and the command `webhooks`. Ours alone: ImageKit has no such thing."""

from extensions.models import WebhookDelivery
from library.wire import Json, iso


def delivery_object(delivery: WebhookDelivery) -> Json:
    """A delivery without its body, for lists. Come with `endpoint`."""
    return {
        "id": str(delivery.pk),
        "webhookId": delivery.message_id,
        "kind": delivery.kind,
        "event": delivery.event,
        "endpointId": delivery.endpoint.endpoint_id if delivery.endpoint else None,
        "runId": str(delivery.run_id) if delivery.run_id else None,
        "fileId": delivery.file_id or None,
        "url": delivery.url,
        "receiver": delivery.receiver,
        "state": delivery.state,
        "attemptsMade": delivery.attempts_made,
        "lastStatus": delivery.last_status,
        "lastReason": delivery.last_reason or None,
        "createdAt": iso(delivery.created_at),
        "nextAttemptAt": None if delivery.finished_at else iso(delivery.due_at),
        "finishedAt": iso(delivery.finished_at) if delivery.finished_at else None,
    }


def whole_delivery(delivery: WebhookDelivery) -> Json:
    """A delivery with its body, null once that was erased, and every attempt."""
    body = None if delivery.body_erased_at else bytes(delivery.body).decode(errors="replace")
    attempts = [
        {
            "number": attempt.number,
            "startedAt": iso(attempt.started_at),
            "durationMs": attempt.duration_ms,
            "address": attempt.address or None,
            "status": attempt.status,
            "reason": attempt.reason or None,
            "answer": attempt.answer,
            "location": attempt.location or None,
        }
        for attempt in delivery.attempts.all()
    ]
    return delivery_object(delivery) | {"body": body, "attempts": attempts}
