"""The ledger: balances follow from entries, entries never change, holds close once (REL section 2)."""

import uuid
from datetime import date

import pytest
from django.db import DatabaseError, connection, transaction

from extensions.models import ExtensionRun, UnitEntry, UnitLedger
from extensions.units import audit, services
from mediahub.lib import clock
from tests.extensions.scenes import ask_for, make_asset

pytestmark = pytest.mark.django_db
Kind = UnitEntry.Kind


@pytest.fixture
def ledger(account):
    account.units_per_month, account.overage_units = 300, 50
    account.save()
    return services.ledger_for(account, now=clock.now())


def entry(ledger, kind, amount, run_id=None):
    with transaction.atomic():
        return UnitEntry.objects.create(ledger=ledger, kind=kind, amount=amount, run_id=run_id, created_at=clock.now())


def columns(ledger):
    ledger.refresh_from_db()
    return ledger.granted, ledger.held, ledger.spent


@pytest.mark.rel("L1")
def test_every_entry_moves_its_columns(ledger):
    first, second = uuid.uuid4(), uuid.uuid4()
    entry(ledger, Kind.HOLD, 130, first)
    entry(ledger, Kind.HOLD, 2, second)
    entry(ledger, Kind.POST, 130, first)
    entry(ledger, Kind.VOID, 2, second)
    entry(ledger, Kind.ADJUST_UP, 7)
    entry(ledger, Kind.ADJUST_DOWN, 3)
    assert columns(ledger) == (304, 0, 130)


@pytest.mark.rel("L1")
@pytest.mark.parametrize("column", ["granted", "held", "spent"])
def test_columns_cannot_be_written_directly(ledger, column):
    with pytest.raises(DatabaseError), transaction.atomic():
        UnitLedger.objects.filter(pk=ledger.pk).update(**{column: 5})


@pytest.mark.rel("L1")
def test_a_ledger_cannot_be_made_with_a_balance(account):
    with pytest.raises(DatabaseError), transaction.atomic():
        UnitLedger.objects.create(account=account, period_start=date(2020, 1, 1), granted=5, created_at=clock.now())


@pytest.mark.rel("L2")
def test_a_hold_beyond_grant_and_overage_is_refused(ledger):
    entry(ledger, Kind.HOLD, 350, uuid.uuid4())
    with pytest.raises(DatabaseError):
        entry(ledger, Kind.HOLD, 1, uuid.uuid4())
    assert columns(ledger) == (300, 350, 0)


@pytest.mark.rel("L2")
def test_an_adjustment_below_what_is_held_is_refused(ledger):
    entry(ledger, Kind.HOLD, 300, uuid.uuid4())
    with pytest.raises(DatabaseError):
        entry(ledger, Kind.ADJUST_DOWN, 51)


@pytest.mark.rel("L3")
@pytest.mark.parametrize(
    "tamper",
    [
        lambda one: UnitEntry.objects.filter(pk=one.pk).update(amount=1),
        lambda one: UnitEntry.objects.filter(pk=one.pk).delete(),
        lambda one: UnitEntry.objects.filter(pk=one.pk)._raw_delete("default"),
        lambda one: UnitLedger.objects.filter(pk=one.ledger_id)._raw_delete("default"),
    ],
    ids=["change", "delete", "raw delete", "delete the ledger"],
)
def test_entries_and_ledgers_cannot_be_tampered_with(ledger, tamper):
    one = entry(ledger, Kind.HOLD, 130, uuid.uuid4())
    with pytest.raises(DatabaseError), transaction.atomic():
        tamper(one)
    assert columns(ledger) == (300, 130, 0)


@pytest.mark.rel("L3")
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no TRUNCATE")
def test_entries_cannot_be_truncated(ledger):
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE extensions_unitentry")


@pytest.mark.rel("L4")
def test_a_run_holds_once(ledger):
    run = uuid.uuid4()
    entry(ledger, Kind.HOLD, 1, run)
    with pytest.raises(DatabaseError):
        entry(ledger, Kind.HOLD, 1, run)


@pytest.mark.rel("L5")
@pytest.mark.parametrize("second", [Kind.POST, Kind.VOID])
def test_a_hold_closes_once(ledger, second):
    run = uuid.uuid4()
    entry(ledger, Kind.HOLD, 1, run)
    entry(ledger, Kind.POST, 1, run)
    with pytest.raises(DatabaseError):
        entry(ledger, second, 1, run)


@pytest.mark.rel("L6")
@pytest.mark.parametrize("kind", [Kind.POST, Kind.VOID])
def test_a_close_without_its_hold_or_with_another_amount_is_refused(ledger, kind):
    run = uuid.uuid4()
    with pytest.raises(DatabaseError):
        entry(ledger, kind, 130, run)
    entry(ledger, Kind.HOLD, 130, run)
    with pytest.raises(DatabaseError):
        entry(ledger, kind, 129, run)


@pytest.mark.rel("L6", "L11")
def test_a_close_on_another_ledger_is_refused(ledger, account):
    run = uuid.uuid4()
    entry(ledger, Kind.HOLD, 1, run)
    other = UnitLedger.objects.create(account=account, period_start=date(2020, 1, 1), created_at=clock.now())
    with pytest.raises(DatabaseError):
        entry(other, Kind.POST, 1, run)


