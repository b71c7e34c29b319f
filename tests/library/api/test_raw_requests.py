"""Requests as no client library would send them, to the server that `up` starts: paths and headers (REL B27, B28)."""

import json
import socket
import tempfile
from http.client import HTTPResponse  # noqa: TID251 - reads what a server on loopback answers

import pytest
from django.conf import settings

from library.models import Asset
from library.services.accounts import create_account
from mediahub.lib.webserver import make_server
from tests import factories
from tests.runtime import basic, multipart
from tests.serving import serving

UPLOAD = b"/api/v1/files/upload"


@pytest.fixture
def port(committed_db, tmp_path, monkeypatch):
    """A server with the options of the real one, in a thread that ends before its sockets do; its port."""
    from mediahub.wsgi import application

    monkeypatch.setattr(tempfile, "tempdir", tempfile.tempdir)  # the server sets it for its whole process
    server = make_server(application, host="127.0.0.1", port=0, threads=4, largest_body=1 << 20, tmp_dir=tmp_path)
    with serving(server) as port:
        yield port


@pytest.fixture
def account(committed_db):
    return create_account(slug="acme")


def ask(port: int, target: bytes, *headers: str, method: bytes = b"GET", host: str = "127.0.0.1", body: bytes = b""):
    """Send a request line and headers byte by byte as they are given; status, headers in lower case, body."""
    lines = [method + b" " + target + b" HTTP/1.1", f"Host: {host}".encode(), b"Connection: close"]
    lines += [line.encode("latin-1") for line in headers]
    lines += [b"Content-Length: %d" % len(body)] if body or method != b"GET" else []
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        line.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        answer = HTTPResponse(line)
        answer.begin()
        return answer.status, str(answer.headers).lower(), answer.read()


@pytest.mark.rel("B27")
@pytest.mark.parametrize("method", [b"GET", b"DELETE", b"PATCH", b"POST", b"PUT"])
@pytest.mark.parametrize(
    "target",
    [
        b"/v1/files/%2e%2e%2f%2e%2e%2fetc%2fpasswd/details",
        b"/v1/files/../../etc/passwd",
        b"/v1/files/..%5c..%5cdetails",
        b"/v1//files",
        b"//v1//files",
        b"/v1/files//details",
        b"/v1/files/\\details",
        b"/v1/files/%00/details",
        b"/v1/files/{id}%00/details",
        b"/v1/files/%ff%fe/details",
        b"/v1/files/{id}%2fdetails/versions",
        b"/v1/files/{id}/versions/%2e%2e",
        b"/v1/files/{id}/versions/..%2f{id}",
        b"/v1/files/{id}%0a",
        b"/api/runs/%2e%2e%2fhealth/ready",
        b"/v1/bulkJobs/%252e%252e%252f",
    ],
)
def test_paths_of_management_name_a_thing_of_the_account_or_nothing(account, port, method, target):
    asset = factories.AssetFactory(account=account.account)
    target = target.replace(b"{id}", asset.file_id.encode())
    key = f"Authorization: {basic(account.private_key)}"
    status, head, body = ask(port, target, key, "Content-Type: application/json", method=method, body=b"{}")

    assert status in (400, 404, 405)
    assert "x-ik-requestid" in head
    assert json.loads(body)["message"]
    assert b"root:" not in body
    assert Asset.objects.filter(pk=asset.pk).exists()


@pytest.mark.rel("B27")
@pytest.mark.parametrize("target", [b"/v1/files/\xff\xfe/details", b"/v1/files x", b"v1/files", b""])
def test_what_is_no_request_line_is_refused_by_the_server_itself(account, port, target):
    assert ask(port, target, f"Authorization: {basic(account.private_key)}")[0] in (400, 404)


@pytest.mark.rel("B27")
@pytest.mark.parametrize(
    "target",
    [
        b"/media/%2e%2e%2facme/a.txt",
        b"/media//acme/a.txt",
        b"/media/acme\\a.txt",
        b"/media/acme%00/a.txt",
        b"/media/%ff",
        b"/media/acme/%2e%2e%2f%2e%2e%2fkeys/encryption_key",
        b"/media/acme/tr:n-preview/..%2f..%2fkeys%2fsecret_key",
    ],
)
def test_paths_of_delivery_lead_to_files_or_nowhere(account, port, target):
    status, _, body = ask(port, target)
    assert status in (400, 404)
    assert b"root:" not in body
    assert settings.SECRET_KEY.encode() not in body


