"""Units: grant them monthly, hold them at request, post them at success, void them otherwise (REL L1 to L14).

Every balance follows from entries by database triggers; these services insert entries and nothing else. `hold` asks
the ledger first, under its lock, so that on PostgreSQL a refusal does not abort the caller's transaction.
"""

from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings
from django.db import IntegrityError, transaction

from extensions.models import ExtensionRun, UnitEntry, UnitLedger
from extensions.units.alerts import raise_alerts
from extensions.units.periods import period_of
from library.models import Account
from mediahub.lib import clock
from mediahub.lib.errors import DomainError

PACK = "pack"
"""The reason of grants that are packs; `extensions.units.reports` counts them by it."""
MOST_PACKS = 20


class InsufficientUnits(DomainError):
    """The account's units for this month do not suffice (API 2.8)."""

    code = "insufficient_units"


class BadAmount(DomainError):
    """Units are whole numbers above zero."""

    code = "bad_amount"


@dataclass(frozen=True)
class Balance:
    """An account's units in one period. `available` is what can still be held, overage included."""

    period_start: date
    granted: int
    overage: int
    held: int
    spent: int
    available: int


def ledger_for(account: Account, *, now: datetime) -> UnitLedger:
    """This month's ledger, made with its monthly grant by whoever needs it first (REL L10)."""
    ledgers = UnitLedger.objects.filter(account=account, period_start=period_of(now))
    found = ledgers.first()
    if found is not None:
        return found
    try:
        return _open_ledger(account, now=now)
    except IntegrityError:
        # Another request made it between our look and our insert.
        return ledgers.get()


def _locked_ledger(account: Account, *, now: datetime) -> UnitLedger:
    """This month's ledger under its lock, in one query once it is there."""
    ledgers = UnitLedger.objects.select_for_update().filter(account=account, period_start=period_of(now))
    return ledgers.first() or ledgers.get(pk=ledger_for(account, now=now).pk)


@transaction.atomic
def _open_ledger(account: Account, *, now: datetime) -> UnitLedger:
    ledger = UnitLedger.objects.create(
        account=account, period_start=period_of(now), overage=account.overage_units, created_at=now
    )
    if account.units_per_month:
        UnitEntry.objects.create(
            ledger=ledger,
            kind=UnitEntry.Kind.GRANT,
            amount=account.units_per_month,
            reason="monthly plan",
            created_at=now,
        )
    ledger.refresh_from_db()
    return ledger


def balance(account: Account, *, now: datetime) -> Balance:
    """The account's units this month; before the first need, what the plan would grant. Writes nothing."""
    ledger = UnitLedger.objects.filter(account=account, period_start=period_of(now)).first()
    if ledger is None:
        granted, overage = account.units_per_month, account.overage_units
        return Balance(period_of(now), granted, overage, 0, 0, granted + overage)
    return Balance(ledger.period_start, ledger.granted, ledger.overage, ledger.held, ledger.spent, ledger.available)


def hold(*, account: Account, runs: list[ExtensionRun], now: datetime) -> list[UnitEntry]:
    """Hold each run's units, all or none, inside the caller's transaction (REL L9).

    Runs of price 0 need no entry. Raises InsufficientUnits before writing anything if the sum is not available.
    """
    priced = [run for run in runs if run.units > 0]
    if not priced:
        return []
    ledger = _locked_ledger(account, now=now)
    needed = sum(run.units for run in priced)
    if ledger.available < needed:
        raise InsufficientUnits("Extensions quota exceeded.")
    raise_alerts(ledger, used=ledger.used + needed, allowed=ledger.allowed, now=now)
    return UnitEntry.objects.bulk_create(
        UnitEntry(
            ledger=ledger,
            kind=UnitEntry.Kind.HOLD,
            amount=run.units,
            price=run.units,
            run_id=run.pk,
            extension=run.extension,
            file_id=run.file_id,
            created_at=now,
        )
        for run in priced
    )


