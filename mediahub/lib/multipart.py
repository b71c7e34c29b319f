"""A push parser for `multipart/form-data`: bytes go in as they come, part headers and pieces of parts come out.

It holds at most one piece of input beyond what it has handed on, whatever the parts' sizes. The upload API feeds it;
what becomes of a part is its handler's business. All that is not exactly multipart is a `BadMultipart` (REL B15).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from mediahub.lib.errors import DomainError
from mediahub.lib.multipart_headers import BadHeader, PartHeaders, parse_part_headers

MAX_BOUNDARY_BYTES = 200
MAX_PADDING_BYTES = 64


class BadMultipart(DomainError):
    """The body is not the multipart/form-data that its header promises."""

    code = "invalid_multipart"


class TooLarge(DomainError):
    """The body, its fields or its part headers are beyond what we read."""

    code = "request_too_large"
    status = 413


class PartHandler(Protocol):
    """Where the parts go: one `begin`, any number of `data`, one `end` each; errors raised here end the parsing."""

    def begin(self, headers: PartHeaders) -> None:
        """A part begins."""

    def data(self, piece: memoryview) -> None:
        """The next bytes of the part; valid during the call only."""

    def end(self) -> None:
        """The part is complete."""


def boundary_of(content_type: str) -> bytes:
    """The boundary named by a Content-Type header. Raises BadMultipart when there is none or it is no boundary."""
    match = re.search(r';\s*boundary\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))', content_type, re.IGNORECASE)
    boundary = (match[1] if match[1] is not None else match[2]) if match else ""
    raw = re.sub(r"\\(.)", r"\1", boundary).encode("latin-1", "replace")
    if not raw or len(raw) > MAX_BOUNDARY_BYTES or raw != raw.rstrip() or re.search(rb"[\x00-\x1f\x7f-\xff]", raw):
        raise BadMultipart("The Content-Type has no valid multipart boundary.")
    return raw


class MultipartScanner:
    """Splits a body at its boundary. Call `feed` with each piece, then `close`; `handler` is called meanwhile.

    A line that merely begins like the boundary belongs to the part. Text before the first and after the last boundary
    is skipped. max_parts and max_header_bytes (of one part) are refused with TooLarge.
    """

    def __init__(
        self, boundary: bytes, handler: PartHandler, *, max_parts: int = 1000, max_header_bytes: int = 16 * 1024
    ) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._handler = handler
        self._max_parts = max_parts
        self._max_header_bytes = max_header_bytes
        # The first delimiter may stand at the very start, without a line break of its own.
        self._buffer = b"\r\n"
        self._step: Callable[[], bool] = self._skip_preamble
        self._parts = 0

    def feed(self, piece: bytes) -> None:
        """Take the next bytes of the body. Raises BadMultipart, TooLarge and what the handler raises."""
        self._buffer = self._buffer + piece if self._buffer else piece
        while self._step():
            pass

    def close(self) -> None:
        """The body is over. Raises BadMultipart unless its last boundary was seen."""
        if self._step != self._skip_epilogue:
            raise BadMultipart("The multipart body is cut off or lacks its boundary.")

    # Each step works on the buffer and returns whether another step can go on with what is left.

    def _skip_preamble(self) -> bool:
        return self._up_to_delimiter(part=False)

    def _read_part(self) -> bool:
        return self._up_to_delimiter(part=True)

    def _up_to_delimiter(self, *, part: bool) -> bool:
        buffer, start = self._buffer, 0
        while (found := buffer.find(self._delimiter, start)) >= 0:
            length = self._delimiter_length(buffer, found)
            if length is None:
                self._hand_on(found, part=part)
                return False
            if length:
                self._finish(found, length, part=part)
                return True
            start = found + 1
        # A delimiter may have begun in the last bytes, so they stay.
        self._hand_on(max(start, self._safe_end(buffer)), part=part)
        return False

    def _safe_end(self, buffer: bytes) -> int:
        """How many bytes cannot belong to a delimiter that is still incomplete."""
        tail = buffer.rfind(b"\r", max(0, len(buffer) - len(self._delimiter) + 1))
        while tail >= 0 and not self._delimiter.startswith(buffer[tail:]):
            tail = buffer.rfind(b"\r", max(0, len(buffer) - len(self._delimiter) + 1), tail)
        return len(buffer) if tail < 0 else tail

    def _delimiter_length(self, buffer: bytes, at: int) -> int | None:
        """Length of the delimiter line at `at`: 0 when it only looks like one, None when more bytes must decide."""
        after = at + len(self._delimiter)
        if buffer.startswith(b"--", after):
            return after + 2 - at
        end = after
        while end < len(buffer) and end - after < MAX_PADDING_BYTES and buffer[end] in b" \t":
            end += 1
        if buffer.startswith(b"\r\n", end):
            return end + 2 - at
        rest = buffer[end : end + 2]
        undecided = rest in (b"", b"\r") or (rest == b"-" and end == after)
        return None if undecided and end - after < MAX_PADDING_BYTES else 0

    def _finish(self, found: int, length: int, *, part: bool) -> None:
        last = self._buffer.startswith(b"--", found + len(self._delimiter))
        self._hand_on(found, part=part)
        self._buffer = self._buffer[length:]
        if part:
            self._handler.end()
        self._step = self._skip_epilogue if last else self._read_headers

    def _hand_on(self, end: int, *, part: bool) -> None:
        if end and part:
            self._handler.data(memoryview(self._buffer)[:end])
        self._buffer = self._buffer[end:]

    def _read_headers(self) -> bool:
        # A part without any header has its empty line at once.
        end = 0 if self._buffer.startswith(b"\r\n") else self._buffer.find(b"\r\n\r\n")
        if end > self._max_header_bytes or (end < 0 and len(self._buffer) > self._max_header_bytes):
            raise TooLarge(f"The headers of a part are larger than {self._max_header_bytes} bytes.")
        if end < 0:
            return False
        self._parts += 1
        if self._parts > self._max_parts:
            raise TooLarge(f"The request has more than {self._max_parts} fields.")
        try:
            headers = parse_part_headers(self._buffer[:end])
        except BadHeader as error:
            raise BadMultipart(str(error)) from error
        self._handler.begin(headers)
        self._buffer = self._buffer[end + (4 if end else 2) :]
        self._step = self._read_part
        return True

    def _skip_epilogue(self) -> bool:
        self._buffer = b""
        return False
