"""Short spellings of JSON Schema (2020-12, as OpenAPI 3.1 has it) for the tables that describe the API.

Plain functions that return dictionaries; `library.api.schema` and `extensions.api.schema` are written in them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

Shape = dict[str, Any]

OBJECT_ID_PATTERN = "^[0-9a-f]{24}$"


def text(description: str = "", *, least: int | None = None, most: int | None = None, **more: Any) -> Shape:
    """A string. more: further keywords, such as pattern, format, examples, default or enum."""
    return _with("string", description, minLength=least, maxLength=most, **more)


def one_of(values: Iterable[str], description: str = "", **more: Any) -> Shape:
    """One of some words, in the order of the code that checks them."""
    return _with("string", description, enum=list(values), **more)


def whole(description: str = "", *, low: int | None = None, high: int | None = None, **more: Any) -> Shape:
    """A whole number from low to high."""
    return _with("integer", description, minimum=low, maximum=high, **more)


def number(description: str = "", *, low: float | None = None, high: float | None = None, **more: Any) -> Shape:
    """Any number from low to high."""
    return _with("number", description, minimum=low, maximum=high, **more)


def flag(description: str = "", **more: Any) -> Shape:
    """True or false."""
    return _with("boolean", description, **more)


def moment(description: str = "") -> Shape:
    """A time as this server writes it: UTC, milliseconds."""
    return text(description, format="date-time", examples=["2026-03-12T20:58:47.313Z"])


def object_id(description: str = "") -> Shape:
    """An id of 24 hexadecimal digits."""
    return text(description, pattern=OBJECT_ID_PATTERN, examples=["65f0c2a1e4b0a1b2c3d4e5f6"])


def array(items: Shape, description: str = "", *, least: int | None = None, most: int | None = None) -> Shape:
    """A list of items of one shape."""
    return _with("array", description, items=items, minItems=least, maxItems=most)


def record(members: Mapping[str, Shape], description: str = "", *, optional: Collection[str] = ()) -> Shape:
    """An object that this server answers: every member is there, save the optional ones."""
    required = [name for name in members if name not in optional]
    return _with("object", description, properties=dict(members), required=required or None)


def body(
    members: Mapping[str, Shape], description: str = "", *, required: Collection[str] = (), closed: bool = False
) -> Shape:
    """An object that clients send. closed: members that are not listed are refused; else they are ignored."""
    return _with(
        "object",
        description,
        properties=dict(members),
        required=list(required) or None,
        additionalProperties=False if closed else None,
    )


def mapping(values: Shape | bool, description: str = "", **more: Any) -> Shape:
    """An object whose members have names of the account's own."""
    return _with("object", description, additionalProperties=values, **more)


def nullable(shape: Shape) -> Shape:
    """The shape, or null."""
    if "type" not in shape:
        return {"anyOf": [shape, {"type": "null"}]}
    allowed = {"enum": [*shape["enum"], None]} if "enum" in shape else {}
    return {**shape, **allowed, "type": [shape["type"], "null"]}


def any_of(*shapes: Shape, description: str = "") -> Shape:
    """One of several shapes."""
    return ({"description": description} if description else {}) | {"anyOf": list(shapes)}


def json_text(inside: Shape, description: str = "") -> Shape:
    """A form field that holds JSON."""
    return text(description, contentMediaType="application/json", contentSchema=inside)


def ref(name: str) -> Shape:
    """A shape that has a name: a key of the tables of components."""
    return {"$ref": f"#/components/schemas/{name}"}


def extended(shape: Shape, members: Mapping[str, Shape], *, optional: Collection[str] = ()) -> Shape:
    """An answer's object with further members; written out, because a closed object cannot be composed of others."""
    required = [*shape.get("required", []), *(name for name in members if name not in optional)]
    return {**shape, "properties": {**shape["properties"], **members}, "required": required}


def _with(kind: str, description: str, **keywords: Any) -> Shape:
    said = {"description": description} if description else {}
    return {"type": kind} | said | {name: value for name, value in keywords.items() if value is not None}
