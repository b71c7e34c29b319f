"""Extensions on all files that a filter chooses, and the catalogue: ours alone."""

from __future__ import annotations

from extensions.api.schema.blocks import EXTENSIONS
from extensions.api.schema.runs import FILTER
from extensions.backfills.selecting import DEFAULT, LARGEST_SKIP, MOST
from extensions.backfills.services import LARGEST_LIMIT, MOST_UNFINISHED
from extensions.catalog import CATALOG
from extensions.models import Backfill
from mediahub.lib.openapi.operations import Answer, Fault, Operation
from mediahub.lib.openapi.shapes import (
    Shape,
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

_TAG = "Backfills"
_COUNT = whole(low=0)
_LIMIT = nullable(whole("Units that it may spend; null: what the account has.", low=0, high=LARGEST_LIMIT))
_SKIPPED = array(record({"reason": text(), "count": _COUNT}))
_RUNS = ("requested", "open", "succeeded", "failed", "cancelled")

COMPONENTS: dict[str, Shape] = {
    "Backfill": record(
        {
            "id": object_id(),
            "state": one_of(Backfill.State.values),
            "extensions": array(mapping(True), "As they were asked for."),
            "filter": mapping(text(), "As parameters of `GET /v1/files`."),
            "skipDone": flag("Files on which the extension has succeeded are passed over."),
            "unitLimit": nullable(_COUNT),
            "webhookUrl": nullable(text()),
            "percent": nullable({"type": "number", "minimum": 0, "maximum": 100}),
            "files": record({"found": nullable(_COUNT), "lookedAt": _COUNT}),
            "runs": record(dict.fromkeys(_RUNS, _COUNT), "Each counted by its latest try."),
            "skipped": _SKIPPED,
            "units": record({"spent": _COUNT, "held": _COUNT}),
            "reason": nullable(record({"code": text(), "message": text()}, "Why it stopped.")),
            "requestedBy": nullable(text()),
            "createdAt": moment(),
            "finishedAt": nullable(moment()),
        },
        "Extensions on all files that a filter chooses.",
    ),
    "Catalogue": record(
        {
            "extensions": array(
                record(
                    {
                        "name": one_of(CATALOG),
                        "title": text(),
                        "writes": text(),
                        "units": _COUNT,
                        "mode": one_of(("synchronous-first", "asynchronous")),
                        "acceptsAnimated": flag(),
                        "makesVersion": flag(),
                        "available": flag(),
                        "parameters": mapping(True, "JSON Schema of the block's parameters."),
                        "providers": array(
                            record(
                                {
                                    "slug": text(),
                                    "title": text(),
                                    "runsLocally": flag(),
                                    "available": flag(),
                                    "reason": nullable(text("Why it is not available.")),
                                    "pausedUntil": nullable(moment("It failed lately.")),
                                }
                            )
                        ),
                    }
                )
            ),
            "saved": array(
                record(
                    {
                        "name": {"const": "saved-extension"},
                        "id": text(),
                        "title": text(),
                        "extension": text(),
                        "units": nullable(_COUNT),
                    }
                )
            ),
            "unitsAvailable": whole(),
        },
        "What can be asked for.",
    ),
}


def _act(name: str, summary: str, why_not: str, taken: Shape) -> Operation:
    return Operation(
        id=f"{name}Backfill",
        tag=_TAG,
        summary=summary,
        body=taken,
        answers={200: Answer("The backfill.", ref("Backfill"))},
        faults={409: Fault(why_not)},
    )


OPERATIONS: dict[str, Operation] = {
    "GET /api/extensions": Operation(
        id="listExtensions",
        tag="Runs",
        summary="The catalogue: parameters, units and providers of each extension",
        answers={200: Answer("The catalogue.", ref("Catalogue"))},
    ),
    "GET /api/backfills": Operation(
        id="listBackfills",
        tag=_TAG,
        summary="Backfills, newest first",
        query={
            "state": text(f"Comma-separated, from {', '.join(Backfill.State.values)}."),
            "limit": whole(low=1, high=MOST, default=DEFAULT),
            "skip": whole(low=0, high=LARGEST_SKIP, default=0),
        },
        answers={200: Answer("The page.", array(ref("Backfill"), most=MOST))},
    ),
    "POST /api/backfills": Operation(
        id="createBackfill",
        tag=_TAG,
        summary=f"Begin one; {MOST_UNFINISHED} of an account may be unfinished",
        body=body(
            {
                "extensions": {**EXTENSIONS, "minItems": 1},
                "filter": FILTER,
                "skipDone": flag(default=True),
                "unitLimit": _LIMIT,
                "webhookUrl": nullable(text()),
                "dryRun": flag("Only estimate.", default=False),
            },
            required=("extensions", "filter"),
            closed=True,
        ),
        answers={200: Answer("Of a dry run.", ref("Estimate")), 201: Answer("The backfill.", ref("Backfill"))},
        faults={409: Fault("The account has too many that are unfinished.")},
    ),
    "GET /api/backfills/{backfillId}": Operation(
        id="getBackfill", tag=_TAG, summary="One", answers={200: Answer("The backfill.", ref("Backfill"))}
    ),
    "POST /api/backfills/{backfillId}/pause": _act(
        "pause", "Ask for no more runs; those asked for go on", "It is not at work.", body({})
    ),
    "POST /api/backfills/{backfillId}/resume": _act(
        "resume", "Go on", "It is not paused.", body({"unitLimit": _LIMIT}, closed=True)
    ),
    "POST /api/backfills/{backfillId}/cancel": _act(
        "cancel", "End it and the runs that nobody has begun", "It has ended.", body({})
    ),
    "POST /api/backfills/{backfillId}/retry": _act(
        "retry", "Try the runs again that have failed", "Nothing has failed.", body({})
    ),
}
