"""What an upload stores and answers when all is well (API 2.1 to 2.3, 2.7)."""

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from extensions.models import ExtensionRun, UnitEntry
from library.models import Asset, AssetVersion, UploadReceipt
from library.storage import read_blob
from tests.factories import AITagFactory
from tests.uploading import END, UPLOAD, assert_refused, files_under, part, picture, post_raw, upload

pytestmark = pytest.mark.django_db
PHOTOS = Path(__file__).parents[2] / "files" / "photos"


def test_answer_has_exactly_the_members_of_imagekit(api):
    response = upload(api, picture((1200, 900)), fileName="chair.jpg", useUniqueFileName="false", folder="/products")
    body = response.json()
    file_id = body.pop("fileId")
    assert re.fullmatch(r"[0-9a-f]{24}", file_id)
    assert body.pop("size") > 0
    assert body == {
        "name": "chair.jpg",
        "versionInfo": {"id": file_id, "name": "Version 1"},
        "filePath": "/products/chair.jpg",
        "url": "http://127.0.0.1:8000/media/acme/products/chair.jpg",
        "fileType": "image",
        "height": 900,
        "width": 1200,
        "orientation": 1,
        "thumbnailUrl": "http://127.0.0.1:8000/media/acme/tr:n-ik_ml_thumbnail/products/chair.jpg",
        "AITags": None,
    }
    assert response.status_code == 200
    assert response["x-ik-requestId"]


def test_file_that_is_no_image_has_no_size_and_no_thumbnail(api):
    body = upload(api, b"just words", fileName="note.txt").json()
    assert body["fileType"] == "non-image"
    assert not {"width", "height", "orientation", "thumbnailUrl"} & body.keys()


def test_response_fields_add_members(api):
    body = upload(
        api,
        tags="oak, furniture",
        customCoordinates="1,2,3,4",
        isPrivateFile="true",
        isPublished="false",
        description="A chair",
        responseFields="tags,customCoordinates,isPrivateFile,isPublished,customMetadata",
    ).json()
    assert body["tags"] == ["oak", "furniture"]
    assert body["customCoordinates"] == "1,2,3,4"
    assert body["isPrivateFile"] is True
    assert body["isPublished"] is False
    assert body["customMetadata"] == {}
    assert body["description"] == "A chair"


def test_response_fields_without_a_value_are_null(api):
    body = upload(api, responseFields="tags,customCoordinates").json()
    assert body["tags"] is None
    assert body["customCoordinates"] is None


@pytest.mark.rel("U1", "U12")
def test_bytes_are_stored_under_their_own_key_with_their_hash(api):
    data = picture()
    body = upload(api, data).json()
    version = AssetVersion.objects.get(version_id=body["versionInfo"]["id"])
    assert version.sha256 == hashlib.sha256(data).hexdigest()
    assert version.blob_key.endswith(f"/{version.sha256}-{version.version_id}")
    assert read_blob(version.blob_key) == data
    assert files_under(settings.FILE_UPLOAD_TEMP_DIR) == []


@pytest.mark.rel("U12")
def test_equal_bytes_get_a_blob_each(api):
    upload(api, b"same")
    upload(api, b"same")
    assert AssetVersion.objects.values("sha256").distinct().count() == 1
    assert len(files_under(settings.STORAGES["blobs"]["OPTIONS"]["location"])) == 2


@pytest.mark.rel("U3")
def test_type_comes_from_the_content_and_not_from_the_name(api):
    file_id = upload(api, picture(fmt="PNG"), fileName="really.jpg").json()["fileId"]
    assert api.get(f"/v1/files/{file_id}/details").json()["mime"] == "image/png"
    file_id = upload(api, b"<html><script>alert(1)</script></html>", fileName="page.png").json()["fileId"]
    details = api.get(f"/v1/files/{file_id}/details").json()
    assert (details["mime"], details["fileType"]) == ("text/html", "non-image")


@pytest.mark.rel("U3")
def test_the_parts_own_content_type_is_not_believed(api):
    body = part("file", b"GIF89a", b'; filename="x.png"\r\nContent-Type: image/png') + part("fileName", b"x.png") + END
    file_id = post_raw(api, body).json()["fileId"]
    assert api.get(f"/v1/files/{file_id}/details").json()["mime"] == "image/gif"


