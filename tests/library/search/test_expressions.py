"""Every field and operator of API 3.4 over a small library, by the API."""

import pytest
from django.db import connection

from mediahub.lib import clock
from tests.factories import AccountFactory, AssetFactory, CustomMetadataFieldFactory, FolderFactory
from tests.library.search.library import at, make_library

pytestmark = pytest.mark.django_db

ALL = "armada chair elan table text"
FOUND = {
    # names: letter by letter
    'name = "table.png"': "table",
    'name = "Table.png"': "",
    'name : "ta"': "table",
    'name : "TA"': "",
    'name : "É"': "elan",
    'name IN ["table.png", "Élan.webp", "none"]': "elan table",
    'name NOT = "table.png"': "armada chair elan text",
    'name NOT IN ["table.png", "Élan.webp"]': "armada chair text",
    # wildcards are letters like any other
    'name : "%"': "",
    'name : "100%"': "text",
    'name : "100_"': "",
    'name : "_able"': "",
    'name HAS "%"': "",
    # words: whole ones, the last one may go on
    'name HAS "arm chair"': "chair",
    'name HAS "chair arm"': "armada chair",
    'name HAS "CHAIR"': "armada chair",
    'name HAS "oak, arm!"': "chair",
    'name HAS "air"': "",
    'name HAS "élan"': "elan",
    'name HAS "ÉLAN WEB"': "elan",
    'name HAS "jpg"': "chair",
    # tags of people and of machines, not the rejected ones
    'tags IN ["oak"]': "chair table",
    'tags IN ["Chair", "Wool Carpet"]': "chair text",
    'tags IN ["OAK"]': "",
    'tags IN ["Ship"]': "",
    'tags IN ["%"]': "",
    'tags NOT IN ["oak", "Ship"]': "armada elan text",
    'tags HAS "room"': "armada chair",
    'tags HAS "room din"': "chair",
    'tags HAS "din room"': "",
    'tags HAS "carpet wool"': "text",
    'tags HAS "100"': "table",
    'tags HAS "ship"': "",
    "tags EXISTS": "armada chair table text",
    "tags NOT EXISTS": "elan",
    '"tags" IN ["oak"]': "chair table",
    # dates: a day is a whole day
    'createdAt = "2024-03-12"': "armada chair",
    'createdAt > "2024-03-12"': "elan table",
    'createdAt >= "2024-03-12"': "armada chair elan table",
    'createdAt < "2024-03-12"': "text",
    'createdAt <= "2024-03-12"': "armada chair text",
    'createdAt = "2024-03-12T23:59:59.999Z"': "armada",
    'createdAt = "2024-03-12T11:00:00+01:00"': "chair",
    'createdAt = "2024-03-12T10:00"': "chair",
    'createdAt IN ["2024-03-12", "2023-01-01"]': "armada chair text",
    'createdAt NOT = "2024-03-12"': "elan table text",
    'createdAt NOT IN ["2024-03-12", "2023-01-01"]': "elan table",
    "createdAt < 2024-01-01": "text",
    'updatedAt >= "2024-04-01"': "elan",
    # ages before 2024-04-02
    'createdAt > "2d"': "elan",
    "createdAt > 2d": "elan",
    'createdAt < "1m"': "text",
    'createdAt > "3w"': "armada chair elan table",
    'createdAt >= "481h"': "armada elan table",
    'createdAt < "1y"': "text",
    'createdAt = "1d"': "elan",
    # sides and size
    "width = 1600": "chair",
    "width > 20": "chair table",
    "width >= 20": "chair elan table",
    "width < 1600": "elan table",
    "width <= 20.5": "elan",
    "width = 20.5": "",
    "width < 0": "",
    "width >= -5": "chair elan table",
    "width > 99999999999999999999": "",
    "width < 99999999999999999999": "chair elan table",
    "width IN [20, 1600]": "chair elan",
    "width NOT = 20": "armada chair table text",
    "height NOT IN [480]": "armada text",
    "size = 2048": "chair",
    'size = "2kb"': "chair",
    'size >= "10kb"': "table",
    "size >= 10kb": "table",
    "size = 0": "text",
    'size < "1.5kb"': "armada elan text",
    'size IN ["2kb", 5]': "chair elan",
    # kinds of content
    'format = "jpg"': "chair",
    'format IN ["png", "webp", "pdf"]': "elan table",
    'format = "svg"': "armada",
    'format = "txt"': "text",
    "private = true": "armada",
    "private = false": "chair elan table text",
    "published = false": "elan",
    "published = true": "armada chair table text",
    "transparency = true": "table",
    'createdBy = "ana@example.test"': "",
    'createdBy NOT = "ana@example.test"': ALL,
    # paths
    'path = "/catalogue"': "table",
    'path = "catalogue/"': "table",
    'path = "/"': "armada",
    'path : "/catalogue/"': "chair table",
    'path : "/"': ALL,
    'path : "/cata"': "",
    'path : "/c%"': "",
    'path IN ["/catalogue", "/Catalogue", "/none"]': "elan table",
    'path NOT = "/catalogue"': "armada chair elan text",
    'path NOT IN ["/catalogue", "/none"]': "armada chair elan text",
    # custom metadata, by the value given
    '"customMetadata.brand" = "Acme"': "table",
    '"customMetadata.brand" : "ac"': "armada",
    '"customMetadata.brand" IN ["Acme", "acme"]': "armada table",
    '"customMetadata.brand" NOT = "Acme"': "armada chair elan text",
    '"customMetadata.brand" HAS "AC"': "armada table",
    '"customMetadata.brand" EXISTS': "armada table",
    '"customMetadata.brand" NOT EXISTS': "chair elan text",
    '"customMetadata.brand" = "%"': "",
    '"customMetadata.seat height" < 450': "armada",
    '"customMetadata.seat height" >= 300.0': "armada table",
    '"customMetadata.seat height" = "450"': "",
    '"customMetadata.sold" = true': "table",
    '"customMetadata.sold" = 1': "",
    '"customMetadata.sold" < true': "armada",
    '"customMetadata.sold" >= false': "armada table",
    '"customMetadata.seat height" = 99999999999999999999': "",
    '"customMetadata.seat height" IN [450, 99999999999999999999]': "table",
    '"customMetadata.seat height" > -99999999999999999999': "armada table",
    '"customMetadata.seat height" HAS "450"': "",
    '"customMetadata.street" HAS "STRASSE"': "elan",
    '"customMetadata.street" HAS "große straß"': "elan",
    '"customMetadata.street" HAS "straß große"': "",
    '"customMetadata.rooms" HAS "HALL ba"': "armada",
    '"customMetadata.rooms" IN ["bath", "attic"]': "armada",
    '"customMetadata.rooms" NOT IN ["bath"]': "chair elan table text",
    # what the bytes say
    '"embeddedMetadata.Keywords" IN ["sea"]': "chair table",
    '"embeddedMetadata.Keywords" NOT IN ["Sand"]': "armada chair elan text",
    '"embeddedMetadata.Keywords" EXISTS': "chair table",
    '"embeddedMetadata.DateTimeOriginal" < "2020-01-01"': "table",
    '"embeddedMetadata.DateTimeOriginal" = "2021-01-01"': "chair",
    '"embeddedMetadata.LocationTaken" = "48.2,16.37 5km"': "table",
    '"embeddedMetadata.LocationTaken" = "48.3,16.37 5km"': "",
    '"embeddedMetadata.LocationTaken" = "89.9,0 5km"': "",
    '"embeddedMetadata.LocationTaken" = "48,16|49,17"': "table",
    '"embeddedMetadata.LocationTaken" = "48,16|48,17|49,17|49,16"': "table",
    '"embeddedMetadata.LocationTaken" = "48.3,16|48.4,17|49,17|49,16"': "",
    # joined: AND binds tighter
    'name = "table.png" OR tags IN ["oak"] AND private = false': "chair table",
    '(name = "table.png" OR tags IN ["oak"]) AND width > 1000': "chair",
    '(tags IN ["oak", "walnut"] OR name HAS "arm chair") AND format IN ["png", "webp"]': "table",
    'tags IN ["room_2"] OR name HAS "wool" OR name HAS "elan"': "armada text",
    'type = "file" AND width >= 1600': "chair",
    'type NOT = "folder" AND type NOT IN ["file-version"] AND size > 9000': "table",
    'createdBy = "x" OR size > 9000': "table",
    'createdBy NOT = "x" AND size > 9000': "table",
    "private=true and published=true": "armada",
}


