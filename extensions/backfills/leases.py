"""Who works on which backfill: claimed, kept and put back by the rules of `mediahub.lib.leases`, as bulk jobs are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from extensions.models import Backfill
from library.services.jobs.leases import QUEUE
from mediahub.lib.leases import Leases

State = Backfill.State


@dataclass(frozen=True)
class Claim:
    """A backfill whose lease this worker holds."""

    backfill: Backfill
    token: UUID


def wake_for(backfill: Backfill, *, now: datetime) -> None:
    """Wake a worker for a backfill that is about to be saved, after commit."""
    _LEASES.wake_for(backfill, now=now)


def wake_due_backfills(*, now: datetime) -> int:
    """Publish wake-ups for what is due, for the sweep. Returns how many."""
    return _LEASES.wake_due(now=now)


def claim_backfill(*, now: datetime) -> Claim | None:
    """Take the due backfill of the account served longest ago; None if none is due."""
    taken = _LEASES.claim(_LEASES.due(now), now=now)
    return taken and Claim(Backfill.objects.select_related("account").get(pk=taken[0]), taken[1])


def hold(claim: Claim, *, now: datetime) -> bool:
    """Make the lease longer and lock the row, as the first act of a step's transaction; False: we were overtaken."""
    return _LEASES.hold(claim.backfill.pk, claim.token, now=now)


def keep(claim: Claim) -> None:
    """Write down how far the backfill is, as the last act of a step's transaction."""
    backfill = claim.backfill
    Backfill.objects.filter(pk=backfill.pk).update(
        cursor=backfill.cursor,
        files_seen=backfill.files_seen,
        skipped=backfill.skipped,
        retry_before=backfill.retry_before,
        attempts=0,
    )


def put_back(claim: Claim, *, now: datetime, wait: timedelta = timedelta(), counts: bool = False) -> bool:
    """Let any worker go on with it, at once or after a wait. counts: whether this was a failed attempt."""
    return _LEASES.put_back(claim.backfill.pk, claim.token, now=now, wait=wait, counts=counts)


def pause_itself(claim: Claim, *, code: str, message: str) -> bool:
    """Stop until somebody resumes it; says why."""
    held = _LEASES.held(claim.backfill.pk, claim.token)
    return held.update(state=State.PAUSED, token=None, error_code=code, error_message=message) == 1


def end(claim: Claim, *, now: datetime, error_code: str = "", error_message: str = "") -> bool:
    """End it: completed, or failed if there is a code."""
    state = State.FAILED if error_code else State.COMPLETED
    return _LEASES.end(
        claim.backfill.pk, claim.token, state=state, now=now, error_code=error_code, error_message=error_message
    )


def free_dead_leases(*, now: datetime) -> int:
    """Let backfills of this node be claimed at once whose process no longer exists; return how many (REL J16)."""
    return _LEASES.free_dead(now=now)


_LEASES = Leases(
    queue=QUEUE,
    open_rows=lambda: Backfill.objects.going_on(),
    put_back_to=State.RUNNING,
    lost="The backfill's workers ended again and again.",
)
