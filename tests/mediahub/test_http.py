"""The outbound door against receivers that misbehave in every way of REL section 8, deadlines scaled to a second."""

import errno
import io
import os
import socket
import subprocess
import sys
import textwrap
import threading
import time
import tracemalloc
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pytest

from mediahub.lib.http import (
    Answer,
    BadUrl,
    OutboundError,
    Policy,
    check_url,
    connecting,
    fetch,
    lookup,
    policy_from_settings,
    request,
    stream_to,
)
from tests import receivers
from tests.receivers import Behaviour, Exchange, Receiver, answer, in_turn, raw, redirect, refusing

LOOPBACK = Policy(allowed_networks=(ip_network("127.0.0.0/8"),))
SOON_S = 0.6  # stands for the 30 s of a webhook
LATE_S = 15.0  # what a loaded machine may add before a test calls it late; a kept connection would last for ever


def policy_for(receiver: Receiver, **more: Any) -> Policy:
    return Policy(allowed_networks=LOOPBACK.allowed_networks, extra_ca_file=receiver.ca_file, **more)


def post(url: str, *, policy: Policy = LOOPBACK, deadline_s: float = 10, **more: Any) -> Answer:
    """One call as webhook delivery makes it."""
    options: dict[str, Any] = {"body": b"{}", "max_answer_bytes": 16_384, "want_body": "log", **more}
    return request("POST", url, deadline_s=deadline_s, policy=policy, **options)


def failure_of(call: Callable[[], object]) -> OutboundError:
    with pytest.raises(OutboundError) as caught:
        call()
    return caught.value


def failure_at(behaviour: Behaviour, *, tls: str | None = None, **more: Any) -> OutboundError:
    """Post to a receiver that behaves like this and give the failure."""
    with Receiver(behaviour, tls=tls) as receiver:
        return failure_of(lambda: post(receiver.url, policy=policy_for(receiver), **more))


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """A resolver that knows these names only."""
    known: dict[str, list[str]] = {}

    def resolve(host: str, port: int) -> list[str]:
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return known[host]

    monkeypatch.setattr(lookup, "resolve", resolve)
    return known


# --- what is sent -----------------------------------------------------------------------------------------------


@pytest.mark.rel("F53", "W1")
def test_answer_and_request_arrive_as_they_were_sent() -> None:
    body = bytes(range(256)) * 40
    with Receiver(answer(200, b"thanks", {"X-Seen": "yes"}), path="/hook?a=1&b=%20") as receiver:
        got = post(receiver.url, body=body, headers={"Webhook-Id": "msg_1"})
    assert (got.status, got.body, got.truncated, got.address) == (200, b"thanks", False, "127.0.0.1")
    assert got.headers["x-seen"] == "yes"
    (seen,) = receiver.requests
    assert (seen.method, seen.path, seen.body) == ("POST", "/hook?a=1&b=%20", body)
    assert seen.headers["webhook-id"] == "msg_1"


@pytest.mark.rel("W10")
def test_connection_is_closed_after_one_call_and_nothing_is_compressed() -> None:
    with Receiver() as receiver:
        post(receiver.url)
    sent = receiver.requests[0].headers
    assert sent["connection"] == "close"
    assert sent["accept-encoding"] == "identity"
    assert "MediaHub" in sent["user-agent"]
    assert sent["host"] == f"127.0.0.1:{receiver.port}"


def test_address_of_version_6_is_called_with_brackets() -> None:
    try:
        listening = Receiver(address="::1")
    except OSError:
        pytest.skip("no IPv6 on this machine")
    with listening as receiver:
        got = post(receiver.url, policy=Policy(allowed_networks=(ip_network("::1/128"),)))
    assert (got.status, got.address) == (200, "::1")
    assert receiver.requests[0].headers["host"] == f"[::1]:{receiver.port}"


@pytest.mark.rel("W10")
def test_cookies_are_neither_kept_nor_sent() -> None:
    with Receiver(answer(200, b"", {"Set-Cookie": "a=b; Path=/"})) as receiver:
        post(receiver.url)
        post(receiver.url)
    assert "cookie" not in receiver.requests[1].headers


@pytest.mark.rel("W10")
def test_compressed_answer_is_left_as_it_is() -> None:
    packed = b"\x1f\x8b\x08\x00 not even valid"
    with Receiver(answer(200, packed, {"Content-Encoding": "gzip"})) as receiver:
        assert post(receiver.url, want_body="all").body == packed


