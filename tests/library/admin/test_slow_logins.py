"""Log-ins that fail are slowed, and nobody is kept out by the failures of somebody else (REL A6)."""

import time

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import Client

from library.models import AuditEntry
from mediahub.lib.limits.failures import begin_attempt

pytestmark = [pytest.mark.django_db, pytest.mark.rel("A6")]
RIGHT = "correct horse battery"
LOGIN = "/admin/login/"


@pytest.fixture(autouse=True)
def slowing(settings):
    settings.MEDIAHUB_FAILURES_BEFORE_SLOWING = 3


def try_in(client, name="olga", password="wrong", address="192.0.2.1"):
    return client.post(LOGIN, {"username": name, "password": password}, REMOTE_ADDR=address)


def fail(times, **where):
    return [try_in(Client(), **where).status_code for _ in range(times)]


def test_after_some_failures_the_page_says_how_long_to_wait(owner):
    assert fail(3) == [200, 200, 200]
    response = try_in(Client())
    assert response.status_code == 429
    assert response["Retry-After"] == "2"
    assert "Too many log-ins have failed. Wait 2 seconds" in response.content.decode()
    assert "form" in response.content.decode()


def test_the_password_is_not_looked_at_meanwhile(owner, monkeypatch):
    fail(3)
    looked = []
    original = MD5PasswordHasher.verify
    monkeypatch.setattr(MD5PasswordHasher, "verify", lambda *args: looked.append(1) or original(*args))
    assert try_in(Client(), password=RIGHT).status_code == 429
    assert not looked


def test_it_is_looked_at_after_the_wait(owner):
    fail(4)
    time.sleep(2.01)
    assert try_in(Client(), password=RIGHT).status_code == 302


def test_a_right_one_makes_earlier_failures_forgotten(owner):
    fail(2)
    assert try_in(Client(), password=RIGHT).status_code == 302
    assert fail(3) == [200, 200, 200]


def test_the_owner_comes_in_while_a_stranger_fails_in_her_name_elsewhere(owner):
    fail(9, address="198.51.100.7")
    assert try_in(Client(), password=RIGHT, address="192.0.2.1").status_code == 302


def test_others_at_the_same_address_come_in_too(owner, editor):
    fail(5)
    assert try_in(Client(), name="edda", password=RIGHT).status_code == 302


def test_one_address_that_tries_many_names_is_slowed(owner):
    answers = [fail(1, name=f"name{number}")[0] for number in range(11)]
    assert answers[:9] == [200] * 9
    assert answers[9:] == [429] * 2


def test_a_name_tried_from_many_addresses_is_slowed_for_new_browsers_only(owner):
    known = Client()
    assert try_in(known, password=RIGHT).status_code == 302
    known.cookies.pop("sessionid")
    answers = [fail(1, address=f"198.51.100.{number}")[0] for number in range(1, 34)]
    assert 429 in answers
    assert answers[:29] == [200] * 29
    assert try_in(known, password=RIGHT).status_code == 302


def test_a_known_browser_is_slowed_by_its_own_failures(owner):
    known = Client()
    try_in(known, password=RIGHT)
    known.cookies.pop("sessionid")
    assert [try_in(known).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_the_mark_of_a_browser_serves_no_other_name_and_cannot_be_made_up(owner, editor):
    known = Client()
    try_in(known, name="edda", password=RIGHT)
    known.cookies.pop("sessionid")
    fail(3)
    assert try_in(known).status_code == 429
    known.cookies["known_device"] = "forged:mark:of:somebody"
    assert try_in(known).status_code == 429


def test_the_mark_is_kept_from_scripts_and_from_other_pages(owner):
    response = try_in(Client(), password=RIGHT)
    cookie = response.cookies["known_device"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/admin/"
    assert "olga" not in cookie.value


def test_the_account_hears_of_it_once(owner, new_account):
    fail(6)
    entry = AuditEntry.objects.get(action="login.slowed")
    assert entry.account == new_account.account
    assert (entry.target, entry.detail) == ("olga", {"address": "192.0.2.1"})


def test_a_last_try_that_is_right_tells_nobody(owner):
    fail(2)
    assert try_in(Client(), password=RIGHT).status_code == 302
    assert not AuditEntry.objects.filter(action="login.slowed").exists()


def test_an_unknown_name_is_slowed_the_same_and_leaves_no_line(owner):
    assert fail(4, name="nobody") == [200, 200, 200, 429]
    assert not AuditEntry.objects.filter(action="login.slowed").exists()


def test_an_empty_form_counts_nothing(owner):
    for _ in range(5):
        assert Client().post(LOGIN, {"username": "olga", "password": ""}).status_code == 200
    assert fail(1) == [200]


def test_attempts_at_once_do_not_slip_through_together(rf):
    started = [begin_attempt(rf.post("/"), who="olga") for _ in range(3)]
    with pytest.raises(Exception, match="Too many log-ins"):
        begin_attempt(rf.post("/"), who="olga")
    started[0].succeeded()
    begin_attempt(rf.post("/"), who="olga")


def test_slowing_can_be_switched_off(owner, settings):
    settings.MEDIAHUB_FAILURES_BEFORE_SLOWING = 0
    assert set(fail(9)) == {200}
