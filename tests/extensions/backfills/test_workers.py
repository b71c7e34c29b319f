"""Workers of the queue `jobs` take turns between folder jobs and backfills; the sweep finds what the dead held."""

import os
from datetime import timedelta

import pytest

from extensions.backfills.leases import claim_backfill
from extensions.backfills.services import _cancel
from extensions.backfills.working import sweep_backfills
from extensions.models import Backfill, ExtensionRun
from extensions.runs.services import retry_run
from extensions.sweeping import PARTS
from extensions.units import audit
from extensions.workers import release_dead_leases
from library.models import BulkJob
from library.tasks import jobs_work
from mediahub.lib import clock, processes
from tests import factories
from tests.extensions.backfills.conftest import feed, start
from tests.library.jobs.test_folder_jobs import rename
from tests.library.stored import put

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(new_account):
    return new_account.account


def test_one_wake_up_does_a_stretch_of_both(account, assets):
    put(account, "/a/1.txt")
    rename(account, "/a", "b")
    start(account)

    jobs_work()

    assert BulkJob.objects.get().state == "completed"
    assert ExtensionRun.objects.filter(backfill__isnull=False).count() == 3


@pytest.mark.rel("J16")
@pytest.mark.parametrize("freeing", [sweep_backfills, release_dead_leases])
def test_what_a_dead_process_held_is_free_at_once(account, freeing):
    backfill = start(account)
    claim_backfill(now=clock.now())
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    Backfill.objects.update(process_id=child, process_started="1", node=processes.node())

    freeing()

    backfill.refresh_from_db()
    assert backfill.due_at <= clock.now()
    assert claim_backfill(now=clock.now()) is not None


def test_one_that_waits_for_its_runs_is_left_alone_by_the_sweep(account):
    later = clock.now() + timedelta(seconds=60)
    factories.BackfillFactory(
        account=account, state="running", due_at=later, node=processes.node(), process_id=999_999, process_started="1"
    )
    assert sweep_backfills()["freed_backfills"] == 0
    assert Backfill.objects.get().due_at == later


def test_runs_that_a_cut_off_cancelling_left_are_cancelled_by_the_sweep(account, assets):
    backfill = start(account)
    feed()
    _cancel(backfill, "somebody")  # and the process ends

    assert sweep_backfills()["cancelled_runs"] == 3

    assert set(ExtensionRun.objects.values_list("state", flat=True)) == {"cancelled"}
    assert audit.differences() == []
    clock.shift(1)
    again = retry_run(run=ExtensionRun.objects.first(), actor="somebody")
    assert sweep_backfills()["cancelled_runs"] == 0
    again.refresh_from_db()
    assert again.state == "queued"


def test_the_sweep_looks_after_backfills_at_every_pass():
    [part] = [part for part in PARTS if part.name == "backfills"]
    assert part.every_s == 0
