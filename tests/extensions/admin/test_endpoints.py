"""Webhook endpoints in the admin: made, changed, tried and deleted by owners; a secret is shown once (REL A2, W21)."""

import pytest

from extensions.models import RetiredSecret, WebhookDelivery, WebhookEndpoint
from library.models import Account, AuditEntry
from mediahub.lib import clock
from tests.factories import WebhookDeliveryFactory


@pytest.fixture
def desk(client, owner, scene):
    client.force_login(owner)
    return client


def text(response):
    return response.content.decode()


def test_an_endpoint_is_made_and_its_secret_shown_once(desk, scene):
    made = desk.post(
        scene.url("webhook-endpoints"),
        {"account": scene.account.slug, "url": "https://new.example/", "events": ["file.created", "file.deleted"]},
    )
    endpoint = WebhookEndpoint.objects.get(url="https://new.example/")
    assert endpoint.events == ["file.created", "file.deleted"]
    assert endpoint.secret in text(made)
    assert endpoint.secret not in text(desk.get(scene.url("webhook-endpoints")))
    assert endpoint.secret not in text(desk.get(scene.url("webhook-endpoint", endpoint_id=endpoint.endpoint_id)))


def test_what_was_typed_stays_when_it_is_refused(desk, scene):
    refused = desk.post(
        scene.url("webhook-endpoints"), {"account": scene.account.slug, "url": "https://10.0.0.1/", "events": []}
    )
    assert refused.status_code == 400
    assert 'value="https://10.0.0.1/"' in text(refused)
    assert "not allowed" in text(refused)


def test_an_endpoint_is_changed_and_keeps_types_without_a_box(desk, scene):
    WebhookEndpoint.objects.update(events=["file.created", "video.transformation.ready"])
    desk.post(scene.url("webhook-endpoint"), {"url": "https://moved.example/", "events": ["folder.deleted"]})
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.url, endpoint.enabled) == ("https://moved.example/", False)
    assert endpoint.events == ["folder.deleted", "video.transformation.ready"]


def test_turning_it_on_again_takes_the_notice_away(desk, scene):
    WebhookEndpoint.objects.update(enabled=False, disabled_reason="failing")
    assert "switched off" in text(desk.get(scene.url("webhook-endpoint")))
    assert "switched off" in text(desk.get(scene.url("webhooks")))
    desk.post(scene.url("webhook-endpoint"), {"url": scene.endpoint.url, "events": ["file.created"], "enabled": "1"})
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.enabled, endpoint.disabled_reason) == (True, "")
    assert "switched off" not in text(desk.get(scene.url("webhooks")))


def test_a_viewer_sees_the_notice_too(client, viewer, scene):
    WebhookEndpoint.objects.update(enabled=False, disabled_reason="gone")
    client.force_login(viewer)
    assert "answered 410 Gone and was switched off" in text(client.get(scene.url("webhooks")))


@pytest.mark.rel("W12", "A2")
def test_new_secrets_are_shown_once(desk, scene):
    old = WebhookEndpoint.objects.get().secret
    shown = desk.post(scene.url("webhook-endpoint-secret"))
    new = WebhookEndpoint.objects.get().secret
    assert new != old
    assert new in text(shown)
    of_account = desk.post(scene.url("webhook-secret"), {"account": scene.account.slug})
    assert Account.objects.get(pk=scene.account.pk).webhook_secret in text(of_account)
    assert RetiredSecret.objects.count() == 2
    assert "signs, too, until" in text(desk.get(scene.url("webhook-endpoint")))


def test_a_test_leads_to_its_delivery(desk, scene):
    response = desk.post(scene.url("webhook-endpoint-test"))
    delivery = WebhookDelivery.objects.get(event="webhook.test")
    assert response.url == f"/admin/webhooks/{delivery.pk}/"


def test_a_deleted_endpoint_is_gone_and_its_log_is_there(desk, scene):
    delivery = WebhookDeliveryFactory(account=scene.account, kind="event", endpoint=scene.endpoint)
    desk.post(scene.url("webhook-endpoint-delete"))
    assert not WebhookEndpoint.objects.exists()
    assert WebhookDelivery.objects.get(pk=delivery.pk).state == "cancelled"


@pytest.mark.rel("W18", "A8")
def test_what_a_receiver_missed_is_sent_again(desk, scene):
    now = clock.now()
    columns = {"account": scene.account, "created_at": now, "finished_at": now, "receiver": "https://shop.example:443"}
    missed = WebhookDeliveryFactory(state="expired", **columns)
    received = WebhookDeliveryFactory(state="delivered", **columns)
    page = text(desk.get(scene.url("webhooks"), {"receiver": "https://shop.example/hook"}))
    assert "2 finished deliveries to this receiver" in page

    desk.post(
        scene.url("webhooks-replay"),
        {"account": scene.account.slug, "receiver": "https://shop.example:443", "since": "", "only_failed": "1"},
    )

    states = [WebhookDelivery.objects.get(pk=row.pk).state for row in (missed, received)]
    assert states == ["pending", "delivered"]
    assert AuditEntry.objects.get(action="webhook.replayed-many").detail["count"] == 1


def test_a_replay_of_nobody_in_particular_is_refused(desk, scene):
    sent = desk.post(scene.url("webhooks-replay"), {"account": scene.account.slug, "receiver": "nonsense"}, follow=True)
    assert "Name the receiver" in text(sent)


@pytest.mark.parametrize("since", ["nonsense", "2026-02-30T00:00", "0001-01-01T00:00+14:00"])
def test_a_filter_that_cannot_be_meant_is_left_out(desk, scene, since):
    page = desk.get(scene.url("webhooks"), {"since": since, "event": "x" * 500, "receiver": "::"})
    assert page.status_code == 200


def test_an_erased_body_says_so(desk, scene):
    WebhookDelivery.objects.update(body=b"", body_erased_at=clock.now())
    assert "The body was erased" in text(desk.get(scene.url("webhook")))
