"""What happens to a run when its asset changes meanwhile, and what the tags of a second run do to those of the first.

API 7 leaves these open; docs/runs.md says what we do.
"""

import json
from datetime import timedelta

import pytest

from extensions.models import ExtensionRun, UnitEntry, WebhookDelivery
from extensions.providers.registry import get_provider
from extensions.runs import pipeline
from extensions.runs.claim import claim
from extensions.units import audit
from library.models import AITag, Asset
from library.services.assets import AssetChanges, UploadFields, update_asset, upload_asset
from library.services.blobs import store_bytes
from library.services.folders import ensure_folder
from library.services.reviews import review_ai_tag
from library.services.versions import restore_version
from mediahub.lib import clock
from tests.extensions.scenes import FAKE_CHAINS, ask_for, make_asset, picture
from tests.photos import photo

pytestmark = pytest.mark.django_db
TAGGER = {"name": "google-auto-tagging", "minConfidence": 0, "maxTags": 5}
HOOK = "https://receiver.example/hook"


@pytest.fixture(autouse=True)
def fake_chains(settings, tmp_path):
    settings.MEDIAHUB_PROVIDER_CHAINS = dict(FAKE_CHAINS)
    settings.MEDIAHUB_FAKE_DIR = str(tmp_path)
    return tmp_path


@pytest.fixture
def asset(new_account):
    return make_asset(new_account.account)


def fresh(run):
    return ExtensionRun.objects.get(pk=run.pk)


def kinds_of(run):
    return list(UnitEntry.objects.filter(run_id=run.pk).order_by("id").values_list("kind", flat=True))


def overwrite(asset, colour="red", **switches):
    fields = UploadFields(file_name=asset.name, use_unique_file_name=False, **switches)
    blob = store_bytes(data=picture(colour=colour), name="x.png")
    return upload_asset(account=asset.account, blob=blob, fields=fields, now=clock.now())


def names_of(asset):
    return set(AITag.objects.filter(asset=asset).values_list("name", flat=True))


def body_of(run):
    return json.loads(bytes(WebhookDelivery.objects.get(run_id=run.pk).body))


# The asset changes while a run is pending ----------------------------------------------------------------------------


def test_tags_of_a_picture_that_was_overwritten_meanwhile_are_not_put_on_the_new_one(asset):
    [run] = ask_for(asset, TAGGER, webhook_url=HOOK)
    overwrite(asset)
    pipeline.work("tagging")
    run = fresh(run)
    assert (run.state, run.error_code, kinds_of(run)) == ("failed", "asset_overwritten", ["hold", "void"])
    assert names_of(asset) == set()
    assert body_of(run)["error"]["code"] == "asset_overwritten"
    assert audit.differences() == []


def test_a_late_run_on_the_old_picture_does_not_replace_the_tags_of_the_new_one(asset):
    ask_for(asset, TAGGER)
    late = claim("tagging", now=clock.now())
    answer = pipeline._answer(late)
    overwrite(asset)
    [newer] = ask_for(Asset.objects.with_details().get(pk=asset.pk), TAGGER)
    pipeline.work("tagging")
    pipeline.settle_success(late, answer)
    assert fresh(newer).state == "succeeded"
    assert set(AITag.objects.values_list("run_id", flat=True)) == {newer.pk}


def test_a_description_of_the_old_picture_is_not_put_on_the_new_one(asset):
    [run] = ask_for(asset, "ai-auto-description")
    overwrite(asset)
    pipeline.work("tagging")
    assert fresh(run).error_code == "asset_overwritten"
    assert Asset.objects.get(pk=asset.pk).description == ""


def test_tags_stay_true_when_the_background_was_removed_meanwhile(asset):
    [tagging] = ask_for(asset, TAGGER)
    ask_for(asset, "remove-bg")
    pipeline.work("images")
    pipeline.work("tagging")
    assert fresh(tagging).state == "succeeded"
    assert len(names_of(asset)) == 3


def test_tags_of_a_result_stay_true_when_its_original_was_restored_meanwhile(asset):
    original = asset.current_version
    ask_for(asset, "remove-bg")
    pipeline.work("images")
    asset = Asset.objects.with_details().get(pk=asset.pk)
    [tagging] = ask_for(asset, TAGGER)
    restore_version(asset=asset, version=original, now=clock.now())
    pipeline.work("tagging")
    assert fresh(tagging).state == "succeeded"


@pytest.mark.parametrize("extension", ["remove-bg", TAGGER])
def test_a_renamed_and_moved_asset_gets_its_result_where_it_is_now(asset, extension):
    [run] = ask_for(asset, extension, webhook_url=HOOK)
    folder = ensure_folder(account=asset.account, path="/elsewhere", now=clock.now())
    asset.folder, asset.name = folder, "renamed.png"
    asset.save(update_fields=["folder", "name"])
    pipeline.work(run.queue)
    assert fresh(run).state == "succeeded"
    assert body_of(run)["fileObject"]["filePath"] == "/elsewhere/renamed.png"
    assert Asset.objects.count() == 1


@pytest.mark.parametrize(("overwrites", "left"), [(True, 0), (False, 3)])
def test_overwriting_takes_machine_tags_away_or_leaves_them(asset, overwrites, left):
    ask_for(asset, TAGGER)
    pipeline.work("tagging")
    review_ai_tag(ai_tag=AITag.objects.first(), state=AITag.State.REJECTED)
    overwrite(asset, overwrite_ai_tags=overwrites)
    assert AITag.objects.filter(asset=asset).count() == left


