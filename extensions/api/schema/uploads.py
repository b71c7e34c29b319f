"""Upload, v1 and v2, and the update of details, which take extensions (API section 2, 3.5)."""

from __future__ import annotations

from extensions.api.schema.blocks import EXTENSIONS
from library.api.schema.files import NO_FILE
from library.api.schema.moving import NO_ROOM
from library.api.schema.objects import FILE, UPLOADED
from library.api.serializers import MAX_AI_TAG_NAMES, MAX_DESCRIPTION
from library.names import MAX_DEPTH, MAX_TAG_CHARACTERS
from library.wire import RESPONSE_FIELDS
from mediahub.lib.openapi.operations import Answer, Fault, Operation
from mediahub.lib.openapi.shapes import (
    Shape,
    any_of,
    array,
    body,
    extended,
    flag,
    json_text,
    mapping,
    nullable,
    one_of,
    ref,
    text,
)

_URL = text("URL that is called at the end of each extension; see the webhook `extensionFinished`.")
_METADATA = mapping(nullable(ref("CustomMetadataValue")), "By the names of the account's fields.")
_TRANSFORMATION = body(
    {
        "pre": text("Applied to the image before it is stored: `w`, `h`, `c`, `q`, `f`, `bl`.", least=1),
        "post": array(mapping(True), "Not on this server: a 400 unless it is empty.", most=5),
    },
    closed=True,
)


def _switch(description: str, *, default: bool) -> Shape:
    return one_of(("true", "false"), description, default="true" if default else "false")


_FIELDS: dict[str, Shape] = {
    "file": text("The bytes, in a part with a file name; or as text the URL or the base64 of a file.", format="binary"),
    "fileName": text("Characters other than letters, digits, `.` and `-` become `_`.", least=1),
    "useUniqueFileName": _switch(
        "Put a random suffix before the extension. False: an existing file gets a version.", default=True
    ),
    "overwriteFile": _switch("False, with a name that is taken: a 400.", default=True),
    "overwriteAITags": _switch("False: a file that is overwritten keeps its machine tags.", default=True),
    "overwriteTags": _switch("False: a file that is overwritten keeps its tags, if none are given.", default=True),
    "overwriteCustomMetadata": _switch("False: it keeps its custom metadata, if none is given.", default=True),
    "tags": text(f"Comma-separated; {MAX_TAG_CHARACTERS} characters in all, without %."),
    "folder": text(f"Made if it is missing; at most {MAX_DEPTH} levels.", default="/"),
    "isPrivateFile": _switch("Served by a signed URL only.", default=False),
    "isPublished": _switch("False: a draft.", default=True),
    "customCoordinates": text("`x,y,width,height`; images only.", examples=["10,20,300,200"]),
    "responseFields": text(f"Comma-separated, from {', '.join(RESPONSE_FIELDS)}."),
    "extensions": json_text(EXTENSIONS, "To be run once the file is stored; JSON."),
    "webhookUrl": _URL,
    "customMetadata": json_text(_METADATA, "JSON."),
    "transformation": json_text(_TRANSFORMATION, "JSON."),
    "checks": text(
        "An expression that must be true of the file, in the operators of `searchQuery`; else a 400.",
        examples=['"file.size" < "3mb" AND "mediaMetadata.width" >= 640'],
    ),
    "description": text(most=MAX_DESCRIPTION),
}
_BY_SIGNATURE: dict[str, Shape] = {
    "token": text("In place of a private key: a text that is used once."),
    "expire": text("Unix seconds, less than an hour ahead.", pattern="^[0-9]+$"),
    "signature": text("HMAC-SHA1 of token and expire by the private key, in hexadecimal.", pattern="^[0-9a-fA-F]{40}$"),
    "publicKey": text("Says which private key has signed."),
}
_BY_TOKEN: dict[str, Shape] = {
    "token": text("In place of a private key: a JSON Web Token (HS256) of every other field except file, used once."),
}
_FAULTS = {
    400: Fault(
        "A field is wrong; `field` names it. Or the extension units do not suffice. Nothing was stored.",
        ("INVALID_FOLDER_PATH", "VERSION_LIMIT_EXCEEDED"),
    ),
    507: NO_ROOM,
}
_ANSWERS = {200: Answer("The file is stored.", ref("UploadedFile"))}
_REPEATS = (
    "SDKs send an upload again when its answer is late. A repeat that says so (`x-stainless-retry-count`) gets the "
    "first one's answer and stores nothing."
)

_CHANGES: dict[str, Shape] = {
    "removeAITags": any_of(
        {"const": "all"}, array(text(), most=MAX_AI_TAG_NAMES), description="Done before any extension."
    ),
    "tags": nullable(array(text(), "Instead of those that are there; null: none.")),
    "customCoordinates": nullable(text("Null: none.", examples=["10,20,300,200"])),
    "customMetadata": mapping(nullable(ref("CustomMetadataValue")), "Merged key by key; null unsets one."),
    "description": nullable(text("Null: none.", most=MAX_DESCRIPTION)),
    "extensions": any_of(EXTENSIONS, {"type": "null"}, text("The same as JSON; blank: none.")),
    "webhookUrl": nullable(text("Called at the end of each extension.")),
    "publish": body(
        {"isPublished": flag(), "includeFileVersions": flag("All versions, not the current one only.", default=False)},
        required=("isPublished",),
    ),
}

COMPONENTS: dict[str, Shape] = {
    "UploadedFile": extended(UPLOADED, {"extensionStatus": ref("ExtensionStatus")}, optional=("extensionStatus",)),
    "UpdatedFile": extended(FILE, {"extensionStatus": ref("ExtensionStatus")}, optional=("extensionStatus",)),
}

OPERATIONS: dict[str, Operation] = {
    "POST /api/v1/files/upload": Operation(
        id="uploadFile",
        tag="Uploads",
        summary="Upload a file",
        description=_REPEATS,
        form=body({**_FIELDS, **_BY_SIGNATURE}, required=("file", "fileName")),
        answers=_ANSWERS,
        faults=_FAULTS,
        by_form=True,
    ),
    "POST /api/v2/files/upload": Operation(
        id="uploadFileV2",
        tag="Uploads",
        summary="Upload a file, with a token that signs every field",
        description=_REPEATS,
        form=body({**_FIELDS, **_BY_TOKEN}, required=("file", "fileName")),
        answers=_ANSWERS,
        faults=_FAULTS,
        by_form=True,
    ),
    "PATCH /v1/files/{fileId}/details": Operation(
        id="updateFileDetails",
        tag="Files",
        summary="Change a file's details, publish it, run extensions on it",
        description="Members that are absent stay as they are. Extensions run on the current version.",
        body=body(_CHANGES),
        answers={200: Answer("The file; `extensionStatus` if extensions were asked for.", ref("UpdatedFile"))},
        faults={
            400: Fault("A member is wrong, or the extension units do not suffice. Nothing was changed."),
            404: NO_FILE,
        },
    ),
}
