"""From values as files hold them to values that JSON and both databases take: bounded, finite, without odd characters.

The readers of EXIF, IPTC and XMP share these.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

LONGEST_TEXT = 2000
_UNWANTED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
_MOMENT = re.compile(
    r"(\d{4})[:\-](\d{1,2})(?:[:\-](\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?)?"
    r"\s?(Z|[+\-]\d{2}:?\d{2})?\Z",
    re.ASCII,
)


def clean_text(text: str) -> str:
    """The text without NUL, control characters, unpaired surrogates and blanks around it, cut at LONGEST_TEXT."""
    return _UNWANTED.sub("", text[: LONGEST_TEXT * 2]).strip()[:LONGEST_TEXT]


def decode(raw: bytes) -> str:
    """Text of an unknown encoding: UTF-8 if it is that, else Latin-1, which any bytes are."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return clean_text(text)


def plain_number(value: float) -> int | float | None:
    """A whole number as int, others rounded to nine digits; None for what is not finite or beyond a 53-bit whole."""
    if not math.isfinite(value) or abs(value) > 2**53:
        return None
    whole = int(value)
    return whole if whole == value else round(float(value), 9)


def moment(text: Any, *, offset: str = "", subsec: str = "") -> str | None:
    """`2019-10-16T19:01:03.000Z` from `2019:10:16 19:01:03` or ISO 8601; None for what is no date.

    offset: `+02:00`, counts if the text has none of its own; without any the time is taken for UTC. subsec: digits.
    """
    match = _MOMENT.match(text.strip()) if isinstance(text, str) and len(text) <= 60 else None
    if match is None:
        return None
    parts = zip(match.groups()[:6], "101000", strict=True)
    year, month, day, hour, minute, second = (int(part or default) for part, default in parts)
    digits = (match[7] or (subsec.strip() if subsec.strip().isdigit() and subsec.isascii() else "")).ljust(3, "0")[:3]
    try:
        found = datetime(year, month, day, hour, minute, second, int(digits) * 1000, tzinfo=_zone(match[8] or offset))
        return _iso(found)
    except (ValueError, OverflowError):
        return None


def _zone(offset: str) -> timezone:
    match = re.match(r"([+\-])(\d{2}):?(\d{2})\Z", offset.strip(), re.ASCII)
    if match is None:
        return UTC
    minutes = int(match[2]) * 60 + int(match[3])
    return timezone(timedelta(minutes=-minutes if match[1] == "-" else minutes))


def _iso(found: datetime) -> str:
    found = found.astimezone(UTC)
    return f"{found:%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + f".{found.microsecond // 1000:03d}Z"
