"""What extensions on many files would cost, asked before anything is: runs, units, and which files they would refuse.

The API's `/api/estimates`, pages and commands call `estimate` with any query set of an account's assets, so that each
way of choosing files can have one. The rules are those by which a run fails at once (`extensions.runs.asking`) or its
result cannot be kept; such runs cost nothing, so they count as skipped.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, Count, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.db.models.fields import CharField

from extensions.catalog import CATALOG, Extension
from extensions.units.services import balance
from library.models import Account, Asset, AssetVersion
from library.models.asset import MAX_VERSIONS

UNSUPPORTED = "unsupported_file_type"
ANIMATED = "animated_not_supported"
FULL = "version_limit_exceeded"


@dataclass(frozen=True)
class Line:
    """One extension's part of an estimate."""

    name: str
    runs: int
    units_each: int

    @property
    def units(self) -> int:
        return self.runs * self.units_each


@dataclass(frozen=True)
class Estimate:
    """files: how many were asked about. skipped: files on which an extension asked for would not run, by reason.
    available: units that the account can still hold this month."""

    files: int
    lines: tuple[Line, ...]
    skipped: dict[str, int]
    available: int

    @property
    def runs(self) -> int:
        return sum(line.runs for line in self.lines)

    @property
    def units(self) -> int:
        return sum(line.units for line in self.lines)

    @property
    def is_enough(self) -> bool:
        return self.units <= self.available


@dataclass(frozen=True)
class _Group:
    """Files that are alike in what extensions make of them. fault: the reason why none runs, or ""."""

    fault: str
    is_animated: bool
    is_full: bool
    files: int

    def refusal(self, extension: Extension) -> str:
        """Why this extension would not run on these files; "" if it would."""
        return refusal(extension, fault=self.fault, is_animated=self.is_animated, is_full=self.is_full)


def estimate(*, account: Account, assets: "QuerySet[Asset]", names: Sequence[str], now: datetime) -> Estimate:
    """Runs and units of these extensions on the current versions of the account's assets, in two or three queries.

    assets: further narrowed to the account. names: of the catalogue, each once.
    """
    groups = _groups(assets.filter(account=account))
    skipped: Counter[str] = Counter()
    for group in groups:
        for reason in {group.refusal(CATALOG[name]) for name in names} - {""}:
            skipped[reason] += group.files
    lines = tuple(
        Line(name, sum(group.files for group in groups if not group.refusal(CATALOG[name])), CATALOG[name].units)
        for name in names
    )
    total = sum(group.files for group in groups)
    return Estimate(total, lines, dict(skipped), balance(account, now=now).available)


def refusal(extension: Extension, *, fault: str, is_animated: bool, is_full: bool) -> str:
    """Why an extension would not run on a file with these facts; "" if it would."""
    if fault:
        return fault
    if is_animated and not extension.accepts_animated:
        return ANIMATED
    return FULL if is_full and extension.makes_version else ""


def with_facts(assets: "QuerySet[Asset]") -> "QuerySet[Any]":
    """Assets with `fault`, why no extension runs on them or "", and `may_be_full`, whether to count their versions."""
    is_image = Q(current_version__mime__startswith="image/") & ~Q(current_version__mime="image/svg+xml")
    fault = Case(
        When(~is_image, then=Value(UNSUPPORTED)),
        default=F("current_version__problem"),
        output_field=CharField(),
    )
    last = AssetVersion.objects.filter(asset=OuterRef("pk"), number__gte=MAX_VERSIONS)
    # Numbers are distinct and begin at 1, so a file that holds as many versions as it may has this one or a later.
    return assets.annotate(fault=fault, may_be_full=Exists(last))


def _groups(assets: "QuerySet[Asset]") -> list[_Group]:
    known = with_facts(assets.order_by())
    rows = known.values_list("fault", "current_version__is_animated", "may_be_full").annotate(files=Count("pk"))
    groups: list[_Group] = []
    for found, is_animated, may_be_full, files in rows:
        full = _full(known, found, is_animated) if may_be_full else 0
        groups += [_Group(found, is_animated, True, full), _Group(found, is_animated, False, files - full)]
    return [group for group in groups if group.files]


def _full(known: "QuerySet[Any]", fault: str, is_animated: bool) -> int:
    """How many of the files of one kind hold as many versions as they may."""
    alike = known.filter(fault=fault, current_version__is_animated=is_animated)
    return int(alike.annotate(held=Count("versions")).filter(held__gte=MAX_VERSIONS).count())
