"""Tables for superusers and staff: users, groups, accounts. Accounts are made by the service, never deleted here."""

from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from library.models import Account, Membership

User = get_user_model()
admin.site.unregister(User)
admin.site.unregister(Group)


class MembershipInline(TabularInline):
    """The accounts of a user."""

    model = Membership
    extra = 0
    autocomplete_fields = ("account",)


@admin.register(User)
class MemberUserAdmin(UserAdmin, ModelAdmin):  # type: ignore[misc, type-arg]
    """Django's users in unfold's form, with their accounts."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    inlines = (MembershipInline,)


@admin.register(Group)
class MemberGroupAdmin(GroupAdmin, ModelAdmin):  # type: ignore[misc]
    """Django's groups in unfold's form."""


@admin.register(Account)
class AccountAdmin(ModelAdmin):
    """Accounts: name and slug. The plan is changed on the page Units, which keeps the ledger in step."""

    list_display = ("slug", "name", "units_per_month", "overage_units", "disabled_at")
    search_fields = ("slug", "name")
    ordering = ("slug",)
    fields = ("slug", "name", "units_per_month", "overage_units", "disabled_at", "created_at")
    readonly_fields = ("units_per_month", "overage_units", "created_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """`manage.py create_account` makes accounts with keys and secret, which are shown once."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
