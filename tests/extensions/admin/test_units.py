"""The units page: balances to read, grants and plans for owners, lines that nobody can change."""

import pytest
from django.contrib import admin

from extensions.models import UnitEntry, UnitLedger, WebhookAttempt
from extensions.units.services import balance
from library.models import AuditEntry, Membership
from library.services.accounts import create_account
from mediahub.lib import clock


def left(account) -> int:
    return balance(account, now=clock.now()).available


def test_balance_and_lines_are_shown(client, viewer, scene):
    client.force_login(viewer)

    response = client.get("/admin/units/")

    assert response.context["balance"].held == 130
    assert [entry.kind for entry in response.context["page"].object_list] == ["hold", "grant"]


def test_looking_at_the_balance_writes_no_ledger(client, viewer, new_account):
    client.force_login(viewer)
    client.get("/admin/units/")

    assert not UnitLedger.objects.exists()


@pytest.mark.rel("A8")
def test_a_grant_adds_an_entry_and_an_audit_line(admin_client, scene):
    before = left(scene.account)

    admin_client.post("/admin/units/grant/", {"amount": "500", "reason": "trade fair"})

    assert left(scene.account) == before + 500
    assert UnitEntry.objects.get(kind="grant", reason="trade fair").actor == "admin"
    assert AuditEntry.objects.get(action="units.granted").detail == {"units": 500, "reason": "trade fair"}


@pytest.mark.parametrize(
    ("amount", "reason"), [("0", "x"), ("-5", "x"), ("1.5", "x"), ("²", "x"), ("", "x"), ("5", " ")]
)
def test_a_bad_grant_changes_nothing(admin_client, scene, amount, reason):
    before = left(scene.account)

    response = admin_client.post("/admin/units/grant/", {"amount": amount, "reason": reason}, follow=True)

    assert "notice-bad" in response.content.decode()
    assert left(scene.account) == before
    assert not AuditEntry.objects.filter(action="units.granted").exists()


@pytest.mark.rel("S6")
def test_owners_grant_themselves_nothing(client, owner, scene):
    client.force_login(owner)
    before = left(scene.account)

    assert client.post("/admin/units/grant/", {"amount": "500", "reason": "please"}).status_code == 403
    assert left(scene.account) == before
    assert "units/grant/" not in client.get("/admin/units/").content.decode()


def test_the_plan_can_be_changed_for_this_month_too(client, owner, scene):
    client.force_login(owner)

    client.post("/admin/units/plan/", {"units_per_month": "20000", "overage_units": "50"})

    scene.account.refresh_from_db()
    assert (scene.account.units_per_month, scene.account.overage_units) == (20000, 50)
    assert left(scene.account) == 20050 - 130
    assert AuditEntry.objects.filter(action="plan.changed").exists()


def test_a_plan_below_what_is_spent_is_refused(client, owner, scene):
    client.force_login(owner)

    response = client.post("/admin/units/plan/", {"units_per_month": "100", "overage_units": "0"}, follow=True)

    assert "more than the new plan allows" in response.content.decode()
    scene.account.refresh_from_db()
    assert scene.account.units_per_month == 10_000


def test_other_accounts_of_ones_own_are_listed(client, owner, scene):
    Membership.objects.create(account=create_account(slug="second").account, user=owner, role="viewer")
    create_account(slug="foreign")
    client.force_login(owner)

    others = client.get("/admin/units/").context["others"]

    assert [account.slug for account, _ in others] == ["second"]


@pytest.mark.rel("A8")
@pytest.mark.parametrize("model", [UnitEntry, UnitLedger, WebhookAttempt])
def test_no_table_page_lets_lines_be_changed(model):
    assert not admin.site.is_registered(model)
