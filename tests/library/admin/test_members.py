"""Log-in, accounts, members and folders of the admin."""

import pytest
from django.contrib.auth import get_user_model

from library.models import AuditEntry, Folder, Membership
from library.services.accounts import create_account

PASSWORD = "correct horse battery"


def log_in(client, name: str, password: str = PASSWORD):
    return client.post("/admin/login/?next=/admin/", {"username": name, "password": password})


@pytest.mark.parametrize("who", ["owner", "editor", "viewer"])
def test_members_come_in_without_being_staff(client, request, who):
    user = request.getfixturevalue(who)

    assert log_in(client, user.username).url == "/admin/"
    assert client.get("/admin/").url == "/admin/files/"


def test_a_user_without_account_does_not_come_in(client, db):
    get_user_model().objects.create_user("nobody", password=PASSWORD)

    response = log_in(client, "nobody")

    assert response.status_code == 200
    assert client.get("/admin/files/").status_code == 302


def test_a_wrong_password_does_not_come_in(client, editor):
    assert log_in(client, editor.username, "wrong").status_code == 200


def test_tables_of_users_are_for_staff_only(client, owner):
    client.force_login(owner)

    assert client.get("/admin/auth/user/").status_code == 403
    assert client.get("/admin/library/account/").status_code == 403


@pytest.mark.parametrize(
    "address", ["auth/user/", "auth/user/add/", "auth/group/", "library/account/", "password_change/"]
)
def test_superusers_have_the_tables(admin_client, new_account, address):
    assert admin_client.get(f"/admin/{address}").status_code == 200


def test_accounts_are_not_deleted_in_the_admin(admin_client, new_account):
    assert admin_client.post(f"/admin/library/account/{new_account.account.pk}/delete/").status_code == 403


def test_the_switch_changes_the_account_one_works_for(client, owner):
    second = create_account(slug="second", name="Second").account
    Membership.objects.create(account=second, user=owner, role="viewer")
    client.force_login(owner)

    client.post("/admin/switch/", {"account": "second"})

    desk = client.get("/admin/files/").context["desk"]
    assert desk.account == second
    assert desk.role == "viewer"


def test_a_role_holds_for_its_own_account_only(client, owner):
    second = create_account(slug="second").account
    Membership.objects.create(account=second, user=owner, role="viewer")
    client.force_login(owner)
    client.post("/admin/switch/", {"account": "second"})

    assert client.get("/admin/keys/").status_code == 403


@pytest.mark.rel("A4")
def test_the_switch_to_a_foreign_account_is_404(client, owner):
    create_account(slug="foreign")
    client.force_login(owner)

    assert client.post("/admin/switch/", {"account": "foreign"}).status_code == 404
    assert client.get("/admin/files/").context["desk"].account.slug == "acme"


@pytest.mark.rel("A8")
def test_owners_add_members_with_an_audit_line(client, owner, new_account):
    user = get_user_model().objects.create_user("nina")
    client.force_login(owner)

    client.post("/admin/members/", {"username": "nina", "role": "editor"})

    assert Membership.objects.get(user=user).account == new_account.account
    assert AuditEntry.objects.get(action="member.set").target == "nina"


@pytest.mark.parametrize("form", [{"username": "ghost", "role": "editor"}, {"username": "olga", "role": "king"}])
def test_unknown_users_and_roles_are_refused(client, owner, form):
    client.force_login(owner)

    response = client.post("/admin/members/", form, follow=True)

    assert "notice-bad" in response.content.decode()
    assert Membership.objects.count() == 1


def test_the_last_owner_stays(client, owner):
    client.force_login(owner)
    member = Membership.objects.get()

    client.post(f"/admin/members/{member.pk}/remove/")
    client.post("/admin/members/", {"username": owner.username, "role": "viewer"})

    assert Membership.objects.get().role == "owner"


@pytest.mark.rel("A4")
def test_members_of_other_accounts_cannot_be_removed(client, owner, stranger):
    client.force_login(owner)

    assert client.post(f"/admin/members/{stranger.memberships.get().pk}/remove/").status_code == 404


def test_editors_make_folders_with_their_parents(client, editor):
    client.force_login(editor)

    client.post("/admin/folders/", {"path": "/campaigns/autumn"})

    assert list(Folder.objects.order_by("path").values_list("path", flat=True)) == [
        "/",
        "/campaigns",
        "/campaigns/autumn",
    ]


def test_viewers_make_no_folders(client, viewer):
    client.force_login(viewer)

    assert client.post("/admin/folders/", {"path": "/x"}).status_code == 403
