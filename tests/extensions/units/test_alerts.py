"""Alerts at 50, 80 and 100 per cent: raised once in the transaction that crosses, mailed out of rows, never lost."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from extensions.models import ExtensionRun, UnitAlert, UnitEntry
from extensions.sweeping import TIDYING, Sweeper
from extensions.units import alerts, services
from library.models import Membership
from library.services.accounts import create_account
from mediahub.lib import clock
from tests.extensions.runs.test_races import together
from tests.extensions.scenes import ask_for, make_asset
from tests.factories import UserFactory
from tests.mail_server import mail_server

TAGGER = {"name": "google-auto-tagging", "minConfidence": 0, "maxTags": 5}
DAY_S = 24 * 3600


def percents(account):
    return sorted(UnitAlert.objects.of_account(account).values_list("percent", flat=True))


def plan(account, units, overage=0):
    services.change_plan(account=account, units_per_month=units, overage_units=overage, actor="t")


@pytest.fixture
def asset(new_account):
    return make_asset(new_account.account)


@pytest.fixture
def small(new_account):
    """The account with 260 units a month: one background removal is exactly the half."""
    plan(new_account.account, 260)
    return new_account.account


@pytest.fixture
def smtp(settings):
    """The settings of a mail server that runs; Django's own test backend is put out of the way."""
    with mail_server() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        yield server


@pytest.fixture
def owner_by_mail(new_account):
    user = UserFactory(email="olga@example.com")
    Membership.objects.create(account=new_account.account, user=user, role="owner")
    return user


def test_thresholds_are_reached_at_their_exact_share():
    assert alerts.reached(49, 100) == []
    assert alerts.reached(50, 100) == [50]
    assert alerts.reached(79, 100) == [50]
    assert alerts.reached(80, 100) == [50, 80]
    assert alerts.reached(100, 100) == [50, 80, 100]
    assert alerts.reached(0, 0) == []


@pytest.mark.django_db
class TestRaising:
    def test_a_hold_below_the_half_raises_nothing(self, small, asset):
        ask_for(asset, TAGGER)
        assert percents(small) == []

    def test_a_hold_that_reaches_the_half_raises_one_alert_with_the_balance_of_that_moment(self, small, asset):
        ask_for(asset, "remove-bg")
        [alert] = UnitAlert.objects.of_account(small)
        assert (alert.percent, alert.used, alert.allowed) == (50, 130, 260)

    def test_held_and_spent_units_count_and_overage_belongs_to_the_whole(self, small, asset):
        plan(small, 130, 195)
        [run] = ask_for(asset, "remove-bg")
        assert percents(small) == []
        ExtensionRun.objects.filter(pk=run.pk).update(state="succeeded", finished_at=clock.now())
        services.close(run=run, succeeded=True, now=clock.now())
        ask_for(asset, "remove-bg")
        assert percents(small) == [50, 80]

    def test_one_hold_can_cross_all_three(self, small, asset):
        plan(small, 130)
        ask_for(asset, "remove-bg")
        assert percents(small) == [50, 80, 100]

    def test_a_threshold_that_is_reached_again_raises_no_second_alert(self, small, asset):
        [run] = ask_for(asset, "remove-bg")
        ExtensionRun.objects.filter(pk=run.pk).update(state="failed", finished_at=clock.now(), error_code="x")
        services.close(run=run, succeeded=False, now=clock.now())
        ask_for(asset, "remove-bg")
        assert percents(small) == [50]

    def test_a_grant_leaves_the_alert_and_the_next_threshold_still_raises_its_own(self, small, asset):
        ask_for(asset, "remove-bg")
        services.grant(account=small, amount=65, actor="t", reason="more")
        ask_for(asset, "remove-bg")
        assert percents(small) == [50, 80]

    def test_lowering_the_plan_crosses_too(self, small, asset):
        plan(small, 1000)
        ask_for(asset, "remove-bg")
        assert percents(small) == []
        plan(small, 150)
        assert percents(small) == [50, 80]

    @pytest.mark.rel("L9")
    def test_a_refused_request_leaves_no_alert(self, small, asset):
        with pytest.raises(services.InsufficientUnits):
            plan(small, 129)
            ask_for(asset, "remove-bg")
        assert percents(small) == []

    def test_the_next_month_has_alerts_of_its_own(self, small, asset):
        ask_for(asset, "remove-bg")
        clock.shift(40 * DAY_S)
        ask_for(asset, "remove-bg")
        assert percents(small) == [50, 50]

    @pytest.mark.rel("L13")
    def test_a_run_of_price_zero_raises_nothing(self, small, asset):
        plan(small, 0)
        ask_for(asset, "local-auto-tagging")
        assert percents(small) == []

    def test_crossing_costs_one_statement_and_not_crossing_none(self, small, asset):
        def statements():
            with (
                CaptureQueriesContext(
                    connection,
                ) as seen,
                transaction.atomic(),
            ):
                services.hold(account=small, runs=[ExtensionRun(file_id=asset.file_id, units=65)], now=now)
            return [query["sql"] for query in seen if "unitalert" in query["sql"]]

        services.ledger_for(small, now=(now := clock.now()))
        assert statements() == []
        assert len(statements()) == 1


