"""One call through the outbound door: `request` for providers and webhooks, `stream_to` and `fetch` for files.

The rules are REL section 4 and W3 to W10: one total deadline, checked addresses, bounded answers, verified TLS, no
cookies, no decompression, no proxies from the environment, and no redirects unless asked for.
"""

import contextlib
import http.client
import io
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Literal
from urllib.parse import urljoin

from urllib3 import HTTPHeaderDict
from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse

from mediahub.lib.http.connecting import connect, secure
from mediahub.lib.http.deadline import Deadline
from mediahub.lib.http.errors import BadUrl, OutboundError, as_outbound_error
from mediahub.lib.http.policy import Policy, Target, read_url
from mediahub.lib.http.wire import Wire

USER_AGENT = "MediaHub"
CHUNK_BYTES = 65_536
LOG_BODY_BYTES = 16_384
LOG_BODY_S = 5.0  # what a receiver says after its headers is for the log only: not worth a thread for 30 s
REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back. headers: case-insensitive, repeated ones joined by a comma. body: as sent, never decompressed.

    truncated: the body was longer than asked for, or did not end in time (`want_body="log"` only). address: the IP
    that answered. duration_ms: from the start, look-up included.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    truncated: bool
    address: str
    duration_ms: int


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A file that was fetched. url: the last one after redirects. content_type: as claimed, may be empty."""

    url: str
    size_bytes: int
    content_type: str
    address: str
    duration_ms: int


def request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    deadline_s: float,
    max_answer_bytes: int,
    policy: Policy,
    want_body: Literal["all", "log"] = "all",
    headers_within_s: float | None = None,
    max_redirects: int = 0,
) -> Answer:
    """Make one call and give its answer, whatever its status.

    deadline_s: for everything from the look-up to the last byte. want_body: "all" raises `too_large` beyond
    max_answer_bytes and fails when the body does not end well; "log" takes a complete header block for an answer and
    then what comes of the body, at most 16 KiB and 5 s (REL W4). Raises OutboundError.
    """
    with Call(policy=policy, deadline_s=deadline_s, headers_within_s=headers_within_s) as call:
        response = call.open(method, url, headers=headers or {}, body=body, max_redirects=max_redirects)
        if want_body == "log":
            content, truncated = call.body_for_log(min(max_answer_bytes, LOG_BODY_BYTES))
        else:
            content, truncated = b"".join(call.chunks(max_answer_bytes)), False
        return Answer(
            status=response.status,
            headers=response.headers,
            body=content,
            truncated=truncated,
            address=call.address,
            duration_ms=call.deadline.elapsed_ms,
        )


def stream_to(
    url: str,
    fileobj: BinaryIO,
    *,
    deadline_s: float = 60,
    headers_within_s: float | None = 8,
    max_bytes: int,
    policy: Policy,
    max_redirects: int = 3,
) -> Fetched:
    """Fetch a file into `fileobj`, which keeps what had arrived when an error is raised (REL O9, O10).

    Only a 200 counts. Raises OutboundError; what `fileobj.write` raises (a full disk) passes through.
    """
    with Call(policy=policy, deadline_s=deadline_s, headers_within_s=headers_within_s) as call:
        response = call.open("GET", url, headers={}, body=None, max_redirects=max_redirects)
        call.expect_plain_file()
        size = 0
        for chunk in call.chunks(max_bytes):
            fileobj.write(chunk)
            size += len(chunk)
        return Fetched(
            url=call.url,
            size_bytes=size,
            content_type=response.headers.get("content-type", ""),
            address=call.address,
            duration_ms=call.deadline.elapsed_ms,
        )


def fetch(url: str, *, deadline_s: float, max_bytes: int, policy: Policy) -> bytes:
    """Fetch a small file into memory, under the rules of `stream_to`."""
    spool = io.BytesIO()
    stream_to(url, spool, deadline_s=deadline_s, max_bytes=max_bytes, policy=policy)
    return spool.getvalue()


class Call:
    """A call in progress: its clock, its connection, its answer. Every error leaves it as OutboundError."""

    def __init__(self, *, policy: Policy, deadline_s: float, headers_within_s: float | None) -> None:
        self.policy = policy
        self.deadline_s = deadline_s
        self.deadline = Deadline(deadline_s if headers_within_s is None else min(headers_within_s, deadline_s))
        self.address = ""
        self.url = ""
        self.connection: socket.socket | None = None
        self.response: HTTPResponse | None = None

    def __enter__(self) -> "Call":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.deadline.close()
        self.hang_up()

    def open(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None, max_redirects: int
    ) -> HTTPResponse:
        """Send the request, follow redirects if allowed, and return when a whole header block is there."""
        with self._judged():
            target = read_url(url, policy=self.policy)
            for _ in range(max_redirects + 1):
                response = self._send(method, target, headers, body)
                onward = _redirect(response, target, policy=self.policy) if max_redirects else None
                if onward is None:
                    self.deadline.move(self.deadline_s)
                    return response
                self.hang_up()
                if onward.host_header != target.host_header:
                    headers = {}  # whatever they prove is meant for the first host
                target = onward
            raise OutboundError("http_error", f"more than {max_redirects} redirects", status=response.status)

    def chunks(self, max_bytes: int) -> Iterator[bytes]:
        """The body in pieces. Raises `too_large` at once if the length announced is, else when the count is."""
        left = max_bytes
        with self._judged():
            announced = (self.response and self.response.length_remaining) or 0
            if announced > max_bytes:
                raise OutboundError("too_large", f"{announced} bytes announced, {max_bytes} allowed")
        while chunk := self._read(CHUNK_BYTES):
            left -= len(chunk)
            if left < 0:
                with self._judged():
                    raise OutboundError("too_large", f"more than {max_bytes} bytes")
            yield chunk

    def body_for_log(self, max_bytes: int) -> tuple[bytes, bool]:
        """What arrives of the body soon; the answer stands already, so nothing here is an error (REL W4)."""
        self.deadline.move(min(self.deadline_s, self.deadline.elapsed_ms / 1000 + LOG_BODY_S))
        content = b""
        try:
            while chunk := self._read(max_bytes + 1 - len(content)):
                content += chunk
        except OutboundError:
            return content[:max_bytes], True
        return content[:max_bytes], len(content) > max_bytes

    def expect_plain_file(self) -> None:
        """Raise `http_error` unless the answer is a 200, `protocol` if it is compressed although we asked not."""
        assert self.response is not None
        with self._judged():
            if self.response.status != 200:
                raise OutboundError("http_error", f"status {self.response.status}", status=self.response.status)
            coding = self.response.headers.get("content-encoding", "identity").strip().lower()
            if coding not in ("", "identity"):
                raise OutboundError("protocol", f"answer is encoded as {coding[:40]!r}, identity was asked for")

    def hang_up(self) -> None:
        if self.response is not None:
            self.response.close()
            self.response = None
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def _send(self, method: str, target: Target, headers: Mapping[str, str], body: bytes | None) -> HTTPResponse:
        self.url, self.address = target.url, ""
        self.connection, self.address = connect(target, policy=self.policy, deadline=self.deadline)
        if target.scheme == "https":
            self.connection = secure(self.connection, target, policy=self.policy, deadline=self.deadline)
        wire = Wire(self.connection, host=target.host, timeout_s=self.deadline_s, deadline=self.deadline)
        # A receiver may answer and close before it has read all of a large body; its answer counts then.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            wire.request(method, target.path, body=body, headers=_all_headers(headers, target), preload_content=False)
        self.response = wire.getresponse()
        return self.response

    def _read(self, size: int) -> bytes:
        assert self.response is not None
        with self._judged():
            chunk = self.response.read1(size, decode_content=False) if size > 0 else b""
            if self.deadline.is_over:
                raise TimeoutError("the body did not end in time")
        return chunk

    @contextlib.contextmanager
    def _judged(self) -> Iterator[None]:
        """Turn every failure into OutboundError with address and duration; past the deadline it is a `timeout`."""
        try:
            yield
        except (OutboundError, BadUrl, OSError, http.client.HTTPException, HTTPError) as error:
            failure = _failure(error)
            if self.deadline.is_over and failure.reason != "blocked":
                seconds = self.deadline.elapsed_ms / 1000
                failure = OutboundError("timeout", f"no whole answer after {seconds:.1f} s ({failure.message})")
            failure.address = failure.address or self.address
            failure.duration_ms = self.deadline.elapsed_ms
            raise failure from error


def _failure(error: Exception) -> OutboundError:
    if isinstance(error, OutboundError):
        return error
    return OutboundError("blocked", str(error)) if isinstance(error, BadUrl) else as_outbound_error(error)


def _all_headers(headers: Mapping[str, str], target: Target) -> HTTPHeaderDict:
    merged = HTTPHeaderDict({"User-Agent": USER_AGENT, "Accept-Encoding": "identity"})
    for name, value in headers.items():
        merged[name] = value
    merged["Host"] = target.host_header
    merged["Connection"] = "close"
    return merged


def _redirect(response: HTTPResponse, target: Target, *, policy: Policy) -> Target | None:
    """Where an answer sends us, judged like a new call (REL O9). Raises OutboundError or BadUrl if we may not go."""
    location = response.headers.get("location")
    if response.status not in REDIRECTS or not location:
        return None
    # Header bytes are read as Latin-1; a raw UTF-8 location is put right here, an undecodable one is kept as it is.
    with contextlib.suppress(UnicodeError):
        location = location.encode("latin-1").decode("utf-8")
    onward = read_url(urljoin(target.url, location), policy=policy)
    if target.scheme == "https" and onward.scheme != "https":
        raise OutboundError("blocked", "redirected from https to http")
    return onward
