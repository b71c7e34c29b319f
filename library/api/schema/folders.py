"""Folders, and jobs on whole trees (API 3.8)."""

from __future__ import annotations

from library.api.schema.moving import LOCKED, MISSING, path
from library.services.jobs.sizes import MAX_OBJECTS
from mediahub.lib.openapi.operations import Answer, Fault, Operation
from mediahub.lib.openapi.shapes import body, flag, record, ref

_TAG = "Folders"
_TREE = (*MISSING, "SOURCE_IS_ROOT", "TOO_MANY_OBJECTS", "INVALID_FOLDER_PATH")
_INTO = (*_TREE, "SAME_SOURCE_AND_DESTINATION", "INVALID_DESTINATION_PATH")
_LIMIT = f"At most {MAX_OBJECTS} nested files and folders."
_PLACE = {
    "sourceFolderPath": path("The folder."),
    "destinationPath": path("The folder to go into; made if it is missing."),
}
_PLACE_FAULTS = {
    400: Fault("The paths do not go together.", _INTO),
    404: Fault("There is nothing at the source path.", ("NO_FILES_FOLDER",)),
    423: LOCKED,
}

OPERATIONS: dict[str, Operation] = {
    "POST /v1/folder": Operation(
        id="createFolder",
        tag=_TAG,
        summary="Make a folder, with missing parents",
        description="A folder that is there already is no fault.",
        body=body(
            {
                "folderName": path("Characters other than letters, digits, `_` and `-` become `_`."),
                "parentFolderPath": path("`/` is the root."),
            },
            required=("folderName", "parentFolderPath"),
        ),
        answers={201: Answer("It is there.", record({}))},
        faults={400: Fault("The path cannot be meant.", (*MISSING, "INVALID_FOLDER_PATH")), 423: LOCKED},
    ),
    "DELETE /v1/folder": Operation(
        id="deleteFolder",
        tag=_TAG,
        summary="Delete a folder with all that is in it",
        description=f"{_LIMIT} A large tree goes on to vanish in the background.",
        body=body({"folderPath": path("The folder.")}, required=("folderPath",)),
        answers={204: Answer("It is gone, or going.")},
        faults={
            400: Fault("The path cannot be meant.", _TREE),
            404: Fault("There is no such folder.", ("FOLDER_NOT_FOUND",)),
            423: LOCKED,
        },
    ),
    "POST /v1/bulkJobs/copyFolder": Operation(
        id="copyFolder",
        tag=_TAG,
        summary="Copy a folder into another one",
        description=f"{_LIMIT} A job does it in the background.",
        body=body(
            {
                **_PLACE,
                "includeVersions": flag(default=False),
                "includeFileVersions": flag("The same, of older clients.", default=False),
            },
            required=tuple(_PLACE),
        ),
        answers={200: Answer("The job.", ref("JobStarted"))},
        faults=_PLACE_FAULTS,
    ),
    "POST /v1/bulkJobs/moveFolder": Operation(
        id="moveFolder",
        tag=_TAG,
        summary="Move a folder into another one",
        description=f"{_LIMIT} A job does it in the background.",
        body=body(_PLACE, required=tuple(_PLACE)),
        answers={200: Answer("The job.", ref("JobStarted"))},
        faults=_PLACE_FAULTS,
    ),
    "POST /v1/bulkJobs/renameFolder": Operation(
        id="renameFolder",
        tag=_TAG,
        summary="Rename a folder",
        description=f"{_LIMIT} A job does it in the background.",
        body=body(
            {
                "folderPath": path("The folder."),
                "newFolderName": path("As in `POST /v1/folder`."),
                "purgeCache": flag("Purge the URLs below it too.", default=False),
            },
            required=("folderPath", "newFolderName"),
        ),
        answers={202: Answer("The job.", ref("JobStarted"))},
        faults={
            400: Fault("The name cannot be meant.", (*_TREE, "SAME_SOURCE_AND_DESTINATION")),
            404: Fault("There is no such folder."),
            409: Fault("Another folder has the name."),
            423: LOCKED,
        },
    ),
    "GET /v1/bulkJobs/{jobId}": Operation(
        id="getBulkJob",
        tag=_TAG,
        summary="How far a job is",
        answers={200: Answer("The job.", ref("BulkJob"))},
        faults={404: Fault("There is no such job.")},
    ),
}
