"""Breaker and limits between real connections: what one worker learns, all know."""

import threading

import pytest
from django.db import connection

from extensions.models import ExtensionRun, ProviderState
from extensions.providers import state
from extensions.providers.registry import get_provider
from extensions.runs import pipeline
from extensions.runs.chain import _leave_to_call
from extensions.runs.claim import claim
from library.services.accounts import create_account
from mediahub.lib import clock
from tests.extensions.runs.test_races import together
from tests.extensions.scenes import FAKE_CHAINS, ask_for, make_asset

TAGGER = "local-auto-tagging"


@pytest.fixture(autouse=True)
def fake_chains(settings):
    settings.MEDIAHUB_PROVIDER_CHAINS = dict(FAKE_CHAINS)
    settings.MEDIAHUB_BREAKER_FAILURES = 5


def claimed(count):
    asset = make_asset(create_account(slug="crowd", units_per_month=10_000).account)
    for _ in range(count):
        ask_for(asset, TAGGER)
    return [claim("tagging", now=clock.now()) for _ in range(count)]


def test_of_many_workers_at_once_one_is_the_probe(committed_db):
    runs = claimed(8)
    for _ in range(5):
        until = state.note_failure("fake", code="busy", message="later", retry_after_s=None)
    clock.shift((until - clock.now()).total_seconds() + 1)
    tickets = together(*[lambda run=run: _leave_to_call(run, "fake") for run in runs])
    assert [isinstance(ticket, state.Ticket) for ticket in tickets].count(True) == 1, tickets


def test_of_many_workers_at_once_no_more_than_the_limit_call(committed_db, settings):
    settings.MEDIAHUB_PROVIDER_CONCURRENCY = {"fake": 3}
    runs = claimed(8)
    tickets = together(*[lambda run=run: _leave_to_call(run, "fake") for run in runs])
    assert [isinstance(ticket, state.Ticket) for ticket in tickets].count(True) == 3, tickets


def test_of_many_workers_at_once_no_more_than_the_rate_call(committed_db, settings):
    settings.MEDIAHUB_PROVIDER_RATE_PER_MIN = {"fake": 20}
    runs = claimed(8)
    tickets = together(*[lambda run=run: _leave_to_call(run, "fake") for run in runs])
    assert [isinstance(ticket, state.Ticket) for ticket in tickets].count(True) == 4, tickets


def test_failures_of_many_workers_are_counted_once_each(committed_db):
    def fail():
        return state.note_failure("fake", code="busy", message="later", retry_after_s=None)

    together(*[fail] * 4)
    assert ProviderState.objects.get().failures == 4
    assert ProviderState.objects.get().breaker == "closed"
    fail()
    assert ProviderState.objects.get().breaker == "open"


def test_with_a_limit_the_calls_that_overlap_never_exceed_it_and_all_runs_end(committed_db, settings, monkeypatch):
    settings.MEDIAHUB_PROVIDER_CONCURRENCY = {"fake": 2}
    monkeypatch.setattr(pipeline, "spread_s", lambda **kwargs: 0.01)
    monkeypatch.setattr(state, "LOOK_AGAIN_S", 0.01)
    asset = make_asset(create_account(slug="crowd", units_per_month=10_000).account)
    for _ in range(10):
        ask_for(asset, TAGGER)
    lock, now_calling, most = threading.Lock(), set(), []
    answer = get_provider("fake").run

    def call(run_input):
        with lock:
            now_calling.add(run_input.run_id)
            most.append(len(now_calling))
        found = answer(run_input)
        connection.ensure_connection()
        threading.Event().wait(0.02)
        with lock:
            now_calling.discard(run_input.run_id)
        return found

    monkeypatch.setattr(get_provider("fake"), "run", call)

    def worker():
        while ExtensionRun.objects.open().exists():
            pipeline.work("tagging")

    results = together(*[worker] * 5)
    assert results == [None] * 5
    assert max(most) <= 2
    assert set(ExtensionRun.objects.values_list("state", "attempts")) == {("succeeded", 1)}
