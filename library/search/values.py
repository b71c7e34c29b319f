"""Pure: what the values of an expression mean: dates, ages, sizes and places (API 3.4)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from library.search.nodes import Literal

_DATE = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})"
    r"(?:[Tt ](?P<time>\d{2}:\d{2}(?P<seconds>:\d{2}(?P<fraction>\.\d{1,9})?)?)(?P<zone>[Zz]|[+-]\d{2}:?\d{2})?)?\Z",
    re.ASCII,
)
_AGE = re.compile(r"(\d{1,6})\s*([hdwmy])\Z", re.ASCII | re.IGNORECASE)
_AGES = {
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "m": timedelta(days=30),
    "y": timedelta(days=365),
}
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*(b|kb|mb|gb|tb)?\Z", re.ASCII | re.IGNORECASE)
_UNITS = {"b": 1, "kb": 1024, "mb": 1024**2, "gb": 1024**3, "tb": 1024**4}
_RADIUS = re.compile(r"(.*\S)\s+(\d{1,5}(?:\.\d{1,6})?)\s*(km|m|mi)?\Z", re.ASCII | re.IGNORECASE)
_KILOMETRES = {"km": 1.0, "m": 0.001, "mi": 1.609344}
_DEGREES = re.compile(r"\s*([+-]?\d{1,3}(?:\.\d{1,12})?)\s*,\s*([+-]?\d{1,3}(?:\.\d{1,12})?)\s*\Z", re.ASCII)


@dataclass(frozen=True)
class Span:
    """From `start` up to, but without, `end`: a day for a date, a millisecond for a time that has them."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Place:
    """corners: (latitude, longitude) pairs: one with a radius, two opposite ones, or the four of a quadrangle."""

    corners: tuple[tuple[float, float], ...]
    radius_km: float = 0


def is_number(value: Literal) -> bool:
    """Whether it is a number; `true` is none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_moment(value: Literal) -> bool:
    """Whether it is a date, a time or an age that the calendar has."""
    return read_span(value, now=datetime(2000, 1, 1, tzinfo=UTC)) is not None


def read_span(value: Literal, *, now: datetime) -> Span | None:
    """What a date, a time (UTC where no zone is given) or an age before `now` stands for; None if it is none."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    try:
        if age := _AGE.match(text):
            start = now - int(age[1]) * _AGES[age[2].lower()]
            return Span(start, start + timedelta(microseconds=1))
        return _span_of_date(text)
    except (ValueError, OverflowError):
        return None


def bounds(op: str, value: Literal, *, now: datetime) -> tuple[datetime | None, datetime | None] | None:
    """From when on, and before when, a moment meets `op value`; None for no end on that side, and where it is no date.

    A date stands for its whole day: later means from the next day on, up to it includes all of it. An age is one
    moment where earlier and later are asked for, and its UTC day for `=`.
    """
    span = read_span(value, now=now)
    if span is None:
        return None
    if op in ("=", "IN"):
        span = _day_of(span.start) if is_age(value) else span
        return span.start, span.end
    return {"<": (None, span.start), "<=": (None, span.end), ">": (span.end, None), ">=": (span.start, None)}[op]


def is_age(value: Literal) -> bool:
    """Whether a date value is an age, such as `7d`."""
    return isinstance(value, str) and _AGE.match(value.strip()) is not None


def read_size(value: Literal) -> float | None:
    """Bytes; `kb` and the like are powers of 1024. None if it is no size."""
    if isinstance(value, str):
        match = _SIZE.match(value.strip())
        return float(match[1]) * _UNITS[(match[2] or "b").lower()] if match else None
    return value if is_number(value) else None


def read_place(value: Literal) -> Place | None:
    """`lat,long 5km`, `lat,long|lat,long` or four points; None if it is none of them."""
    if not isinstance(value, str) or len(value) > 200:
        return None
    radius_km, text = 0.0, value.strip()
    if "|" not in text:
        match = _RADIUS.match(text)
        if match is None:
            return None
        text, radius_km = match[1], float(match[2]) * _KILOMETRES[(match[3] or "km").lower()]
    points = [_DEGREES.match(part) for part in text.split("|")]
    corners = tuple((float(point[1]), float(point[2])) for point in points if point)
    if len(corners) != len(points) or len(corners) not in (1, 2, 4):
        return None
    return Place(corners, radius_km) if all(abs(a) <= 90 and abs(b) <= 180 for a, b in corners) else None


def _day_of(moment: datetime) -> Span:
    """The UTC day that a moment lies in."""
    start = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Span(start, start + timedelta(days=1))


def _span_of_date(text: str) -> Span | None:
    match = _DATE.match(text)
    if match is None:
        return None
    start = datetime.fromisoformat(text.upper())
    start = (start if start.tzinfo else start.replace(tzinfo=UTC)).astimezone(UTC)
    return Span(start, start + _precision(match))


def _precision(match: re.Match[str]) -> timedelta:
    """A value stands for everything that is written like it: times are shown to the millisecond."""
    if match["time"] is None:
        return timedelta(days=1)
    if match["seconds"] is None:
        return timedelta(minutes=1)
    digits = len(match["fraction"] or ".") - 1
    return timedelta(microseconds=max(1, 10 ** (6 - digits))) if digits <= 6 else timedelta(microseconds=1)
