"""Files of an account chosen by a filter: a JSON object with the members of `GET /v1/files` that choose files.

Estimates and backfills take it from the API, the admin and commands; a backfill keeps it and reads it again later.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from library.api.listing import files_matching
from library.api.serializers import IGNORED_BESIDE_A_SEARCH, BadInput, ListQuery, parse_list_query
from library.models import Account
from library.querysets import AssetQuerySet

MEMBERS = ("path", "name", "fileType", "type", "tags", "searchQuery")
MOST_TAGS = 100


def clean_filter(value: Any) -> dict[str, str]:
    """The filter as query parameters, checked. Raises BadInput and the search's own errors, naming the member.

    What would choose nothing in particular is refused: units are spent on whatever a filter lets through, and a
    program's empty variable must not mean all files.
    """
    if not isinstance(value, dict):
        raise BadInput("filter must be an object.", field="filter")
    if unknown := sorted(set(value) - set(MEMBERS)):
        name = f"filter.{unknown[0][:60]}"
        raise BadInput(f"{name} is not a filter; known are {', '.join(MEMBERS)}.", field=name)
    if value.get("type", "file") != "file":
        raise BadInput("filter.type must be file: extensions run on current versions only.", field="filter.type")
    given = _as_parameters(value)
    for name, text in given.items():
        if not text.strip(" ," if name == "tags" else None):
            raise BadInput(
                f"filter.{name} must not be empty. Leave it out to choose by the rest.", field=f"filter.{name}"
            )
        if "searchQuery" in given and name != "type" and name in IGNORED_BESIDE_A_SEARCH:
            raise BadInput(f"filter.{name} would be ignored. Say it in searchQuery.", field=f"filter.{name}")
    parse_list_query(given)
    return given


def files_chosen(account: Account, given: Mapping[str, str]) -> AssetQuerySet:
    """The account's files that a cleaned filter chooses, in no order."""
    query: ListQuery = parse_list_query(given)
    return files_matching(account, query)


def _as_parameters(value: Mapping[str, Any]) -> dict[str, str]:
    """The filter as query parameters; tags may also come as an array."""
    given = dict(value)
    tags = given.get("tags")
    if (
        isinstance(tags, list)
        and len(tags) <= MOST_TAGS
        and all(isinstance(tag, str) and "," not in tag for tag in tags)
    ):
        given["tags"] = ",".join(tags)
    for name, text in given.items():
        if not isinstance(text, str):
            kind = f"a text, or an array of at most {MOST_TAGS} texts without commas" if name == "tags" else "a text"
            raise BadInput(f"filter.{name} must be {kind}.", field=f"filter.{name}")
    return given
