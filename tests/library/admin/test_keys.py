"""API keys in the admin: the private part is shown once, and owners can close a key."""

from datetime import timedelta

import pytest

from library.models import ApiKey, AuditEntry
from library.services.accounts import create_account, create_api_key
from mediahub.lib import clock
from tests.conftest import client_for


@pytest.mark.rel("A2", "A8")
def test_the_private_key_is_shown_once(client, owner):
    client.force_login(owner)

    made = client.post("/admin/keys/", {"label": "build", "scope": "standard"})
    key = ApiKey.objects.get(label="build")

    assert key.private_key in made.content.decode()
    assert "no-store" in made["Cache-Control"]
    assert key.private_key not in client.get("/admin/keys/").content.decode()
    assert AuditEntry.objects.get(action="key.created").target == key.public_key


@pytest.mark.rel("A2")
def test_a_key_too_many_is_refused_in_words(client, owner, new_account):
    for number in range(4):
        create_api_key(account=new_account.account, label=str(number))
    client.force_login(owner)

    response = client.post("/admin/keys/", {"label": "sixth", "scope": "standard"}, follow=True)

    assert [(str(message), message.level_tag) for message in response.context["messages"]] == [
        ("An account may have five active API keys. Disable one first.", "error")
    ]
    assert "An account may have five active API keys." in response.content.decode()
    assert new_account.account.api_keys.count() == 5
    assert not AuditEntry.objects.filter(action="key.created").exists()


def test_a_disabled_key_opens_nothing(client, owner, new_account):
    client.force_login(owner)
    assert client_for(new_account.private_key).get("/v1/files").status_code == 200

    client.post(f"/admin/keys/{new_account.account.api_keys.get().pk}/disable/")

    assert client_for(new_account.private_key).get("/v1/files").status_code in {401, 403}
    assert AuditEntry.objects.filter(action="key.disabled").exists()


def test_a_key_whose_time_is_over_is_not_called_active(client, owner, new_account):
    client.force_login(owner)
    assert "active</span>" in client.get("/admin/keys/").content.decode()

    new_account.account.api_keys.update(expires_at=clock.now() - timedelta(seconds=1))

    shown = client.get("/admin/keys/").content.decode()
    assert "expired</span>" in shown
    assert "active</span>" not in shown


@pytest.mark.rel("A4")
def test_a_key_of_another_account_is_404(client, owner):
    other = create_account(slug="other").account.api_keys.get()
    client.force_login(owner)

    assert client.post(f"/admin/keys/{other.pk}/disable/").status_code == 404
    other.refresh_from_db()
    assert other.disabled_at is None


@pytest.mark.rel("A3", "A8")
def test_a_key_gets_the_rights_that_were_chosen(client, owner):
    client.force_login(owner)
    chosen = {"scope": "restricted", "right-media": "read", "right-webhooks": "write", "right-cache": "none"}
    page = client.post("/admin/keys/", {"label": "reader", **chosen})

    key = ApiKey.objects.get(label="reader")
    assert (key.is_restricted, key.rights) == (True, {"media": "read", "webhooks": "write"})
    assert AuditEntry.objects.get(action="key.created").detail == {"rights": key.rights}
    assert "media: read, webhooks: write" in page.content.decode()
    reader = client_for(key.private_key)
    assert reader.get("/v1/files").status_code == 200
    assert reader.delete("/v1/files/" + "0" * 24).status_code == 403


@pytest.mark.rel("A3")
def test_without_a_choice_a_restricted_key_may_do_nothing(client, owner):
    client.force_login(owner)
    client.post("/admin/keys/", {"label": "none", "scope": "restricted"})
    key = ApiKey.objects.get(label="none")
    assert (key.is_restricted, key.rights) == (True, {})
    assert client_for(key.private_key).get("/v1/files").status_code == 403


@pytest.mark.rel("A3")
@pytest.mark.parametrize("scope", [{}, {"scope": ""}, {"scope": "all"}])
def test_without_a_known_scope_no_key_is_made(client, owner, scope):
    client.force_login(owner)
    page = client.post("/admin/keys/", {"label": "lost", "right-media": "read", **scope}, follow=True)
    assert "Choose whether the key may do everything" in page.content.decode()
    assert not ApiKey.objects.filter(label="lost").exists()


def test_an_unknown_right_makes_no_key(client, owner):
    client.force_login(owner)
    page = client.post(
        "/admin/keys/", {"label": "odd", "scope": "restricted", "right-media": "everything"}, follow=True
    )
    assert "A right is none, read or write" in page.content.decode()
    assert not ApiKey.objects.filter(label="odd").exists()
