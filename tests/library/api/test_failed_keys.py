"""Refused keys are slowed where they come from, and right ones never (REL A6)."""

import pytest
from rest_framework.test import APIClient

from library.models import ApiKey
from mediahub.lib import clock
from mediahub.lib.errors import DomainError
from mediahub.lib.limits.failures import note_failure
from tests.conftest import client_for
from tests.library.api.test_auth import basic

pytestmark = [pytest.mark.django_db, pytest.mark.rel("A6")]


@pytest.fixture(autouse=True)
def slowing(settings):
    settings.MEDIAHUB_FAILURES_BEFORE_SLOWING = 3


def guess(key="private_wrong", *, address="192.0.2.1"):
    client = APIClient(raise_request_exception=False, REMOTE_ADDR=address)
    client.credentials(HTTP_AUTHORIZATION=basic(key))
    return client.get("/v1/files")


def test_unknown_keys_are_refused_at_first_and_then_told_to_wait():
    assert [guess().status_code for _ in range(4)] == [403, 403, 403, 429]
    response = guess()
    assert list(response.json()) == ["message"]
    assert response["Retry-After"] == "2"
    assert response["x-should-retry"] == "false"
    assert 0 < int(response["X-RateLimit-Reset"]) <= 2000
    assert int(response["X-RateLimit-Limit"]) == 3


def test_unreadable_credentials_count_and_missing_ones_do_not():
    client = APIClient(raise_request_exception=False)
    assert {client.get("/v1/files").status_code for _ in range(9)} == {401}
    client.credentials(HTTP_AUTHORIZATION="Basic !!!")
    assert [client.get("/v1/files").status_code for _ in range(4)] == [401, 401, 401, 429]


def test_a_right_key_is_taken_while_others_fail_beside_it(new_account):
    for _ in range(5):
        guess()
    assert guess(new_account.private_key).status_code == 200


def test_addresses_do_not_answer_for_each_other():
    for _ in range(5):
        guess()
    assert guess(address="192.0.2.2").status_code == 403


def test_addresses_of_one_ipv6_network_do():
    answers = [guess(address=f"2001:db8::{number}").status_code for number in range(1, 5)]
    assert answers == [403, 403, 403, 429]


def test_who_claims_another_address_is_not_believed():
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=basic("private_wrong"))
    answers = [client.get("/v1/files", HTTP_X_FORWARDED_FOR=f"198.51.100.{n}").status_code for n in range(4)]
    assert answers == [403, 403, 403, 429]


def test_a_key_that_was_switched_off_is_slowed_and_its_fellow_is_not(new_account):
    ApiKey.objects.update(disabled_at=clock.now())
    assert [guess(new_account.private_key).status_code for _ in range(4)] == [403, 403, 403, 429]
    ApiKey.objects.update(disabled_at=None)
    assert client_for(new_account.private_key).get("/v1/files").status_code == 200


def test_one_address_that_names_many_is_slowed_in_all(rf):
    for number in range(9):
        note_failure(rf.post("/"), who=f"public_{number}")
    with pytest.raises(DomainError) as refused:
        note_failure(rf.post("/"), who="public_another")
    assert refused.value.status == 429


def test_a_name_from_many_addresses_is_slowed_gently(rf):
    for number in range(40):
        try:
            note_failure(rf.post("/", REMOTE_ADDR=f"192.0.2.{number}"), who="public_one")
        except DomainError as error:
            assert number == 30
            assert error.retry_after_s == 2
            break
    else:
        pytest.fail("nobody was slowed")
    note_failure(rf.post("/", REMOTE_ADDR="192.0.2.99"), who="public_other")


def test_the_log_is_told_once(caplog):
    for _ in range(6):
        guess()
    assert caplog.text.count("failed_keys_slowed") == 1
    assert "private_wrong" not in caplog.text


def test_slowing_can_be_switched_off(settings):
    settings.MEDIAHUB_FAILURES_BEFORE_SLOWING = 0
    assert {guess().status_code for _ in range(9)} == {403}


def test_a_right_key_costs_no_counting(api, settings, tmp_path, caplog):
    settings.MEDIAHUB_LIMITS_URL = f"redis+socket://{tmp_path}/nobody.sock"
    assert api.get("/v1/files").status_code == 200
    assert "limits_counted_per_process" not in caplog.text