@pytest.mark.rel("B20")
def test_image_beyond_the_limits_is_stored_without_a_size(api):
    data = (PHOTOS / "formats" / "bomb_900mp.png").read_bytes()
    body = upload(api, data, fileName="bomb.png").json()
    assert "width" not in body
    assert AssetVersion.objects.get().problem == "file_not_processable"


def test_name_gets_a_suffix_unless_told_otherwise(api):
    names = {upload(api, fileName="sofa.jpg").json()["name"] for _ in range(3)}
    assert len(names) == 3
    assert all(re.fullmatch(r"sofa_[A-Za-z0-9_-]{9}\.jpg", name) for name in names)
    assert upload(api, fileName="sofa.jpg", useUniqueFileName="false").json()["name"] == "sofa.jpg"


@pytest.mark.rel("B17")
@pytest.mark.parametrize(
    "text",
    [
        base64.b64encode(b"hello world").decode(),
        "data:text/plain;base64," + base64.b64encode(b"hello world").decode(),
        base64.encodebytes(b"hello world").decode(),
    ],
    ids=["bare", "data URI", "line breaks"],
)
def test_base64_is_decoded(api, text):
    assert upload(api, text).status_code == 200
    assert read_blob(AssetVersion.objects.get().blob_key) == b"hello world"


@pytest.mark.parametrize(
    "text",
    [
        '[{"name": "google-auto-tagging", "minConfidence": 70, "maxTags": 3}]',
        '[{"name": "google-auto-tagging", "min_confidence": 70, "max_tags": 3}]',
        json.dumps('[{"name": "google-auto-tagging", "minConfidence": 70, "maxTags": 3}]'),
    ],
    ids=["as documented", "as Python 5 sends it", "JSON in JSON"],
)
@pytest.mark.rel("B11")
def test_extensions_are_taken_in_every_spelling_of_the_clients(api, text):
    body = upload(api, picture(), extensions=text, webhookUrl="https://shop.example/hook").json()
    assert body["extensionStatus"] == {"google-auto-tagging": "pending"}
    run = ExtensionRun.objects.get()
    assert run.params == {"minConfidence": 70, "maxTags": 3}
    assert run.webhook_url == "https://shop.example/hook"
    assert UnitEntry.objects.get(kind="hold").amount == 2


@pytest.mark.rel("B11")
@pytest.mark.parametrize("text", ["[]", "", " "])
def test_empty_extensions_add_no_status(api, text):
    response = upload(api, extensions=text)
    assert response.status_code == 200
    assert "extensionStatus" not in response.json()


def test_status_names_each_extension_asked_for(api):
    blocks = [{"name": "remove-bg"}, {"name": "aws-auto-tagging", "minConfidence": 75, "maxTags": 8}]
    body = upload(api, picture(), extensions=json.dumps(blocks)).json()
    assert body["extensionStatus"] == {"remove-bg": "pending", "aws-auto-tagging": "pending"}
    assert {run.version_id for run in ExtensionRun.objects.all()} == {body["versionInfo"]["id"]}


def test_too_few_units_refuse_the_whole_upload(api, new_account):
    new_account.account.units_per_month = 10
    new_account.account.save()
    body = assert_refused(upload(api, picture(), extensions='[{"name": "remove-bg"}]'))
    assert body["message"] == "Extensions quota exceeded."


@pytest.mark.rel("J2")
def test_answer_is_the_same_with_a_dead_broker(api, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True) as published:
        response = upload(api, picture(), extensions='[{"name": "local-auto-tagging"}]')
    assert response.status_code == 200
    assert published


