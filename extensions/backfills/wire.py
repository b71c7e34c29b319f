"""A backfill as a JSON object of our own API, and what became of its runs; docs/backfills.md lists the members."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Sum

from extensions.models import Backfill, ExtensionRun
from extensions.units.wire import reasons
from library.wire import iso

State = ExtensionRun.State


@dataclass(frozen=True)
class Outcome:
    """What became of a backfill's runs, each counted by its latest try. units: spent. held: set aside for open ones."""

    open: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    units: int = 0
    held: int = 0

    @property
    def requested(self) -> int:
        return self.open + self.succeeded + self.failed + self.cancelled


def outcomes(backfills: Sequence[Backfill]) -> dict[int, Outcome]:
    """The outcomes of several backfills by primary key, read from the runs in one query."""
    keys = [backfill.pk for backfill in backfills]
    runs = ExtensionRun.objects.filter(backfill__in=keys).latest_tries().order_by()
    found: dict[int, dict[str, tuple[int, int]]] = defaultdict(dict)
    for key, state, count, units in runs.values_list("backfill", "state").annotate(Count("pk"), Sum("units")):
        found[key][state] = (count, units)
    return {key: _outcome(found[key]) for key in keys}


def _outcome(by_state: dict[str, tuple[int, int]]) -> Outcome:
    def of(*states: State) -> tuple[int, int]:
        counts = [by_state.get(state, (0, 0)) for state in states]
        return sum(count for count, _ in counts), sum(units for _, units in counts)

    is_open, held = of(State.QUEUED, State.RUNNING)
    succeeded, units = of(State.SUCCEEDED)
    return Outcome(is_open, succeeded, of(State.FAILED)[0], of(State.CANCELLED)[0], units, held)


def backfill_object(backfill: Backfill, outcome: Outcome | None = None) -> dict[str, Any]:
    """What was asked for, how far it is, what became of the runs, and why it stopped if it did."""
    outcome = outcome or outcomes([backfill])[backfill.pk]
    return {
        "id": backfill.backfill_id,
        "state": backfill.state,
        "extensions": backfill.blocks,
        "filter": backfill.filter,
        "skipDone": backfill.skip_done,
        "unitLimit": backfill.unit_limit,
        "webhookUrl": backfill.webhook_url or None,
        "percent": backfill.percent,
        "files": {"found": backfill.files_found, "lookedAt": backfill.files_seen},
        "runs": {
            "requested": outcome.requested,
            "open": outcome.open,
            "succeeded": outcome.succeeded,
            "failed": outcome.failed,
            "cancelled": outcome.cancelled,
        },
        "skipped": reasons(backfill.skipped),
        "units": {"spent": outcome.units, "held": outcome.held},
        "reason": {"code": backfill.error_code, "message": backfill.error_message} if backfill.error_code else None,
        "requestedBy": backfill.actor or None,
        "createdAt": iso(backfill.created_at),
        "finishedAt": iso(backfill.finished_at) if backfill.finished_at else None,
    }
