"""Secrets at rest: Fernet tokens under the installation's encryption key (REL A1, A2).

Private API keys and webhook secrets must be readable by us (to check and make signatures), so they are encrypted,
not hashed. Models call this; the key comes from settings.
"""

import base64
import hashlib
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

from mediahub.lib.errors import DomainError


class SecretUnreadable(DomainError):
    """A stored secret was written under another encryption key."""

    code = "secret_unreadable"
    status = 500


@lru_cache(maxsize=4)
def _box(key: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()))


def encrypt(text: str) -> str:
    """The text as a token that only this installation can read."""
    return _box(settings.MEDIAHUB_ENCRYPTION_KEY).encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """The text of a token. Raises SecretUnreadable if it was made under another key."""
    try:
        return _box(settings.MEDIAHUB_ENCRYPTION_KEY).decrypt(token.encode()).decode()
    except InvalidToken:
        raise SecretUnreadable("A stored secret cannot be read: MEDIAHUB_ENCRYPTION_KEY has changed.") from None


def fingerprint(text: str) -> str:
    """SHA-256 in hex, for looking a secret up without reading any."""
    return hashlib.sha256(text.encode()).hexdigest()