@pytest.mark.rel("O11", "W10")
def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with refusing() as nowhere, Receiver() as receiver:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, nowhere)
        assert post(receiver.url).status == 200


@pytest.mark.parametrize("headers", [{"X-Bad": "a\r\nInjected: yes"}, {"X-Bad\r\nInjected": "yes"}])
def test_header_with_a_line_break_is_never_sent(headers: dict[str, str]) -> None:
    with Receiver() as receiver, pytest.raises(ValueError, match="Invalid header"):
        post(receiver.url, headers=headers)
    assert receiver.requests == []


# --- answers ----------------------------------------------------------------------------------------------------


@pytest.mark.rel("F54", "F55", "F56", "W8")
@pytest.mark.parametrize("status", [201, 204, 400, 404, 410, 429, 500, 503])
def test_every_status_is_an_answer(status: int) -> None:
    with Receiver(answer(status, b"", {"Retry-After": "60"})) as receiver:
        got = post(receiver.url)
    assert (got.status, got.headers["retry-after"]) == (status, "60")


@pytest.mark.rel("F54", "W8", "O9")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_an_answer_and_not_followed(status: int) -> None:
    with Receiver() as elsewhere, Receiver(redirect(status, elsewhere.url)) as receiver:
        got = post(receiver.url)
    assert (got.status, got.headers["location"]) == (status, elsewhere.url)
    assert elsewhere.requests == []


@pytest.mark.rel("F57", "W3")
def test_answer_before_the_deadline_counts() -> None:
    with Receiver(answer(200, after_s=0.3)) as receiver:
        assert post(receiver.url, deadline_s=20).status == 200


@pytest.mark.rel("F57", "W3")
def test_answer_after_the_deadline_does_not_count() -> None:
    failure = failure_at(answer(200, after_s=SOON_S * 3), deadline_s=SOON_S)
    assert (failure.reason, failure.address) == ("timeout", "127.0.0.1")
    assert failure.duration_ms >= SOON_S * 1000 * 0.95


@pytest.mark.rel("F58", "W3", "O6")
@pytest.mark.parametrize("tls", [None, "good"])
@pytest.mark.parametrize(
    "behaviour",
    [
        receivers.drip_status_line(0.05),
        receivers.drip_headers(0.05),
        receivers.continue_forever(0.05),
        receivers.continue_forever(0),
        raw(b"HTTP/1.1 100 Continue\r\n\r\n", hold=True),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", hold=True),
        receivers.never_reads(),
    ],
    ids=["status line", "headers", "100 dripped", "100 flooded", "one 100", "cut-off headers", "silence"],
)
def test_bytes_now_and_then_do_not_extend_the_deadline(behaviour: Behaviour, tls: str | None) -> None:
    started = time.monotonic()
    failure = failure_at(behaviour, tls=tls, deadline_s=SOON_S)
    assert failure.reason == "timeout"
    assert SOON_S * 0.95 <= time.monotonic() - started <= SOON_S + LATE_S


@pytest.mark.rel("F59", "W4")
@pytest.mark.parametrize("tls", [None, "good"])
def test_dripping_body_after_whole_headers_is_a_success(tls: str | None) -> None:
    with Receiver(receivers.drip_body(0.05), tls=tls) as receiver:
        got = post(receiver.url, policy=policy_for(receiver), deadline_s=SOON_S)
    assert (got.status, got.truncated) == (200, True)
    assert 0 < len(got.body) < 10_000


@pytest.mark.rel("F59", "W4", "O8")
def test_endless_body_after_whole_headers_is_a_success_of_16_kib() -> None:
    with Receiver(receivers.endless_body()) as receiver:
        got = post(receiver.url, max_answer_bytes=10**9)
    assert (got.status, len(got.body), got.truncated) == (200, 16_384, True)


@pytest.mark.rel("W4")
@pytest.mark.parametrize(
    "rest",
    [b"Content-Length: 500\r\n\r\nshort", b"Transfer-Encoding: chunked\r\n\r\nzz\r\nnot chunked"],
    ids=["short", "bad chunks"],
)
def test_body_that_breaks_off_is_a_success_for_the_log(rest: bytes) -> None:
    with Receiver(raw(b"HTTP/1.1 200 OK\r\n" + rest)) as receiver:
        got = post(receiver.url)
    assert (got.status, got.truncated) == (200, True)


