"""The HTTP library with its loose ends tied: one request over a socket that is connected already.

Used by `calls` only. http.client takes a header block that was cut off for a complete one, reads HTTP/0.9, and loops
over interim answers without a bound; the classes here refuse or slow that.
"""

import http.client
import socket
import time
from functools import partial
from typing import Any

from urllib3.connection import HTTPConnection
from urllib3.util.response import assert_header_parsing

from mediahub.lib.http.deadline import Deadline
from mediahub.lib.http.errors import CutOffHeaders

MAX_HEADER_BYTES = 65_536
INTERIM_AT_FULL_SPEED = 10
INTERIM_PAUSE_S = 0.05


class _HeaderReader:
    """Stands before the socket's file while a header block is read: counts bytes and remembers the last line.

    It asks the deadline too: what lies in the socket's buffer can still be read after the connection was shut.
    """

    def __init__(self, raw: Any, deadline: Deadline) -> None:
        self.raw = raw
        self.deadline = deadline
        self.size = 0
        self.last_line = b""

    def readline(self, limit: int = -1) -> bytes:
        line: bytes = self.raw.readline(limit)
        if self.deadline.is_over:
            raise TimeoutError("the header block was not complete in time")
        self.size += len(line)
        if self.size > MAX_HEADER_BYTES:
            raise http.client.HTTPException(f"more than {MAX_HEADER_BYTES} bytes of headers")
        self.last_line = line
        return line

    @property
    def is_at_end(self) -> bool:
        return self.last_line in (b"\r\n", b"\n")

    def close(self) -> None:
        self.raw.close()

    def flush(self) -> None:
        self.raw.flush()


class StrictResponse(http.client.HTTPResponse):
    """An answer whose status line and header block are whole, bounded and of HTTP/1.x."""

    def __init__(self, sock: socket.socket, *, deadline: Deadline, method: str | None = None) -> None:
        super().__init__(sock, method=method)
        self.deadline = deadline

    def begin(self) -> None:
        reader: Any = _HeaderReader(self.fp, self.deadline)
        self.fp = reader
        super().begin()
        if not reader.is_at_end:
            raise CutOffHeaders("the connection ended inside the headers")
        self.fp = reader.raw
        assert_header_parsing(self.headers)
        self._check_length()

    def _read_status(self) -> tuple[str, int, str]:
        """Read the status line of the final answer, passing over interim ones (100, 103) however many come."""
        seen = 0
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if version not in ("HTTP/1.0", "HTTP/1.1"):
                raise http.client.UnknownProtocol(version)
            if not 100 <= status < 200 or status == http.HTTPStatus.SWITCHING_PROTOCOLS:
                return version, status, reason
            self._skip_interim_headers()
            seen += 1
            if seen > INTERIM_AT_FULL_SPEED:
                time.sleep(INTERIM_PAUSE_S)  # the deadline ends this; until then the peer may not cost us a core

    def _skip_interim_headers(self) -> None:
        reader: Any = self.fp
        reader.readline()
        while not reader.is_at_end:
            if not reader.last_line:
                raise CutOffHeaders("the connection ended inside the headers of an interim answer")
            reader.readline()
        reader.size = 0

    def _check_length(self) -> None:
        fields = self.headers.get_all("content-length") or []
        lengths = {part.strip() for field in fields for part in field.split(",")}
        if len(lengths) > 1 or not all(text.isascii() and text.isdecimal() for text in lengths):
            raise http.client.HTTPException("Content-Length is contradictory or not a number")


class Wire(HTTPConnection):
    """urllib3's connection over a socket given to it; it never connects by itself.

    timeout_s: for a single read or write, a second net beneath the deadline.
    """

    auto_open = 0

    def __init__(self, connected: socket.socket, *, host: str, timeout_s: float, deadline: Deadline) -> None:
        super().__init__(host, timeout=timeout_s)
        self.sock = connected
        self.response_class = partial(StrictResponse, deadline=deadline)  # type: ignore[assignment]