@pytest.mark.rel("F50")
def test_two_requests_that_cross_at_once_raise_one_alert(committed_db):
    account = create_account(slug="edge", units_per_month=260).account
    asset = make_asset(account)
    results = together(*[lambda: ask_for(asset, "remove-bg")] * 4)
    assert sum(isinstance(one, services.InsufficientUnits) for one in results) == 2
    assert percents(account) == [50, 80, 100]
    assert UnitEntry.objects.filter(kind="hold").count() == 2


@pytest.mark.django_db
class TestMailing:
    def test_the_owners_get_one_message_each_about_the_highest_threshold(self, small, asset, owner_by_mail, smtp):
        other = UserFactory(email="otto@example.com")
        Membership.objects.create(account=small, user=other, role="owner")
        plan(small, 130)
        ask_for(asset, "remove-bg")

        assert alerts.mail_due_alerts() == 1

        assert sorted(smtp.recipients) == ["olga@example.com", "otto@example.com"]
        message = smtp.messages[0]
        assert message["Subject"] == f"acme: 100 % of the units of {clock.now():%B %Y} are used"
        assert "had used 130 of the 130 units" in message.get_content()
        assert "/admin/units/?account=acme" in message.get_content()
        assert all(alert.sent_at and alert.token is None for alert in UnitAlert.objects.of_account(small))
        assert alerts.mail_due_alerts() == 0
        assert len(smtp.messages) == 2

    def test_editors_the_inactive_and_those_without_address_get_none(self, small, asset, owner_by_mail, smtp):
        Membership.objects.create(account=small, user=UserFactory(email="ed@example.com"), role="editor")
        Membership.objects.create(account=small, user=UserFactory(email=""), role="owner")
        gone = UserFactory(email="gone@example.com", is_active=False)
        Membership.objects.create(account=small, user=gone, role="owner")
        ask_for(asset, "remove-bg")
        alerts.mail_due_alerts()
        assert smtp.recipients == ["olga@example.com"]

    def test_the_sweep_mails(self, small, asset, owner_by_mail, smtp):
        ask_for(asset, "remove-bg")
        part = next(part for part in TIDYING if part.name == "alerts")
        assert Sweeper([part]).sweep_once() == {"alerts": 1}
        assert len(smtp.messages) == 1

    def test_no_request_talks_to_the_mail_server(self, small, asset, owner_by_mail, smtp):
        ask_for(asset, "remove-bg")
        assert smtp.messages == []
        assert mail.outbox == []

    def test_a_server_that_is_away_loses_nothing(self, small, asset, owner_by_mail, smtp, settings):
        port, settings.EMAIL_PORT = settings.EMAIL_PORT, 9
        ask_for(asset, "remove-bg")
        assert alerts.mail_due_alerts() == 0
        [alert] = UnitAlert.objects.of_account(small)
        assert alert.sent_at is None
        assert alert.last_error
        settings.EMAIL_PORT = port
        assert alerts.mail_due_alerts() == 0  # it waits a while first
        clock.shift(120)
        assert alerts.mail_due_alerts() == 1
        assert len(smtp.messages) == 1

    def test_whoever_has_the_message_gets_it_no_second_time(self, small, asset, owner_by_mail, smtp):
        Membership.objects.create(account=small, user=UserFactory(email="otto@example.com"), role="owner")
        smtp.refuses.add("otto@example.com")
        ask_for(asset, "remove-bg")
        alerts.mail_due_alerts()
        smtp.refuses.clear()
        clock.shift(120)
        alerts.mail_due_alerts()
        assert smtp.recipients == ["olga@example.com", "otto@example.com"]

    def test_a_refused_address_keeps_no_other_owner_from_the_message(self, small, asset, owner_by_mail, smtp):
        Membership.objects.create(account=small, user=UserFactory(email="otto@example.com"), role="owner")
        smtp.refuses.add("olga@example.com")
        ask_for(asset, "remove-bg")
        assert alerts.mail_due_alerts() == 1
        assert smtp.recipients == ["otto@example.com"]
        [alert] = UnitAlert.objects.of_account(small)
        assert (alert.sent_at, alert.sent_to) == (None, ["otto@example.com"])

    def test_a_sweep_that_died_with_the_lease_is_followed_by_another(self, small, asset, owner_by_mail, smtp):
        ask_for(asset, "remove-bg")
        [alert] = UnitAlert.objects.of_account(small)
        assert alerts._claim(alert.ledger_id, now=clock.now())
        assert alerts._claim(alert.ledger_id, now=clock.now()) == []
        clock.shift(alerts.MAIL_LEASE.total_seconds() + 1)
        assert alerts.mail_due_alerts() == 1

    def test_without_a_mail_server_alerts_stay_due(self, small, asset, owner_by_mail, smtp, settings):
        host, settings.EMAIL_HOST = settings.EMAIL_HOST, ""
        ask_for(asset, "remove-bg")
        assert alerts.mail_due_alerts() == 0
        settings.EMAIL_HOST = host
        assert alerts.mail_due_alerts() == 1

    def test_an_alert_of_last_week_is_mailed_no_more(self, small, asset, owner_by_mail, smtp):
        ask_for(asset, "remove-bg")
        clock.shift(timedelta(days=7, seconds=5).total_seconds())
        assert alerts.mail_due_alerts() == 0

    def test_an_account_name_cannot_add_a_header(self, small, asset, owner_by_mail, smtp):
        small.name = "Evil\nBcc: all@example.com"
        small.save()
        ask_for(asset, "remove-bg")
        alerts.mail_due_alerts()
        assert smtp.messages[0]["Bcc"] is None
        assert smtp.messages[0]["Subject"].startswith("Evil Bcc: all@example.com: 50 %")


