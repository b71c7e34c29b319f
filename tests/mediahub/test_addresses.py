"""The table of refused addresses, in every spelling that reaches one of them."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediahub.lib.http import BadUrl, OutboundError, Policy, check_url, lookup, request
from mediahub.lib.http.addresses import literal_address, networks, refusal, wrapped_addresses

SPELLINGS = [
    "0.0.0.0",
    "0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "127.0.0.%31",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:100.64.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::10.0.0.1]",
    "[64:ff9b:1::10.0.0.1]",
    "[64:ff9b:1:a00:0:100::]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
    "[2001:db8::1]",
    "[2606:4700::5efe:10.0.0.1]",
    "[2606:4700::200:5efe:10.0.0.1]",
    "[100::1]",
    "[3fff::1]",
    "[5f00::1]",
    "[fc00::1]",
    "[fd12:3456::1]",
    "[fe80::1]",
    "[fec0::1]",
    "[ff02::1]",
    "[4000::1]",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.0.1",
    "172.32.0.1",
    "192.0.1.1",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001:80b::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::8.8.8.8",
    "64:ff9b:1:808:8:800::",
    "2002:808:808::1",
    "2606:4700::5efe:8.8.8.8",
]


@pytest.fixture
def no_connections(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every attempt to connect a socket is noted and fails."""
    tried: list[object] = []

    def refuse(self: socket.socket, address: object) -> None:
        tried.append(address)
        raise OSError("the test allows no connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    return tried


@pytest.mark.rel("F64", "O2", "O3", "O4")
@pytest.mark.parametrize("host", SPELLINGS)
def test_inner_address_is_blocked_before_a_connection(host: str, no_connections: list[object]) -> None:
    with pytest.raises(OutboundError) as caught:
        request("POST", f"http://{host}/hook", deadline_s=2, max_answer_bytes=10, policy=Policy())
    assert caught.value.reason == "blocked"
    assert no_connections == []


@pytest.mark.rel("W20", "O4", "B18")
@pytest.mark.parametrize("host", SPELLINGS)
def test_inner_address_is_refused_when_the_url_is_given(host: str) -> None:
    with pytest.raises(BadUrl, match="not allowed"):
        check_url(f"https://{host}/hook", policy=Policy())


@pytest.mark.rel("F63", "O2")
@pytest.mark.parametrize("host", [host for host in SPELLINGS if literal_address(host) is not None])
def test_name_that_leads_to_an_inner_address_is_blocked(
    host: str, no_connections: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup, "resolve", lambda name, port: ["8.8.8.8", str(literal_address(host))])
    with pytest.raises(OutboundError) as caught:
        request("GET", "http://receiver.test/", deadline_s=2, max_answer_bytes=10, policy=Policy())
    assert caught.value.reason == "blocked"
    assert no_connections == []


@pytest.mark.rel("O3")
@pytest.mark.parametrize("text", PUBLIC)
def test_public_address_passes(text: str) -> None:
    assert refusal(ip_address(text)) is None


@pytest.mark.rel("O3")
@pytest.mark.parametrize("text", PUBLIC)
def test_public_address_passes_as_a_url(text: str) -> None:
    host = f"[{text}]" if ":" in text else text
    check_url(f"https://{host}/hook", policy=Policy())


@pytest.mark.rel("O5")
@pytest.mark.parametrize("text", ["10.2.3.4", "::ffff:10.2.3.4", "64:ff9b::10.2.3.4", "fd00::7"])
def test_network_of_the_house_passes_when_allowed(text: str) -> None:
    allowed = networks(["10.0.0.0/8", "fd00::/8"])
    assert refusal(ip_address(text), allowed=allowed) is None


@pytest.mark.rel("O5")
def test_allowing_one_network_allows_no_other() -> None:
    assert refusal(ip_address("192.168.0.1"), allowed=networks(["10.0.0.0/8"])) is not None


@pytest.mark.rel("O3")
@given(st.ip_addresses(v=4))
def test_wrappers_are_judged_like_what_they_wrap(plain: IPv4Address) -> None:
    verdict = refusal(plain) is None
    bits = int(plain)
    for wrapped in (
        IPv6Address(0xFFFF << 32 | bits),
        IPv6Address(0x0064FF9B << 96 | bits),
        IPv6Address(0x2002 << 112 | bits << 80),
        IPv6Address(0x26064700 << 96 | 0x5EFE << 32 | bits),
    ):
        assert (refusal(wrapped) is None) == verdict, wrapped


@pytest.mark.rel("O3")
@given(st.ip_addresses(v=6))
def test_only_global_unicast_and_wrappers_pass(address: IPv6Address) -> None:
    if refusal(address) is None:
        assert int(address) >> 125 == 1 or wrapped_addresses(address)


def test_names_are_not_taken_for_addresses() -> None:
    assert [literal_address(name) for name in ("example.com", "localhost", "beef", "1.2.3.4.5", "")] == [None] * 5
