"""Which account a page or a form works for: the one it was made for, whatever else is open in the browser."""

import re

import pytest
from django.contrib.auth import get_user_model

from library import desks
from library.models import Account, Folder, Membership
from library.services.accounts import create_account
from mediahub.lib import clock
from tests.extensions.scenes import make_asset
from tests.factories import UserFactory

POST_FORM = re.compile(r'<form[^>]*method="post"[^>]*action="([^"]*)"[^>]*>(.*?)</form>', re.DOTALL)
# Forms whose address names an object, or whose `account` is the one to go to.
OF_THEIR_OWN = re.compile(r"/(switch|logout|disable|remove)/$")


@pytest.fixture
def second(owner):
    """A second account of the owner's, chosen after `acme` in the alphabet."""
    account = create_account(slug="second").account
    Membership.objects.create(account=account, user=owner, role="owner")
    return account


@pytest.fixture
def signed_in(client, owner):
    client.force_login(owner)
    return client


def here(client) -> str:
    return client.get("/admin/files/").context["desk"].account.slug


@pytest.mark.rel("S6")
def test_a_look_at_another_accounts_asset_does_not_switch(signed_in, second):
    asset = make_asset(second)

    page = signed_in.get(f"/admin/files/{asset.file_id}/")
    signed_in.get(f"/admin/files/{asset.file_id}/live/")

    assert page.context["desk"].account == second
    assert here(signed_in) == "acme"


@pytest.mark.rel("S6")
def test_a_form_acts_in_the_account_that_it_was_made_for(signed_in, second):
    signed_in.post("/admin/switch/", {"account": "second"})

    signed_in.post("/admin/folders/", {"account": "acme", "path": "/autumn"})

    assert Folder.objects.get(path="/autumn").account.slug == "acme"
    assert here(signed_in) == "second"


def test_after_a_form_its_own_account_is_shown(signed_in, second):
    signed_in.post("/admin/switch/", {"account": "second"})

    shown = signed_in.post("/admin/folders/", {"account": "acme", "path": "/autumn"}, follow=True)

    assert shown.context["desk"].account.slug == "acme"
    assert "/autumn" in shown.content.decode()


@pytest.mark.rel("S6")
@pytest.mark.parametrize("slug", ["foreign", "no-such-account", ""])
def test_a_form_for_no_account_of_ones_own_is_a_conflict(signed_in, second, slug):
    create_account(slug="foreign")

    answer = signed_in.post("/admin/folders/", {"account": slug, "path": "/autumn"})

    assert answer.status_code == 409
    assert "Nothing was changed" in answer.content.decode()
    assert not Folder.objects.filter(path="/autumn").exists()


def test_a_role_is_that_of_the_account_in_the_form(signed_in, second):
    Membership.objects.filter(account=second).update(role="viewer")

    assert signed_in.post("/admin/folders/", {"account": "second", "path": "/autumn"}).status_code == 403


@pytest.mark.rel("S6")
@pytest.mark.parametrize("slug", ["foreign", "no-such-account"])
def test_a_link_to_a_foreign_account_is_404(signed_in, second, slug):
    create_account(slug="foreign")

    assert signed_in.get(f"/admin/files/?account={slug}").status_code == 404


def test_keys_and_members_are_managed_in_their_own_account(signed_in, second):
    member = Membership.objects.create(account=second, user=UserFactory(), role="viewer")
    key = second.api_keys.get()

    signed_in.post(f"/admin/keys/{key.pk}/disable/")
    signed_in.post(f"/admin/members/{member.pk}/remove/")

    key.refresh_from_db()
    assert key.disabled_at is not None
    assert not Membership.objects.filter(pk=member.pk).exists()


@pytest.mark.parametrize("page", ["upload", "folders", "keys", "members", "units"])
def test_every_form_of_an_account_names_it(admin_client, owner, page):
    shown = admin_client.get(f"/admin/{page}/").content.decode()
    forms = [body for action, body in POST_FORM.findall(shown) if not OF_THEIR_OWN.search(action)]

    assert forms
    assert all('<input type="hidden" name="account" value="acme">' in body for body in forms)


@pytest.mark.rel("S6")
def test_a_disabled_account_is_closed_to_its_members(signed_in, second):
    asset = make_asset(second)
    Account.objects.filter(pk=second.pk).update(disabled_at=clock.now())

    assert signed_in.get(f"/admin/files/{asset.file_id}/").status_code == 404
    assert signed_in.post("/admin/switch/", {"account": "second"}).status_code == 404
    assert signed_in.post("/admin/folders/", {"account": "second", "path": "/x"}).status_code == 409
    assert [account.slug for account in signed_in.get("/admin/files/").context["desk"].accounts] == ["acme"]


@pytest.mark.rel("S6")
def test_members_of_disabled_accounts_only_do_not_come_in(signed_in):
    Account.objects.update(disabled_at=clock.now())

    assert signed_in.get("/admin/files/").url.startswith("/admin/login/")


def test_superusers_still_reach_a_disabled_account(admin_client, new_account):
    Account.objects.update(disabled_at=clock.now())

    assert here(admin_client) == "acme"


def test_superusers_work_in_the_account_they_chose_however_many_there_are(admin_client, new_account, monkeypatch):
    monkeypatch.setattr(desks, "MAX_CHOICES", 1)
    create_account(slug="zebra")

    admin_client.post("/admin/switch/", {"account": "zebra"})
    desk = admin_client.get("/admin/files/").context["desk"]

    assert desk.account.slug == "zebra"
    assert [account.slug for account in desk.accounts] == ["acme", "zebra"]


def test_staff_without_an_account_still_see_their_tables(client, new_account):
    client.force_login(get_user_model().objects.create_user("stella", is_staff=True))

    assert client.get("/admin/").status_code == 200
