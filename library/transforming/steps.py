"""Pure: reads the `transformation` of an upload, `{"pre": "w-1600,q-80"}`, into steps. The upload form calls it.

Steps are parted by `:`, the parameters of one by commas. What is not here is refused by name, so that nobody gets a
picture other than the one asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields

from library.transforming.drawing import Step
from mediahub.lib.errors import DomainError
from mediahub.lib.json_input import loads_strict

MAX_CHARACTERS = 500
MAX_STEPS = 10
CROPS = ("maintain_ratio", "force", "at_max", "at_max_enlarge", "at_least")
FORMATS = ("jpg", "png", "webp", "avif", "auto")
_NUMBER = re.compile(r"\d{1,5}(?:\.\d{1,6})?\Z", re.ASCII)
_WHOLE = re.compile(r"\d{1,3}\Z", re.ASCII)
_NAMES = {"w": "width", "h": "height", "c": "crop", "q": "quality", "f": "format", "bl": "blur"}


class BadTransformation(DomainError):
    """The transformation cannot be read, or asks for what this server does not do."""

    code = "invalid_transformation"

    def __init__(self, message: str) -> None:
        super().__init__(message, field="transformation")


def parse_transformation(text: str) -> tuple[Step, ...]:
    """The steps of `pre`, none for an empty text or object. Raises BadTransformation, BadJSON."""
    if not text.strip():
        return ()
    value = loads_strict(text, field="transformation")
    if isinstance(value, str):  # some clients wrap the JSON once more (API 2.2)
        value = loads_strict(value, field="transformation")
    if not isinstance(value, dict):
        raise BadTransformation('transformation must be a JSON object such as {"pre": "w-1600,q-80"}.')
    for name in value:
        if name not in ("pre", "post"):
            raise BadTransformation(f"transformation: {name[:40]!r} is unknown.")
    if value.get("post"):
        raise BadTransformation("transformation.post is not supported by this server; leave it out.")
    if "pre" not in value:
        return ()
    if not isinstance(value["pre"], str) or not value["pre"].strip():
        raise BadTransformation("transformation.pre must be a text that is not empty, such as w-1600,q-80.")
    return parse_steps(value["pre"])


def parse_steps(text: str) -> tuple[Step, ...]:
    """The steps in order. Raises BadTransformation naming the parameter at fault."""
    if len(text) > MAX_CHARACTERS:
        raise BadTransformation(f"transformation.pre may have {MAX_CHARACTERS} characters.")
    steps = text.strip().split(":")
    if len(steps) > MAX_STEPS:
        raise BadTransformation(f"transformation.pre may have {MAX_STEPS} steps.")
    return tuple(_step(step) for step in steps)


def _step(text: str) -> Step:
    found = dict(_parameter(item.strip()) for item in text.split(","))
    return Step(**found)  # type: ignore[arg-type]


def _parameter(item: str) -> tuple[str, float | int | str]:
    """Name and value for a Step. The last of repeated parameters counts."""
    key, _, value = item.partition("-")
    if not item:
        raise BadTransformation("transformation.pre has an empty parameter; write for example w-1600,q-80.")
    if key not in _NAMES:
        known = ", ".join(f"{key}-" for key in _NAMES)
        raise BadTransformation(
            f"transformation.pre: {item[:40]!r} is not supported by this server; supported are {known}."
        )
    return _NAMES[key], _READERS[key](item, value)


def _length(item: str, value: str) -> float:
    number = float(value) if _NUMBER.match(value) else 0.0
    if not number or (number >= 1 and number != int(number)):
        raise _bad(item, "pixels, or a share below 1 such as 0.5; auto and expressions are not supported")
    return number


def _percent(item: str, value: str) -> int:
    if not _WHOLE.match(value) or not 1 <= int(value) <= 100:
        raise _bad(item, "a whole number from 1 to 100")
    return int(value)


def _crop(item: str, value: str) -> str:
    if value not in CROPS:
        raise _bad(item, f"one of {', '.join(CROPS)}")
    return value


def _format(item: str, value: str) -> str:
    value = "jpg" if value == "jpeg" else value
    if value not in FORMATS:
        raise _bad(item, f"one of {', '.join(FORMATS)}")
    return value


_READERS: dict[str, Callable[[str, str], float | int | str]] = {
    "w": _length,
    "h": _length,
    "c": _crop,
    "q": _percent,
    "f": _format,
    "bl": _percent,
}
assert set(_NAMES.values()) == {field.name for field in fields(Step)}


def _bad(item: str, takes: str) -> BadTransformation:
    return BadTransformation(f"transformation.pre: {item[:40]!r} is not possible; it takes {takes}.")
