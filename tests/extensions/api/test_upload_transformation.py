"""The `transformation` of an upload: the changed picture is the one that is stored (API 2.4)."""

import hashlib
import io
import json

import pytest
from PIL import Image

from library.models import AssetVersion
from library.storage import read_blob
from tests.photos import FORMATS, PHOTOS
from tests.uploading import assert_refused, picture, upload

pytestmark = pytest.mark.django_db
CAT = (PHOTOS / "cat.jpg").read_bytes()


def pre(text: str) -> str:
    return json.dumps({"pre": text})


def stored() -> tuple[AssetVersion, Image.Image]:
    version = AssetVersion.objects.get()
    return version, Image.open(io.BytesIO(read_blob(version.blob_key)))


def test_the_stored_original_is_the_changed_picture(api):
    body = upload(api, CAT, fileName="cat.jpg", transformation=pre("w-400,q-60")).json()
    version, image = stored()
    assert (body["width"], body["height"], body["size"]) == (400, 300, version.size_bytes)
    assert image.size == (400, 300)
    data = read_blob(version.blob_key)
    assert version.sha256 == hashlib.sha256(data).hexdigest()
    assert len(data) == version.size_bytes < len(CAT)
    details = api.get(f"/v1/files/{body['fileId']}/details").json()
    assert (details["mime"], details["width"], details["height"]) == ("image/jpeg", 400, 300)


def test_the_name_stays_and_the_type_follows_the_format(api):
    body = upload(api, CAT, fileName="cat.jpg", useUniqueFileName="false", transformation=pre("w-100,f-webp")).json()
    assert body["name"] == "cat.jpg"
    assert stored()[0].mime == "image/webp"
    assert api.get(f"/v1/files/{body['fileId']}/details").json()["mime"] == "image/webp"


def test_a_photo_that_was_taken_on_its_side_is_stored_upright_and_without_exif(api):
    data = (FORMATS / "exif_orientation_6.jpg").read_bytes()
    upload(api, data, transformation=pre("w-0.5"))
    version, image = stored()
    assert (version.width, version.height, version.orientation) == (512, 384, 1)
    assert not image.getexif()


@pytest.mark.parametrize(
    ("transformation", "names"),
    [
        (pre("ar-4-3,w-3"), "ar-4-3"),
        (pre("w-auto"), "w-auto"),
        (pre("l-text,i-hello,l-end"), "l-text"),
        (pre(""), "not empty"),
        (json.dumps({"pre": "w-3", "post": [{"type": "transformation", "value": "w-3"}]}), "transformation.post"),
        (json.dumps({"post": [{"type": "abs", "value": "sr-240", "protocol": "hls"}]}), "transformation.post"),
        ("w-300", "JSON"),
        ("[" * 100, "JSON"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(api, transformation, names):
    body = assert_refused(upload(api, CAT, transformation=transformation), field="transformation")
    assert names in body["message"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"%PDF-1.4 not a picture", "unsupported_file_type"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42 a video", "unsupported_file_type"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported_file_type"),
        ((FORMATS / "animated.gif").read_bytes(), "animated_not_supported"),
        ((FORMATS / "truncated.jpg").read_bytes(), "corrupt_image"),
        ((FORMATS / "bomb_900mp.png").read_bytes(), "file_not_processable"),
    ],
    ids=["pdf", "video", "svg", "animation", "truncated", "bomb"],
)
@pytest.mark.rel("U6", "U7")
def test_a_file_that_cannot_be_changed_is_refused_and_nothing_is_stored(api, data, code):
    assert assert_refused(upload(api, data, transformation=pre("w-10")), field="transformation")["code"] == code


@pytest.mark.parametrize("value", ["", "{}", " { } ", '{"post": []}'])
def test_an_empty_transformation_leaves_the_bytes_as_they_are(api, value):
    upload(api, CAT, transformation=value)
    assert read_blob(AssetVersion.objects.get().blob_key) == CAT


@pytest.mark.rel("U15")
def test_a_repeat_gets_the_first_ones_answer_and_another_transformation_is_another_upload(api):
    repeat = {"x-stainless-retry-count": "1"}
    first = upload(api, picture(), transformation=pre("w-10")).json()
    assert upload(api, picture(), transformation=pre("w-10"), headers=repeat).json() == first
    assert upload(api, picture(), transformation=pre("w-11"), headers=repeat).json()["width"] == 11


def test_an_overwritten_file_gets_the_changed_picture_as_its_new_version(api):
    fields = {"fileName": "a.png", "useUniqueFileName": "false"}
    upload(api, picture(), **fields)
    body = upload(api, picture(), transformation=pre("w-32"), **fields).json()
    assert (body["width"], body["versionInfo"]["name"]) == (32, "Version 2")
