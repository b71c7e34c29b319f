"""Reads JSON that clients send, refusing what Python or a database would choke on later (REL B1 to B9).

The API's parsers use `StrictJSONParser`; handlers use `loads_strict` for JSON that comes inside form fields.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from rest_framework.parsers import BaseParser

from mediahub.lib.errors import DomainError

MAX_DEPTH = 32
MAX_BODY_BYTES = 4 * 1024 * 1024
# A whole string (closed or not), or one bracket. Possessive, so that no input makes it go back.
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)


class BadJSON(DomainError):
    """Text that is not JSON, or JSON beyond what we take: depth, numbers, characters."""

    code = "invalid_json"


class BodyTooLarge(DomainError):
    """The JSON body is larger than MAX_BODY_BYTES."""

    code = "request_too_large"
    status = 413


def loads_strict(source: bytes | str, *, max_depth: int = MAX_DEPTH, field: str | None = None) -> Any:
    """Parse JSON: UTF-8 with or without byte-order mark, the last of duplicate keys counts.

    Raises BadJSON for invalid UTF-8 or JSON, nesting beyond max_depth, NaN, infinities and numbers that become one,
    integers outside 64 bits, NUL and unpaired surrogates in any text. field: the form field it came in, for the error.
    """
    try:
        text = require_clean_text(source.decode("utf-8-sig") if isinstance(source, bytes) else source.lstrip("\ufeff"))
        _require_depth(text, max_depth)
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_int64)
        # Clean text can still spell bad characters as escapes.
        if "\\u" in text:
            _require_clean_values(value)
    except UnicodeDecodeError as error:
        raise BadJSON("The JSON is not valid UTF-8.", field=field) from error
    except (json.JSONDecodeError, RecursionError) as error:
        raise BadJSON("The JSON is invalid.", field=field) from error
    except DomainError as error:
        raise BadJSON(error.message, field=field) from error
    return value


def require_clean_text(text: str) -> str:
    """Return the text; raise DomainError when it holds NUL or an unpaired surrogate, which no database stores alike."""
    if "\0" in text:
        raise DomainError("Text may not contain the NUL character.", code="invalid_text")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise DomainError("Text may not contain unpaired surrogates.", code="invalid_text") from error
    return text


def clean_text(text: str, longest: int) -> str:
    """Text of others as every database and page takes it: without controls and unpaired surrogates, cut to a length."""
    return "".join(char if char.isprintable() else " " for char in text)[:longest]


class StrictJSONParser(BaseParser):
    """DRF parser for JSON bodies. An empty body is {} (SDKs send DELETE that way); anything but an object is refused.

    A view that takes another top level uses a subclass with `require_object = False`.
    """

    media_type = "application/json"
    require_object = True

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Raises BadJSON, BodyTooLarge."""
        body = stream.read(MAX_BODY_BYTES + 1)
        if len(body) > MAX_BODY_BYTES:
            raise BodyTooLarge(f"The request body is larger than {MAX_BODY_BYTES} bytes.")
        if not body.strip():
            return {}
        value = loads_strict(body)
        if self.require_object and not isinstance(value, dict):
            raise BadJSON("The request body must be a JSON object.")
        return value  # type: ignore[no-any-return]


def _require_depth(text: str, max_depth: int) -> None:
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        mark = match[0]
        if mark in "[{":
            depth += 1
            if depth > max_depth:
                raise BadJSON(f"The JSON is nested more than {max_depth} levels deep.")
        elif mark in "]}":
            depth -= 1


def _refuse_constant(name: str) -> NoReturn:
    raise BadJSON(f"{name} is not a JSON number.")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise BadJSON("The JSON holds a number that is too large.")
    return number


def _int64(digits: str) -> int:
    # The length goes first: Python refuses to convert thousands of digits, with an error of its own.
    if len(digits) > 20 or not -(2**63) <= (number := int(digits)) < 2**63:
        raise BadJSON("The JSON holds an integer outside 64 bits.")
    return number


def _require_clean_values(value: Any) -> None:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            require_clean_text(item)
        elif isinstance(item, dict):
            waiting.extend(item.keys())
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
