"""Whose failures are whose: the peer's, unless a proxy that the operator vouches for says otherwise (REL B28)."""

from ipaddress import ip_network

import pytest

from mediahub.lib.client_address import client_address


def address(peer, forwarded=None):
    environ = {"REMOTE_ADDR": peer}
    return client_address(environ | ({"HTTP_X_FORWARDED_FOR": forwarded} if forwarded is not None else {}))


@pytest.fixture
def proxies(settings):
    settings.MEDIAHUB_TRUSTED_PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.rel("A6", "B28")
def test_without_proxies_the_peer_is_the_client_whatever_it_says():
    assert address("192.0.2.1", "198.51.100.7") == "192.0.2.1"
    assert address("", "198.51.100.7") == ""


@pytest.mark.rel("A6", "B28")
def test_a_stranger_may_say_nothing_where_there_are_proxies(proxies):
    assert address("192.0.2.1", "198.51.100.7") == "192.0.2.1"


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("203.0.113.9, 198.51.100.7", "198.51.100.7"),
        ("203.0.113.9,198.51.100.7 , 10.2.2.2", "198.51.100.7"),
        ("10.3.3.3", "10.3.3.3"),
        ("", "10.1.1.1"),
        ("unknown", "10.1.1.1"),
        ("198.51.100.7, _hidden", "10.1.1.1"),
        ("1.1.1.1, " * 100 + "10.9.9.9", "1.1.1.1"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ],
)
def test_a_proxy_is_believed_up_to_the_first_that_is_none(proxies, forwarded, client):
    assert address("10.1.1.1", forwarded) == client


def test_a_proxy_on_a_unix_socket_counts_as_one_where_there_are_proxies(proxies):
    assert address("", "198.51.100.7") == "198.51.100.7"
