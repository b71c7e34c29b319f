"""Byte ranges: reads the `Range` header, and a view on a part of a file that servers can stream (REL S8)."""

from __future__ import annotations

import io
import re
from typing import IO, Any

_RANGE = re.compile(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*\Z")


class Unsatisfiable(Exception):
    """The range lies beyond the end: 416."""


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """The (start, end) of a single range, end exclusive; None when the whole is to be sent.

    Several ranges, other units and malformed headers get the whole, as RFC 9110 allows. Raises Unsatisfiable.
    """
    match = _RANGE.match(header.strip())
    if not match or match.group(1, 2) == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    if start >= size or start >= end:
        raise Unsatisfiable
    return start, end


class FileSlice(io.RawIOBase):
    """Bytes start to end (exclusive) of an open, seekable file, as a file of its own; closing closes the file.

    It has no `fileno`, so a server cannot bypass it and send more than the slice.
    """

    def __init__(self, file: IO[Any], start: int, end: int) -> None:
        self._file = file
        self._start = start
        self._size = end - start
        self._at = 0
        file.seek(start)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = min(max(0, base + offset), self._size)
        self._file.seek(self._start + self._at)
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = self._size - self._at
        data: bytes = self._file.read(left if size is None or size < 0 else min(size, left))
        self._at += len(data)
        return data

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()
