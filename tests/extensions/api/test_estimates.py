"""Estimates: what extensions on many files would cost, before anything is asked for."""

import pytest

from extensions.models import ExtensionRun, UnitLedger
from extensions.units import services
from library.models import ApiKey
from tests import factories
from tests.conftest import client_for
from tests.extensions.scenes import ask_for, make_asset

pytestmark = pytest.mark.django_db
ADDRESS = "/api/estimates"
CUT, TAG = {"name": "remove-bg"}, {"name": "google-auto-tagging", "minConfidence": 50, "maxTags": 5}


def ask(api, **body):
    return api.post(ADDRESS, body, format="json")


@pytest.fixture
def files(new_account):
    """Five of a kind each: a picture, a drawing, a text, an animation, a picture beyond the limits."""
    root = factories.FolderFactory(account=new_account.account, path="/shop")

    def make(name, **version):
        kwargs = {f"version__{key}": value for key, value in version.items()}
        return factories.AssetFactory(account=new_account.account, folder=root, name=name, **kwargs)

    return {
        "photo": make("photo.jpg"),
        "drawing": make("drawing.svg", mime="image/svg+xml", width=None, height=None),
        "text": make("text.pdf", mime="application/pdf", width=None, height=None),
        "moving": make("moving.gif", mime="image/gif", is_animated=True),
        "huge": make("huge.jpg", problem="file_not_processable"),
    }


def test_only_files_that_an_extension_can_work_on_are_priced(api, files):
    answer = ask(api, fileIds=[one.file_id for one in files.values()], extensions=[CUT, TAG])
    assert answer.status_code == 200
    assert answer.json() == {
        "files": 5,
        "runs": 3,
        "units": 130 + 2 * 2,
        "byExtension": [
            {"name": "remove-bg", "runs": 1, "unitsEach": 130, "units": 130},
            {"name": "google-auto-tagging", "runs": 2, "unitsEach": 2, "units": 4},
        ],
        "skipped": [
            {"reason": "animated_not_supported", "count": 1},
            {"reason": "file_not_processable", "count": 1},
            {"reason": "unsupported_file_type", "count": 2},
        ],
        "available": 10_000,
        "enough": True,
    }


def test_the_estimate_is_what_the_requests_then_hold(api, new_account):
    assets = [make_asset(new_account.account, name=f"{number}.png") for number in range(3)]
    estimate = ask(api, fileIds=[one.file_id for one in assets], extensions=[CUT, TAG]).json()
    for asset in assets:
        ask_for(asset, CUT, TAG)
    assert estimate["units"] == UnitLedger.objects.get().held
    assert estimate["runs"] == ExtensionRun.objects.count()


def test_asking_writes_nothing(api, files):
    ask(api, filter={}, extensions=[CUT])
    assert not UnitLedger.objects.exists()


def test_too_few_units_are_said(api, files, new_account):
    services.change_plan(account=new_account.account, units_per_month=129, overage_units=0, actor="t")
    answer = ask(api, fileIds=[files["photo"].file_id], extensions=[CUT]).json()
    assert (answer["available"], answer["enough"]) == (129, False)
    services.change_plan(account=new_account.account, units_per_month=129, overage_units=1, actor="t")
    assert ask(api, fileIds=[files["photo"].file_id], extensions=[CUT]).json()["enough"] is True


def test_a_file_that_is_full_of_versions_takes_no_further_one(api, files):
    full, gapped = files["photo"], factories.AssetFactory(account=files["photo"].account)
    for number in range(2, 101):
        factories.AssetVersionFactory(asset=full, number=number)
    factories.AssetVersionFactory(asset=gapped, number=120)
    answer = ask(api, fileIds=[full.file_id, gapped.file_id], extensions=[CUT, TAG]).json()
    assert [line["runs"] for line in answer["byExtension"]] == [1, 2]
    assert answer["skipped"] == [{"reason": "version_limit_exceeded", "count": 1}]


def test_an_id_given_twice_counts_once(api, files):
    assert ask(api, fileIds=[files["photo"].file_id] * 2, extensions=[CUT]).json()["files"] == 1


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({}, 5),
        ({"path": "/shop"}, 5),
        ({"path": "/"}, 0),
        ({"path": "/nowhere"}, 0),
        ({"fileType": "image"}, 4),
        ({"fileType": "non-image", "type": "file"}, 1),
        ({"name": "photo.jpg"}, 1),
        ({"tags": ["sale", "new"]}, 2),
        ({"tags": "sale"}, 1),
        ({"tags": ["sale"], "fileType": "non-image"}, 0),
        ({"searchQuery": 'name : "photo" OR tags HAS "ne"'}, 2),
        ({"searchQuery": "tags EXISTS AND size >= 0", "path": "/shop"}, 2),
        ({"searchQuery": 'path : "/shop"', "fileType": "non-image"}, 1),
    ],
)
def test_a_filter_chooses_as_the_list_of_files_does(api, files, wanted, count):
    factories.TagFactory(asset=files["photo"], name="sale")
    factories.AITagFactory(asset=files["moving"], name="new")
    assert ask(api, filter=wanted, extensions=[CUT]).json()["files"] == count
    query = {name: ",".join(value) if isinstance(value, list) else value for name, value in wanted.items()}
    assert len(api.get("/v1/files", query).json()) == count