@pytest.mark.rel("F60", "W17")
@pytest.mark.parametrize(
    "behaviour",
    [
        receivers.endless_headers(),
        receivers.endless_header_line(),
        raw(b"HTTP/1.1 200 OK\r\n" + (b"X-Large: " + b"f" * 40_000 + b"\r\n") * 3 + b"\r\n"),
        receivers.random_bytes(),
        raw(b"HTTP/1.1 200 OK\r\n\x00\x01\x02 no colon here\r\n\r\n"),
        receivers.http_09(),
        raw(b"HTTP/0.9 200 OK\r\n\r\n"),
        raw(b"HTTP/2 200\r\n\r\n"),
        raw(b"HTTP/1.1 9999 Much\r\n\r\n"),
        receivers.two_content_lengths(),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nabc"),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
    ],
    ids=[
        "endless",
        "line",
        "large",
        "random",
        "no colon",
        "0.9",
        "says 0.9",
        "says 2",
        "status",
        "two",
        "list",
        "minus",
    ],
)
def test_what_is_not_http_is_a_protocol_failure(behaviour: Behaviour) -> None:
    assert failure_at(behaviour).reason == "protocol"


@pytest.mark.rel("F60")
def test_two_equal_content_lengths_are_one() -> None:
    with Receiver(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok")) as receiver:
        assert post(receiver.url, want_body="all").body == b"ok"


@pytest.mark.rel("W3")
def test_interim_answers_are_passed_over() -> None:
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    with Receiver(raw(early + b"HTTP/1.1 204 No Content\r\n\r\n")) as receiver:
        assert post(receiver.url).status == 204


@pytest.mark.rel("F60", "F59", "O8")
@pytest.mark.parametrize(
    "behaviour",
    [receivers.endless_headers(), receivers.endless_header_line(), receivers.endless_body()],
    ids=["headers", "header line", "body"],
)
def test_memory_stays_flat_whatever_comes(behaviour: Behaviour) -> None:
    with Receiver(behaviour) as receiver:
        failure_or_answer(receiver.url)
        tracemalloc.start()
        try:
            failure_or_answer(receiver.url)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 2 * 1024 * 1024


def failure_or_answer(url: str) -> None:
    try:
        post(url)
    except OutboundError as error:
        assert error.reason == "protocol"


@pytest.mark.rel("F61", "W17")
@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (receivers.reset(), "reset"),
        (receivers.close_at_accept(), "reset"),
        (receivers.cut_off_headers(), "reset"),
        (raw(b"HTTP/1.1 200 OK\r\n"), "reset"),
        (raw(b"HTTP/1.1 200"), "reset"),
    ],
    ids=["reset", "closed at accept", "cut-off header", "no end of headers", "half a status line"],
)
@pytest.mark.parametrize("tls", [None, "good"])
def test_broken_connection_is_a_failure_with_its_reason(behaviour: Behaviour, reason: str, tls: str | None) -> None:
    assert failure_at(behaviour, tls=tls).reason == reason


@pytest.mark.rel("F61", "W17")
def test_refused_connection_says_so_and_names_the_address() -> None:
    with refusing() as url:
        failure = failure_of(lambda: post(url))
    assert (failure.reason, failure.address) == ("refused", "127.0.0.1")


@pytest.mark.rel("F61", "O6")
def test_receiver_that_reads_nothing_of_a_large_body_ends_at_the_deadline() -> None:
    failure = failure_at(receivers.never_reads(), body=b"x" * 20_000_000, deadline_s=SOON_S)
    assert failure.reason == "timeout"


@pytest.mark.rel("F61")
def test_answer_given_before_the_whole_body_was_read_counts() -> None:
    def too_much(exchange: Exchange) -> None:
        exchange.sock.recv(1000)
        exchange.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")

    with Receiver(too_much) as receiver:
        assert post(receiver.url, body=b"x" * 5_000_000).status == 413


@pytest.mark.rel("F61", "O6")
def test_stalled_tls_handshake_ends_at_the_deadline() -> None:
    assert failure_at(answer(), tls="stall", deadline_s=SOON_S).reason == "timeout"


# --- TLS --------------------------------------------------------------------------------------------------------


@pytest.mark.rel("W9", "O2")
def test_tls_is_verified_against_the_name_at_the_checked_address(names: dict[str, list[str]]) -> None:
    names["receiver.test"] = ["127.0.0.1"]
    with Receiver(tls="good") as receiver:
        got = post(receiver.url_for("receiver.test"), policy=policy_for(receiver))
    assert (got.status, got.address) == (200, "127.0.0.1")
    assert receiver.requests[0].headers["host"] == f"receiver.test:{receiver.port}"


