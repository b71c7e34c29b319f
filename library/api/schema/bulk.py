"""Many files at once (API 3.6)."""

from __future__ import annotations

from library.api.serializers import MAX_AI_TAG_CHARACTERS, MAX_AI_TAG_NAMES
from library.names import MAX_TAG_CHARACTERS
from library.services.bulk import MAX_DELETED, MAX_TAGGED
from mediahub.lib.openapi.operations import Answer, Fault, Operation
from mediahub.lib.openapi.shapes import Shape, array, body, object_id, record, text

_UNKNOWN = {404: Fault("At least one id names no file; `missingFileIds` lists them. Nothing was changed.")}
_TAGS = array(text(least=1), f"At most {MAX_TAG_CHARACTERS} characters in all, without %.", least=1)
_AI_TAGS = array(
    text(most=MAX_AI_TAG_CHARACTERS), "Names, whatever extension they come from.", least=1, most=MAX_AI_TAG_NAMES
)


def _ids(most: int) -> Shape:
    return array(object_id(), "Repeats count once.", least=1, most=most)


def _done(member: str, *, in_part: bool = False) -> Shape:
    done = array(object_id(), "Files that were changed.")
    if not in_part:
        return record({member: done})
    errors = array(record({"fileId": object_id(), "error": text()}), "Files that were not, and why.", least=1)
    return record({member: done, "errors": errors})


def _tagging(name: str, summary: str, member: str, tags: Shape) -> Operation:
    updated = "successfullyUpdatedFileIds"
    return Operation(
        id=name,
        tag="Bulk operations",
        summary=summary,
        body=body({"fileIds": _ids(MAX_TAGGED), member: tags}, required=("fileIds", member)),
        answers={
            200: Answer("All were changed.", _done(updated)),
            207: Answer("Some were changed.", _done(updated, in_part=True)),
        },
        faults=_UNKNOWN,
    )


OPERATIONS: dict[str, Operation] = {
    "POST /v1/files/batch/deleteByFileIds": Operation(
        id="deleteFiles",
        tag="Bulk operations",
        summary="Delete files",
        body=body({"fileIds": _ids(MAX_DELETED)}, required=("fileIds",)),
        answers={
            200: Answer("All are gone.", _done("successfullyDeletedFileIds")),
            207: Answer("Some are gone.", _done("successfullyDeletedFileIds", in_part=True)),
        },
        faults=_UNKNOWN,
    ),
    "POST /v1/files/addTags": _tagging("addTags", "Add tags to files", "tags", _TAGS),
    "POST /v1/files/removeTags": _tagging("removeTags", "Remove tags from files", "tags", _TAGS),
    "POST /v1/files/removeAITags": _tagging("removeAITags", "Remove machine tags from files", "AITags", _AI_TAGS),
}
