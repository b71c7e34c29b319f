"""Who may ask: keys in HTTP Basic, and what a restricted one may do (API 1.2, 1.6)."""

import base64
from datetime import timedelta

import pytest
from rest_framework.test import APIClient

from library.models import ApiKey
from mediahub.lib import clock

pytestmark = pytest.mark.django_db


def ask(header: str | None, method: str = "get", path: str = "/v1/files"):
    client = APIClient(raise_request_exception=False)
    if header is not None:
        client.credentials(HTTP_AUTHORIZATION=header)
    return getattr(client, method)(path)


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.fixture
def key(new_account) -> str:
    return new_account.private_key


@pytest.mark.parametrize("password", ["", ":", ":do_not_set", ":anything at:all"])
def test_the_user_name_is_the_key_and_the_password_is_ignored(key, password):
    assert ask(basic(key + password)).status_code == 200


def test_the_scheme_is_read_in_any_case(key):
    assert ask(basic(key).replace("Basic", "basic")).status_code == 200


def test_a_key_without_base64_is_taken_too(key):
    assert ask(f"Basic {key}").status_code == 200


@pytest.mark.rel("B28")
@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic ",
        "Basic :",
        "Basic !!!",
        "Bearer private_x",
        "Basic /w==",
        "Basic a, Basic b",
        basic(":x"),
    ],
)
def test_without_a_key_the_answer_is_401(db, header):
    response = ask(header)
    assert response.status_code == 401
    assert response.json()["message"] == "Your request does not contain private API key."
    assert response.json()["help"]
    assert response["WWW-Authenticate"].startswith("Basic")
    assert response["x-ik-requestId"]


@pytest.mark.parametrize("text", ["private_unknown", "private_unknown:x", "x" * 60_000, "clé"])
def test_an_unknown_key_is_refused(db, text):
    response = ask(basic(text))
    assert response.status_code == 403
    assert response.json()["message"] == "Your account cannot be authenticated."


def test_the_public_key_opens_nothing(new_account):
    assert ask(basic(new_account.public_key)).status_code == 403


def test_a_disabled_key_is_refused(key):
    ApiKey.objects.update(disabled_at=clock.now())
    assert ask(basic(key)).status_code == 403


def test_a_key_is_refused_once_it_has_expired(key):
    ApiKey.objects.update(expires_at=clock.now() + timedelta(minutes=1))
    assert ask(basic(key)).status_code == 200
    clock.shift(61)
    assert ask(basic(key)).status_code == 403


def test_the_keys_of_a_disabled_account_are_refused(new_account):
    new_account.account.disabled_at = clock.now()
    new_account.account.save()
    assert ask(basic(new_account.private_key)).status_code == 403


@pytest.mark.rel("A3")
@pytest.mark.parametrize(
    ("rights", "read", "write"),
    [({}, 403, 403), ({"media": "none"}, 403, 403), ({"media": "read"}, 200, 403), ({"media": "write"}, 200, 404)],
)
def test_a_restricted_key_has_the_rights_it_was_given(key, rights, read, write):
    ApiKey.objects.update(is_restricted=True, rights=rights)
    assert ask(basic(key)).status_code == read
    assert ask(basic(key), "delete", "/v1/files/" + "0" * 24).status_code == write
    assert ask(basic(key), "patch", "/v1/files/" + "0" * 24 + "/details").status_code == write
    if write == 403:
        assert ask(basic(key), "post", "/api/v1/files/upload").status_code == 403


def test_authentication_costs_one_query(key, django_assert_num_queries):
    with django_assert_num_queries(1):
        ask(basic(key), "post", "/v1/files")


@pytest.mark.rel("A2")
def test_private_keys_are_stored_encrypted_beside_a_hash(new_account):
    row = ApiKey.objects.values().get()
    assert new_account.private_key not in str(row)
    assert ApiKey.objects.get().private_key == new_account.private_key
