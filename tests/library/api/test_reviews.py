"""`/api/ai-tags`: machine tags that wait for people, accepted and rejected one by one or many at once."""

import pytest

from library.models import AITag, ApiKey, AuditEntry
from library.services.accounts import create_account
from library.services.tags import replace_suggested
from library.signals import asset_updated
from mediahub.lib import clock
from tests import factories
from tests.conftest import client_for

pytestmark = pytest.mark.django_db
LIST, REVIEW, COUNTS = "/api/ai-tags", "/api/ai-tags/review", "/api/ai-tags/counts"


@pytest.fixture
def asset(new_account):
    folder = factories.FolderFactory(account=new_account.account, path="/sea")
    return factories.AssetFactory(account=new_account.account, folder=folder, name="beach.jpg")


@pytest.fixture
def crab(asset):
    return factories.AITagFactory(asset=asset, name="Crab", confidence="91.5")


@pytest.fixture
def sand(asset):
    return factories.AITagFactory(asset=asset, name="Sand", confidence="55", source="aws-auto-tagging")


def review(api, **body):
    return api.post(REVIEW, body, format="json")


def names(response):
    assert response.status_code == 200, response.content
    return [tag["name"] for tag in response.json()]


def shown(api, asset):
    """Machine tags of a file on ImageKit's wire."""
    found = api.get(f"/v1/files/{asset.file_id}/details").json()["AITags"]
    return sorted(tag["name"] for tag in found or [])


def test_a_tag_is_told_with_its_file_and_who_found_it(api, crab, asset):
    [found] = api.get(LIST).json()
    assert found == {
        "id": str(crab.pk),
        "name": "Crab",
        "confidence": 91.5,
        "state": "suggested",
        "source": "local-auto-tagging",
        "provider": "local-tagger",
        "model": None,
        "runId": None,
        "fileId": asset.file_id,
        "filePath": "/sea/beach.jpg",
        "createdAt": "2026-01-01T00:00:00.000Z",
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Crab", "Sand"]),
        ("state=accepted", []),
        ("state=suggested,accepted", ["Crab", "Sand"]),
        ("name=Crab", ["Crab"]),
        ("source=aws-auto-tagging", ["Sand"]),
        ("minConfidence=91.5", ["Crab"]),
        ("maxConfidence=60", ["Sand"]),
        ("minConfidence=60&maxConfidence=70", []),
        ("path=/sea", ["Crab", "Sand"]),
        ("path=/", []),
        ("fileName=beach.jpg", ["Crab", "Sand"]),
        ("fileType=non-image", []),
        ('searchQuery=name="beach.jpg"', ["Crab", "Sand"]),
        ('searchQuery=tags IN ["Nothing"]', []),
        ("limit=1", ["Crab"]),
        ("limit=1&skip=1", ["Sand"]),
    ],
)
def test_tags_are_found_by_what_they_say_and_what_they_are_on(api, crab, sand, query, found):
    assert names(api.get(f"{LIST}?{query}")) == found


def test_newest_files_come_first_and_surest_tags_first_within(api, crab, sand, new_account):
    other = factories.AssetFactory(account=new_account.account)
    factories.AITagFactory(asset=other, name="Boat", confidence="10")
    assert names(api.get(LIST)) == ["Boat", "Crab", "Sand"]


@pytest.mark.rel("B24")
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=maybe", "state"),
        ("minConfidence=101", "minConfidence"),
        ("minConfidence=-1", "minConfidence"),
        ("minConfidence=1e1", "minConfidence"),
        ("maxConfidence=abc", "maxConfidence"),
        ("minConfidence=9&maxConfidence=8", "minConfidence"),
        ("fileId=abc", "fileId"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("skip=-1", "skip"),
        ("skip=99999999999", "skip"),
        ("name=a%00b", "name"),
        ("fileType=video", "fileType"),
        ("searchQuery=(", "searchQuery"),
        (f"name={'x' * 501}", "name"),
    ],
)
def test_a_bad_filter_is_named(api, query, field):
    response = api.get(f"{LIST}?{query}")
    assert (response.status_code, response.json()["field"]) == (400, field)


