"""Bulk deletion and bulk tags on the wire; an unknown id changes nothing (API 3.6)."""

import pytest

from library.models import AITag, Asset, Tag
from library.storage import blob_exists
from tests.factories import AITagFactory, AssetFactory, TagFactory
from tests.library.api.test_folders import assert_error
from tests.library.stored import put

DELETE = "/v1/files/batch/deleteByFileIds"
TAGGING = [
    ("addTags", {"tags": ["new"]}),
    ("removeTags", {"tags": ["old"]}),
    ("removeAITags", {"AITags": ["Car"]}),
]


@pytest.fixture
def account(new_account):
    return new_account.account


@pytest.fixture
def files(account):
    """Two files, each with a tag `old` and a machine tag `Car`."""
    made = [AssetFactory(account=account) for _ in range(2)]
    for asset in made:
        TagFactory(asset=asset, name="old")
        AITagFactory(asset=asset, name="Car")
    return made


def ids(files):
    return [asset.file_id for asset in files]


def state():
    return (
        sorted(Tag.objects.values_list("asset_id", "name")),
        sorted(AITag.objects.values_list("asset_id", "name")),
        sorted(Asset.objects.values_list("file_id", "updated_at")),
    )


@pytest.mark.parametrize("slash", ["", "/"])
def test_delete_many(api, account, slash, django_capture_on_commit_callbacks):
    one, two, other = put(account, "/1.txt"), put(account, "/2.txt"), put(account, "/3.txt")
    key = one.current_version.blob_key
    with django_capture_on_commit_callbacks(execute=True):
        answer = api.post(f"{DELETE}{slash}", {"fileIds": [two.file_id, one.file_id, two.file_id]}, format="json")

    assert answer.status_code == 200
    assert answer.json() == {"successfullyDeletedFileIds": [two.file_id, one.file_id]}
    assert list(Asset.objects.all()) == [other]
    assert not blob_exists(key)
    assert blob_exists(other.current_version.blob_key)


def test_add_tags(api, files):
    body = {"fileIds": ids(files), "tags": ["new", " old ", "new"]}
    answer = api.post("/v1/files/addTags", body, format="json")

    assert (answer.status_code, answer.json()) == (200, {"successfullyUpdatedFileIds": ids(files)})
    assert [[tag.name for tag in asset.tags.all()] for asset in files] == [["old", "new"]] * 2


def test_remove_tags(api, files):
    TagFactory(asset=files[0], name="kept")
    answer = api.post("/v1/files/removeTags/", {"fileIds": ids(files), "tags": ["old", "none"]}, format="json")

    assert (answer.status_code, answer.json()) == (200, {"successfullyUpdatedFileIds": ids(files)})
    assert list(Tag.objects.values_list("name", flat=True)) == ["kept"]


def test_remove_ai_tags_of_every_source_and_state(api, files):
    AITagFactory(asset=files[0], name="Car", source="aws-auto-tagging", state=AITag.State.REJECTED)
    AITagFactory(asset=files[0], name="Tree")
    answer = api.post("/v1/files/removeAITags", {"fileIds": ids(files), "AITags": ["Car"]}, format="json")

    assert (answer.status_code, answer.json()) == (200, {"successfullyUpdatedFileIds": ids(files)})
    assert list(AITag.objects.values_list("name", flat=True)) == ["Tree"]


@pytest.mark.parametrize(("path", "body"), [("batch/deleteByFileIds", {}), *TAGGING])
@pytest.mark.parametrize("unknown", ["0" * 24, "x", "other"])
def test_an_unknown_id_changes_nothing(api, files, path, body, unknown):
    unknown = AssetFactory().file_id if unknown == "other" else unknown
    before = state()
    answer = api.post(f"/v1/files/{path}", {"fileIds": [*ids(files), unknown], **body}, format="json")

    assert_error(answer, 404)
    assert answer.json()["missingFileIds"] == [unknown]
    assert state() == before


def test_a_file_with_too_many_characters_of_tags_is_named_in_a_207(api, files):
    TagFactory(asset=files[0], name="x" * 495)
    answer = api.post("/v1/files/addTags", {"fileIds": ids(files), "tags": ["longer"]}, format="json")

    assert answer.status_code == 207
    assert answer.json()["successfullyUpdatedFileIds"] == [files[1].file_id]
    (error,) = answer.json()["errors"]
    assert error["fileId"] == files[0].file_id
    assert "500 characters" in error["error"]
    assert not files[0].tags.filter(name="longer").exists()


@pytest.mark.parametrize(("path", "body", "most"), [("batch/deleteByFileIds", {}, 100), *((*t, 50) for t in TAGGING)])
def test_lists_of_ids_that_are_no_lists_of_ids(api, files, path, body, most):
    before = state()
    for wrong in (None, [], "x", {}, [None], [5], [[]], [""], ["0" * 24] * (most + 1)):
        assert_error(api.post(f"/v1/files/{path}", {"fileIds": wrong, **body}, format="json"), 400)
    assert_error(api.post(f"/v1/files/{path}", body, format="json"), 400)
    assert state() == before


@pytest.mark.rel("B22")
@pytest.mark.parametrize("path", ["addTags", "removeTags"])
@pytest.mark.parametrize(
    "tags",
    [
        None,
        [],
        "a",
        {},
        [1],
        [None],
        [""],
        ["  "],
        ["x" * 501],
        ["a%"],
        ["x" * 260, "y" * 260],
        [str(n) for n in range(10_000)],
    ],
)
def test_tags_that_are_refused(api, files, path, tags):
    before = state()

    assert_error(api.post(f"/v1/files/{path}", {"fileIds": ids(files), "tags": tags}, format="json"), 400)
    assert state() == before


@pytest.mark.parametrize("names", [None, [], "all", [1], ["x" * 201], ["a"] * 1001])
def test_ai_tags_that_are_refused(api, files, names):
    assert_error(api.post("/v1/files/removeAITags", {"fileIds": ids(files), "AITags": names}, format="json"), 400)
    assert AITag.objects.count() == 2


@pytest.mark.rel("B22")
def test_tags_are_kept_apart_by_case_and_html_is_only_text(api, files):
    body = {"fileIds": ids(files)[:1], "tags": ["Old", "<b>x</b>", "a,b"]}

    assert api.post("/v1/files/addTags", body, format="json").status_code == 200
    assert [tag.name for tag in files[0].tags.all()] == ["old", "Old", "<b>x</b>", "a,b"]


@pytest.mark.rel("B8")
@pytest.mark.parametrize("body", ["[]", '"x"', "5", "null", "{", "\ufeff[]"])
def test_bodies_that_are_no_objects(api, body):
    assert_error(api.post(DELETE, body.encode(), content_type="application/json"), 400)
