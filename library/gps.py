"""Takes the place where a photo was taken out of an uploaded file, if MEDIAHUB_STRIP_GPS asks for it (REL U8).

The bytes of EXIF's GPS directory and of XMP's GPS properties are blanked where they stand, so nothing else of the file
changes, not even its length, and no pixel is encoded anew. Left alone are packed text of PNG, XMP split over segments,
maker notes, IPTC place names and videos. `library.services.receiving` calls `without_gps`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import mmap
import re
import struct
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from library.filetypes import sniff
from mediahub.lib.spool import HEAD_BYTES, SpooledFile

GPS_TAG = 0x8825
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_MAX_DIRECTORIES = 16
_MAX_VALUE_BYTES = 4096
_MAX_ENTRIES = 1000
_MAX_BLOCKS = 8
_MAX_SPANS = 2000
_XMP_GPS = re.compile(rb""":GPS\w{0,40}\s{0,8}=\s{0,8}["']([^"'<]{0,200})["']|:GPS\w{0,40}>([^<]{0,200})<""")

Span = tuple[int, int]


def without_gps(file: SpooledFile) -> SpooledFile:
    """Blank the GPS data of a spooled image in place; returns the file with its new hash, or as it was."""
    if not file.size or not strip_gps(file.path, sniff(file.head, file.filename)):
        return file
    digest = hashlib.sha256()
    with file.open() as opened:
        head = opened.read(HEAD_BYTES)
        opened.seek(0)
        while piece := opened.read(1 << 20):
            digest.update(piece)
    return dataclasses.replace(file, sha256=digest.hexdigest(), head=head)


def strip_gps(path: Path, mime: str) -> bool:
    """Blank the GPS data of an image file in place; returns whether there was any. Other files are left alone."""
    find = _FINDERS.get(mime)
    if find is None:
        return False
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as data:
        blocks = islice(find(data), _MAX_BLOCKS)
        spans = [span for start, end in blocks for span in _gps_spans(data, start, end)]
        for start, end in _xmp_packets(data):
            spans += [span for match in _XMP_GPS.finditer(data, start, end) for span in _groups(match)]
        spans = [(start, end) for start, end in spans if data[start:end].strip(b"\0 ")]
        for start, end in spans:
            # XMP is text and wants blanks; in EXIF a blank would be a value.
            data[start:end] = (b" " if _is_text(data[start:end]) else b"\0") * (end - start)
        if spans and mime == "image/png":
            _renew_checksums(data)
        return bool(spans)


def _xmp_packets(data: mmap.mmap) -> Iterator[Span]:
    end = 0
    while (start := data.find(b"<x:xmpmeta", end)) >= 0 and (end := data.find(b"</x:xmpmeta>", start)) >= 0:
        yield start, end


def _groups(match: re.Match[bytes]) -> list[Span]:
    return [match.span(group) for group in (1, 2) if match[group]]


def _is_text(value: bytes) -> bool:
    return re.fullmatch(rb"[0-9A-Za-z.,:/+\-TZ ]+", value) is not None


# Where EXIF blocks stand in each kind of file: (start of the TIFF header, end of the block).


def _in_jpeg(data: mmap.mmap) -> Iterator[Span]:
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        if data[at + 1] == 0xFF:  # any number of fill bytes may stand before a marker
            at += 1
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] == 0xE1 and data[at + 4 : at + 10] == b"Exif\0\0":
            yield at + 10, min(end, len(data))
        at = max(end, at + 4)


def _in_png(data: mmap.mmap) -> Iterator[Span]:
    for kind, start, end in _png_chunks(data):
        if kind == b"eXIf":
            yield start, end


def _in_webp(data: mmap.mmap) -> Iterator[Span]:
    at = 12
    while at + 8 <= len(data):
        start, size = at + 8, int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"EXIF":
            prefix = 6 if data[start : start + 6] == b"Exif\0\0" else 0
            yield start + prefix, min(start + size, len(data))
        at = start + size + size % 2


def _in_tiff(data: mmap.mmap) -> Iterator[Span]:
    yield 0, len(data)


def _in_heif(data: mmap.mmap) -> Iterator[Span]:
    """The EXIF item may stand anywhere; its mark, or an offset of 0, and the header behind do not occur by chance."""
    for match in re.finditer(rb"(?:Exif\0\0|\0{4})(?=II\*\0|MM\0\*)", data):
        yield match.end(), len(data)


_FINDERS = {
    "image/jpeg": _in_jpeg,
    "image/png": _in_png,
    "image/webp": _in_webp,
    "image/tiff": _in_tiff,
    "image/heic": _in_heif,
    "image/heif": _in_heif,
    "image/avif": _in_heif,
}


class _Layout:
    """How a TIFF writes its directories: byte order, and 32-bit offsets or BigTIFF's 64-bit ones."""

    def __init__(self, order: str, *, big: bool) -> None:
        self.first = 8 if big else 4
        self.count = struct.Struct(order + ("Q" if big else "H"))
        self.entry = struct.Struct(order + ("HHQQ" if big else "HHLL"))
        self.next = struct.Struct(order + ("Q" if big else "L"))

    def number(self, data: mmap.mmap, at: int) -> int:
        """Entries of the directory at `at`. Raises struct.error beyond the end."""
        return int(self.count.unpack(data[at : at + self.count.size])[0])

    def offset(self, data: mmap.mmap, at: int) -> int:
        """The offset written at `at`. Raises struct.error beyond the end."""
        return int(self.next.unpack(data[at : at + self.next.size])[0])

    def behind(self, at: int, count: int) -> int:
        """Where the entries of a directory end."""
        return at + self.count.size + count * self.entry.size


