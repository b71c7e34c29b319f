"""The web server behind a proxy that terminates TLS: what Django takes a request for."""

import threading
from collections.abc import Callable, Iterator
from http.client import HTTPConnection  # noqa: TID251 - a plain client for a server on loopback

import pytest
from django.core.handlers.wsgi import WSGIRequest
from waitress import wasyncore

from mediahub.lib.webserver import make_server

FORWARDED = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}


def scheme_and_address(environ, start_response):
    request = WSGIRequest(environ)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{request.scheme} {environ.get('HTTP_X_FORWARDED_FOR')}".encode()]


@pytest.fixture
def answers(tmp_path) -> Iterator[Callable[..., Callable[[dict[str, str]], str]]]:
    """Start a server with the given options; what it gives asks it with headers."""
    stopping, threads = threading.Event(), []

    def start(**options):
        server = make_server(
            scheme_and_address, host="127.0.0.1", port=0, threads=2, largest_body=1 << 20, tmp_dir=tmp_path, **options
        )

        def loop():
            while not stopping.is_set():
                wasyncore.loop(timeout=0.05, map=server._map, count=1)
            server.task_dispatcher.shutdown()
            wasyncore.close_all(server._map)

        threads.append(threading.Thread(target=loop))
        threads[-1].start()

        def ask(headers):
            client = HTTPConnection("127.0.0.1", server.effective_port, timeout=30)
            client.request("GET", "/", headers=headers)
            body = client.getresponse().read().decode()
            client.close()
            return body

        return ask

    yield start
    stopping.set()
    for thread in threads:
        thread.join(10)


@pytest.mark.rel("A7")
def test_behind_tls_every_request_is_a_secure_one(answers, settings):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    ask = answers(behind_tls=True)
    assert ask({}) == ask(FORWARDED) == "https None"


def test_without_a_proxy_nobody_can_pretend_to_be_secure(answers):
    assert answers(behind_tls=False)(FORWARDED) == "http None"


@pytest.mark.rel("B28")
def test_a_trusted_proxy_may_say_who_its_client_is_and_nothing_else(answers):
    assert answers(is_proxy=lambda peer: peer == "127.0.0.1")(FORWARDED) == "http 192.0.2.1"
    assert answers(is_proxy=lambda peer: peer == "127.0.0.2")(FORWARDED) == "http None"