# The same tagger again -----------------------------------------------------------------------------------------------


@pytest.mark.rel("F48")
def test_other_taggers_keep_their_tags(asset):
    ask_for(asset, TAGGER)
    pipeline.work("tagging")
    ask_for(asset, {**TAGGER, "name": "aws-auto-tagging"})
    pipeline.work("tagging")
    ask_for(asset, {**TAGGER, "maxTags": 1})
    pipeline.work("tagging")
    counts = [AITag.objects.filter(source=f"{name}-auto-tagging").count() for name in ("google", "aws")]
    assert counts == [1, 3]


def test_a_name_that_was_rejected_for_one_tagger_may_come_from_another(asset):
    ask_for(asset, TAGGER)
    pipeline.work("tagging")
    rejected = AITag.objects.first()
    review_ai_tag(ai_tag=rejected, state=AITag.State.REJECTED)
    ask_for(asset, {**TAGGER, "name": "aws-auto-tagging"})
    pipeline.work("tagging")
    states = dict(AITag.objects.filter(name=rejected.name).values_list("source", "state"))
    assert states == {"google-auto-tagging": "rejected", "aws-auto-tagging": "suggested"}


def test_after_removing_all_machine_tags_rejected_names_may_come_back(asset):
    ask_for(asset, TAGGER)
    pipeline.work("tagging")
    for tag in AITag.objects.all():
        review_ai_tag(ai_tag=tag, state=AITag.State.REJECTED)
    update_asset(asset=asset, changes=AssetChanges(remove_ai_tags="all"), now=clock.now())
    ask_for(asset, TAGGER)
    pipeline.work("tagging")
    assert set(AITag.objects.values_list("state", flat=True)) == {"suggested"}
    assert AITag.objects.count() == 3


@pytest.mark.rel("B13")
def test_no_tags_at_most_is_a_success_without_tags_that_is_charged(asset):
    ask_for(asset, TAGGER)
    pipeline.work("tagging")
    [run] = ask_for(asset, {**TAGGER, "maxTags": 0})
    pipeline.work("tagging")
    assert (fresh(run).state, kinds_of(run)) == ("succeeded", ["hold", "post"])
    assert names_of(asset) == set()


# What cannot be worked on --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("extension", ["remove-bg", "local-auto-tagging"])
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("bomb_900mp.png", "file_not_processable"),
        ("truncated.jpg", "corrupt_image"),
        ("one_pixel.png", "image_too_small"),
        ("script.svg", "unsupported_file_type"),
        ("not_an_image.jpg", "unsupported_file_type"),
    ],
)
def test_awkward_files_fail_with_their_code_and_cost_nothing(new_account, settings, extension, name, code):
    settings.MEDIAHUB_PROVIDER_CHAINS = {"remove-bg": ["rembg"], "local-auto-tagging": ["local-tagger"]}
    settings.MEDIAHUB_UNIT_PRICES = settings.MEDIAHUB_UNIT_PRICES | {"local-auto-tagging": 3}
    asset = make_asset(new_account.account, name=name, data=photo(f"formats/{name}"))
    [run] = ask_for(asset, extension)
    pipeline.work(run.queue)
    run = fresh(run)
    assert (run.state, run.error_code, kinds_of(run)) == ("failed", code, ["hold", "void"])
    assert run.attempts == 1


def moving_gif():
    import io

    from PIL import Image

    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue", "green")]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=100)
    return buffer.getvalue()


def test_a_moving_image_is_tagged_by_its_first_frame_but_not_cut_out(new_account, fake_chains):
    asset = make_asset(new_account.account, name="moving.gif", data=moving_gif())
    [cut], [tagged] = ask_for(asset, "remove-bg"), ask_for(asset, TAGGER)
    pipeline.work("images")
    pipeline.work("tagging")
    assert (fresh(cut).state, fresh(cut).error_code) == ("failed", "animated_not_supported")
    assert fresh(tagged).state == "succeeded"


def test_a_provider_that_takes_no_moving_images_is_not_sent_any(new_account, fake_chains, monkeypatch):
    monkeypatch.setattr(type(get_provider("fake")), "accepts_animated", False)
    [run] = ask_for(make_asset(new_account.account, name="moving.gif", data=moving_gif()), TAGGER)
    pipeline.work("tagging")
    assert fresh(run).error_code == "animated_not_supported"
    assert not (fake_chains / "calls.log").exists()


# Months --------------------------------------------------------------------------------------------------------------


@pytest.mark.rel("F51", "L11")
def test_a_run_that_is_open_when_the_month_turns_is_charged_to_the_month_that_held_it(asset):
    [run] = ask_for(asset, TAGGER)
    claimed = claim("tagging", now=clock.now())
    answer = pipeline._answer(claimed)
    clock.shift(timedelta(days=40).total_seconds())
    pipeline.settle_success(claimed, answer)
    [next_month] = ask_for(asset, TAGGER)
    hold, post = UnitEntry.objects.filter(run_id=run.pk).order_by("id")
    assert hold.ledger_id == post.ledger_id
    assert UnitEntry.objects.get(run_id=next_month.pk).ledger_id != hold.ledger_id
    assert audit.differences() == []
