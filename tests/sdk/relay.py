"""What stands between an SDK and the server: it passes requests on, and loses answers on their way back.

Behaviours for `tests.receivers.Receiver`, which records every request. The server has always done its work, commit
included, before an answer is lost, delayed or replaced.
"""

import http.client  # noqa: TID251 - tests are clients
import socket
import struct
from urllib.parse import urlsplit

from tests.certificates import IMAGEKIT, server_context
from tests.receivers import Behaviour, Exchange

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


def passing(server: str) -> Behaviour:
    """Pass on the request and the answer; one request a connection."""

    def behave(exchange: Exchange) -> None:
        exchange.send(_ask(exchange, server))

    return behave


def losing(server: str) -> Behaviour:
    """Have the request answered, then reset the connection instead of passing the answer on."""

    def behave(exchange: Exchange) -> None:
        _ask(exchange, server)
        exchange.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return behave


def silent(server: str) -> Behaviour:
    """Have the request answered, then say nothing for as long as the client waits."""

    def behave(exchange: Exchange) -> None:
        _ask(exchange, server)
        exchange.hold()

    return behave


def failing(server: str, status: int) -> Behaviour:
    """Have the request answered, then answer like a gateway that gave up."""

    def behave(exchange: Exchange) -> None:
        _ask(exchange, server)
        exchange.send(f"HTTP/1.1 {status} Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())

    return behave


def _ask(exchange: Exchange, server: str) -> bytes:
    """The server's whole answer to the request of this connection."""
    request = exchange.read_request()
    upstream = http.client.HTTPConnection(urlsplit(server).netloc, timeout=30)  # noqa: TID251
    try:
        upstream.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
        for name, value in request.header_list:
            if name.lower() not in HOP_BY_HOP:
                upstream.putheader(name, value)
        upstream.putheader("Content-Length", str(len(request.body)))
        upstream.endheaders(request.body)
        answer = upstream.getresponse()
        body = answer.read()
    finally:
        upstream.close()
    lines = [f"HTTP/1.1 {answer.status} {answer.reason}"]
    lines += [f"{name}: {value}" for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP]
    lines += ["Connection: close"] if answer.status == 204 else [f"Content-Length: {len(body)}", "Connection: close"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def intercepting(server: str) -> Behaviour:
    """An HTTPS proxy that ends the TLS of ImageKit's origins itself and passes what is inside on to the server.

    Old SDKs know no other origins; an operator redirects them in the same way, or by the resolver.
    """

    def behave(exchange: Exchange) -> None:
        wanted = exchange.read_request()
        host = wanted.path.partition(":")[0]
        if wanted.method != "CONNECT" or host not in IMAGEKIT:
            exchange.send(b"HTTP/1.1 403 Only ImageKit\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        exchange.send(b"HTTP/1.1 200 Connected\r\n\r\n")
        with server_context("imagekit").wrap_socket(exchange.sock, server_side=True) as exchange.sock:
            passing(server)(exchange)

    return behave
