"""The whole API in words: the library's tables (`library.api.schema`, which says how to document a view) and ours.

`extensions.api.schema.generator` makes the OpenAPI document of the entries that have a route; tests hold routes, tables
and answers against each other.
"""

from __future__ import annotations

from extensions.api.schema import accounts, backfills, blocks, health, runs, saved, uploads, webhooks
from library.api import schema as library
from mediahub.lib.openapi.operations import Operation
from mediahub.lib.openapi.shapes import Shape, object_id, text

OPERATIONS: dict[str, Operation] = {
    **uploads.OPERATIONS,
    **library.OPERATIONS,
    **saved.OPERATIONS,
    **accounts.OPERATIONS,
    **webhooks.OPERATIONS,
    **runs.OPERATIONS,
    **backfills.OPERATIONS,
    **health.OPERATIONS,
}

COMPONENTS: dict[str, Shape] = {
    **library.COMPONENTS,
    **uploads.COMPONENTS,
    **blocks.COMPONENTS,
    **saved.COMPONENTS,
    **accounts.COMPONENTS,
    **webhooks.COMPONENTS,
    **runs.COMPONENTS,
    **backfills.COMPONENTS,
}

PATH_PARAMETERS: dict[str, Shape] = {
    **library.PATH_PARAMETERS,
    "backfillId": object_id("The backfill."),
    "runId": text("The run.", format="uuid"),
    "savedId": text("The saved extension; an id of another form is a 400.", pattern="^ext_[A-Za-z0-9]{1,40}$"),
    "endpointId": text("The webhook.", least=1, pattern="^[^/]+$"),
    "deliveryId": text("The delivery.", pattern="^[0-9]{1,19}$"),
}

TAGS = {
    "Uploads": "Files in, with the extensions to run on them.",
    "Files": "Find, show, change and delete files.",
    "Versions": "Bytes are never overwritten: each change of them is a version.",
    "Bulk operations": "Many files at once.",
    "Copy, move, rename": "One file, named by its path.",
    "Folders": "Folders, and jobs on whole trees.",
    "Custom metadata fields": "What files of the account can be told beside tags.",
    "Saved extensions": "Stored configurations of extensions.",
    "Cache": "Purges.",
    "Account": "What was used.",
    "Webhooks": "Endpoints for events.",
    "Webhook deliveries": "The log of webhooks, sending again, secrets. Ours alone: ImageKit has no such addresses.",
    "Runs": "Extensions at work, and what they would cost. Ours alone.",
    "Backfills": "Extensions on all files that a filter chooses. Ours alone.",
    "Review of AI tags": "Machine tags that wait for people. Ours alone.",
    "Health": "For process supervisors and load balancers. Ours alone.",
    "Not on this server": "Operations of ImageKit that are answered with 501.",
}
