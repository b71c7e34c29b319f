"""API keys in the admin: the private part is shown once, and owners can close a key."""

import pytest

from library.models import ApiKey, AuditEntry
from library.services.accounts import create_account, create_api_key
from tests.conftest import client_for


@pytest.mark.rel("A2", "A8")
def test_the_private_key_is_shown_once(client, owner):
    client.force_login(owner)

    made = client.post("/admin/keys/", {"label": "build"})
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

    response = client.post("/admin/keys/", {"label": "sixth"}, follow=True)

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


@pytest.mark.rel("A4")
def test_a_key_of_another_account_is_404(client, owner):
    other = create_account(slug="other").account.api_keys.get()
    client.force_login(owner)

    assert client.post(f"/admin/keys/{other.pk}/disable/").status_code == 404
    other.refresh_from_db()
    assert other.disabled_at is None