@pytest.mark.rel("A4")
def test_unknown_and_foreign_ids_are_404_and_listed(api, files):
    foreign = factories.AssetFactory().file_id
    unknown = ["0" * 24, "not-an-id", foreign]
    answer = ask(api, fileIds=[files["photo"].file_id, *unknown], extensions=[CUT])
    assert answer.status_code == 404
    assert answer.json()["missingFileIds"] == unknown
    assert answer.json()["message"]


@pytest.mark.rel("A4")
def test_a_filter_reaches_ones_own_files_only(files):
    from library.services.accounts import create_account

    other = client_for(create_account(slug="other").private_key)
    assert ask(other, filter={}, extensions=[CUT]).json()["files"] == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"extensions": [CUT]}, "fileIds"),
        ({"fileIds": [], "extensions": [CUT]}, "fileIds"),
        ({"fileIds": ["0" * 24] * 1001, "extensions": [CUT]}, "fileIds"),
        ({"fileIds": [7], "extensions": [CUT]}, "fileIds"),
        ({"fileIds": "x", "extensions": [CUT]}, "fileIds"),
        ({"fileIds": ["x"], "filter": {}, "extensions": [CUT]}, "fileIds"),
        ({"filter": [], "extensions": [CUT]}, "filter"),
        ({"filter": {"colour": "red"}, "extensions": [CUT]}, "filter.colour"),
        ({"filter": {"type": "folder"}, "extensions": [CUT]}, "filter.type"),
        ({"filter": {"type": ["file"]}, "extensions": [CUT]}, "filter.type"),
        ({"filter": {"path": 5}, "extensions": [CUT]}, "filter.path"),
        ({"filter": {"tags": ["a,b"]}, "extensions": [CUT]}, "filter.tags"),
        ({"filter": {"tags": ["a"] * 101}, "extensions": [CUT]}, "filter.tags"),
        ({"filter": {"fileType": "video"}, "extensions": [CUT]}, "fileType"),
        ({"filter": {"searchQuery": ""}, "extensions": [CUT]}, "filter.searchQuery"),
        ({"filter": {"path": " "}, "extensions": [CUT]}, "filter.path"),
        ({"filter": {"tags": []}, "extensions": [CUT]}, "filter.tags"),
        ({"filter": {"tags": " , "}, "extensions": [CUT]}, "filter.tags"),
        ({"filter": {"searchQuery": 'name = "a"', "tags": "sale"}, "extensions": [CUT]}, "filter.tags"),
        ({"filter": {"searchQuery": 'name = "a"', "name": "b"}, "extensions": [CUT]}, "filter.name"),
        ({"filter": {"searchQuery": "name ~ 5"}, "extensions": [CUT]}, "searchQuery"),
        ({"filter": {"searchQuery": ["name"]}, "extensions": [CUT]}, "filter.searchQuery"),
        ({"filter": {}}, "extensions"),
        ({"filter": {}, "extensions": []}, "extensions"),
        ({"filter": {}, "extensions": [{"name": "paint"}]}, "extensions[0].name"),
        ({"filter": {}, "extensions": [CUT, CUT]}, "extensions[1].name"),
        ({"filter": {}, "extensions": [CUT], "limit": 5}, "limit"),
    ],
)
def test_a_bad_body_is_a_400_that_names_the_field(api, body, field):
    answer = ask(api, **body)
    assert (answer.status_code, answer.json()["field"]) == (400, field)


@pytest.mark.rel("A3")
def test_a_key_that_may_read_media_may_ask_and_others_may_not(api, files, new_account):
    keys = ApiKey.objects.filter(account=new_account.account)
    keys.update(is_restricted=True, rights={"media": "read"})
    assert ask(api, filter={}, extensions=[CUT]).status_code == 200
    keys.update(rights={"account": "write"})
    assert ask(api, filter={}, extensions=[CUT]).status_code == 403


def test_many_files_cost_as_few_queries_as_one(api, files, new_account, django_assert_max_num_queries):
    for number in range(30):
        factories.AssetFactory(account=new_account.account, version__is_animated=number % 2 == 0)
    with django_assert_max_num_queries(4):
        ask(api, filter={}, extensions=[CUT])


def test_an_estimate_says_where_an_expression_is_wrong(api):
    answer = ask(api, filter={"searchQuery": 'name = "a" AND colour = "red"'}, extensions=[CUT])
    assert (answer.status_code, answer.json()["errors"]) == (400, {"position": 16})


def test_folders_that_an_expression_finds_cost_nothing(api, files):
    assert ask(api, filter={"searchQuery": 'type IN ["folder", "file"]'}, extensions=[CUT]).json()["files"] == 5
    assert ask(api, filter={"searchQuery": 'type = "folder"'}, extensions=[CUT]).json()["files"] == 0
