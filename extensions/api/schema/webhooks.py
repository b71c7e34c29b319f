"""Webhooks: endpoints (API 5.2), the log of deliveries, and what receivers get (API 5.1, 5.2)."""

from __future__ import annotations

from extensions.api.deliveries import LARGEST_ID, MOST_ROWS
from extensions.api.webhooks import MASKED
from extensions.catalog import CATALOG
from extensions.models import WebhookDelivery
from extensions.webhooks.endpoints import MOST_ENDPOINTS, MOST_URL_BYTES
from extensions.webhooks.events import EMITTED, EVENT_TYPES, TEST
from extensions.webhooks.services import MOST_REPLAYED_AT_ONCE
from mediahub.lib.openapi.operations import JSON, Answer, Fault, Operation, Rendered
from mediahub.lib.openapi.shapes import (
    Shape,
    any_of,
    array,
    body,
    flag,
    mapping,
    moment,
    nullable,
    object_id,
    one_of,
    record,
    ref,
    text,
    whole,
)

_TAG, _LOG = "Webhooks", "Webhook deliveries"
_CHANGES: dict[str, Shape] = {
    "endpoint": text("Of one webhook at a time.", least=1, most=MOST_URL_BYTES, format="uri"),
    "events": array(one_of(EVENT_TYPES), f"Sent are {', '.join(EMITTED)}.", least=1, most=len(EVENT_TYPES)),
    "enabled": flag(default=True),
}
_ENDPOINT_ID = text("A webhook of the account.", least=1)
_FINISHED = Fault("It is still being tried, or is too old.")
_SHORT: dict[str, Shape] = {
    "id": text(pattern="^[0-9]+$"),
    "webhookId": text("The `webhook-id` header, the same on every attempt."),
    "kind": one_of(WebhookDelivery.Kind.values),
    "event": text("The extension's name, or the event's type.", examples=["remove-bg", *EMITTED[:1], TEST]),
    "endpointId": nullable(text()),
    "runId": nullable(text(format="uuid")),
    "fileId": nullable(object_id()),
    "url": text(),
    "receiver": text("Scheme, host and port."),
    "state": one_of(WebhookDelivery.State.values),
    "attemptsMade": whole(low=0),
    "lastStatus": nullable(whole()),
    "lastReason": nullable(text()),
    "createdAt": moment(),
    "nextAttemptAt": nullable(moment()),
    "finishedAt": nullable(moment()),
}
_ATTEMPT = record(
    {
        "number": whole(low=1),
        "startedAt": moment(),
        "durationMs": nullable(whole(low=0)),
        "address": nullable(text("The address that was called.")),
        "status": nullable(whole()),
        "reason": nullable(text("Why it failed; null for a success.")),
        "answer": text("The beginning of the receiver's answer."),
        "location": nullable(text("Of a redirect, which is not followed.")),
    }
)

COMPONENTS: dict[str, Shape] = {
    "WebhookEndpoint": record(
        {
            "id": text(),
            "endpoint": text(),
            "events": array(text()),
            "enabled": flag("False also once it failed for days."),
            "secret": text(f"`{MASKED}` for a key that may only read.", pattern="^whsec_"),
            "createdAt": moment(),
            "updatedAt": moment(),
        },
        "An account's endpoint for events.",
    ),
    "Delivery": record(_SHORT, "One body for one receiver."),
    "WholeDelivery": record(
        {**_SHORT, "body": nullable(text("Null once it was erased.")), "attempts": array(_ATTEMPT)},
        "A delivery with its body and every attempt.",
    ),
}

