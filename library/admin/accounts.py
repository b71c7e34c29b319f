"""Tables for superusers and staff: users, groups, accounts. Accounts are made by the service, never deleted here.

Memberships change through the same services as on the page Members, so that an account keeps an owner and every act
leaves its audit line (REL A8).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import AbstractBaseUser, Group
from django.db import transaction
from django.db.models import Model, QuerySet
from django.forms import BaseInlineFormSet, Form, ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from library.models import Account, Membership
from library.services.accounts import audit
from library.services.people import remove_member, set_member
from mediahub.lib.errors import DomainError

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
    """Django's users in unfold's form, with their accounts. What a service refuses is said, and nothing is saved."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    inlines = (MembershipInline,)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return _or_refused(request, lambda: super(MemberUserAdmin, self).changeform_view(request, *args, **kwargs))

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return _or_refused(request, lambda: super(MemberUserAdmin, self).delete_view(request, *args, **kwargs))

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return _or_refused(request, lambda: super(MemberUserAdmin, self).changelist_view(request, *args, **kwargs))

    def save_formset(
        self, request: HttpRequest, form: ModelForm[Any], formset: BaseInlineFormSet[Any, Any, Any], change: bool
    ) -> None:
        """Memberships go through the services. A refusal undoes the whole edit, see `_or_refused`."""
        if formset.model is not Membership:
            super().save_formset(request, form, formset, change)
            return
        actor = request.user.get_username()
        formset.save(commit=False)
        for member in formset.deleted_objects:
            remove_member(member=_as_stored(member.pk), actor=actor)
        for member, changed in formset.changed_objects:
            if "account" in changed:
                remove_member(member=_as_stored(member.pk), actor=actor)
            _set(member, actor)
        for member in formset.new_objects:
            _set(member, actor)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        _leave_accounts(obj, request.user.get_username())
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for user in queryset:
            _leave_accounts(user, request.user.get_username())
        super().delete_queryset(request, queryset)


def _or_refused(request: HttpRequest, act: Callable[[], Any]) -> HttpResponse:
    """Do what the page does, all or nothing; a refusal by a service is shown on the page, read anew."""
    try:
        with transaction.atomic():
            done: HttpResponse = act()
            return done
    except DomainError as error:
        messages.error(request, error.message)
        return redirect(request.get_full_path())


def _as_stored(pk: int) -> Membership:
    """The row as it is: the form has put what was posted into its own copy."""
    return Membership.objects.select_related("account", "user").get(pk=pk)


def _set(member: Membership, actor: str) -> None:
    set_member(account=member.account, username=member.user.get_username(), role=member.role, actor=actor)


def _leave_accounts(user: AbstractBaseUser, actor: str) -> None:
    for member in Membership.objects.filter(user_id=user.pk).select_related("account", "user").order_by("account_id"):
        remove_member(member=member, actor=actor)


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

    @transaction.atomic
    def save_model(self, request: HttpRequest, obj: Model, form: Form, change: bool) -> None:
        """Write what was edited and nothing else: the plan may have changed since the form was read."""
        assert isinstance(obj, Account)
        obj.save(update_fields=form.changed_data)
        if form.changed_data:
            detail = {name: str(getattr(obj, name)) for name in form.changed_data}
            audit(account=obj, actor=request.user.get_username(), action="account.changed", detail=detail)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """`manage.py create_account` makes accounts with keys and secret, which are shown once."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
