"""EXIF: the directories of a TIFF structure, each as a dictionary by name. Damage ends a directory, never the reading.

`library.embedded.flat` makes the flat form of it, `library.file_metadata` shows it by directory (API 3.9).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from library.embedded import names
from library.embedded.values import clean_text, decode, plain_number

MOST_ENTRIES = 500
LONGEST_VALUE = 16_384
LONGEST_LIST = 32
_LAYOUT = {
    1: "B",
    2: "s",
    3: "H",
    4: "L",
    5: "LL",
    6: "b",
    7: "s",
    8: "h",
    9: "l",
    10: "ll",
    11: "f",
    12: "d",
    13: "L",
}
_UTF16 = frozenset(range(0x9C9B, 0x9CA0))
_COMMENTS = {b"ASCII\0\0\0": "ascii", b"UNICODE\0": "utf-16", b"JIS\0\0\0\0\0": "iso2022_jp", b"\0" * 8: "utf-8"}

Names = dict[int, tuple[str, str]]
Values = dict[str, Any]


class Bytes(Protocol):
    """What can be sliced into bytes: bytes themselves, or a file behind `FileBytes`."""

    def __getitem__(self, place: slice, /) -> bytes: ...


@dataclass
class Exif:
    """The directories by name; those that a file lacks are empty. `xmp` and `iptc` are blocks that a TIFF carries."""

    image: Values = field(default_factory=dict)
    thumbnail: Values = field(default_factory=dict)
    exif: Values = field(default_factory=dict)
    gps: Values = field(default_factory=dict)
    interoperability: Values = field(default_factory=dict)
    xmp: bytes = b""
    iptc: bytes = b""


def read_exif(data: Bytes, *, limit: int = 1 << 20) -> Exif:
    """Read an EXIF block, from its TIFF header on. What is damaged, unknown or too large is left out.

    limit: bytes of XMP or IPTC at most.
    """
    found = Exif()
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(data[0:4]))
    if order is None:
        return found
    reader = _Reader(data, order)
    first, behind = reader.directory(reader.offset(4))
    found.image = reader.named(first, names.IMAGE)
    found.xmp, found.iptc = reader.block(first.get(700), limit), reader.block(first.get(33723), limit)
    found.exif = reader.named(reader.directory_at(found.image.get("ExifOffset")), names.EXIF)
    found.gps = reader.named(reader.directory_at(found.image.get("GPSInfo")), names.GPS)
    inner = reader.directory_at(found.exif.get("InteropOffset"))
    found.interoperability = reader.named(inner, names.INTEROPERABILITY)
    found.thumbnail = reader.named(reader.directory_at(behind), names.IMAGE)
    return found


Entry = tuple[int, int, int]
"""Type, count, and where in the data the value stands."""


class _Reader:
    """Reads directories of one block; every directory once, so that none leads to itself."""

    def __init__(self, data: Bytes, order: str) -> None:
        self.data = data
        self.order = order
        self.seen: set[int] = {0}

    def offset(self, at: int) -> int:
        raw = self.data[at : at + 4]
        return int(struct.unpack(self.order + "L", raw)[0]) if len(raw) == 4 else 0

    def directory_at(self, at: Any) -> dict[int, Entry]:
        return self.directory(at)[0] if isinstance(at, int) else {}

    def directory(self, at: int) -> tuple[dict[int, Entry], int]:
        """The entries by tag, the first of each, and where the next directory stands (0: nowhere)."""
        head = self.data[at : at + 2]
        if at in self.seen or len(head) < 2:
            return {}, 0
        self.seen.add(at)
        count = struct.unpack(self.order + "H", head)[0]
        raw = self.data[at + 2 : at + 2 + 12 * min(count, MOST_ENTRIES)]
        entries: dict[int, Entry] = {}
        for number, (tag, kind, amount) in enumerate(self._entries(raw)):
            size = struct.calcsize("=" + _LAYOUT.get(kind, "B")) * amount
            place = at + 2 + 12 * number + 8
            entries.setdefault(tag, (kind, amount, place if size <= 4 else self.offset(place)))
        return entries, self.offset(at + 2 + 12 * count) if count <= MOST_ENTRIES else 0

    def _entries(self, raw: bytes) -> Iterator[tuple[int, int, int]]:
        for at in range(0, len(raw) - 11, 12):
            yield struct.unpack(self.order + "HHL", raw[at : at + 8])

    def named(self, entries: dict[int, Entry], known: Names) -> Values:
        """Values by name, of the tags that are known and of the type that they have to be."""
        found: Values = {}
        for tag, (name, letter) in known.items():
            if tag in entries and (value := _as(letter, self._value(tag, *entries[tag]))) is not None:
                found[name] = value
        return found

    def block(self, entry: Entry | None, limit: int) -> bytes:
        """The bytes of an entry that holds a block of another kind; IPTC is often typed as whole numbers."""
        if entry is None:
            return b""
        size = struct.calcsize("=" + _LAYOUT.get(entry[0], "B")) * entry[1]
        return self.data[entry[2] : entry[2] + size] if 4 < size <= limit else b""

    def _value(self, tag: int, kind: int, amount: int, place: int) -> Any:
        layout = _LAYOUT.get(kind)
        size = struct.calcsize("=" + (layout or "B")) * amount
        if layout is None or not 0 < size <= LONGEST_VALUE:
            return None
        raw = self.data[place : place + size]
        if tag in _UTF16:
            return clean_text(raw.decode("utf-16-le", "ignore"))
        if layout == "s":
            return _comment(raw) if tag in (0x9286, 27, 28) and kind == 7 else _text(raw, kind)
        if len(raw) < size or amount > LONGEST_LIST:
            return None
        numbers = struct.unpack(self.order + layout * amount, raw)
        if len(layout) == 2:
            return [top / bottom if bottom else None for top, bottom in zip(numbers[::2], numbers[1::2], strict=True)]
        return list(numbers)


def _text(raw: bytes, kind: int) -> Any:
    """Text up to its first NUL; undefined bytes that are no text count as a list of numbers."""
    if kind == 7 and len(raw) <= LONGEST_LIST and not raw.strip(b"\0").isascii():
        return list(raw)
    if kind == 7 and len(raw) <= 4 and raw and max(raw) < 32:
        # A code, as in SceneType, or as in ComponentsConfiguration one for each channel.
        return chr(raw[0]) if len(raw) == 1 else list(raw)
    return decode(raw.partition(b"\0")[0])


def _comment(raw: bytes) -> str:
    encoding = _COMMENTS.get(raw[:8])
    if encoding is None:
        return decode(raw.rstrip(b"\0"))
    if encoding == "utf-8":
        return decode(raw[8:].rstrip(b"\0"))
    return clean_text(raw[8:].decode(encoding, "ignore"))


def _as(letter: str, value: Any) -> Any:
    """The value if it is what the letter says (see `names`), else None."""
    if letter == "t":
        # A code that is a control character is left to the table of words.
        return value or None if isinstance(value, str) else None
    numbers = [plain_number(item) if item is not None else None for item in value] if isinstance(value, list) else []
    if not numbers or None in numbers:
        return None
    if letter == "n":
        return numbers
    # Two values where one belongs is usual for ISO, where the first counts.
    first = numbers[0]
    return first if letter == "f" or isinstance(first, int) else None
