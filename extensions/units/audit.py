"""The audit of the ledger: recompute every balance from its entries and compare open and closed runs (REL L1, L14).

`manage.py check_ledger` prints what this finds; `repair` adds the entries that are missing and changes none.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from django.db import transaction
from django.db.models import Case, Exists, F, IntegerField, OuterRef, Sum, Value, When
from django.db.models.functions import Coalesce

from extensions.models import ExtensionRun, UnitEntry, UnitLedger
from extensions.units.services import close
from mediahub.lib import clock

Kind = UnitEntry.Kind


@dataclass(frozen=True)
class Difference:
    """One thing that does not add up: what kind, which account, which run or ledger, and a sentence."""

    kind: str
    account: str
    subject: str
    detail: str

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def differences() -> list[Difference]:
    """Everything that is wrong in the ledgers; an empty list when all of it adds up."""
    return [*_balances(), *_terminal_without_close(), *_closed_without_end(), *_holds_without_run(), *_double_uses()]


@transaction.atomic
def repair() -> int:
    """Add the posts and voids that terminal runs lack, and return how many. Nothing else can be repaired by adding."""
    added = 0
    for run in _terminal_runs_with_open_hold():
        close(run=run, succeeded=run.state == ExtensionRun.State.SUCCEEDED, now=clock.now())
        added += 1
    return added


def _signed(up: list[str], down: list[str]) -> Coalesce:
    amounts = Case(
        When(entries__kind__in=up, then=F("entries__amount")),
        When(entries__kind__in=down, then=-F("entries__amount")),
        default=Value(0),
        output_field=IntegerField(),
    )
    return Coalesce(Sum(amounts), 0)


def _balances() -> Iterator[Difference]:
    ledgers = UnitLedger.objects.select_related("account").annotate(
        sum_granted=_signed([Kind.GRANT, Kind.ADJUST_UP], [Kind.ADJUST_DOWN]),
        sum_held=_signed([Kind.HOLD], [Kind.POST, Kind.VOID]),
        sum_spent=_signed([Kind.POST], []),
    )
    for ledger in ledgers.iterator():
        for name in ("granted", "held", "spent"):
            stored, summed = getattr(ledger, name), getattr(ledger, f"sum_{name}")
            if stored != summed:
                yield Difference(
                    "balance", ledger.account.slug, str(ledger), f"{name} is {stored}, its entries sum to {summed}"
                )


def _closes() -> Exists:
    return Exists(UnitEntry.objects.filter(run_id=OuterRef("pk"), kind__in=[Kind.POST, Kind.VOID]))


def _holds() -> Exists:
    return Exists(UnitEntry.objects.filter(run_id=OuterRef("pk"), kind=Kind.HOLD))


def _terminal_runs_with_open_hold() -> list[ExtensionRun]:
    terminal = ExtensionRun.objects.filter(state__in=ExtensionRun.TERMINAL).select_related("account")
    return list(terminal.filter(_holds(), ~_closes()))


def _terminal_without_close() -> Iterator[Difference]:
    for run in _terminal_runs_with_open_hold():
        yield Difference("hold_not_closed", run.account.slug, str(run.pk), f"{run.state} but its hold is still open")
    priced = ExtensionRun.objects.filter(units__gt=0).filter(~_holds()).select_related("account")
    for run in priced:
        yield Difference("hold_missing", run.account.slug, str(run.pk), f"costs {run.units} but nothing was held")


def _closed_without_end() -> Iterator[Difference]:
    for run in ExtensionRun.objects.open().filter(_closes()).select_related("account"):
        yield Difference("closed_too_early", run.account.slug, str(run.pk), f"{run.state} but posted or voided")


def _holds_without_run() -> Iterator[Difference]:
    runs = ExtensionRun.objects.filter(pk=OuterRef("run_id"))
    orphans = UnitEntry.objects.filter(run_id__isnull=False).filter(~Exists(runs)).select_related("ledger__account")
    for entry in orphans:
        yield Difference("run_missing", entry.ledger.account.slug, str(entry.run_id), f"{entry} names no run")


def _double_uses() -> Iterator[Difference]:
    wrong = (
        UnitEntry.objects.filter(kind__in=[Kind.POST, Kind.VOID])
        .annotate(
            succeeded=Exists(ExtensionRun.objects.filter(pk=OuterRef("run_id"), state=ExtensionRun.State.SUCCEEDED)),
            ended=Exists(ExtensionRun.objects.filter(pk=OuterRef("run_id"), state__in=ExtensionRun.TERMINAL)),
        )
        .filter(ended=True)
        .select_related("ledger__account")
    )
    for entry in wrong.filter(kind=Kind.POST, succeeded=False) | wrong.filter(kind=Kind.VOID, succeeded=True):
        yield Difference(
            "wrong_close", entry.ledger.account.slug, str(entry.run_id), f"{entry} does not fit the run's end"
        )
