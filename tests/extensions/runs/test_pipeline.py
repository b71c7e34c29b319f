"""One run from claim to end: results, units and webhooks in one transaction, guarded by the lease (REL section 1)."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DataError

from extensions.models import ExtensionRun, UnitEntry, WebhookDelivery
from extensions.providers.base import FoundTag, ImageProduced, TagsFound, TransientProviderError
from extensions.providers.registry import get_provider
from extensions.runs import pipeline, results
from extensions.runs.asking import Answer
from extensions.runs.claim import claim, lease
from extensions.runs.services import RunIsOpen, RunIsOver, cancel_run, retry_run
from extensions.units import audit, services
from library.models import AITag, Asset, AssetVersion
from library.services.assets import UploadFields, delete_asset, upload_asset
from library.services.blobs import store_bytes
from library.services.reviews import review_ai_tag
from library.services.versions import restore_version
from library.storage import blob_exists, read_blob
from mediahub.lib import clock
from tests.extensions.scenes import FAKE_CHAINS, ask_for, make_asset, picture

pytestmark = pytest.mark.django_db
TAGGER = {"name": "google-auto-tagging", "minConfidence": 0, "maxTags": 5}
HOOK = "https://receiver.example/hook"


@pytest.fixture(autouse=True)
def fake_chains(settings, tmp_path):
    settings.MEDIAHUB_PROVIDER_CHAINS = dict(FAKE_CHAINS)
    settings.MEDIAHUB_FAKE_DIR = str(tmp_path)
    settings.MEDIAHUB_RUN_BACKOFF_BASE_S = 1
    return tmp_path


@pytest.fixture
def asset(new_account):
    return make_asset(new_account.account)


def plan(folder, **members):
    (folder / "plan.json").write_text(json.dumps(members))


def calls(folder):
    log = folder / "calls.log"
    return len(log.read_text().splitlines()) if log.exists() else 0


def fresh(run):
    return ExtensionRun.objects.get(pk=run.pk)


def kinds_of(run):
    return list(UnitEntry.objects.filter(run_id=run.pk).order_by("id").values_list("kind", flat=True))


@pytest.mark.rel("J8", "J20")
def test_a_tagger_writes_tags_ends_the_run_posts_units_and_announces(asset):
    [run] = ask_for(asset, TAGGER, webhook_url=HOOK)
    pipeline.work("tagging")
    run = fresh(run)
    assert (run.state, run.provider, run.model, run.error_code) == ("succeeded", "fake", "fake-1", "")
    assert run.started_at and run.finished_at
    tags = AITag.objects.filter(asset=asset)
    assert tags.count() == 3
    assert {(tag.source, tag.provider, tag.run_id, tag.state) for tag in tags} == {
        ("google-auto-tagging", "fake", run.pk, "suggested")
    }
    assert kinds_of(run) == ["hold", "post"]
    body = json.loads(bytes(WebhookDelivery.objects.get(run_id=run.pk).body))
    assert (body["service"], body["status"]) == ("google-auto-tagging", "SUCCESS")
    assert len(body["fileObject"]["AITags"]) == 3
    assert audit.differences() == []


@pytest.mark.rel("U11", "U12")
def test_remove_bg_adds_a_current_version_and_keeps_the_original(asset):
    before = asset.current_version
    [run] = ask_for(asset, "remove-bg", webhook_url=HOOK)
    pipeline.work("images")
    asset = Asset.objects.with_details().get(pk=asset.pk)
    version = asset.current_version
    assert (version.number, version.origin, version.run_id, version.mime) == (2, "extension", run.pk, "image/png")
    assert version.has_alpha
    assert read_blob(before.blob_key) == picture()
    assert fresh(run).result_version_id == version.version_id
    body = json.loads(bytes(WebhookDelivery.objects.get().body))
    assert body["fileObject"]["versionInfo"] == {"id": version.version_id, "name": "Version 2"}
    restore_version(asset=asset, version=before, now=clock.now())
    assert Asset.objects.get(pk=asset.pk).current_version_id == before.pk


@pytest.mark.rel("U12")
def test_the_result_of_a_draft_is_a_draft(asset):
    asset.versions.update(is_published=False)
    ask_for(asset, "remove-bg")
    pipeline.work("images")
    assert Asset.objects.get(pk=asset.pk).current_version.is_published is False


@pytest.mark.rel("F47")
def test_a_result_follows_the_version_it_was_made_of(asset):
    first = asset.current_version
    [run] = ask_for(asset, "remove-bg")
    fields = UploadFields(file_name=asset.name, use_unique_file_name=False)
    upload_asset(
        account=asset.account, blob=store_bytes(data=picture(colour="red"), name="x"), fields=fields, now=clock.now()
    )
    asset.versions.filter(pk=first.pk).update(is_published=False)
    pipeline.work("images")
    assert asset.versions.get(version_id=fresh(run).result_version_id).is_published is False


@pytest.mark.rel("F47")
def test_a_result_for_an_old_version_is_kept_but_not_current(asset):
    [run] = ask_for(asset, "remove-bg", webhook_url=HOOK)
    fields = UploadFields(file_name=asset.name, use_unique_file_name=False)
    newer = upload_asset(
        account=asset.account, blob=store_bytes(data=picture(colour="red"), name="x"), fields=fields, now=clock.now()
    )
    pipeline.work("images")
    assert Asset.objects.get(pk=asset.pk).current_version_id == newer.pk
    assert fresh(run).result_is_current is False
    body = json.loads(bytes(WebhookDelivery.objects.get().body))
    assert body["isCurrent"] is False
    assert body["versionId"] == fresh(run).result_version_id


@pytest.mark.rel("F46")
def test_an_asset_deleted_while_the_provider_works_fails_the_run_and_costs_nothing(asset):
    [run] = ask_for(asset, "remove-bg", webhook_url=HOOK)
    claimed = claim("images", now=clock.now())
    answer = pipeline._answer(claimed)
    delete_asset(asset=asset)
    assert pipeline.settle_success(claimed, answer)
    run = fresh(run)
    assert (run.state, run.error_code, run.asset_id) == ("failed", "asset_deleted", None)
    assert kinds_of(run) == ["hold", "void"]
    body = json.loads(bytes(WebhookDelivery.objects.get().body))
    assert (body["status"], body["fileId"], body["error"]["code"]) == ("FAILURE", run.file_id, "asset_deleted")
    assert audit.differences() == []


@pytest.mark.rel("F46")
def test_an_asset_deleted_before_the_claim_fails_the_run(asset, fake_chains):
    [run] = ask_for(asset, TAGGER)
    delete_asset(asset=asset)
    pipeline.work("tagging")
    assert (fresh(run).state, fresh(run).error_code) == ("failed", "asset_deleted")
    assert calls(fake_chains) == 0


@pytest.mark.rel("J7", "F14", "F39")
def test_a_worker_that_was_overtaken_writes_nothing(asset):
    [run] = ask_for(asset, "remove-bg", webhook_url=HOOK)
    late = claim("images", now=clock.now())
    answer = pipeline._answer(late)
    taken = claim("images", now=clock.now() + lease("images") + timedelta(seconds=1))
    assert taken.pk == late.pk
    assert pipeline.settle_success(late, answer) is False
    assert pipeline.settle_failure(late, code="x", message="x") is False
    assert fresh(run).state == "running"
    assert AssetVersion.objects.count() == 1
    assert not WebhookDelivery.objects.exists()
    pipeline.execute(taken)
    assert AssetVersion.objects.count() == 2
    assert kinds_of(run) == ["hold", "post"]


@pytest.mark.rel("J9", "F4")
def test_an_answer_that_was_kept_is_not_asked_for_again(asset, fake_chains):
    [run] = ask_for(asset, "remove-bg")
    first = claim("images", now=clock.now())
    pipeline._answer(first)
    second = claim("images", now=clock.now() + lease("images") + timedelta(seconds=1))
    pipeline.execute(second)
    assert calls(fake_chains) == 1
    assert fresh(run).state == "succeeded"


@pytest.mark.rel("J9")
def test_a_kept_answer_whose_bytes_are_gone_is_asked_for_again(asset, fake_chains, blobs_in_tmp_path):
    [run] = ask_for(asset, "remove-bg")
    pipeline._answer(claim("images", now=clock.now()))
    (blobs_in_tmp_path / fresh(run).answer_blob_key).unlink()
    pipeline.execute(claim("images", now=clock.now() + lease("images") + timedelta(seconds=1)))
    assert calls(fake_chains) == 2
    assert fresh(run).state == "succeeded"


@pytest.mark.rel("J10")
def test_a_run_that_loses_its_worker_every_time_fails_with_worker_lost(asset, settings, fake_chains):
    settings.MEDIAHUB_RUN_ATTEMPTS = 2
    [run] = ask_for(asset, TAGGER, webhook_url=HOOK)
    now = clock.now()
    for lost in range(2):
        claim("tagging", now=now + lost * (lease("tagging") + timedelta(seconds=1)))
    clock.shift(2 * (lease("tagging").total_seconds() + 1))
    pipeline.work("tagging")
    run = fresh(run)
    assert (run.state, run.error_code, run.attempts) == ("failed", "worker_lost", 3)
    assert kinds_of(run) == ["hold", "void"]
    assert WebhookDelivery.objects.filter(run_id=run.pk).exists()


@pytest.mark.rel("J11", "J13")
def test_a_transient_error_puts_the_run_back_with_a_wait(asset, fake_chains):
    plan(fake_chains, error={"kind": "transient", "code": "busy", "message": "later", "retry_after_s": 30}, times=1)
    [run] = ask_for(asset, TAGGER)
    pipeline.work("tagging")
    run = fresh(run)
    assert (run.state, run.token, run.last_error) == ("queued", None, "busy: later")
    assert run.due_at >= clock.now() + timedelta(seconds=28)
    assert kinds_of(run) == ["hold"]
    clock.shift(31)
    pipeline.work("tagging")
    assert fresh(run).state == "succeeded"
    assert fresh(run).attempts == 2


@pytest.mark.rel("J11")
def test_a_transient_error_ends_the_run_when_its_attempts_are_spent(asset, settings, fake_chains):
    settings.MEDIAHUB_RUN_ATTEMPTS = 2
    plan(fake_chains, error={"kind": "transient", "code": "busy", "message": "later"})
    [run] = ask_for(asset, TAGGER)
    pipeline.work("tagging")
    clock.shift(60)
    pipeline.work("tagging")
    assert (fresh(run).state, fresh(run).error_code) == ("failed", "busy")
    assert calls(fake_chains) == 2


@pytest.mark.rel("J11")
def test_a_transient_error_ends_the_run_when_it_is_too_old(asset, settings, fake_chains):
    settings.MEDIAHUB_RUN_MAX_AGE_S = 3600
    plan(fake_chains, error={"kind": "transient", "code": "busy", "message": "later"})
    [run] = ask_for(asset, TAGGER)
    clock.shift(3601)
    pipeline.work("tagging")
    assert (fresh(run).state, fresh(run).attempts) == ("failed", 1)


@pytest.mark.rel("F35")
def test_a_permanent_error_fails_the_run_at_once(asset, fake_chains):
    plan(fake_chains, error={"kind": "permanent", "code": "no_clear_subject", "message": "Nothing stands out."})
    [run] = ask_for(asset, "remove-bg")
    pipeline.work("images")
    run = fresh(run)
    assert (run.state, run.error_code, run.error_message) == ("failed", "no_clear_subject", "Nothing stands out.")
    assert kinds_of(run) == ["hold", "void"]
    assert calls(fake_chains) == 1


@pytest.mark.parametrize("name", ["google-auto-tagging", "aws-auto-tagging"])
def test_an_extension_without_a_provider_fails_uncharged(asset, settings, name):
    chain = {"google-auto-tagging": ["google-vision"], "aws-auto-tagging": ["aws-rekognition"]}
    settings.MEDIAHUB_PROVIDER_CHAINS = settings.MEDIAHUB_PROVIDER_CHAINS | chain
    [run] = ask_for(asset, {"name": name, "minConfidence": 50, "maxTags": 5})
    pipeline.work("tagging")
    run = fresh(run)
    assert (run.state, run.error_code) == ("failed", "provider_not_configured")
    assert chain[name][0] in run.error_message
    assert kinds_of(run) == ["hold", "void"]


def test_an_unavailable_provider_hands_over_to_the_next_in_the_chain(asset, settings):
    settings.MEDIAHUB_PROVIDER_CHAINS = settings.MEDIAHUB_PROVIDER_CHAINS | {"remove-bg": ["remove.bg", "fake"]}
    [run] = ask_for(asset, "remove-bg")
    pipeline.work("images")
    assert (fresh(run).state, fresh(run).provider) == ("succeeded", "fake")


@pytest.mark.parametrize(
    ("data", "name", "extension", "code"),
    [
        (b"<html>not an image</html>", "page.jpg", TAGGER, "unsupported_file_type"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "drawing.svg", TAGGER, "unsupported_file_type"),
        (b"plain words", "words.txt", "remove-bg", "unsupported_file_type"),
    ],
)
def test_what_is_no_image_fails_without_asking_a_provider(new_account, fake_chains, data, name, extension, code):
    asset = make_asset(new_account.account, name=name, data=data)
    [run] = ask_for(asset, extension)
    pipeline.work(run.queue)
    assert (fresh(run).state, fresh(run).error_code) == ("failed", code)
    assert calls(fake_chains) == 0


@pytest.mark.rel("F31")
def test_a_missing_blob_fails_the_run(asset, blobs_in_tmp_path):
    (blobs_in_tmp_path / asset.current_version.blob_key).unlink()
    [run] = ask_for(asset, TAGGER)
    pipeline.work("tagging")
    assert (fresh(run).state, fresh(run).error_code) == ("failed", "blob_missing")


@pytest.mark.rel("U11", "F37")
@pytest.mark.parametrize(
    ("extension", "output"),
    [
        ("remove-bg", ImageProduced(b"<html>", "image/png", 1, 1, True, "m")),
        ("remove-bg", ImageProduced(b"", "image/png", 1, 1, True, "m")),
        ("remove-bg", ImageProduced(picture(), "image/png", 64, 48, True, "m")),
        ("remove-bg", TagsFound((), "m")),
        (TAGGER, TagsFound((FoundTag("", 50),), "m")),
        (TAGGER, TagsFound((FoundTag("a\x00b", 50),), "m")),
        (TAGGER, TagsFound((FoundTag("x", float("nan")),), "m")),
        (TAGGER, TagsFound((FoundTag("x", 1e9),), "m")),
    ],
    ids=["html", "empty", "opaque", "not an image", "no name", "NUL", "NaN", "1e9"],
)
def test_garbage_from_a_provider_is_refused_and_nothing_of_it_applied(asset, monkeypatch, extension, output):
    monkeypatch.setattr(get_provider("fake"), "run", lambda run_input: output)
    [run] = ask_for(asset, extension)
    pipeline.work(run.queue)
    assert (fresh(run).state, fresh(run).error_code) == ("failed", "bad_provider_result")
    assert not AITag.objects.exists()
    assert AssetVersion.objects.count() == 1


@pytest.mark.rel("J8", "J11")
def test_an_unexpected_fault_of_ours_is_tried_again_and_named(asset, monkeypatch):
    def fall_over(run_input):
        raise ZeroDivisionError

    monkeypatch.setattr(get_provider("fake"), "run", fall_over)
    [run] = ask_for(asset, TAGGER)
    pipeline.work("tagging")
    assert fresh(run).state == "queued"
    assert fresh(run).last_error == "internal_error: Unexpected fault: ZeroDivisionError."


@pytest.mark.rel("J11", "F33")
def test_a_transient_error_hands_over_to_the_next_provider_when_its_attempts_are_spent(asset, settings, monkeypatch):
    settings.MEDIAHUB_RUN_ATTEMPTS = 2
    settings.MEDIAHUB_PROVIDER_CHAINS = settings.MEDIAHUB_PROVIDER_CHAINS | {"remove-bg": ["rembg", "fake"]}

    def be_busy(run_input):
        raise TransientProviderError("busy", "later")

    monkeypatch.setattr(get_provider("rembg"), "run", be_busy)
    [run] = ask_for(asset, "remove-bg")
    pipeline.work("images")
    assert (fresh(run).state, fresh(run).provider) == ("queued", "")
    clock.shift(60)
    pipeline.work("images")
    assert (fresh(run).state, fresh(run).provider) == ("succeeded", "fake")


@pytest.mark.rel("J11")
def test_a_supplier_cannot_ask_for_a_wait_that_no_calendar_holds(asset, fake_chains):
    plan(fake_chains, error={"kind": "transient", "code": "busy", "message": "later", "retry_after_s": 1e15})
    [run] = ask_for(asset, TAGGER)
    pipeline.work("tagging")
    assert (fresh(run).state, fresh(run).error_code) == ("failed", "busy")


@pytest.mark.rel("J8", "F37")
def test_what_a_supplier_says_is_stored_without_controls(asset, fake_chains):
    plan(fake_chains, error={"kind": "permanent", "code": "x", "message": "a\x00b" + "c" * 5000})
    [run] = ask_for(asset, TAGGER)
    pipeline.work("tagging")
    assert fresh(run).error_message.startswith("a bccc")
    assert len(fresh(run).error_message) == 2000


@pytest.mark.rel("J8", "F37")
def test_an_answer_that_cannot_be_stored_fails_the_run_without_asking_again(asset, monkeypatch, fake_chains):
    monkeypatch.setattr(results, "apply", lambda **kwargs: (_ for _ in ()).throw(DataError("too long")))
    [run] = ask_for(asset, TAGGER)
    pipeline.work("tagging")
    assert (fresh(run).state, fresh(run).error_code) == ("failed", "bad_provider_result")
    assert calls(fake_chains) == 1


@pytest.mark.rel("F44")
def test_a_run_that_needs_too_much_memory_is_tried_again_in_another_process(asset, monkeypatch):
    def need_too_much(run_input):
        raise MemoryError

    monkeypatch.setattr(get_provider("fake"), "run", need_too_much)
    [run] = ask_for(asset, TAGGER)
    with pytest.raises(MemoryError):
        pipeline.work("tagging")
    assert fresh(run).state == "queued"
    assert fresh(run).last_error == "out_of_memory: The worker ran out of memory."


@pytest.mark.rel("J8")
def test_a_full_version_history_fails_the_run(asset):
    rows = [
        AssetVersion(
            version_id=f"{number:024x}",
            asset=asset,
            number=number,
            blob_key=f"k{number}",
            sha256="0" * 64,
            size_bytes=1,
            mime="image/png",
            origin="upload",
            created_at=clock.now(),
        )
        for number in range(2, 101)
    ]
    AssetVersion.objects.bulk_create(rows)
    [run] = ask_for(asset, "remove-bg")
    pipeline.work("images")
    assert (fresh(run).state, fresh(run).error_code) == ("failed", "version_limit_exceeded")
    assert kinds_of(run) == ["hold", "void"]


@pytest.mark.rel("F48")
def test_running_a_tagger_again_keeps_what_a_person_decided(asset):
    ask_for(asset, TAGGER)
    pipeline.work("tagging")
    accepted, rejected, _ = AITag.objects.filter(asset=asset).order_by("name")
    review_ai_tag(ai_tag=accepted, state=AITag.State.ACCEPTED)
    review_ai_tag(ai_tag=rejected, state=AITag.State.REJECTED)
    [again] = ask_for(asset, TAGGER)
    pipeline.work("tagging")
    states = dict(AITag.objects.filter(asset=asset).values_list("name", "state"))
    assert states[accepted.name] == "accepted"
    assert states[rejected.name] == "rejected"
    assert len(states) == 3
    assert fresh(again).state == "succeeded"


@pytest.mark.rel("J18")
def test_an_end_that_a_request_waits_for_is_announced_only_when_the_request_counts_as_dead(asset):
    answer_by = clock.now() + timedelta(seconds=60)
    [run] = ask_for(asset, TAGGER, webhook_url=HOOK, answer_by=answer_by)
    pipeline.work("tagging")
    assert fresh(run).state == "succeeded"
    delivery = WebhookDelivery.objects.get(run_id=run.pk)
    assert (delivery.due_at, delivery.first_due_at, delivery.woken_at) == (answer_by, answer_by, None)


@pytest.mark.rel("J18")
def test_an_end_after_its_request_died_is_announced_at_once(asset):
    [run] = ask_for(asset, TAGGER, webhook_url=HOOK, answer_by=clock.now() - timedelta(seconds=1))
    pipeline.work("tagging")
    assert WebhookDelivery.objects.get(run_id=run.pk).due_at <= clock.now()


@pytest.mark.rel("J18")
def test_with_the_setting_all_every_end_is_announced(asset, settings):
    settings.MEDIAHUB_EXTENSION_WEBHOOKS = "all"
    ask_for(asset, TAGGER, webhook_url=HOOK, answer_by=clock.now() + timedelta(seconds=60))
    pipeline.work("tagging")
    assert WebhookDelivery.objects.count() == 1


def test_a_cancelled_run_gives_its_units_back_and_its_worker_is_overtaken(asset):
    [run] = ask_for(asset, "remove-bg", webhook_url=HOOK)
    claimed = claim("images", now=clock.now())
    cancel_run(run=run, actor="edda")
    assert (fresh(run).state, kinds_of(run)) == ("cancelled", ["hold", "void"])
    assert pipeline.settle_success(claimed, Answer(TagsFound((), "m"), "fake")) is False
    body = json.loads(bytes(WebhookDelivery.objects.get().body))
    assert (body["status"], body["error"]["code"]) == ("FAILURE", "cancelled")
    with pytest.raises(RunIsOver):
        cancel_run(run=run, actor="edda")
    assert audit.differences() == []


@pytest.mark.rel("L4")
def test_a_retry_is_a_new_run_with_a_hold_of_its_own_at_the_present_price(asset, settings, fake_chains):
    plan(fake_chains, error={"kind": "permanent", "code": "x", "message": "x"}, times=1)
    [run] = ask_for(asset, "remove-bg", webhook_url=HOOK)
    with pytest.raises(RunIsOpen):
        retry_run(run=run, actor="edda")
    pipeline.work("images")
    settings.MEDIAHUB_UNIT_PRICES = settings.MEDIAHUB_UNIT_PRICES | {"remove-bg": 7}
    again = retry_run(run=fresh(run), actor="edda")
    assert (again.retry_of_id, again.webhook_url, again.units) == (run.pk, HOOK, 7)
    pipeline.work("images")
    assert fresh(again).state == "succeeded"
    assert services.balance(asset.account, now=clock.now()).spent == 7
    assert audit.differences() == []


def test_confidences_keep_two_decimals(asset, monkeypatch):
    output = TagsFound((FoundTag("Oak", 87.355), FoundTag("Elm", 100)), "m")
    monkeypatch.setattr(get_provider("fake"), "run", lambda run_input: output)
    ask_for(asset, TAGGER)
    pipeline.work("tagging")
    assert set(AITag.objects.values_list("name", "confidence")) == {
        ("Oak", Decimal(str(round(87.355, 2)))),
        ("Elm", Decimal("100.00")),
    }


def test_the_kept_blob_is_the_versions_blob(asset):
    [run] = ask_for(asset, "remove-bg")
    pipeline.work("images")
    version = AssetVersion.objects.get(run_id=run.pk)
    assert version.blob_key == fresh(run).answer_blob_key
    assert blob_exists(version.blob_key)
