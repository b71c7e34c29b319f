"""Counts and sizes read from the raw bytes of an image, before any library is allowed to open it.

`imaging.open_checked` calls these for the formats whose opener would already spend memory or time on a hostile file:
WebP allocates its canvas at opening, GIF and TIFF are counted by walking every frame.
"""

from __future__ import annotations

import struct
from typing import IO

MAX_GIF_BLOCKS = 200_000
"""Each costs a turn of a loop; full blocks of this number are 50 MB, so only odd files have more (REL U5)."""


class TooManyBlocks(Exception):
    """A GIF consists of so many tiny blocks that walking them would hold everyone else up."""


def webp_size(head: bytes) -> tuple[int, int] | None:
    """Return the canvas of a WebP from its first 30 bytes as (width, height), or None if the header is not readable."""
    kind = head[12:16]
    if len(head) < 30 or head[:4] != b"RIFF" or head[8:12] != b"WEBP":
        return None
    if kind == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", head[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None


def gif_frames(source: IO[bytes], *, at_most: int) -> int:
    """Count the frames of a GIF by walking its blocks; stops after `at_most` + 1.

    Stray bytes between blocks are passed over, as Pillow does. Raises TooManyBlocks.
    """
    source.seek(0)
    head = source.read(13)
    if len(head) < 13:
        return 0
    source.seek(_colour_table(head[10]), 1)
    frames, blocks = 0, 0
    while frames <= at_most:
        blocks += 1
        kind = source.read(1)
        if kind in (b"", b";"):
            break
        if kind == b"!":
            source.seek(1, 1)
        elif kind == b",":
            descriptor = source.read(9)
            if len(descriptor) < 9:
                break
            frames += 1
            source.seek(_colour_table(descriptor[8]) + 1, 1)
        if kind in (b"!", b","):
            blocks = _skip_sub_blocks(source, blocks)
        if blocks > MAX_GIF_BLOCKS:
            raise TooManyBlocks
    return frames


def tiff_pages(source: IO[bytes], *, at_most: int) -> int:
    """Count the pages of a classic TIFF or BigTIFF along its directory chain; stops after `at_most` + 1."""
    source.seek(0)
    head = source.read(16)
    order = "<" if head[:2] == b"II" else ">"
    big = head[2:4] in (b"+\x00", b"\x00+")
    entries, entry_bytes, offset = ("Q", 20, "Q") if big else ("H", 12, "L")
    offset_bytes = 8 if big else 4
    at = head[8:16] if big else head[4:8]
    pages = 0
    while len(at) == offset_bytes and pages <= at_most:
        (position,) = struct.unpack(order + offset, at)
        if position == 0:
            break
        source.seek(position)
        count = source.read(struct.calcsize(order + entries))
        if len(count) < struct.calcsize(order + entries):
            break
        pages += 1
        source.seek(struct.unpack(order + entries, count)[0] * entry_bytes, 1)
        at = source.read(offset_bytes)
    return pages


def _colour_table(flags: int) -> int:
    """Bytes of the colour table that a GIF flag byte announces."""
    return 3 * (2 << (flags & 7)) if flags & 0x80 else 0


def _skip_sub_blocks(source: IO[bytes], blocks: int) -> int:
    """Pass over the data of one block; returns `blocks` and as many as were met, one beyond the limit at most."""
    while blocks <= MAX_GIF_BLOCKS and (size := source.read(1)):
        if size == b"\x00":
            break
        blocks += 1
        source.seek(size[0], 1)
    return blocks
