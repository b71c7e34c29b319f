"""The library's part of the API in words: `OPERATIONS` by method and path, `COMPONENTS` by name.

Plain tables, beside the views that they speak of. `extensions.api.schema` adds its own, and its generator makes the
OpenAPI document of those that have a route.

To document a new view, write one entry under its method and path in the table of its module:

    "GET /v1/things/{thingId}": Operation(
        id="getThing", tag="Things", summary="One thing", answers={200: Answer("The thing.", ref("Thing"))}
    ),

and `make schema`. A limit is taken from the constant that the view checks. Statuses that every operation has are in
`mediahub.lib.openapi.operations`; others go into `faults`. A parameter of a path that has a new name goes into
`PATH_PARAMETERS`, an object with a name into `COMPONENTS`, and a new `code` or `reason` into `errors`.
"""

from __future__ import annotations

from library.api.schema import absent, bulk, errors, files, folders, metadata_fields, moving, objects, reviews
from mediahub.lib.openapi.operations import Operation
from mediahub.lib.openapi.shapes import Shape, object_id, text

OPERATIONS: dict[str, Operation] = {
    **files.OPERATIONS,
    **bulk.OPERATIONS,
    **moving.OPERATIONS,
    **folders.OPERATIONS,
    **metadata_fields.OPERATIONS,
    **reviews.OPERATIONS,
    **absent.OPERATIONS,
}

COMPONENTS: dict[str, Shape] = {
    **errors.COMPONENTS,
    **objects.COMPONENTS,
    **metadata_fields.COMPONENTS,
    **reviews.COMPONENTS,
}

PATH_PARAMETERS: dict[str, Shape] = {
    "fileId": object_id("The file. An id that is malformed is answered like one that is not there."),
    "versionId": object_id("The version; `versionInfo.id` of a File."),
    "jobId": object_id("The job."),
    "requestId": object_id("The purge request. An unknown one is a 400."),
    "fieldId": object_id("The custom metadata field."),
    "resourceId": text("Ignored; this server has no such thing.", least=1, pattern="^[^/]+$"),
}
