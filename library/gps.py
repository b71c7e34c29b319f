"""Takes the place where a photo was taken out of an uploaded file, if MEDIAHUB_STRIP_GPS asks for it (REL U8).

The bytes of EXIF's GPS directory and of XMP's GPS properties are blanked where they stand, so nothing else of the file
changes, not even its length, and no pixel is encoded anew. The upload API calls `without_gps`.
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
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
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
    """The EXIF item may stand anywhere; its marker and the header behind it do not occur by chance."""
    for match in re.finditer(rb"Exif\0\0(?=II\*\0|MM\0\*)", data):
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


def _gps_spans(data: mmap.mmap, start: int, end: int) -> list[Span]:
    """What to blank in one EXIF block: values and entries of each GPS directory, and its count.

    Damage ends the search; the limits are far beyond real photos and keep a hostile one from costing time.
    """
    try:
        return list(islice(_walk_directories(data, start, end), _MAX_SPANS))
    except struct.error:
        return []


def _walk_directories(data: mmap.mmap, start: int, end: int) -> Iterator[Span]:
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[start : start + 4])
    if order is None:
        return
    (offset,) = struct.unpack(f"{order}L", data[start + 4 : start + 8])
    for _ in range(_MAX_DIRECTORIES):
        at = start + offset
        if not offset or at + 2 > end:
            return
        (count,) = struct.unpack(f"{order}H", data[at : at + 2])
        for tag, _, _, value in _entries(data, at, count, order, end):
            if tag == GPS_TAG:
                yield from _directory_spans(data, start, start + value, order, end)
        (offset,) = struct.unpack(f"{order}L", data[at + 2 + 12 * count : at + 6 + 12 * count])


def _directory_spans(data: mmap.mmap, start: int, at: int, order: str, end: int) -> Iterator[Span]:
    if at + 2 > end:
        return
    (count,) = struct.unpack(f"{order}H", data[at : at + 2])
    for _, kind, number, value in _entries(data, at, count, order, end):
        size = _TYPE_BYTES.get(kind, 1) * number
        if 4 < size <= _MAX_VALUE_BYTES and start + value + size <= end:
            yield start + value, start + value + size
    # No entries any more, and no directory behind it.
    yield at, min(at + 6 + 12 * count, end)


def _entries(data: mmap.mmap, at: int, count: int, order: str, end: int) -> Iterator[tuple[int, int, int, int]]:
    for place in range(at + 2, min(at + 2 + 12 * min(count, _MAX_ENTRIES), end - 11), 12):
        tag, kind, number, value = struct.unpack(f"{order}HHLL", data[place : place + 12])
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
