"""Runs of remove-bg through remove.bg, from claim to end: versions, units and webhooks for each way it can go."""

import json
from datetime import timedelta

import pytest

from extensions.models import ExtensionRun, UnitEntry, WebhookDelivery
from extensions.runs import keeping, pipeline
from extensions.runs.asking import ask
from extensions.runs.claim import claim, lease
from extensions.units import audit
from library.models import Asset, AssetVersion
from mediahub.lib import clock
from tests import receivers
from tests.extensions.scenes import ask_for, make_asset
from tests.photos import opened, photo
from tests.standins.removebg import KEY, RemoveBg, bomb_png, html_answer, picture_answer, refusal_answer, small_png

pytestmark = pytest.mark.django_db
HOOK = "https://receiver.example/hook"


@pytest.fixture
def supplier(settings):
    with RemoveBg() as supplier:
        settings.MEDIAHUB_REMOVEBG_URL = supplier.url
        settings.MEDIAHUB_REMOVEBG_API_KEY = KEY
        settings.MEDIAHUB_IMAGES_TIMEOUT_S = 2
        settings.MEDIAHUB_RUN_BACKOFF_BASE_S = 1
        chain_of(settings, "remove.bg")
        yield supplier


@pytest.fixture
def asset(new_account):
    return make_asset(new_account.account, name="cup.jpg", data=photo("teacup.jpg"))


def chain_of(settings, *slugs):
    settings.MEDIAHUB_PROVIDER_CHAINS = settings.MEDIAHUB_PROVIDER_CHAINS | {"remove-bg": list(slugs)}


def do(asset, **options):
    """Ask for a run, work once, and return its row."""
    block = {"name": "remove-bg"} | ({"options": options} if options else {})
    [run] = ask_for(asset, block, webhook_url=HOOK)
    pipeline.work("images")
    return ExtensionRun.objects.get(pk=run.pk)


def kinds_of(run):
    return list(UnitEntry.objects.filter(run_id=run.pk).order_by("id").values_list("kind", flat=True))


def hook_body():
    return json.loads(bytes(WebhookDelivery.objects.get().body))


def assert_failed(run, code):
    """The run has ended without a version, its units are given back, and its webhook tells the code."""
    assert (run.state, run.error_code) == ("failed", code)
    assert kinds_of(run) == ["hold", "void"]
    assert AssetVersion.objects.count() == 1
    assert hook_body()["error"]["code"] == code
    assert audit.differences() == []


def test_a_success_is_a_new_version_with_credits_and_type_on_the_run(supplier, asset, blobs_in_tmp_path):
    run = do(asset, type="product", bg_colour="kept")
    version = Asset.objects.with_details().get(pk=asset.pk).current_version
    assert (run.state, run.provider, run.model) == ("succeeded", "remove.bg", "removebg-1.0")
    assert (run.facts["credits_charged"], run.facts["type"]) == (1, "product")
    assert (version.number, version.mime, version.has_alpha, version.run_id) == (2, "image/png", True, run.pk)
    assert (version.width, version.height) == opened(photo("teacup.jpg")).size
    assert opened((blobs_in_tmp_path / version.blob_key).read_bytes()).getpixel((0, 0))[3] == 0
    assert supplier.calls[0].fields["bg_colour"] == "kept"
    assert kinds_of(run) == ["hold", "post"]
    assert hook_body()["fileObject"]["versionInfo"]["name"] == "Version 2"


def test_the_page_of_a_run_shows_credits_and_type(supplier, asset, client, owner):
    run = do(asset, type="product")
    client.force_login(owner)
    shown = client.get(f"/admin/runs/{run.pk}/").content.decode()
    assert "credits_charged" in shown
    assert "product" in shown


@pytest.mark.rel("F35")
def test_a_refused_picture_fails_at_once_uncharged_with_the_suppliers_code(supplier, asset, settings):
    chain_of(settings, "remove.bg", "fake")
    supplier.fail(refusal_answer(400, "unknown_foreground", "No clear foreground found"))
    run = do(asset)
    assert_failed(run, "unknown_foreground")
    assert "No clear foreground found" in hook_body()["error"]["message"]
    assert supplier.connections == 1


@pytest.mark.rel("F36")
@pytest.mark.parametrize("status", [401, 402, 403])
def test_without_key_or_credits_the_next_of_the_chain_is_asked_at_once(supplier, asset, settings, status):
    chain_of(settings, "remove.bg", "fake")
    supplier.fail(refusal_answer(status, "no"))
    run = do(asset)
    assert (run.state, run.provider, run.attempts) == ("succeeded", "fake", 1)
    assert kinds_of(run) == ["hold", "post"]


@pytest.mark.rel("F36")
@pytest.mark.parametrize(("status", "code"), [(402, "provider_out_of_credits"), (403, "provider_key_refused")])
def test_without_a_next_one_the_run_fails_with_the_reason(supplier, asset, status, code):
    supplier.fail(refusal_answer(status, "no"))
    assert_failed(do(asset), code)


