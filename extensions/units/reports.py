"""What was spent and what will be: units by UTC day and extension, a month's forecast, packs, counts of operations.

Everything is read from the ledger and the runs at the moment of asking; nothing is kept beside them. The API's usage
endpoints and the page Units call these.
"""

import math
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Count, DateField, Func, Sum
from django.db.models.sql.compiler import SQLCompiler

from extensions.models import ExtensionRun, UnitEntry, UnitLedger
from extensions.units.periods import days_between, end_of_period, start_of_day
from extensions.units.services import PACK, Balance
from library.models import Account


class UtcDay(Func):
    """The UTC day of a stored moment. SQLite stores text; Django's TruncDate would call Python for every row of it."""

    output_field = DateField()
    template = "((%(expressions)s) AT TIME ZONE 'UTC')::date"

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, template="substr(%(expressions)s, 1, 10)", **extra)


@dataclass(frozen=True)
class Spent:
    """Units posted for an extension, and by how many runs."""

    extension: str
    units: int
    runs: int


@dataclass(frozen=True)
class Day:
    """One UTC day: what was posted in it, by extension in the order of names."""

    date: date
    spent: tuple[Spent, ...]

    @property
    def units(self) -> int:
        return sum(item.units for item in self.spent)

    @property
    def runs(self) -> int:
        return sum(item.runs for item in self.spent)


@dataclass(frozen=True)
class Forecast:
    """A month's end if it goes on as it did so far. exhausted_on: the UTC day when nothing is left, if one comes."""

    units_per_day: float
    spent_at_end: int
    exhausted_on: date | None


@dataclass(frozen=True)
class Packs:
    """How many packs were added to a ledger, and the units in them."""

    count: int
    units: int


def units_posted(account: Account, *, start: datetime, end: datetime) -> int:
    """Units spent from `start` on and before `end`, on whichever month's ledger they were held."""
    posts = UnitEntry.objects.of_account(account).posted_between(start, end)
    return posts.aggregate(units=Sum("amount"))["units"] or 0


def operations(account: Account, *, start: datetime, end: datetime) -> list[tuple[str, int]]:
    """Successful runs by extension, priced or not, that ended from `start` on and before `end`; in order of names."""
    runs = ExtensionRun.objects.of_account(account).succeeded_between(start, end)
    return list(runs.values_list("extension").annotate(count=Count("pk")).order_by("extension"))


def daily(account: Account, *, first: date, last: date) -> list[Day]:
    """Every day from first to last, both included; days on which nothing was posted, too."""
    posts = UnitEntry.objects.of_account(account).posted_between(
        start_of_day(first), start_of_day(last + timedelta(days=1))
    )
    rows = (
        posts.values_list(UtcDay("created_at"), "extension")
        .annotate(units=Sum("amount"), runs=Count("pk"))
        .order_by("extension")
    )
    found: dict[date, list[Spent]] = defaultdict(list)
    for day, extension, units, runs in rows:
        found[day].append(Spent(extension, units, runs))
    return [Day(day, tuple(found[day])) for day in days_between(first, last)]


def forecast(present: Balance, *, now: datetime) -> Forecast:
    """The balance's month carried on in a straight line. The first day counts as whole, so that an hour is no trend."""
    start, end = start_of_day(present.period_start), start_of_day(end_of_period(present.period_start))
    elapsed = max(1.0, (min(now, end) - start) / timedelta(days=1))
    rate = present.spent / elapsed
    spent_at_end = max(present.spent, round(rate * ((end - start) / timedelta(days=1))))
    return Forecast(round(rate, 2), spent_at_end, _exhausted_on(present, rate, now=min(now, end), end=end))


def _exhausted_on(present: Balance, rate: float, *, now: datetime, end: datetime) -> date | None:
    """What is held counts as spent: it is not available for anything else."""
    if present.available <= 0:
        return now.astimezone(UTC).date()
    if rate <= 0 or present.available / rate > (end - now) / timedelta(days=1):
        return None
    moment = now + timedelta(days=math.floor(present.available / rate * 1000) / 1000)
    return moment.astimezone(UTC).date() if moment < end else None


def packs_of(ledger: UnitLedger | None) -> Packs:
    """The packs added to a month; none where there is no ledger yet."""
    if ledger is None:
        return Packs(0, 0)
    found = ledger.entries.filter(kind=UnitEntry.Kind.GRANT, reason=PACK).aggregate(
        count=Count("pk"), units=Sum("amount")
    )
    return Packs(found["count"], found["units"] or 0)
