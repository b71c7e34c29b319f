"""Which runs a list shows: the filters of `GET /api/runs` and `manage.py runs`, checked and turned into a query."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils.dateparse import parse_date, parse_datetime

from extensions.models import ExtensionRun
from extensions.querysets import RunQuerySet
from library.identifiers import is_object_id
from mediahub.lib.errors import DomainError
from mediahub.lib.json_input import require_clean_text

MOST = 1000
DEFAULT = 100
LARGEST_SKIP = 2**31
_INTEGER = re.compile(r"\d{1,10}\Z", re.ASCII)


class BadFilter(DomainError):
    """A filter is malformed; `field` names it."""

    code = "invalid_parameter"


@dataclass(frozen=True, kw_only=True)
class RunFilter:
    """What to show, newest first. Empty and None: any."""

    states: tuple[str, ...] = ()
    extension: str = ""
    file_id: str = ""
    backfill_id: str = ""
    since: datetime | None = None
    limit: int = DEFAULT
    skip: int = 0


def parse_filter(given: Mapping[str, str]) -> RunFilter:
    """Read `state` (several by comma), `extension`, `fileId`, `backfill`, `since` (ISO 8601; UTC unless it says
    otherwise), `limit` and `skip`; others are ignored. Raises BadFilter naming the field."""
    values = {name: _clean(value, name) for name, value in given.items() if value != ""}
    states = tuple(dict.fromkeys(item.strip() for item in values.get("state", "").split(",") if item.strip()))
    for state in states:
        if state not in ExtensionRun.State.values:
            known = ", ".join(ExtensionRun.State.values)
            raise BadFilter(f"state: {state[:60]!r} is unknown; known are {known}.", field="state")
    return RunFilter(
        states=states,
        extension=values.get("extension", "")[:100],
        file_id=_object_id(values, "fileId"),
        backfill_id=_object_id(values, "backfill"),
        since=_moment(values["since"]) if "since" in values else None,
        limit=whole_number(values, "limit", default=DEFAULT, low=1, high=MOST),
        skip=whole_number(values, "skip", default=0, low=0, high=LARGEST_SKIP),
    )


def select(runs: RunQuerySet, wanted: RunFilter) -> RunQuerySet:
    """Those of the runs that the filter asks for, in its page, newest first."""
    if wanted.states:
        runs = runs.filter(state__in=wanted.states)
    if wanted.extension:
        runs = runs.filter(extension=wanted.extension)
    if wanted.file_id:
        runs = runs.filter(file_id=wanted.file_id)
    if wanted.backfill_id:
        runs = runs.filter(backfill__backfill_id=wanted.backfill_id)
    if wanted.since:
        runs = runs.filter(created_at__gte=wanted.since)
    return runs.select_related("backfill").order_by("-created_at", "pk")[wanted.skip : wanted.skip + wanted.limit]


def _object_id(values: Mapping[str, str], name: str) -> str:
    text = values.get(name, "")
    if text and not is_object_id(text):
        raise BadFilter(f"{name} must be 24 hexadecimal digits.", field=name)
    return text


def _moment(text: str) -> datetime:
    # A plus sign in a query string that nobody escaped arrives as a blank.
    text = re.sub(r" (\d\d:?\d\d)\Z", r"+\1", text)
    try:
        found = parse_datetime(text)
        day = None if found else parse_date(text)
    except ValueError:
        found = day = None
    if day is not None:
        found = datetime(day.year, day.month, day.day)
    if found is None:
        raise BadFilter("since must be a date or time such as 2026-03-01T12:00:00Z.", field="since")
    try:
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except OverflowError:
        raise BadFilter("since is beyond what a calendar holds.", field="since") from None


def whole_number(values: Mapping[str, str], name: str, *, default: int, low: int, high: int) -> int:
    """A whole number of a query string. Raises BadFilter."""
    text = values.get(name, str(default))
    if not _INTEGER.match(text) or not low <= int(text) <= high:
        raise BadFilter(f"{name} must be a whole number from {low} to {high}.", field=name)
    return int(text)


def _clean(text: str, name: str) -> str:
    try:
        return require_clean_text(text)
    except DomainError as error:
        raise BadFilter(f"{name[:60]}: {error.message}", field=name[:60]) from error
