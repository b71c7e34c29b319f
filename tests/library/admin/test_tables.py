"""The tables for superusers keep the rules of the pages for members: a last owner stays, and every act has its line."""

import pytest
from django.contrib.auth import get_user_model

from library.admin.accounts import AccountAdmin
from library.models import Account, AuditEntry, Membership
from library.services.accounts import create_account


def user_form(user, *rows: dict) -> dict:
    """A user's change form with rows of memberships: {id, account, role, DELETE}."""
    form = {"username": user.username, "is_active": "on", "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    kept = sum(1 for row in rows if row.get("id"))
    form |= {"memberships-TOTAL_FORMS": len(rows), "memberships-INITIAL_FORMS": kept}
    for number, row in enumerate(rows):
        form |= {f"memberships-{number}-{name}": value for name, value in ({"user": user.pk} | row).items()}
    return form


def save(admin_client, user, *rows: dict):
    return admin_client.post(f"/admin/auth/user/{user.pk}/change/", user_form(user, *rows), follow=True)


@pytest.mark.rel("A8")
def test_a_membership_added_to_a_user_has_an_audit_line(admin_client, new_account, viewer):
    second = create_account(slug="second").account
    kept = viewer.memberships.get()

    save(
        admin_client,
        viewer,
        {"id": kept.pk, "account": new_account.account.pk, "role": "editor"},
        {"account": second.pk, "role": "owner"},
    )

    assert sorted(viewer.memberships.values_list("account__slug", "role")) == [("acme", "editor"), ("second", "owner")]
    lines = AuditEntry.objects.filter(action="member.set").values_list("account__slug", "actor", "target")
    assert sorted(lines) == [("acme", "admin", "vito"), ("second", "admin", "vito")]


@pytest.mark.rel("A8")
def test_a_membership_moved_to_another_account_ends_in_the_first(admin_client, new_account, viewer):
    second = create_account(slug="second").account

    save(admin_client, viewer, {"id": viewer.memberships.get().pk, "account": second.pk, "role": "viewer"})

    assert viewer.memberships.get().account == second
    assert AuditEntry.objects.get(action="member.removed").account == new_account.account


@pytest.mark.parametrize(
    "change", [{"role": "viewer"}, {"role": "owner", "DELETE": "on"}, {"role": "viewer", "DELETE": "on"}]
)
def test_the_last_owner_stays_when_a_user_is_edited(admin_client, new_account, owner, change):
    kept = Membership.objects.get()

    shown = save(admin_client, owner, {"id": kept.pk, "account": new_account.account.pk} | change)

    assert Membership.objects.get().role == "owner"
    assert "last owner" in shown.content.decode()


def test_a_refused_edit_changes_nothing_of_the_user(admin_client, new_account, owner):
    row = {"id": Membership.objects.get().pk, "account": new_account.account.pk, "role": "viewer"}
    form = user_form(owner, row) | {"first_name": "Changed"}

    admin_client.post(f"/admin/auth/user/{owner.pk}/change/", form)

    owner.refresh_from_db()
    assert owner.first_name == ""


def test_a_member_is_taken_out_with_an_audit_line(admin_client, new_account, viewer):
    kept = viewer.memberships.get()

    save(admin_client, viewer, {"id": kept.pk, "account": new_account.account.pk, "role": "viewer", "DELETE": "on"})

    assert not viewer.memberships.exists()
    assert AuditEntry.objects.get(action="member.removed").target == "vito"


def test_a_user_who_is_a_last_owner_is_not_deleted(admin_client, owner):
    admin_client.post(f"/admin/auth/user/{owner.pk}/delete/", {"post": "yes"})
    admin_client.post("/admin/auth/user/", {"action": "delete_selected", "_selected_action": [owner.pk], "post": "yes"})

    assert get_user_model().objects.filter(pk=owner.pk).exists()
    assert Membership.objects.get().role == "owner"


@pytest.mark.rel("A8")
def test_a_deleted_user_leaves_audit_lines(admin_client, viewer):
    admin_client.post(f"/admin/auth/user/{viewer.pk}/delete/", {"post": "yes"})

    assert not get_user_model().objects.filter(pk=viewer.pk).exists()
    assert AuditEntry.objects.get(action="member.removed").target == "vito"


@pytest.mark.rel("A8")
def test_a_changed_account_has_an_audit_line(admin_client, new_account):
    address = f"/admin/library/account/{new_account.account.pk}/change/"

    admin_client.post(address, {"slug": "acme", "name": "Acme Ltd", "disabled_at_0": "", "disabled_at_1": ""})

    assert Account.objects.get().name == "Acme Ltd"
    line = AuditEntry.objects.get(action="account.changed")
    assert (line.actor, line.detail) == ("admin", {"name": "Acme Ltd"})


def test_saving_an_account_leaves_a_plan_that_changed_meanwhile(admin_client, new_account, monkeypatch):
    get_object = AccountAdmin.get_object

    def change_plan_after_reading(self, *args, **kwargs):
        found = get_object(self, *args, **kwargs)
        Account.objects.update(units_per_month=77)
        return found

    monkeypatch.setattr(AccountAdmin, "get_object", change_plan_after_reading)
    address = f"/admin/library/account/{new_account.account.pk}/change/"

    admin_client.post(address, {"slug": "acme", "name": "Acme Ltd", "disabled_at_0": "", "disabled_at_1": ""})

    account = Account.objects.get()
    assert (account.name, account.units_per_month) == ("Acme Ltd", 77)
