"""Delivery behind the real server: what Django's test client does not show."""

import os
import socket
import time
from http.client import HTTPConnection  # noqa: TID251 - a plain client for a server on loopback
from urllib.parse import quote

import psutil
import pytest
from waitress.server import create_server

from library.services.assets import UploadFields, upload_asset
from library.services.blobs import store_file
from library.signing import delivery_signature
from mediahub.lib.clock import now
from mediahub.lib.spool import Spool
from tests.library.delivery.conftest import FORMATS
from tests.serving import serving

MIB = 1 << 20


@pytest.fixture
def server(committed_db):
    from django.core.wsgi import get_wsgi_application

    running = create_server(get_wsgi_application(), host="127.0.0.1", port=0, threads=4, map={})
    with serving(running) as port:
        yield port


@pytest.fixture
def connection(server):
    client = HTTPConnection("127.0.0.1", server, timeout=30)
    yield client
    client.close()


@pytest.fixture
def account(committed_db):
    from library.services.accounts import create_account

    return create_account(slug="acme")


def stored(account, name: str, data: bytes, **fields):
    spool = Spool(max_bytes=1 << 30)
    for start in range(0, len(data), MIB):
        spool.write(data[start : start + MIB])
    with spool.finish() as file:
        blob = store_file(path_or_file=file.path, name=name, sha256=file.sha256, size_bytes=file.size)
    names = UploadFields(file_name=name, use_unique_file_name=False, **fields)
    return upload_asset(account=account.account, blob=blob, fields=names, now=now())


@pytest.mark.rel("S8")
def test_whole_part_and_head_over_one_connection(account, connection):
    data = (FORMATS / "photo.webp").read_bytes()
    stored(account, "photo.webp", data)

    for method, headers, status, expected in (
        ("GET", {}, 200, data),
        ("HEAD", {}, 200, b""),
        ("GET", {"Range": "bytes=10-19"}, 206, data[10:20]),
        ("GET", {"Range": "bytes=-5"}, 206, data[-5:]),
        ("GET", {"Range": f"bytes={len(data)}-"}, 416, b""),
        ("GET", {"If-None-Match": "*"}, 304, b""),
        ("GET", {}, 200, data),
    ):
        connection.request(method, "/media/acme/photo.webp", headers=headers)
        response = connection.getresponse()
        assert (response.status, response.read()) == (status, expected)


@pytest.mark.rel("S8", "U1")
def test_a_large_file_is_streamed_with_flat_memory(account, connection):
    stored(account, "large.bin", os.urandom(MIB) * 60)
    process = psutil.Process()
    connection.request("GET", "/media/acme/large.bin")
    response = connection.getresponse()
    response.read(MIB)
    before, peak, received = process.memory_info().rss, 0, MIB
    while piece := response.read(MIB):
        received += len(piece)
        peak = max(peak, process.memory_info().rss)

    assert received == 60 * MIB
    assert peak - before < 20 * MIB


@pytest.mark.rel("B27")
@pytest.mark.parametrize(
    "target",
    [
        b"/media/acme/../../../../etc/passwd",
        b"/media/acme/..%2f..%2f..%2f..%2fetc%2fpasswd",
        b"/media/acme/%2e%2e/%2e%2e/etc/passwd",
        b"/media/acme//etc/passwd",
        b"//media/acme/a.txt/..",
        b"/media/acme/..\\..\\a.txt",
        b"/media/acme/a%00.txt",
        b"/media/acme/\xff\xfe.txt",
        b"/media/acme/%ff%fe.txt",
    ],
)
def test_raw_request_lines_never_lead_out_of_the_store(account, server, target):
    stored(account, "a.txt", b"x")
    with socket.create_connection(("127.0.0.1", server), timeout=30) as client:
        client.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(65536), b""))

    assert answer.split(b" ")[1] in (b"400", b"404")
    assert b"root:" not in answer


@pytest.mark.rel("S5")
def test_a_signature_over_the_url_as_sent_is_accepted(account, connection):
    stored(account, "naïve photo.txt".replace(" ", "_"), b"x", is_private=True)
    for path in (
        quote("naïve_photo.txt"),
        quote("naïve_photo.txt").lower(),
        quote("naïve_photo.txt").replace("_", "%5F"),
    ):
        signature = delivery_signature(account.private_key, path)
        connection.request("GET", f"/media/acme/{path}?ik-s={signature}")
        response = connection.getresponse()
        assert (response.status, response.read()) == (200, b"x")


@pytest.mark.rel("S8")
def test_a_client_that_leaves_in_the_middle_leaves_no_open_file(account, server):
    stored(account, "large.bin", os.urandom(MIB) * 30)
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", server), timeout=30) as client:
            client.sendall(b"GET /media/acme/large.bin HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            client.recv(65536)

    def held():
        return [file.path for file in psutil.Process().open_files() if "/media/" in file.path]

    deadline = time.monotonic() + 30
    while held() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert held() == []
