"""Webhook deliveries in the admin: attempts and body to read, sending again for owners."""

import pytest

from extensions.models import WebhookDelivery
from library.models import AuditEntry
from mediahub.lib import clock
from tests.factories import WebhookAttemptFactory


def test_attempts_and_body_are_shown(client, viewer, scene):
    WebhookAttemptFactory(delivery=scene.delivery, status=500, reason="status", answer="broken pipe")
    client.force_login(viewer)

    shown = client.get(scene.url("webhook")).content.decode()

    assert "broken pipe" in shown
    assert "&quot;status&quot;: &quot;SUCCESS&quot;" in shown


@pytest.mark.rel("A7")
def test_a_hostile_answer_is_shown_as_text(client, viewer, scene):
    WebhookAttemptFactory(delivery=scene.delivery, answer="<script>alert(1)</script>", location="javascript:alert(2)")
    client.force_login(viewer)

    shown = client.get(scene.url("webhook")).content.decode()

    assert "<script>alert(1)" not in shown
    assert 'href="javascript' not in shown


@pytest.mark.rel("A8")
def test_a_finished_delivery_is_sent_again_with_an_audit_line(client, owner, scene):
    WebhookDelivery.objects.filter(pk=scene.delivery.pk).update(
        state="expired", finished_at=clock.now(), created_at=clock.now()
    )
    client.force_login(owner)

    client.post(scene.url("webhook-replay"))

    assert WebhookDelivery.objects.get(pk=scene.delivery.pk).state == "pending"
    assert AuditEntry.objects.get(action="webhook.replayed").actor == "olga"


def test_a_delivery_under_way_is_not_sent_again(client, owner, scene):
    client.force_login(owner)

    response = client.post(scene.url("webhook-replay"), follow=True)

    assert "Only a finished delivery" in response.content.decode()


def test_deliveries_can_be_narrowed_by_state(client, viewer, scene):
    client.force_login(viewer)

    assert len(client.get("/admin/webhooks/?state=pending").context["page"].object_list) == 1
    assert len(client.get("/admin/webhooks/?state=expired").context["page"].object_list) == 0