def test_counts_tell_the_commonest_names(api, crab, sand, new_account):
    factories.AITagFactory(asset=factories.AssetFactory(account=new_account.account), name="Sand")
    assert api.get(COUNTS).json() == {
        "tags": 3,
        "files": 2,
        "names": [{"name": "Sand", "count": 2}, {"name": "Crab", "count": 1}],
    }


def test_a_rejected_tag_vanishes_from_the_wire_and_from_search(api, asset, crab, sand):
    answer = review(api, ids=[str(crab.pk)], state="rejected")
    assert answer.json() == {
        "reviewed": [
            {
                "id": str(crab.pk),
                "fileId": asset.file_id,
                "name": "Crab",
                "source": "local-auto-tagging",
                "previousState": "suggested",
                "state": "rejected",
            }
        ],
        "left": 0,
    }
    assert shown(api, asset) == ["Sand"]
    assert api.get("/v1/files", {"searchQuery": 'tags IN ["Crab"]'}).json() == []
    assert len(api.get("/v1/files", {"searchQuery": 'tags IN ["Sand"]'}).json()) == 1


def test_a_review_can_be_taken_back(api, asset, crab):
    review(api, ids=[str(crab.pk)], state="rejected")
    back = review(api, ids=[str(crab.pk)], state="suggested").json()["reviewed"]
    assert [one["previousState"] for one in back] == ["rejected"]
    assert shown(api, asset) == ["Crab"]


def test_what_was_decided_is_not_undone_when_the_same_tagger_runs_again(api, asset, crab, sand):
    review(api, ids=[str(crab.pk)], state="rejected")
    review(api, ids=[str(sand.pk)], state="accepted")
    for source in ("local-auto-tagging", "aws-auto-tagging"):
        replace_suggested(
            asset=asset, source=source, provider="p", model="", run_id=None, found=[("Crab", 99), ("Sand", 98)],
            now=clock.now(),
        )  # fmt: skip
    by_source = set(AITag.objects.values_list("source", "name", "state"))
    assert ("local-auto-tagging", "Crab", "rejected") in by_source
    assert ("aws-auto-tagging", "Sand", "accepted") in by_source
    assert ("aws-auto-tagging", "Crab", "suggested") in by_source


def test_one_review_of_many_tags_tells_of_each_file_once(api, asset, crab, sand):
    told = []

    def hear(asset, **_):
        told.append(asset.file_id)

    asset_updated.connect(hear)
    review(api, ids=[str(crab.pk), str(sand.pk)], state="accepted")
    review(api, ids=[str(crab.pk)], state="accepted")
    asset_updated.disconnect(hear)
    assert told == [asset.file_id]
    assert AITag.objects.filter(state="accepted").count() == 2
    asset.refresh_from_db()
    assert asset.updated_at > factories.EPOCH.replace(year=2026, month=2)


@pytest.mark.rel("A4")
def test_an_unknown_or_foreign_id_changes_nothing_and_is_named(api, crab):
    foreign = factories.AITagFactory()
    answer = review(api, ids=[str(crab.pk), str(foreign.pk), "999999"], state="rejected")
    assert answer.status_code == 404
    assert answer.json()["missingIds"] == sorted([str(foreign.pk), "999999"], key=int)
    assert set(AITag.objects.values_list("state", flat=True)) == {"suggested"}


def test_a_name_is_rejected_everywhere_and_the_audit_says_so(api, new_account, crab, sand):
    for _ in range(3):
        factories.AITagFactory(asset=factories.AssetFactory(account=new_account.account), name="Crab")
    foreign = factories.AITagFactory(name="Crab")

    answer = review(api, filter={"name": "Crab"}, state="rejected").json()

    assert (len(answer["reviewed"]), answer["left"]) == (4, 0)
    assert names(api.get(LIST)) == ["Sand"]
    foreign.refresh_from_db()
    assert foreign.state == "suggested"
    entry = AuditEntry.objects.get(action="ai_tags.rejected")
    assert (entry.target, entry.detail) == ("state=suggested, name=Crab", {"tags": 4, "assets": 4})