@pytest.fixture
def find(api):
    def ask(expression, **parameters):
        response = api.get("/v1/files", {"searchQuery": expression, **parameters})
        assert response.status_code == 200, response.content
        return response.json()

    return ask


@pytest.fixture
def made(new_account):
    clock.shift((at("2024-04-02T00:00:00") - clock.now()).total_seconds())
    assets = make_library(new_account.account)
    return {asset.file_id: name for name, asset in assets.items()}


@pytest.mark.parametrize("common", [10_000, 0], ids=["rare", "common"])
def test_each_expression_finds_its_files(find, made, monkeypatch, common):
    """Whether a set is thought rare or common decides how the database is asked, and never what it answers."""
    for limit in ("RARE", "COMMON", "COMMON_BESIDE_OTHERS"):
        monkeypatch.setattr(f"library.search.sets.{limit}", common)
    found = {text: " ".join(sorted(made[item["fileId"]] for item in find(text))) for text in FOUND}
    assert found == FOUND


def test_an_id_finds_its_file_and_folder(find, made, new_account):
    file_id = next(iter(made))
    folder = FolderFactory(account=new_account.account, path="/x")
    assert [item["fileId"] for item in find(f'id = "{file_id}"')] == [file_id]
    assert len(find(f'id IN ["{file_id}", "nonsense"]')) == 1
    assert len(find(f'id NOT = "{file_id}"')) == len(made) - 1
    assert [item["folderId"] for item in find(f'id = "{folder.folder_id}" AND type = "folder"')] == [folder.folder_id]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('type = "folder"', "/Catalogue /catalogue /catalogue/chairs /catalogue2"),
        ('type = "folder" AND path : "/catalogue"', "/catalogue/chairs"),
        ('type = "folder" AND path = "/"', "/Catalogue /catalogue /catalogue2"),
        ('type = "folder" AND name : "cat"', "/catalogue /catalogue2"),
        ('type = "folder" AND name HAS "CATALOGUE"', "/Catalogue /catalogue /catalogue2"),
        ('type = "folder" AND name HAS "%"', ""),
        ('type = "folder" AND width > 1', ""),
        ('type = "folder" AND tags NOT EXISTS AND name = "chairs"', "/catalogue/chairs"),
    ],
)
def test_folders_are_found_by_what_they_have(find, made, expression, expected):
    assert " ".join(sorted(item["folderPath"] for item in find(expression))) == expected


