"""Who works on a job: one worker at a time, fairly, and whoever dies is replaced without anything done twice."""

import os
from datetime import timedelta

import pytest

from library import tasks
from library.models import BulkJob
from library.services.jobs import leases, working
from library.services.jobs.leases import LEASE, MAX_ATTEMPTS, claim_job, put_back
from library.services.jobs.working import work_on
from library.tasks import jobs_work, sweep_ended_jobs, sweep_jobs
from mediahub.lib import clock, processes
from mediahub.lib.clock import now
from tests.factories import AccountFactory, BulkJobFactory, PurgeRequestFactory
from tests.library.jobs.conftest import work_all
from tests.library.jobs.test_folder_jobs import copy, done, rename
from tests.library.stored import at, contents, paths, put


@pytest.mark.rel("J4")
def test_second_claim_loses(db):
    BulkJobFactory()

    assert claim_job(now=now()) is not None
    assert claim_job(now=now()) is None


@pytest.mark.rel("J7")
def test_a_worker_that_was_overtaken_changes_nothing(account):
    put(account, "/a/1.txt")
    job = rename(account, "/a", "n")
    slow = claim_job(now=now())
    clock.shift(LEASE.total_seconds() + 1)
    fast = claim_job(now=now())

    assert not work_on(slow, stretch_s=60)
    assert paths(account) == ["/a/1.txt"]
    assert work_on(fast, stretch_s=60)
    assert paths(account) == ["/n/1.txt"]
    done(job)


def test_copies_of_an_overtaken_worker_are_removed(account, blobs_in_tmp_path):
    put(account, "/a/1.txt")
    copy(account, "/a", "/x")
    slow = claim_job(now=now())
    clock.shift(LEASE.total_seconds() + 1)
    fast = claim_job(now=now())
    fast.job.refresh_from_db()
    working.copying.step(fast)  # makes the folder

    slow.job.cursor = dict(fast.job.cursor)
    assert not work_on(slow, stretch_s=60)
    assert paths(account) == ["/a/1.txt"]
    assert len([path for path in blobs_in_tmp_path.rglob("*") if path.is_file()]) == 1


@pytest.mark.rel("J10")
def test_a_job_that_kills_its_workers_ends_failed(db):
    job = BulkJobFactory(attempts=MAX_ATTEMPTS)

    assert claim_job(now=now()) is None
    job.refresh_from_db()
    assert (job.state, job.error_code) == ("failed", "worker_lost")


@pytest.mark.rel("J14")
def test_the_account_served_longest_ago_comes_first(db):
    busy, quiet = AccountFactory(), AccountFactory()
    for number in range(3):
        BulkJobFactory(account=busy, source_path=f"/{number}")
    BulkJobFactory(account=quiet, source_path="/q", due_at=now() - timedelta(seconds=1))

    turns = []
    for second in range(4):
        claim = claim_job(now=now() + timedelta(seconds=second))
        turns.append(claim.job.account_id)

    assert turns == [busy.pk, quiet.pk, busy.pk, busy.pk]


@pytest.mark.rel("J16")
def test_sweep_frees_jobs_of_dead_processes(db):
    BulkJobFactory()
    claim = claim_job(now=now())
    assert sweep_jobs()["freed_jobs"] == 0
    BulkJob.objects.update(process_id=2**22 + 1, process_started="1", node=processes.node())

    assert sweep_jobs()["freed_jobs"] == 1
    assert claim_job(now=now()).token != claim.token
    assert os.getpid() == BulkJob.objects.get().process_id


def test_a_job_put_back_goes_on_where_it_was(account):
    for number in range(45):
        put(account, f"/a/{number}.txt")
    job = copy(account, "/a", "/x")
    claim = claim_job(now=now())
    working.copying.step(claim)
    working.copying.step(claim)
    assert put_back(claim, now=now())
    job.refresh_from_db()
    assert (job.state, job.objects_done, len(paths(account))) == ("queued", 21, 65)

    work_all()
    assert len(paths(account)) == 90
    assert done(job).objects_done == 46


def test_a_store_that_does_not_answer_makes_the_job_wait(account, settings):
    put(account, "/a/1.txt")
    job = copy(account, "/a", "/x")
    settings.MEDIAHUB_MIN_FREE_BYTES = 1 << 62
    work_all()

    job.refresh_from_db()
    assert job.state == "queued"
    assert job.attempts == 0
    assert job.due_at > now()
    settings.MEDIAHUB_MIN_FREE_BYTES = 1
    clock.shift(30)
    work_all()
    done(job)
    assert contents(at(account, "/x/a/1.txt")) == [b"text"]


def test_a_store_away_for_a_day_ends_the_job(account, settings):
    put(account, "/a/1.txt")
    job = copy(account, "/a", "/x")
    settings.MEDIAHUB_MIN_FREE_BYTES = 1 << 62
    clock.shift(25 * 3600)
    work_all()

    job.refresh_from_db()
    assert (job.state, job.error_code) == ("failed", "storage_full")


@pytest.mark.rel("J13", "J1")
def test_the_task_works_until_nothing_is_due(account):
    put(account, "/a/1.txt")
    put(account, "/b/1.txt")
    rename(account, "/a", "n")
    rename(account, "/b", "m")
    jobs_work()

    assert paths(account) == ["/m/1.txt", "/n/1.txt"]
    assert not leases._open().exists()


@pytest.mark.rel("J15")
def test_jobs_leave_the_other_threads_of_a_shared_pool_alone(db, settings):
    BulkJobFactory()
    places = [tasks._places() for _ in range(settings.MEDIAHUB_JOB_THREADS)]
    for place in places:
        place.acquire()
    try:
        jobs_work()
        assert BulkJob.objects.get().state == "queued"
    finally:
        for place in places:
            place.release()


def test_ended_jobs_and_purges_are_forgotten_after_a_month(db):
    old = now() - timedelta(days=31)
    BulkJobFactory(state="completed", finished_at=old)
    BulkJobFactory(state="completed", finished_at=now())
    PurgeRequestFactory(created_at=old)

    assert sweep_ended_jobs() == 2
    assert BulkJob.objects.count() == 1
