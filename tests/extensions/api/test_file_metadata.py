"""Metadata of files: what an upload brings, what the search finds of it, and the two routes (API 3.9)."""

import json
from pathlib import Path

import imagehash
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from imagekitio.types import File, FileUploadResponse, Metadata

from library.models import Asset, AssetVersion, EmbeddedKeyword, EmbeddedMetadata
from library.services import waiting
from library.services.accounts import create_account
from library.services.blobs import store_bytes
from library.services.versions import add_version
from library.storage import delete_blob
from mediahub.lib.clock import now
from tests.conftest import client_for
from tests.extensions.scenes import draw_thumbnails
from tests.library.embedded.making import bag, exif, image, iptc, jpeg_with, photoshop, xmp
from tests.uploading import picture, upload

# The server says so too, in mediahub.lib.imaging; pytest turns every warning into an error again.

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore::UserWarning:PIL")]
PHOTOS = Path(__file__).parents[2] / "files" / "photos"
FORMATS = PHOTOS / "formats"
EMBEDDED = {"responseFields": "embeddedMetadata"}


@pytest.fixture(autouse=True)
def no_long_waits(monkeypatch):
    """No worker runs in these tests, so waiting for one would only take time."""
    monkeypatch.setattr(waiting, "WAIT_S", 0.1)


def rich(date: str = "2019:10:16 19:01:03") -> bytes:
    """A JPEG with everything that is searched."""
    block = exif(place=True, date=date, Make="Acme")
    packet = b"http://ns.adobe.com/xap/1.0/\0" + xmp(bag("dc:subject", "harbour", "sea"))
    return jpeg_with((0xE1, block.tobytes()), photoshop(iptc((25, b"sea"), (25, "Küste".encode()))), (0xE1, packet))


def found(api, expression: str) -> list[str]:
    response = api.get("/v1/files", {"searchQuery": expression})
    assert response.status_code == 200, response.content
    return [item["name"] for item in response.json()]


@pytest.mark.rel("B21")
@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_upload_of_every_orientation(api, orientation):
    body = upload(api, image(exif=exif(orientation=orientation)), **EMBEDDED).json()
    assert (body["width"], body["height"]) == ((64, 48) if orientation < 5 else (48, 64))
    assert body["orientation"] == orientation
    assert set(body["embeddedMetadata"]) == {"Orientation"}


@pytest.mark.rel("B21")
def test_an_upload_brings_what_the_search_finds(api):
    upload(api, image(), fileName="plain.jpg", useUniqueFileName="false")
    body = upload(api, rich(), fileName="sea.jpg", useUniqueFileName="false", **EMBEDDED).json()
    assert body["embeddedMetadata"] == {
        "DateTimeOriginal": "2019-10-16T19:01:03.000Z",
        "GPSLatitude": -33.8569,
        "GPSLongitude": 151.20941667,
        "Keywords": ["sea", "Küste", "harbour"],
        "Make": "Acme",
    }
    assert found(api, '"embeddedMetadata.Keywords" IN ["Küste", "x"]') == ["sea.jpg"]
    assert found(api, '"embeddedMetadata.Keywords" NOT EXISTS') == ["plain.jpg"]
    assert found(api, '"embeddedMetadata.LocationTaken" = "-33.86,151.21 2km"') == ["sea.jpg"]
    assert found(api, '"embeddedMetadata.LocationTaken" = "33.86,151.21 2km"') == []
    assert found(api, '"embeddedMetadata.DateTimeOriginal" < "2020-01-01"') == ["sea.jpg"]


def test_files_sort_by_when_they_were_taken(api):
    for name, date in (
        ("b.jpg", "2001:01:01 00:00:00"),
        ("a.jpg", "2010:01:01 00:00:00"),
        ("c.jpg", "1999:01:01 00:00:00"),
    ):
        upload(api, rich(date), fileName=name, useUniqueFileName="false")
    listed = api.get("/v1/files", {"sort": "ASC_ORIGINAL_CREATION_DATE"}).json()
    assert [item["name"] for item in listed] == ["c.jpg", "b.jpg", "a.jpg"]