class TestEncodings:
    """The habits of the clients in API 2.2."""

    def test_old_python_client_with_its_odd_boundary(self, api):
        boundary = b"randomBoundary---------------------"
        body = (part("file", b"bytes", b'; filename="x"') + part("fileName", b"x.bin") + END).replace(
            b"bOuNdArY", boundary
        )
        content_type = f"multipart/form-data; boundary={boundary.decode()}"
        assert post_raw(api, body, content_type).status_code == 200

    def test_text_parts_with_a_content_type_of_their_own(self, api):
        body = (
            part("file", b"bytes", b'; filename="x"\r\nContent-Type: application/octet-stream')
            + part("fileName", b"x.bin", b"\r\nContent-Type: text/plain; charset=utf-8")
            + END
        )
        assert post_raw(api, body).status_code == 200

    def test_repeated_and_bracketed_lists(self, api):
        form = {"file": SimpleUploadedFile("x", b"x"), "fileName": "x", "tags": ["a", "b"], "tags[]": "c"}
        body = api.post(UPLOAD, {**form, "responseFields": "tags"}, format="multipart").json()
        assert body["tags"] == ["a", "b", "c"]

    def test_trailing_slash(self, api):
        form = {"file": SimpleUploadedFile("x", b"x"), "fileName": "x"}
        assert api.post(UPLOAD + "/", form, format="multipart").status_code == 200

    def test_last_of_repeated_fields_counts(self, api):
        form = {"file": SimpleUploadedFile("x", b"x"), "fileName": ["a", "b"], "useUniqueFileName": "false"}
        assert api.post(UPLOAD, form, format="multipart").json()["name"] == "b"


class TestOverwriting:
    """A second upload to the same path (API 2.7)."""

    @pytest.fixture
    def first(self, api):
        body = upload(
            api,
            b"first",
            fileName="a.bin",
            useUniqueFileName="false",
            tags="x,y",
            customCoordinates="1,2,3,4",
            description="as it was",
        ).json()
        AITagFactory(asset=Asset.objects.get(), name="Chair")
        return body

    def again(self, api, **fields):
        names = "tags,customCoordinates,isPrivateFile"
        return upload(api, b"second", fileName="a.bin", useUniqueFileName="false", responseFields=names, **fields)

    def test_it_becomes_a_new_version_of_the_same_file(self, api, first):
        body = self.again(api).json()
        assert body["fileId"] == first["fileId"]
        assert body["versionInfo"]["name"] == "Version 2"
        assert body["versionInfo"]["id"] != first["fileId"]
        assert Asset.objects.get().versions.count() == 2

    def test_details_go_unless_the_request_gives_them(self, api, first):
        body = self.again(api).json()
        assert (body["tags"], body["AITags"], body["customCoordinates"]) == (None, None, None)

    def test_switches_keep_tags_and_machine_tags(self, api, first):
        body = self.again(api, overwriteTags="false", overwriteAITags="false").json()
        assert body["tags"] == ["x", "y"]
        assert [tag["name"] for tag in body["AITags"]] == ["Chair"]

    def test_tags_of_the_request_replace_the_old_ones_whatever_the_switch_says(self, api, first):
        assert self.again(api, tags="z", overwriteTags="false").json()["tags"] == ["z"]

    def test_a_private_file_stays_private_unless_told_otherwise(self, api, first):
        assert self.again(api, isPrivateFile="true").json()["isPrivateFile"] is True
        assert self.again(api).json()["isPrivateFile"] is True
        assert self.again(api, isPrivateFile="false").json()["isPrivateFile"] is False

    def test_custom_metadata_follows_its_switch(self, api, first):
        Asset.objects.update(custom_metadata={"brand": "Acme"})
        self.again(api, overwriteCustomMetadata="false")
        assert Asset.objects.get().custom_metadata == {"brand": "Acme"}
        self.again(api)
        assert Asset.objects.get().custom_metadata == {}

    def test_without_overwriting_it_is_refused_and_the_file_stays(self, api, first):
        response = self.again(api, overwriteFile="false")
        assert response.status_code == 400
        assert response.json()["field"] == "overwriteFile"
        assert Asset.objects.get().versions.count() == 1
        assert len(files_under(settings.STORAGES["blobs"]["OPTIONS"]["location"])) == 1
        assert UploadReceipt.objects.count() == 1

    def test_the_101st_version_is_refused(self, api, first, monkeypatch):
        monkeypatch.setattr("library.services.versions.MAX_VERSIONS", 2)
        assert self.again(api).status_code == 200
        response = self.again(api)
        assert response.status_code == 400
        assert response.json()["code"] == "version_limit_exceeded"
        assert Asset.objects.get().versions.count() == 2
        assert len(files_under(settings.STORAGES["blobs"]["OPTIONS"]["location"])) == 2

    @pytest.mark.rel("B14")
    def test_both_normal_forms_of_a_name_are_one_file(self, api):
        one = upload(api, fileName="caf\u00e9.txt", useUniqueFileName="false").json()
        two = upload(api, fileName="cafe\u0301.txt", useUniqueFileName="false").json()
        assert one["fileId"] == two["fileId"]
