"""From a target to a connected socket: look up once, check every address, connect to a checked one, TLS by name.

Used by `calls` only. That the socket goes to the address that was checked is what closes DNS rebinding (REL O2).
"""

import base64
import socket
import ssl
import time
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import unquote

from urllib3.util import parse_url

from mediahub.lib.http.deadline import Deadline
from mediahub.lib.http.errors import OutboundError, as_outbound_error
from mediahub.lib.http.lookup import look_up
from mediahub.lib.http.policy import Policy, Target

LOOKUP_S = 5.0
CONNECT_S = 10.0
MAX_ADDRESSES_TRIED = 4
MAX_PROXY_ANSWER_BYTES = 16_384


def connect(target: Target, *, policy: Policy, deadline: Deadline) -> tuple[socket.socket, str]:
    """Connect to a target under the policy and put the socket under the deadline; TLS is the next step, `secure`.

    Returns the socket and the IP address it leads to (through a proxy: the one the proxy was asked for). Raises
    OutboundError, with the address tried where there was one.
    """
    if policy.proxy:
        return _through_proxy(policy.proxy, target, policy=policy, deadline=deadline)
    return dial(checked_addresses(target, policy, deadline), target.port, deadline)


def secure(connection: socket.socket, target: Target, *, policy: Policy, deadline: Deadline) -> socket.socket:
    """Put TLS over a connection, verified against the name of the target. Raises OutboundError or what TLS raises."""
    try:
        context = tls_context(policy.extra_ca_file)
    except OSError as error:
        raise OutboundError("tls", f"MEDIAHUB_EXTRA_CA_FILE cannot be used: {error}") from error
    connection.settimeout(max(0.001, deadline.remaining_s))
    return context.wrap_socket(connection, server_hostname=target.host)


def checked_addresses(target: Target, policy: Policy, deadline: Deadline) -> list[str]:
    """Every address of the target's host, all of them allowed. One that is not refuses the whole name (REL O2)."""
    if target.literal is not None:
        found = [str(target.literal)]
    else:
        found = look_up(target.host, target.port, timeout_s=min(LOOKUP_S, deadline.remaining_s))
    for address in found:
        if why := policy.refusal(ip_address(address)):
            raise OutboundError("blocked", f"{target.host}: {why}")
    return found


def dial(addresses: list[str], port: int, deadline: Deadline) -> tuple[socket.socket, str]:
    """Connect to the first address that answers; CONNECT_S is shared among them. Raises OutboundError of the last."""
    tried = addresses[:MAX_ADDRESSES_TRIED]
    ends_at = time.monotonic() + min(CONNECT_S, deadline.remaining_s)
    for left, address in zip(range(len(tried), 0, -1), tried, strict=True):
        try:
            connection = _connect_once(address, port, timeout_s=(ends_at - time.monotonic()) / left)
        except OSError as error:
            failure = as_outbound_error(error, address=address)
            continue
        deadline.attach(connection)
        return connection, address
    raise failure


def _connect_once(address: str, port: int, *, timeout_s: float) -> socket.socket:
    connection = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        connection.settimeout(max(0.001, timeout_s))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.connect((address, port))
    except BaseException:
        connection.close()
        raise
    return connection


@lru_cache(maxsize=4)
def tls_context(extra_ca_file: str | None) -> ssl.SSLContext:
    """Verification against the system's authorities and the extra ones; there is no way to switch it off (REL W9)."""
    context = ssl.create_default_context()
    if extra_ca_file:
        context.load_verify_locations(cafile=extra_ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _through_proxy(proxy: str, target: Target, *, policy: Policy, deadline: Deadline) -> tuple[socket.socket, str]:
    """Ask the operator's proxy for a tunnel to a checked address, for http as well as https.

    The proxy is told the address, not the name, so that it cannot look up another one. Only addresses of the
    operator's own are passed on by name.
    """
    parts = parse_url(proxy)
    if parts.scheme != "http" or not parts.host:
        raise OutboundError("blocked", "MEDIAHUB_OUTBOUND_PROXY must be http://host:port")
    by_name = policy.operator_address and target.literal is None
    address = target.host if by_name else checked_addresses(target, policy, deadline)[0]
    host, port = parts.host.strip("[]"), parts.port or 3128
    near = look_up(host, port, timeout_s=min(LOOKUP_S, deadline.remaining_s))
    connection, _ = dial(near, port, deadline)
    try:
        connection.settimeout(max(0.001, deadline.remaining_s))
        _open_tunnel(connection, address, target.port, auth=parts.auth)
    except BaseException:
        connection.close()
        raise
    return connection, address


def _open_tunnel(connection: socket.socket, address: str, port: int, *, auth: str | None) -> None:
    place = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
    if auth:
        lines.append("Proxy-Authorization: Basic " + base64.b64encode(unquote(auth).encode()).decode())
    connection.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = connection.recv(4096)
        answer += piece
        if not piece or len(answer) > MAX_PROXY_ANSWER_BYTES:
            raise OutboundError("protocol", "the outbound proxy gave no answer to CONNECT")
    status_line = answer.split(b"\r\n", 1)[0]
    if status_line.split(b" ")[1:2] != [b"200"]:
        raise OutboundError("refused", f"the outbound proxy refused: {status_line[:100]!r}")
