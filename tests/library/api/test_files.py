"""One file: details, deletion and versions (API 3.2, 3.5 to 3.7)."""

import re

import pytest
from django.conf import settings

from extensions.models import ExtensionRun
from library.identifiers import new_object_id
from library.models import Asset, AssetVersion
from tests.conftest import client_for
from tests.factories import AITagFactory, AssetFactory, AssetVersionFactory, FolderFactory, TagFactory
from tests.uploading import files_under, picture, upload

pytestmark = pytest.mark.django_db
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture
def asset(new_account):
    folder = FolderFactory(account=new_account.account, path="/products")
    return AssetFactory(account=new_account.account, folder=folder, name="chair.jpg")


def test_details_have_exactly_the_members_of_imagekit(api, asset):
    TagFactory(asset=asset, name="furniture")
    TagFactory(asset=asset, name="oak")
    AITagFactory(asset=asset, name="Chair", confidence="98.41", source="aws-auto-tagging")
    AITagFactory(asset=asset, name="Wood", confidence="84.07", source="google-auto-tagging", state="accepted")
    AITagFactory(asset=asset, name="Dog", state="rejected")
    body = api.get(f"/v1/files/{asset.file_id}/details").json()
    updated_at = int(asset.updated_at.timestamp() * 1000 + 0.5)
    url = f"http://127.0.0.1:8000/media/acme/products/chair.jpg?updatedAt={updated_at}"
    for name in ("createdAt", "updatedAt"):
        assert ISO.fullmatch(body.pop(name))
    assert body == {
        "fileId": asset.file_id,
        "type": "file",
        "name": "chair.jpg",
        "filePath": "/products/chair.jpg",
        "tags": ["furniture", "oak"],
        "AITags": [
            {"name": "Chair", "confidence": 98.41, "source": "aws-auto-tagging"},
            {"name": "Wood", "confidence": 84.07, "source": "google-auto-tagging"},
        ],
        "versionInfo": {"id": asset.file_id, "name": "Version 1"},
        "isPrivateFile": False,
        "isPublished": True,
        "customCoordinates": None,
        "url": url,
        "thumbnail": url + "&tr=n-ik_ml_thumbnail",
        "fileType": "image",
        "mime": "image/jpeg",
        "width": 640,
        "height": 480,
        "size": 1000,
        "hasAlpha": False,
        "customMetadata": {},
        "embeddedMetadata": {},
    }


def test_nothing_is_null_and_not_empty_where_imagekit_says_so(api, asset):
    body = api.get(f"/v1/files/{asset.file_id}/details").json()
    assert body["tags"] is None
    assert body["AITags"] is None
    assert body["customMetadata"] == {}
    assert "description" not in body


def test_names_are_percent_encoded_in_urls(api, new_account):
    folder = FolderFactory(account=new_account.account, path="/日本")
    asset = AssetFactory(account=new_account.account, folder=folder, name="é.jpg")
    body = api.get(f"/v1/files/{asset.file_id}/details").json()
    assert "/media/acme/%E6%97%A5%E6%9C%AC/%C3%A9.jpg?" in body["url"]
    assert body["filePath"] == "/日本/é.jpg"


def test_a_delivery_host_of_its_own_is_in_every_url(api, asset, settings):
    settings.MEDIAHUB_DELIVERY_URL = "https://cdn.example.test"
    body = api.get(f"/v1/files/{asset.file_id}/details").json()
    assert body["url"].startswith("https://cdn.example.test/acme/products/chair.jpg?updatedAt=")


def test_urls_of_file_and_thumbnail_lead_to_the_file(api, client):
    body = upload(api, picture(), fileName="a b.png", folder="/x").json()
    details = api.get(f"/v1/files/{body['fileId']}/details").json()
    for url in (body["url"], details["url"]):
        answer = client.get(url.replace("http://127.0.0.1:8000", ""))
        assert answer.status_code == 200
        assert answer["Content-Type"] == "image/png"


@pytest.mark.rel("A4", "B26", "B27")
@pytest.mark.parametrize(
    "file_id", ["0" * 24, "0" * 23, "0" * 25, "g" * 24, "A" * 24, "x y", "..", "%00", "%ff", "é", "0" * 24 + "%0a"]
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/v1/files/{}/details"),
        ("patch", "/v1/files/{}/details"),
        ("delete", "/v1/files/{}"),
        ("get", "/v1/files/{}/versions"),
        ("get", "/v1/files/{}/versions/" + "0" * 24),
        ("put", "/v1/files/{}/versions/" + "0" * 24 + "/restore"),
        ("delete", "/v1/files/{}/versions/" + "0" * 24),
    ],
)
def test_ids_of_nothing_are_404_with_one_body(api, method, path, file_id):
    response = getattr(api, method)(path.format(file_id))
    assert response.status_code == 404
    assert response.json()["message"] == "The requested file does not exist."


