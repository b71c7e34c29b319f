"""`/v1/accounts/webhooks`, by the official SDK and by hand: shapes, refusals, rights (API 5.2)."""

import pytest
from imagekitio.types.accounts import Webhook

from extensions.models import WebhookEndpoint
from extensions.webhooks.events import EVENT_TYPES
from library.models import ApiKey, AuditEntry
from library.services.accounts import create_account
from tests.conftest import client_for

pytestmark = pytest.mark.django_db
PATH = "/v1/accounts/webhooks"
GOOD = {"endpoint": "https://shop.example/ik", "events": ["file.created", "file-version.created"]}


@pytest.fixture
def make(api):
    return lambda **members: api.post(PATH, GOOD | members, format="json")


def test_an_endpoint_is_made_shown_listed_changed_and_deleted(api, make):
    made = make()
    assert made.status_code == 201
    body = made.json()
    assert set(body) == {"id", "endpoint", "events", "enabled", "secret", "createdAt", "updatedAt"}
    assert (body["endpoint"], body["events"], body["enabled"]) == (GOOD["endpoint"], GOOD["events"], True)
    assert body["id"].startswith("wh_")
    assert body["secret"].startswith("whsec_")
    Webhook.model_validate(body)

    one = f"{PATH}/{body['id']}"
    assert api.get(one).json() == body
    assert api.get(PATH).json() == [body]
    changed = api.patch(one, {"events": ["folder.deleted"], "enabled": False}, format="json")
    assert changed.status_code == 200
    assert (changed.json()["events"], changed.json()["enabled"]) == (["folder.deleted"], False)
    assert (changed.json()["endpoint"], changed.json()["secret"]) == (body["endpoint"], body["secret"])
    assert api.delete(one).status_code == 204
    assert api.get(one).status_code == 404
    actions = list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
    assert actions == ["webhook.endpoint-created", "webhook.endpoint-changed", "webhook.endpoint-deleted"]


def test_every_type_of_imagekits_may_be_asked_for(make):
    assert make(events=list(EVENT_TYPES)).json()["events"] == list(EVENT_TYPES)
    assert len(EVENT_TYPES) == 15


def test_a_fourth_endpoint_is_refused(make):
    for number in range(3):
        assert make(endpoint=f"https://a.example/{number}").status_code == 201
    refused = make(endpoint="https://a.example/3")
    assert refused.status_code == 400
    assert "3 webhooks" in refused.json()["message"]


@pytest.mark.rel("W20")
@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"endpoint": "nonsense"}, "endpoint"),
        ({"endpoint": "ftp://a.example/"}, "endpoint"),
        ({"endpoint": "https://127.0.0.1/"}, "endpoint"),
        ({"endpoint": "https://a.example/" + "x" * 2048}, "endpoint"),
        ({"endpoint": "https://a.example/" + "é" * 1500}, "endpoint"),
        ({"endpoint": 3}, "endpoint"),
        ({"endpoint": None}, "endpoint"),
        ({"events": []}, "events"),
        ({"events": ["file.exploded"]}, "events"),
        ({"events": "file.created"}, "events"),
        ({"events": [1]}, "events"),
        ({"events": ["file.created"] * 5000}, "events"),
        ({"enabled": "yes"}, "enabled"),
    ],
)
def test_a_malformed_member_is_a_400_that_names_it(make, members, field):
    refused = make(**members)
    assert refused.status_code == 400
    assert refused.json()["field"] == field
    assert not WebhookEndpoint.objects.exists()


@pytest.mark.parametrize("missing", ["endpoint", "events"])
def test_endpoint_and_events_are_required(api, missing):
    refused = api.post(PATH, {name: value for name, value in GOOD.items() if name != missing}, format="json")
    assert (refused.status_code, refused.json()["field"]) == (400, missing)


def test_an_address_is_taken_once(api, make):
    make()
    assert make().json()["field"] == "endpoint"
    other = make(endpoint="https://b.example/").json()
    refused = api.patch(f"{PATH}/{other['id']}", {"endpoint": GOOD["endpoint"]}, format="json")
    assert (refused.status_code, refused.json()["field"]) == (400, "endpoint")


def test_a_refused_change_changes_nothing(api, make):
    made = make().json()
    refused = api.patch(f"{PATH}/{made['id']}", {"enabled": False, "events": ["nonsense"]}, format="json")
    assert refused.status_code == 400
    assert api.get(f"{PATH}/{made['id']}").json() == made


def test_a_secret_cannot_be_set(api, make):
    made = make(secret="whsec_mine").json()
    assert made["secret"] != "whsec_mine"
    changed = api.patch(f"{PATH}/{made['id']}", {"secret": "whsec_mine"}, format="json").json()
    assert changed["secret"] == made["secret"]


@pytest.mark.rel("A4")
@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_another_accounts_endpoint_is_not_there(make, method):
    made = make().json()
    stranger = client_for(create_account(slug="other").private_key)
    for endpoint_id in (made["id"], "wh_unknown", "é"):
        response = getattr(stranger, method)(f"{PATH}/{endpoint_id}", {}, format="json" if method == "patch" else None)
        assert response.status_code == 404
    assert WebhookEndpoint.objects.count() == 1
    assert stranger.get(PATH).json() == []


@pytest.mark.rel("A3")
def test_a_restricted_key_does_what_its_right_in_webhooks_allows(api, make):
    made = make().json()
    ApiKey.objects.update(is_restricted=True, rights={"media": "write"})
    assert api.get(PATH).status_code == 403
    ApiKey.objects.update(rights={"webhooks": "read"})
    [seen] = api.get(PATH).json()
    assert seen["secret"] != made["secret"]
    assert make(endpoint="https://b.example/").status_code == 403
    ApiKey.objects.update(rights={"webhooks": "write"})
    assert api.get(PATH).json()[0]["secret"] == made["secret"]


def test_no_key_no_endpoints(client):
    assert client.get(PATH).status_code == 401
