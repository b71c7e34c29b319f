"""Overage packs: grants of a fixed size with the reason `pack`; and every run's entries carry the price of its hold."""

import pytest

from extensions.models import ExtensionRun, UnitEntry
from extensions.units import audit, reports, services
from mediahub.lib import clock
from tests.extensions.scenes import ask_for, make_asset

pytestmark = pytest.mark.django_db


def test_each_pack_is_a_grant_of_its_own(account, settings):
    settings.MEDIAHUB_UNITS_PACK_SIZE = 400
    services.add_packs(account=account, packs=2, actor="olga")
    entries = UnitEntry.objects.of_account(account).filter(reason="pack")
    assert list(entries.values_list("kind", "amount", "actor")) == [("grant", 400, "olga")] * 2
    assert services.balance(account, now=clock.now()).granted == account.units_per_month + 800
    assert reports.packs_of(services.ledger_for(account, now=clock.now())) == reports.Packs(2, 800)
    assert audit.differences() == []


@pytest.mark.parametrize("packs", [0, -1, 21])
def test_a_count_out_of_range_adds_nothing(account, packs):
    with pytest.raises(services.BadAmount):
        services.add_packs(account=account, packs=packs, actor="olga")
    assert not UnitEntry.objects.exists()


def test_packs_end_with_their_month(account):
    services.add_packs(account=account, packs=1, actor="olga")
    clock.shift(40 * 24 * 3600)
    assert services.balance(account, now=clock.now()).granted == account.units_per_month
    assert reports.packs_of(services.ledger_for(account, now=clock.now())) == reports.Packs(0, 0)


@pytest.mark.rel("L8")
@pytest.mark.parametrize("succeeded", [True, False])
def test_hold_and_close_carry_the_price_of_the_day(new_account, settings, succeeded):
    [run] = ask_for(make_asset(new_account.account), "remove-bg")
    settings.MEDIAHUB_UNIT_PRICES = {**settings.MEDIAHUB_UNIT_PRICES, "remove-bg": 999}
    state = {"state": "succeeded"} if succeeded else {"state": "failed", "error_code": "x"}
    ExtensionRun.objects.filter(pk=run.pk).update(finished_at=clock.now(), **state)
    services.close(run=run, succeeded=succeeded, now=clock.now())
    prices = UnitEntry.objects.filter(run_id=run.pk).values_list("kind", "price", "amount")
    assert set(prices) == {("hold", 130, 130), ("post" if succeeded else "void", 130, 130)}
