"""Pure: the JSON Web Token of a client-side upload v2 (API 1.4), which repeats every field of its form.

`library.api.client_auth` calls these. Errors say which field is at fault and never what the token holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jwt
from jwt.utils import base64url_decode

from mediahub.lib.errors import DomainError
from mediahub.lib.json_input import loads_strict

LONGEST_LIFE_S = 3600
CLOCK_SKEW_S = 300
"""So far a back end's clock may be ahead of ours."""
NOT_SIGNED = ("file", "token")
_JWS = jwt.PyJWS(algorithms=["HS256"])
_TIMES = ("iat", "exp")


class BadUploadToken(DomainError):
    """The token is not one, is signed by another key, has expired or belongs to another form."""

    code = "invalid_upload_token"


class WrongSignature(BadUploadToken):
    """It was not made with the key it names: a mistake or a guess, and counted as a guess (REL A6)."""


@dataclass(frozen=True)
class Claims:
    """What a token with a valid signature says. issued, expires: Unix seconds."""

    fields: Mapping[str, Any]
    issued: int
    expires: int

    def require_valid_at(self, now: datetime) -> None:
        """Raises BadUploadToken unless the token is of this hour: single use and a short life go together."""
        moment = now.timestamp()
        if self.expires <= moment:
            raise BadUploadToken("token: it has expired.", field="token")
        if self.issued > moment + CLOCK_SKEW_S:
            raise BadUploadToken("token: its iat lies in the future.", field="token")

    def require_equal(self, form: Mapping[str, list[str]]) -> None:
        """Raises BadUploadToken naming a field that form and token do not both have, once, with the same text."""
        for name, values in sorted(form.items()):
            if name in NOT_SIGNED:
                continue
            if len(values) != 1:
                raise BadUploadToken(f"{_shown(name)} may come once in an upload with a token.", field=_shown(name))
            signed = self.fields.get(name)
            if not isinstance(signed, str) or _lines(signed) != _lines(values[0]):
                raise BadUploadToken(f"{_shown(name)} is not what the token says.", field=_shown(name))
        for name in sorted(self.fields):
            if name not in form or name in NOT_SIGNED:
                raise BadUploadToken(f"The token has {_shown(name)}, and the form does not.", field=_shown(name))


def key_named_by(token: str) -> str:
    """The public key (`kid`) in the token's header, which nothing has verified yet. Raises BadUploadToken."""
    parts = token.split(".")
    if len(parts) != 3:
        raise _malformed()
    # Read by ourselves first: the library fails in its own way on what is nested very deeply.
    header = _read_object(parts[0])
    if header.get("alg") != "HS256":
        raise BadUploadToken("token: its alg must be HS256.", field="token")
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid:
        raise BadUploadToken("token: its kid must be the public key.", field="token")
    return kid


def read_claims(token: str, *, private_key: str) -> Claims:
    """The token's payload, once its signature is verified. Raises BadUploadToken."""
    try:
        payload = _JWS.decode_complete(token, private_key, algorithms=["HS256"])["payload"]
    except jwt.InvalidTokenError as error:
        raise WrongSignature("token: its signature does not belong to it and its kid.", field="token") from error
    claims = _object(payload)
    issued, expires = (claims.pop(name, None) for name in _TIMES)
    if not _is_moment(issued) or not _is_moment(expires):
        raise BadUploadToken("token: it needs iat and exp in whole Unix seconds.", field="token")
    if not 0 < expires - issued <= LONGEST_LIFE_S:
        raise BadUploadToken(f"token: exp must lie at most {LONGEST_LIFE_S} seconds after iat.", field="token")
    return Claims(claims, issued, expires)


def signed_part(token: str) -> str:
    """What the signature covers; it is the same for every spelling of one token."""
    return token.rpartition(".")[0]


def _read_object(segment: str) -> dict[str, Any]:
    try:
        return _object(base64url_decode(segment))
    except ValueError as error:
        raise _malformed() from error


def _object(text: bytes) -> dict[str, Any]:
    try:
        value = loads_strict(text)
    except DomainError as error:
        raise _malformed() from error
    if not isinstance(value, dict):
        raise _malformed()
    return value


def _is_moment(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**10


def _lines(text: str) -> str:
    """Browsers send line breaks in forms as CR LF, whatever the script had."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _shown(name: str) -> str:
    return name[:60]


def _malformed() -> BadUploadToken:
    return BadUploadToken("token: it is not a JSON Web Token.", field="token")