@pytest.mark.rel("A4", "B26", "S6")
def test_files_of_other_accounts_look_like_no_files(asset, stranger):
    from library.models import Account
    from library.services.accounts import create_api_key

    theirs = client_for(create_api_key(account=Account.objects.get(slug="elsewhere"), label="x").private_key)
    version = AssetVersionFactory(asset=asset)
    base = f"/v1/files/{asset.file_id}"
    unknown = theirs.get(f"/v1/files/{new_object_id()}/details").content
    for response in (
        theirs.get(f"{base}/details"),
        theirs.delete(base),
        theirs.get(f"{base}/versions"),
        theirs.get(f"{base}/versions/{version.version_id}"),
        theirs.delete(f"{base}/versions/{version.version_id}"),
        theirs.put(f"{base}/versions/{version.version_id}/restore"),
    ):
        assert response.status_code == 404
        assert response.content == unknown
    assert asset.versions.count() == 2


@pytest.mark.rel("U12")
def test_deleting_removes_rows_and_bytes_and_keeps_the_runs(api, django_capture_on_commit_callbacks):
    body = upload(api, picture(), fileName="a", useUniqueFileName="false", extensions='[{"name": "remove-bg"}]').json()
    upload(api, picture(), fileName="a", useUniqueFileName="false", tags="x")
    with django_capture_on_commit_callbacks(execute=True):
        response = api.delete(f"/v1/files/{body['fileId']}")
    assert response.status_code == 204
    assert response.content == b""
    assert not Asset.objects.exists()
    assert not AssetVersion.objects.exists()
    assert files_under(settings.STORAGES["blobs"]["OPTIONS"]["location"]) == []
    run = ExtensionRun.objects.get()
    assert (run.asset, run.file_id) == (None, body["fileId"])


def test_deleting_takes_the_empty_json_body_that_sdks_send(api, asset):
    response = api.generic("DELETE", f"/v1/files/{asset.file_id}/", b"", content_type="application/json")
    assert response.status_code == 204


class TestVersions:
    @pytest.fixture
    def second(self, asset):
        return AssetVersionFactory(asset=asset, is_current=True, width=10, height=20)

    def test_current_one_is_listed_first_then_the_newest(self, api, asset, second):
        AssetVersionFactory(asset=asset)
        body = api.get(f"/v1/files/{asset.file_id}/versions").json()
        assert [(item["type"], item["versionInfo"]["name"]) for item in body] == [
            ("file", "Version 2"),
            ("file-version", "Version 3"),
            ("file-version", "Version 1"),
        ]
        assert {item["fileId"] for item in body} == {asset.file_id}

    def test_an_older_one_has_its_id_in_its_url(self, api, asset, second):
        body = api.get(f"/v1/files/{asset.file_id}/versions/{asset.file_id}").json()
        assert re.search(rf"chair\.jpg\?ik-obj-version={asset.file_id}&updatedAt=\d{{13}}$", body["url"])
        assert body["thumbnail"] == body["url"] + "&tr=n-ik_ml_thumbnail"
        assert (body["width"], body["type"]) == (640, "file-version")

    def test_restoring_makes_it_current_and_makes_no_row(self, api, asset, second):
        response = api.put(f"/v1/files/{asset.file_id}/versions/{asset.file_id}/restore")
        assert response.status_code == 200
        assert (response.json()["type"], response.json()["versionInfo"]["name"]) == ("file", "Version 1")
        assert asset.versions.count() == 2
        details = api.get(f"/v1/files/{asset.file_id}/details").json()
        assert details == response.json()

    def test_current_one_cannot_be_deleted(self, api, asset, second):
        response = api.delete(f"/v1/files/{asset.file_id}/versions/{second.version_id}")
        assert response.status_code == 400
        assert response.json()["message"] == "You cannot delete current version of a file."
        assert asset.versions.count() == 2

    def test_an_older_one_is_deleted(self, api, asset, second):
        assert api.delete(f"/v1/files/{asset.file_id}/versions/{asset.file_id}").status_code == 204
        assert [version.pk for version in asset.versions.all()] == [second.pk]

    def test_a_version_of_another_file_is_unknown(self, api, asset, second):
        other = AssetFactory(account=asset.account)
        for method, tail in (("get", ""), ("delete", ""), ("put", "/restore")):
            url = f"/v1/files/{other.file_id}/versions/{second.version_id}{tail}"
            assert getattr(api, method)(url).status_code == 404

    def test_listing_costs_the_same_for_many(self, api, asset, django_assert_num_queries):
        for _ in range(20):
            AssetVersionFactory(asset=asset)
        with django_assert_num_queries(5):
            api.get(f"/v1/files/{asset.file_id}/versions")


@pytest.mark.rel("B16")
@pytest.mark.parametrize(
    ("method", "path"), [("post", "/v1/files"), ("put", "/v1/files/x/details"), ("get", "/v1/nothing")]
)
def test_wrong_methods_and_paths_have_the_error_body(api, method, path):
    response = getattr(api, method)(path)
    assert response.status_code in (404, 405)
    assert response.json()["message"]
    assert response.json()["help"]
