"""Who belongs to an account, and which of its keys still open doors. The admin's owner pages call these.

Each act leaves an audit line (REL A8). An account that has an owner keeps at least one.
"""

from __future__ import annotations

from datetime import datetime

import structlog
from django.contrib.auth import get_user_model
from django.db import transaction

from library.models import Account, ApiKey, Membership
from library.services.accounts import audit
from mediahub.lib.errors import Conflict, DomainError, NotFound

log = structlog.get_logger(__name__)

MAX_TOLD = 20
"""Accounts whose audit hears of one user's failed log-ins."""


@transaction.atomic
def set_member(*, account: Account, username: str, role: str, actor: str) -> Membership:
    """Give a user a role in the account, new or changed. Raises NotFound, Conflict for the last owner."""
    if role not in Membership.Role.values:
        raise DomainError("Choose viewer, editor or owner.", field="role")
    user = get_user_model()._default_manager.filter(**{get_user_model().USERNAME_FIELD: username.strip()}).first()
    if user is None:
        raise NotFound("There is no user of that name.", field="username")
    Account.objects.select_for_update().get(pk=account.pk)
    member = Membership.objects.filter(account=account, user_id=user.pk).first()
    if member and role != Membership.Role.OWNER:
        _require_another_owner(member)
    member, _ = Membership.objects.update_or_create(account=account, user_id=user.pk, defaults={"role": role})
    audit(account=account, actor=actor, action="member.set", target=user.get_username(), detail={"role": role})
    return member


@transaction.atomic
def remove_member(*, member: Membership, actor: str) -> None:
    """Take a user out of the account. Raises Conflict for the last owner."""
    Account.objects.select_for_update().get(pk=member.account_id)
    _require_another_owner(member)
    audit(account=member.account, actor=actor, action="member.removed", target=member.user.get_username())
    member.delete()


@transaction.atomic
def disable_api_key(*, api_key: ApiKey, actor: str, now: datetime) -> None:
    """Close a key for good; doing it again changes nothing."""
    if ApiKey.objects.filter(pk=api_key.pk, disabled_at=None).update(disabled_at=now):
        audit(account=api_key.account, actor=actor, action="key.disabled", target=api_key.public_key)


def note_slowed_login(*, username: str, address: str) -> None:
    """Tell the log and the owners of this user's accounts that log-ins under the name fail and are slowed (REL A6).

    address: the client's, or "". The log has no name: people type passwords into that field.
    """
    log.warning("failed_log_ins_slowed", address=address)
    field = f"user__{get_user_model().USERNAME_FIELD}"
    for member in Membership.objects.filter(**{field: username}).select_related("account")[:MAX_TOLD]:
        audit(
            account=member.account, actor="log-in", action="login.slowed", target=username, detail={"address": address}
        )


def _require_another_owner(member: Membership) -> None:
    owners = Membership.objects.filter(account_id=member.account_id, role=Membership.Role.OWNER)
    if member.role == Membership.Role.OWNER and not owners.exclude(pk=member.pk).exists():
        raise Conflict("This is the account's last owner. Name another one first.", code="last_owner")
