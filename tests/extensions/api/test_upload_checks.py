"""The `checks` of an upload: asked before anything is stored, and read before anything is fetched (API 2.5)."""

from ipaddress import ip_network

import pytest

from library.models import Asset
from tests.receivers import Receiver, answer
from tests.uploading import assert_refused, picture, upload

pytestmark = pytest.mark.django_db


def test_an_upload_that_meets_its_checks_is_stored(api):
    response = upload(
        api,
        picture(),
        checks='"file.size" < "3mb" AND "mediaMetadata.width" >= 64 AND "request.folder" : "incoming/"'
        " AND 'file.mime' = 'image/png' AND request.tags HAS oak AND mediaMetadata.hasAlpha = false"
        " AND file.name = 'chair.png' AND mediaMetadata.frames = 1",
        folder="incoming/2026",
        tags="oak,walnut",
        fileName="chair.png",
    )
    assert response.status_code == 200, response.content
    assert Asset.objects.count() == 1


@pytest.mark.parametrize(
    "checks",
    [
        '"file.size" < "10b"',
        '"mediaMetadata.width" >= 65',
        '"mediaMetadata.height" > 64',
        '"request.folder" : "incoming/"',
        'request.tags IN ["oak"]',
        "file.mime : video/",
        "request.isPrivateFile = true",
        "request.isPublished = false",
        "request.description EXISTS",
    ],
)
def test_one_that_does_not_is_refused_and_nothing_is_stored(api, checks):
    body = assert_refused(upload(api, picture(), checks=checks), field="checks")
    assert body["code"] == "checks_not_met"
    assert body["errors"]["position"] == 1


def test_the_type_is_that_of_the_content(api):
    assert_refused(upload(api, b"%PDF-1.4 ...", fileName="a.png", checks="file.mime : image/"), field="checks")
    assert_refused(upload(api, b"%PDF-1.4 ...", checks="mediaMetadata.width > 0"), field="checks")
    assert upload(api, b"%PDF-1.4 ...", checks="mediaMetadata.width NOT = 0").status_code == 200


def test_the_size_is_that_of_the_file_as_it_came(api):
    checks = f"file.size = {len(picture())} AND mediaMetadata.width = 64"
    assert upload(api, picture(), checks=checks, transformation='{"pre": "w-10"}').json()["width"] == 10


@pytest.mark.parametrize("checks", ["file.size <", "colour = 'red'", "file.size < 3mb)", "x" * 10_001])
def test_what_cannot_be_read_is_refused_with_its_position_before_a_file_is_fetched(api, settings, checks):
    settings.MEDIAHUB_ALLOWED_PRIVATE_NETWORKS = (ip_network("127.0.0.1/32"),)
    with Receiver(answer(200, body=b"bytes")) as server:
        body = assert_refused(upload(api, server.url, checks=checks), field="checks")
    assert body["code"] == "invalid_checks"
    assert body["errors"]["position"] >= 1
    assert f"character {body['errors']['position']}" in body["message"]
    assert server.requests == []


def test_a_fetched_file_is_checked_too(api, settings):
    settings.MEDIAHUB_ALLOWED_PRIVATE_NETWORKS = (ip_network("127.0.0.1/32"),)
    with Receiver(answer(200, body=b"x" * 100)) as server:
        assert_refused(upload(api, server.url, checks="file.size < 100"), field="checks")
    with Receiver(answer(200, body=b"x" * 100)) as server:
        assert upload(api, server.url, checks="file.size = 100").status_code == 200


def test_empty_checks_count_as_absent(api):
    assert upload(api, checks="").status_code == 200


@pytest.mark.rel("U15")
def test_checks_tell_one_upload_from_another(api):
    first = upload(api, checks="file.size > 1").json()
    other = upload(api, checks="file.size > 2", headers={"x-stainless-retry-count": "1"}).json()
    again = upload(api, checks="file.size > 1", headers={"x-stainless-retry-count": "1"}).json()
    assert other["fileId"] != first["fileId"] == again["fileId"]
