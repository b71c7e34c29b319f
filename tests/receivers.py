"""Raw-socket servers that behave as badly as real ones do, for every test that sends something to the outside.

`with Receiver(answer(200)) as receiver:` listens on loopback; `receiver.url` is where to send and `receiver.requests`
what arrived. A behaviour is a function of one accepted connection; the factories below make them. `in_turn` gives each
request its own behaviour, `tls="good"` and others put TLS before it, `refusing()` is a port where nobody listens.
"""

import contextlib
import os
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from tests.certificates import certificates, server_context


@dataclass(frozen=True)
class Received:
    """One request as it came. headers: names in lower case, the last of repeated ones; header_list: all, as sent."""

    method: str
    path: str
    headers: dict[str, str]
    header_list: list[tuple[str, str]]
    body: bytes
    at: float  # time.time() when the request was complete


@dataclass
class Exchange:
    """One accepted connection in the hands of a behaviour."""

    sock: socket.socket
    receiver: "Receiver"
    number: int  # of the connection, from 0
    closing: threading.Event = field(default_factory=threading.Event)

    def read_request(self) -> Received:
        """Read one whole request and record it."""
        with self.sock.makefile("rb") as file:
            first = file.readline().decode("latin-1").split()
            if len(first) != 3:
                raise ConnectionError("no request")
            header_list = []
            while (line := file.readline()) not in (b"\r\n", b"\n", b""):
                name, _, value = line.decode("latin-1").partition(":")
                header_list.append((name, value.strip()))
            headers = {name.lower(): value for name, value in header_list}
            body = file.read(int(headers.get("content-length", 0)))
        request = Received(first[0], first[1], headers, header_list, body, time.time())
        self.receiver.requests.append(request)
        return request

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def pause(self, seconds: float) -> None:
        """Sleep, but not longer than the receiver lives."""
        if self.closing.wait(seconds):
            raise ConnectionError("the receiver is closing")

    def drip(self, data: bytes, every_s: float) -> None:
        for byte in data:
            self.send(bytes([byte]))
            self.pause(every_s)

    def hold(self) -> None:
        """Keep the connection open and silent."""
        self.pause(3600)


Behaviour = Callable[[Exchange], None]


