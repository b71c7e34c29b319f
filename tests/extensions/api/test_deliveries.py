"""`/api/webhook-deliveries/`: the log, sending again, tests of endpoints, rotation (REL W17, W18)."""

from datetime import timedelta

import pytest

from extensions.models import RetiredSecret, WebhookDelivery
from extensions.webhooks.rotation import rotate_secret
from library.models import Account, ApiKey
from library.services.accounts import create_account
from mediahub.lib import clock
from tests.conftest import client_for
from tests.factories import WebhookAttemptFactory, WebhookDeliveryFactory, WebhookEndpointFactory

pytestmark = pytest.mark.django_db
PATH = "/api/webhook-deliveries/"


@pytest.fixture
def deliver(new_account):
    """A delivery of the account, made just now; finished ones have an end."""

    def make(**columns):
        now = clock.now()
        if columns.get("state", "pending") not in {"pending", "sending"}:
            columns.setdefault("finished_at", now)
        return WebhookDeliveryFactory(**{"account": new_account.account, "created_at": now, "due_at": now} | columns)

    return make


def ids(response):
    return [row["id"] for row in response.json()["deliveries"]]


@pytest.mark.rel("W17")
def test_a_delivery_is_shown_with_its_body_and_every_attempt(api, deliver):
    delivery = deliver(state="expired", last_reason="timeout", attempts_made=2)
    WebhookAttemptFactory(delivery=delivery, status=500, reason="http_error", answer="broken", address="192.0.2.7")
    WebhookAttemptFactory(delivery=delivery, status=None, reason="timeout")

    shown = api.get(f"{PATH}{delivery.pk}").json()

    assert shown["body"] == bytes(delivery.body).decode()
    assert (shown["webhookId"], shown["state"], shown["lastReason"]) == (delivery.message_id, "expired", "timeout")
    assert [(item["number"], item["status"], item["reason"]) for item in shown["attempts"]] == [
        (1, 500, "http_error"),
        (2, None, "timeout"),
    ]
    assert (shown["attempts"][0]["answer"], shown["attempts"][0]["address"]) == ("broken", "192.0.2.7")


def test_the_list_is_narrowed_by_state_receiver_event_and_time(api, deliver):
    old = deliver(state="delivered", created_at=clock.now() - timedelta(days=2))
    other = deliver(receiver="https://shop.example:443", event="file.created", kind="event")
    assert ids(api.get(PATH)) == [str(other.pk), str(old.pk)]
    assert ids(api.get(PATH, {"state": "delivered"})) == [str(old.pk)]
    assert ids(api.get(PATH, {"receiver": "https://shop.example/any/path"})) == [str(other.pk)]
    assert ids(api.get(PATH, {"event": "file.created"})) == [str(other.pk)]
    assert ids(api.get(PATH, {"since": (clock.now() - timedelta(days=1)).isoformat()})) == [str(other.pk)]


def test_the_list_goes_on_from_where_a_page_ended(api, deliver):
    rows = [str(deliver().pk) for _ in range(5)][::-1]
    first = api.get(PATH, {"limit": "2"})
    assert ids(first) == rows[:2]
    second = api.get(PATH, {"limit": "2", "before": first.json()["before"]})
    assert ids(second) == rows[2:4]
    last = api.get(PATH, {"limit": "2", "before": second.json()["before"]})
    assert (ids(last), last.json()["before"]) == (rows[4:], None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("state", "lost"),
        ("receiver", "nonsense"),
        ("receiver", "https://a.example/\0"),
        ("since", "yesterday"),
        ("since", "2026-02-30T00:00:00Z"),
        ("limit", "0"),
        ("limit", "101"),
        ("before", "-1"),
        ("event", "a\0b"),
    ],
)
def test_a_filter_that_cannot_be_meant_is_a_400_that_names_it(api, deliver, name, value):
    refused = api.get(PATH, {name: value})
    assert (refused.status_code, refused.json()["field"]) == (400, name)


def test_the_list_costs_the_same_queries_for_many_rows(api, deliver, django_assert_max_num_queries):
    endpoint = WebhookEndpointFactory(account=deliver().account)
    for _ in range(20):
        deliver(kind="event", endpoint=endpoint)
    with django_assert_max_num_queries(4):
        assert len(ids(api.get(PATH))) == 20


@pytest.mark.rel("W18")
def test_a_finished_delivery_is_sent_again(api, deliver):
    delivery = deliver(state="expired")
    response = api.post(f"{PATH}{delivery.pk}/replay")
    assert (response.status_code, response.json()["state"]) == (202, "pending")
    assert response.json()["webhookId"] == delivery.message_id
    assert api.post(f"{PATH}{delivery.pk}/replay").status_code == 409


