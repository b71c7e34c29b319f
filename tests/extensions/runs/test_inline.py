"""Synchronous-first: waiting for rows, handing over to the worker, and never both answering and announcing."""

import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from extensions.models import ExtensionRun, WebhookDelivery
from extensions.runs import heartbeats, inline, pipeline
from extensions.runs.services import cancel_run
from extensions.webhooks.claim import claim
from library.services.accounts import create_account
from mediahub.lib import clock
from mediahub.lib.waits import a_place_to_wait
from tests.extensions.scenes import FAKE_CHAINS, ask_for, make_asset

TAGGER = "local-auto-tagging"
HOOK = "https://receiver.example/hook"


@pytest.fixture(autouse=True)
def quick(settings):
    settings.MEDIAHUB_PROVIDER_CHAINS = dict(FAKE_CHAINS)
    settings.MEDIAHUB_SYNC_DEADLINE_S = 0.3


def waited_for(asset, *blocks):
    return ask_for(asset, *blocks, webhook_url=HOOK, answer_by=inline.answer_by(clock.now()))


@pytest.fixture
def asset(new_account):
    return make_asset(new_account.account)


@pytest.mark.django_db
@pytest.mark.rel("J18")
def test_without_a_living_worker_the_answer_is_pending_at_once(asset):
    runs = waited_for(asset, TAGGER)
    started = time.monotonic()
    assert inline.wait_for(runs) == {TAGGER: "pending"}
    assert time.monotonic() - started < 0.25
    assert ExtensionRun.objects.get().announce is True


@pytest.mark.django_db
@pytest.mark.rel("J18")
def test_at_the_deadline_the_worker_gets_the_announcement(asset):
    heartbeats.beat("tagging")
    runs = waited_for(asset, TAGGER)
    assert inline.wait_for(runs) == {TAGGER: "pending"}
    pipeline.work("tagging")
    assert WebhookDelivery.objects.filter(run_id=runs[0].pk).count() == 1


@pytest.mark.django_db
@pytest.mark.rel("J18")
def test_with_most_threads_waiting_the_answer_is_pending_at_once(asset, settings):
    heartbeats.beat("tagging")
    settings.MEDIAHUB_SYNC_DEADLINE_S = 30
    started = time.monotonic()
    with ExitStack() as others:
        for _ in range(settings.MEDIAHUB_WEB_THREADS // 2):
            others.enter_context(a_place_to_wait("run"))
        assert inline.wait_for(waited_for(asset, TAGGER)) == {TAGGER: "pending"}
    assert time.monotonic() - started < 10


@pytest.mark.django_db
def test_a_finished_run_is_answered_and_remove_bg_is_always_pending(asset):
    runs = waited_for(asset, TAGGER, "remove-bg")
    pipeline.work("tagging")
    pipeline.work("images")
    assert inline.wait_for(runs) == {TAGGER: "success", "remove-bg": "pending"}
    assert list(WebhookDelivery.objects.values_list("event", flat=True)) == ["remove-bg"]


@pytest.mark.django_db
def test_a_failed_run_is_answered_failed(asset, settings):
    settings.MEDIAHUB_PROVIDER_CHAINS = settings.MEDIAHUB_PROVIDER_CHAINS | {"aws-auto-tagging": ["aws-rekognition"]}
    runs = waited_for(asset, {"name": "aws-auto-tagging", "minConfidence": 10, "maxTags": 3})
    pipeline.work("tagging")
    assert inline.wait_for(runs) == {"aws-auto-tagging": "failed"}
    assert not WebhookDelivery.objects.exists()


@pytest.mark.django_db
@pytest.mark.rel("J18")
def test_an_end_announced_because_the_request_was_taken_for_dead_is_answered_pending(asset):
    runs = waited_for(asset, TAGGER)
    clock.shift(60)
    pipeline.work("tagging")
    assert WebhookDelivery.objects.count() == 1
    assert inline.wait_for(runs) == {TAGGER: "pending"}


@pytest.mark.django_db
@pytest.mark.rel("J18")
def test_an_end_whose_request_died_before_it_is_announced_when_the_request_counts_as_dead(asset):
    [run] = waited_for(asset, TAGGER)
    pipeline.work("tagging")
    # The request never comes back. Nothing is due now; it is when its time to answer has passed.
    assert claim(now=clock.now()) is None
    clock.shift(60)
    assert claim(now=clock.now()).run_id == run.pk


@pytest.mark.django_db
def test_a_run_cancelled_while_a_request_waits_is_announced_and_answered_pending(asset):
    runs = waited_for(asset, TAGGER)
    cancel_run(run=runs[0], actor="edda")
    assert inline.wait_for(runs) == {TAGGER: "pending"}
    assert WebhookDelivery.objects.count() == 1


@pytest.mark.rel("J18")
def test_a_run_done_by_a_worker_meanwhile_is_answered_with_its_end(committed_db, settings):
    settings.MEDIAHUB_SYNC_DEADLINE_S = 20
    asset = make_asset(create_account(slug="inline").account)
    heartbeats.beat("tagging")
    runs = waited_for(asset, TAGGER)

    def worker():
        time.sleep(0.2)
        pipeline.work("tagging")
        connection.close()

    thread = threading.Thread(target=worker)
    thread.start()
    answer = inline.wait_for(runs)
    thread.join()
    assert answer == {TAGGER: "success"}
    assert not WebhookDelivery.objects.exists()


@pytest.mark.rel("J18")
@pytest.mark.parametrize("lead_s", [0.0, 0.002, 0.005, 0.01])
def test_an_end_is_either_answered_or_announced_never_both_or_neither(committed_db, settings, lead_s):
    settings.MEDIAHUB_SYNC_DEADLINE_S = 0.05
    asset = make_asset(create_account(slug="either").account)
    heartbeats.beat("tagging")
    for _ in range(5):
        runs = waited_for(asset, TAGGER)

        def worker():
            time.sleep(0.05 + lead_s)
            pipeline.work("tagging")
            connection.close()

        thread = threading.Thread(target=worker)
        thread.start()
        answer = inline.wait_for(runs)
        thread.join()
        announced = WebhookDelivery.objects.filter(run_id=runs[0].pk).exists()
        assert announced == (answer == {TAGGER: "pending"})


def test_the_request_counts_as_alive_a_while_beyond_its_deadline(settings):
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert inline.answer_by(now) - now == timedelta(seconds=settings.MEDIAHUB_SYNC_DEADLINE_S + inline.GRACE_S)
