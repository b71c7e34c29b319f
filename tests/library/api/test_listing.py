"""`GET /v1/files` (API 3.3)."""

import pytest

from library.models import EmbeddedMetadata
from tests.factories import (
    AccountFactory,
    AITagFactory,
    AssetFactory,
    AssetVersionFactory,
    FolderFactory,
    TagFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(new_account):
    return new_account.account


@pytest.fixture
def names(api):
    """Names of what a query lists, in order."""

    def ask(query: str = ""):
        response = api.get(f"/v1/files?{query}")
        assert response.status_code == 200, response.content
        return [item["name"] for item in response.json()]

    return ask


def make(account, *names_, path="/", **kwargs):
    folder = FolderFactory(account=account, path=path)
    return [AssetFactory(account=account, folder=folder, name=name, **kwargs) for name in names_]


def test_a_listed_file_is_the_file_of_its_details(api, account):
    [asset] = make(account, "a.jpg")
    TagFactory(asset=asset, name="oak")
    AITagFactory(asset=asset, name="Chair")
    assert api.get("/v1/files").json() == [api.get(f"/v1/files/{asset.file_id}/details").json()]


def test_files_come_in_the_order_of_their_making(names, account):
    make(account, "c", "a", "b")
    assert names() == ["c", "a", "b"]
    assert names("sort=DESC_CREATED") == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("NAME", ["a", "b", "c"]),
        ("UPDATED", ["c", "b", "a"]),
        ("WIDTH", ["b", "c", "a"]),
        ("HEIGHT", ["b", "c", "a"]),
        ("SIZE", ["a", "c", "b"]),
        ("RELEVANCE", ["c", "a", "b"]),
        ("DURATION", ["c", "a", "b"]),
        ("ORIGINAL_CREATION_DATE", ["c", "a", "b"]),
    ],
)
def test_files_are_sorted_both_ways(names, account, sort, expected):
    c, a, b = make(account, "c", "a", "b")
    for asset, (width, size, minute) in {c: (20, 2, 1), a: (30, 1, 3), b: (10, 3, 2)}.items():
        asset.versions.update(width=width, height=width)
        asset.updated_at = asset.updated_at.replace(minute=minute)
        asset.save()
        AssetVersionFactory(asset=asset, size_bytes=size, width=width, height=width, is_current=True)
    assert names(f"sort=ASC_{sort}") == expected
    assert names(f"sort=DESC_{sort}") == expected[::-1]


@pytest.mark.parametrize("order", ["ASC", "DESC"])
def test_files_without_a_size_come_last(names, account, order):
    make(account, "none", version__width=None, version__height=None)
    make(account, "some")
    assert names(f"sort={order}_WIDTH") == ["some", "none"]


@pytest.mark.parametrize("sort", ["ASC_SIZE", "DESC_SIZE", "ASC_CREATED", "DESC_NAME", "ASC_WIDTH"])
def test_pages_of_equal_values_neither_repeat_nor_lose_a_file(names, account, sort):
    moment = make(account, "first")[0].created_at
    made = {"first", *(asset.name for asset in (make(account, f"f{n}", created_at=moment)[0] for n in range(9)))}
    pages = [names(f"sort={sort}&limit=3&skip={skip}") for skip in range(0, 12, 3)]
    assert [len(page) for page in pages] == [3, 3, 3, 1]
    assert {name for page in pages for name in page} == made


def test_a_path_lists_that_folder_alone(names, account):
    make(account, "root")
    make(account, "in", path="/a")
    make(account, "deeper", path="/a/b")
    for path in ("/a", "a", "/a/", "//a//"):
        assert names(f"path={path}") == ["in"]
    assert names("path=/") == ["root"]
    assert names("path=/nowhere") == []


def test_file_types_are_told_apart(names, account):
    make(account, "photo")
    make(account, "text", version__mime="text/plain", version__width=None, version__height=None)
    assert names("fileType=image") == ["photo"]
    assert names("fileType=non-image") == ["text"]
    assert names("fileType=all") == ["photo", "text"]


def test_tags_match_any_name_by_person_or_machine(names, account):
    a, b, c, _ = make(account, "a", "b", "c", "d")
    TagFactory(asset=a, name="oak")
    AITagFactory(asset=b, name="Chair")
    AITagFactory(asset=c, name="Chair", state="rejected")
    assert names("tags=oak") == ["a"]
    assert names("tags=Chair, oak") == ["a", "b"]
    assert names("tags=oa") == []


@pytest.mark.rel("B14")
def test_both_normal_forms_find_the_same_name_and_tag(names, account):
    [asset] = make(account, "caf\u00e9")
    TagFactory(asset=asset, name="caf\u00e9")
    assert names("name=cafe%CC%81") == names("tags=cafe%CC%81") == ["caf\u00e9"]


def test_a_name_is_matched_exactly(names, account):
    make(account, "a.jpg", "aa.jpg")
    assert names("name=a.jpg") == ["a.jpg"]


