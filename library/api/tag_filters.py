"""Which machine tags to show or to review: the filters of `/api/ai-tags`, of its bulk review and of the page Review."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from library.api.listing import files_matching
from library.api.serializers import IGNORED_BESIDE_A_SEARCH, BadInput, parse_list_query
from library.identifiers import is_object_id
from library.models import Account, AITag
from library.querysets import AITagQuerySet
from mediahub.lib.errors import DomainError
from mediahub.lib.json_input import require_clean_text

DEFAULT_LIMIT, MOST_LIMIT = 100, 1000
LARGEST_SKIP = 2**31
LONGEST_TEXT = 500
MEMBERS = ("state", "name", "source", "minConfidence", "maxConfidence", "fileId")
OF_FILES = {"path": "path", "fileName": "name", "fileType": "fileType", "tags": "tags", "searchQuery": "searchQuery"}
"""Members that choose files, with their names in the list of files."""
_PER_CENT = re.compile(r"\d{1,3}(\.\d{1,2})?\Z", re.ASCII)
_INTEGER = re.compile(r"\d{1,10}\Z", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class TagFilter:
    """What to show. Empty and None: any. files: what chooses files, as parameters of their list."""

    states: tuple[str, ...] = (AITag.State.SUGGESTED,)
    name: str = ""
    source: str = ""
    least: Decimal | None = None
    most: Decimal | None = None
    file_id: str = ""
    files: Mapping[str, str] = field(default_factory=dict)


def parse_tag_filter(given: Mapping[str, str]) -> TagFilter:
    """Read the filters; others are ignored. Raises BadInput naming the field, and the search's own errors."""
    values = {name: _clean(given[name], name) for name in (*MEMBERS, *OF_FILES) if given.get(name, "") != ""}
    states = tuple(item.strip() for item in values.get("state", AITag.State.SUGGESTED).split(","))
    for state in states:
        if state not in AITag.State.values:
            known = ", ".join(AITag.State.values)
            raise BadInput(f"state: {state[:60]!r} is unknown; known are {known}.", field="state")
    least, most = _per_cent(values, "minConfidence"), _per_cent(values, "maxConfidence")
    if least is not None and most is not None and least > most:
        raise BadInput("minConfidence must not be above maxConfidence.", field="minConfidence")
    if (file_id := values.get("fileId", "")) and not is_object_id(file_id):
        raise BadInput("fileId must be 24 hexadecimal digits.", field="fileId")
    for ours, theirs in OF_FILES.items():
        if ours in values and "searchQuery" in values and theirs in IGNORED_BESIDE_A_SEARCH:
            raise BadInput(f"{ours} would be ignored beside searchQuery. Say it in searchQuery.", field=ours)
    files = {theirs: values[ours] for ours, theirs in OF_FILES.items() if ours in values}
    parse_list_query(files)
    return TagFilter(
        states=states,
        name=values.get("name", ""),
        source=values.get("source", ""),
        least=least,
        most=most,
        file_id=file_id,
        files=files,
    )


def parse_tag_object(value: Any) -> TagFilter:
    """The same out of a JSON object, whose members must all be known; confidences may be numbers. Raises BadInput.

    Empty texts are refused: a program's empty variable must not review every tag.
    """
    if not isinstance(value, dict):
        raise BadInput("filter must be an object.", field="filter")
    known = (*MEMBERS, *OF_FILES)
    texts: dict[str, str] = {}
    for name, item in value.items():
        if name not in known:
            raise BadInput(
                f"filter.{name[:60]} is not a filter; known are {', '.join(known)}.", field=f"filter.{name}"[:80]
            )
        is_number = isinstance(item, (int, float)) and not isinstance(item, bool)
        if not isinstance(item, str) and not (is_number and name.endswith("Confidence")):
            raise BadInput(f"filter.{name} must be a text.", field=f"filter.{name}")
        texts[name] = text = str(item)
        if not text.strip(" ," if name == "tags" else None):
            raise BadInput(
                f"filter.{name} must not be empty. Leave it out to choose by the rest.", field=f"filter.{name}"
            )
    return parse_tag_filter(texts)


def tags_chosen(account: Account, wanted: TagFilter) -> AITagQuerySet:
    """The account's machine tags that a filter chooses, in no order."""
    tags = AITag.objects.of_account(account).filter(state__in=wanted.states)
    if wanted.files:
        tags = tags.filter(asset__in=files_matching(account, parse_list_query(wanted.files)).order_by().values("pk"))
    for column, value in (("name", wanted.name), ("source", wanted.source), ("asset__file_id", wanted.file_id)):
        if value:
            tags = tags.filter(**{column: value})
    if wanted.least is not None:
        tags = tags.filter(confidence__gte=wanted.least)
    if wanted.most is not None:
        tags = tags.filter(confidence__lte=wanted.most)
    return tags


def in_words(wanted: TagFilter) -> str:
    """The filter in short, for the audit."""
    parts = {"state": ",".join(wanted.states), "name": wanted.name, "source": wanted.source, "fileId": wanted.file_id}
    for name, bound in (("minConfidence", wanted.least), ("maxConfidence", wanted.most)):
        parts[name] = "" if bound is None else str(bound)
    parts |= wanted.files
    return ", ".join(f"{name}={text}" for name, text in parts.items() if text)


def page_bounds(given: Mapping[str, str]) -> tuple[int, int]:
    """`limit` and `skip` of a list. Raises BadInput."""
    limit = _whole(given, "limit", default=DEFAULT_LIMIT, low=1, high=MOST_LIMIT)
    return limit, _whole(given, "skip", default=0, low=0, high=LARGEST_SKIP)


def _per_cent(values: Mapping[str, str], name: str) -> Decimal | None:
    text = values.get(name)
    if text is None:
        return None
    if not _PER_CENT.match(text) or Decimal(text) > 100:
        raise BadInput(f"{name} must be a number from 0 to 100 with at most two decimals.", field=name)
    return Decimal(text)


def _whole(given: Mapping[str, str], name: str, *, default: int, low: int, high: int) -> int:
    text = given.get(name) or str(default)
    if not _INTEGER.match(text) or not low <= int(text) <= high:
        raise BadInput(f"{name} must be a whole number from {low} to {high}.", field=name)
    return int(text)


def _clean(text: str, name: str) -> str:
    if name in OF_FILES:
        return text  # checked by the list's own rules
    try:
        require_clean_text(text)
    except DomainError as error:
        raise BadInput(f"{name}: {error.message}", field=name) from error
    if len(text) > LONGEST_TEXT:
        raise BadInput(f"{name} may have {LONGEST_TEXT} characters.", field=name)
    return text