@pytest.mark.rel("F62", "W9")
@pytest.mark.parametrize("tls", ["self-signed", "expired", "wrong-name"])
def test_certificate_that_does_not_hold_is_a_tls_failure(tls: str, names: dict[str, list[str]]) -> None:
    names["receiver.test"] = ["127.0.0.1"]
    with Receiver(tls=tls) as receiver:
        failure = failure_of(lambda: post(receiver.url_for("receiver.test"), policy=policy_for(receiver)))
    assert (failure.reason, failure.address) == ("tls", "127.0.0.1")
    assert receiver.requests == []


@pytest.mark.rel("F62", "W9")
def test_authority_that_is_not_in_the_settings_is_not_trusted() -> None:
    with Receiver(tls="good") as receiver:
        assert failure_of(lambda: post(receiver.url)).reason == "tls"


@pytest.mark.rel("W9")
def test_plain_http_where_tls_is_due_is_a_tls_failure() -> None:
    def speaks_plainly(exchange: Exchange) -> None:
        exchange.sock.recv(1000)
        exchange.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with Receiver(speaks_plainly) as receiver:
        assert failure_of(lambda: post(receiver.url.replace("http:", "https:"))).reason == "tls"


# --- names ------------------------------------------------------------------------------------------------------


@pytest.mark.rel("F63", "W17")
def test_name_that_does_not_exist_is_a_dns_failure(names: dict[str, list[str]]) -> None:
    failure = failure_of(lambda: post("http://nowhere.test/"))
    assert (failure.reason, failure.address) == ("dns", "")


@pytest.mark.rel("F63", "O7")
def test_hanging_look_up_is_a_dns_failure_at_its_own_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()
    monkeypatch.setattr(lookup, "resolve", lambda host, port: [str(let_go.wait(60))])
    monkeypatch.setattr(connecting, "LOOKUP_S", 0.3)
    started = time.monotonic()
    failure = failure_of(lambda: post("http://slow.test/", deadline_s=30))
    let_go.set()
    assert failure.reason == "dns"
    assert time.monotonic() - started < LATE_S


@pytest.mark.rel("O7")
def test_limits_of_look_up_and_connecting_are_those_of_the_rule() -> None:
    assert (connecting.LOOKUP_S, connecting.CONNECT_S) == (5, 10)


@pytest.mark.rel("F63", "O2")
@pytest.mark.parametrize("order", [1, -1])
def test_one_private_address_among_public_ones_blocks_the_name(order: int, names: dict[str, list[str]]) -> None:
    with Receiver() as receiver:
        names["mixed.test"] = ["127.0.0.1", "10.0.0.1"][::order]
        failure = failure_of(lambda: post(receiver.url_for("mixed.test")))
    assert failure.reason == "blocked"
    assert receiver.connections == 0


@pytest.mark.rel("F63", "O2")
def test_the_checked_address_is_used_though_the_name_changes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    monkeypatch.setattr(lookup, "resolve", rebinding)
    with Receiver() as receiver:
        got = post(receiver.url_for("rebinding.test"))
    assert (got.status, got.address, len(asked)) == (200, "127.0.0.1", 1)


@pytest.mark.rel("F63")
def test_each_attempt_is_judged_anew(names: dict[str, list[str]]) -> None:
    with Receiver() as receiver:
        names["moving.test"] = ["127.0.0.1"]
        assert post(receiver.url_for("moving.test")).status == 200
        names["moving.test"] = ["10.0.0.1"]
        assert failure_of(lambda: post(receiver.url_for("moving.test"))).reason == "blocked"


def test_the_next_address_is_tried_when_the_first_refuses(names: dict[str, list[str]]) -> None:
    with Receiver() as receiver:
        names["two.test"] = ["127.0.0.2", "127.0.0.1"]
        assert post(receiver.url_for("two.test")).address == "127.0.0.1"


def test_the_systems_resolver_is_asked() -> None:
    with Receiver() as receiver:
        policy = Policy(allowed_networks=(ip_network("127.0.0.0/8"), ip_network("::1/128")))
        assert post(receiver.url_for("localhost"), policy=policy).status == 200


@pytest.mark.rel("O2")
def test_addresses_of_the_operator_are_not_judged() -> None:
    with Receiver() as receiver:
        assert failure_of(lambda: post(receiver.url, policy=Policy())).reason == "blocked"
        assert post(receiver.url, policy=Policy(operator_address=True)).status == 200


# --- URLs -------------------------------------------------------------------------------------------------------