def close(*, run: ExtensionRun, succeeded: bool, now: datetime) -> UnitEntry | None:
    """Post a run's hold if it succeeded, void it otherwise, on the ledger that holds it (REL L11).

    Runs inside the transaction that ends the run. None for a run that held nothing.
    """
    if not run.units:
        return None
    held = UnitEntry.objects.filter(run_id=run.pk, kind=UnitEntry.Kind.HOLD).first()
    if held is None:
        return None
    # No lock first: there is nothing to decide, and the trigger's UPDATE takes the ledger's for the shortest time.
    return UnitEntry.objects.create(
        ledger_id=held.ledger_id,
        kind=UnitEntry.Kind.POST if succeeded else UnitEntry.Kind.VOID,
        amount=held.amount,
        price=held.price,
        run_id=run.pk,
        extension=held.extension,
        file_id=held.file_id,
        created_at=now,
    )


@transaction.atomic
def grant(*, account: Account, amount: int, actor: str, reason: str) -> UnitEntry:
    """Add units to this month, once. Raises BadAmount unless amount > 0 and a reason is given."""
    if amount <= 0 or amount > 10**12:
        raise BadAmount("Units to grant must be a whole number above zero.", field="amount")
    if not reason.strip():
        raise BadAmount("A grant needs a reason.", field="reason")
    now = clock.now()
    ledger = _locked_ledger(account, now=now)
    return UnitEntry.objects.create(
        ledger=ledger,
        kind=UnitEntry.Kind.GRANT,
        amount=amount,
        actor=actor[:150],
        reason=reason.strip()[:300],
        created_at=now,
    )


@transaction.atomic
def add_packs(*, account: Account, packs: int, actor: str) -> list[UnitEntry]:
    """Add packs of MEDIAHUB_UNITS_PACK_SIZE units to this month, a grant with the reason `pack` for each.

    Raises BadAmount unless 1 <= packs <= MOST_PACKS.
    """
    if not 1 <= packs <= MOST_PACKS:
        raise BadAmount(f"Packs must be a whole number from 1 to {MOST_PACKS}.", field="packs")
    size = settings.MEDIAHUB_UNITS_PACK_SIZE
    return [grant(account=account, amount=size, actor=actor, reason=PACK) for _ in range(packs)]


@transaction.atomic
def change_plan(*, account: Account, units_per_month: int, overage_units: int, actor: str) -> UnitLedger:
    """Change the monthly allowance and overage from now on, this month included, by an `adjust` entry (REL L12).

    Raises InsufficientUnits if less would remain than is held and spent already.
    """
    now = clock.now()
    ledger = _locked_ledger(account, now=now)
    # Read under the lock: of two changes at once the second must see what the first one did.
    account.refresh_from_db()
    difference = units_per_month - account.units_per_month
    if ledger.granted + difference + overage_units < ledger.held + ledger.spent or ledger.granted + difference < 0:
        raise InsufficientUnits("This month's held and spent units are more than the new plan allows.")
    # The wider bound first, so that no statement in between breaks the ledger's check.
    if overage_units >= ledger.overage:
        UnitLedger.objects.filter(pk=ledger.pk).update(overage=overage_units)
    if difference:
        UnitEntry.objects.create(
            ledger=ledger,
            kind=UnitEntry.Kind.ADJUST_UP if difference > 0 else UnitEntry.Kind.ADJUST_DOWN,
            amount=abs(difference),
            actor=actor[:150],
            reason=f"plan changed from {account.units_per_month} to {units_per_month} a month",
            created_at=now,
        )
    UnitLedger.objects.filter(pk=ledger.pk).update(overage=overage_units)
    allowed = ledger.granted + difference + overage_units
    raise_alerts(ledger, used=ledger.used, allowed=allowed, now=now)
    Account.objects.filter(pk=account.pk).update(units_per_month=units_per_month, overage_units=overage_units)
    account.refresh_from_db()
    ledger.refresh_from_db()
    return ledger
