"""Runs and estimates: ours alone."""

from __future__ import annotations

from extensions.api.estimates import MOST_IDS
from extensions.api.schema.blocks import EXTENSIONS
from extensions.catalog import CATALOG
from extensions.filters import MOST_TAGS
from extensions.models import ExtensionRun
from extensions.runs.selecting import DEFAULT, LARGEST_SKIP, MOST
from library.api.serializers import FILE_TYPES
from mediahub.lib.openapi.operations import Answer, Fault, Operation
from mediahub.lib.openapi.shapes import (
    OBJECT_ID_PATTERN,
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

_TAG = "Runs"
_COUNT = whole(low=0)
FILTER = body(
    {
        "path": text("Of one folder, without its subfolders.", least=1),
        "name": text("The exact name. Not beside `searchQuery`.", least=1),
        "fileType": one_of(FILE_TYPES, default="all"),
        "type": one_of(("file",)),
        "searchQuery": text("As in `GET /v1/files`.", least=1),
        "tags": any_of(
            text("Comma-separated.", least=1),
            array(text(), least=1, most=MOST_TAGS),
            description="With any of these tags. Not beside `searchQuery`.",
        ),
    },
    "The files that `GET /v1/files` would list.",
    closed=True,
)
_ESTIMATE = {
    **body(
        {
            "fileIds": array(text(), "Repeats count once.", least=1, most=MOST_IDS),
            "filter": FILTER,
            "extensions": {**EXTENSIONS, "minItems": 1},
        },
        required=("extensions",),
        closed=True,
    ),
    "oneOf": [{"required": ["fileIds"]}, {"required": ["filter"]}],
}

COMPONENTS: dict[str, Shape] = {
    "Run": record(
        {
            "id": text(format="uuid"),
            "extension": one_of(CATALOG),
            "fileId": object_id(),
            "versionId": object_id(),
            "state": one_of(ExtensionRun.State.values),
            "status": one_of(("pending", "success", "failed"), "ImageKit's word for the state."),
            "params": mapping(True),
            "provider": nullable(text()),
            "model": nullable(text()),
            "attempts": _COUNT,
            "units": whole("Its price.", low=0),
            "unitsCharged": whole("0 unless it succeeded.", low=0),
            "error": nullable(record({"code": text(), "message": text()})),
            "lastError": nullable(text("Of the latest attempt, while it is tried again.")),
            "resultVersionId": nullable(object_id()),
            "resultIsCurrent": nullable(flag("False: the file had moved on.")),
            "ignoredOptions": array(text(), "Options that the provider does not know."),
            "webhookUrl": nullable(text()),
            "retryOf": nullable(text(format="uuid")),
            "backfillId": nullable(object_id("The backfill that asked for it.")),
            "createdAt": moment(),
            "startedAt": nullable(moment()),
            "finishedAt": nullable(moment()),
            "nextAttemptAt": nullable(moment()),
        },
        "One extension on one version of a file.",
    ),
    "Estimate": record(
        {
            "files": _COUNT,
            "runs": _COUNT,
            "units": _COUNT,
            "byExtension": array(
                record({"name": one_of(CATALOG), "runs": _COUNT, "unitsEach": _COUNT, "units": _COUNT})
            ),
            "skipped": array(record({"reason": text(), "count": _COUNT}), "Files on which an extension would not run."),
            "available": whole("Units that are left this month."),
            "enough": flag(),
        },
        "What extensions on many files would cost.",
    ),
}

OPERATIONS: dict[str, Operation] = {
    "GET /api/runs": Operation(
        id="listRuns",
        tag=_TAG,
        summary="Runs, newest first",
        query={
            "state": text(f"Comma-separated, from {', '.join(ExtensionRun.State.values)}."),
            "extension": text("Its name."),
            "fileId": text(pattern=OBJECT_ID_PATTERN),
            "backfill": text("Of one backfill.", pattern=OBJECT_ID_PATTERN),
            "since": text("ISO 8601; UTC unless it says otherwise."),
            "limit": whole(low=1, high=MOST, default=DEFAULT),
            "skip": whole(low=0, high=LARGEST_SKIP, default=0),
        },
        answers={200: Answer("The page.", array(ref("Run"), most=MOST))},
    ),
    "GET /api/runs/{runId}": Operation(
        id="getRun", tag=_TAG, summary="One run", answers={200: Answer("The run.", ref("Run"))}
    ),
    "POST /api/runs/{runId}/cancel": Operation(
        id="cancelRun",
        tag=_TAG,
        summary="End an open run and give its units back",
        body=body({}),
        answers={200: Answer("The run.", ref("Run"))},
        faults={409: Fault("It has ended.")},
    ),
    "POST /api/runs/{runId}/retry": Operation(
        id="retryRun",
        tag=_TAG,
        summary="The same work again, as a new run on the current version",
        body=body({}),
        answers={201: Answer("The new run.", ref("Run"))},
        faults={409: Fault("It has not ended, or the file is gone.")},
    ),
    "POST /api/estimates": Operation(
        id="estimate",
        tag=_TAG,
        summary="What extensions on files would cost",
        description="Writes nothing. Send either `fileIds` or `filter`.",
        body=_ESTIMATE,
        answers={200: Answer("The estimate.", ref("Estimate"))},
        faults={404: Fault("Some ids name no file; `missingFileIds` lists them.")},
    ),
}