BAD_URLS = [
    ("ftp://example.com/x", "http"),
    ("file:///etc/passwd", "http"),
    ("javascript:alert(1)", "http"),
    ("example.com/hook", "http"),
    ("", "http"),
    ("http://", "host"),
    ("http:///path", "host"),
    ("http://user:secret@example.com/", "password"),
    ("http://user@example.com/", "password"),
    ("http://exa mple.com/", "blank"),
    ("http://example.com/\r\nHost: x", "blank"),
    ("http://example.com/\x00", "blank"),
    ("http://example.com:0/", "Port 0"),
    ("http://example.com:99999/", "not a URL"),
    ("http://[::1", "not a URL"),
    ("http://[fe80::1%25eth0]/", "zone"),
    ("http://" + "a" * 64 + ".com/", "host"),
    ("http://a..com/", "host"),
    ("http://-a.com/", "host"),
    ("http://" + "a." * 130 + "com/", "host"),
    ("http://１２７.0.0.1/", "not a URL"),
    ("http://example.com/" + "a" * 2048, "longer"),
]


@pytest.mark.rel("W20", "O1", "B18")
@pytest.mark.parametrize(("url", "words"), BAD_URLS, ids=range(len(BAD_URLS)))
def test_url_that_can_never_be_called_is_refused_when_given(url: str, words: str) -> None:
    with pytest.raises(BadUrl, match=words):
        check_url(url, policy=Policy())


@pytest.mark.rel("O1")
@pytest.mark.parametrize("url", [url for url, _ in BAD_URLS], ids=range(len(BAD_URLS)))
def test_url_that_can_never_be_called_is_blocked_when_called(url: str) -> None:
    assert failure_of(lambda: post(url)).reason == "blocked"


@pytest.mark.rel("W20")
@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "https://hooks.example.com:8443/a/b?c=d#e",
        "https://bücher.example/",
        "https://8.8.8.8/",
        "https://under_score.example/",
        "https://does-not-exist.invalid/",
        "https://example.com/" + "a" * (2048 - 20),
    ],
)
def test_ordinary_url_passes_and_no_name_is_looked_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(host: str, port: int) -> list[str]:
        raise AssertionError("looked up")

    monkeypatch.setattr(lookup, "resolve", asked)
    check_url(url, policy=Policy())


@pytest.mark.rel("O1")
def test_https_only_refuses_http() -> None:
    with pytest.raises(BadUrl, match="https"):
        check_url("http://example.com/", policy=Policy(https_only=True))


@pytest.mark.rel("O1")
def test_port_outside_the_allowed_set_is_refused() -> None:
    policy = Policy(allowed_ports=frozenset({443, 8443}))
    check_url("https://example.com/", policy=policy)
    with pytest.raises(BadUrl, match="Port 80 "):
        check_url("http://example.com/", policy=policy)


@pytest.mark.rel("O1")
def test_international_name_is_looked_up_in_its_ascii_form(names: dict[str, list[str]]) -> None:
    names["xn--bcher-kva.example"] = ["127.0.0.1"]
    with Receiver() as receiver:
        assert post(receiver.url_for("bücher.example")).status == 200


@pytest.mark.rel("O5", "O11")
def test_policy_follows_the_settings(settings: Any) -> None:
    settings.MEDIAHUB_ALLOWED_PRIVATE_NETWORKS = ["10.1.0.0/16"]
    settings.MEDIAHUB_HTTPS_ONLY = True
    settings.MEDIAHUB_OUTBOUND_PORTS = ("443",)
    settings.MEDIAHUB_EXTRA_CA_FILE = "/etc/house.pem"
    settings.MEDIAHUB_OUTBOUND_PROXY = "http://proxy:3128"
    assert policy_from_settings() == Policy(
        allowed_networks=(ip_network("10.1.0.0/16"),),
        https_only=True,
        allowed_ports=frozenset({443}),
        extra_ca_file="/etc/house.pem",
        proxy="http://proxy:3128",
    )


@pytest.mark.rel("O5", "O11")
def test_settings_left_alone_allow_no_private_network_and_no_proxy() -> None:
    assert policy_from_settings() == Policy()


# --- whole answers and files ------------------------------------------------------------------------------------


@pytest.mark.rel("O8")
def test_answer_that_announces_too_much_is_refused_before_its_body() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
    failure = failure_at(raw(head, hold=True), want_body="all", max_answer_bytes=1000)
    assert failure.reason == "too_large"


@pytest.mark.rel("O8")
@pytest.mark.parametrize(
    "start", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n"]
)
def test_answer_that_grows_too_large_is_cut_off(start: bytes) -> None:
    failure = failure_at(receivers.endless_body(start), want_body="all", max_answer_bytes=100_000)
    assert failure.reason == "too_large"


