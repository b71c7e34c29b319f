"""Pure: the `Retry-After` header, for whoever called a server that asked to be left alone for a while."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def read_retry_after(text: str | None, *, now: datetime) -> float | None:
    """Read a `Retry-After` header, seconds or HTTP date, as seconds from `now` (an aware datetime).

    None for what is absent, garbage or in the past. A server may ask for years: callers set their own bound.
    """
    text = (text or "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    moment = read_http_date(text)
    if moment is None or moment < now:
        return None
    return (moment - now).total_seconds()


def read_http_date(text: str) -> datetime | None:
    """An HTTP date as an aware datetime; None for anything else."""
    if not re.match(r"[A-Za-z]{3,9},? ", text):
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
