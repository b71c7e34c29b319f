"""Accounts and keys at their making."""

import base64
import re
from datetime import timedelta

import pytest

from library.models import Account, ApiKey, AuditEntry, Folder
from library.services.accounts import TooManyKeys, audit, create_account, create_api_key
from mediahub.lib import clock
from mediahub.lib.errors import Conflict, DomainError

pytestmark = pytest.mark.django_db


def test_an_account_comes_with_a_root_folder_a_secret_and_a_key():
    new = create_account(slug="acme", units_per_month=4000, name="Acme Ltd")
    account = Account.objects.get()
    assert (account.slug, account.units_per_month, account.name) == ("acme", 4000, "Acme Ltd")
    assert Folder.objects.get(account=account).path == "/"
    assert account.webhook_secret == new.webhook_secret
    assert len(base64.b64decode(new.webhook_secret.removeprefix("whsec_"))) == 32
    assert ApiKey.objects.get().private_key == new.private_key


def test_the_plan_has_a_default():
    assert create_account(slug="acme").account.units_per_month == 650


def test_a_taken_slug_is_a_conflict():
    create_account(slug="acme")
    with pytest.raises(Conflict) as caught:
        create_account(slug="acme")
    assert caught.value.field == "slug"


@pytest.mark.parametrize("slug", ["", "Acme", "a b", "-a", "a/b", "x" * 64, "é"])
def test_a_slug_that_does_not_fit_into_a_url_is_refused(slug):
    with pytest.raises(DomainError) as caught:
        create_account(slug=slug)
    assert caught.value.field == "slug"
    assert not Account.objects.exists()


def test_keys_look_as_clients_expect_them_and_differ():
    account = create_account(slug="acme").account
    keys = [create_api_key(account=account, label=str(n)) for n in range(3)]
    assert len({key.private_key for key in keys}) == len({key.public_key for key in keys}) == 3
    assert all(re.fullmatch(r"private_[A-Za-z0-9_-]{40}", key.private_key) for key in keys)
    assert all(re.fullmatch(r"public_[A-Za-z0-9_-]{28}", key.public_key) for key in keys)


@pytest.mark.rel("A2")
def test_a_sixth_active_key_is_refused():
    account = create_account(slug="acme").account
    for number in range(4):
        create_api_key(account=account, label=str(number))
    with pytest.raises(TooManyKeys, match="five active"):
        create_api_key(account=account, label="sixth")
    assert account.api_keys.count() == 5


@pytest.mark.rel("A2")
@pytest.mark.parametrize("column", ["disabled_at", "expires_at"])
def test_keys_that_open_nothing_do_not_count(column):
    account = create_account(slug="acme").account
    keys = [create_api_key(account=account, label=str(number)) for number in range(4)]
    ApiKey.objects.filter(pk=keys[0].api_key.pk).update(**{column: clock.now() - timedelta(days=1)})
    assert create_api_key(account=account, label="fifth").private_key
    ApiKey.objects.filter(pk=keys[1].api_key.pk).update(expires_at=clock.now() + timedelta(days=1))
    with pytest.raises(TooManyKeys):
        create_api_key(account=account, label="sixth")


def test_the_keys_of_another_account_do_not_count():
    for slug in ("one", "two"):
        account = create_account(slug=slug).account
        assert [create_api_key(account=account, label="x") for _ in range(4)]


@pytest.mark.rel("A8")
def test_an_audit_line_is_never_too_long_to_write():
    account = create_account(slug="acme").account
    audit(account=account, actor="a" * 200, action="b" * 100, target="c" * 1000, detail={"x": 1})
    entry = AuditEntry.objects.get()
    assert (len(entry.actor), len(entry.action), len(entry.target), entry.detail) == (150, 60, 300, {"x": 1})
