"""What a backfill asks for: each file once, whoever dies, no more at a time than fits, and nothing beyond the units."""

import pytest
from django.db import IntegrityError, transaction

from extensions.backfills import feeding
from extensions.backfills.choosing import next_files
from extensions.backfills.leases import claim_backfill
from extensions.backfills.services import pause_backfill, resume_backfill, retry_failed
from extensions.backfills.wire import outcomes
from extensions.backfills.working import work_on
from extensions.models import Backfill, ExtensionRun
from extensions.runs import pipeline
from extensions.units import audit
from extensions.units.services import change_plan
from library.models import AITag
from library.services.assets import delete_asset
from mediahub.lib import clock
from mediahub.lib.leases import LEASE, MAX_ATTEMPTS
from tests import factories
from tests.extensions.backfills.conftest import CUT, TAG, do_runs, feed, finish, start
from tests.extensions.scenes import ask_for, make_asset

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(new_account):
    return new_account.account


def outcome(backfill):
    return outcomes([backfill])[backfill.pk]


def test_every_file_gets_one_run_and_its_result(account, assets):
    backfill = finish(start(account))

    assert backfill.state == "completed"
    assert (backfill.files_found, backfill.files_seen, backfill.percent) == (3, 3, 100)
    assert (outcome(backfill).requested, outcome(backfill).succeeded) == (3, 3)
    assert sorted(ExtensionRun.objects.values_list("asset", flat=True)) == [asset.pk for asset in assets]
    assert AITag.objects.values("asset").distinct().count() == 3


def test_several_extensions_are_asked_for_together(account, assets):
    backfill = finish(start(account, TAG, CUT))

    assert outcome(backfill).succeeded == 6
    assert outcome(backfill).units == 3 * 130
    assert audit.differences() == []


def test_only_files_of_the_filter_are_taken(account, assets):
    factories.TagFactory(asset=assets[1], name="sale")

    finish(start(account, given={"searchQuery": 'tags IN ["sale"]'}))

    assert ExtensionRun.objects.get().asset == assets[1]


def test_files_of_other_accounts_are_never_taken(account, assets):
    factories.AssetFactory()

    backfill = finish(start(account))

    assert backfill.files_found == 3
    assert not ExtensionRun.objects.exclude(account=account).exists()


def test_files_that_came_after_the_start_are_left_out(account, assets):
    backfill = start(account)
    make_asset(account, name="late.png")

    assert finish(backfill).files_seen == 3


def test_files_that_cannot_be_worked_on_are_counted_with_the_reason_and_cost_nothing(account, assets):
    factories.AssetFactory(account=account, version__mime="application/pdf")
    factories.AssetFactory(account=account, version__is_animated=True, version__mime="image/gif")

    backfill = finish(start(account, CUT))

    assert backfill.skipped == {"unsupported_file_type": 1, "animated_not_supported": 1}
    assert outcome(backfill).requested == 3


def test_a_file_with_a_successful_run_of_the_same_parameters_is_skipped(account, assets):
    ask_for(assets[0], TAG)
    ask_for(assets[1], {**TAG, "maxTags": 6})
    do_runs()

    backfill = finish(start(account))

    assert backfill.skipped == {"already_requested": 1}
    assert outcome(backfill).requested == 2


@pytest.mark.parametrize(
    ("done", "asked"),
    [
        (
            {"name": "ai-tasks", "tasks": [{"type": "select_tags", "instruction": "x", "vocabulary": ["a", "b"]}]},
            {"tasks": [{"vocabulary": ["a", "b"], "instruction": "x", "type": "select_tags"}], "name": "ai-tasks"},
        ),
        (
            {"name": "aws-auto-tagging", "minConfidence": 70, "maxTags": 3},
            {"maxTags": 3.0, "name": "aws-auto-tagging", "minConfidence": 70.0},
        ),
    ],
    ids=["order", "numbers"],
)
def test_the_same_parameters_spelled_otherwise_are_the_same(account, assets, done, asked):
    ask_for(assets[0], done)
    do_runs()

    assert finish(start(account, asked)).skipped == {"already_requested": 1}


def test_a_file_that_was_overwritten_since_is_not_skipped(account, assets):
    ask_for(assets[0], TAG)
    do_runs()
    factories.AssetVersionFactory(asset=assets[0], created_at=clock.now())

    assert finish(start(account)).skipped == {}


