"""Which backfills to show: the filters of `/api/backfills` and of `manage.py backfill list`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from extensions.models import Backfill
from extensions.querysets import BackfillQuerySet
from extensions.runs.selecting import BadFilter, whole_number

MOST = 100
DEFAULT = 20
LARGEST_SKIP = 2**31


@dataclass(frozen=True, kw_only=True)
class BackfillFilter:
    """What to show, newest first. states: empty for any."""

    states: tuple[str, ...] = ()
    limit: int = DEFAULT
    skip: int = 0


def parse_filter(given: Mapping[str, str]) -> BackfillFilter:
    """Read `state` (several by comma), `limit` and `skip`; others are ignored. Raises BadFilter naming the field."""
    values = {name: text for name, text in given.items() if text != ""}
    states = tuple(dict.fromkeys(item.strip() for item in values.get("state", "").split(",") if item.strip()))
    for state in states:
        if state not in Backfill.State.values:
            known = ", ".join(Backfill.State.values)
            raise BadFilter(f"state: {state[:60]!r} is unknown; known are {known}.", field="state")
    return BackfillFilter(
        states=states,
        limit=whole_number(values, "limit", default=DEFAULT, low=1, high=MOST),
        skip=whole_number(values, "skip", default=0, low=0, high=LARGEST_SKIP),
    )


def select(backfills: BackfillQuerySet, wanted: BackfillFilter) -> BackfillQuerySet:
    """Those of the backfills that the filter asks for, in its page, newest first."""
    if wanted.states:
        backfills = backfills.filter(state__in=wanted.states)
    return backfills.order_by("-created_at", "-pk")[wanted.skip : wanted.skip + wanted.limit]
