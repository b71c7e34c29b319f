"""Where a request comes from, as far as that can be believed: the peer, or what a trusted proxy says of its peer.

Whoever slows or logs clients asks here. `X-Forwarded-For` of anybody else is ignored (REL B28).
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from django.conf import settings

MAX_HOPS = 20
Address = IPv4Address | IPv6Address


def client_address(environ: Mapping[str, str]) -> str:
    """The client's address; a network of 64 bits for IPv6, because one customer has that many addresses to fail from.

    environ: the WSGI environment (`request.META`). "" if the peer has no address, as on a Unix socket.
    """
    peer = _read(environ.get("REMOTE_ADDR", ""))
    found = peer
    if _is_trusted(peer):
        for text in reversed(environ.get("HTTP_X_FORWARDED_FOR", "").split(",")[-MAX_HOPS:]):
            hop = _read(text.strip())
            if hop is None:
                break
            found = hop
            if not _is_trusted(hop):
                break
    return _spelled(found)


def is_trusted_peer(text: str) -> bool:
    """Whether the operator vouches for a proxy at this address. The web server asks before it passes headers on."""
    return _is_trusted(_read(text))


def _is_trusted(peer: Address | None) -> bool:
    """A peer without an address sits on a Unix socket of this machine: only a proxy comes that way."""
    trusted = settings.MEDIAHUB_TRUSTED_PROXIES
    return bool(trusted) and (peer is None or any(peer in network for network in trusted))


def _read(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _spelled(address: Address | None) -> str:
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address), 64), strict=False))
    return str(address or "")