@pytest.mark.rel("B28")
def test_two_keys_in_one_request_are_none(account, port):
    other = create_account(slug="other")
    for second in (account, other):
        keys = [f"Authorization: {basic(key.private_key)}" for key in (account, second)]
        assert ask(port, b"/v1/files", *keys)[0] == 401
    key = f"Authorization: {basic(account.private_key)}"
    assert ask(port, b"/v1/files", key)[0] == 200
    assert ask(port, b"/v1/files", key, "Authorization: Bearer x")[0] == 401


@pytest.mark.rel("B28")
def test_a_header_of_64_kilobytes_is_ignored_or_refused(account, port):
    key = f"Authorization: {basic(account.private_key)}"
    assert ask(port, b"/v1/files", key, "X-Much: " + "x" * 65536)[0] == 200
    assert ask(port, b"/v1/files", "Authorization: Basic " + "QUFB" * 16384)[0] == 403
    assert ask(port, b"/v1/files", key, "Cookie: " + "a=b; " * 13000)[0] == 200
    assert ask(port, b"/media/acme/a.txt", "Range: bytes=" + "0-1," * 16384)[0] == 404
    assert (
        ask(port, UPLOAD, key, "Content-Type: multipart/form-data; boundary=" + "x" * 65536, method=b"POST")[0] == 400
    )
    assert ask(port, b"/v1/files", key, "X-Much: " + "x" * 300_000)[0] in (400, 431)
    assert ask(port, b"/v1/files", key)[0] == 200


@pytest.mark.rel("B28")
@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "a b", "", "[::1"]
)
@pytest.mark.parametrize("target", [b"/v1/files", b"/media/acme/a.txt", b"/admin/", UPLOAD, b"/"])
def test_the_host_of_another_is_refused_everywhere(account, port, host, target):
    status, head, body = ask(port, target, f"Authorization: {basic(account.private_key)}", host=host)
    assert status == 400
    assert "evil.example" not in head
    assert b"evil.example" not in body


@pytest.mark.rel("B28")
def test_links_have_our_own_address_whatever_a_stranger_says(account, port):
    forwarded = [
        "X-Forwarded-Host: evil.example",
        "X-Forwarded-Proto: https",
        "X-Forwarded-For: 10.0.0.1",
        "X-Forwarded-Port: 444",
        "X-Forwarded-Server: evil.example",
        "X-Original-URL: /v1/files/x",
        "X-Rewrite-URL: /v1/files/x",
        "Forwarded: for=10.0.0.1;host=evil.example;proto=https",
    ]
    body, content_type = multipart(b"bytes", {"fileName": "a.txt", "useUniqueFileName": "false"})
    key = f"Authorization: {basic(account.private_key)}"
    for host in ("127.0.0.1", "localhost:1234"):
        words = [key, f"Content-Type: {content_type}", *forwarded]
        status, _, made = ask(port, UPLOAD, *words, method=b"POST", body=body, host=host)
        assert status == 200
        assert json.loads(made)["url"].startswith(f"{settings.MEDIAHUB_PUBLIC_URL}/media/acme/a.txt")
        _, _, listed = ask(port, b"/v1/files", key, *forwarded, host=host)
        assert json.loads(listed)[0]["url"].startswith(f"{settings.MEDIAHUB_PUBLIC_URL}/media/")


@pytest.mark.rel("B28")
def test_a_redirect_stays_on_the_host_that_was_asked(account, port):
    status, head, _ = ask(port, b"/admin/", "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https")
    assert status == 302
    assert "location: /admin/login/" in head


@pytest.mark.rel("B28")
def test_a_stranger_cannot_say_that_the_line_is_safe(account, port):
    """Cookies marked secure on a plain line would lock everybody out; a plain origin would count as ours."""
    body, content_type = multipart(b"bytes", {})
    words = [f"Authorization: {basic(account.private_key)}", f"Content-Type: {content_type}"]
    words += ["X-Forwarded-Proto: https", "X-Forwarded-Host: evil.example", "Origin: https://evil.example"]
    assert ask(port, UPLOAD, *words, method=b"POST", body=body)[0] == 403
    assert not Asset.objects.exists()
