"""The shape of what clients send about files: query parameters of the list, and the body of an update.

Plain functions that return frozen values or raise BadInput naming the parameter; what they mean is the services'
business. The extensions' upload form uses the same small checks.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from library.names import clean_coordinates, clean_tags
from library.search.nodes import Expr
from library.search.parse import parse
from library.services.assets import AssetChanges
from library.services.metadata import BadMetadata
from mediahub.lib.errors import DomainError
from mediahub.lib.json_input import require_clean_text

MAX_LIMIT = 1000
MAX_DESCRIPTION = 10_000
MAX_AI_TAG_NAMES = 1000
MAX_AI_TAG_CHARACTERS = 200
LIST_TYPES = ("file", "file-version", "folder", "all")
FILE_TYPES = ("all", "image", "non-image")
SORT_FIELDS = (
    "NAME",
    "CREATED",
    "UPDATED",
    "HEIGHT",
    "WIDTH",
    "SIZE",
    "RELEVANCE",
    "DURATION",
    "ORIGINAL_CREATION_DATE",
)
IGNORED_BESIDE_A_SEARCH = ("type", "tags", "name", "includeFolder")
_INTEGER = re.compile(r"[+-]?\d{1,25}\Z", re.ASCII)


class BadInput(DomainError):
    """A parameter is missing, of the wrong type or out of range; `field` names it."""

    code = "invalid_parameter"


@dataclass(frozen=True, kw_only=True)
class ListQuery:
    """What `GET /v1/files` asks for (API 3.3). path, name: None for any. descending, sort: `DESC_NAME` taken apart.
    search: the expression, beside which type, tags and name are not looked at."""

    type: str = "file"
    sort: str = "CREATED"
    descending: bool = False
    path: str | None = None
    file_type: str = "all"
    limit: int = MAX_LIMIT
    skip: int = 0
    tags: tuple[str, ...] = ()
    name: str | None = None
    search: Expr | None = None


def parse_list_query(query: Mapping[str, str]) -> ListQuery:
    """Read the query parameters of the list; unknown ones are ignored. Raises BadInput stating the value sent."""
    given = {name: unicodedata.normalize("NFC", _clean(value, name)) for name, value in query.items() if value != ""}
    search = parse(given["searchQuery"]) if "searchQuery" in given else None
    if search is not None:
        given = {name: value for name, value in given.items() if name not in IGNORED_BESIDE_A_SEARCH}
    order, _, sort = given.get("sort", "ASC_CREATED").partition("_")
    if order not in ("ASC", "DESC") or sort not in SORT_FIELDS:
        raise BadInput(f"sort has an unknown value: {_shown(given['sort'])}.", field="sort")
    kind = _one_of(given, "type", LIST_TYPES)
    if kind == "file" and parse_boolean(given.get("includeFolder", "false"), "includeFolder"):
        kind = "all"
    return ListQuery(
        type=kind,
        sort=sort,
        descending=order == "DESC",
        path=given.get("path"),
        file_type=_one_of(given, "fileType", FILE_TYPES),
        limit=_whole_number(given, "limit", default=MAX_LIMIT, low=1, high=MAX_LIMIT),
        skip=_whole_number(given, "skip", default=0, low=0, high=2**63 - 1),
        tags=_comma_list(given.get("tags", "")),
        name=given.get("name"),
        search=search,
    )


def parse_update(body: Mapping[str, Any]) -> AssetChanges:
    """Read the members of an update that change details (API 3.5). Raises BadInput naming the member, BadMetadata."""
    is_published, with_versions = _publish(body["publish"]) if "publish" in body else (None, False)
    return AssetChanges(
        remove_ai_tags=_names_or_all(body["removeAITags"]) if "removeAITags" in body else None,
        tags=_tag_array(body["tags"]) if "tags" in body else None,
        custom_coordinates=_coordinates(body["customCoordinates"]) if "customCoordinates" in body else None,
        custom_metadata=metadata_object(body["customMetadata"]) if "customMetadata" in body else None,
        description=_description(body["description"]) if "description" in body else None,
        is_published=is_published,
        publish_versions=with_versions,
    )


def parse_boolean(text: str, field: str) -> bool:
    """`true` or `false`, and nothing else. Raises BadInput."""
    if text not in ("true", "false"):
        raise BadInput(f"{field} must be true or false, not {_shown(text)}.", field=field)
    return text == "true"


def metadata_object(value: Any) -> Mapping[str, Any] | None:
    """An object of custom metadata, its values unchecked; None for an empty one, which changes nothing and so counts as
    absent. Raises BadMetadata."""
    if not isinstance(value, dict):
        raise BadMetadata({"customMetadata": "should be an object"})
    return value or None


def check_description(text: str) -> str:
    """A description within its length. Raises BadInput."""
    if len(text) > MAX_DESCRIPTION:
        raise BadInput(f"description may have {MAX_DESCRIPTION} characters.", field="description")
    return text


def _publish(value: Any) -> tuple[bool, bool]:
    if not isinstance(value, dict) or not isinstance(value.get("isPublished"), bool):
        raise BadInput("publish must be an object with isPublished true or false.", field="publish.isPublished")
    with_versions = value.get("includeFileVersions", False)
    if not isinstance(with_versions, bool):
        raise BadInput("includeFileVersions must be true or false.", field="publish.includeFileVersions")
    return value["isPublished"], with_versions


def _names_or_all(value: Any) -> tuple[str, ...] | Literal["all"]:
    if value == "all":
        return "all"
    if not _is_text_array(value) or len(value) > MAX_AI_TAG_NAMES or any(map(_is_too_long, value)):
        raise BadInput("removeAITags must be an array of tag names, or the text all.", field="removeAITags")
    return tuple(name.strip() for name in value)


def _is_too_long(name: str) -> bool:
    return len(name) > MAX_AI_TAG_CHARACTERS


def _tag_array(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if not _is_text_array(value):
        raise BadInput("tags must be an array of texts, or null.", field="tags")
    return clean_tags(value)


def _coordinates(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadInput("customCoordinates must be a text x,y,width,height, or null.", field="customCoordinates")
    return clean_coordinates(value)


def _description(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadInput("description must be a text.", field="description")
    return check_description(value)


def _is_text_array(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _comma_list(text: str) -> tuple[str, ...]:
    """The items of a comma list, trimmed, as tags are stored. What could be no tag simply matches none."""
    return tuple(item for item in (part.strip() for part in text.split(",")) if item)


def _one_of(given: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    value = given.get(name, allowed[0])
    if value not in allowed:
        raise BadInput(f"{name} must be one of {', '.join(allowed)}, not {_shown(value)}.", field=name)
    return value


def _whole_number(given: Mapping[str, str], name: str, *, default: int, low: int, high: int) -> int:
    text = given.get(name, str(default))
    if not _INTEGER.match(text) or not low <= int(text) <= high:
        raise BadInput(f"{name} must be a whole number from {low} to {high}, not {_shown(text)}.", field=name)
    return int(text)


def _clean(text: str, name: str) -> str:
    try:
        return require_clean_text(text)
    except DomainError as error:
        raise BadInput(f"{name[:60]}: {error.message}", field=name[:60]) from error


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:60]}...")
