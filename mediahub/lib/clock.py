"""One clock for due times, leases and periods: the database's, plus an offset that only tests set (REL J19).

Asking the database keeps workers whose own clocks disagree in step. Services ask once and pass `now` on.
"""

from datetime import UTC, datetime, timedelta

from django.db import connection
from django.utils.dateparse import parse_datetime

_offset = timedelta()

_SQL = {
    "postgresql": "SELECT clock_timestamp()",
    "sqlite": "SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')",
}


def now() -> datetime:
    """The present moment in UTC, to the millisecond on SQLite and the microsecond on PostgreSQL."""
    with connection.cursor() as cursor:
        cursor.execute(_SQL[connection.vendor])
        value = cursor.fetchone()[0]
    moment = datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else value.astimezone(UTC)
    return moment + _offset


def read_moment(text: str) -> datetime | None:
    """A date and time as people and clients write it, such as 2026-03-01T00:00:00Z, in UTC; None if it is none.

    Without an offset it is taken as UTC.
    """
    try:
        moment = parse_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC) if moment else None
    except (ValueError, OverflowError):
        return None


def shift(seconds: float) -> None:
    """Move this process's clock by so many seconds from the true time; 0 sets it right. For tests."""
    global _offset
    _offset = timedelta(seconds=seconds)
