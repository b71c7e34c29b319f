"""Makes accounts and API keys, and writes audit lines. Commands and the admin call these."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from library.models import Account, ApiKey, AuditEntry
from library.services.folders import ensure_folder
from mediahub.lib import secretbox
from mediahub.lib.clock import now as clock_now
from mediahub.lib.errors import Conflict, DomainError

MAX_ACTIVE_KEYS = 5


class TooManyKeys(DomainError):
    """The account has as many active keys as it may have."""

    code = "key_limit_exceeded"


class BadRights(DomainError):
    """Rights for a key that name an unknown group or right."""

    code = "invalid_rights"


@dataclass(frozen=True)
class NewKey:
    """A key at its making: the only moment at which the private part is shown (REL A2)."""

    api_key: ApiKey
    public_key: str
    private_key: str


@dataclass(frozen=True)
class NewAccount:
    """An account at its making, with its first key and its webhook secret in plain text."""

    account: Account
    public_key: str
    private_key: str
    webhook_secret: str


@transaction.atomic
def create_account(*, slug: str, units_per_month: int | None = None, name: str = "") -> NewAccount:
    """Make an account with a root folder, a webhook secret and a first key.

    units_per_month: None for the default plan. Raises Conflict if the slug is taken, DomainError if it is malformed.
    """
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    account = Account(slug=slug, name=name, webhook_secret_token=secretbox.encrypt(secret))
    if units_per_month is not None:
        account.units_per_month = units_per_month
    if Account.objects.filter(slug=slug).exists():
        raise Conflict(f"There is an account {slug!r} already.", field="slug")
    try:
        account.full_clean()
    except ValidationError as error:
        raise DomainError("; ".join(error.messages), field=next(iter(error.message_dict))) from error
    account.save()
    ensure_folder(account=account, path="/", now=clock_now())
    key = create_api_key(account=account, label="first key")
    return NewAccount(account, key.public_key, key.private_key, secret)


@transaction.atomic
def create_api_key(*, account: Account, label: str, rights: Mapping[str, str] | None = None) -> NewKey:
    """Make a key for an account. Its private part is stored encrypted, beside a hash to find it by.

    rights: resource group to `none`, `read` or `write`, groups left out are `none`; None makes a standard key, which
    may do everything. Rights stand for good: another key is made for other rights. Raises BadRights, and TooManyKeys if
    the account has MAX_ACTIVE_KEYS that are neither disabled nor expired (API 1.2).
    """
    given = {} if rights is None else _checked_rights(rights)
    # The lock makes two requests at once count one after the other.
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    active = ApiKey.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=clock_now()), account=account, disabled_at=None
    )
    if active.count() >= MAX_ACTIVE_KEYS:
        raise TooManyKeys("An account may have five active API keys. Disable one first.")
    public_key = "public_" + secrets.token_urlsafe(21)
    private_key = "private_" + secrets.token_urlsafe(30)
    api_key = ApiKey.objects.create(
        account=account,
        label=label,
        public_key=public_key,
        private_key_token=secretbox.encrypt(private_key),
        private_key_sha256=secretbox.fingerprint(private_key),
        is_restricted=rights is not None,
        rights=given,
    )
    return NewKey(api_key, public_key, private_key)


def _checked_rights(rights: Mapping[str, str]) -> dict[str, str]:
    for group, right in rights.items():
        if group not in ApiKey.Group.values:
            known = ", ".join(ApiKey.Group.values)
            raise BadRights(f"There is no group {group[:60]!r}; there are {known}.", field="rights")
        if right not in ApiKey.Rights.values:
            raise BadRights(f"A right is none, read or write, not {right[:60]!r}.", field="rights")
    return {group: right for group, right in rights.items() if right != ApiKey.Rights.NONE}


def audit(
    *, account: Account, actor: str, action: str, target: str = "", detail: dict[str, Any] | None = None
) -> AuditEntry:
    """Write down who did what to what. Texts beyond their columns are cut: a long target must not stop the act."""
    return AuditEntry.objects.create(
        account=account, actor=actor[:150], action=action[:60], target=target[:300], detail=detail or {}
    )
