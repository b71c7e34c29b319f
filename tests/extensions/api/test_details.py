"""`PATCH /v1/files/{fileId}/details` (API 3.5)."""

import json

import pytest

from extensions.models import ExtensionRun, UnitEntry
from library.models import Asset
from tests.conftest import client_for
from tests.factories import AITagFactory, AssetFactory, AssetVersionFactory, TagFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def asset(new_account):
    asset = AssetFactory(account=new_account.account, description="old", custom_coordinates="1,2,3,4")
    TagFactory(asset=asset, name="old")
    AITagFactory(asset=asset, name="Chair", confidence="98.41")
    AITagFactory(asset=asset, name="Wood", confidence="84.07", source="google-auto-tagging")
    AITagFactory(asset=asset, name="Wood", confidence="80", source="aws-auto-tagging")
    return asset


@pytest.fixture
def patch(api, asset):
    def send(body, raw: str | None = None):
        data = json.dumps(body) if raw is None else raw
        return api.generic("PATCH", f"/v1/files/{asset.file_id}/details", data, content_type="application/json")

    return send


def test_tags_replace_all_tags(patch):
    assert patch({"tags": ["oak", " oak ", "table"]}).json()["tags"] == ["oak", "table"]


def test_null_removes_all_tags(patch):
    assert patch({"tags": None}).json()["tags"] is None


def test_empty_custom_metadata_counts_as_absent(patch):
    body = patch({"customMetadata": {}, "description": "new"}).json()
    assert (body["customMetadata"], body["description"]) == ({}, "new")


def test_absent_members_stay_as_they_are(patch):
    body = patch({"description": "new"}).json()
    assert (body["tags"], body["customCoordinates"], body["description"]) == (["old"], "1,2,3,4", "new")
    assert len(body["AITags"]) == 3


def test_coordinates_are_set_and_unset(patch):
    assert patch({"customCoordinates": "20,40,300,200"}).json()["customCoordinates"] == "20,40,300,200"
    assert patch({"customCoordinates": None}).json()["customCoordinates"] is None


def test_removing_a_machine_tag_removes_it_from_every_source(patch):
    assert [tag["name"] for tag in patch({"removeAITags": ["Wood"]}).json()["AITags"]] == ["Chair"]


def test_all_machine_tags_are_removed_at_once(patch, asset):
    AITagFactory(asset=asset, name="Nothing", state="rejected")
    assert patch({"removeAITags": "all"}).json()["AITags"] is None
    assert not asset.ai_tags.exists()


def test_an_update_moves_the_time_of_the_last_change(patch, api, asset):
    before = api.get(f"/v1/files/{asset.file_id}/details").json()
    after = patch({"description": "new"}).json()
    assert after["updatedAt"] > before["updatedAt"]
    assert after["url"] != before["url"]


def test_publishing_concerns_the_current_version_alone(patch, api, asset):
    newer = AssetVersionFactory(asset=asset, is_current=True)
    assert patch({"publish": {"isPublished": False}}).json()["isPublished"] is False
    assert dict(asset.versions.values_list("pk", "is_published"))[newer.pk] is False
    assert asset.versions.exclude(pk=newer.pk).get().is_published is True


def test_publishing_can_include_all_versions(patch, asset):
    AssetVersionFactory(asset=asset, is_current=True)
    patch({"publish": {"isPublished": False, "includeFileVersions": True}})
    assert set(asset.versions.values_list("is_published", flat=True)) == {False}


def test_status_is_there_only_if_extensions_were_asked_for(patch):
    assert "extensionStatus" not in patch({"tags": ["a"]}).json()
    assert "extensionStatus" not in patch({"extensions": []}).json()
    assert patch({"extensions": [{"name": "local-auto-tagging"}]}).json()["extensionStatus"] == {
        "local-auto-tagging": "pending"
    }


def test_machine_tags_are_removed_before_the_extensions_run(patch, asset):
    body = patch({"removeAITags": "all", "extensions": [{"name": "remove-bg"}], "webhookUrl": "https://x.example/h"})
    assert body.json()["AITags"] is None
    run = ExtensionRun.objects.get()
    assert (run.version_id, run.webhook_url) == (asset.current_version.version_id, "https://x.example/h")


def test_an_empty_update_changes_nothing(patch, api, asset):
    before = api.get(f"/v1/files/{asset.file_id}/details").json()
    assert patch({}).json() == before


