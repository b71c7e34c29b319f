"""IPTC: the application record of a Photoshop block, by ExifTool's names. Damage ends the reading."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from library.embedded.names import IPTC, IPTC_LISTS
from library.embedded.values import clean_text, decode, moment

MOST_DATASETS = 2000
MOST_ITEMS = 500
_UTF8 = b"\x1b%G"


def read_iptc(data: bytes) -> dict[str, Any]:
    """The known datasets by name; keywords and their like as lists, dates in ISO 8601."""
    found: dict[str, Any] = {}
    is_utf8 = False
    for record, dataset, raw in _datasets(data):
        if (record, dataset) == (1, 90):
            is_utf8 = raw == _UTF8
        name = IPTC.get(dataset) if record == 2 else None
        text = (clean_text(raw.decode("utf-8", "replace")) if is_utf8 else decode(raw)) if name else ""
        if name is None or not text:
            continue
        if name not in IPTC_LISTS:
            found.setdefault(name, text)
        elif len(items := found.setdefault(name, [])) < MOST_ITEMS and text not in items:
            items.append(text)
    return _with_dates(found)


def _datasets(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    for _ in range(MOST_DATASETS):
        if len(data) < at + 5 or data[at] != 0x1C:
            return
        size = int.from_bytes(data[at + 3 : at + 5], "big")
        start = at + 5
        if size & 0x8000:
            # The length of long datasets is a number of as many bytes as this one says.
            width = size & 0x7FFF
            size = int.from_bytes(data[start : start + min(width, 4)], "big")
            start += width
        raw = data[start : start + size]
        if len(raw) < size:
            return
        yield data[at + 1], data[at + 2], raw
        at = start + size


def _with_dates(found: dict[str, Any]) -> dict[str, Any]:
    """`20220915` and `102209+0000` as one moment; what is no date is left out."""
    day, time = found.pop("DateCreated", ""), found.pop("TimeCreated", "")
    if len(day) == 8 and (date := moment(f"{day[:4]}-{day[4:6]}-{day[6:]}")):
        found["DateCreated"] = date
        clock = f"{time[:2]}:{time[2:4]}:{time[4:6]}{time[6:]}"
        if len(time) >= 6 and (both := moment(f"{day[:4]}-{day[4:6]}-{day[6:]}T{clock}")):
            found["DateTimeCreated"] = both
    return found
