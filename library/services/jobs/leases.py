"""Who works on which bulk job: claim, keep, put back and end, each one conditional UPDATE (REL J4, J7, J14, J16)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db.models import F, OuterRef, QuerySet, Subquery

from library.models import BulkJob
from mediahub.lib import processes
from mediahub.lib.literals import literals
from mediahub.lib.waking import wake_due, wake_new

QUEUE = "jobs"
LEASE = timedelta(seconds=120)
"""Longer than a step may take: the copies of one step are bounded in number and bytes, and stores have time-outs."""
MAX_ATTEMPTS = 5
"""Claims in a row without any progress; each step that counts starts the count again."""
KEPT_FOR = timedelta(days=30)

State = BulkJob.State


@dataclass(frozen=True)
class Claim:
    """A job whose lease this worker holds."""

    job: BulkJob
    token: UUID


def wake_for(job: BulkJob, *, now: datetime) -> None:
    """Wake a worker for a job that is about to be saved, after commit."""
    wake_new(QUEUE, [job], _open(), now=now)


def wake_due_jobs(*, now: datetime) -> int:
    """Publish wake-ups for what is due, for the sweep (REL J12). Returns how many."""
    return wake_due(QUEUE, _due(now).order_by("due_at", "pk"), _open(), now=now)


def claim_job(*, now: datetime, job_id: str | None = None) -> Claim | None:
    """Take the due job of the account served longest ago, or the one with the id; None if there is none.

    A job whose workers died MAX_ATTEMPTS times at the same place is ended instead, so it cannot go round for ever.
    """
    served = BulkJob.objects.filter(account=OuterRef("account"), served_at__isnull=False).order_by("-served_at")
    due = _due(now).annotate(account_served_at=Subquery(served.values("served_at")[:1]))
    if job_id is not None:
        due = due.filter(job_id=job_id)
    for job in due.order_by(F("account_served_at").asc(nulls_first=True), "due_at", "pk")[:5]:
        mine = BulkJob.objects.filter(pk=job.pk, state=job.state, token=job.token, due_at=job.due_at)
        if job.attempts >= MAX_ATTEMPTS:
            ended = {"error_code": "worker_lost", "error_message": "The job's workers ended again and again."}
            mine.update(state=State.FAILED, token=None, finished_at=now, **ended)
            continue
        token = uuid4()
        node, process_id, started = processes.me()
        won = mine.update(
            state=State.RUNNING,
            token=token,
            attempts=F("attempts") + 1,
            due_at=now + LEASE,
            served_at=now,
            woken_at=None,
            node=node,
            process_id=process_id,
            process_started=started,
        )
        if won == 1:
            return Claim(BulkJob.objects.select_related("account").get(pk=job.pk), token)
    return None


def hold(claim: Claim, *, now: datetime) -> bool:
    """Make the lease longer and lock the row, as the first act of a step's transaction; False: we were overtaken."""
    return _mine(claim).update(due_at=now + LEASE) == 1


def keep(claim: Claim, *, done: int) -> None:
    """Write down what a step did, as the last act of its transaction. The claim's job is then as in the database."""
    job = claim.job
    job.objects_done += done
    BulkJob.objects.filter(pk=job.pk).update(
        cursor=job.cursor, left_out=job.left_out, objects_done=job.objects_done, attempts=0
    )


def put_back(
    claim: Claim, *, now: datetime, wait: timedelta = timedelta(), error: str = "", counts: bool = False
) -> bool:
    """Let any worker go on with the job, at once or after a wait. counts: whether this was a failed attempt."""
    values = {"state": State.QUEUED, "token": None, "due_at": now + wait, "error_message": error, "woken_at": None}
    return _mine(claim).update(**values, **({} if counts else {"attempts": 0})) == 1


def end(claim: Claim, *, now: datetime, error_code: str = "", error_message: str = "") -> bool:
    """End the job: completed, or failed if there is a code."""
    state = State.FAILED if error_code else State.COMPLETED
    values = {"error_code": error_code, "error_message": error_message, "left_out": claim.job.left_out}
    return _mine(claim).update(state=state, token=None, finished_at=now, **values) == 1


def free_dead_leases(*, now: datetime) -> int:
    """Let jobs of this node be claimed at once whose process no longer exists; return how many (REL J16)."""
    running = _open().filter(state=State.RUNNING, due_at__gt=now)
    return sum(
        BulkJob.objects.filter(pk=job.pk, token=job.token, state=State.RUNNING).update(due_at=now, woken_at=None)
        for job in processes.lost(running)
    )


def forget_jobs(*, now: datetime) -> int:
    """Remove jobs that ended more than 30 days ago; returns how many."""
    return BulkJob.objects.filter(finished_at__lt=now - KEPT_FOR).delete()[0]


def _mine(claim: Claim) -> QuerySet[BulkJob]:
    return BulkJob.objects.filter(pk=claim.job.pk, token=claim.token, state=State.RUNNING)


def _due(now: datetime) -> QuerySet[BulkJob]:
    return _open().filter(due_at__lte=now)


def _open() -> QuerySet[BulkJob]:
    """Jobs that are not over, written as the partial index has it, so that it serves."""
    return BulkJob.objects.filter(state__in=literals("queued", "running"))
