"""Who works for which account, with what rights: the one place where the admin turns a request into a `Desk`.

Every page of the admin is registered through `library.adminsite.page`, which asks here before the view runs (REL S6).
"""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import Http404, HttpRequest

from library.models import Account, Membership

SESSION_KEY = "account"
MAX_CHOICES = 200
Role = Membership.Role
_RANK = {Role.VIEWER: 0, Role.EDITOR: 1, Role.OWNER: 2}


@dataclass(frozen=True)
class Desk:
    """A person at work for one account.

    role: what the person may do there; superusers are owners everywhere. accounts: what the switcher offers.
    """

    account: Account
    role: Role
    actor: str
    accounts: tuple[Account, ...]
    is_superuser: bool = False

    def may(self, role: Role) -> bool:
        """Whether the rights here include those of a role."""
        return _RANK[self.role] >= _RANK[role]

    @property
    def can_edit(self) -> bool:
        return self.may(Role.EDITOR)

    @property
    def can_manage(self) -> bool:
        return self.may(Role.OWNER)


def is_member(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Whether a user may come in at all: active, and superuser, staff or a member of an account."""
    if not user.is_active or not user.is_authenticated:
        return False
    if getattr(user, "is_superuser", False) or getattr(user, "is_staff", False):
        return True
    return Membership.objects.filter(user_id=user.pk).exists()


def desk_for(request: HttpRequest, account: Account | None = None) -> Desk:
    """The desk at an account, or at the one chosen last. Raises Http404 for people who do not belong there."""
    desks = _roles(request)
    is_superuser = bool(getattr(request.user, "is_superuser", False))
    if account is None:
        account = _chosen(request, [found for found, _ in desks.values()])
    if account is None or (account.pk not in desks and not is_superuser):
        raise Http404("No such account.")
    found, role = desks.get(account.pk, (account, Role.OWNER))
    if request.session.get(SESSION_KEY) != found.pk:
        request.session[SESSION_KEY] = found.pk
    return Desk(
        account=found,
        role=role,
        actor=request.user.get_username(),
        accounts=tuple(known for known, _ in desks.values()),
        is_superuser=is_superuser,
    )


def _roles(request: HttpRequest) -> dict[int, tuple[Account, Role]]:
    """Account and role by account id, by slug, read once for a request."""
    cached: dict[int, tuple[Account, Role]] | None = getattr(request, "_desk_roles", None)
    if cached is None:
        if getattr(request.user, "is_superuser", False):
            cached = {found.pk: (found, Role.OWNER) for found in Account.objects.order_by("slug")[:MAX_CHOICES]}
        else:
            mine = (
                Membership.objects.filter(user_id=request.user.pk or 0)
                .select_related("account")
                .order_by("account__slug")
            )
            cached = {item.account_id: (item.account, Role(item.role)) for item in mine}
        request._desk_roles = cached  # type: ignore[attr-defined]
    return cached


def _chosen(request: HttpRequest, accounts: list[Account]) -> Account | None:
    wanted = request.session.get(SESSION_KEY)
    return next((account for account in accounts if account.pk == wanted), accounts[0] if accounts else None)