class Receiver:
    """A server on loopback, one thread per connection. Use as a context manager.

    tls: None, "good", "self-signed", "expired", "wrong-name" (certificate for another name) or "stall" (accepts and
    never speaks). Certificates name 127.0.0.1, localhost and receiver.test; `ca_file` trusts them where they may be.
    """

    def __init__(
        self, behaviour: Behaviour | None = None, *, tls: str | None = None, address: str = "127.0.0.1", path: str = "/"
    ) -> None:
        self.behaviour = behaviour or answer()
        self.tls = tls
        self.path = path
        self.requests: list[Received] = []
        self.connections = 0
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()
        self._context = None if tls in (None, "stall") else server_context(tls)
        self._listener = socket.create_server(
            (address, 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET, backlog=128
        )
        self.address = address
        self.port: int = self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        return self.url_for(f"[{self.address}]" if ":" in self.address else self.address)

    def url_for(self, host: str) -> str:
        """The same receiver under another name, for tests that play the resolver."""
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{self.path}"

    @property
    def ca_file(self) -> str:
        return str(certificates()["ca"])

    def __enter__(self) -> "Receiver":
        self._start(self._accept)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._closing.set()
        for sock in (self._listener, *list(self._open)):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(timeout=5)

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            number, self.connections = self.connections, self.connections + 1
            self._open.add(sock)
            self._start(self._serve, sock, number)

    def _serve(self, sock: socket.socket, number: int) -> None:
        # Whatever the client does to its end of a broken conversation is the test's affair, not this thread's.
        with contextlib.suppress(OSError, ValueError), sock:
            try:
                exchange = Exchange(sock, self, number, self._closing)
                if self.tls == "stall":
                    exchange.hold()
                if self._context:
                    self._open.discard(sock)
                    exchange.sock = self._context.wrap_socket(sock, server_side=True)
                    self._open.add(exchange.sock)
                with exchange.sock:
                    self.behaviour(exchange)
            finally:
                self._open -= {sock, exchange.sock}


# --- behaviours that answer -------------------------------------------------------------------------------------


def answer(
    status: int = 200, body: bytes = b"ok", headers: Mapping[str, str] | None = None, *, after_s: float = 0
) -> Behaviour:
    """A proper answer, after a while. A given Content-Length is sent as it is, true or not."""

    def behave(exchange: Exchange) -> None:
        exchange.read_request()
        exchange.pause(after_s)
        sent = {"Content-Length": str(len(body)), "Connection": "close", **(headers or {})}
        lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
        exchange.send("\r\n".join(lines).encode("latin-1") + body)
        _see_off(exchange)

    return behave


def redirect(status: int, location: str) -> Behaviour:
    return answer(status, b"", {"Location": location})


def gone() -> Behaviour:
    return answer(410, b"gone")


def busy(status: int = 429, retry_after: str = "60") -> Behaviour:
    return answer(status, b"busy", {"Retry-After": retry_after})


def raw(data: bytes, *, hold: bool = False) -> Behaviour:
    """These bytes and nothing else; then close, or stay silent."""

    def behave(exchange: Exchange) -> None:
        exchange.read_request()
        exchange.send(data)
        exchange.hold() if hold else _see_off(exchange)

    return behave


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """The first connection meets the first behaviour, and so on; the last one stays."""

    def behave(exchange: Exchange) -> None:
        behaviours[min(exchange.number, len(behaviours) - 1)](exchange)

    return behave


# --- behaviours that take their time ----------------------------------------------------------------------------


def drip_status_line(every_s: float = 0.1) -> Behaviour:
    return _dripping(b"", b"HTTP/1.1 200 " + b"O" * 10_000, every_s)


def drip_headers(every_s: float = 0.1) -> Behaviour:
    return _dripping(b"HTTP/1.1 200 OK\r\nX-Long: ", b"a" * 10_000, every_s)


def drip_body(every_s: float = 0.1) -> Behaviour:
    return _dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n", b"b" * 10_000, every_s)


def continue_forever(every_s: float = 0.1) -> Behaviour:
    """Interim answers without end; `every_s=0` sends them as fast as they are read."""

    def behave(exchange: Exchange) -> None:
        exchange.read_request()
        while True:
            exchange.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            exchange.pause(every_s)

    return behave


def endless_body(start: bytes = b"HTTP/1.1 200 OK\r\n\r\n") -> Behaviour:
    return _endless(start, b"x" * 65_536)


def endless_headers() -> Behaviour:
    return _endless(b"HTTP/1.1 200 OK\r\n", b"X-Filler: " + b"f" * 1000 + b"\r\n")


def endless_header_line() -> Behaviour:
    return _endless(b"HTTP/1.1 200 OK\r\nX-Filler: ", b"f" * 65_536)


# --- behaviours that are wrong ----------------------------------------------------------------------------------


def random_bytes(size: int = 4096) -> Behaviour:
    return raw(os.urandom(size))


def http_09() -> Behaviour:
    return raw(b"<html>it works</html>")


def two_content_lengths() -> Behaviour:
    return raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc")


def cut_off_headers() -> Behaviour:
    return raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/pl")


def reset() -> Behaviour:
    """Read the request, then reset the connection."""

    def behave(exchange: Exchange) -> None:
        exchange.read_request()
        exchange.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return behave


def close_at_accept() -> Behaviour:
    return lambda exchange: None


def never_reads() -> Behaviour:
    """Read nothing, answer nothing: a large body fills the buffers and sending stands still."""
    return Exchange.hold


@contextlib.contextmanager
def refusing() -> Iterator[str]:
    """The URL of a port that is taken but has no listener: connections are refused for certain."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/"


def _dripping(start: bytes, data: bytes, every_s: float) -> Behaviour:
    def behave(exchange: Exchange) -> None:
        exchange.read_request()
        exchange.send(start)
        exchange.drip(data, every_s)

    return behave


def _endless(start: bytes, block: bytes) -> Behaviour:
    def behave(exchange: Exchange) -> None:
        exchange.read_request()
        exchange.send(start)
        while not exchange.closing.is_set():
            exchange.send(block)

    return behave


def _see_off(exchange: Exchange) -> None:
    """Close without a reset overtaking the answer: end our half, then wait for the client's. TLS has no halves."""
    if isinstance(exchange.sock, ssl.SSLSocket):
        return
    exchange.sock.shutdown(socket.SHUT_WR)
    exchange.sock.settimeout(1)
    exchange.sock.recv(1)
