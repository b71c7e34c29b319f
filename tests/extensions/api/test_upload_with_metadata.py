"""An upload that asks for `metadata` while a worker is there, as in a running system."""

import threading

import pytest
from django.db import connections

from library.renditions import claim_rendition, make_rendition
from library.services import waiting
from library.services.accounts import create_account
from mediahub.lib.clock import now
from tests.conftest import client_for
from tests.library.embedded.making import exif, image
from tests.uploading import upload


@pytest.fixture
def worker(committed_db):
    """Draws thumbnails as the queue's worker does."""
    over = threading.Event()

    def work():
        try:
            while not over.wait(0.05):
                if claim := claim_rendition(now=now()):
                    make_rendition(claim)
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    over.set()
    thread.join()


def test_the_answer_has_the_hash_that_the_route_gives(worker, monkeypatch):
    monkeypatch.setattr(waiting, "WAIT_S", 20)
    api = client_for(create_account(slug="acme").private_key)
    body = upload(api, image(exif=exif(Make="Acme")), fileName="a.jpg", responseFields="metadata").json()
    assert len(body["metadata"]["pHash"]) == 16
    assert body["metadata"]["exif"]["image"]["Make"] == "Acme"
    assert body["metadata"] == api.get(f"/v1/files/{body['fileId']}/metadata").json()
