"""Pure: the signatures of ImageKit's clients, for uploads from browsers (API 1.3) and for private files (API 1.5).

The upload API and delivery check them. Comparing takes the same time for every input.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from datetime import datetime

NO_EXPIRY = "9999999999"
UPLOAD_WINDOW_S = 3600
_UNIX_SECONDS = re.compile(r"[0-9]{1,10}\Z")


def upload_signature(private_key: str, token: str, expire: str) -> str:
    """Lower-case hex HMAC-SHA1 over token and expire, as browsers send it in the `signature` field."""
    return _hmac_sha1(private_key, token + expire)


def upload_signature_is_valid(private_key: str, *, token: str, expire: str, signature: str) -> bool:
    """Whether the signature belongs to token and expire; says nothing about the time or about reuse of the token."""
    return _same(upload_signature(private_key, token, expire), signature)


def upload_expiry_is_valid(expire: str, *, now: datetime) -> bool:
    """Whether `expire` (Unix seconds as text) lies ahead of now by less than an hour."""
    return bool(_UNIX_SECONDS.match(expire)) and 0 < int(expire) - now.timestamp() < UPLOAD_WINDOW_S


def delivery_signature(private_key: str, path_and_query: str, expire: str = NO_EXPIRY) -> str:
    """The `ik-s` of a delivery URL.

    path_and_query: what follows the account's URL endpoint and its slash, without `ik-t` and `ik-s`. expire: the
    `ik-t` that goes with it, Unix seconds; NO_EXPIRY when the URL has none.
    """
    return _hmac_sha1(private_key, path_and_query + expire)


def delivery_signature_is_valid(
    private_keys: Iterable[str], paths: Iterable[str], *, signature: str, expire: str, now: datetime
) -> bool:
    """Whether any of the keys signed any of these spellings of one path and query, and the time has not passed.

    expire: the URL's `ik-t`, "" when it has none.
    """
    if expire and not _UNIX_SECONDS.match(expire):
        return False
    spellings = list(paths)
    # Every pair is computed, so that the time does not tell which key or spelling was nearly right.
    matches = [
        _same(delivery_signature(key, path, expire or NO_EXPIRY), signature)
        for key in private_keys
        for path in spellings
    ]
    return any(matches) and (not expire or int(expire) > now.timestamp())


def _hmac_sha1(key: str, message: str) -> str:
    # SHA-1 is what ImageKit's clients compute; as an HMAC it is still sound.
    return hmac.new(key.encode(), message.encode("utf-8", "surrogatepass"), hashlib.sha1).hexdigest()


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogatepass"))
