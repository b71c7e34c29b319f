"""The sweep wakes what is due, within its ceiling, in any number of copies (REL J12, F22)."""

from datetime import timedelta

import pytest

from extensions.models import ExtensionRun
from extensions.runs import tasks
from extensions.runs.claim import claim
from mediahub.lib import clock, waking
from tests.extensions.scenes import ask_for, make_asset

TAGGER = "local-auto-tagging"
pytestmark = pytest.mark.django_db


@pytest.fixture
def published(monkeypatch):
    """What was published, instead of a broker: queue and count of each call."""
    calls = []
    monkeypatch.setattr(waking, "publish", lambda queue, count: calls.append((queue, count)) or count)
    monkeypatch.setattr(waking, "waiting", lambda queue: sum(count for name, count in calls if name == queue))
    return calls


@pytest.fixture
def asset(new_account):
    return make_asset(new_account.account)


@pytest.mark.rel("J12")
def test_rows_woken_lately_are_not_woken_again(asset, published):
    ask_for(asset, TAGGER, "remove-bg")
    tasks.sweep_due_runs()
    assert published == []
    clock.shift(waking.WAKE_AGAIN_S + 1)
    tasks.sweep_due_runs()
    assert sorted(published) == [("images", 1), ("tagging", 1)]


@pytest.mark.rel("J12", "F22")
def test_three_sweeps_at_once_wake_a_row_once(asset, published):
    ask_for(asset, TAGGER)
    now = clock.now() + timedelta(seconds=waking.WAKE_AGAIN_S + 1)
    for _ in range(3):
        tasks.sweep_due_runs(now)
    assert published == [("tagging", 1)]


@pytest.mark.rel("J12")
def test_no_more_than_the_ceiling_is_woken_within_its_span(asset, published):
    [run] = ask_for(asset, TAGGER)
    values = {f.attname: getattr(run, f.attname) for f in ExtensionRun._meta.concrete_fields if f.attname != "id"}
    ExtensionRun.objects.bulk_create([ExtensionRun(**values) for _ in range(waking.CEILING + 200)])
    now = clock.now()
    tasks.sweep_due_runs(now)
    tasks.sweep_due_runs(now + timedelta(seconds=5))
    assert sum(count for _, count in published) <= waking.CEILING
    ask_for(asset, TAGGER)
    assert ExtensionRun.objects.order_by("-created_at").first().woken_at is None


@pytest.mark.rel("J12", "J13")
def test_a_run_that_waits_is_woken_when_its_time_has_come(asset, published):
    [run] = ask_for(asset, TAGGER)
    later = clock.now() + timedelta(seconds=300)
    ExtensionRun.objects.filter(pk=run.pk).update(due_at=later, woken_at=None)
    tasks.sweep_due_runs()
    assert published == []
    tasks.sweep_due_runs(later + timedelta(seconds=1))
    assert published == [("tagging", 1)]


@pytest.mark.rel("J12")
def test_messages_that_nobody_takes_do_not_pile_up(asset, published):
    [run] = ask_for(asset, TAGGER)
    values = {f.attname: getattr(run, f.attname) for f in ExtensionRun._meta.concrete_fields if f.attname != "id"}
    ExtensionRun.objects.bulk_create([ExtensionRun(**values) for _ in range(2 * waking.CEILING)])
    now = clock.now()
    for minutes in range(10):
        tasks.sweep_due_runs(now + timedelta(minutes=minutes))
    assert sum(count for _, count in published) <= waking.CEILING


@pytest.mark.rel("J12", "F16", "F17")
def test_rows_whose_messages_were_lost_are_woken_within_seconds(asset, published, monkeypatch):
    ask_for(asset, TAGGER)
    later = clock.now() + timedelta(seconds=waking.LOST_AFTER_S + 1)
    monkeypatch.setattr(waking, "waiting", lambda queue: 1)
    tasks.sweep_due_runs(later)
    assert published == []
    monkeypatch.setattr(waking, "waiting", lambda queue: 0)
    tasks.sweep_due_runs(later)
    assert published == [("tagging", 1)]


@pytest.mark.rel("J3", "J12", "F17")
def test_what_could_not_be_published_is_woken_at_the_next_pass(asset, monkeypatch, published):
    [run] = ask_for(asset, TAGGER)
    ExtensionRun.objects.filter(pk=run.pk).update(woken_at=None)
    with monkeypatch.context() as away:
        away.setattr(waking, "waiting", lambda queue: None)
        tasks.sweep_due_runs()
    with monkeypatch.context() as failing:
        failing.setattr(waking, "publish", lambda queue, count: 0)
        tasks.sweep_due_runs()
    assert ExtensionRun.objects.get().woken_at is None
    tasks.sweep_due_runs()
    assert published == [("tagging", 1)]


@pytest.mark.rel("J3")
def test_a_request_whose_wake_up_failed_leaves_the_row_to_the_sweep(asset, django_capture_on_commit_callbacks):
    # The suite has no broker.
    with django_capture_on_commit_callbacks(execute=True):
        ask_for(asset, TAGGER)
    assert ExtensionRun.objects.get().woken_at is None


@pytest.mark.rel("J12")
def test_a_claimed_row_no_longer_counts_against_the_ceiling(asset):
    ask_for(asset, TAGGER)
    assert ExtensionRun.objects.get().woken_at is not None
    claim("tagging", now=clock.now())
    assert ExtensionRun.objects.get().woken_at is None