def test_too_few_units_update_nothing(patch, new_account, asset):
    new_account.account.units_per_month = 10
    new_account.account.save()
    response = patch({"tags": ["new"], "removeAITags": "all", "extensions": [{"name": "remove-bg"}]})
    assert response.status_code == 400
    assert response.json()["message"] == "Extensions quota exceeded."
    assert [tag.name for tag in asset.tags.all()] == ["old"]
    assert asset.ai_tags.count() == 3
    assert not ExtensionRun.objects.exists()
    assert not UnitEntry.objects.filter(kind="hold").exists()


@pytest.mark.rel("B8", "B22", "W20")
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"customMetadata": {"a": 1}}, "customMetadata"),
        ({"tags": "oak"}, "tags"),
        ({"tags": [1]}, "tags"),
        ({"tags": ["50%"]}, "tags"),
        ({"tags": ["x" * 501]}, "tags"),
        ({"tags": [str(n) for n in range(10_000)]}, "tags"),
        ({"removeAITags": "some"}, "removeAITags"),
        ({"removeAITags": [None]}, "removeAITags"),
        ({"removeAITags": None}, "removeAITags"),
        ({"customCoordinates": "1,2"}, "customCoordinates"),
        ({"customCoordinates": 5}, "customCoordinates"),
        ({"description": 5}, "description"),
        ({"description": "x" * 10_001}, "description"),
        ({"publish": True}, "publish.isPublished"),
        ({"publish": {"isPublished": "yes"}}, "publish.isPublished"),
        ({"publish": {"isPublished": True, "includeFileVersions": 1}}, "publish.includeFileVersions"),
        ({"webhookUrl": 5}, "webhookUrl"),
        ({"webhookUrl": "http://10.0.0.1/"}, "webhookUrl"),
        ({"extensions": {}}, "extensions"),
        ({"extensions": [{"name": "nothing"}]}, "extensions[0].name"),
        ({"extensions": [{"name": "remove-bg"}, {"name": "remove-bg"}]}, "extensions[1].name"),
        (
            {"extensions": [{"name": "aws-auto-tagging", "min_confidence": 5, "maxTags": 5}]},
            "extensions[0].min_confidence",
        ),
    ],
)
def test_malformed_members_are_named_and_nothing_is_updated(patch, asset, body, field):
    response = patch({"description": "new", **body})
    assert response.status_code == 400
    assert response.json()["field"] == field
    asset.refresh_from_db()
    assert asset.description == "old"
    assert not ExtensionRun.objects.exists()


@pytest.mark.rel("B1", "B2", "B3", "B4", "B6", "B7", "B8")
@pytest.mark.parametrize(
    "raw",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"description": NaN}',
        '{"x": 1e400}',
        '{"x": ' + "9" * 5000 + "}",
        '{"x": 9223372036854775808}',
        '{"description": "\\ud800"}',
        '{"tags": ["a\\u0000b"]}',
        "[]",
        '"text"',
        "5",
        "null",
        "{",
        b"\xff\xfe{\x00}\x00",
        b'{"description": "\xff"}',
    ],
)
def test_json_that_is_none_of_ours_is_refused(patch, raw):
    response = patch(None, raw=raw)
    assert response.status_code == 400
    assert response.json()["message"]


@pytest.mark.rel("B7", "B9")
def test_byte_order_mark_is_accepted_and_the_last_of_repeated_members_counts(patch):
    response = patch(None, raw=b'\xef\xbb\xbf{"description": "one", "description": "two"}')
    assert response.json()["description"] == "two"


@pytest.mark.rel("B16")
def test_forms_are_refused(api, asset):
    response = api.patch(f"/v1/files/{asset.file_id}/details", {"description": "x"}, format="multipart")
    assert response.status_code == 415
    assert response.json()["help"]


@pytest.mark.rel("A4", "B26")
def test_files_of_others_cannot_be_updated(asset, stranger):
    from library.models import Account
    from library.services.accounts import create_api_key

    key = create_api_key(account=Account.objects.get(slug="elsewhere"), label="theirs")
    response = client_for(key.private_key).patch(
        f"/v1/files/{asset.file_id}/details", {"description": "mine now"}, format="json"
    )
    assert response.status_code == 404
    assert Asset.objects.get().description == "old"


def test_nothing_that_fails_after_the_commit_fails_the_answer(patch, asset, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("something unforeseen")

    monkeypatch.setattr("extensions.api.uploads.wait_for", fail)
    response = patch({"tags": ["new"], "extensions": [{"name": "remove-bg"}]})
    assert response.status_code == 200
    assert response.json()["tags"] == ["new"]
    assert response.json()["extensionStatus"] == {"remove-bg": "pending"}
