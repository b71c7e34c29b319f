"""Who asks: HTTP Basic with a private key as the user name, and what that key may do (API 1.2).

Django REST framework calls both classes on every API view; `request.user` is a `KeyUser` afterwards.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from library.models import Account, ApiKey
from mediahub.lib.api import NO_KEY, UNKNOWN_KEY
from mediahub.lib.clock import now as clock_now
from mediahub.lib.limits.failures import note_failure
from mediahub.lib.secretbox import fingerprint

MAX_KEY_CHARACTERS = 200


@dataclass(frozen=True)
class KeyUser:
    """The caller of the API: a key and its account. It is no Django user and has no session."""

    account: Account
    api_key: ApiKey

    is_authenticated = True
    is_active = True

    @property
    def pk(self) -> str:
        """What throttles and logs tell callers apart by; never the private key."""
        return self.api_key.public_key

    @property
    def actor(self) -> str:
        """Who asks, for the audit."""
        return f"key {self.api_key.public_key}"


class PrivateKeyAuthentication(BaseAuthentication):
    """Basic authentication; the password is ignored. 401 without a key, 403 for one that is unknown or switched off.

    After several of those from one address it is 429 (REL A6); a right key is always taken. Keys are found by their
    SHA-256 through an index, so the time taken says nothing about how nearly right one is.
    """

    def authenticate(self, request: Request) -> tuple[KeyUser, ApiKey]:
        header = request.META.get("HTTP_AUTHORIZATION", "")
        private_key = _private_key(header)
        if not private_key:
            if header:
                note_failure(request)
            raise NotAuthenticated(NO_KEY)
        digest = fingerprint(private_key)
        api_key = ApiKey.objects.select_related("account").filter(private_key_sha256=digest).first()
        if api_key is None or not _is_usable(api_key):
            note_failure(request, who=api_key.public_key if api_key else "")
            raise PermissionDenied(UNKNOWN_KEY)
        return KeyUser(api_key.account, api_key), api_key

    def authenticate_header(self, request: Request) -> str:
        return 'Basic realm="MediaHub", charset="UTF-8"'


class KeyPermission(BasePermission):
    """Whether a restricted key may read or write in the view's `resource_group`; without one it may do neither.

    The method says which of the two, unless the view has a `required_right`: a question can be asked by POST.
    """

    message = "This API key may not do that."

    def has_permission(self, request: Request, view: Any) -> bool:
        by_method = "read" if request.method in SAFE_METHODS else "write"
        right = getattr(view, "required_right", by_method)
        group = getattr(view, "resource_group", "")
        user: object = request.user
        return isinstance(user, KeyUser) and user.api_key.allows(group, right)


def key_user(request: Request) -> KeyUser:
    """The authenticated caller; views use this where they need the account."""
    user: object = request.user
    assert isinstance(user, KeyUser), "the view lacks PrivateKeyAuthentication"
    return user


def key_with_public_part(public_key: str) -> ApiKey:
    """The key of that public part. Raises PermissionDenied alike if it is unknown, disabled or expired."""
    api_key = ApiKey.objects.select_related("account").filter(public_key=public_key).first()
    if api_key is None or not _is_usable(api_key):
        raise PermissionDenied(UNKNOWN_KEY)
    return api_key


def _private_key(header: str) -> str:
    """The user name in a Basic header, or "" when there is none. A key without base64 is taken too (API 1.2)."""
    scheme, _, credentials = header.partition(" ")
    credentials = credentials.strip()
    if scheme.lower() != "basic" or " " in credentials:
        return ""
    if credentials.startswith("private_"):
        return credentials[:MAX_KEY_CHARACTERS]
    try:
        text = base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
    return text.partition(":")[0][:MAX_KEY_CHARACTERS]


def _is_usable(api_key: ApiKey) -> bool:
    if api_key.disabled_at or api_key.account.disabled_at:
        return False
    return api_key.expires_at is None or api_key.expires_at > clock_now()