def test_nothing_is_skipped_where_that_is_asked_for(account, assets):
    ask_for(assets[0], TAG)
    do_runs()

    assert outcome(finish(start(account, skip_done=False))).requested == 3


def test_a_failed_run_is_no_reason_to_skip(account, assets):
    [run] = ask_for(assets[0], TAG)
    ExtensionRun.objects.filter(pk=run.pk).update(state="failed", error_code="x", finished_at=clock.now())

    assert outcome(finish(start(account))).requested == 3


def test_no_more_runs_wait_at_a_time_than_the_setting_allows(account, assets, settings):
    settings.MEDIAHUB_BACKFILL_WAITING = 2
    start(account)
    feed()
    feed()
    assert ExtensionRun.objects.open().count() == 2
    pipeline.work("tagging")
    feed()
    assert ExtensionRun.objects.open().count() == 2
    assert ExtensionRun.objects.count() == 3


@pytest.mark.rel("J14")
def test_a_run_of_an_upload_is_done_before_those_of_a_backfill(account, assets):
    start(account)
    feed()
    [urgent] = ask_for(make_asset(account, name="new.png"), TAG)

    assert pipeline.work("tagging").pk == urgent.pk
    assert pipeline.work("tagging").backfill_id is not None


def test_a_backfill_out_of_units_pauses_and_goes_on_where_it_was(account, assets):
    change_plan(account=account, units_per_month=260, overage_units=0, actor="t")
    backfill = finish(start(account, CUT))

    assert (backfill.state, backfill.error_code, backfill.files_seen) == ("paused", "insufficient_units", 2)
    change_plan(account=account, units_per_month=1000, overage_units=0, actor="t")
    backfill = finish(resume_backfill(backfill=backfill, actor="t"))
    assert (backfill.state, outcome(backfill).succeeded) == ("completed", 3)
    assert audit.differences() == []


def test_a_limit_of_units_holds_and_can_be_raised(account, assets):
    backfill = finish(start(account, CUT, unit_limit=300))

    assert (backfill.state, backfill.error_code) == ("paused", "unit_limit_reached")
    assert outcome(backfill).units == 260
    backfill = finish(resume_backfill(backfill=backfill, actor="t", changes={"unit_limit": 390}))
    assert (backfill.state, outcome(backfill).units) == ("completed", 390)


def test_units_of_failed_runs_do_not_count_against_the_limit(account, assets):
    backfill = start(account, CUT, unit_limit=260)
    feed()
    ExtensionRun.objects.filter(asset=assets[0]).update(state="failed", error_code="x", finished_at=clock.now())

    backfill = finish(resume_backfill(backfill=backfill, actor="t"))
    assert backfill.state == "completed"


def test_runs_that_all_fail_pause_it(account, assets, monkeypatch, settings):
    monkeypatch.setattr(feeding, "FAILURES_IN_A_ROW", 2)
    settings.MEDIAHUB_BACKFILL_WAITING = 1
    settings.MEDIAHUB_PROVIDER_CHAINS = {**settings.MEDIAHUB_PROVIDER_CHAINS, "local-auto-tagging": ["nobody"]}

    backfill = finish(start(account))

    assert (backfill.state, backfill.error_code) == ("paused", "runs_keep_failing")
    assert "provider_not_configured" in backfill.error_message
    assert outcome(backfill).failed == 2
    backfill = finish(resume_backfill(backfill=backfill, actor="t"))
    assert (backfill.state, outcome(backfill).failed) == ("completed", 3)


def test_failed_runs_are_tried_again_and_counted_by_their_latest_try(account, assets, settings):
    chains = settings.MEDIAHUB_PROVIDER_CHAINS
    settings.MEDIAHUB_PROVIDER_CHAINS = {**chains, "local-auto-tagging": ["nobody"]}
    backfill = finish(start(account))
    assert outcome(backfill).failed == 3
    delete_asset(asset=assets[0])
    settings.MEDIAHUB_PROVIDER_CHAINS = chains

    backfill = finish(retry_failed(backfill=backfill, actor="t"))

    assert backfill.state == "completed"
    assert (outcome(backfill).succeeded, outcome(backfill).failed, outcome(backfill).requested) == (2, 1, 3)
    assert ExtensionRun.objects.count() == 5


