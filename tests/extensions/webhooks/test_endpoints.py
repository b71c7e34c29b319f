"""Endpoints for events: what switches one off, what becomes of what waits, how secrets change (REL W7, W12, W21)."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.db import connections
from standardwebhooks.webhooks import Webhook

from extensions.models import RetiredSecret, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from extensions.webhooks.delivery import deliver_one
from extensions.webhooks.endpoints import (
    BadEndpoint,
    EndpointChanges,
    TooManyEndpoints,
    create_endpoint,
    delete_endpoint,
    send_test,
    update_endpoint,
)
from extensions.webhooks.retention import sweep_old_deliveries
from extensions.webhooks.rotation import MOST_RETIRED, rotate_secret
from extensions.webhooks.services import NotReplayable, replay
from library.models import AuditEntry
from library.services.accounts import create_account
from mediahub.lib import clock
from tests import receivers
from tests.conftest import _member
from tests.extensions.scenes import ask_for, make_asset
from tests.receivers import Receiver

DAY_S = 24 * 3600


@pytest.fixture
def told(listen, new_account):
    """An event on its way to an endpoint at this URL."""

    def make(url):
        listen(url, events=["file.created"])
        make_asset(new_account.account)
        return WebhookDelivery.objects.get(kind="event")

    return make


def fresh(row):
    return type(row).objects.get(pk=row.pk)


def signed_by(secret, request):
    """Whether Standard Webhooks' own library makes one of the request's signatures with this secret."""
    headers = request.headers
    moment = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    made = Webhook(secret).sign(headers["webhook-id"], moment, request.body.decode())
    return made in headers["webhook-signature"].split()


@pytest.mark.django_db
@pytest.mark.rel("W2")
@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_2xx_delivers_an_event(told, status):
    with Receiver(receivers.answer(status, b"")) as receiver:
        delivery = told(receiver.url)
        deliver_one()
    assert (fresh(delivery).state, fresh(delivery).last_status) == ("delivered", status)


@pytest.mark.django_db
@pytest.mark.rel("W7", "F55")
def test_a_410_switches_the_endpoint_off_and_cancels_what_waits(told, new_account, owner, settings):
    settings.EMAIL_HOST = "mail.example"
    owner.email = "olga@example.test"
    owner.save()
    with Receiver(receivers.gone()) as receiver:
        delivery = told(receiver.url)
        waiting = make_asset(new_account.account, name="second.png")
        deliver_one()
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.enabled, endpoint.disabled_reason) == (False, "gone")
    assert fresh(delivery).state == "gone"
    other = WebhookDelivery.objects.get(file_id=waiting.file_id)
    assert (other.state, other.last_reason) == ("cancelled", "switched_off")
    entry = AuditEntry.objects.get(action="webhook.endpoint-switched-off")
    assert (entry.actor, entry.detail["reason"]) == ("system", "gone")


@pytest.mark.rel("W21")
def test_owners_are_mailed_when_their_endpoint_is_switched_off(committed_db, settings):
    settings.EMAIL_HOST = "mail.example"
    settings.MEDIAHUB_ALLOWED_PRIVATE_NETWORKS = ("127.0.0.0/8",)
    account = create_account(slug="acme").account
    owner = _member(account, "owner", "olga")
    owner.email = "olga@example.test"
    owner.save()
    with Receiver(receivers.gone()) as receiver:
        create_endpoint(account=account, url=receiver.url, events=["file.created"], actor="olga")
        make_asset(account)
        deliver_one()
    [message] = mail.outbox
    assert message.to == ["olga@example.test"]
    assert receiver.url in message.body


@pytest.mark.django_db
@pytest.mark.rel("W21")
def test_five_days_of_nothing_but_failures_switch_the_endpoint_off(told):
    with Receiver(receivers.answer(500)) as receiver:
        told(receiver.url)
        deliver_one()
        endpoint = WebhookEndpoint.objects.get()
        assert endpoint.failing_since is not None
        clock.shift(4.9 * DAY_S)
        send_test(endpoint=endpoint, actor="olga")
        deliver_one()
        assert fresh(endpoint).enabled
        clock.shift(5.1 * DAY_S)
        send_test(endpoint=endpoint, actor="olga")
        while fresh(endpoint).enabled and deliver_one():
            pass
    assert (fresh(endpoint).enabled, fresh(endpoint).disabled_reason) == (False, "failing")
    assert not WebhookDelivery.objects.filter(state="pending").exclude(event="webhook.test").exists()


@pytest.mark.django_db
@pytest.mark.rel("W21")
def test_one_success_begins_the_count_of_days_anew(told):
    with Receiver(receivers.in_turn(receivers.answer(500), receivers.answer(200), receivers.answer(500))) as receiver:
        told(receiver.url)
        deliver_one()
        endpoint = WebhookEndpoint.objects.get()
        clock.shift(4 * DAY_S)
        send_test(endpoint=endpoint, actor="olga")
        WebhookDelivery.objects.filter(event="file.created").update(due_at=clock.now() + timedelta(days=9))
        deliver_one()
        assert fresh(endpoint).failing_since is None
        clock.shift(6 * DAY_S)
        send_test(endpoint=endpoint, actor="olga")
        deliver_one()
    assert fresh(endpoint).enabled
    assert len(receiver.requests) == 3


@pytest.mark.django_db
@pytest.mark.rel("W7", "W21")
def test_a_webhook_url_is_never_switched_off(asset, listen):
    endpoint = listen()
    with Receiver(receivers.gone()) as receiver:
        ask_for(asset, "local-auto-tagging", webhook_url=receiver.url)
        from extensions.runs import pipeline

        WebhookDelivery.objects.all().delete()
        pipeline.work("tagging")
        WebhookDelivery.objects.filter(kind="event").delete()
        deliver_one()
    assert WebhookDelivery.objects.get().state == "gone"
    assert fresh(endpoint).enabled


@pytest.mark.django_db
def test_what_was_claimed_when_its_endpoint_is_switched_off_is_not_sent_again(told):
    with Receiver(receivers.answer(500)) as receiver:
        delivery = told(receiver.url)
        deliver_one()
        update_endpoint(endpoint=WebhookEndpoint.objects.get(), changes=EndpointChanges(enabled=False), actor="olga")
        # As if it had been on its way: switching off cancels only what waits.
        WebhookDelivery.objects.update(state="pending", finished_at=None, due_at=clock.now())
        deliver_one()
    assert len(receiver.requests) == 1
    assert (fresh(delivery).state, fresh(delivery).attempts_made) == ("cancelled", 1)
    assert WebhookAttempt.objects.count() == 1


@pytest.mark.django_db
def test_a_deleted_endpoint_leaves_its_log_and_sends_nothing_more(told):
    with Receiver(receivers.answer(200)) as receiver:
        delivery = told(receiver.url)
        delete_endpoint(endpoint=WebhookEndpoint.objects.get(), actor="olga")
        assert deliver_one() is None
    assert receiver.requests == []
    assert (fresh(delivery).state, fresh(delivery).endpoint) == ("cancelled", None)
    with pytest.raises(NotReplayable):
        replay(delivery=fresh(delivery), actor="olga")


@pytest.mark.django_db
@pytest.mark.rel("W18")
def test_what_an_endpoint_missed_while_it_was_off_can_be_sent_when_it_is_on(told):
    with Receiver(receivers.answer(200)) as receiver:
        delivery = told("https://wrong.example/")
        endpoint = WebhookEndpoint.objects.get()
        update_endpoint(endpoint=endpoint, changes=EndpointChanges(enabled=False), actor="olga")
        with pytest.raises(NotReplayable):
            replay(delivery=fresh(delivery), actor="olga")
        update_endpoint(endpoint=endpoint, changes=EndpointChanges(enabled=True, url=receiver.url), actor="olga")
        replay(delivery=fresh(delivery), actor="olga")
        deliver_one()
    assert (fresh(delivery).state, fresh(delivery).url) == ("delivered", receiver.url)
    assert receiver.requests[0].body == bytes(delivery.body)


@pytest.mark.django_db
def test_what_waits_follows_an_endpoint_to_its_new_address(told):
    with Receiver(receivers.answer(200)) as receiver:
        told("https://wrong.example/")
        endpoint = WebhookEndpoint.objects.get()
        update_endpoint(endpoint=endpoint, changes=EndpointChanges(url=receiver.url), actor="olga")
        deliver_one()
    assert len(receiver.requests) == 1


@pytest.mark.django_db
def test_a_test_is_sent_to_an_endpoint_that_is_off(listen):
    with Receiver(receivers.answer(200)) as receiver:
        send_test(endpoint=listen(receiver.url, enabled=False), actor="olga")
        deliver_one()
    [delivery] = WebhookDelivery.objects.all()
    assert (delivery.event, delivery.state) == ("webhook.test", "delivered")


@pytest.mark.django_db
@pytest.mark.rel("W12", "F67")
def test_both_secrets_of_an_endpoint_sign_for_a_day_then_the_new_one_alone(told, new_account):
    with Receiver(receivers.answer(200)) as receiver:
        delivery = told(receiver.url)
        endpoint = WebhookEndpoint.objects.get()
        old = endpoint.secret
        new = rotate_secret(account=new_account.account, endpoint=endpoint, actor="olga")
        deliver_one()
        clock.shift(DAY_S + 60)
        replay(delivery=fresh(delivery), actor="olga")
        deliver_one()
    during, after = receiver.requests
    assert [signed_by(secret, during) for secret in (old, new)] == [True, True]
    assert [signed_by(secret, after) for secret in (old, new)] == [False, True]
    assert not signed_by(new_account.webhook_secret, during)


@pytest.mark.django_db
@pytest.mark.rel("W12", "F67")
def test_both_secrets_of_the_account_sign_webhook_url_calls(asset, new_account, open_door):
    from extensions.runs import pipeline

    with Receiver(receivers.answer(500)) as receiver:
        ask_for(asset, "local-auto-tagging", webhook_url=receiver.url)
        pipeline.work("tagging")
        deliver_one()
        new = rotate_secret(account=new_account.account, actor="olga")
        clock.shift(60)
        deliver_one()
    before, during = receiver.requests
    assert [signed_by(secret, before) for secret in (new_account.webhook_secret, new)] == [True, False]
    assert [signed_by(secret, during) for secret in (new_account.webhook_secret, new)] == [True, True]


@pytest.mark.django_db
@pytest.mark.rel("W12")
def test_the_sweep_erases_secrets_whose_time_is_over_and_many_rotations_keep_few(new_account):
    for _ in range(5):
        rotate_secret(account=new_account.account, actor="olga")
    assert RetiredSecret.objects.count() == MOST_RETIRED
    assert sweep_old_deliveries()["erased_secrets"] == 0
    clock.shift(DAY_S + 60)
    assert sweep_old_deliveries()["erased_secrets"] == MOST_RETIRED
    assert not RetiredSecret.objects.exists()


@pytest.mark.django_db
@pytest.mark.rel("W12")
def test_without_an_overlap_the_old_secret_is_gone_at_once(new_account, settings):
    settings.MEDIAHUB_WEBHOOK_SECRET_OVERLAP_S = 0
    secret = rotate_secret(account=new_account.account, actor="olga")
    assert not RetiredSecret.objects.exists()
    assert type(new_account.account).objects.get(pk=new_account.account.pk).webhook_secret == secret
    assert secret not in str(AuditEntry.objects.values_list("detail", flat=True))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/",
        "https://user:pw@a.example/",
        "https://10.0.0.1/",
        "nonsense",
        "https://a.example/" + "x" * 2048,
    ],
)
@pytest.mark.rel("W20")
def test_an_address_that_could_never_be_called_is_refused(new_account, url):
    with pytest.raises(BadEndpoint) as refused:
        create_endpoint(account=new_account.account, url=url, events=["file.created"], actor="olga")
    assert refused.value.field == "endpoint"


@pytest.mark.django_db
def test_an_address_is_taken_once_per_account(listen):
    listen("https://a.example/")
    other = listen("https://b.example/")
    with pytest.raises(BadEndpoint, match="taken"):
        listen("https://a.example/")
    with pytest.raises(BadEndpoint, match="taken"):
        update_endpoint(endpoint=other, changes=EndpointChanges(url="https://a.example/"), actor="olga")
    listen("https://a.example/", account=create_account(slug="other").account)


def test_of_eight_at_once_three_endpoints_are_made(committed_db):
    account = create_account(slug="acme").account
    outcomes = []

    def make(number):
        try:
            create_endpoint(account=account, url=f"https://a.example/{number}", events=["file.created"], actor="olga")
            outcomes.append("made")
        except TooManyEndpoints:
            outcomes.append("refused")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=make, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made"] * 3 + ["refused"] * 5
    assert WebhookEndpoint.objects.count() == 3


@pytest.mark.django_db
def test_secrets_are_stored_encrypted(listen):
    endpoint = listen()
    assert endpoint.secret.startswith("whsec_")
    assert endpoint.secret not in endpoint.secret_token