@pytest.mark.rel("O8")
def test_answer_of_exactly_the_limit_is_whole() -> None:
    with Receiver(answer(200, b"x" * 100_000)) as receiver:
        assert len(post(receiver.url, want_body="all", max_answer_bytes=100_000).body) == 100_000


@pytest.mark.rel("O8")
def test_chunked_answer_is_put_together() -> None:
    chunks = b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: t\r\n\r\n"
    with Receiver(raw(b"HTTP/1.1 200 OK\r\n" + chunks)) as receiver:
        assert post(receiver.url, want_body="all").body == b"hello world"


@pytest.mark.rel("O6")
@pytest.mark.parametrize("tls", [None, "good"])
def test_dripping_body_that_is_wanted_ends_at_the_deadline(tls: str | None) -> None:
    failure = failure_at(receivers.drip_body(0.05), tls=tls, want_body="all", deadline_s=SOON_S)
    assert failure.reason == "timeout"


@pytest.mark.rel("O8", "B18")
def test_file_that_breaks_off_before_its_announced_length_is_not_a_file() -> None:
    with Receiver(answer(200, b"half", {"Content-Length": "8"})) as receiver:
        assert failure_of(lambda: fetch_from(receiver)).reason == "reset"


@pytest.mark.rel("O10")
def test_file_is_streamed_with_its_facts() -> None:
    data = bytes(range(256)) * 2000
    spool = io.BytesIO()
    with Receiver(answer(200, data, {"Content-Type": "image/png"}), path="/a.png") as receiver:
        got = stream_to(receiver.url, spool, max_bytes=len(data), policy=LOOPBACK)
    assert spool.getvalue() == data
    assert (got.size_bytes, got.content_type, got.url) == (len(data), "image/png", receiver.url)
    assert receiver.requests[0].headers["accept-encoding"] == "identity"


def fetch_from(receiver: Receiver, **more: Any) -> bytes:
    options: dict[str, Any] = {"deadline_s": 10, "max_bytes": 100_000, "policy": policy_for(receiver), **more}
    return fetch(receiver.url, **options)


@pytest.mark.rel("O9")
def test_three_redirects_are_followed() -> None:
    with Receiver(in_turn(redirect(301, "/b"), redirect(302, "/c"), redirect(307, "d"), answer(200, b"x"))) as receiver:
        assert fetch_from(receiver) == b"x"
    assert [seen.path for seen in receiver.requests] == ["/", "/b", "/c", "/d"]


@pytest.mark.rel("O9")
def test_a_fourth_redirect_is_not_followed() -> None:
    with Receiver(redirect(302, "/again")) as receiver:
        assert failure_of(lambda: fetch_from(receiver)).reason == "http_error"
    assert len(receiver.requests) == 4


@pytest.mark.rel("O9", "B18")
@pytest.mark.parametrize(
    "location",
    ["http://10.0.0.1/", "http://169.254.169.254/latest", "//[::1]/", "ftp://example.com/", "http://u:p@8.8.8.8/"],
)
def test_redirect_to_where_we_may_not_go_is_blocked(location: str) -> None:
    with Receiver(redirect(302, location)) as receiver:
        assert failure_of(lambda: fetch_from(receiver)).reason == "blocked"


@pytest.mark.rel("O9")
def test_redirect_to_a_name_with_a_private_address_is_blocked(names: dict[str, list[str]]) -> None:
    names["inner.test"] = ["10.0.0.1"]
    with Receiver(redirect(302, "http://inner.test/")) as receiver:
        assert failure_of(lambda: fetch_from(receiver)).reason == "blocked"


@pytest.mark.rel("O9")
def test_redirect_from_https_to_http_is_blocked() -> None:
    with Receiver() as plain, Receiver(redirect(302, plain.url), tls="good") as receiver:
        assert failure_of(lambda: fetch_from(receiver)).reason == "blocked"
    assert plain.connections == 0


@pytest.mark.rel("O9")
def test_redirect_from_http_to_https_is_followed() -> None:
    with Receiver(answer(200, b"x"), tls="good") as secure, Receiver(redirect(302, secure.url)) as receiver:
        assert fetch_from(receiver) == b"x"


def test_headers_are_not_carried_to_another_host() -> None:
    with Receiver() as other, Receiver(redirect(302, other.url)) as receiver:
        request(
            "GET",
            receiver.url,
            headers={"X-Api-Key": "secret"},
            deadline_s=10,
            max_answer_bytes=100,
            policy=LOOPBACK,
            max_redirects=1,
        )
    assert receiver.requests[0].headers["x-api-key"] == "secret"
    assert "x-api-key" not in other.requests[0].headers