_LAYOUTS = {
    b"II*\0": _Layout("<", big=False),
    b"MM\0*": _Layout(">", big=False),
    b"II+\0": _Layout("<", big=True),
    b"MM\0+": _Layout(">", big=True),
}


def _gps_spans(data: mmap.mmap, start: int, end: int) -> list[Span]:
    """What to blank in one EXIF block: values and entries of each GPS directory, and its count.

    Damage ends the search; the limits are far beyond real photos and keep a hostile one from costing time.
    """
    try:
        return list(islice(_walk_directories(data, start, end), _MAX_SPANS))
    except struct.error:
        return []


def _walk_directories(data: mmap.mmap, start: int, end: int) -> Iterator[Span]:
    layout = _LAYOUTS.get(data[start : start + 4])
    if layout is None:
        return
    offset = layout.offset(data, start + layout.first)
    for _ in range(_MAX_DIRECTORIES):
        at = start + offset
        if not offset or at + layout.count.size > end:
            return
        count = layout.number(data, at)
        for tag, _, _, value in _entries(data, at, count, layout, end):
            if tag == GPS_TAG:
                yield from _directory_spans(data, start, start + value, layout, end)
        offset = layout.offset(data, layout.behind(at, count))


def _directory_spans(data: mmap.mmap, start: int, at: int, layout: _Layout, end: int) -> Iterator[Span]:
    if at + layout.count.size > end:
        return
    count = layout.number(data, at)
    for _, kind, number, value in _entries(data, at, count, layout, end):
        size = _TYPE_BYTES.get(kind, 1) * number
        if layout.next.size < size <= _MAX_VALUE_BYTES and start + value + size <= end:
            yield start + value, start + value + size
    # No entries any more, and no directory behind it.
    yield at, min(layout.behind(at, count) + layout.next.size, end)


def _entries(data: mmap.mmap, at: int, count: int, layout: _Layout, end: int) -> Iterator[tuple[int, int, int, int]]:
    size, first = layout.entry.size, at + layout.count.size
    for place in range(first, min(first + size * min(count, _MAX_ENTRIES), end - size + 1), size):
        tag, kind, number, value = layout.entry.unpack(data[place : place + size])
        yield tag, kind, number, value


def _png_chunks(data: mmap.mmap) -> Iterator[tuple[bytes, int, int]]:
    at = 8
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8], at + 8, min(at + 8 + size, len(data))
        at += 12 + size


def _renew_checksums(data: mmap.mmap) -> None:
    for kind, start, end in list(_png_chunks(data)):
        if kind in (b"eXIf", b"iTXt", b"tEXt") and end + 4 <= len(data):
            data[end : end + 4] = struct.pack(">L", zlib.crc32(kind + data[start:end]))
