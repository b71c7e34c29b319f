"""Health pages: plain views that need no key."""

from __future__ import annotations

from extensions.api.health import CHECKS
from mediahub.lib.openapi.operations import Answer, Operation
from mediahub.lib.openapi.shapes import one_of, record, text

_CHECKS = record({name: text("`ok`, or what is wrong.") for name in CHECKS}, "For those who send the health token.")
_READY = record({"status": one_of(("ok", "failing")), "checks": _CHECKS}, optional=("checks",))

OPERATIONS: dict[str, Operation] = {
    "GET /api/health/live": Operation(
        id="isLive",
        tag="Health",
        summary="Whether the process answers",
        answers={200: Answer("It does.", record({"status": one_of(("ok",))}))},
        is_public=True,
    ),
    "GET /api/health/ready": Operation(
        id="isReady",
        tag="Health",
        summary="Whether database, blob store and broker answer and work is being done",
        answers={200: Answer("All is well.", _READY), 503: Answer("Something is not.", _READY)},
        is_public=True,
    ),
}