def test_words_of_folders_are_compared_whatever_their_case(find, new_account):
    FolderFactory(account=new_account.account, path="/Große_Straße-Ω")
    for words in ("STRASSE", "straße", "GROSSE ω", "große str"):
        assert len(find(f'type = "folder" AND name HAS "{words}"')) == 1, words
    assert find('type = "folder" AND name HAS "traße"') == []


@pytest.mark.parametrize(
    ("expression", "count"),
    [
        ('type = "file-version"', 1),
        ('type = "file-version" AND width = 10', 1),
        ('type = "file-version" AND width = 20', 0),
        ('type = "file-version" AND name HAS "elan"', 0),
        ('type = "file-version" AND name HAS "élan" AND path = "/Catalogue" AND published = true', 1),
        ('type = "file-version" AND path : "/Catalogue" AND tags NOT EXISTS', 1),
        ('type = "file-version" AND tags HAS "oak"', 0),
        ('type IN ["file", "file-version"] AND name : "É"', 2),
    ],
)
def test_older_versions_are_found_by_their_own_facts(find, made, expression, count):
    assert [item["type"] for item in find(expression)] == ["file", "file-version"][2 - count :]


def test_kinds_come_one_after_the_other_on_every_page(find, made):
    whole = find('type IN ["folder", "file", "file-version"]')
    kinds = [item["type"] for item in whole]
    assert kinds == ["folder"] * 4 + ["file"] * 5 + ["file-version"]
    pages = [find('type IN ["folder", "file", "file-version"]', limit=3, skip=skip) for skip in range(0, 12, 3)]
    assert [item for page in pages for item in page] == whole


def test_folders_made_while_they_are_counted_do_no_harm(find, new_account):
    FolderFactory(account=new_account.account, path="/one")
    AssetFactory(account=new_account.account)
    made = []

    def make_folders(execute, sql, params, many, context):
        if "COUNT(" in sql and '"library_folder"' in sql and not made:
            made.extend(FolderFactory(account=new_account.account, path=f"/new{n}") for n in range(3))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(make_folders):
        assert [item["type"] for item in find('type IN ["folder", "file"]', skip=1)] == ["file"]
    assert made


