"""Signatures of outgoing webhooks: pure functions over the bytes that are sent.

Called by webhook delivery for each attempt. One request carries what every kind of receiver checks: today's ImageKit
SDKs and Standard Webhooks libraries, which differ in how they read the secret (REL W11), and ImageKit's older header.
"""

import base64
import binascii
import hashlib
import hmac
import secrets as random_source
from collections.abc import Sequence
from uuid import uuid4

SECRET_PREFIX = "whsec_"  # noqa: S105 - the public prefix, no secret
SECRET_BYTES = 32


def sign(*, message_id: str, timestamp: int, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """Sign one attempt and return its headers: webhook-id, webhook-timestamp, webhook-signature, x-ik-signature.

    message_id: the same on every attempt. timestamp: Unix seconds of this attempt. body: exactly as sent. secrets:
    every one still valid, newest first (during a rotation there are two, REL W12). `webhook-signature` holds, for
    each secret, one value keyed with the whole secret text and one keyed with its decoded remainder if it has one;
    `x-ik-signature` knows only one value and takes the newest. Raises ValueError if there is no secret.
    """
    if not secrets:
        raise ValueError("a webhook needs at least one secret")
    text = f"{message_id}.{timestamp}.".encode() + body
    values = [f"v1,{_base64_hmac(key, text)}" for secret in secrets for key in signing_keys(secret)]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(values),
        "x-ik-signature": _older_signature(secrets[0], milliseconds=timestamp * 1000, body=body),
    }


def signing_keys(secret: str) -> list[bytes]:
    """The ways receivers turn a secret into a key: its UTF-8 bytes, and the base64-decoded part after `whsec_`."""
    keys = [secret.encode()]
    try:
        decoded = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    except (binascii.Error, ValueError):
        return keys  # not base64: Standard Webhooks libraries refuse such a secret altogether
    return [*keys, decoded] if decoded else keys


def new_secret() -> str:
    """A fresh secret: `whsec_` and the base64 of 32 random bytes."""
    return SECRET_PREFIX + base64.b64encode(random_source.token_bytes(SECRET_BYTES)).decode()


def new_message_id() -> str:
    """A fresh id for one delivery: letters, digits and `_` only, because the signed text is cut at full stops (W13)."""
    return f"msg_{uuid4().hex}"


def _base64_hmac(key: bytes, text: bytes) -> str:
    return base64.b64encode(hmac.digest(key, text, hashlib.sha256)).decode()


def _older_signature(secret: str, *, milliseconds: int, body: bytes) -> str:
    value = hmac.digest(secret.encode(), f"{milliseconds}.".encode() + body, hashlib.sha256).hex()
    return f"t={milliseconds},v1={value}"
