"""Claiming: one conditional UPDATE decides, accounts take turns, dead processes lose their leases (REL section 1)."""

import os
import subprocess
import sys
from datetime import timedelta

import pytest

from extensions.models import ExtensionRun, Turn
from extensions.runs.claim import _take, claim, free_dead_leases, lease
from library.services.accounts import create_account
from mediahub.lib import clock, processes
from tests.extensions.scenes import ask_for, make_asset

TAGGER = "local-auto-tagging"

pytestmark = pytest.mark.django_db


@pytest.fixture
def asset(new_account):
    return make_asset(new_account.account)


@pytest.mark.rel("J4")
def test_a_claim_takes_the_lease(asset):
    [run] = ask_for(asset, TAGGER)
    now = clock.now()
    taken = claim("tagging", now=now)
    assert taken.pk == run.pk
    assert (taken.state, taken.attempts) == ("running", 1)
    assert taken.due_at == now + lease("tagging")
    assert (taken.node, taken.process_id, taken.process_started) == processes.me()
    assert taken.token is not None


@pytest.mark.rel("J4")
def test_a_claimed_run_is_as_it_stands_in_the_database(asset):
    ask_for(asset, TAGGER)
    taken = claim("tagging", now=clock.now())
    row = ExtensionRun.objects.get()
    assert {f.attname: getattr(taken, f.attname) for f in row._meta.concrete_fields} == {
        f.attname: getattr(row, f.attname) for f in row._meta.concrete_fields
    }


@pytest.mark.rel("J4")
def test_a_run_that_somebody_had_since_it_was_read_is_not_taken(asset):
    [run] = ask_for(asset, TAGGER)
    ExtensionRun.objects.filter(pk=run.pk).update(attempts=1)
    assert not _take(run, now=clock.now())
    assert ExtensionRun.objects.get().state == "queued"


@pytest.mark.rel("J4")
def test_a_second_claim_loses(asset):
    ask_for(asset, TAGGER)
    assert claim("tagging", now=clock.now()) is not None
    assert claim("tagging", now=clock.now()) is None


@pytest.mark.rel("J4")
def test_whoever_loses_finds_what_came_due_while_it_lost(asset, monkeypatch):
    """Else its wake-up is used up, and the newer run waits for the next one."""
    [older] = ask_for(asset, TAGGER)

    def lose(run, *, now):
        monkeypatch.setattr("extensions.runs.claim._take", _take)
        assert _take(run, now=now)
        clock.shift(1)
        ask_for(asset, TAGGER)
        return False

    monkeypatch.setattr("extensions.runs.claim._take", lose)
    taken = claim("tagging", now=clock.now())
    assert taken is not None
    assert taken.pk != older.pk


@pytest.mark.rel("J4", "J10")
def test_a_lease_that_ran_out_is_taken_over_with_another_token(asset):
    ask_for(asset, TAGGER)
    first = claim("tagging", now=clock.now())
    second = claim("tagging", now=clock.now() + lease("tagging") + timedelta(seconds=1))
    assert second.pk == first.pk
    assert second.token != first.token
    assert second.attempts == 2


@pytest.mark.rel("J4", "J13")
def test_a_run_that_waits_is_not_claimed_before_its_time(asset):
    [run] = ask_for(asset, TAGGER)
    ExtensionRun.objects.filter(pk=run.pk).update(due_at=clock.now() + timedelta(seconds=60))
    assert claim("tagging", now=clock.now()) is None
    assert claim("tagging", now=clock.now() + timedelta(seconds=61)) is not None


@pytest.mark.rel("J15")
def test_queues_do_not_see_each_others_work(asset):
    ask_for(asset, "remove-bg")
    assert claim("tagging", now=clock.now()) is None
    assert claim("images", now=clock.now()) is not None


@pytest.mark.rel("J14")
def test_the_account_served_longest_ago_is_next(asset, new_account):
    for _ in range(6):
        ask_for(asset, TAGGER)
    small = make_asset(create_account(slug="small").account)
    ask_for(small, TAGGER)
    order = [claim("tagging", now=clock.now()).account.slug for _ in range(3)]
    assert "small" in order[:2]
    assert order.count("acme") == 2


@pytest.mark.rel("J14")
def test_a_backlog_of_thousands_does_not_slow_the_choice_down(asset, django_assert_max_num_queries):
    [run] = ask_for(asset, TAGGER)
    fields = {f.attname: getattr(run, f.attname) for f in ExtensionRun._meta.concrete_fields if f.attname != "id"}
    ExtensionRun.objects.bulk_create([ExtensionRun(**fields) for _ in range(3000)])
    with django_assert_max_num_queries(9):
        assert claim("tagging", now=clock.now()) is not None


@pytest.mark.rel("J16", "J20")
def test_leases_of_dead_processes_of_this_node_are_freed(asset):
    ask_for(asset, TAGGER)
    ask_for(asset, TAGGER)
    dead, alive = claim("tagging", now=clock.now()), claim("tagging", now=clock.now())
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    ExtensionRun.objects.filter(pk=dead.pk).update(process_id=gone.pid)
    assert free_dead_leases(now=clock.now()) == 1
    taken = claim("tagging", now=clock.now())
    assert taken.pk == dead.pk
    assert ExtensionRun.objects.get(pk=alive.pk).token == alive.token


@pytest.mark.rel("J16")
def test_a_process_id_used_again_by_another_process_counts_as_dead(asset):
    ask_for(asset, TAGGER)
    run = claim("tagging", now=clock.now())
    ExtensionRun.objects.filter(pk=run.pk).update(process_id=os.getpid(), process_started="1")
    assert free_dead_leases(now=clock.now()) == 1


@pytest.mark.rel("J16")
def test_leases_of_other_nodes_are_left_alone(asset):
    ask_for(asset, TAGGER)
    run = claim("tagging", now=clock.now())
    ExtensionRun.objects.filter(pk=run.pk).update(node="elsewhere", process_id=999999)
    assert free_dead_leases(now=clock.now()) == 0


@pytest.mark.rel("J19", "F52")
def test_a_worker_whose_clock_is_ahead_does_not_steal_a_lease(asset):
    # Due times come from the database's clock; the clock of the machine is never asked.
    ask_for(asset, TAGGER)
    claim("tagging", now=clock.now())
    script = (
        "import time, datetime; real = time.time; time.time = lambda: real() + 600\n"
        "from mediahub.lib import clock; import django; django.setup(); print(clock.now().isoformat())"
    )
    seen = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()
    assert abs((clock.now() - type(clock.now()).fromisoformat(seen)).total_seconds()) < 60
    assert claim("tagging", now=clock.now()) is None


def test_turns_are_made_with_the_first_work(asset):
    ask_for(asset, TAGGER, "remove-bg")
    assert sorted(Turn.objects.values_list("queue", "key")) == [
        ("images", str(asset.account_id)),
        ("tagging", str(asset.account_id)),
    ]
