"""`manage.py webhooks`: the log, one delivery, a test to an endpoint; ids that are none end with a sentence."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from extensions.models import WebhookDelivery
from tests.factories import WebhookAttemptFactory, WebhookDeliveryFactory, WebhookEndpointFactory

pytestmark = pytest.mark.django_db


def run(*words):
    output = io.StringIO()
    call_command("webhooks", *words, stdout=output)
    return output.getvalue()


def test_the_log_shows_the_newest_first_and_filters(account):
    old, new = WebhookDeliveryFactory(account=account), WebhookDeliveryFactory(account=account)
    WebhookDeliveryFactory()
    shown = json.loads(run("log", "--account", account.slug, "--json"))
    assert [one["id"] for one in shown] == [str(new.pk), str(old.pk)]
    assert json.loads(run("log", "--state", "expired", "--json")) == []
    assert len(run("log", "--limit", "1").splitlines()) == 1


def test_one_delivery_is_shown_with_body_and_attempts(account):
    delivery = WebhookDeliveryFactory(account=account, body=b'{"service":"remove-bg"}')
    WebhookAttemptFactory(delivery=delivery, number=1, status=500)
    shown = json.loads(run("show", str(delivery.pk)))
    assert shown["body"] == '{"service":"remove-bg"}'
    assert [attempt["status"] for attempt in shown["attempts"]] == [500]


@pytest.mark.rel("A8")
def test_a_test_is_a_delivery_like_any_other_and_leaves_an_audit_line():
    endpoint = WebhookEndpointFactory()
    [sent] = json.loads(run("test", endpoint.endpoint_id, "--json"))
    assert (sent["endpointId"], sent["state"], sent["event"]) == (endpoint.endpoint_id, "pending", "webhook.test")
    assert WebhookDelivery.objects.get().url == endpoint.url
    assert endpoint.account.audit_entries.get().action == "webhook.tested"


@pytest.mark.parametrize(
    "words", [("show",), ("test",), ("show", "x"), ("show", "99"), ("test", "wh_none"), ("log", "--limit", "0")]
)
def test_what_cannot_be_meant_ends_with_a_sentence(words):
    with pytest.raises(CommandError):
        run(*words)
