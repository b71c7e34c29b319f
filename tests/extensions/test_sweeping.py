"""The sweep: one part that fails stops no other, rare parts wait for their turn, dead workers are forgotten."""

from datetime import timedelta

import pytest

from extensions import sweeping
from extensions.models import WorkerHeartbeat
from extensions.runs import heartbeats
from extensions.sweeping import Part, Sweeper
from mediahub.lib import clock
from tests import factories

pytestmark = pytest.mark.django_db

BROKEN = Part("broken", "extensions.sweeping.no_such_function")


def test_part_that_fails_is_reported_and_the_next_one_runs():
    # The other part needs no database: a failure drops connections, also the one that holds this test's transaction.
    sweeper = Sweeper([BROKEN, Part("spool", "extensions.sweeping.clean_spool")])
    results = sweeper.sweep_once()
    assert "ImportError" in results["broken"]["error"]
    assert results["spool"] == 0
    assert sweeper.failed(results)


def test_rare_part_runs_at_the_first_pass_and_then_waits():
    sweeper = Sweeper([Part("spool", "extensions.sweeping.clean_spool", every_s=3600)])
    assert set(sweeper.sweep_once()) == {"spool"}
    assert sweeper.sweep_once() == {}


def test_worker_that_was_not_seen_for_ten_minutes_is_forgotten():
    heartbeats.beat("images")
    factories.WorkerHeartbeatFactory(queue="tagging", seen_at=clock.now() - timedelta(seconds=601))
    assert sweeping.prune_heartbeats() == 1
    assert [row.queue for row in WorkerHeartbeat.objects.all()] == ["images"]


@pytest.mark.rel("J18")
def test_queue_is_alive_for_15_seconds_after_a_beat():
    heartbeats.beat("images")
    now = clock.now()
    assert heartbeats.alive("images", now + timedelta(seconds=14))
    assert not heartbeats.alive("images", now + timedelta(seconds=16))
    assert not heartbeats.alive("tagging", now)


def test_worker_that_stops_says_so_at_once():
    heartbeats.beat("images")
    heartbeats.stop("images")
    assert not heartbeats.alive("images", clock.now())
