"""Custom metadata fields (API 3.10)."""

from __future__ import annotations

from library.api.schema.objects import SCALAR
from library.metadata_schema import LONGEST_OPTION, LONGEST_TEXT, MOST_OPTIONS, TYPES
from library.services.metadata import LONGEST_DESCRIPTION, LONGEST_LABEL, LONGEST_NAME
from mediahub.lib.openapi.operations import Answer, Fault, Operation
from mediahub.lib.openapi.shapes import (
    Shape,
    any_of,
    array,
    body,
    flag,
    nullable,
    object_id,
    one_of,
    record,
    ref,
    text,
    whole,
)

_TAG = "Custom metadata fields"
_OPTION = any_of(text(least=1, most=LONGEST_OPTION), {"type": ["number", "boolean"]})
_BOUND = any_of(text("An ISO 8601 date."), {"type": "number"})
_LENGTH = whole("Text and Textarea only.", low=0, high=LONGEST_TEXT)
_MEMBERS: dict[str, Shape] = {
    "type": one_of(TYPES, "Stays as it was made."),
    "selectOptions": array(_OPTION, "SingleSelect and MultiSelect only.", least=1, most=MOST_OPTIONS),
    "defaultValue": any_of(SCALAR, array(SCALAR), description="Of the field's type; needed if a value is required."),
    "isValueRequired": flag("Every upload and update that sets metadata must carry it.", default=False),
    "minValue": {"description": "Number and Date only.", **_BOUND},
    "maxValue": {"description": "Number and Date only.", **_BOUND},
    "minLength": _LENGTH,
    "maxLength": _LENGTH,
}
_NAME = text("Of letters, digits, blanks, `_`, `.` and `-`; taken for good.", least=1, most=LONGEST_NAME)
_LABEL = text("What people see; of one field at a time.", least=1, most=LONGEST_LABEL)
_DESCRIPTION = text(most=LONGEST_DESCRIPTION)
_SCHEMA_IN = body(_MEMBERS, "What the field demands.", required=("type",), closed=True)
_CHANGED_SCHEMA = body(_MEMBERS, "What the field demands; `type` is not looked at.", closed=True)

COMPONENTS: dict[str, Shape] = {
    "CustomMetadataField": record(
        {
            "id": object_id(),
            "name": text(),
            "label": text(),
            "description": text("If there is one."),
            "reserved": flag("True: built in."),
            "schema": record(_MEMBERS, optional=tuple(name for name in _MEMBERS if name != "type")),
        },
        "A field that files of the account can have.",
        optional=("description", "reserved"),
    ),
}

OPERATIONS: dict[str, Operation] = {
    "GET /v1/customMetadataFields": Operation(
        id="listCustomMetadataFields",
        tag=_TAG,
        summary="The fields of the account",
        query={
            "includeDeleted": one_of(("true", "false"), default="false"),
            "folderPath": text("Of the fields that a path policy selects there; without path policies all."),
        },
        answers={200: Answer("The fields.", array(ref("CustomMetadataField")))},
    ),
    "POST /v1/customMetadataFields": Operation(
        id="createCustomMetadataField",
        tag=_TAG,
        summary="Make a field",
        body=body(
            {"name": _NAME, "label": _LABEL, "description": nullable(_DESCRIPTION), "schema": _SCHEMA_IN},
            required=("name", "label", "schema"),
        ),
        answers={201: Answer("The field.", ref("CustomMetadataField"))},
        faults={400: Fault("Name or label are taken, or the schema does not hold together; `errors` says why.")},
    ),
    "PATCH /v1/customMetadataFields/{fieldId}": Operation(
        id="updateCustomMetadataField",
        tag=_TAG,
        summary="Change a field; at least one member",
        body=body({"label": _LABEL, "description": nullable(_DESCRIPTION), "schema": _CHANGED_SCHEMA}),
        answers={200: Answer("The field.", ref("CustomMetadataField"))},
        faults={400: Fault("The label is taken, the schema does not hold together, or the field is deleted.")},
    ),
    "DELETE /v1/customMetadataFields/{fieldId}": Operation(
        id="deleteCustomMetadataField",
        tag=_TAG,
        summary="Delete a field; its name stays taken",
        answers={204: Answer("It is deleted.")},
    ),
}
