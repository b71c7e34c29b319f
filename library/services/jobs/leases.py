"""Who works on which bulk job: claim, keep, put back and end (REL J4, J7, J14, J16), by `mediahub.lib.leases`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet

from library.models import BulkJob
from mediahub.lib.leases import LEASE, MAX_ATTEMPTS, Leases
from mediahub.lib.literals import literals

__all__ = ["LEASE", "MAX_ATTEMPTS"]

QUEUE = "jobs"
KEPT_FOR = timedelta(days=30)

State = BulkJob.State


@dataclass(frozen=True)
class Claim:
    """A job whose lease this worker holds."""

    job: BulkJob
    token: UUID


def wake_for(job: BulkJob, *, now: datetime) -> None:
    """Wake a worker for a job that is about to be saved, after commit."""
    _LEASES.wake_for(job, now=now)


def wake_due_jobs(*, now: datetime) -> int:
    """Publish wake-ups for what is due, for the sweep (REL J12). Returns how many."""
    return _LEASES.wake_due(now=now)


def claim_job(*, now: datetime, job_id: str | None = None) -> Claim | None:
    """Take the due job of the account served longest ago, or the one with the id; None if there is none.

    A job whose workers died MAX_ATTEMPTS times at the same place is ended instead, so it cannot go round for ever.
    """
    due = _LEASES.due(now)
    taken = _LEASES.claim(due if job_id is None else due.filter(job_id=job_id), now=now)
    return taken and Claim(BulkJob.objects.select_related("account").get(pk=taken[0]), taken[1])


def hold(claim: Claim, *, now: datetime) -> bool:
    """Make the lease longer and lock the row, as the first act of a step's transaction; False: we were overtaken."""
    return _LEASES.hold(claim.job.pk, claim.token, now=now)


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
    return _LEASES.put_back(claim.job.pk, claim.token, now=now, wait=wait, error=error, counts=counts)


def end(claim: Claim, *, now: datetime, error_code: str = "", error_message: str = "") -> bool:
    """End the job: completed, or failed if there is a code."""
    return _LEASES.end(
        claim.job.pk,
        claim.token,
        state=State.FAILED if error_code else State.COMPLETED,
        now=now,
        error_code=error_code,
        error_message=error_message,
        left_out=claim.job.left_out,
    )


def free_dead_leases(*, now: datetime) -> int:
    """Let jobs of this node be claimed at once whose process no longer exists; return how many (REL J16)."""
    return _LEASES.free_dead(now=now)


def forget_jobs(*, now: datetime) -> int:
    """Remove jobs that ended more than 30 days ago; returns how many."""
    return BulkJob.objects.filter(finished_at__lt=now - KEPT_FOR).delete()[0]


def _open() -> QuerySet[BulkJob]:
    """Jobs that are not over, written as the partial index has it, so that it serves."""
    return BulkJob.objects.filter(state__in=literals("queued", "running"))


_LEASES = Leases(
    queue=QUEUE, open_rows=_open, put_back_to=State.QUEUED, lost="The job's workers ended again and again."
)