@pytest.mark.rel("O10", "B18")
def test_slow_headers_of_a_file_end_before_the_whole_deadline() -> None:
    with Receiver(answer(200, after_s=30)) as receiver:
        started = time.monotonic()
        failure = failure_of(
            lambda: stream_to(
                receiver.url, io.BytesIO(), headers_within_s=0.3, deadline_s=60, max_bytes=10, policy=LOOPBACK
            )
        )
    assert failure.reason == "timeout"
    assert time.monotonic() - started < LATE_S


@pytest.mark.rel("O10")
def test_limit_for_headers_does_not_end_a_body_that_takes_longer() -> None:
    def slow_body(exchange: Exchange) -> None:
        exchange.read_request()
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na")
        exchange.pause(1.5)
        exchange.send(b"b")

    spool = io.BytesIO()
    with Receiver(slow_body) as receiver:
        stream_to(receiver.url, spool, headers_within_s=1, deadline_s=30, max_bytes=10, policy=LOOPBACK)
    assert spool.getvalue() == b"ab"


@pytest.mark.rel("B18")
@pytest.mark.parametrize("status", [204, 206, 403, 404, 500])
def test_only_a_200_is_a_file(status: int) -> None:
    with Receiver(answer(status, b"")) as receiver:
        failure = failure_of(lambda: fetch_from(receiver))
    assert (failure.reason, failure.status) == ("http_error", status)


@pytest.mark.rel("O10")
def test_compressed_file_is_refused() -> None:
    with Receiver(answer(200, b"x", {"Content-Encoding": "gzip"})) as receiver:
        assert failure_of(lambda: fetch_from(receiver)).reason == "protocol"


@pytest.mark.rel("O8", "B18")
def test_endless_file_is_cut_off_at_the_limit() -> None:
    spool = io.BytesIO()
    with Receiver(receivers.endless_body()) as receiver:
        failure = failure_of(lambda: stream_to(receiver.url, spool, max_bytes=300_000, policy=LOOPBACK))
    assert failure.reason == "too_large"
    assert len(spool.getvalue()) <= 300_000


@pytest.mark.rel("F27")
def test_full_disk_is_not_taken_for_a_failure_of_the_server() -> None:
    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    with Receiver(answer(200, b"x")) as receiver, pytest.raises(OSError, match="No space") as caught:
        stream_to(receiver.url, Full(), max_bytes=10, policy=LOOPBACK)
    assert caught.value.errno == errno.ENOSPC


@pytest.mark.rel("O12", "B18")
def test_client_learns_nothing_of_the_fetched_server_or_the_network() -> None:
    with Receiver(answer(403, b"secret body", {"Server": "Inner/1.0"})) as receiver:
        refused = failure_of(lambda: fetch_from(receiver))
        blocked = failure_of(lambda: fetch_from(receiver, policy=Policy()))
    assert refused.public_message == "The URL could not be fetched."
    assert blocked.public_message == "The address of the URL is not allowed."


@pytest.mark.rel("W17")
def test_message_for_the_operator_holds_nothing_unprintable() -> None:
    error = OutboundError("protocol", "got \x00\x1b[31m" + "x" * 1000)
    assert error.message.isprintable()
    assert len(error.message) <= 300


# --- proxy ------------------------------------------------------------------------------------------------------


def tunnel(exchange: Exchange) -> None:
    """A forward proxy: grant CONNECT to the receiver named, and pass bytes both ways."""
    asked = exchange.read_request()
    host, _, port = asked.path.rpartition(":")
    with socket.create_connection(("127.0.0.1" if host == "operator.test" else host, int(port)), timeout=10) as far:
        exchange.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back = threading.Thread(target=relay, args=(far, exchange.sock))
        back.start()
        relay(exchange.sock, far)
        back.join()


