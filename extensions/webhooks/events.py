"""The bodies of webhooks and the types of events: pure builders over plain values and wire objects (API 5.1, 5.2)."""

import json
from datetime import datetime
from typing import Any

from extensions.models import ExtensionRun
from library import wire

EMITTED = (
    "file.created",
    "file.updated",
    "file.deleted",
    "file-version.created",
    "file-version.deleted",
    "folder.created",
    "folder.updated",
    "folder.deleted",
)
"""What MediaHub sends to endpoints that ask for it."""

NEVER_EMITTED = (
    "upload.pre-transform.success",
    "upload.pre-transform.error",
    "upload.post-transform.success",
    "upload.post-transform.error",
    "video.transformation.accepted",
    "video.transformation.ready",
    "video.transformation.error",
)
"""Types of ImageKit's that clients may ask for although nothing here ever causes them."""

EVENT_TYPES = EMITTED + NEVER_EMITTED
TEST = "webhook.test"
"""Type of the delivery by which an owner tries an endpoint; every endpoint gets it, no receiver need know it."""


def encode(body: dict[str, Any]) -> bytes:
    """JSON as it is sent and signed: UTF-8, no blanks."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def extension_body(run: ExtensionRun, file_object: dict[str, Any] | None) -> dict[str, Any]:
    """What `webhookUrl` receives at the end of a run.

    SUCCESS: `service`, `status`, `fileObject` (Get File Details at this moment), and, for a result that became no
    current version because the asset had moved on, `versionId` with `isCurrent` false.
    FAILURE: `service`, `status`, `fileId`, `error` with `code` and `message`.
    """
    if run.state == ExtensionRun.State.SUCCEEDED and file_object is not None:
        body: dict[str, Any] = {"service": run.extension, "status": "SUCCESS", "fileObject": file_object}
        if run.result_is_current is False:
            body |= {"versionId": run.result_version_id, "isCurrent": False}
        return body
    return {
        "service": run.extension,
        "status": "FAILURE",
        "fileId": run.file_id,
        "error": {"code": run.error_code, "message": run.error_message},
    }


def event_body(event: str, *, message_id: str, data: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The envelope of an event: `type`, `id` (the message id, the same on every attempt), `created_at`, `data`."""
    return {"type": event, "id": message_id, "created_at": wire.iso(now), "data": data}
