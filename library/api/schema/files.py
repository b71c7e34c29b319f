"""The list, one file, its versions and its metadata (API 3.2 to 3.7, 3.9).

`PATCH .../details` takes `extensions`, so `extensions.api.schema.uploads` describes it.
"""

from __future__ import annotations

from library.api.serializers import FILE_TYPES, LIST_TYPES, MAX_LIMIT, SORT_FIELDS
from library.search.parse import MAX_CHARACTERS, MAX_CLAUSES, MAX_DEPTH
from mediahub.lib.openapi.operations import Answer, Fault, Operation
from mediahub.lib.openapi.shapes import any_of, array, one_of, ref, text, whole

NO_FILE = Fault("No such file exists.")
_SORTS = [f"{order}_{name}" for name in SORT_FIELDS for order in ("ASC", "DESC")]
_FILES, _VERSIONS = "Files", "Versions"

LIST_QUERY = {
    "type": one_of(LIST_TYPES, "`all`: files and folders. Not looked at beside `searchQuery`.", default="file"),
    "sort": one_of(_SORTS, "Folders come before files, files before versions.", default="ASC_CREATED"),
    "path": text("Of one folder, without its subfolders."),
    "searchQuery": text(
        f'An expression such as `createdAt > "7d" AND "customMetadata.brand" = "Acme"`, with at most {MAX_CLAUSES} '
        f"clauses, nested {MAX_DEPTH} deep.",
        most=MAX_CHARACTERS,
        examples=['tags IN ["oak"] AND width >= 1600'],
    ),
    "fileType": one_of(FILE_TYPES, default="all"),
    "limit": whole("Objects in the answer.", low=1, high=MAX_LIMIT, default=MAX_LIMIT),
    "skip": whole("Objects before the first in the answer.", low=0, high=2**63 - 1, default=0),
    "tags": text(
        "Comma-separated: files with any of these tags. Of older clients; not looked at beside `searchQuery`."
    ),
    "name": text("The exact name. Of older clients; not looked at beside `searchQuery`."),
    "includeFolder": one_of(("true", "false"), "True: as `type=all`. Of older clients.", default="false"),
}

OPERATIONS: dict[str, Operation] = {
    "GET /v1/files": Operation(
        id="listFiles",
        tag=_FILES,
        summary="List and search files, versions and folders",
        description="Go on with `skip` until a page is short; there is no total.",
        query=LIST_QUERY,
        answers={200: Answer("The page.", array(any_of(ref("File"), ref("Folder")), most=MAX_LIMIT))},
    ),
    "GET /v1/files/{fileId}/details": Operation(
        id="getFileDetails",
        tag=_FILES,
        summary="One file",
        answers={200: Answer("The current version.", ref("File"))},
        faults={404: NO_FILE},
    ),
    "DELETE /v1/files/{fileId}": Operation(
        id="deleteFile",
        tag=_FILES,
        summary="Delete a file with all its versions",
        answers={204: Answer("It is gone.")},
        faults={404: NO_FILE},
    ),
    "GET /v1/files/{fileId}/versions": Operation(
        id="listVersions",
        tag=_VERSIONS,
        summary="The versions of a file",
        answers={200: Answer("The current one first, then the others, newest first.", array(ref("File"), least=1))},
        faults={404: NO_FILE},
    ),
    "GET /v1/files/{fileId}/versions/{versionId}": Operation(
        id="getVersion",
        tag=_VERSIONS,
        summary="One version",
        answers={200: Answer("The version.", ref("File"))},
        faults={404: Fault("No such file or version exists.")},
    ),
    "DELETE /v1/files/{fileId}/versions/{versionId}": Operation(
        id="deleteVersion",
        tag=_VERSIONS,
        summary="Delete a version that is not current",
        answers={204: Answer("It is gone.")},
        faults={400: Fault("It is the current version."), 404: Fault("No such file or version exists.")},
    ),
    "PUT /v1/files/{fileId}/versions/{versionId}/restore": Operation(
        id="restoreVersion",
        tag=_VERSIONS,
        summary="Make a version the current one",
        answers={200: Answer("The file, whose current version it is now.", ref("File"))},
        faults={404: Fault("No such file or version exists.")},
    ),
    "GET /v1/files/{fileId}/metadata": Operation(
        id="getFileMetadata",
        tag=_FILES,
        summary="EXIF data, perceptual hash and more of a file",
        answers={200: Answer("The metadata of the current version.", ref("Metadata"))},
        faults={400: Fault("The file is damaged."), 404: NO_FILE},
    ),
    "GET /v1/metadata": Operation(
        id="getMetadataFromUrl",
        tag=_FILES,
        summary="The same of a file that is named by its URL",
        query={"url": text("URL of a file of this account.", least=1)},
        required_query=("url",),
        answers={200: Answer("The metadata.", ref("Metadata"))},
        faults={400: Fault("The URL is none of this account's files, or the file is damaged."), 404: NO_FILE},
    ),
}