@pytest.mark.django_db
class TestBanner:
    def test_it_shows_the_highest_threshold_that_is_reached_at_present(self, small, asset, owner):
        assert alerts.banner_for(small, owner) is None
        ask_for(asset, "remove-bg")
        assert alerts.banner_for(small, owner).percent == 50
        ask_for(asset, "remove-bg")
        shown = alerts.banner_for(small, owner)
        assert (shown.percent, shown.is_exhausted) == (100, True)

    def test_a_grant_brings_it_down_to_the_present_state(self, small, asset, owner):
        ask_for(asset, "remove-bg")
        ask_for(asset, "remove-bg")
        services.grant(account=small, amount=52, actor="t", reason="more")
        assert alerts.banner_for(small, owner).percent == 80
        services.grant(account=small, amount=1000, actor="t", reason="more")
        assert alerts.banner_for(small, owner) is None
        assert percents(small) == [50, 80, 100]

    def test_put_away_by_one_it_stays_for_others_and_a_higher_one_comes(self, small, asset, owner, editor):
        ask_for(asset, "remove-bg")
        alerts.dismiss(account=small, user=owner, percent=50, now=clock.now())
        assert alerts.banner_for(small, owner) is None
        assert alerts.banner_for(small, editor).percent == 50
        ask_for(asset, "remove-bg")
        assert alerts.banner_for(small, owner).percent == 100

    def test_putting_a_high_one_away_puts_the_lower_ones_away(self, small, asset, owner):
        ask_for(asset, "remove-bg")
        ask_for(asset, "remove-bg")
        alerts.dismiss(account=small, user=owner, percent=100, now=clock.now())
        services.grant(account=small, amount=52, actor="t", reason="more")
        assert alerts.banner_for(small, owner) is None

    def test_it_ends_with_the_month(self, small, asset, owner):
        ask_for(asset, "remove-bg")
        clock.shift(40 * DAY_S)
        assert alerts.banner_for(small, owner) is None