def relay(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65_536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        source.close()


@pytest.mark.rel("O11", "O2")
@pytest.mark.parametrize("tls", [None, "good"])
def test_proxy_of_the_settings_is_asked_for_the_checked_address(tls: str | None, names: dict[str, list[str]]) -> None:
    names.update({"receiver.test": ["127.0.0.1"], "127.0.0.1": ["127.0.0.1"]})
    with Receiver(tunnel) as proxy, Receiver(tls=tls) as receiver:
        way = policy_for(receiver, proxy=f"http://me:pass%20word@127.0.0.1:{proxy.port}")
        got = post(receiver.url_for("receiver.test"), policy=way)
    assert got.status == 200
    (asked,) = proxy.requests
    assert (asked.method, asked.path) == ("CONNECT", f"127.0.0.1:{receiver.port}")
    assert asked.headers["proxy-authorization"] == "Basic bWU6cGFzcyB3b3Jk"
    assert receiver.requests[0].headers["host"] == f"receiver.test:{receiver.port}"
    assert "proxy-authorization" not in receiver.requests[0].headers


@pytest.mark.rel("O11", "O2")
def test_proxy_is_not_asked_for_a_private_address(names: dict[str, list[str]]) -> None:
    names["inner.test"] = ["10.0.0.1"]
    with Receiver(tunnel) as proxy:
        failure = failure_of(lambda: post("http://inner.test/", policy=Policy(proxy=proxy.url)))
    assert failure.reason == "blocked"
    assert proxy.connections == 0


@pytest.mark.rel("O11")
def test_proxy_looks_up_names_of_the_operator_itself(names: dict[str, list[str]]) -> None:
    names["127.0.0.1"] = ["127.0.0.1"]
    with Receiver(tunnel) as proxy, Receiver() as receiver:
        got = post(receiver.url_for("operator.test"), policy=Policy(proxy=proxy.url, operator_address=True))
    assert got.status == 200


@pytest.mark.rel("O11")
def test_proxy_that_says_no_is_a_failure() -> None:
    with Receiver(answer(407, b"")) as proxy, Receiver() as receiver:
        assert failure_of(lambda: post(receiver.url, policy=policy_for(receiver, proxy=proxy.url))).reason == "refused"


@pytest.mark.rel("O11", "O6")
def test_silent_proxy_ends_at_the_deadline() -> None:
    with Receiver(receivers.never_reads()) as proxy, Receiver() as receiver:
        way = policy_for(receiver, proxy=proxy.url)
        assert failure_of(lambda: post(receiver.url, policy=way, deadline_s=SOON_S)).reason == "timeout"


# --- many calls, and processes ----------------------------------------------------------------------------------


@pytest.mark.rel("O6")
def test_many_calls_at_once_end_each_at_its_own_deadline() -> None:
    took: dict[float, float] = {}

    def call(url: str, seconds: float) -> None:
        started = time.monotonic()
        failure_of(lambda: post(url, deadline_s=seconds))
        took[seconds] = time.monotonic() - started

    with Receiver(receivers.drip_headers(0.05)) as receiver:
        spans = [1.5 - number / 20 for number in range(20)]
        threads = [threading.Thread(target=call, args=(receiver.url, span)) for span in spans]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(took) == 20
    assert all(span * 0.95 <= seconds <= span + LATE_S for span, seconds in took.items())


@pytest.mark.rel("O6")
def test_no_descriptor_is_left_open(names: dict[str, list[str]]) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    if not sys.platform.startswith("linux"):
        pytest.skip("counts descriptors through /proc")
    names["receiver.test"] = ["127.0.0.1"]
    with Receiver(answer(), tls="good") as good, Receiver(tls="expired") as bad, refusing() as nowhere:
        post(good.url, policy=policy_for(good))
        before = descriptors()
        for _ in range(10):
            post(good.url_for("receiver.test"), policy=policy_for(good))
            failure_of(lambda: post(bad.url, policy=policy_for(bad)))
            failure_of(lambda: post(nowhere))
        ours_closed_at = time.monotonic() + LATE_S
        while descriptors() > before and time.monotonic() < ours_closed_at:
            time.sleep(0.05)  # the receiver's threads close their ends a moment later
        assert descriptors() <= before


@pytest.mark.rel("O6", "J5")
def test_deadlines_are_kept_in_a_forked_child() -> None:
    script = """
        import os, sys, time
        from ipaddress import ip_network
        from mediahub.lib.http import OutboundError, Policy, request
        policy = Policy(allowed_networks=(ip_network("127.0.0.0/8"),))
        def call():
            try:
                request("POST", sys.argv[1], body=b"", deadline_s=0.4, max_answer_bytes=9, policy=policy)
            except OutboundError as error:
                return 0 if error.reason == "timeout" else 3
            return 4
        first = call()
        child = os.fork()
        if child == 0:
            os._exit(call())
        sys.exit(first or os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    with Receiver(receivers.drip_headers(0.05)) as receiver:
        done = subprocess.run([sys.executable, "-c", textwrap.dedent(script), receiver.url], timeout=60, check=False)
    assert done.returncode == 0
