"""Operations of ImageKit that this server answers with 501."""

from __future__ import annotations

from library.api.absent import ABSENT, COLLECTION_METHODS, ITEM_METHODS
from mediahub.lib.openapi.operations import Fault, Operation

_NOT_HERE = {501: Fault("This server does not have it; trying again does not help.")}


def _operations() -> dict[str, Operation]:
    found = {}
    for path, what in ABSENT.items():
        for tail, methods in (("", COLLECTION_METHODS), ("/{resourceId}", ITEM_METHODS)):
            for method in methods:
                name = path.removeprefix("v1/").replace("/", "-").replace("-", " ").title().replace(" ", "")
                found[f"{method.upper()} /{path}{tail}"] = Operation(
                    id=f"{method}{name}{'Item' if tail else ''}",
                    tag="Not on this server",
                    summary=f"{what}: not on this server",
                    answers={},
                    faults=_NOT_HERE,
                )
    return found


OPERATIONS: dict[str, Operation] = _operations()