@pytest.mark.rel("B21", "U7")
@pytest.mark.parametrize(
    "data",
    [
        jpeg_with((0xE1, b"Exif\0\0MM\0*\xff\xff\xff\xff")),
        jpeg_with((0xE1, b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xff" * 200)),
        jpeg_with((0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta")),
        jpeg_with((0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\xff\xff\xff\xff\x1c")),
        jpeg_with(
            (0xE1, exif(ImageDescription="a\0b\ud800".encode("utf-8", "surrogatepass").decode("latin-1")).tobytes())
        ),
    ],
    ids=["offset", "entries", "xmp", "iptc", "characters"],
)
def test_corrupt_metadata_never_fails_an_upload(api, data):
    response = upload(api, data, **EMBEDDED)
    assert response.status_code == 200
    assert "\\u0000" not in json.dumps(response.json())
    assert response.json()["width"] == 64


@pytest.mark.rel("B21", "U5")
def test_a_megabyte_of_exif_is_stored_and_said_to_be_too_much(api):
    segments = [(0xE1, b"Exif\0\0" + b"II*\0" + b"x" * 65_000)] * 17
    response = upload(api, jpeg_with(*segments), **EMBEDDED)
    assert response.status_code == 200
    assert response.json()["embeddedMetadata"] == {}
    assert AssetVersion.objects.get().problem == "file_not_processable"


@pytest.mark.rel("B21")
def test_metadata_just_below_a_megabyte_is_read(api):
    packet = b"http://ns.adobe.com/xap/1.0/\0" + xmp(bag("dc:subject", "sea"))
    segments = [(0xE1, packet), *[(0xE1, b"Exif\0\0" + b"x" * 60_000)] * 15]
    body = upload(api, jpeg_with(*segments), **EMBEDDED).json()
    assert body["embeddedMetadata"]["Keywords"] == ["sea"]


def test_an_upload_without_metadata_costs_no_statement(api):
    def statements(data: bytes) -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            assert upload(api, data).status_code == 200
        return [query["sql"] for query in queries if "embedded" in query["sql"]]

    assert statements(picture(fmt="JPEG")) == []
    assert not EmbeddedMetadata.objects.exists()
    assert len(statements(rich())) == 2


@pytest.mark.rel("U8")
def test_without_the_place_if_the_setting_takes_it(api, settings):
    settings.MEDIAHUB_STRIP_GPS = True
    for data in (rich(), (FORMATS / "exif_gps.jpg").read_bytes()):
        body = upload(api, data, **EMBEDDED).json()
        assert body["embeddedMetadata"]["Make"]
        assert not [name for name in body["embeddedMetadata"] if name.startswith("GPS")]
        draw_thumbnails()
    assert not EmbeddedMetadata.objects.exclude(latitude=None).exists()


@pytest.mark.rel("U8")
def test_a_version_that_an_extension_makes_says_nothing(api):
    body = upload(api, rich()).json()
    asset = Asset.objects.get(file_id=body["fileId"])
    blob = store_bytes(data=image("PNG", exif=exif(Make="Acme")), name="x.png")
    add_version(asset=asset, blob=blob, origin=AssetVersion.Origin.EXTENSION, is_published=True, now=now())
    details = api.get(f"/v1/files/{asset.file_id}/details").json()
    assert details["embeddedMetadata"] == {}
    assert "Make" in api.get(f"/v1/files/{asset.file_id}/versions/{asset.file_id}").json()["embeddedMetadata"]
    assert found(api, '"embeddedMetadata.Keywords" EXISTS') == []


def test_details_lists_and_versions_show_it_in_as_many_statements_as_before(api):
    body = upload(api, rich()).json()
    url = f"/v1/files/{body['fileId']}"
    assert api.get(f"{url}/details").json()["embeddedMetadata"]["Make"] == "Acme"
    assert api.get(f"{url}/versions").json()[0]["embeddedMetadata"]["Make"] == "Acme"
    with CaptureQueriesContext(connection) as one:
        assert api.get("/v1/files").json()[0]["embeddedMetadata"]["Make"] == "Acme"
    for _ in range(3):
        upload(api, rich())
    with CaptureQueriesContext(connection) as many:
        assert len(api.get("/v1/files").json()) == 4
    assert len(one) == len(many)


def test_an_overwritten_file_says_what_its_new_bytes_say(api):
    for data in (rich(), image()):
        upload(api, data, fileName="a.jpg", useUniqueFileName="false")
    assert found(api, '"embeddedMetadata.Keywords" EXISTS') == []
    restored = Asset.objects.get().versions.get(number=1)
    url = f"/v1/files/{Asset.objects.get().file_id}/versions/{restored.version_id}/restore"
    assert "Make" in api.put(url).json()["embeddedMetadata"]
    assert found(api, '"embeddedMetadata.Keywords" EXISTS') == ["a.jpg"]


def test_a_copy_says_what_its_original_says(api):
    upload(api, rich(), fileName="a.jpg", useUniqueFileName="false")
    response = api.post("/v1/files/copy", {"sourceFilePath": "/a.jpg", "destinationPath": "/b"}, format="json")
    assert response.status_code == 204
    assert found(api, '"embeddedMetadata.Keywords" IN ["sea"]') == ["a.jpg", "a.jpg"]
    assert EmbeddedKeyword.objects.count() == 6


def test_a_file_moved_onto_another_takes_it_along(api):
    upload(api, rich(), fileName="a.jpg", useUniqueFileName="false")
    upload(api, image(), fileName="a.jpg", folder="/b", useUniqueFileName="false")
    response = api.post("/v1/files/move", {"sourceFilePath": "/a.jpg", "destinationPath": "/b"}, format="json")
    assert response.status_code == 204
    assert found(api, '"embeddedMetadata.Keywords" IN ["sea"]') == ["a.jpg"]
    assert EmbeddedMetadata.objects.count() == 1
    assert Asset.objects.get().original_at.year == 2019


# The two routes.


def test_metadata_of_a_picture(api):
    data = (PHOTOS / "cat.jpg").read_bytes()
    made = upload(api, data, fileName="cat.jpg").json()
    assert api.get(f"/v1/files/{made['fileId']}/metadata").status_code == 503
    draw_thumbnails()
    body = api.get(f"/v1/files/{made['fileId']}/metadata").json()
    assert (body["width"], body["height"], body["size"]) == (made["width"], made["height"], len(data))
    assert (body["format"], body["hasTransparency"]) == ("jpg", False)
    assert set(body) == {
        *("height", "width", "size", "format", "hasColorProfile", "quality", "density", "hasTransparency", "pHash"),
        "exif",
    }
    assert len(body["pHash"]) == 16
    assert imagehash.hex_to_hash(body["pHash"]) - imagehash.phash(imagehash.Image.open(PHOTOS / "cat.jpg")) <= 2


def test_metadata_while_no_worker_has_made_the_thumbnail_is_503(api):
    made = upload(api, image()).json()
    response = api.get(f"/v1/files/{made['fileId']}/metadata")
    assert response.status_code == 503
    assert response["Retry-After"] == "2"


@pytest.mark.rel("U15")
def test_an_upload_is_answered_without_the_hash_if_no_worker_comes(api):
    response = upload(api, rich(), responseFields="metadata")
    assert response.status_code == 200
    assert response.json()["metadata"]["width"] == 64
    assert "pHash" not in response.json()["metadata"]


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("photo.webp", "webp"),
        ("photo.heic", "heic"),
        ("photo.avif", "avif"),
        ("photo.tiff", "tiff"),
        ("photo.bmp", "bmp"),
        ("animated.gif", "gif"),
        ("transparent.png", "png"),
        ("display_p3.jpg", "jpg"),
        ("exif_orientation_6.jpg", "jpg"),
    ],
)
def test_metadata_of_every_format(api, name, format):
    made = upload(api, (FORMATS / name).read_bytes(), fileName=name).json()
    api.get(f"/v1/files/{made['fileId']}/metadata")
    draw_thumbnails()
    body = api.get(f"/v1/files/{made['fileId']}/metadata").json()
    assert (body["format"], body["width"], body["height"]) == (format, made["width"], made["height"])
    assert body["hasTransparency"] is (name == "transparent.png")
    assert body["hasColorProfile"] is (name == "display_p3.jpg")
    assert int(body["pHash"], 16) >= 0


@pytest.mark.parametrize(
    ("data", "name", "format"),
    [
        (b"plain words", "a.txt", "txt"),
        (b"%PDF-1.7 x", "a.bin", "pdf"),
        (b"<svg/>", "a.svg", "svg"),
        (b"\1\2\3", "a.x", "x"),
    ],
)
def test_a_file_that_is_no_picture_has_its_format_and_size(api, data, name, format):
    made = upload(api, data, fileName=name).json()
    response = api.get(f"/v1/files/{made['fileId']}/metadata")
    assert (response.status_code, response.json()) == (200, {"size": len(data), "format": format})


@pytest.mark.parametrize("name", ["exif_gps.jpg", "display_p3.jpg", "photo.tiff"])
def test_every_member_has_the_type_that_the_sdk_declares(api, name):
    made = upload(api, (FORMATS / name).read_bytes(), responseFields="metadata,embeddedMetadata").json()
    api.get(f"/v1/files/{made['fileId']}/metadata")
    draw_thumbnails()
    Metadata.model_validate(api.get(f"/v1/files/{made['fileId']}/metadata").json())
    FileUploadResponse.model_validate(made)
    File.model_validate(api.get(f"/v1/files/{made['fileId']}/details").json())


@pytest.mark.rel("U6")
def test_a_picture_beyond_the_limits_has_its_format_and_size(api):
    data = (FORMATS / "bomb_144mp.png").read_bytes()
    made = upload(api, data).json()
    assert api.get(f"/v1/files/{made['fileId']}/metadata").json() == {"size": len(data), "format": "png"}


@pytest.mark.rel("U7")
def test_a_corrupt_picture_is_400(api):
    made = upload(api, (FORMATS / "truncated.jpg").read_bytes()).json()
    api.get(f"/v1/files/{made['fileId']}/metadata")
    draw_thumbnails()
    response = api.get(f"/v1/files/{made['fileId']}/metadata")
    assert (response.status_code, response.json()["code"]) == (400, "corrupt_file")
    broken = upload(api, b"\xff\xd8\xff\xe0" + b"\0" * 60).json()
    assert api.get(f"/v1/files/{broken['fileId']}/metadata").status_code == 400


def test_a_file_whose_bytes_are_gone_is_404(api):
    made = upload(api, image()).json()
    api.get(f"/v1/files/{made['fileId']}/metadata")
    draw_thumbnails()
    delete_blob(AssetVersion.objects.get().blob_key)
    assert api.get(f"/v1/files/{made['fileId']}/metadata").status_code == 404


def test_metadata_by_every_form_of_the_url(api):
    fields = {"folder": "/a b/ü", "useUniqueFileName": "false", "isPrivateFile": "true"}
    made = upload(api, b"one", fileName="x.txt", **fields).json()
    upload(api, b"second", fileName="x.txt", **fields)
    details = api.get(f"/v1/files/{made['fileId']}/details").json()
    url = made["url"]
    host = url.split("/")[2]
    assert "%C3%BC" in url
    for form in (
        url,
        details["url"],
        f"{url}?ik-t=9&ik-s=abc",
        f"{url}?tr=n-ik_ml_thumbnail,w-300",
        url.replace("/media/acme/", "/media/acme/tr:w-300/"),
        url.replace("%C3%BC", "u%CC%88"),
        url.replace(f"http://{host}", f"HTTP://{host.upper()}"),
    ):
        response = api.get("/v1/metadata", {"url": form})
        assert (response.status_code, response.json().get("size")) == (200, 6), form
    old = api.get("/v1/metadata", {"url": f"{url}?ik-obj-version={made['fileId']}&updatedAt=1"})
    assert old.json()["size"] == 3


def test_metadata_by_url_where_delivery_has_a_host_of_its_own(api, settings):
    settings.MEDIAHUB_DELIVERY_URL = "https://cdn.example.test/files"
    made = upload(api, b"one", fileName="x.txt", useUniqueFileName="false").json()
    assert made["url"] == "https://cdn.example.test/files/acme/x.txt"
    for url in (
        made["url"],
        "https://cdn.example.test:443/files/acme/x.txt",
        settings.MEDIAHUB_PUBLIC_URL + "/media/acme/x.txt",
    ):
        assert api.get("/v1/metadata", {"url": url}).json()["size"] == 3


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "x",
        "/media/acme/x.txt",
        "https://other.example/cat.jpg",
        "http://127.0.0.1:8000/media/other/x.txt",
        "http://127.0.0.1:8000/media/acme",
        "http://127.0.0.1:8000@evil.test/media/acme/x.txt",
        "http://[::1/media/acme/x.txt",
        "http://127.0.0.1:port/media/acme/x.txt",
        "http://127.0.0.1:8000/media/acme/x y.txt",
        "file:///etc/passwd",
        "http://127.0.0.1:8000/media/acme/" + "x" * 9000,
        "http://127.0.0.1:8000/media/acme/x.txt?" + "a=1&" * 200,
    ],
)
def test_a_foreign_or_malformed_url_is_400(api, url):
    response = api.get("/v1/metadata", {} if url is None else {"url": url})
    assert (response.status_code, response.json()["field"]) == (400, "url")


@pytest.mark.rel("B27")
@pytest.mark.parametrize(
    "path", ["gone.txt", "", "a//b", "../x", "%2e%2e/x", "%00", "%ff", "x.txt%5c", "tr:w-1", "é" * 900]
)
def test_a_file_that_is_not_there_is_404(api, path):
    upload(api, b"one", fileName="x.txt", useUniqueFileName="false")
    response = api.get("/v1/metadata", {"url": "http://127.0.0.1:8000/media/acme/" + path})
    assert response.status_code == 404


@pytest.mark.rel("A4")
def test_another_accounts_file_is_as_unknown_as_any(api):
    made = upload(api, b"one", fileName="x.txt", useUniqueFileName="false").json()
    other = client_for(create_account(slug="other").private_key)
    assert other.get(f"/v1/files/{made['fileId']}/metadata").status_code == 404
    assert other.get("/v1/metadata", {"url": made["url"]}).status_code == 400


def test_a_draft_is_seen_by_its_account(api):
    made = upload(api, b"one", fileName="x.txt", isPublished="false").json()
    assert api.get("/v1/metadata", {"url": made["url"]}).json()["size"] == 3
