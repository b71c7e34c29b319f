"""One file copied, moved, renamed; purges of caches (API 3.6, 3.9)."""

from __future__ import annotations

from library.api.bodies import MAX_TEXT
from library.services.account_urls import MAX_URL
from mediahub.lib.openapi.operations import Answer, Fault, Operation
from mediahub.lib.openapi.shapes import Shape, body, flag, object_id, one_of, record, text

_COPY = "Copy, move, rename"
NO_ROOM = Fault("The server has no room for the file.")
LOCKED = Fault("A job is at work on the folder. Try again when it has ended.")
MISSING = ("MISSING_PARAMETER", "INVALID_PARAMETER")
_PLACES = (*MISSING, "SAME_SOURCE_AND_DESTINATION", "VERSION_LIMIT_EXCEEDED", "INVALID_FOLDER_PATH")


def path(description: str) -> Shape:
    """A member that holds a path or a name."""
    return text(description, least=1, most=MAX_TEXT)


_PLACE = {
    "sourceFilePath": path("The file."),
    "destinationPath": path("The folder to go to; made if it is missing."),
}
_PLACE_FAULTS = {
    400: Fault("A parameter is missing, or source and destination do not go together.", _PLACES),
    404: Fault("There is no file at the source path.", ("SOURCE_FILE_MISSING",)),
    423: LOCKED,
}

OPERATIONS: dict[str, Operation] = {
    "POST /v1/files/copy": Operation(
        id="copyFile",
        tag=_COPY,
        summary="Copy a file into another folder",
        description="If a file of its name is there, the copy becomes its newest version.",
        body=body({**_PLACE, "includeFileVersions": flag(default=False)}, required=tuple(_PLACE)),
        answers={204: Answer("It is copied.")},
        faults={**_PLACE_FAULTS, 507: NO_ROOM},
    ),
    "POST /v1/files/move": Operation(
        id="moveFile",
        tag=_COPY,
        summary="Move a file into another folder, with all its versions",
        description="If a file of its name is there, the versions are appended to its own.",
        body=body(_PLACE, required=tuple(_PLACE)),
        answers={204: Answer("It is moved.")},
        faults=_PLACE_FAULTS,
    ),
    "PUT /v1/files/rename": Operation(
        id="renameFile",
        tag=_COPY,
        summary="Rename a file",
        body=body(
            {
                "filePath": path("The file."),
                "newFileName": path("Characters other than letters, digits, `.`, `_` and `-` become `_`."),
                "purgeCache": flag("Purge its URL too.", default=False),
            },
            required=("filePath", "newFileName"),
        ),
        answers={
            200: Answer("It has the name.", record({"purgeRequestId": object_id()}, optional=("purgeRequestId",)))
        },
        faults={
            400: Fault("The name cannot be meant.", (*MISSING, "SAME_OLD_AND_NEW_NAME")),
            404: Fault("There is no file at this path.", ("FILE_MISSING",)),
            409: Fault("Another file has the name.", ("FILE_ALREADY_EXISTS",)),
        },
    ),
    "POST /v1/files/purge": Operation(
        id="purgeCache",
        tag="Cache",
        summary="Drop a URL from caches",
        description="Fulfilled at once, since no CDN stands before this server.",
        body=body({"url": text("With `*` at its end: all below.", least=1, most=MAX_URL)}, required=("url",)),
        answers={201: Answer("It is taken.", record({"requestId": object_id()}))},
        faults={400: Fault("The URL is none of this account's files.")},
    ),
    "GET /v1/files/purge/{requestId}": Operation(
        id="getPurge",
        tag="Cache",
        summary="How far a purge is",
        answers={200: Answer("The purge.", record({"status": one_of(("Pending", "Completed"))}))},
        faults={400: Fault("There is no such purge request.")},
    ),
}
