"""Pure: what a custom metadata field may demand, and whether a value meets it (API 3.10). Nothing is coerced.

`library.services.metadata` checks schemas and values here; extensions ask the same functions about a model's answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from mediahub.lib.errors import DomainError
from mediahub.lib.json_input import require_clean_text

Schema = Mapping[str, Any]

TYPES = ("Text", "Textarea", "Number", "Date", "Boolean", "SingleSelect", "MultiSelect")
SELECTS = frozenset({"SingleSelect", "MultiSelect"})
MEMBERS = (
    "type",
    "selectOptions",
    "defaultValue",
    "isValueRequired",
    "minValue",
    "maxValue",
    "minLength",
    "maxLength",
)
ALLOWED_FOR = {
    "selectOptions": SELECTS,
    "minValue": frozenset({"Number", "Date"}),
    "maxValue": frozenset({"Number", "Date"}),
    "minLength": frozenset({"Text", "Textarea"}),
    "maxLength": frozenset({"Text", "Textarea"}),
}
MOST_OPTIONS = 1000
LONGEST_OPTION = 500
LONGEST_TEXT = 10_000
LARGEST_NUMBER = 2**63
"""In size; no number reaches it."""
DATE_SHAPE = r"^\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)?)?$"
"""Of ISO 8601's many forms the one whose values both databases compare."""
_FARTHEST_ZONE = timedelta(hours=14)
"""SQLite knows none that is farther off."""
NOT_ALLOWED = "not allowed for this type"


def check_schema(schema: Any) -> dict[str, str]:
    """What is wrong with a schema, member by member, in the words of API 1.6; empty when nothing is."""
    if not isinstance(schema, dict):
        return {"schema": "should be an object"}
    kind = schema.get("type")
    if kind not in TYPES:
        return {"type": f"should be one of {', '.join(TYPES)}"}
    errors = {name[:60]: "is not a member of a schema" for name in schema if name not in MEMBERS}
    for name, types in ALLOWED_FOR.items():
        if name in schema and kind not in types:
            errors[name] = NOT_ALLOWED
    _check_options(schema, errors)
    _check_bounds(schema, errors)
    _check_default(schema, errors)
    return errors


def check_value(schema: Schema, value: Any) -> str | None:
    """What is wrong with a value of a field that has this (checked) schema, as `should be ...`; None if nothing is."""
    kind = schema["type"]
    if kind in ("Text", "Textarea"):
        return _check_text(schema, value)
    if kind == "Number":
        return _check_number(schema, value)
    if kind == "Date":
        return _check_date(schema, value)
    if kind == "Boolean":
        return None if isinstance(value, bool) else "should be of type boolean"
    if kind == "SingleSelect":
        return None if has_value(schema["selectOptions"], value) else "should be one of the options of the field"
    return _check_choices(schema, value)


def same_value(one: Any, other: Any) -> bool:
    """Whether two JSON scalars are equal; unlike in Python, `true` is not `1`."""
    return bool(isinstance(one, bool) == isinstance(other, bool) and one == other)


def has_value(values: Any, value: Any) -> bool:
    """Whether a JSON scalar is among others."""
    return any(same_value(value, other) for other in values)


def is_scalar(value: Any) -> bool:
    """Whether a value is a text, number or boolean that every database stores."""
    if isinstance(value, str):
        return _is_clean(value)
    return isinstance(value, bool) or _is_number(value)


def read_date(text: Any) -> datetime | None:
    """An ISO 8601 date as searches find it, `2024-03-12` with or without a time, as an aware datetime (UTC where no
    zone is given); else None."""
    if not isinstance(text, str) or len(text) > 40 or not re.match(DATE_SHAPE, text, re.ASCII):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    zone = moment.utcoffset()
    if zone is None:
        return moment.replace(tzinfo=UTC)
    return moment if abs(zone) <= _FARTHEST_ZONE else None


def _check_text(schema: Schema, value: Any) -> str | None:
    if not isinstance(value, str) or not _is_clean(value):
        return "should be of type string"
    least, most = schema.get("minLength", 0), min(schema.get("maxLength", LONGEST_TEXT), LONGEST_TEXT)
    if len(value) < least:
        return f"should have at least {least} characters"
    return f"should have at most {most} characters" if len(value) > most else None


