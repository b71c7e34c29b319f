"""@imagekit/javascript, unmodified, in a page of another origin: uploads that the page's own back end has signed."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from imagekitio import ImageKit
from playwright.sync_api import sync_playwright

from library.models import Asset
from tests.certificates import IMAGEKIT
from tests.receivers import Receiver
from tests.sdk.relay import passing
from tests.sdk.toolbox import NODE_MODULES, browser, node

pytestmark = [pytest.mark.process, pytest.mark.one_database]
HERE = Path(__file__).parent / "browser"
PHOTO = Path(__file__).parents[1] / "files" / "photos" / "coffee.jpg"
SDK = NODE_MODULES / "@imagekit" / "javascript" / "dist" / "imagekit.min.js"


class Shop:
    """Somebody's site on an origin of its own: a page, the SDK's browser build, and a back end that signs uploads."""

    def __init__(self, *, private_key: str, public_key: str) -> None:
        self.private_key, self.public_key = private_key, public_key
        self.upload_to = ""
        self.changes: dict[str, str] = {}
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body, kind = shop.answer(self.path)
                self.send_response(200 if body else 404)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://localhost:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def answer(self, path: str) -> tuple[bytes, str]:
        if path == "/auth":
            with ImageKit(private_key=self.private_key) as client:
                signed = client.helper.get_authentication_parameters()
            signed |= {"publicKey": self.public_key, "uploadTo": self.upload_to, **self.changes}
            return json.dumps(signed).encode(), "application/json"
        files = {
            "/": (HERE / "page.html", "text/html"),
            "/upload.js": (HERE / "upload.js", "text/javascript"),
            "/imagekit.js": (SDK, "text/javascript"),
        }
        file, kind = files.get(path, (None, "text/plain"))
        return (file.read_bytes() if file else b"", kind)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def shop(account):
    node()  # the SDK is among the packages of Node
    made = Shop(private_key=account.private_key, public_key=account.public_key)
    yield made
    made.close()


def send(shop, *arguments, path=PHOTO, times=1):
    """Open the page, choose the file and press the button; the answers shown, and the progress of the last one."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser(), args=["--no-sandbox", *arguments])
        try:
            page = chromium.new_page()
            page.goto(shop.url)
            page.set_input_files("#picture", path)
            answers = []
            for _ in range(times):
                page.evaluate("document.querySelector('#answer').value = ''")
                page.click("#send")
                page.wait_for_function("document.querySelector('#answer').value", timeout=30_000)
                answers.append(json.loads(page.inner_text("#answer")))
            return answers, page.evaluate("window.progress")
        finally:
            chromium.close()


def in_the_library():
    # playwright's loop runs in this thread, and Django refuses its database there.
    found = []
    thread = threading.Thread(target=lambda: found.extend(_assets()))
    thread.start()
    thread.join()
    return found


def _assets():
    from django.db import connection

    try:
        return [(asset.path, [tag.name for tag in asset.tags.all()]) for asset in Asset.objects.all()]
    finally:
        connection.close()


def test_a_page_of_another_origin_uploads_with_progress(server, shop):
    shop.upload_to = f"{server}/api/v1/files/upload"
    [answer], progress = send(shop)
    assert answer.get("status") == 200, answer
    made = answer["made"]
    assert (made["size"], made["tags"], made["fileType"]) == (PHOTO.stat().st_size, ["browser", "sdk"], "image")
    assert in_the_library() == [(made["filePath"], ["browser", "sdk"])]
    assert progress
    assert progress[-1][0] == progress[-1][1] > PHOTO.stat().st_size


def test_a_wrong_signature_is_told_to_the_page(server, shop):
    shop.upload_to = f"{server}/api/v1/files/upload"
    shop.changes = {"signature": "0" * 40}
    [answer], _ = send(shop)
    assert (answer["kind"], answer["status"]) == ("ImageKitInvalidRequestError", 400)
    assert answer["message"]
    assert in_the_library() == []


def test_a_token_works_once(server, shop):
    shop.upload_to = f"{server}/api/v1/files/upload"
    with ImageKit(private_key=shop.private_key) as client:
        shop.changes = client.helper.get_authentication_parameters(token="the same")
    [first, second], _ = send(shop, times=2)
    assert (first["status"], second["status"]) == (200, 400)
    assert len(in_the_library()) == 1


def test_a_page_that_knows_only_imagekits_address_is_led_here_by_the_resolver(server, shop, settings):
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, *IMAGEKIT]
    with Receiver(passing(server), tls="imagekit", path="") as receiver:
        [answer], _ = send(
            shop,
            f"--host-resolver-rules=MAP upload.imagekit.io:443 127.0.0.1:{receiver.port}",
            "--ignore-certificate-errors",
        )
        assert answer.get("status") == 200, answer
        assert {request.method for request in receiver.requests} == {"OPTIONS", "POST"}
    assert len(in_the_library()) == 1
