"""Uploads whose `file` is a URL, against servers that behave and servers that do not (REL O9, O10, O12, B18)."""

from contextlib import ExitStack
from ipaddress import ip_network

import pytest

from library.models import AssetVersion
from library.storage import read_blob
from mediahub.lib.waits import a_place_to_wait
from tests.receivers import Receiver, answer, drip_headers, endless_body, redirect, refusing
from tests.uploading import assert_refused, picture, upload

pytestmark = pytest.mark.django_db


@pytest.fixture
def loopback_allowed(settings):
    settings.MEDIAHUB_ALLOWED_PRIVATE_NETWORKS = (ip_network("127.0.0.1/32"),)


@pytest.mark.rel("O10", "U3")
def test_the_file_behind_a_url_is_stored(api, loopback_allowed):
    data = picture()
    with Receiver(answer(200, body=data)) as server:
        body = upload(api, f"{server.url}/pictures/../x.png?size=large", fileName="x.png").json()
    assert (body["width"], body["fileType"]) == (64, "image")
    assert read_blob(AssetVersion.objects.get().blob_key) == data
    assert server.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.rel("U15")
def test_a_repeat_is_not_fetched_again(api, loopback_allowed):
    with Receiver(answer(200, body=b"bytes")) as server:
        first = upload(api, server.url).json()
        again = upload(api, server.url, headers={"x-stainless-retry-count": "1"}).json()
    assert again == first
    assert len(server.requests) == 1


@pytest.mark.rel("B18", "O12")
@pytest.mark.parametrize("status", [404, 500, 204, 403])
def test_an_answer_other_than_200_is_refused_without_echoing_it(api, loopback_allowed, status):
    with Receiver(answer(status, body=b"secret of the inner server")) as server:
        body = assert_refused(upload(api, server.url), field="file")
    assert "secret" not in str(body)
    assert str(status) not in body["message"]


@pytest.mark.rel("B18")
def test_a_page_in_place_of_the_file_is_refused(api, loopback_allowed):
    page = b"<!doctype html><html><body>Please log in</body></html>"
    with Receiver(answer(200, body=page)) as server:
        assert_refused(upload(api, server.url, fileName="photo.jpg"), field="file")
        assert upload(api, server.url, fileName="page.html").status_code == 200


@pytest.mark.rel("B18", "O10")
def test_an_endless_body_is_cut_off_at_the_limit(api, loopback_allowed, settings):
    settings.MEDIAHUB_MAX_UPLOAD_BYTES = 100_000
    with Receiver(endless_body()) as server:
        body = assert_refused(upload(api, server.url), field="file")
    assert body["message"] == "The file behind the URL is too large."


@pytest.mark.rel("B18", "O10")
def test_slow_headers_are_not_waited_for(api, loopback_allowed, monkeypatch):
    monkeypatch.setattr("extensions.api.incoming.FETCH_HEADERS_S", 0.5)
    with Receiver(drip_headers()) as server:
        body = assert_refused(upload(api, server.url), field="file")
    assert body["message"] == "The server behind the URL took too long."


@pytest.mark.rel("B18", "O9")
def test_a_redirect_to_a_private_address_is_refused(api, loopback_allowed):
    with Receiver(redirect(302, "http://10.0.0.1/secret")) as server:
        body = assert_refused(upload(api, server.url), field="file")
    assert body["message"] == "The address of the URL is not allowed."


@pytest.mark.rel("B18", "O12")
def test_a_server_that_refuses_is_named_in_general_words(api, loopback_allowed):
    with refusing() as url:
        body = assert_refused(upload(api, url), field="file")
    assert body["message"] == "The URL could not be fetched."


@pytest.mark.rel("B18", "O1", "O2", "O4")
@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/x",
        "http://2130706433/x",
        "http://[::1]/x",
        "http://169.254.169.254/latest/meta-data",
        "https://user:secret@files.example/x",
        "http://",
        "http://files.example:0/x",
        "https://files.example/" + "x" * 3000,
        "http://files.example/" + "x" * 9000,
    ],
)
def test_urls_that_are_never_called_are_refused(api, url):
    assert_refused(upload(api, url), field="file")


@pytest.mark.rel("B18", "O1")
@pytest.mark.parametrize("url", ["ftp://files.example/x", "file:///etc/passwd", "javascript:alert(1)"])
def test_other_schemes_are_taken_for_base64_and_refused(api, url):
    assert_refused(upload(api, url))


@pytest.mark.rel("B19")
def test_an_empty_answer_is_refused(api, loopback_allowed):
    with Receiver(answer(200, body=b"")) as server:
        assert_refused(upload(api, server.url), field="file")


@pytest.mark.rel("J18")
def test_while_many_wait_a_quick_server_is_fetched_from_and_a_slow_one_is_not(api, loopback_allowed, settings):
    with ExitStack() as others, Receiver(answer(200, body=b"quick")) as quick, Receiver(drip_headers()) as slow:
        for _ in range(settings.MEDIAHUB_WEB_THREADS // 2):
            others.enter_context(a_place_to_wait("url"))
        refused = assert_refused(upload(api, slow.url), 503)
        assert "Try again" in refused["message"]
        assert upload(api, quick.url).status_code == 200
