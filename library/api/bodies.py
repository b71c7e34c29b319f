"""Members of JSON bodies, read one by one, with ImageKit's `reason` where an operation has one (API 3.6, 3.8).

Plain functions that return a value or raise BadInput naming the member; what the value means is the services' business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from library.api.serializers import MAX_AI_TAG_CHARACTERS, MAX_AI_TAG_NAMES, BadInput
from library.names import MAX_PATH_BYTES, clean_tags

MAX_TEXT = 2 * MAX_PATH_BYTES


def required_text(body: Mapping[str, Any], name: str) -> str:
    """A text that must be there and not be empty, for operations whose errors carry a `reason`."""
    value = body.get(name)
    if value is None or value == "":
        raise BadInput(f"The {name} parameter is missing.", field=name, reason="MISSING_PARAMETER")
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise BadInput(
            f"The {name} parameter must be a text of at most {MAX_TEXT} characters.",
            field=name,
            reason="INVALID_PARAMETER",
        )
    return value


def flag(body: Mapping[str, Any], name: str) -> bool:
    """True or false; false if it is not there."""
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise BadInput(f"The {name} parameter must be true or false.", field=name, reason="INVALID_PARAMETER")
    return value


def file_ids(body: Mapping[str, Any], *, most: int) -> list[str]:
    """The ids of a bulk operation, without repeats, in their order."""
    value = body.get("fileIds")
    if not isinstance(value, list) or not value or not all(isinstance(item, str) and item for item in value):
        raise BadInput("fileIds must be an array of file ids, and not an empty one.", field="fileIds")
    if len(value) > most:
        raise BadInput(f"fileIds may have {most} ids.", field="fileIds")
    return list(dict.fromkeys(value))


def tags(body: Mapping[str, Any]) -> tuple[str, ...]:
    """The cleaned tags of a bulk operation: at least one, 500 characters in all."""
    value = body.get("tags")
    cleaned = clean_tags(value) if isinstance(value, list) and all(isinstance(item, str) for item in value) else ()
    if not cleaned:
        raise BadInput("tags must be an array of texts, and not an empty one.", field="tags")
    return cleaned


def ai_tags(body: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of machine tags: at least one."""
    value = body.get("AITags")
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_AI_TAG_NAMES or not all(map(_is_ai_tag, value)):
        raise BadInput("AITags must be an array of tag names, and not an empty one.", field="AITags")
    return tuple(item.strip() for item in value)


def _is_ai_tag(item: Any) -> bool:
    return isinstance(item, str) and len(item) <= MAX_AI_TAG_CHARACTERS
