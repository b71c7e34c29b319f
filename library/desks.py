"""Who works for which account, with what rights: the one place where the admin turns a request into a `Desk`.

Every page of the admin is registered through `library.adminsite.page`, which asks here before the view runs (REL S6).
The account chosen last is kept in the session, which all tabs of a browser share; so only `choose` writes it, an
object's page works in the object's account, and a form names the account that it was made for.
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


class WrongAccount(Exception):
    """A form names an account that the person does not work for, or none where there are several."""


def is_member(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Whether a user may come in at all: active, and superuser, staff or a member of an account that is open."""
    if not user.is_active or not user.is_authenticated:
        return False
    if getattr(user, "is_superuser", False) or getattr(user, "is_staff", False):
        return True
    return Membership.objects.filter(user_id=user.pk, account__disabled_at=None).exists()


def desk_for(request: HttpRequest, account: Account | None = None) -> Desk:
    """The desk at an account, or at the one chosen last. Raises Http404 for people who do not belong there."""
    desks = _roles(request)
    is_superuser = bool(getattr(request.user, "is_superuser", False))
    if account is None:
        account = _chosen(request, [found for found, _ in desks.values()])
    if account is None or (account.pk not in desks and not is_superuser):
        raise Http404("No such account.")
    found, role = desks.get(account.pk, (account, Role.OWNER))
    known = [item for item, _ in desks.values()]
    return Desk(
        account=found,
        role=role,
        actor=request.user.get_username(),
        accounts=tuple(known if found in known else [*known, found]),
        is_superuser=is_superuser,
    )


def named_desk(request: HttpRequest) -> Desk:
    """The desk at the account that a form or a link names in `account`; a link without one means the chosen account.

    Raises WrongAccount for a form of an account that the person does not work for. A form without `account` is
    refused likewise where there are several: the session may have been switched since it was shown.
    """
    is_form = request.method == "POST"
    slug = (request.POST if is_form else request.GET).get("account", "")
    if not slug and (not is_form or len(_roles(request)) <= 1):
        return desk_for(request)
    account = Account.objects.filter(slug=slug).first()
    try:
        if account is None:
            raise Http404("No such account.")
        return desk_for(request, account)
    except Http404 as error:
        if is_form:
            raise WrongAccount from error
        raise


def choose(request: HttpRequest, account: Account) -> None:
    """Work for this account from now on, wherever nothing names another. Raises Http404 if it is not one's own."""
    request.session[SESSION_KEY] = desk_for(request, account).account.pk


def _roles(request: HttpRequest) -> dict[int, tuple[Account, Role]]:
    """Account and role by account id, in the order of slugs, read once for a request. Members reach open accounts."""
    cached: dict[int, tuple[Account, Role]] | None = getattr(request, "_desk_roles", None)
    if cached is None:
        if getattr(request.user, "is_superuser", False):
            cached = {found.pk: (found, Role.OWNER) for found in Account.objects.order_by("slug")[:MAX_CHOICES]}
        else:
            mine = (
                Membership.objects.filter(user_id=request.user.pk or 0, account__disabled_at=None)
                .select_related("account")
                .order_by("account__slug")
            )
            cached = {item.account_id: (item.account, Role(item.role)) for item in mine}
        request._desk_roles = cached  # type: ignore[attr-defined]
    return cached


def _chosen(request: HttpRequest, accounts: list[Account]) -> Account | None:
    """The account of the session if it is one's own, else the first. A superuser's may lie beyond the list."""
    wanted = request.session.get(SESSION_KEY)
    found = next((account for account in accounts if account.pk == wanted), None)
    if found is None and wanted is not None and getattr(request.user, "is_superuser", False):
        found = Account.objects.filter(pk=wanted).first()
    return found or (accounts[0] if accounts else None)