def test_folders_are_listed_and_the_root_is_not(api, account):
    folder = FolderFactory(account=account, path="/products/shoes")
    body = api.get("/v1/files?type=folder&sort=ASC_NAME").json()
    assert [item["folderPath"] for item in body] == ["/products", "/products/shoes"]
    assert body[1] == {
        "type": "folder",
        "folderId": folder.folder_id,
        "name": "shoes",
        "folderPath": "/products/shoes",
        "customMetadata": {},
        "createdAt": body[1]["createdAt"],
        "updatedAt": body[1]["updatedAt"],
    }
    assert [item["name"] for item in api.get("/v1/files?type=folder&path=/products").json()] == ["shoes"]


@pytest.mark.parametrize("query", ["type=all", "includeFolder=true"])
def test_folders_come_before_files_on_every_page(names, account, query):
    FolderFactory(account=account, path="/x")
    FolderFactory(account=account, path="/y")
    make(account, "a", "b", "c")
    assert names(query) == ["x", "y", "a", "b", "c"]
    assert [names(f"{query}&limit=2&skip={skip}") for skip in (0, 1, 2, 4, 6)] == [
        ["x", "y"],
        ["y", "a"],
        ["a", "b"],
        ["c"],
        [],
    ]


def test_older_versions_are_a_list_of_their_own(api, account):
    [asset] = make(account, "a.jpg")
    AssetVersionFactory(asset=asset, is_current=True)
    TagFactory(asset=asset, name="oak")
    AITagFactory(asset=asset, name="Chair")
    first = asset.versions.get(number=1)
    EmbeddedMetadata.objects.create(version=first, data={"Make": "Canon"})
    [item] = api.get("/v1/files?type=file-version").json()
    assert (item["type"], item["versionInfo"]["name"]) == ("file-version", "Version 1")
    assert item["embeddedMetadata"] == {"Make": "Canon"}
    assert item == api.get(f"/v1/files/{asset.file_id}/versions/{first.version_id}").json()
    [item] = api.get("/v1/files").json()
    assert (item["type"], item["versionInfo"]["name"]) == ("file", "Version 2")


def test_filters_hold_for_older_versions_too(api, account):
    for name, path in (("a", "/x"), ("b", "/y")):
        [asset] = make(account, name, path=path)
        AssetVersionFactory(asset=asset, is_current=True)
        TagFactory(asset=asset, name=f"tag-{name}")

    def found(query):
        return [item["name"] for item in api.get(f"/v1/files?type=file-version&{query}").json()]

    assert found("sort=DESC_NAME") == ["b", "a"]
    assert found("path=/x") == found("tags=tag-a") == found("name=a") == ["a"]


@pytest.mark.rel("B24")
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("skip=-1", "skip"),
        ("skip=abc", "skip"),
        ("skip=99999999999999999999", "skip"),
        ("skip=1.5", "skip"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=ten", "limit"),
        ("limit=٣", "limit"),
        ("sort=NAME", "sort"),
        ("sort=ASC_COLOUR", "sort"),
        ("sort=asc_name", "sort"),
        ("type=picture", "type"),
        ("fileType=video", "fileType"),
        ("includeFolder=yes", "includeFolder"),
    ],
)
def test_bad_parameters_are_named_with_the_value_sent(api, query, field):
    response = api.get(f"/v1/files?{query}")
    assert response.status_code == 400
    assert response.json()["field"] == field
    assert repr(query.partition("=")[2]) in response.json()["message"]


@pytest.mark.rel("B24")
def test_a_huge_skip_is_an_empty_page(names, account):
    make(account, "a")
    assert names("skip=1000000000000") == []


@pytest.mark.rel("B4")
@pytest.mark.parametrize("name", ["path", "name", "tags"])
def test_nul_in_a_parameter_is_refused(api, name):
    response = api.get(f"/v1/files?{name}=a%00b")
    assert response.status_code == 400
    assert response.json()["field"] == name


@pytest.mark.rel("S6", "A4")
@pytest.mark.parametrize("kind", ["file", "file-version", "folder", "all"])
def test_nothing_of_other_accounts_is_listed(names, account, kind):
    [asset] = make(AccountFactory(), "theirs", path="/theirs")
    AssetVersionFactory(asset=asset, is_current=True)
    assert names(f"type={kind}") == []


@pytest.mark.parametrize("kind", ["file", "file-version", "all"])
def test_many_files_cost_as_few_queries_as_one(api, account, django_assert_max_num_queries, kind):
    def fill(count):
        for n in range(count):
            [asset] = make(account, f"{kind}-{account.assets.count()}-{n}", path="/x")
            AssetVersionFactory(asset=asset, is_current=True)
            TagFactory(asset=asset)
            AITagFactory(asset=asset)

    fill(1)
    with django_assert_max_num_queries(6) as few:
        api.get(f"/v1/files?type={kind}")
    fill(12)
    with django_assert_max_num_queries(len(few)) as many:
        api.get(f"/v1/files?type={kind}")
    assert len(many) == len(few)


def test_trailing_slash(api):
    assert api.get("/v1/files/").json() == []