def test_without_a_key_the_next_of_the_chain_is_asked_and_nothing_is_sent(supplier, asset, settings):
    settings.MEDIAHUB_REMOVEBG_API_KEY = ""
    chain_of(settings, "remove.bg", "fake")
    assert do(asset).provider == "fake"
    assert supplier.connections == 0


@pytest.mark.rel("F33")
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_fault_of_the_supplier_is_tried_again_and_then_succeeds(supplier, asset, status):
    supplier.fail(receivers.answer(status))
    run = do(asset)
    assert (run.state, run.attempts) == ("queued", 1)
    assert run.last_error.startswith("provider_error: ")
    clock.shift(60)
    pipeline.work("images")
    run.refresh_from_db()
    assert (run.state, run.attempts) == ("succeeded", 2)
    assert kinds_of(run) == ["hold", "post"]


@pytest.mark.rel("F33")
def test_a_fault_that_stays_ends_in_a_failure_when_the_attempts_are_spent(supplier, asset, settings):
    settings.MEDIAHUB_RUN_ATTEMPTS = 2
    supplier.always = receivers.answer(503)
    run = do(asset)
    clock.shift(60)
    pipeline.work("images")
    run.refresh_from_db()
    assert_failed(run, "provider_error")
    assert supplier.connections == 2


@pytest.mark.rel("F33")
def test_a_fault_that_stays_goes_to_the_next_of_the_chain(supplier, asset, settings):
    settings.MEDIAHUB_RUN_ATTEMPTS = 1
    chain_of(settings, "remove.bg", "fake")
    supplier.always = receivers.answer(503)
    assert do(asset).provider == "fake"


@pytest.mark.rel("F34")
def test_a_run_waits_at_least_as_long_as_the_supplier_asks(supplier, asset):
    supplier.rate_limit = 0
    before = clock.now()
    run = do(asset)
    assert (run.state, run.last_error.partition(":")[0]) == ("queued", "provider_rate_limited")
    assert run.due_at >= before + timedelta(seconds=50)


@pytest.mark.rel("F34")
def test_a_run_waits_by_itself_where_the_supplier_names_no_time(supplier, asset):
    supplier.fail(refusal_answer(429, "rate_limit_exceeded"))
    run = do(asset)
    assert run.state == "queued"
    assert run.due_at > run.created_at


@pytest.mark.rel("F34")
def test_a_wait_beyond_the_age_of_a_run_ends_it(supplier, asset):
    supplier.fail(receivers.busy(429, "259200"))
    assert_failed(do(asset), "provider_rate_limited")


@pytest.mark.rel("F37", "U11")
@pytest.mark.parametrize(
    "behaviour",
    [
        html_answer(),
        picture_answer(b""),
        picture_answer(small_png(size=(300, 300))[:-400]),
        picture_answer(small_png("RGB")),
        picture_answer(bomb_png()),
    ],
    ids=["html", "empty", "cut", "opaque", "bomb"],
)
def test_garbage_is_a_bad_result_and_nothing_of_it_is_applied(supplier, asset, behaviour):
    supplier.fail(behaviour)
    assert_failed(do(asset), "bad_provider_result")
    assert supplier.connections == 1


@pytest.mark.rel("F38", "F40")
@pytest.mark.parametrize(
    "behaviour",
    [
        receivers.answer(after_s=30),
        receivers.drip_body(),
        receivers.endless_body(),
        receivers.reset(),
        receivers.raw(b""),
    ],
    ids=["silent", "drips", "endless", "reset", "closes"],
)
def test_a_call_without_an_answer_is_tried_again(supplier, asset, behaviour):
    supplier.fail(behaviour)
    run = do(asset)
    assert (run.state, run.attempts) == ("queued", 1)
    clock.shift(60)
    pipeline.work("images")
    run.refresh_from_db()
    assert run.state == "succeeded"


@pytest.mark.rel("J9", "F4")
def test_a_paid_answer_is_not_paid_for_again_after_a_crash(supplier, asset):
    [run] = ask_for(asset, "remove-bg")
    pipeline._answer(claim("images", now=clock.now()))
    pipeline.execute(claim("images", now=clock.now() + lease("images") + timedelta(seconds=1)))
    run.refresh_from_db()
    assert (run.state, run.facts["credits_charged"]) == ("succeeded", 1)
    assert len(supplier.calls) == 1
    assert supplier.credits == 199


@pytest.mark.rel("F39")
def test_an_answer_after_the_lease_ran_out_is_thrown_away(supplier, asset):
    [run] = ask_for(asset, "remove-bg")
    late = claim("images", now=clock.now())
    answer = ask(late)
    newer = claim("images", now=clock.now() + lease("images") + timedelta(seconds=1))
    assert not keeping.keep(late, answer)
    run.refresh_from_db()
    assert (len(supplier.calls), run.state, run.answer) == (1, "running", None)
    assert AssetVersion.objects.count() == 1
    pipeline.execute(newer)
    run.refresh_from_db()
    assert run.state == "succeeded"
    assert kinds_of(run) == ["hold", "post"]
