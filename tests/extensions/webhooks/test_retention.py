"""What is kept of finished deliveries and for how long, and sending many again by command (REL W18)."""

import io
import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from extensions.models import WebhookAttempt, WebhookDelivery
from extensions.webhooks import retention
from extensions.webhooks.retention import sweep_old_deliveries
from extensions.webhooks.services import NotReplayable, replay
from library.services.accounts import create_account
from mediahub.lib import clock
from tests.factories import WebhookAttemptFactory, WebhookDeliveryFactory

pytestmark = pytest.mark.django_db


def finished(days_ago, **columns):
    moment = clock.now() - timedelta(days=days_ago)
    columns = {"state": "delivered", "finished_at": moment, "created_at": moment} | columns
    delivery = WebhookDeliveryFactory(**columns)
    WebhookAttemptFactory(delivery=delivery)
    return delivery


def fresh(delivery):
    return WebhookDelivery.objects.get(pk=delivery.pk)


@pytest.mark.rel("W18")
def test_bodies_go_after_30_days_and_the_log_stays():
    young, old = finished(29), finished(31)
    counts = sweep_old_deliveries()
    assert (counts["erased_bodies"], counts["removed_deliveries"]) == (1, 0)
    assert bytes(fresh(young).body)
    assert (bytes(fresh(old).body), fresh(old).last_status, old.attempts.count()) == (b"", old.last_status, 1)
    assert fresh(old).body_erased_at is not None
    assert sweep_old_deliveries()["erased_bodies"] == 0


def test_rows_go_with_their_attempts_after_90_days():
    finished(91)
    kept = finished(89)
    assert sweep_old_deliveries()["removed_deliveries"] == 1
    assert list(WebhookDelivery.objects.all()) == [kept]
    assert WebhookAttempt.objects.count() == 1


def test_what_is_still_tried_is_never_touched():
    open_one = WebhookDeliveryFactory(created_at=clock.now() - timedelta(days=400))
    sweep_old_deliveries()
    assert bytes(fresh(open_one).body)


def test_a_large_log_is_worked_off_in_batches(monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    monkeypatch.setattr(retention, "MOST_BATCHES", 2)
    for _ in range(5):
        finished(100)
    assert sweep_old_deliveries()["removed_deliveries"] == 4
    assert sweep_old_deliveries() == {"erased_bodies": 1, "removed_deliveries": 1, "erased_secrets": 0}


def test_the_terms_are_settings(settings):
    settings.MEDIAHUB_WEBHOOK_RETENTION_DAYS = 2
    settings.MEDIAHUB_WEBHOOK_LOG_DAYS = 4
    three, five = finished(3), finished(5)
    sweep_old_deliveries()
    assert bytes(fresh(three).body) == b""
    assert not WebhookDelivery.objects.filter(pk=five.pk).exists()


@pytest.mark.rel("W18")
def test_what_has_no_body_any_more_is_not_sent_again(settings):
    settings.MEDIAHUB_WEBHOOK_RETENTION_DAYS = 2
    delivery = finished(3)
    sweep_old_deliveries()
    with pytest.raises(NotReplayable):
        replay(delivery=fresh(delivery), actor="olga")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL plans small tables by scanning them")
@pytest.mark.parametrize(("is_erased", "index"), [(False, "delivery_with_body"), (True, "delivery_without_body")])
def test_an_index_finds_what_is_old(is_erased, index):
    old = WebhookDelivery.objects.filter(finished_at__isnull=False, body_erased_at__isnull=not is_erased)
    plan = old.filter(finished_at__lt=clock.now()).order_by("finished_at").explain()
    assert index in plan


def run(*words):
    output = io.StringIO()
    call_command("replay_webhooks", *words, stdout=output)
    return output.getvalue()


@pytest.mark.rel("W18")
def test_the_command_counts_and_sends_again(monkeypatch):
    from extensions.webhooks import services

    monkeypatch.setattr(services, "MOST_REPLAYED_AT_ONCE", 2)
    account = create_account(slug="acme").account
    mine = [finished(1, account=account, state="expired") for _ in range(5)]
    finished(1)
    assert json.loads(run("--dry-run", "--json")) == {"count": 6, "dryRun": True}
    assert json.loads(run("--account", "acme", "--json")) == {"count": 5, "dryRun": False}
    assert {fresh(row).state for row in mine} == {"pending"}


def test_the_command_takes_receiver_time_and_failures_into_account():
    finished(1, state="expired", receiver="https://a.example:443")
    finished(1, state="delivered", receiver="https://a.example:443")
    finished(9, state="expired", receiver="https://a.example:443")
    since = (clock.now() - timedelta(days=2)).isoformat()
    words = ["--receiver", "https://a.example/", "--since", since]
    assert "2 deliveries can be sent again" in run(*words, "--dry-run")
    assert "1 deliveries will be sent again" in run(*words, "--only-failed")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "Say which"),
        (["--account", "nobody"], "no account"),
        (["--receiver", "nonsense"], "--receiver"),
        (["--since", "soon"], "--since"),
    ],
)
def test_the_command_refuses_what_cannot_be_meant(words, says):
    with pytest.raises(CommandError, match=says):
        run(*words)
