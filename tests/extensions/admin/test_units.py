"""The units page: balances to read, grants and plans for owners, lines that nobody can change."""

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext

from extensions.models import ExtensionRun, UnitAlertDismissal, UnitEntry, UnitLedger, WebhookAttempt
from extensions.units.services import balance, change_plan, close
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


class TestPacks:
    def test_an_owner_adds_packs_and_an_audit_line_says_so(self, client, owner, scene, settings):
        settings.MEDIAHUB_UNITS_PACK_SIZE = 300
        client.force_login(owner)
        before = left(scene.account)

        client.post("/admin/units/packs/", {"packs": "2"})

        assert left(scene.account) == before + 600
        assert AuditEntry.objects.get(action="packs.added").detail == {"packs": 2, "units": 600}
        page = client.get("/admin/units/").content.decode()
        assert "2, 600 units in all" in page

    @pytest.mark.parametrize("packs", ["0", "21", "-1", "1.5", "", "x"])
    def test_a_bad_count_adds_nothing(self, client, owner, scene, packs):
        client.force_login(owner)
        before = left(scene.account)

        response = client.post("/admin/units/packs/", {"packs": packs}, follow=True)

        assert "notice-bad" in response.content.decode()
        assert left(scene.account) == before
        assert not AuditEntry.objects.filter(action="packs.added").exists()


def spend(scene):
    """End the scene's run well, so that its 130 units are spent."""
    ExtensionRun.objects.filter(pk=scene.run.pk).update(state="succeeded", finished_at=clock.now())
    close(run=scene.run, succeeded=True, now=clock.now())


class TestChart:
    def test_what_was_spent_is_drawn_and_stands_in_a_table(self, client, viewer, scene):
        spend(scene)
        client.force_login(viewer)

        response = client.get("/admin/units/")

        assert [day.units for day in response.context["chart"].spent_days] == [130]
        page = response.content.decode()
        assert '<rect class="series-1"' in page
        assert "Units spent by day" in page
        assert '<td data-label="Extension">remove-bg</td>' in page

    def test_a_month_without_spending_says_so(self, client, viewer, scene):
        client.force_login(viewer)
        assert "Nothing was spent in this month yet" in client.get("/admin/units/").content.decode()

    def test_an_earlier_month_is_drawn_for_itself(self, client, viewer, scene):
        spend(scene)
        month = clock.now()
        clock.shift(40 * 24 * 3600)
        client.force_login(viewer)
        assert client.get("/admin/units/").context["chart"].units == 0
        assert client.get(f"/admin/units/?month={month:%Y-%m}").context["chart"].units == 130


class TestBanner:
    @pytest.fixture
    def half(self, scene):
        change_plan(account=scene.account, units_per_month=260, overage_units=0, actor="t")
        return scene

    @pytest.mark.parametrize("who", ["viewer", "editor", "owner"])
    @pytest.mark.parametrize("name", ["files", "file", "runs", "units", "providers"])
    def test_it_is_on_every_page_of_the_account(self, client, people, half, who, name):
        client.force_login(people[who])
        assert "50 % of this month’s units are used:" in client.get(half.url(name)).content.decode()

    @pytest.mark.rel("S6")
    def test_strangers_and_visitors_do_not_see_it(self, client, people, half):
        assert "units are used" not in client.get("/admin/login/").content.decode()
        client.force_login(people["stranger"])
        assert "units are used" not in client.get("/admin/files/").content.decode()

    def test_put_away_it_leads_back_to_the_page_and_stays_away(self, client, people, half):
        client.force_login(people["viewer"])
        form = {"account": half.account.slug, "percent": "50", "next": "/admin/runs/?state=failed"}

        response = client.post("/admin/units/alert/dismiss/", form)

        assert response.url == "/admin/runs/?state=failed"
        assert "units are used" not in client.get("/admin/runs/").content.decode()
        client.force_login(people["owner"])
        assert "units are used" in client.get("/admin/runs/").content.decode()

    @pytest.mark.rel("A7")
    @pytest.mark.parametrize(
        "after", ["https://evil.example/", "//evil.example/", "javascript:x", "", "/\\evil.example/"]
    )
    def test_the_way_back_leads_nowhere_else(self, client, people, half, after):
        client.force_login(people["viewer"])
        form = {"account": half.account.slug, "percent": "50", "next": after}
        assert client.post("/admin/units/alert/dismiss/", form).url == "/admin/units/"

    @pytest.mark.parametrize("percent", ["", "51", "1e9", "²", "-50"])
    def test_an_unknown_threshold_puts_nothing_away(self, client, people, half, percent):
        client.force_login(people["viewer"])
        client.post("/admin/units/alert/dismiss/", {"account": half.account.slug, "percent": percent})
        assert "units are used" in client.get("/admin/units/").content.decode()

    @pytest.mark.rel("S6")
    def test_nobody_puts_away_what_is_another_accounts(self, client, people, half):
        client.force_login(people["stranger"])
        form = {"account": half.account.slug, "percent": "50"}
        assert client.post("/admin/units/alert/dismiss/", form).status_code == 409
        assert not UnitAlertDismissal.objects.exists()

    def test_pages_without_alerts_pay_one_query(self, client, people, scene):
        client.force_login(people["viewer"])
        with CaptureQueriesContext(connection) as seen:
            client.get("/admin/providers/")
        assert len([query for query in seen if "unitalert" in query["sql"]]) == 1
