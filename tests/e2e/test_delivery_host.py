"""A host of its own for files, behind a path of its own: URLs that the official SDK signs open private files there."""

from http.client import HTTPConnection  # noqa: TID251 - a browser that finds the host on loopback
from urllib.parse import urlsplit

import pytest
from imagekitio import ImageKit

from library.services.accounts import create_account
from tests.runtime import Runtime, wait_until
from tests.uploading import picture

HOST = "http://files.example.test"


@pytest.fixture
def web(committed_db, tmp_path):
    """The web server alone."""
    runtime = Runtime(database_url=committed_db, data_dir=tmp_path / "data", MEDIAHUB_DELIVERY_URL=f"{HOST}/cdn")
    runtime.start("web", "--port", str(runtime.port))
    wait_until(runtime.answers, within_s=60, what="the web server")
    yield runtime
    runtime.stop()


def get(web: Runtime, url: str) -> tuple[int, bytes]:
    parts = urlsplit(url)
    client = HTTPConnection("127.0.0.1", web.port, timeout=30)
    client.request("GET", f"{parts.path}?{parts.query}", headers={"Host": parts.netloc})
    answer = client.getresponse()
    try:
        return answer.status, answer.read()
    finally:
        client.close()


@pytest.mark.rel("S1", "S5")
def test_signed_urls_open_private_files_on_their_own_host_and_path(web, committed_db):
    account = create_account(slug="acme")
    fields = {"fileName": "naïve-字.png", "isPrivateFile": "true", "useUniqueFileName": "false", "folder": "/in"}
    file = web.upload(picture(), private_key=account.private_key, **fields)
    sdk = ImageKit(private_key=account.private_key)

    assert file["url"].startswith(f"{HOST}/cdn/acme/in/")
    for src in (file["filePath"], file["url"]):
        url = sdk.helper.build_url(url_endpoint=f"{HOST}/cdn/acme", src=src, signed=True, expires_in=300)
        assert get(web, url) == (200, picture())
        assert get(web, url.replace("ik-t=", "ik-t=1"))[0] == 401
        assert get(web, url.replace("/cdn", ""))[0] == 404
    assert get(web, file["url"])[0] == 401
