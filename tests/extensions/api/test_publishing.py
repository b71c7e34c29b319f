"""Drafts: a file that is not published is managed as any other and delivered to nobody (API 2.1, 3.5)."""

import pytest
from django.test import Client

from library.signing import delivery_signature
from tests.uploading import upload

pytestmark = pytest.mark.django_db
FIELDS = {"fileName": "a.txt", "useUniqueFileName": "false"}
PATH = "/media/acme/a.txt"


def publish(api, file_id: str, is_published: bool, **members):
    body = {"publish": {"isPublished": is_published, **members}}
    return api.patch(f"/v1/files/{file_id}/details", body, format="json")


def status(query: str = "") -> int:
    return Client().get(PATH + query).status_code


@pytest.fixture
def two_versions(api):
    """A file with two versions: the ids of the file and of its first version, which is the older one."""
    first = upload(api, b"one", **FIELDS).json()
    upload(api, b"two", **FIELDS)
    return first["fileId"], first["versionInfo"]["id"]


@pytest.mark.rel("S6")
def test_a_draft_is_served_to_nobody(api):
    file = upload(api, b"one", isPublished="false", **FIELDS).json()
    assert status() == 404
    assert status("?tr=n-ik_ml_thumbnail") == 404
    assert status(f"?ik-obj-version={file['versionInfo']['id']}") == 404
    assert api.get(f"/v1/files/{file['fileId']}/details").json()["isPublished"] is False


@pytest.mark.rel("S5", "S6")
def test_no_signature_opens_a_draft(api, new_account):
    file = upload(api, b"one", isPublished="false", isPrivateFile="true", **FIELDS).json()
    signed = f"?ik-s={delivery_signature(new_account.private_key, 'a.txt')}"
    assert status(signed) == 404
    publish(api, file["fileId"], True)
    assert status(signed) == 200


@pytest.mark.rel("S6")
def test_taking_back_the_current_version_leaves_older_ones_where_they_are(api, two_versions):
    file_id, old = two_versions
    body = publish(api, file_id, False).json()
    assert body["isPublished"] is False
    assert (status(), status(f"?ik-obj-version={old}")) == (404, 200)


@pytest.mark.rel("S6")
def test_all_versions_can_be_taken_back_and_published_again(api, two_versions):
    file_id, old = two_versions
    publish(api, file_id, False, includeFileVersions=True)
    assert (status(), status(f"?ik-obj-version={old}")) == (404, 404)
    assert {item["isPublished"] for item in api.get(f"/v1/files/{file_id}/versions").json()} == {False}
    publish(api, file_id, True)
    assert (status(), status(f"?ik-obj-version={old}")) == (200, 404)
    publish(api, file_id, True, includeFileVersions=True)
    assert (status(), status(f"?ik-obj-version={old}")) == (200, 200)


def test_a_version_that_is_restored_keeps_its_own_state(api, two_versions):
    file_id, old = two_versions
    publish(api, file_id, False)
    restored = api.put(f"/v1/files/{file_id}/versions/{old}/restore").json()
    assert (restored["isPublished"], status()) == (True, 200)


def test_publishing_and_other_changes_come_in_one_update(api, two_versions):
    file_id, _ = two_versions
    body = {"publish": {"isPublished": False}, "tags": ["a"], "description": "x"}
    answer = api.patch(f"/v1/files/{file_id}/details", body, format="json").json()
    assert (answer["isPublished"], answer["tags"], answer["description"]) == (False, ["a"], "x")


@pytest.mark.parametrize(
    "publish",
    [None, {}, [], "true", {"isPublished": "true"}, {"isPublished": None}, {"isPublished": 1}]
    + [{"isPublished": True, "includeFileVersions": value} for value in ("true", 1, None, [])],
    ids=str,
)
def test_what_is_no_clear_word_changes_nothing(api, two_versions, publish):
    response = api.patch(f"/v1/files/{two_versions[0]}/details", {"publish": publish, "tags": ["x"]}, format="json")
    assert response.status_code == 400
    assert response.json()["field"].startswith("publish")
    assert not api.get(f"/v1/files/{two_versions[0]}/details").json()["tags"]
    assert status() == 200


@pytest.mark.rel("A4")
def test_drafts_of_others_are_not_published(two_versions, stranger):
    from library.models import Account
    from library.services.accounts import create_api_key
    from tests.conftest import client_for

    other = client_for(create_api_key(account=Account.objects.get(slug="elsewhere"), label="x").private_key)
    assert publish(other, two_versions[0], False).status_code == 404
    assert status() == 200


def test_the_search_knows_drafts_at_once(api, two_versions):
    def found(value: str) -> int:
        return len(api.get("/v1/files", {"searchQuery": f'"published" = {value}'}).json())

    assert (found("true"), found("false")) == (1, 0)
    publish(api, two_versions[0], False)
    assert (found("true"), found("false")) == (0, 1)
    publish(api, two_versions[0], True, includeFileVersions=True)
    assert (found("true"), found("false")) == (1, 0)
