"""Custom metadata as forms: a schema as inputs and back, and the values of an asset as inputs and back.

The pages of fields and of an asset show these and hand what was posted to the services of `library.services.metadata`,
which check it. Options are written one a line: `3` and `true` as JSON reads them, everything else as text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.http import QueryDict

from library.metadata_schema import ALLOWED_FOR, SELECTS, has_value, is_scalar, same_value
from library.models import CustomMetadataField
from mediahub.lib.errors import DomainError
from mediahub.lib.json_input import loads_strict

SHOWN_FIELDS = "shown-fields"
"""The input that names the fields which a form has inputs of, so that fields made since are left alone."""


@dataclass(frozen=True)
class SchemaInput:
    """One input of a schema. name: the member. kind: how it is drawn."""

    name: str
    label: str
    kind: str
    help: str = ""


@dataclass(frozen=True)
class ValueInput:
    """The input of one field's value. choices: texts to send, what people read, and whether it is chosen."""

    field: CustomMetadataField
    key: str
    kind: str
    text: str
    choices: list[tuple[str, str, bool]]


_BOUNDS = (
    ("minLength", "Least characters"),
    ("maxLength", "Most characters"),
    ("minValue", "Least"),
    ("maxValue", "Most"),
)
_ONE_A_LINE = 'One a line. 3 is a number and true a boolean; in quotes, "3" is a text.'
_DATE_HELP = "2024-03-12, or with a time: 2024-03-12T20:58:00Z."


def schema_inputs(kind: str) -> list[SchemaInput]:
    """The inputs of a schema of this type; `isValueRequired`, a checkbox, comes on top."""
    bounds = "text" if kind == "Date" else "number"
    help_text = _DATE_HELP if kind == "Date" else ""
    inputs = [SchemaInput(name, label, bounds, help_text) for name, label in _BOUNDS if kind in ALLOWED_FOR[name]]
    if kind in SELECTS:
        inputs = [SchemaInput("selectOptions", "Options", "lines", _ONE_A_LINE)]
    default = {"Textarea": "lines", "MultiSelect": "lines", "Boolean": "boolean", "Number": "number"}.get(kind, "text")
    return [*inputs, SchemaInput("defaultValue", "Default", default, help_text)]


def schema_texts(schema: Mapping[str, Any]) -> dict[str, str]:
    """What the inputs of a schema hold."""
    return {name: _as_text(str(schema["type"]), name, value) for name, value in schema.items()}


def schema_from(posted: QueryDict, kind: str) -> dict[str, Any]:
    """The schema that was posted; inputs left empty are absent. What does not read as its type stays text."""
    schema: dict[str, Any] = {"type": kind}
    for item in schema_inputs(kind):
        text = _lines(posted.get(item.name, ""))
        if text.strip():
            schema[item.name] = _member(kind, item, text)
    if posted.get("isValueRequired"):
        schema["isValueRequired"] = True
    return schema


def value_inputs(fields: Iterable[CustomMetadataField], values: Mapping[str, Any]) -> list[ValueInput]:
    """The inputs of an asset's values. A required field without one begins with its default."""
    found = []
    for item in fields:
        value = values.get(item.name, item.schema.get("defaultValue") if item.is_required else None)
        chosen = value if isinstance(value, list) else [] if value is None else [value]
        options = [True, False] if item.type == "Boolean" else item.schema.get("selectOptions", [])
        # What is no option any more stays chosen, or saving something else would unset it.
        options = [*options, *(one for one in chosen if not has_value(options, one))] if options else []
        choices = [(json.dumps(one), _in_words(one), any(same_value(one, it) for it in chosen)) for one in options]
        kind = {"MultiSelect": "boxes", "SingleSelect": "select", "Boolean": "select"}.get(item.type, "text")
        text = "" if value is None or choices else str(value)
        if item.type == "Textarea" or "\n" in text:
            kind = "lines"
        found.append(ValueInput(item, f"value-{item.field_id}", kind, text, choices))
    return found


def as_posted(inputs: Iterable[ValueInput], posted: QueryDict) -> list[ValueInput]:
    """The inputs with what was typed and chosen, to be corrected."""
    found = []
    for item in inputs:
        sent = posted.getlist(item.key)
        choices = [(text, words, text in sent) for text, words, _ in item.choices]
        found.append(replace(item, text="" if choices else "".join(sent[-1:]), choices=choices))
    return found


def values_from(posted: QueryDict, fields: Iterable[CustomMetadataField], values: Mapping[str, Any]) -> dict[str, Any]:
    """What was changed on the form, and every required value; None for what was emptied.

    A value that nobody touched is left out, because it may be from before its schema was changed.
    """
    shown = set(posted.get(SHOWN_FIELDS, "").split(","))
    changes = {}
    for item in value_inputs(fields, values):
        if item.field.field_id not in shown:
            continue
        value, old = _value(item, posted), values.get(item.field.name)
        if item.field.is_required or not _is_same(value, old):
            changes[item.field.name] = value
    return changes


def _value(item: ValueInput, posted: QueryDict) -> Any:
    if item.kind == "boxes":
        return [_read(text) for text in posted.getlist(item.key)] or None
    text = _lines(posted.get(item.key, ""))
    if text == "":
        return None
    return _read(text) if item.kind == "select" or item.field.type == "Number" else text


def _is_same(value: Any, old: Any) -> bool:
    if isinstance(value, list) or isinstance(old, list):
        return sorted(map(json.dumps, value or [])) == sorted(map(json.dumps, old or []))
    if isinstance(old, str):
        return _lines(old) == (value or "")
    return same_value(value, old)


def _member(kind: str, item: SchemaInput, text: str) -> Any:
    if item.kind == "lines" and kind in SELECTS:
        return [_read(line.strip()) for line in text.split("\n") if line.strip()]
    if item.kind in ("number", "boolean") or kind in SELECTS:
        return _read(text.strip())
    return text if item.kind == "lines" else text.strip()


def _as_text(kind: str, name: str, value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(_write(one) for one in value)
    if kind in SELECTS or isinstance(value, bool) or name != "defaultValue":
        return _write(value)
    return str(value)


def _write(value: Any) -> str:
    """As `_read` reads it back."""
    plain = value if isinstance(value, str) else json.dumps(value)
    return plain if same_value(_read(plain.strip()), value) else json.dumps(value)


def _read(text: str) -> Any:
    """A JSON text, number or boolean where it is one, else the text itself."""
    try:
        value = loads_strict(text)
    except DomainError:
        return text
    return value if is_scalar(value) else text


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n")


def _in_words(value: Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