OPERATIONS: dict[str, Operation] = {
    "GET /v1/accounts/webhooks": Operation(
        id="listWebhooks",
        tag=_TAG,
        summary="All of the account",
        answers={200: Answer("The webhooks.", array(ref("WebhookEndpoint"), most=MOST_ENDPOINTS))},
    ),
    "POST /v1/accounts/webhooks": Operation(
        id="createWebhook",
        tag=_TAG,
        summary=f"Make one; an account may have {MOST_ENDPOINTS}",
        body=body(_CHANGES, required=("endpoint", "events")),
        answers={201: Answer("The webhook with its secret.", ref("WebhookEndpoint"))},
    ),
    "GET /v1/accounts/webhooks/{endpointId}": Operation(
        id="getWebhook", tag=_TAG, summary="One", answers={200: Answer("The webhook.", ref("WebhookEndpoint"))}
    ),
    "PATCH /v1/accounts/webhooks/{endpointId}": Operation(
        id="updateWebhook",
        tag=_TAG,
        summary="Change one; `events` replaces the whole list",
        body=body(_CHANGES),
        answers={200: Answer("The webhook.", ref("WebhookEndpoint"))},
    ),
    "DELETE /v1/accounts/webhooks/{endpointId}": Operation(
        id="deleteWebhook", tag=_TAG, summary="Delete one", answers={204: Answer("It is gone.")}
    ),
    "GET /api/webhook-deliveries": Operation(
        id="listDeliveries",
        tag=_LOG,
        summary="The log, newest first",
        query={
            "state": one_of(WebhookDelivery.State.values),
            "receiver": text("Scheme, host and port, or any URL there."),
            "event": text(),
            "since": text("ISO 8601."),
            "before": whole("Go on from this id; `before` of the page.", low=1, high=LARGEST_ID),
            "limit": whole(low=1, high=MOST_ROWS, default=20),
        },
        answers={
            200: Answer(
                "A page.", record({"deliveries": array(ref("Delivery"), most=MOST_ROWS), "before": nullable(text())})
            )
        },
    ),
    "GET /api/webhook-deliveries/{deliveryId}": Operation(
        id="getDelivery", tag=_LOG, summary="One", answers={200: Answer("The delivery.", ref("WholeDelivery"))}
    ),
    "POST /api/webhook-deliveries/{deliveryId}/replay": Operation(
        id="replayDelivery",
        tag=_LOG,
        summary="Send one again: the same id, the same body",
        body=body({}),
        answers={202: Answer("It will be sent.", ref("Delivery"))},
        faults={409: _FINISHED},
    ),
    "POST /api/webhook-deliveries/replay": Operation(
        id="replayDeliveries",
        tag=_LOG,
        summary=f"Send all of a receiver's again, {MOST_REPLAYED_AT_ONCE} at once",
        body=body(
            {
                "receiver": text("Scheme, host and port, or any URL there.", least=1),
                "since": text("ISO 8601.", least=1),
                "onlyFailed": flag(default=False),
                "dryRun": flag("Only count.", default=False),
                "after": text("`after` of the answer before.", pattern="^[0-9]{1,19}$"),
            },
            required=("receiver", "since"),
        ),
        answers={
            200: Answer(
                "Of a dry run.", record({"count": whole(low=0), "dryRun": {"const": True}, "after": {"type": "null"}})
            ),
            202: Answer(
                "They will be sent.",
                record({"count": whole(low=0), "dryRun": {"const": False}, "after": nullable(text("Go on with it."))}),
            ),
        },
    ),
    "POST /api/webhook-deliveries/test": Operation(
        id="testWebhook",
        tag=_LOG,
        summary="Send something harmless to an endpoint",
        body=body({"endpointId": _ENDPOINT_ID}, required=("endpointId",)),
        answers={202: Answer("It will be sent.", ref("Delivery"))},
        faults={404: Fault("There is no such webhook.")},
    ),
    "POST /api/webhook-secrets/rotate": Operation(
        id="rotateWebhookSecret",
        tag=_LOG,
        summary="A new secret; the old one signs beside it for a while",
        body=body({"endpointId": text("Without it: the secret of `webhookUrl` calls.", least=1)}),
        answers={200: Answer("The new secret.", record({"secret": text(pattern="^whsec_")}))},
        faults={404: Fault("There is no such webhook.")},
    ),
}

_EXTENSION_FINISHED = any_of(
    record(
        {
            "service": one_of(CATALOG),
            "status": {"const": "SUCCESS"},
            "fileObject": ref("File"),
            "versionId": object_id("Of a result that did not become current, since the file had moved on."),
            "isCurrent": {"const": False},
        },
        optional=("versionId", "isCurrent"),
    ),
    record(
        {
            "service": one_of(CATALOG),
            "status": {"const": "FAILURE"},
            "fileId": object_id(),
            "error": record({"code": text(), "message": text()}),
        }
    ),
)
_EVENT = record(
    {
        "type": one_of((*EMITTED, TEST)),
        "id": text("The same on every attempt."),
        "created_at": moment(),
        "data": any_of(
            ref("File"), ref("Folder"), mapping(True, "`fileId`, `versionId` or `folderId` of what is gone.")
        ),
    }
)


def _webhook(name: str, summary: str, shape: Shape, success: str) -> Rendered:
    content = {JSON: {"schema": shape}}
    call = {
        "operationId": name,
        "tags": [_TAG],
        "summary": summary,
        "requestBody": {"required": True, "content": content},
        "responses": {
            success: {"description": "It is taken. Any other answer, and none within the time limit, is not."}
        },
    }
    return {"post": call}


WEBHOOKS: dict[str, Rendered] = {
    "extensionFinished": _webhook(
        "extensionFinished", "An extension has ended; sent to `webhookUrl`", _EXTENSION_FINISHED, "200"
    ),
    "event": _webhook("event", "Something happened; sent to the account's webhooks", _EVENT, "2XX"),
}
