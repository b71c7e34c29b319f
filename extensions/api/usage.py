"""What an account used: `GET /v1/accounts/usage` and `usage-analytics` (API 3.12), and our own `GET /api/units/daily`.

All three answer from the ledger, the runs and the versions at the moment of asking. What this server does not measure
(delivery traffic, videos, an original cache) is zero or empty; docs/units.md lists it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Sum
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from extensions.units import reports
from extensions.units.periods import end_of_period, period_of, start_of_day
from extensions.units.services import balance
from library import wire
from library.api.auth import key_user
from library.api.serializers import BadInput
from library.models import Account, AssetVersion
from mediahub.lib import clock

MOST_DAYS_APART = 90
MOST_DAILY = 366
UNMEASURED = (
    "browser",
    "country",
    "device",
    "format",
    "topImages",
    "topImageTransforms",
    "topVideos",
    "topVideoTransforms",
    "topOtherAssets",
    "topReferrers",
    "topUserAgents",
    "urlEndpoints",
)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)


@dataclass(frozen=True)
class Days:
    """UTC days from first to last, both included."""

    first: date
    last: date

    @property
    def start(self) -> datetime:
        return start_of_day(self.first)

    @property
    def end(self) -> datetime:
        """The moment after the last day."""
        return start_of_day(self.last + timedelta(days=1))


class UsageView(APIView):
    """Totals from startDate on and before endDate. Storage is what is stored now, whatever the dates."""

    resource_group = "account"

    def get(self, request: Request) -> Response:
        account = key_user(request).account
        first, end = _dates(request.query_params)
        if first >= end:
            raise BadInput("startDate must be before endDate.", field="startDate")
        days = Days(first, end - timedelta(days=1))
        return Response(
            {
                "bandwidthBytes": 0,
                "mediaLibraryStorageBytes": _stored_bytes(account),
                "videoProcessingUnitsCount": 0,
                "extensionUnitsCount": reports.units_posted(account, start=days.start, end=days.end),
                "originalCacheStorageBytes": 0,
            }
        )


class UsageAnalyticsView(APIView):
    """Operations of extensions from startDate to endDate, both included; successful runs, not units."""

    resource_group = "account"

    def get(self, request: Request) -> Response:
        account = key_user(request).account
        first, last = _dates(request.query_params)
        if first > last:
            raise BadInput("startDate must not be after endDate.", field="startDate")
        days = Days(first, last)
        done = reports.operations(account, start=days.start, end=days.end)
        return Response(
            {
                "startDate": first.isoformat(),
                "endDate": last.isoformat(),
                "generatedAt": wire.iso(clock.now()),
                "requestCount": 0,
                "bandwidthBytes": 0,
                "cache": {"hitCount": 0, "missCount": 0, "errorCount": 0},
                "statusCodes": [],
                "errorReasons": [],
                "top404Assets": [],
                "videoProcessing": [],
                "extensions": [{"name": name, "operationCount": count} for name, count in done],
                **{name: {"byBandwidth": [], "byRequests": []} for name in UNMEASURED},
            }
        )


class DailyUnitsView(APIView):
    """Units posted on each UTC day by extension, of this month or any range, and this month's forecast. Ours alone."""

    resource_group = "account"

    def get(self, request: Request) -> Response:
        account, now = key_user(request).account, clock.now()
        days = _range(request.query_params, now=now)
        present = balance(account, now=now)
        ahead = reports.forecast(present, now=now)
        return Response(
            {
                "startDate": days.first.isoformat(),
                "endDate": days.last.isoformat(),
                "days": [_day(day) for day in reports.daily(account, first=days.first, last=days.last)],
                "forecast": {
                    "periodStart": present.period_start.isoformat(),
                    "unitsPerDay": ahead.units_per_day,
                    "spentAtEnd": ahead.spent_at_end,
                    "exhaustedOn": ahead.exhausted_on.isoformat() if ahead.exhausted_on else None,
                },
            }
        )


def _day(day: reports.Day) -> dict[str, Any]:
    spent = [{"name": item.extension, "units": item.units, "runs": item.runs} for item in day.spent]
    return {"date": day.date.isoformat(), "units": day.units, "runs": day.runs, "extensions": spent}


def _range(query: Mapping[str, str], *, now: datetime) -> Days:
    """The days asked for, both dates or neither; without any, the present month. Raises BadInput."""
    if not query.get("startDate") and not query.get("endDate"):
        first = period_of(now)
        return Days(first, end_of_period(first) - timedelta(days=1))
    first, last = _date(query, "startDate"), _date(query, "endDate")
    if first > last:
        raise BadInput("startDate must not be after endDate.", field="startDate")
    if (last - first).days >= MOST_DAILY:
        raise BadInput(f"startDate and endDate may span at most {MOST_DAILY} days.", field="endDate")
    return Days(first, last)


def _dates(query: Mapping[str, str]) -> tuple[date, date]:
    """startDate and endDate, both required and less than 90 days apart. Raises BadInput."""
    first, last = _date(query, "startDate"), _date(query, "endDate")
    if (last - first).days >= MOST_DAYS_APART:
        raise BadInput(f"startDate and endDate must be less than {MOST_DAYS_APART} days apart.", field="endDate")
    return first, last


def _date(query: Mapping[str, str], name: str) -> date:
    text = query.get(name, "")
    if not text:
        raise BadInput(f"{name} is required, as YYYY-MM-DD.", field=name)
    try:
        found = date.fromisoformat(text) if _DATE.match(text) else None
    except ValueError:
        found = None
    # The last years of the calendar leave no day after them, and the databases disagree about the first ones.
    if found is None or not 1970 <= found.year <= 9998:
        raise BadInput(f"{name} must be a date as YYYY-MM-DD.", field=name)
    return found


def _stored_bytes(account: Account) -> int:
    """Bytes of every version, also of those that are not current; thumbnails are left out."""
    stored = AssetVersion.objects.of_account(account).aggregate(bytes=Sum("size_bytes"))["bytes"]
    return int(stored or 0)