@pytest.mark.rel("W18")
def test_all_of_a_receiver_since_a_time_are_counted_and_sent_again(api, deliver):
    since = clock.now() - timedelta(hours=1)
    wanted = [deliver(state=state) for state in ("expired", "gone", "delivered")]
    deliver(state="expired", created_at=since - timedelta(hours=1))
    deliver(state="expired", receiver="https://elsewhere.example:443")
    deliver(state="pending")
    body = {"receiver": "http://127.0.0.1:9", "since": since.isoformat()}

    counted = api.post(f"{PATH}replay", body | {"dryRun": True}, format="json")
    assert (counted.status_code, counted.json()["count"]) == (200, 3)
    failed = api.post(f"{PATH}replay", body | {"dryRun": True, "onlyFailed": True}, format="json")
    assert failed.json()["count"] == 2
    done = api.post(f"{PATH}replay", body, format="json")
    assert (done.status_code, done.json()) == (202, {"count": 3, "dryRun": False, "after": None})
    assert {WebhookDelivery.objects.get(pk=row.pk).state for row in wanted} == {"pending"}


@pytest.mark.rel("W18")
def test_a_large_replay_says_where_to_go_on(api, deliver, monkeypatch):
    from extensions.webhooks import services

    monkeypatch.setattr(services, "MOST_REPLAYED_AT_ONCE", 2)
    rows = [deliver(state="expired") for _ in range(3)]
    body = {"receiver": "http://127.0.0.1:9", "since": "2020-01-01T00:00:00Z"}
    first = api.post(f"{PATH}replay", body, format="json").json()
    assert (first["count"], first["after"]) == (2, str(rows[1].pk))
    rest = api.post(f"{PATH}replay", body | {"after": first["after"]}, format="json").json()
    assert (rest["count"], rest["after"]) == (1, None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"since": "2026-01-01T00:00:00Z"}, "receiver"),
        ({"receiver": "https://a.example"}, "since"),
        ({"receiver": "nonsense", "since": "2026-01-01T00:00:00Z"}, "receiver"),
        ({"receiver": "https://a.example", "since": 5}, "since"),
        ({"receiver": "https://a.example", "since": "2026-01-01T00:00:00Z", "dryRun": 1}, "dryRun"),
        ({"receiver": "https://a.example", "since": "2026-01-01T00:00:00Z", "after": "x"}, "after"),
    ],
)
def test_a_replay_without_a_proper_choice_is_a_400_that_names_it(api, body, field):
    refused = api.post(f"{PATH}replay", body, format="json")
    assert (refused.status_code, refused.json()["field"]) == (400, field)


def test_an_endpoint_is_tried(api, new_account):
    endpoint = WebhookEndpointFactory(account=new_account.account)
    response = api.post(f"{PATH}test", {"endpointId": endpoint.endpoint_id}, format="json")
    assert (response.status_code, response.json()["event"]) == (202, "webhook.test")
    assert WebhookDelivery.objects.get().endpoint == endpoint
    assert api.post(f"{PATH}test", {"endpointId": "wh_other"}, format="json").status_code == 404
    assert api.post(f"{PATH}test", {}, format="json").json()["field"] == "endpointId"


@pytest.mark.rel("W12")
def test_secrets_are_rotated_of_an_endpoint_and_of_the_account(api, new_account):
    endpoint = WebhookEndpointFactory(account=new_account.account)
    old = endpoint.secret
    new = api.post("/api/webhook-secrets/rotate", {"endpointId": endpoint.endpoint_id}, format="json").json()["secret"]
    endpoint.refresh_from_db()
    assert (endpoint.secret, RetiredSecret.objects.get().secret) == (new, old)
    of_account = api.post("/api/webhook-secrets/rotate", {}, format="json").json()["secret"]
    assert Account.objects.get(pk=new_account.account.pk).webhook_secret == of_account


@pytest.mark.rel("A4")
def test_another_accounts_deliveries_are_not_there(deliver):
    delivery = deliver(state="expired")
    endpoint = WebhookEndpointFactory(account=delivery.account)
    stranger = client_for(create_account(slug="other").private_key)
    assert ids(stranger.get(PATH)) == []
    assert stranger.get(f"{PATH}{delivery.pk}").status_code == 404
    assert stranger.post(f"{PATH}{delivery.pk}/replay").status_code == 404
    body = {"receiver": delivery.receiver, "since": "2020-01-01T00:00:00Z"}
    assert stranger.post(f"{PATH}replay", body, format="json").json()["count"] == 0
    named = {"endpointId": endpoint.endpoint_id}
    assert stranger.post(f"{PATH}test", named, format="json").status_code == 404
    assert stranger.post("/api/webhook-secrets/rotate", named, format="json").status_code == 404
    assert WebhookDelivery.objects.get().state == "expired"


@pytest.mark.parametrize("delivery_id", ["0", "abc", "9" * 30, "-1", "١"])
def test_ids_that_cannot_be_are_404(api, delivery_id):
    assert api.get(f"{PATH}{delivery_id}").status_code == 404


def test_a_key_that_may_only_read_sends_nothing(api, deliver):
    delivery = deliver(state="expired")
    ApiKey.objects.update(is_restricted=True, rights={"webhooks": "read"})
    assert api.get(f"{PATH}{delivery.pk}").status_code == 200
    assert api.post(f"{PATH}{delivery.pk}/replay").status_code == 403
    assert api.post("/api/webhook-secrets/rotate", {}, format="json").status_code == 403


def test_the_secret_of_a_rotation_is_in_no_log_line(new_account, caplog):
    secret = rotate_secret(account=new_account.account, actor="olga")
    assert secret not in caplog.text
