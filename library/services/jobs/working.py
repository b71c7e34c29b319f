"""Work on a claimed bulk job, step after step, for a stretch of time. The task of the queue `jobs` calls `work_on`.

Each step is one short transaction that begins by holding the lease and ends by writing down how far the job is; so a
worker may die at any moment, and the next one goes on behind the last step that counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import structlog
from django.db import OperationalError

from library.models import BulkJob
from library.services.jobs import copying, deleting, relocating
from library.services.jobs.leases import Claim, claim_job, end, put_back
from library.services.jobs.steps import Overtaken
from library.storage import StorageFull, StorageUnavailable
from mediahub.lib.clock import now as clock_now
from mediahub.lib.crash import crash_point
from mediahub.lib.errors import DomainError
from mediahub.lib.retry import is_conflict

log = structlog.get_logger(__name__)

LONGEST_WAIT = timedelta(minutes=10)
SHORTEST_WAIT = timedelta(seconds=5)
GIVES_UP_AFTER = timedelta(hours=24)
AFTER_A_FAULT = timedelta(seconds=15)
AFTER_A_CONFLICT = timedelta(seconds=1)
IN_REQUEST_S = 10.0

STEPS: dict[str, Callable[[Claim], bool]] = {
    BulkJob.Type.COPY_FOLDER: copying.step,
    BulkJob.Type.MOVE_FOLDER: relocating.step,
    BulkJob.Type.RENAME_FOLDER: relocating.step,
    BulkJob.Type.DELETE_FOLDER: deleting.step,
}
"""A step does a bounded piece and says whether there is more to do."""


def work_now(job: BulkJob) -> None:
    """Work on a job that was just asked for, for as long as a request may take; the rest is left to the workers."""
    claim = claim_job(now=clock_now(), job_id=job.job_id)
    if claim is not None:
        work_on(claim, stretch_s=IN_REQUEST_S)


def work_on(claim: Claim, *, stretch_s: float, stopping: Callable[[], bool] = lambda: False) -> bool:
    """Work on a job until it ends, for at most about `stretch_s` seconds; returns whether it ended.

    Then it is put back, so that others' jobs get their turn. A store that does not answer puts it back with a growing
    wait. Whatever else goes wrong is logged and tried again a few times.
    """
    crash_point("job.claimed")
    until = time.monotonic() + stretch_s
    try:
        while STEPS[claim.job.type](claim):
            crash_point("job.stepped")
            if stopping() or time.monotonic() >= until:
                put_back(claim, now=clock_now())
                return False
        return end(claim, now=clock_now(), **_what_was_left(claim.job))
    except Overtaken:
        return False
    except (StorageFull, StorageUnavailable) as error:
        _wait_for_the_store(claim, error)
        return False
    except DomainError as error:
        return end(claim, now=clock_now(), error_code=error.code, error_message=error.message)
    except OperationalError as error:
        if not is_conflict(error):
            return _try_again(claim)
        put_back(claim, now=clock_now(), wait=AFTER_A_CONFLICT)
        return False
    except Exception:  # noqa: BLE001 - logged with its traceback; the attempts are counted and bounded
        return _try_again(claim)


def _try_again(claim: Claim) -> bool:
    """Called while an error is handled: log it and put the job back. The attempts are counted, so it ends some day."""
    log.exception("bulk_job_step_failed", job_id=claim.job.job_id)
    put_back(claim, now=clock_now(), wait=AFTER_A_FAULT, error="A step failed and is tried again.", counts=True)
    return False


def _wait_for_the_store(claim: Claim, error: DomainError) -> None:
    now = clock_now()
    age = now - claim.job.created_at
    if age > GIVES_UP_AFTER:
        end(claim, now=now, error_code=error.code, error_message=error.message)
    else:
        put_back(claim, now=now, wait=min(max(age / 2, SHORTEST_WAIT), LONGEST_WAIT), error=error.message)


def _what_was_left(job: BulkJob) -> dict[str, str]:
    if not job.left_out:
        return {}
    count = len(job.left_out)
    stayed = "is as it was" if count == 1 else "are as they were"
    return {
        "error_code": "files_left_out",
        "error_message": f"All is done but for {count} file{'' if count == 1 else 's'}, which {stayed}.",
    }
