"""What an account's back end signs for a browser: fields of v1, tokens of v2; and uploads with them."""

import uuid
from typing import Any

import jwt
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from library.signing import upload_signature
from mediahub.lib.clock import now
from tests.uploading import UPLOAD

UPLOAD_V2 = "/api/v2/files/upload"


def seconds(ahead_s: int = 0) -> int:
    """Unix seconds, by the server's clock."""
    return int(now().timestamp()) + ahead_s


def signed(key, *, token: str | None = None, ahead_s: int = 600, **changes: str) -> dict[str, str]:
    """The four fields of v1 for a key; changes are made after signing."""
    token, expire = token or str(uuid.uuid4()), str(seconds(ahead_s))
    fields = {
        "publicKey": key.public_key,
        "token": token,
        "expire": expire,
        "signature": upload_signature(key.private_key, token, expire),
    }
    return fields | changes


def token_for(key, fields: dict[str, Any], *, headers: dict[str, Any] | None = None, **claims: Any) -> str:
    """A token of v2 over these fields; claims and headers are added, or taken out where None."""
    payload = {**fields, "iat": seconds(), "exp": seconds(600), **claims}
    payload = {name: value for name, value in payload.items() if value is not None}
    return jwt.encode(payload, key.private_key, algorithm="HS256", headers={"kid": key.public_key, **(headers or {})})


def post(fields: dict[str, Any], *, path: str = UPLOAD, data: bytes = b"some bytes", client=None, **headers: str):
    """POST a form without any Authorization, the file first as browsers have it."""
    form = {"file": SimpleUploadedFile("part.bin", data), **fields}
    client = client or APIClient(raise_request_exception=False)
    return client.post(path, form, format="multipart", headers=headers)


def upload_v1(key, *, fields: dict[str, Any] | None = None, data: bytes = b"some bytes", **changes: Any):
    """A signed upload of v1 in one go."""
    return post({"fileName": "a.bin", **(fields or {}), **signed(key, **changes)}, data=data)


def upload_v2(key, fields: dict[str, Any] | None = None, *, token: str | None = None, **headers: str):
    """An upload of v2 with a token over its own fields, unless another token is given."""
    fields = {"fileName": "a.bin", **(fields or {})}
    return post({**fields, "token": token or token_for(key, fields)}, path=UPLOAD_V2, **headers)
