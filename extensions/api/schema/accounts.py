"""What an account used (API 3.12, and our own daily units)."""

from __future__ import annotations

from extensions.api.usage import MOST_DAILY, MOST_DAYS_APART, UNMEASURED
from mediahub.lib.openapi.operations import Answer, Operation
from mediahub.lib.openapi.shapes import Shape, array, mapping, moment, nullable, number, record, ref, text, whole

_TAG = "Account"
_COUNT = whole(low=0)
_NOT_MEASURED = array(mapping(True), "Not measured, so empty.")


def _day(description: str = "") -> Shape:
    return text(description, format="date", examples=["2026-03-01"])


def _days(end: str) -> dict[str, Shape]:
    return {"startDate": _day("First day, UTC."), "endDate": _day(end)}


COMPONENTS: dict[str, Shape] = {
    "Usage": record(
        {
            "bandwidthBytes": whole("Not measured, so 0.", low=0),
            "mediaLibraryStorageBytes": whole("Of every version, now.", low=0),
            "videoProcessingUnitsCount": _COUNT,
            "extensionUnitsCount": whole("Units of runs that succeeded in these days.", low=0),
            "originalCacheStorageBytes": _COUNT,
        },
    ),
    "UsageAnalytics": record(
        {
            "startDate": _day(),
            "endDate": _day(),
            "generatedAt": moment(),
            "requestCount": _COUNT,
            "bandwidthBytes": _COUNT,
            "cache": record({"hitCount": _COUNT, "missCount": _COUNT, "errorCount": _COUNT}),
            "statusCodes": _NOT_MEASURED,
            "errorReasons": _NOT_MEASURED,
            "top404Assets": _NOT_MEASURED,
            "videoProcessing": _NOT_MEASURED,
            "extensions": array(record({"name": text(), "operationCount": _COUNT}), "Runs that succeeded."),
            **{name: record({"byBandwidth": _NOT_MEASURED, "byRequests": _NOT_MEASURED}) for name in UNMEASURED},
        },
    ),
    "DailyUnits": record(
        {
            "startDate": _day(),
            "endDate": _day(),
            "days": array(
                record(
                    {
                        "date": _day(),
                        "units": _COUNT,
                        "runs": _COUNT,
                        "extensions": array(record({"name": text(), "units": _COUNT, "runs": _COUNT})),
                    }
                ),
                most=MOST_DAILY,
            ),
            "forecast": record(
                {
                    "periodStart": _day(),
                    "unitsPerDay": number("At the pace of this month.", low=0),
                    "spentAtEnd": _COUNT,
                    "exhaustedOn": nullable(_day("Null: not in this month.")),
                }
            ),
        },
    ),
}

OPERATIONS: dict[str, Operation] = {
    "GET /v1/accounts/usage": Operation(
        id="getUsage",
        tag=_TAG,
        summary="Totals",
        query=_days(f"The day after the last, UTC; less than {MOST_DAYS_APART} days later."),
        required_query=("startDate", "endDate"),
        answers={200: Answer("The totals.", ref("Usage"))},
    ),
    "GET /v1/accounts/usage-analytics": Operation(
        id="getUsageAnalytics",
        tag=_TAG,
        summary="Operations of extensions",
        query=_days(f"Last day, UTC; less than {MOST_DAYS_APART} days later."),
        required_query=("startDate", "endDate"),
        answers={200: Answer("The operations.", ref("UsageAnalytics"))},
    ),
    "GET /api/units/daily": Operation(
        id="getDailyUnits",
        tag=_TAG,
        summary="Units of each day by extension, and this month's forecast",
        description="Ours alone. Without dates: this month.",
        query=_days(f"Last day, UTC; the range may have {MOST_DAILY} days."),
        answers={200: Answer("The days.", ref("DailyUnits"))},
    ),
}
