"""The bodies of webhooks: pure builders over plain values and wire objects (API 5.1)."""

import json
from typing import Any

from extensions.models import ExtensionRun


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
