"""Machine tags that wait for people, and their review: ours alone."""

from __future__ import annotations

from library.api.reviews import MOST_NAMES
from library.api.serializers import FILE_TYPES
from library.api.tag_filters import DEFAULT_LIMIT, LARGEST_SKIP, LONGEST_TEXT, MOST_LIMIT
from library.models import AITag
from library.services.reviews import MOST_IDS
from mediahub.lib.openapi.operations import Answer, Fault, Operation
from mediahub.lib.openapi.shapes import (
    OBJECT_ID_PATTERN,
    Shape,
    any_of,
    array,
    body,
    moment,
    nullable,
    number,
    object_id,
    one_of,
    record,
    ref,
    text,
    whole,
)

_TAG = "Review of AI tags"
_STATE = one_of(AITag.State.values)
_PER_CENT = number("With at most two decimals.", low=0, high=100)
_FILTER: dict[str, Shape] = {
    "state": text(f"Comma-separated, from {', '.join(AITag.State.values)}.", default=AITag.State.SUGGESTED.value),
    "name": text(most=LONGEST_TEXT),
    "source": text("The extension.", most=LONGEST_TEXT),
    "minConfidence": _PER_CENT,
    "maxConfidence": _PER_CENT,
    "fileId": text(pattern=OBJECT_ID_PATTERN),
    "path": text("Of one folder, without its subfolders."),
    "fileName": text("The exact name of the file."),
    "fileType": one_of(FILE_TYPES),
    "tags": text("Comma-separated: of files with any of these tags."),
    "searchQuery": text("As in `GET /v1/files`."),
}
_IN_BODY = {
    name: any_of(shape, text(least=1)) if name.endswith("Confidence") else {"minLength": 1, **shape}
    for name, shape in _FILTER.items()
}
_REVIEW = {
    **body(
        {
            "state": _STATE,
            "ids": array(text(pattern="^[0-9]{1,18}$"), "All of them, or none.", least=1, most=MOST_IDS),
            "filter": body(_IN_BODY, "As in the list.", closed=True),
        },
        required=("state",),
        closed=True,
    ),
    "oneOf": [{"required": ["ids"]}, {"required": ["filter"]}],
}

COMPONENTS: dict[str, Shape] = {
    "ReviewedTag": record(
        {
            "id": text(),
            "fileId": object_id(),
            "name": text(),
            "source": text(),
            "previousState": _STATE,
            "state": _STATE,
        },
        "A tag that a review was about.",
    ),
    "TagToReview": record(
        {
            "id": text(pattern="^[0-9]+$"),
            "name": text(),
            "confidence": number("Per cent, two decimals.", low=0, high=100),
            "state": _STATE,
            "source": text("The extension."),
            "provider": text(),
            "model": nullable(text()),
            "runId": nullable(text(format="uuid")),
            "fileId": object_id(),
            "filePath": text(pattern="^/"),
            "createdAt": moment(),
        },
        "A machine tag with the file that it is on.",
    ),
}

OPERATIONS: dict[str, Operation] = {
    "GET /api/ai-tags": Operation(
        id="listAITags",
        tag=_TAG,
        summary="Machine tags, newest files first, each file's surest tags first",
        query={
            **_FILTER,
            "limit": whole(low=1, high=MOST_LIMIT, default=DEFAULT_LIMIT),
            "skip": whole(low=0, high=LARGEST_SKIP, default=0),
        },
        answers={200: Answer("The page.", array(ref("TagToReview"), most=MOST_LIMIT))},
    ),
    "GET /api/ai-tags/counts": Operation(
        id="countAITags",
        tag=_TAG,
        summary="How many tags and files the filter chooses, and the commonest names",
        query=_FILTER,
        answers={
            200: Answer(
                "The counts.",
                record(
                    {
                        "tags": whole(low=0),
                        "files": whole(low=0),
                        "names": array(record({"name": text(), "count": whole(low=1)}), most=MOST_NAMES),
                    }
                ),
            )
        },
    ),
    "POST /api/ai-tags/review": Operation(
        id="reviewAITags",
        tag=_TAG,
        summary="Accept or reject tags, or take that back",
        body=_REVIEW,
        answers={
            200: Answer(
                "What was reviewed; `left`: how many of the filter's are to do.",
                record({"reviewed": array(ref("ReviewedTag")), "left": whole(low=0)}),
            )
        },
        faults={404: Fault("Some ids name no tag; `missingIds` lists them. Nothing was changed.")},
    ),
}
