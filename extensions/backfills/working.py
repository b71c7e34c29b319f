"""Work on a claimed backfill, step after step, for a stretch of time.

The workers of the queue `jobs` come here in turns with folder jobs (`library.tasks.also_work_on`); the sweep wakes them
and frees what the dead held.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import structlog
from django.db import OperationalError

from extensions.backfills.feeding import Next, Overtaken, step
from extensions.backfills.leases import (
    Claim,
    claim_backfill,
    end,
    free_dead_leases,
    put_back,
    wake_due_backfills,
)
from extensions.backfills.services import finish_cancelled
from mediahub.lib import clock
from mediahub.lib.crash import crash_point
from mediahub.lib.errors import DomainError
from mediahub.lib.retry import is_conflict

log = structlog.get_logger(__name__)

UNTIL_RUNS_END = timedelta(seconds=1)
AFTER_A_FAULT = timedelta(seconds=15)
AFTER_A_CONFLICT = timedelta(seconds=1)


def one_stretch(stretch_s: float, stopping: Callable[[], bool]) -> bool:
    """Work on the backfill whose turn it is; False if none is due."""
    claim = claim_backfill(now=clock.now())
    if claim is None:
        return False
    crash_point("backfill.claimed")
    work_on(claim, stretch_s=stretch_s, stopping=stopping)
    return True


def work_on(claim: Claim, *, stretch_s: float, stopping: Callable[[], bool] = lambda: False) -> None:
    """Step until its runs have to be waited for, until it ends or is paused, for at most about `stretch_s` seconds."""
    until = time.monotonic() + stretch_s
    try:
        while (following := step(claim)) is Next.STEP:
            crash_point("backfill.stepped")
            if stopping() or time.monotonic() >= until:
                break
        if following is Next.END:
            end(claim, now=clock.now())
        elif following is not Next.PAUSED:
            put_back(claim, now=clock.now(), wait=UNTIL_RUNS_END if following is Next.WAIT else timedelta())
    except Overtaken:
        return
    except DomainError as error:
        end(claim, now=clock.now(), error_code=error.code, error_message=error.message)
    except OperationalError as error:
        if not is_conflict(error):
            _try_again(claim)
            return
        put_back(claim, now=clock.now(), wait=AFTER_A_CONFLICT)
    except Exception:  # noqa: BLE001 - logged with its traceback; the attempts are counted and bounded
        _try_again(claim)


def _try_again(claim: Claim) -> None:
    """Called while an error is handled: log it and put the backfill back. Attempts are counted, so it ends some day."""
    log.exception("backfill_step_failed", backfill=claim.backfill.backfill_id)
    put_back(claim, now=clock.now(), wait=AFTER_A_FAULT, counts=True)


def sweep_backfills() -> dict[str, int]:
    """Free leases of dead processes of this node, wake workers for due backfills and finish what a crash cut off.

    Returns counts by name.
    """
    now = clock.now()
    return {
        "freed_backfills": free_dead_leases(now=now),
        "woken_backfills": wake_due_backfills(now=now),
        "cancelled_runs": finish_cancelled(now=now),
    }
