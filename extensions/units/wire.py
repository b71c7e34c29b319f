"""Estimates as JSON objects of our own API, for `/api/estimates`, dry runs of backfills and commands."""

from __future__ import annotations

from typing import Any

from extensions.units.estimates import Estimate


def estimate_object(found: Estimate) -> dict[str, Any]:
    """An estimate as JSON."""
    return {
        "files": found.files,
        "runs": found.runs,
        "units": found.units,
        "byExtension": [
            {"name": line.name, "runs": line.runs, "unitsEach": line.units_each, "units": line.units}
            for line in found.lines
        ],
        "skipped": reasons(found.skipped),
        "available": found.available,
        "enough": found.is_enough,
    }


def reasons(skipped: dict[str, int]) -> list[dict[str, Any]]:
    """Counts by reason, in the order of the reasons."""
    return [{"reason": reason, "count": count} for reason, count in sorted(skipped.items())]
