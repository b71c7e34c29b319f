"""The pages of backfills: the cost first, then the start; progress, failures, and what people do."""

import pytest

from extensions.models import Backfill, UnitLedger
from tests.extensions.backfills.conftest import finish
from tests.extensions.scenes import FAKE_CHAINS, make_asset
from tests.factories import BackfillFactory, ExtensionRunFactory, SavedExtensionFactory, moment

TICKED = {"remove-bg": "1", "skip_done": "1"}


@pytest.fixture(autouse=True)
def fake_chains(settings):
    settings.MEDIAHUB_PROVIDER_CHAINS = dict(FAKE_CHAINS)


@pytest.fixture
def signed_in(client, editor):
    client.force_login(editor)
    return client


def post(client, scene, **fields):
    return client.post(scene.url("backfill-new"), {"account": scene.account.slug, **fields})


def act(client, scene, backfill, verb, **fields):
    address = scene.url("backfill-act", backfill_id=backfill.backfill_id)
    return client.post(address, {"act": verb, **fields}, follow=True)


def test_the_cost_is_shown_first_and_nothing_is_written(signed_in, scene):
    make_asset(scene.account, name="second.png")
    ledger = UnitLedger.objects.get()
    answer = post(signed_in, scene, **TICKED, unit_limit="100")
    estimate = answer.context["estimate"]
    assert (estimate.files, estimate.runs, estimate.units) == (2, 1, 130)  # the scene's own has a run already
    text = answer.content.decode()
    assert "Start for up to 130 units" in text
    assert '<input type="hidden" name="unit_limit" value="100">' in text
    assert "pauses once 100 units" in text
    assert Backfill.objects.count() == 1
    ledger.refresh_from_db()
    assert ledger.held == 130


def test_what_the_estimate_repeats_starts_it(signed_in, scene):
    make_asset(scene.account, name="second.png")
    posted = {**TICKED, "unit_limit": "500", "path": "/", "local-auto-tagging": "1", "local-auto-tagging-maxTags": "3"}
    estimate = post(signed_in, scene, **posted)
    again = dict(estimate.context["hidden"])

    answer = post(signed_in, scene, **again, act="start")

    made = Backfill.objects.latest("pk")
    assert answer.url == f"/admin/backfills/{made.backfill_id}/"
    assert (made.filter, made.unit_limit, made.skip_done, made.actor) == ({"path": "/"}, 500, True, "edda")
    assert made.blocks[1] == {"name": "local-auto-tagging", "maxTags": 3}
    assert finish(made).state == "completed"


def test_a_saved_extension_can_be_ticked(signed_in, scene):
    saved = SavedExtensionFactory(account=scene.account, config={"name": "local-auto-tagging", "maxTags": 7})
    post(signed_in, scene, saved=saved.saved_id, act="start")
    assert Backfill.objects.latest("pk").blocks == [{"name": "local-auto-tagging", "maxTags": 7}]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "Tick at least one extension"),
        ({"remove-bg": "1", "searchQuery": "size >"}, "searchQuery"),
        ({"remove-bg": "1", "unit_limit": "many"}, "whole number"),
        ({"remove-bg": "1", "unit_limit": "999999999999"}, "unitLimit"),
        ({"remove-bg": "1", "fileType": "video"}, "fileType"),
        ({"local-auto-tagging": "1", "local-auto-tagging-maxTags": "99"}, "maxTags"),
    ],
)
def test_a_mistake_is_said_and_the_form_keeps_what_was_written(signed_in, scene, fields, said):
    answer = post(signed_in, scene, **fields, tags="red, blue")
    assert answer.status_code == 400
    assert said in answer.context["complaint"]
    text = answer.content.decode()
    assert 'value="red, blue"' in text
    if "local-auto-tagging" in fields:
        assert 'value="99"' in text
        assert answer.context["ticked"] == {"local-auto-tagging"}
    assert Backfill.objects.count() == 1


def test_it_is_paused_resumed_with_another_limit_and_cancelled(signed_in, scene):
    row = scene.backfill
    assert "paused" in act(signed_in, scene, row, "pause").content.decode()
    act(signed_in, scene, row, "resume", unit_limit="77")
    row.refresh_from_db()
    assert (row.state, row.unit_limit) == ("running", 77)
    act(signed_in, scene, row, "cancel")
    row.refresh_from_db()
    assert row.state == "cancelled"
    assert "has ended already" in act(signed_in, scene, row, "cancel").content.decode()
    assert "Choose what to do" in act(signed_in, scene, row, "explode").content.decode()


def test_failures_are_shown_with_their_reasons(signed_in, scene):
    row = BackfillFactory(account=scene.account, state="completed", finished_at=moment(1))
    failed = {
        "state": "failed",
        "error_code": "image_too_large",
        "error_message": "Too large.",
        "finished_at": moment(2),
    }
    ExtensionRunFactory(asset=scene.asset, backfill=row, **failed)
    text = signed_in.get(scene.url("backfill", backfill_id=row.backfill_id)).content.decode()
    assert "1 image_too_large" in text
    assert "Too large." in text
    assert "Try 1 failed run again" in text
    act(signed_in, scene, row, "retry")
    row.refresh_from_db()
    assert row.state == "running"


def test_an_open_one_is_asked_for_news_and_an_ended_one_is_not(signed_in, scene):
    address = scene.url("backfill")
    assert 'hx-trigger="every 3s"' in signed_in.get(address, headers={"HX-Request": "true"}).content.decode()
    Backfill.objects.update(state="completed", finished_at=moment(1))
    text = signed_in.get(address, headers={"HX-Request": "true"}).content.decode()
    assert "hx-trigger" not in text
    assert "<html" not in text


def test_a_list_of_many_costs_as_few_queries_as_one(signed_in, scene, django_assert_max_num_queries):
    for _ in range(10):
        BackfillFactory(account=scene.account)
    with django_assert_max_num_queries(12):
        signed_in.get(scene.url("backfills"))
