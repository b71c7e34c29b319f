"""The catalogue of extensions: a literal table, and the check of an `extensions` array against it.

The API and the admin validate with `parse_blocks` before anything is stored; prices and provider chains are settings.
Wire facts: API section 4.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from extensions.ai_tasks import MEMBERS, MOST_TASKS, Fault, check_tasks
from mediahub.lib.errors import DomainError
from mediahub.lib.json_input import loads_strict

MOST_BLOCKS = 20
OTHER_SPELLINGS = {"min_confidence": "minConfidence", "max_tags": "maxTags"}


class BadExtensions(DomainError):
    """The `extensions` array cannot be accepted; `field` names the index and the parameter."""

    code = "invalid_extensions"


@dataclass(frozen=True)
class Parameter:
    """One parameter of an extension. `check` returns a sentence about what is wrong with a value, or None; `schema`
    says in JSON Schema which values are right, as far as that can.

    For values with an inside it returns a Fault, which says where.
    """

    name: str
    title: str
    check: Callable[[Any], str | Fault | None]
    required: bool = False
    default: Any = None
    schema: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Extension:
    """One extension. `is_synchronous_first`: the request waits for it under the deadline; else it always answers
    `pending`. `writes` says in words what a success changes; `makes_version`: it adds a version to the file."""

    name: str
    title: str
    queue: str
    is_synchronous_first: bool
    parameters: tuple[Parameter, ...]
    writes: str
    accepts_animated: bool = True
    makes_version: bool = False

    @property
    def units(self) -> int:
        """Price of one run, from settings."""
        return int(settings.MEDIAHUB_UNIT_PRICES[self.name])

    @property
    def chain(self) -> list[str]:
        """Slugs of its providers, first choice first, from settings."""
        return list(settings.MEDIAHUB_PROVIDER_CHAINS[self.name])


@dataclass(frozen=True)
class Block:
    """One checked item of an `extensions` array; `params` holds known parameters only, in ImageKit's spelling.

    A `saved-extension` still stands for another one until `extensions.saved.resolving` has put that in its place.
    """

    name: str
    params: Mapping[str, Any]
    index: int


def _number_between(low: float, high: float, *, whole: bool) -> Callable[[Any], str | None]:
    kind = "a whole number" if whole else "a number"

    def check(value: Any) -> str | None:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if not is_number or (whole and value != int(value)) or not low <= value <= high:
            return f"must be {kind} from {low:g} to {high:g}"
        return None

    return check


def _plain_object(value: Any) -> str | None:
    if not isinstance(value, dict):
        return "must be an object"
    if len(value) > 50 or len(json.dumps(value)) > 8192:
        return "must not have more than 50 members or 8192 characters"
    return None


TASKS_SCHEMA: dict[str, Any] = {
    "type": "array",
    "minItems": 1,
    "maxItems": MOST_TASKS,
    "items": {
        "type": "object",
        "required": ["type", "instruction"],
        "properties": {"type": {"enum": sorted(MEMBERS)}, "instruction": {"type": "string"}},
    },
}
"""What JSON Schema can say of tasks in short; docs/ai-tasks.md has every member."""


def _text(value: Any) -> str | None:
    return None if isinstance(value, str) and 0 < len(value) <= 100 else "must be a text of 1 to 100 characters"


def _tagging_parameters(*, required: bool) -> tuple[Parameter, ...]:
    return (
        Parameter(
            "minConfidence",
            "Least confidence (%)",
            _number_between(0, 100, whole=False),
            required,
            0,
            {"type": "number", "minimum": 0, "maximum": 100},
        ),
        Parameter(
            "maxTags",
            "Most tags",
            _number_between(0, 30, whole=True),
            required,
            30,
            {"type": "integer", "minimum": 0, "maximum": 30},
        ),
    )


CATALOG: dict[str, Extension] = {
    extension.name: extension
    for extension in (
        Extension(
            "remove-bg",
            "Remove background",
            "images",
            False,
            (Parameter("options", "Options", _plain_object, schema={"type": "object", "maxProperties": 50}),),
            "a new current version without its background",
            accepts_animated=False,
            makes_version=True,
        ),
        Extension(
            "google-auto-tagging",
            "Google auto-tagging",
            "tagging",
            True,
            _tagging_parameters(required=True),
            "AI tags",
        ),
        Extension(
            "aws-auto-tagging",
            "AWS auto-tagging",
            "tagging",
            True,
            _tagging_parameters(required=True),
            "AI tags",
        ),
        Extension(
            "local-auto-tagging",
            "Local auto-tagging",
            "tagging",
            True,
            _tagging_parameters(required=False),
            "AI tags",
        ),
        Extension("ai-auto-description", "AI description", "tagging", True, (), "the description"),
        Extension(
            "ai-tasks",
            "AI tasks",
            "tagging",
            True,
            (Parameter("tasks", "Tasks", check_tasks, required=True, schema=TASKS_SCHEMA),),
            "tags and custom metadata",
        ),
    )
}
SAVED_EXTENSION = "saved-extension"
KNOWN_NAMES = (*CATALOG, SAVED_EXTENSION)


def parse_blocks(raw: Any, *, both_spellings: bool) -> list[Block]:
    """Check an `extensions` array and return its blocks; an absent or empty one gives an empty list.

    raw: the parsed JSON array, or its JSON text (uploads), also wrapped in a second layer of JSON (API 2.2).
    both_spellings: accept `min_confidence` and `max_tags` too, as the Python SDK sends them in uploads.
    Raises BadExtensions naming the index and the field.
    """
    items = _as_array(raw)
    if len(items) > MOST_BLOCKS:
        raise BadExtensions(f"extensions: at most {MOST_BLOCKS} items are allowed.", field="extensions")
    blocks = [_parse_block(item, index, both_spellings) for index, item in enumerate(items)]
    require_distinct(block for block in blocks if block.name != SAVED_EXTENSION)
    return blocks


def require_distinct(blocks: Iterable[Block]) -> None:
    """Raise BadExtensions, naming both, if two blocks are of one extension: a status has room for one (API 7, 15)."""
    seen: dict[str, int] = {}
    for block in blocks:
        if block.name in seen:
            raise _fault(block.index, "name", f"{block.name} is already requested by extensions[{seen[block.name]}]")
        seen[block.name] = block.index


def _as_array(raw: Any) -> list[Any]:
    for _layer in range(2):
        if isinstance(raw, str):
            if not raw.strip():
                return []
            try:
                raw = loads_strict(raw)
            except DomainError as error:
                raise BadExtensions(f"extensions: {error.message}", field="extensions") from None
    if raw is None:
        return []
    if not isinstance(raw, list):
        raise BadExtensions("extensions: must be an array of extension objects.", field="extensions")
    return raw


def _parse_block(item: Any, index: int, both_spellings: bool) -> Block:
    if not isinstance(item, dict):
        raise BadExtensions(f"extensions[{index}]: must be an object.", field=f"extensions[{index}]")
    name = item.get("name")
    if not isinstance(name, str) or not name:
        raise _fault(index, "name", "is required and must be a text")
    if name == SAVED_EXTENSION:
        return Block(name=name, params=_check_reference(item, index), index=index)
    extension = CATALOG.get(name)
    if extension is None:
        raise _fault(index, "name", f"{name[:60]!r} is not an extension; known are {', '.join(KNOWN_NAMES)}")
    given = {key: value for key, value in item.items() if key != "name"}
    if both_spellings:
        given = {OTHER_SPELLINGS.get(key, key): value for key, value in given.items()}
    return Block(name=name, params=_check_parameters(extension, given, index), index=index)


def _check_reference(item: dict[str, Any], index: int) -> dict[str, Any]:
    for key in item:
        if key not in ("name", "id"):
            raise _fault(index, key[:60], f"is not a parameter of {SAVED_EXTENSION}, whose configuration is stored")
    fault = _text(item.get("id"))
    if fault:
        raise _fault(index, "id", fault if "id" in item else f"is required by {SAVED_EXTENSION}")
    return {"id": item["id"]}


def _check_parameters(extension: Extension, given: dict[str, Any], index: int) -> dict[str, Any]:
    known = {parameter.name: parameter for parameter in extension.parameters}
    for key in given:
        if key not in known:
            raise _fault(index, key[:60], f"is not a parameter of {extension.name}")
    params: dict[str, Any] = {}
    for parameter in extension.parameters:
        if parameter.name not in given:
            if parameter.required:
                raise _fault(index, parameter.name, f"is required by {extension.name}")
            continue
        fault = parameter.check(given[parameter.name])
        if isinstance(fault, Fault):
            raise _fault(index, parameter.name + fault.path, fault.sentence)
        if fault:
            raise _fault(index, parameter.name, fault)
        params[parameter.name] = _in_one_spelling(given[parameter.name])
    return params


def _in_one_spelling(value: Any) -> Any:
    """Members in the order of their names, and whole numbers as such: SQLite compares JSON as text."""
    if isinstance(value, dict):
        return {name: _in_one_spelling(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [_in_one_spelling(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def _fault(index: int, field: str, sentence: str) -> BadExtensions:
    return BadExtensions(f"extensions[{index}].{field}: {sentence}.", field=f"extensions[{index}].{field}")
