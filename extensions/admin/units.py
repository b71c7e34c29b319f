"""Units: the balance, its days and forecast, the ledger's lines (never changed here, REL A8), plans, packs and alerts.

Owners change the plan and add packs; superusers also grant. Everybody may put the banner of an alert away.
"""

from datetime import date, datetime, timedelta
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme

from extensions.admin.charts import chart_of
from extensions.models import UnitEntry, UnitLedger
from extensions.units.alerts import THRESHOLDS, dismiss
from extensions.units.periods import end_of_period, period_of
from extensions.units.reports import daily, forecast, packs_of
from extensions.units.services import MOST_PACKS, Balance, add_packs, balance, change_plan, grant
from library.admin.paging import page_of
from library.adminsite import back_to, page, show
from library.desks import Desk, Role
from library.models import Account
from library.services.accounts import audit
from mediahub.lib import clock
from mediahub.lib.errors import DomainError

PAGE_SIZE = 40
LARGEST = 10**9
LONGEST_WAY_BACK = 2000


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
    shown = ledger or next((item for item in ledgers if item.period_start == present.period_start), None)
    context = {
        "title": "Units",
        "nav": "units",
        "balance": present,
        "bar": _bar(present),
        "forecast": forecast(present, now=now),
        "packs": packs_of(shown),
        "alerts": list(shown.alerts.all()) if shown else [],
        "is_mailed": bool(settings.EMAIL_HOST),
        "pack_size": settings.MEDIAHUB_UNITS_PACK_SIZE,
        "most_packs": MOST_PACKS,
        **_chart(desk.account, ledger.period_start if ledger else present.period_start, now=now),
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


@page("units/packs/", name="units-packs", role=Role.OWNER, methods=("POST",))
def packs(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Add overage packs to this month."""
    try:
        count = _whole(request, "packs")
        with transaction.atomic():
            entries = add_packs(account=desk.account, packs=count, actor=desk.actor)
            units = sum(entry.amount for entry in entries)
            audit(account=desk.account, actor=desk.actor, action="packs.added", detail={"packs": count, "units": units})
        messages.success(request, f"{units} units are added.")
    except DomainError as error:
        messages.error(request, error.message)
    return back_to(request, desk, "units")


@page("units/alert/dismiss/", name="units-alert-dismiss", methods=("POST",))
def dismiss_alert(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Put the banner away for the person who asks, and go on where they were."""
    if request.POST.get("percent") in {str(percent) for percent in THRESHOLDS}:
        user = cast(AbstractBaseUser, request.user)
        dismiss(account=desk.account, user=user, percent=int(request.POST["percent"]), now=clock.now())
    after = request.POST.get("next", "")
    is_path = after.startswith("/") and len(after) <= LONGEST_WAY_BACK
    if is_path and url_has_allowed_host_and_scheme(after, allowed_hosts={request.get_host()}):
        return HttpResponseRedirect(after)
    return back_to(request, desk, "units")


def _chart(account: Account, period_start: date, *, now: datetime) -> dict[str, Any]:
    days = daily(account, first=period_start, last=end_of_period(period_start) - timedelta(days=1))
    return {"chart": chart_of(days, today=now.date()), "period": period_start}


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
