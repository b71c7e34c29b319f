"""Units: the balance, the ledger's lines (never changed here, REL A8), plans by owners and grants by superusers."""

from datetime import date

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from extensions.models import UnitEntry, UnitLedger
from extensions.units.periods import period_of
from extensions.units.services import Balance, balance, change_plan, grant
from library.admin.paging import page_of
from library.adminsite import back_to, page, show
from library.desks import Desk, Role
from library.models import Account
from library.services.accounts import audit
from mediahub.lib import clock
from mediahub.lib.errors import DomainError

PAGE_SIZE = 40
LARGEST = 10**9


@page("units/", name="units")
def units(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Balance, entries of this month's ledger or an earlier one's, and the balances of one's other accounts."""
    now = clock.now()
    ledgers = list(UnitLedger.objects.filter(account=desk.account)[:24])
    wanted = request.GET.get("month", "")
    ledger = next((item for item in ledgers if f"{item.period_start:%Y-%m}" == wanted), None)
    entries = UnitEntry.objects.filter(ledger__account=desk.account)
    entries = entries.filter(ledger=ledger) if ledger else entries.filter(ledger__period_start=period_of(now))
    present = balance(desk.account, now=now)
    context = {
        "title": "Units",
        "nav": "units",
        "balance": present,
        "bar": _bar(present),
        "ledgers": ledgers,
        "ledger": ledger,
        "others": _balances([item for item in desk.accounts if item.pk != desk.account.pk]),
        **page_of(request, entries, size=PAGE_SIZE),
    }
    return show(request, "extensions/units.html", context)


@page("units/grant/", name="units-grant", role=Role.OWNER, methods=("POST",))
def grant_units(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Add units to this month, once, with a reason. Only the operator gives units away, so owners cannot."""
    if not desk.is_superuser:
        raise PermissionDenied
    reason = request.POST.get("reason", "")
    try:
        amount = _whole(request, "amount")
        with transaction.atomic():
            grant(account=desk.account, amount=amount, actor=desk.actor, reason=reason)
            detail = {"units": amount, "reason": reason.strip()[:300]}
            audit(account=desk.account, actor=desk.actor, action="units.granted", detail=detail)
        messages.success(request, f"{amount} units are granted.")
    except DomainError as error:
        messages.error(request, error.message)
    return back_to(request, desk, "units")


@page("units/plan/", name="units-plan", role=Role.OWNER, methods=("POST",))
def plan(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Change the monthly allowance and the overage, this month included."""
    try:
        wanted = {name: _whole(request, name) for name in ("units_per_month", "overage_units")}
        with transaction.atomic():
            change_plan(account=desk.account, actor=desk.actor, **wanted)
            audit(account=desk.account, actor=desk.actor, action="plan.changed", detail=wanted)
        messages.success(request, "The plan is changed.")
    except DomainError as error:
        messages.error(request, error.message)
    return back_to(request, desk, "units")


def _whole(request: HttpRequest, name: str) -> int:
    text = request.POST.get(name, "").strip()
    if not (text.isascii() and text.isdigit() and int(text) <= LARGEST):
        raise DomainError(
            f"{name.replace('_', ' ').capitalize()} must be a whole number from 0 to {LARGEST}.", field=name
        )
    return int(text)


def _bar(present: Balance) -> dict[str, float]:
    """Widths of the meter's parts in per cent of everything that may be spent."""
    whole = max(1, present.granted + present.overage)
    return {"spent": round(100 * present.spent / whole, 2), "held": round(100 * present.held / whole, 2)}


def _balances(accounts: list[Account]) -> list[tuple[Account, Balance]]:
    """Balances of several accounts in one query."""
    period_start = period_of(clock.now())
    ledgers = {
        item.account_id: item for item in UnitLedger.objects.filter(account__in=accounts, period_start=period_start)
    }
    return [(account, _balance_from(account, ledgers.get(account.pk), period_start)) for account in accounts]


def _balance_from(account: Account, ledger: UnitLedger | None, period_start: date) -> Balance:
    if ledger is None:
        granted, overage = account.units_per_month, account.overage_units
        return Balance(period_start, granted, overage, 0, 0, granted + overage)
    return Balance(ledger.period_start, ledger.granted, ledger.overage, ledger.held, ledger.spent, ledger.available)