def _check_number(schema: Schema, value: Any) -> str | None:
    if not _is_number(value):
        return "should be of type number"
    if "minValue" in schema and value < schema["minValue"]:
        return f"should be at least {schema['minValue']}"
    return f"should be at most {schema['maxValue']}" if "maxValue" in schema and value > schema["maxValue"] else None


def _check_date(schema: Schema, value: Any) -> str | None:
    moment = read_date(value)
    if moment is None:
        return "should be a date in ISO 8601 form, such as 2024-03-12 or 2024-03-12T10:00:00Z"
    least, most = read_date(schema.get("minValue")), read_date(schema.get("maxValue"))
    if least is not None and moment < least:
        return f"should not be before {schema['minValue']}"
    return f"should not be after {schema['maxValue']}" if most is not None and moment > most else None


def _check_choices(schema: Schema, value: Any) -> str | None:
    if not isinstance(value, list) or len(value) > MOST_OPTIONS:
        return "should be an array of options of the field"
    if not all(has_value(schema["selectOptions"], item) for item in value):
        return "should hold options of the field only"
    return "should not hold an option twice" if _repeats(value) else None


def _check_options(schema: Schema, errors: dict[str, str]) -> None:
    if schema["type"] not in SELECTS:
        return
    options = schema.get("selectOptions")
    if not isinstance(options, list) or not 1 <= len(options) <= MOST_OPTIONS:
        errors["selectOptions"] = f"should be an array of 1 to {MOST_OPTIONS} options"
    elif not all(is_scalar(item) for item in options):
        errors["selectOptions"] = "should hold strings, numbers and booleans only"
    elif any(isinstance(item, str) and not 1 <= len(item.strip()) <= LONGEST_OPTION for item in options):
        errors["selectOptions"] = f"should hold strings of 1 to {LONGEST_OPTION} characters"
    elif _repeats(options):
        errors["selectOptions"] = "should not hold an option twice"


def _check_bounds(schema: Schema, errors: dict[str, str]) -> None:
    """`minValue` and `maxValue`, `minLength` and `maxLength`: each of its type, and in order."""
    for low, high in (("minValue", "maxValue"), ("minLength", "maxLength")):
        bounds: dict[str, Any] = {}
        for name in (low, high):
            if name not in schema or name in errors:
                continue
            fault = _check_bound(schema["type"], name, schema[name])
            if fault:
                errors[name] = fault
            else:
                bounds[name] = read_date(schema[name]) if schema["type"] == "Date" else schema[name]
        if len(bounds) == 2 and bounds[low] > bounds[high]:
            errors[low] = f"should not be greater than {high}"


def _check_bound(kind: str, name: str, value: Any) -> str | None:
    if name.endswith("Length"):
        is_length = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LONGEST_TEXT
        return None if is_length else f"should be a whole number from 0 to {LONGEST_TEXT}"
    if kind == "Date":
        return None if read_date(value) else "should be a date in ISO 8601 form"
    return None if _is_number(value) else "should be of type number"


def _check_default(schema: Schema, errors: dict[str, str]) -> None:
    is_required = schema.get("isValueRequired", False)
    if not isinstance(is_required, bool):
        errors["isValueRequired"] = "should be of type boolean"
    elif is_required and "defaultValue" not in schema:
        errors["defaultValue"] = "is required when isValueRequired is true"
    if "defaultValue" in schema and not errors and (fault := check_value(schema, schema["defaultValue"])):
        errors["defaultValue"] = fault


def _repeats(values: list[Any]) -> bool:
    # A number equals itself in every spelling, a boolean only a boolean: so the kind stands beside the value.
    return len({(isinstance(item, bool), item) for item in values}) < len(values)


def _is_number(value: Any) -> bool:
    # PostgreSQL gives 1e300 back as an integer of 301 digits, which the API's own input would refuse.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < LARGEST_NUMBER


def _is_clean(text: str) -> bool:
    try:
        require_clean_text(text)
    except DomainError:
        return False
    return True
