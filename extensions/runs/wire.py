"""A run as a JSON object of our own API, for `/api/runs` and `manage.py runs`; docs/runs.md lists its members."""

from typing import Any

from extensions.models import ExtensionRun
from library.wire import iso


def run_object(run: ExtensionRun) -> dict[str, Any]:
    """The run's rows in words: what was asked, how far it is, who did it, what it cost and why it failed."""
    succeeded = run.state == ExtensionRun.State.SUCCEEDED
    return {
        "id": str(run.pk),
        "extension": run.extension,
        "fileId": run.file_id,
        "versionId": run.version_id,
        "state": run.state,
        "status": run.wire_status,
        "params": run.params,
        "provider": run.provider or None,
        "model": run.model or None,
        "attempts": run.attempts,
        "units": run.units,
        "unitsCharged": run.units if succeeded else 0,
        "error": {"code": run.error_code, "message": run.error_message} if run.error_code else None,
        "lastError": run.last_error or None,
        "resultVersionId": run.result_version_id or None,
        "resultIsCurrent": run.result_is_current,
        "ignoredOptions": run.ignored_options,
        "webhookUrl": run.webhook_url or None,
        "backfillId": run.backfill.backfill_id if run.backfill else None,
        "retryOf": str(run.retry_of_id) if run.retry_of_id else None,
        "createdAt": iso(run.created_at),
        "startedAt": iso(run.started_at) if run.started_at else None,
        "finishedAt": iso(run.finished_at) if run.finished_at else None,
        "nextAttemptAt": iso(run.due_at) if run.state == ExtensionRun.State.QUEUED else None,
    }
