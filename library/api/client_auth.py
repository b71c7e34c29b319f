"""Who uploads without a private key: a browser or an app, with what the account's back end has signed for it.

The two upload views name these classes: v1 takes four form fields with an HMAC (API 1.3), v2 one with a JWT (API 1.4);
both take HTTP Basic as every other view does. A signed upload has the rights of the key that signed it. Tokens are
spent here, before anything is done with the file. docs/client-side-uploads.md says how it is used.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from django.http import QueryDict
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.request import Request

from library.api.auth import KeyUser, PrivateKeyAuthentication, key_with_public_part
from library.api.cors import comes_from_a_foreign_page
from library.models import ApiKey
from library.services.spent_tokens import is_spent, spend_token
from library.signing import upload_expiry_is_valid, upload_signature_is_valid
from library.upload_jwt import BadUploadToken, WrongSignature, key_named_by, read_claims, signed_part
from mediahub.lib.api import NO_KEY
from mediahub.lib.clock import now as clock_now
from mediahub.lib.limits.failures import note_failure

SIGNATURE_FIELDS = ("publicKey", "token", "expire", "signature")
REPEAT_HEADER = "x-stainless-retry-count"


@dataclass(frozen=True)
class SignedUpload:
    """`request.auth` of a client-side upload. was_spent: the client says that it repeats a request, and its token was
    used before; such a request may have the first one's answer and nothing else."""

    api_key: ApiKey
    was_spent: bool


class UploadAuthentication(PrivateKeyAuthentication, ABC):
    """HTTP Basic, or fields of the form. 401 with neither.

    Only the form knows who asks, so it is parsed first, within the limits that hold for everybody (REL U1): clients
    put the fields in any order, and a file in front of them is spooled before they are seen, and removed again.
    """

    beside_a_key: tuple[str, ...]
    """Fields that may not come together with a private key."""

    def authenticate(self, request: Request) -> tuple[KeyUser, ApiKey | SignedUpload]:  # type: ignore[override]
        if request.META.get("HTTP_AUTHORIZATION"):
            found = super().authenticate(request)
            if comes_from_a_foreign_page(request):
                raise PermissionDenied("A page of another site may not use a private key. Sign its uploads instead.")
            return found
        if not (request.content_type or "").lower().startswith("multipart/form-data"):
            raise NotAuthenticated(NO_KEY)
        try:
            signed = self.admit(request, cast(QueryDict, request.data))
        except (PermissionDenied, WrongSignature):
            # Whose name was tried is not said: it is as little proven as the signature.
            note_failure(request)
            raise
        return KeyUser(signed.api_key.account, signed.api_key), signed

    @abstractmethod
    def admit(self, request: Request, form: QueryDict) -> SignedUpload:
        """Check the form's fields and spend the token. Raises NotAuthenticated, PermissionDenied, BadUploadToken."""


class SignatureAuthentication(UploadAuthentication):
    """v1: `publicKey`, `token`, `expire`, and `signature` over the last two."""

    beside_a_key = ("signature", "token")

    def admit(self, request: Request, form: QueryDict) -> SignedUpload:
        given = {name: str(form.get(name) or "") for name in SIGNATURE_FIELDS}
        if not any(given.values()):
            raise NotAuthenticated(NO_KEY)
        for name, value in given.items():
            if not value:
                raise BadUploadToken(f"The {name} parameter is missing.", field=name)
        api_key = key_with_public_part(given["publicKey"])
        token, expire = given["token"], given["expire"]
        if not upload_signature_is_valid(api_key.private_key, token=token, expire=expire, signature=given["signature"]):
            raise WrongSignature(
                "The signature does not belong to this token, expire and publicKey.", field="signature"
            )
        if is_repeat(request) and is_spent(api_key=api_key, token=token):
            return SignedUpload(api_key, was_spent=True)
        if not upload_expiry_is_valid(expire, now=clock_now()):
            raise BadUploadToken("expire must lie ahead of this server's clock, by less than an hour.", field="expire")
        return _spent(request, api_key, token=token, expires_at=datetime.fromtimestamp(int(expire), UTC))


class TokenAuthentication(UploadAuthentication):
    """v2: `token`, a JWT over every other field."""

    beside_a_key = ("token",)

    def admit(self, request: Request, form: QueryDict) -> SignedUpload:
        _refuse_fields_of_v1(form)
        token = str(form.get("token") or "")
        if not token:
            raise NotAuthenticated(NO_KEY)
        api_key = key_with_public_part(key_named_by(token))
        claims = read_claims(token, private_key=api_key.private_key)
        claims.require_equal({name: [str(value) for value in values] for name, values in form.lists()})
        # The signature is left out: one and the same can be spelled in several ways.
        same = signed_part(token)
        if is_repeat(request) and is_spent(api_key=api_key, token=same):
            return SignedUpload(api_key, was_spent=True)
        claims.require_valid_at(clock_now())
        return _spent(request, api_key, token=same, expires_at=datetime.fromtimestamp(claims.expires, UTC))


def require_one_credential(request: Request) -> None:
    """Refuse a private key together with a signature or token, and v1's fields in v2 (API 1.3, 1.4, 2.8).

    Upload views call this first: with a private key the form is parsed only after authentication.
    """
    how = request.successful_authenticator
    assert isinstance(how, UploadAuthentication), "the view lacks an UploadAuthentication"
    form = cast(QueryDict, request.data)
    if not isinstance(request.auth, SignedUpload):
        for name in how.beside_a_key:
            if form.get(name):
                raise BadUploadToken(f"Send either the private key or {name}, not both.", field=name)
    if isinstance(how, TokenAuthentication):
        _refuse_fields_of_v1(form)


def require_fresh_token(request: Request) -> None:
    """Refuse work for a token that was used before; upload views call this when no first answer was found (REL U15)."""
    if isinstance(request.auth, SignedUpload) and request.auth.was_spent:
        raise _used()


def is_repeat(request: Request) -> bool:
    """Whether an SDK says that it sends this once more (API 1.8)."""
    count = request.headers.get(REPEAT_HEADER, "")
    return count.isascii() and count.isdigit() and int(count[:6]) >= 1


def _refuse_fields_of_v1(form: QueryDict) -> None:
    for name in SIGNATURE_FIELDS:
        if name != "token" and form.get(name):
            raise BadUploadToken(f"v2 of the upload has no {name}; its token says it all.", field=name)


def _spent(request: Request, api_key: ApiKey, *, token: str, expires_at: datetime) -> SignedUpload:
    if spend_token(api_key=api_key, token=token, expires_at=expires_at):
        return SignedUpload(api_key, was_spent=False)
    if is_repeat(request):
        # The first one has spent it since we looked.
        return SignedUpload(api_key, was_spent=True)
    raise _used()


def _used() -> BadUploadToken:
    return BadUploadToken("This token was used before. Each upload needs a token of its own.", field="token")
