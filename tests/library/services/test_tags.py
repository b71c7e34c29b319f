"""Tags of people and of machines."""

from decimal import Decimal

import pytest

from library.models import AITag
from library.services.reviews import review_ai_tag
from library.services.tags import remove_ai_tags, replace_suggested, replace_tags
from mediahub.lib import clock
from tests.factories import AITagFactory, AssetFactory

pytestmark = pytest.mark.django_db
SOURCE = "local-auto-tagging"


@pytest.fixture
def asset(db):
    return AssetFactory()


def found(asset, *pairs, source=SOURCE):
    return replace_suggested(
        asset=asset,
        source=source,
        provider="local-tagger",
        model="efficientnet-lite0",
        run_id=None,
        found=[(name, Decimal(confidence)) for name, confidence in pairs],
        now=clock.now(),
    )


def names(asset, **filters):
    return sorted(asset.ai_tags.filter(**filters).values_list("name", flat=True))


def test_tags_keep_the_order_in_which_they_were_given(asset):
    replace_tags(asset=asset, names=["z", "a", "m"])
    assert [tag.name for tag in asset.tags.all()] == ["z", "a", "m"]
    replace_tags(asset=asset, names=[])
    assert not asset.tags.exists()


def test_a_tagger_run_again_replaces_what_it_suggested(asset):
    found(asset, ("Chair", "90"), ("Wood", "80"))
    found(asset, ("Wood", "85.5"), ("Table", "70"))
    assert names(asset) == ["Table", "Wood"]
    assert asset.ai_tags.get(name="Wood").confidence == Decimal("85.5")


def test_other_sources_are_left_alone(asset):
    AITagFactory(asset=asset, name="Wood", source="aws-auto-tagging")
    found(asset, ("Wood", "85"))
    assert asset.ai_tags.filter(name="Wood").count() == 2


def test_what_a_person_accepted_stays_as_it_was(asset):
    AITagFactory(asset=asset, name="Chair", confidence="50", state="accepted", source=SOURCE)
    found(asset, ("Chair", "99"))
    assert asset.ai_tags.get().confidence == 50


def test_what_a_person_rejected_does_not_come_back_from_that_source(asset):
    AITagFactory(asset=asset, name="Dog", state="rejected", source=SOURCE)
    found(asset, ("Dog", "99"), ("Chair", "80"))
    assert names(asset, state__in=AITag.VISIBLE) == ["Chair"]
    found(asset, ("Dog", "99"), source="aws-auto-tagging")
    assert names(asset, state__in=AITag.VISIBLE) == ["Chair", "Dog"]


def test_of_a_repeated_name_the_surest_counts(asset):
    found(asset, ("Chair", "80"), ("Chair", "90"), ("Chair", "70"))
    assert asset.ai_tags.get().confidence == 90


def test_removal_concerns_every_state_and_source(asset):
    for source, state in ((SOURCE, "rejected"), ("aws-auto-tagging", "accepted"), ("google-auto-tagging", "suggested")):
        AITagFactory(asset=asset, name="Dog", source=source, state=state)
        AITagFactory(asset=asset, name="Cat", source=source, state=state)
    assert remove_ai_tags(asset=asset, names=["Dog", "Bird"]) == 3
    assert names(asset) == ["Cat"] * 3
    assert remove_ai_tags(asset=asset, names=None) == 3


def test_a_review_is_kept(asset):
    tag = AITagFactory(asset=asset)
    review_ai_tag(ai_tag=tag, state=AITag.State.REJECTED)
    assert AITag.objects.get().state == "rejected"
