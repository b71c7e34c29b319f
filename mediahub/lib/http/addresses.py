"""Which network addresses our own calls may go to: a literal table and pure functions over it.

Used by the outbound door before it connects and when a client hands us a URL. Python's `is_private` and `is_global`
let several inner addresses pass on 3.11 (REL O3), so every range that is not public is written down here.
"""

import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

REFUSED_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
REFUSED_V6 = tuple(
    IPv6Network(text)
    for text in (
        "::/128",
        "::1/128",
        "100::/64",
        "2001::/23",  # Teredo (2001::/32) lies in here, so its inner addresses need no reading
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)
GLOBAL_UNICAST = IPv6Network("2000::/3")
COMPATIBLE = IPv6Network("::/96")
MAPPED = IPv6Network("::ffff:0:0/96")
NAT64 = IPv6Network("64:ff9b::/96")
NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")
SIX_TO_FOUR = IPv6Network("2002::/16")
WRAPPERS = (COMPATIBLE, MAPPED, NAT64, NAT64_LOCAL, SIX_TO_FOUR)


def refusal(address: Address, *, allowed: Iterable[Network] = ()) -> str | None:
    """Say why an address may not be called, or None if it may.

    allowed: networks of the house that are called although they are not public (REL O5). IPv4 addresses inside an
    IPv6 wrapper are judged like plain ones, against the table and against `allowed`.
    """
    allowed = tuple(allowed)
    if _is_in(address, allowed):
        return None
    if isinstance(address, IPv4Address):
        return f"{address} is not a public address" if _is_in(address, REFUSED_V4) else None
    inner = wrapped_addresses(address)
    if _is_in(address, REFUSED_V6) or not (inner or address in GLOBAL_UNICAST):
        return f"{address} is not a public address"
    for hidden in inner:
        if refusal(hidden, allowed=allowed):
            return f"{address} holds {hidden}, which is not a public address"
    return None


def wrapped_addresses(address: IPv6Address) -> list[IPv4Address]:
    """List the IPv4 addresses that an IPv6 address carries and that a gateway may take out of it."""
    bits = int(address)
    found = []
    if address in SIX_TO_FOUR:
        found.append(bits >> 80)
    elif address in NAT64_LOCAL:
        # The prefix in use (48, 56, 64 or 96 bits) is not known, so each reading is judged. Readings with the wrong
        # prefix mostly give 0.x, which no gateway can reach.
        readings = [bits, *(_behind_prefix(bits, length) for length in (48, 56, 64))]
        found += [value for value in readings if value >> 24 & 0xFF] or [0]
    elif _is_in(address, WRAPPERS):
        found.append(bits)
    if bits >> 32 & 0xFCFFFFFF == 0x00005EFE:  # ISATAP: interface id 0:5efe or 200:5efe, under any prefix
        found.append(bits)
    return [IPv4Address(value & 0xFFFFFFFF) for value in found]


def literal_address(host: str) -> Address | None:
    """Read a host that is an address and not a name; None for names.

    Every spelling the C library takes for an address counts: `127.1`, `2130706433`, `0x7f000001`, `0177.0.0.1`, with
    or without brackets and trailing dots. IPv6 zones are dropped.
    """
    text = host.strip("[]").rstrip(".").partition("%")[0]
    try:
        return ip_address(text)
    except ValueError:
        return _old_spelling(text)


def networks(items: Iterable[str | Network]) -> tuple[Network, ...]:
    """Read networks such as `10.0.0.0/8` or `192.168.1.5`. Raises ValueError naming the bad one."""
    return tuple(ip_network(str(item).strip(), strict=False) for item in items)


def _old_spelling(text: str) -> IPv4Address | None:
    try:
        return IPv4Address(socket.inet_aton(text))
    except (OSError, ValueError):  # ValueError: not ASCII, or holds a NUL
        return None


def _is_in(address: Address, table: Iterable[Network]) -> bool:
    return any(address in network for network in table)  # another IP version is simply not in it


def _behind_prefix(bits: int, length: int) -> int:
    """Read the IPv4 address that RFC 6052 places behind a prefix of so many bits, skipping bits 64 to 71."""
    without_gap = (bits >> 64 << 56) | (bits & ((1 << 56) - 1))
    return (without_gap >> (120 - length - 32)) & 0xFFFFFFFF
