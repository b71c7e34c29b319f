"""Pure: the periods that units are counted by. A plan's period is a UTC calendar month, a report's step a UTC day."""

from datetime import UTC, date, datetime, time, timedelta


def period_of(moment: datetime) -> date:
    """First day of the UTC calendar month."""
    return moment.astimezone(UTC).date().replace(day=1)


def end_of_period(start: date) -> date:
    """First day of the month after; `start` is the first day of its own."""
    return (start + timedelta(days=32)).replace(day=1)


def start_of_day(day: date) -> datetime:
    """The moment at which a UTC day begins."""
    return datetime.combine(day, time.min, UTC)


def days_between(first: date, last: date) -> list[date]:
    """Every day from first to last, both included."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
