"""Requests that are broken as HTTP, against the server that `up` runs: every answer is the API's (REL B15, B28)."""

import json
import socket
import tempfile
from base64 import b64encode
from contextlib import contextmanager
from http.client import HTTPResponse  # noqa: TID251 - a plain client for a server on loopback

import pytest
from django.core.wsgi import get_wsgi_application

from library.models import Asset
from library.services.accounts import create_account
from mediahub.lib.webserver import make_server
from tests.serving import serving

PATH = "/api/v1/files/upload"
TYPE = "multipart/form-data; boundary=b"
BODY = (
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.txt"\r\n\r\ntext\r\n'
    b'--b\r\nContent-Disposition: form-data; name="fileName"\r\n\r\nx.txt\r\n--b--\r\n'
)
LARGEST = 200_000


@pytest.fixture
def server(committed_db, tmp_path, monkeypatch):
    """The port of a server as `up` runs it, with a small limit for bodies."""
    monkeypatch.setattr(tempfile, "tempdir", tempfile.tempdir)  # the server sets it for its whole process
    running = make_server(
        get_wsgi_application(), host="127.0.0.1", port=0, threads=4, largest_body=LARGEST, tmp_dir=tmp_path
    )
    with serving(running) as port:
        yield port


@pytest.fixture
def key(committed_db):
    return create_account(slug="acme").private_key


@pytest.fixture
def send(server, key):
    """Send bytes as they are after the usual headers; what it gives is status, headers and JSON of the answer."""

    def send(body=BODY, *headers, method="POST", path=PATH, content_type=TYPE):
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
        lines += ["Authorization: Basic " + b64encode(f"{key}:".encode()).decode()]
        lines += [f"Content-Type: {content_type}"] if content_type else []
        with connected(server) as line:
            line.sendall("\r\n".join([*lines, *headers, "", ""]).encode() + body)
            return read_answer(line)

    return send


@contextmanager
def connected(port):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        yield line


def read_answer(line):
    with HTTPResponse(line) as answer:
        answer.begin()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, json.loads(answer.read())


def chunked(*pieces):
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def length(number):
    return f"Content-Length: {number}"


def test_what_is_whole_is_stored(send):
    assert send(BODY, length(len(BODY)))[0] == 200


@pytest.mark.rel("B15")
def test_a_body_in_chunks_is_taken(send):
    status, _, body = send(chunked(BODY[:50], BODY[50:]), "Transfer-Encoding: chunked")
    assert (status, body["size"]) == (200, 4)


@pytest.mark.rel("B15")
@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (BODY, (), 400),
        (BODY, (length(-5),), 400),
        (BODY, (length("five"),), 400),
        (BODY, (length(len(BODY) - 20),), 400),
        (BODY, (length(len(BODY)), length(len(BODY) - 1)), 400),
        (b"nothing like chunks\r\n\r\n", ("Transfer-Encoding: chunked",), 400),
        (chunked(BODY[:-9]), ("Transfer-Encoding: chunked",), 400),
        (b"", ("Transfer-Encoding: gzip",), 501),
        (b"", (length(LARGEST + 1),), 413),
        (chunked(b"x" * 70_000, b"x" * 70_000, b"x" * 70_000), ("Transfer-Encoding: chunked",), 413),
    ],
    ids=[
        "no length",
        "negative length",
        "length in words",
        "length too small",
        "two lengths",
        "broken chunks",
        "chunks without the last boundary",
        "unknown encoding",
        "length over the limit",
        "chunks over the limit",
    ],
)
def test_bodies_of_no_usable_length_have_the_apis_error(send, body, headers, status):
    assert_error(send(body, *headers), status)
    assert not Asset.objects.exists()


@pytest.mark.rel("B15")
def test_a_client_that_stops_halfway_leaves_nothing_and_holds_up_nobody(send, server, key):
    with connected(server) as line:
        token = b64encode(f"{key}:".encode()).decode()
        head = f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic {token}\r\nContent-Type: {TYPE}\r\n"
        line.sendall(head.encode() + length(len(BODY) + 500).encode() + b"\r\n\r\n" + BODY)
        assert send(BODY, length(len(BODY)))[0] == 200
    assert Asset.objects.count() == 1


@pytest.mark.rel("B28")
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ((f"X-Long: {'x' * 300_000}",), 431),
        (("Broken header",), 400),
        (("X-A: 1\r\n folded",), 200),
        (("X\x00Y: 1",), 400),
        (("Host: elsewhere.example",), 400),
    ],
    ids=["300 kB", "no colon", "folded", "NUL in a name", "two hosts"],
)
def test_broken_headers_have_the_apis_error(send, headers, status):
    answer = send(b"", *headers, method="GET", path="/v1/files", content_type="")
    if status == 200:
        assert answer[0] == 200
    else:
        assert_error(answer, status)


@pytest.mark.parametrize(
    "start", ["GET", "GET /v1/files", "get /v1/files HTTP/1.1", "GET /v1/files HTTP/9.9", "\x16\x03\x01"]
)
def test_lines_that_begin_no_request_have_the_apis_error(server, start):
    with connected(server) as line:
        line.sendall(f"{start}\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        status, _, body = read_answer(line)
    assert status in (400, 401, 404, 405, 505)
    assert body["message"]


@pytest.mark.rel("B7", "B8")
@pytest.mark.parametrize("body", ['{"a": 1}'.encode("utf-16"), b"[]", b"\xff", b"{"])
def test_json_reaches_the_parser_as_it_was_sent(send, body):
    answer = send(body, length(len(body)), path="/v1/folder", content_type="application/json")
    assert_error(answer, 400)


@pytest.mark.rel("B15")
def test_json_beyond_its_limit_is_413(send):
    body = b'{"folderName": "' + b"x" * LARGEST + b'"}'
    assert_error(send(body, length(len(body)), path="/v1/folder", content_type="application/json"), 413)


def assert_error(answer, status):
    found, headers, body = answer
    assert found == status, body
    assert headers["content-type"].startswith("application/json")
    assert headers["x-ik-requestid"]
    assert body["message"]
    assert body["help"]
