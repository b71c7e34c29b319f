"""Saved extensions (API 3.11)."""

from __future__ import annotations

from extensions.saved.services import LONGEST_DESCRIPTION, LONGEST_NAME, MOST_SAVED
from mediahub.lib.openapi.operations import Answer, Fault, Operation
from mediahub.lib.openapi.shapes import Shape, array, body, moment, record, ref, text

_TAG = "Saved extensions"
_MEMBERS: dict[str, Shape] = {
    "name": text("Of one saved extension at a time.", least=1, most=LONGEST_NAME),
    "description": text(least=1, most=LONGEST_DESCRIPTION),
    "config": ref("BaseExtension"),
}
_BAD = {400: Fault("A member is missing, too long or taken, or the configuration is wrong; `errors` says where.")}
_BAD_ID = {400: Fault("The id has not the form of one.")}

COMPONENTS: dict[str, Shape] = {
    "SavedExtension": record(
        {"id": text(), "name": text(), "description": text(), "config": ref("BaseExtension")}
        | {"createdAt": moment(), "updatedAt": moment()},
        "A stored configuration of one base extension.",
    ),
}

OPERATIONS: dict[str, Operation] = {
    "GET /v1/saved-extensions": Operation(
        id="listSavedExtensions",
        tag=_TAG,
        summary="All of the account",
        answers={200: Answer("By name.", array(ref("SavedExtension"), most=MOST_SAVED))},
    ),
    "POST /v1/saved-extensions": Operation(
        id="createSavedExtension",
        tag=_TAG,
        summary=f"Store one; an account may have {MOST_SAVED}",
        body=body(_MEMBERS, required=tuple(_MEMBERS)),
        answers={201: Answer("What is stored.", ref("SavedExtension"))},
        faults=_BAD,
    ),
    "GET /v1/saved-extensions/{savedId}": Operation(
        id="getSavedExtension",
        tag=_TAG,
        summary="One",
        answers={200: Answer("What is stored.", ref("SavedExtension"))},
        faults=_BAD_ID,
    ),
    "PATCH /v1/saved-extensions/{savedId}": Operation(
        id="updateSavedExtension",
        tag=_TAG,
        summary="Change one",
        body=body(_MEMBERS),
        answers={200: Answer("What is stored now.", ref("SavedExtension"))},
        faults=_BAD,
    ),
    "DELETE /v1/saved-extensions/{savedId}": Operation(
        id="deleteSavedExtension",
        tag=_TAG,
        summary="Delete one; runs that it stood for stay",
        answers={204: Answer("It is gone.")},
        faults=_BAD_ID,
    ),
}
