"""The page Review: tags accepted and rejected by button, by name, and taken back."""

import pytest

from library.models import AITag, AuditEntry
from tests.factories import AITagFactory, AssetFactory, FolderFactory


@pytest.fixture
def signed_in(client, editor):
    client.force_login(editor)
    return client


def act(client, scene, htmx=False, **fields):
    headers = {"HX-Request": "true"} if htmx else {}
    return client.post(scene.url("review-act"), {"account": scene.account.slug, **fields}, headers=headers)


def shown(response):
    return [tag.name for asset in response.context["page"].object_list for tag in asset.waiting]


def test_tags_are_shown_file_by_file_the_surest_first(signed_in, scene):
    AITagFactory(asset=scene.asset, name="Branch", confidence="99")
    newer = AssetFactory(account=scene.account)
    AITagFactory(asset=newer, name="River")
    AITagFactory(asset=newer, name="Gone", state="rejected")

    answer = signed_in.get(scene.url("review"))

    assert shown(answer) == ["River", "Branch", "Bird"]
    assert [(value, number) for value, _, number in answer.context["states"]] == [
        ("suggested", 3),
        ("accepted", 0),
        ("rejected", 1),
    ]
    assert shown(signed_in.get(scene.url("review"), {"state": "rejected"})) == ["Gone"]


def test_filters_choose_as_the_api_does(signed_in, scene):
    folder = FolderFactory(account=scene.account, path="/sea")
    AITagFactory(asset=AssetFactory(account=scene.account, folder=folder), name="Crab", confidence="40")

    def found(**query):
        return shown(signed_in.get(scene.url("review"), query))

    assert found(path="/sea") == ["Crab"]
    assert found(name="Bird") == ["Bird"]
    assert found(minConfidence="50") == ["Bird"]
    assert found(source="aws-auto-tagging") == []
    bad = signed_in.get(scene.url("review"), {"minConfidence": "lots"})
    assert bad.status_code == 400
    assert "minConfidence must be" in bad.content.decode()


def test_a_tag_is_rejected_and_the_rejection_taken_back(signed_in, scene):
    answer = act(signed_in, scene, ids=scene.ai_tag.pk, state="rejected", query="state=suggested")
    assert answer.status_code == 302
    page = signed_in.get(answer.url)
    assert (shown(page), page.context["undo"]["state"]) == ([], "suggested")
    assert "Bird is rejected." in page.content.decode()

    undo = page.context["undo"]
    act(signed_in, scene, ids=undo["ids"], state=undo["state"])
    scene.ai_tag.refresh_from_db()
    assert scene.ai_tag.state == "suggested"


def test_htmx_gets_the_result_alone_with_what_was_done(signed_in, scene):
    answer = act(signed_in, scene, htmx=True, ids=scene.ai_tag.pk, state="accepted")
    text = answer.content.decode()
    assert "<html" not in text
    assert "Bird is accepted." in text
    assert 'data-key="u"' in text


def test_a_name_is_rejected_everywhere_within_the_filters_and_taken_back(signed_in, scene):
    for confidence in ("90", "80", "20"):
        AITagFactory(asset=AssetFactory(account=scene.account), name="Crab", confidence=confidence)
    foreign = AITagFactory(name="Crab")

    page = act(signed_in, scene, htmx=True, name="Crab", state="rejected", query="minConfidence=50")

    assert AITag.objects.filter(name="Crab", state="rejected").count() == 2
    foreign.refresh_from_db()
    assert foreign.state == "suggested"
    assert AuditEntry.objects.get(action="ai_tags.rejected").actor == "edda"
    act(signed_in, scene, ids=page.context["undo"]["ids"], state="suggested")
    assert not AITag.objects.filter(state="rejected").exists()


@pytest.mark.rel("A4")
def test_tags_of_others_cannot_be_reviewed(signed_in, scene):
    foreign = AITagFactory(name="Crab")
    answer = act(signed_in, scene, htmx=True, ids=f"{foreign.pk}", state="rejected")
    assert answer.context["said"] == "Nothing was left to change."
    act(signed_in, scene, htmx=True, ids=f"{scene.ai_tag.pk},{foreign.pk}", state="rejected")
    foreign.refresh_from_db()
    assert foreign.state == "suggested"


def test_a_review_can_be_taken_back_though_one_of_its_files_is_gone(signed_in, scene):
    gone = AITagFactory(asset=AssetFactory(account=scene.account), name="Bird")
    page = act(signed_in, scene, htmx=True, name="Bird", state="rejected")
    gone.delete()

    act(signed_in, scene, htmx=True, ids=page.context["undo"]["ids"], state="suggested")

    scene.ai_tag.refresh_from_db()
    assert scene.ai_tag.state == "suggested"


@pytest.mark.parametrize(
    "fields",
    [
        {"state": "accepted"},
        {"ids": "x", "state": "accepted"},
        {"ids": "1", "state": "maybe"},
        {"ids": "1"},
        {"ids": "²", "state": "accepted"},
        {"ids": "9" * 19, "state": "accepted"},
        {"name": "Bird", "state": "accepted", "query": "minConfidence=lots"},
    ],
)
def test_nonsense_is_said_and_changes_nothing(signed_in, scene, fields):
    answer = act(signed_in, scene, htmx=True, **fields)
    assert answer.context["is_error"]
    assert answer.context["said"]
    scene.ai_tag.refresh_from_db()
    assert scene.ai_tag.state == "suggested"


def test_viewers_see_no_buttons(client, viewer, scene):
    client.force_login(viewer)
    text = client.get(scene.url("review")).content.decode()
    assert "Bird" in text
    assert 'data-key="a"' not in text


def test_a_page_of_many_tags_costs_as_few_queries_as_one(signed_in, scene, django_assert_max_num_queries):
    for _ in range(8):
        AITagFactory(asset=AssetFactory(account=scene.account))
    with django_assert_max_num_queries(16):
        signed_in.get(scene.url("review"))