def test_a_file_deleted_between_the_look_and_the_lock_is_left_out(account, assets):
    backfill = start(account)
    [candidate, *_] = next_files(backfill, feeding._blocks(backfill), most=10)
    delete_asset(asset=assets[0])

    asked = feeding._ask_for_file(backfill, candidate, feeding._Purse(backfill), now=clock.now())
    assert (asked, backfill.skipped, backfill.cursor) == (0, {"asset_deleted": 1}, candidate.asset.pk)


@pytest.mark.rel("J7")
def test_a_worker_that_was_overtaken_asks_for_nothing(account, assets):
    backfill = start(account)
    slow = claim_backfill(now=clock.now())
    clock.shift(LEASE.total_seconds() + 1)
    fast = claim_backfill(now=clock.now())

    work_on(slow, stretch_s=60)
    assert not ExtensionRun.objects.exists()
    work_on(fast, stretch_s=60)
    assert ExtensionRun.objects.filter(backfill=backfill).count() == 3


def test_a_worker_at_it_stops_when_it_is_paused(account, assets):
    backfill = start(account)
    mine = claim_backfill(now=clock.now())
    pause_backfill(backfill=backfill, actor="t")

    work_on(mine, stretch_s=60)

    assert not ExtensionRun.objects.exists()
    backfill.refresh_from_db()
    assert backfill.state == "paused"


@pytest.mark.rel("J4")
def test_second_claim_loses(account, assets):
    start(account)

    assert claim_backfill(now=clock.now()) is not None
    assert claim_backfill(now=clock.now()) is None


@pytest.mark.rel("J10")
def test_a_backfill_that_kills_its_workers_ends_failed(account):
    backfill = start(account)
    Backfill.objects.update(attempts=MAX_ATTEMPTS)

    assert claim_backfill(now=clock.now()) is None
    backfill.refresh_from_db()
    assert (backfill.state, backfill.error_code) == ("failed", "worker_lost")


def test_going_over_the_files_once_more_asks_for_nothing_twice(account, assets):
    backfill = start(account, skip_done=False)
    feed()
    Backfill.objects.update(cursor=0)
    feed()

    assert ExtensionRun.objects.filter(backfill=backfill).count() == 3


def test_the_database_refuses_a_second_run_of_a_file(account, assets):
    backfill = start(account)
    feed()
    run = ExtensionRun.objects.filter(backfill=backfill).first()
    with pytest.raises(IntegrityError), transaction.atomic():
        factories.ExtensionRunFactory(asset=run.asset, account=account, backfill=backfill)


def test_a_fault_in_a_step_is_tried_again_and_leaves_nothing(account, assets):
    backfill = start(account)
    Backfill.objects.update(skipped={"broken": "text"})
    feed()
    backfill.refresh_from_db()
    assert (backfill.state, backfill.attempts) == ("running", 1)
    assert not ExtensionRun.objects.exists()

    Backfill.objects.update(skipped={})
    assert finish(backfill).state == "completed"


def test_a_backfill_of_nothing_completes(account):
    assert finish(start(account, given={"path": "/nowhere"})).state == "completed"


def test_an_extension_that_the_server_lost_ends_it(account, assets):
    backfill = start(account)
    Backfill.objects.update(blocks=[{"name": "paint"}])

    backfill = finish(backfill)
    assert (backfill.state, backfill.error_code) == ("failed", "unknown_extension")


@pytest.mark.rel("J14")
def test_the_account_served_longest_ago_comes_first(account, assets):
    other = factories.AccountFactory()
    mine, theirs, second = start(account), start(other), start(account)
    turns = []
    for _ in range(3):
        found = claim_backfill(now=clock.now())
        turns.append(found.backfill.pk)
        Backfill.objects.filter(pk=found.backfill.pk).update(state="running", due_at=clock.now(), token=None)
    assert turns[:2] == [mine.pk, theirs.pk]
    assert turns[2] in (mine.pk, second.pk)


def test_many_files_cost_few_queries(account, django_assert_max_num_queries):
    for _ in range(60):
        factories.AssetFactory(account=account, version__mime="text/plain")
    start(account)
    with django_assert_max_num_queries(25):
        feed()
    assert Backfill.objects.get().files_seen == 60