def test_path_and_file_type_go_with_an_expression_and_the_rest_is_ignored(find, made):
    assert len(find('name HAS "chair"', type="nonsense", tags="none", name="none")) == 2
    assert [made[item["fileId"]] for item in find('name HAS "chair"', path="/")] == ["armada"]
    assert [made[item["fileId"]] for item in find("size >= 0", fileType="non-image")] == ["text"]


def test_sorting_by_relevance_puts_whole_words_and_short_names_first(find, made, new_account):
    for name in ("chair.gif", "chairs.gif", "chair in a garden.gif"):
        AssetFactory(account=new_account.account, folder__path="/more", folder__account=new_account.account, name=name)
    names = [item["name"] for item in find('name HAS "chair"', sort="DESC_RELEVANCE")]
    assert names == ["chair.gif", "armada chair.svg", "Arm-Chair_oak.jpg", "chair in a garden.gif", "chairs.gif"]
    assert [item["name"] for item in find('name HAS "chair"', sort="ASC_RELEVANCE")] == names[::-1]


def test_more_files_than_can_be_sorted_by_relevance_come_in_the_order_of_their_making(find, made, monkeypatch):
    monkeypatch.setattr("library.api.listing.COMMON", 1)
    by_creation = find('name HAS "chair"', sort="DESC_CREATED")
    assert len(by_creation) == 2
    assert find('name HAS "chair"', sort="DESC_RELEVANCE") == by_creation


def test_sorting_by_original_date_uses_what_the_bytes_say(find, made):
    order = [made[item["fileId"]] for item in find("size >= 0", sort="ASC_ORIGINAL_CREATION_DATE")]
    assert order == ["table", "chair", "text", "armada", "elan"]


@pytest.mark.parametrize(
    ("kind", "expression", "found"),
    [
        ("Text", '= "450"', False),
        ("Number", "= 450", True),
        ("Number", "NOT = 451", True),
        ("SingleSelect", "> 300", True),
        ("Date", '= "2020-05-01"', True),
        ("Date", '> "2020-04-30"', True),
        ("Date", '> "2020-05-01"', False),
        ("Date", '<= "2020-05-01"', True),
        ("Date", '< "1y"', True),
        ("MultiSelect", 'IN ["bath"]', True),
    ],
)
def test_a_custom_field_compares_by_its_type(find, new_account, kind, expression, found):
    value = {"Date": "2020-05-01", "MultiSelect": ["hall", "bath"]}.get(kind, 450)
    AssetFactory(account=new_account.account, custom_metadata={"f": value})
    schema = {"type": kind} | ({"selectOptions": [450, "bath"]} if "Select" in kind else {})
    CustomMetadataFieldFactory(account=new_account.account, name="f", schema=schema)
    assert bool(find(f'"customMetadata.f" {expression}')) == found


@pytest.mark.parametrize(
    ("kind", "expression"),
    [
        ("Text", "< 4"),
        ("Text", "= 4"),
        ("Number", '= "4"'),
        ("Number", 'HAS "4"'),
        ("Boolean", '= "true"'),
        ("Boolean", "IN [true]"),
        ("Date", '= "soon"'),
        ("MultiSelect", '= "a"'),
    ],
)
def test_a_clause_that_a_custom_field_cannot_take_is_refused(api, new_account, kind, expression):
    schema = {"type": kind} | ({"selectOptions": ["a"]} if "Select" in kind else {})
    CustomMetadataFieldFactory(account=new_account.account, name="f", schema=schema)
    response = api.get("/v1/files", {"searchQuery": f'name = "x" AND "customMetadata.f" {expression}'})
    assert response.status_code == 400
    assert response.json()["errors"] == {"position": 16}


@pytest.mark.rel("S6", "A4")
def test_nothing_of_other_accounts_is_found(find, new_account):
    other = make_library(AccountFactory())
    ids = ", ".join(f'"{asset.file_id}"' for asset in other.values())
    for expression in (*FOUND, f"id IN [{ids}]", 'type IN ["folder", "file", "file-version"]'):
        assert find(expression) == [], expression