def test_the_audit_names_a_bound_of_zero(api, asset):
    factories.AITagFactory(asset=asset, name="Fog", confidence="0")
    assert review(api, filter={"maxConfidence": 0}, state="rejected").json()["left"] == 0
    assert AuditEntry.objects.get(action="ai_tags.rejected").target == "state=suggested, maxConfidence=0"


def test_a_confidence_in_a_filter_may_be_a_number(api, crab, sand):
    answer = review(api, filter={"minConfidence": 91.5, "path": "/sea"}, state="accepted").json()
    assert [one["name"] for one in answer["reviewed"]] == ["Crab"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"ids": ["1"]}, "state"),
        ({"ids": ["1"], "state": "maybe"}, "state"),
        ({"ids": ["1"], "state": None}, "state"),
        ({"state": "accepted"}, "ids"),
        ({"state": "accepted", "ids": ["1"], "filter": {}}, "ids"),
        ({"state": "accepted", "ids": []}, "ids"),
        ({"state": "accepted", "ids": "1"}, "ids"),
        ({"state": "accepted", "ids": ["1"] * 501}, "ids"),
        ({"state": "accepted", "ids": ["1", "x"]}, "ids[1]"),
        ({"state": "accepted", "ids": [1]}, "ids[0]"),
        ({"state": "accepted", "ids": ["9" * 30]}, "ids[0]"),
        ({"state": "accepted", "filter": []}, "filter"),
        ({"state": "accepted", "filter": {"colour": "red"}}, "filter.colour"),
        ({"state": "accepted", "filter": {"name": 5}}, "filter.name"),
        ({"state": "accepted", "filter": {"minConfidence": True}}, "filter.minConfidence"),
        ({"state": "accepted", "filter": {"minConfidence": 79.99999}}, "minConfidence"),
        ({"state": "accepted", "filter": {"name": ""}}, "filter.name"),
        ({"state": "accepted", "filter": {"fileId": " "}}, "filter.fileId"),
        ({"state": "accepted", "filter": {"tags": ","}}, "filter.tags"),
        ({"state": "accepted", "filter": {"tags": "a", "searchQuery": 'name = "beach.jpg"'}}, "tags"),
        ({"state": "accepted", "filter": {}, "most": 5}, "most"),
    ],
)
def test_a_bad_body_is_a_400_that_names_the_field(api, crab, body, field):
    answer = review(api, **body)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    crab.refresh_from_db()
    assert crab.state == "suggested"


@pytest.mark.rel("A3")
def test_a_key_that_may_only_read_sees_and_does_not_review(api, crab):
    ApiKey.objects.update(is_restricted=True, rights={"media": "read"})
    assert api.get(LIST).status_code == 200
    assert review(api, ids=[str(crab.pk)], state="rejected").status_code == 403
    ApiKey.objects.update(rights={})
    assert api.get(LIST).status_code == api.get(COUNTS).status_code == 403


@pytest.mark.rel("A4")
def test_others_see_none_of_it(crab):
    other = client_for(create_account(slug="elsewhere").private_key)
    assert other.get(LIST).json() == []
    assert other.get(COUNTS).json()["tags"] == 0
    assert review(other, filter={}, state="rejected").json() == {"reviewed": [], "left": 0}


def test_without_a_key_nothing_is_told(crab):
    from rest_framework.test import APIClient

    assert APIClient().get(LIST).status_code == 401


def test_a_list_of_many_costs_as_few_queries_as_one(api, asset, django_assert_num_queries):
    for _ in range(20):
        factories.AITagFactory(asset=asset)
    with django_assert_num_queries(2):
        api.get(LIST)