@pytest.mark.rel("L7")
@pytest.mark.parametrize("amount", [0, -5])
def test_amounts_are_above_zero(ledger, amount):
    with pytest.raises(DatabaseError):
        entry(ledger, Kind.GRANT, amount)


@pytest.mark.rel("L8")
def test_a_price_change_touches_no_open_run(new_account, settings):
    asset = make_asset(new_account.account)
    [run] = ask_for(asset, "remove-bg")
    settings.MEDIAHUB_UNIT_PRICES = {**settings.MEDIAHUB_UNIT_PRICES, "remove-bg": 999}
    ExtensionRun.objects.filter(pk=run.pk).update(state="failed", finished_at=clock.now(), error_code="x")
    closed = services.close(run=run, succeeded=True, now=clock.now())
    assert (closed.amount, closed.price) == (130, 130)


@pytest.mark.rel("L9")
def test_holds_of_a_request_are_all_placed_or_none(new_account):
    services.change_plan(account=new_account.account, units_per_month=131, overage_units=0, actor="t")
    asset = make_asset(new_account.account)
    blocks = ["remove-bg", {"name": "google-auto-tagging", "minConfidence": 0, "maxTags": 5}]
    with pytest.raises(services.InsufficientUnits, match=r"^Extensions quota exceeded\.$"):
        ask_for(asset, *blocks)
    assert not ExtensionRun.objects.exists()
    assert not UnitEntry.objects.filter(kind=Kind.HOLD).exists()


@pytest.mark.rel("L10")
def test_the_first_need_of_a_month_grants_the_plan_once(account):
    first = services.ledger_for(account, now=clock.now())
    second = services.ledger_for(account, now=clock.now())
    assert first.pk == second.pk
    assert list(first.entries.values_list("kind", "amount")) == [("grant", account.units_per_month)]


@pytest.mark.rel("L11")
def test_a_run_is_posted_to_the_month_that_held_it(new_account):
    asset = make_asset(new_account.account)
    [run] = ask_for(asset, "remove-bg")
    held = UnitLedger.objects.get()
    clock.shift(40 * 24 * 3600)
    closed = services.close(run=run, succeeded=True, now=clock.now())
    assert closed.ledger_id == held.pk
    assert services.balance(new_account.account, now=clock.now()).spent == 0


@pytest.mark.rel("L12")
def test_a_plan_cannot_be_lowered_below_what_is_used(new_account):
    account = new_account.account
    ask_for(make_asset(account), "remove-bg")
    with pytest.raises(services.InsufficientUnits):
        services.change_plan(account=account, units_per_month=129, overage_units=0, actor="olga")
    services.change_plan(account=account, units_per_month=130, overage_units=0, actor="olga")
    last = UnitEntry.objects.first()
    assert (last.kind, last.amount, last.actor) == ("adjust_down", 9870, "olga")
    assert "10000 to 130" in last.reason


@pytest.mark.rel("L13")
def test_a_run_of_price_zero_needs_no_ledger(new_account):
    ask_for(make_asset(new_account.account), "local-auto-tagging")
    assert not UnitLedger.objects.exists()


@pytest.mark.rel("L14")
def test_the_audit_passes_on_open_and_closed_runs(new_account):
    asset = make_asset(new_account.account)
    [run] = ask_for(asset, "remove-bg")
    ask_for(asset, {"name": "aws-auto-tagging", "minConfidence": 0, "maxTags": 5})
    ExtensionRun.objects.filter(pk=run.pk).update(state="succeeded", finished_at=clock.now())
    services.close(run=run, succeeded=True, now=clock.now())
    assert audit.differences() == []


@pytest.mark.rel("L14")
def test_the_audit_names_a_terminal_run_whose_hold_is_open_and_repairs_it_by_adding(new_account):
    [run] = ask_for(make_asset(new_account.account), "remove-bg")
    ExtensionRun.objects.filter(pk=run.pk).update(state="failed", finished_at=clock.now(), error_code="x")
    assert [(one.kind, one.subject) for one in audit.differences()] == [("hold_not_closed", str(run.pk))]
    assert audit.repair() == 1
    assert audit.differences() == []
    assert UnitEntry.objects.filter(run_id=run.pk).values_list("kind", flat=True)[0] == "void"


@pytest.mark.rel("L14")
def test_the_audit_names_a_close_that_came_too_early_and_a_hold_without_a_run(new_account, ledger):
    [run] = ask_for(make_asset(new_account.account), "remove-bg")
    services.close(run=run, succeeded=True, now=clock.now())
    entry(ledger, Kind.HOLD, 1, uuid.uuid4())
    assert sorted(one.kind for one in audit.differences()) == ["closed_too_early", "run_missing"]


def test_a_grant_needs_an_amount_and_a_reason(account):
    with pytest.raises(services.BadAmount):
        services.grant(account=account, amount=0, actor="t", reason="x")
    with pytest.raises(services.BadAmount):
        services.grant(account=account, amount=5, actor="t", reason=" ")
    services.grant(account=account, amount=5, actor="t", reason="support case")
    assert services.balance(account, now=clock.now()).granted == account.units_per_month + 5
