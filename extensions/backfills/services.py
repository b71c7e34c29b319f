"""Ask for backfills, pause, resume and cancel them, try their failed runs again. API, admin and commands call these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Max, Q

from extensions.backfills.leases import wake_for
from extensions.catalog import Block
from extensions.filters import files_chosen
from extensions.models import Backfill, ExtensionRun
from extensions.querysets import BackfillQuerySet, RunQuerySet
from extensions.runs.services import RunIsOver, cancel_run
from library.models import Account, Asset
from library.services.accounts import audit
from mediahub.lib import clock
from mediahub.lib.errors import Conflict, DomainError

MOST_UNFINISHED = 10
CUT_OFF_FOR = timedelta(days=1)
"""So long after a cancelling the sweep looks for runs that it left."""
RUNS_CANCELLED = 1000
"""At once; the sweep cancels the rest."""
LARGEST_LIMIT = 10**9

State = Backfill.State


class BadBackfill(DomainError):
    """What was given makes no backfill; `field` names the member."""

    code = "invalid_backfill"


class TooManyBackfills(Conflict):
    """The account has as many backfills that have not ended as it may have."""

    code = "too_many_backfills"


class BackfillState(Conflict):
    """The backfill is not in a state in which this can be done."""

    code = "backfill_state"


@transaction.atomic
def start_backfill(
    *,
    account: Account,
    given: Mapping[str, str],
    blocks: Sequence[Block],
    skip_done: bool,
    unit_limit: int | None,
    webhook_url: str,
    actor: str,
    now: datetime,
) -> Backfill:
    """Write a backfill of the files that are there now, and wake a worker.

    given: a filter from `clean_filter`. blocks: resolved and checked. Raises BadBackfill, TooManyBackfills.
    """
    if not blocks:
        raise BadBackfill("extensions must name at least one extension.", field="extensions")
    check_limit(unit_limit)
    _require_room(Backfill.objects.of_account(account), account)
    chosen = files_chosen(account, given)
    backfill = Backfill(
        account=account,
        blocks=[{"name": block.name, **block.params} for block in blocks],
        filter=dict(given),
        skip_done=skip_done,
        unit_limit=unit_limit,
        webhook_url=webhook_url,
        actor=actor[:150],
        files_found=chosen.count(),
        last_key=Asset.objects.of_account(account).aggregate(last=Max("pk"))["last"] or 0,
        due_at=now,
        created_at=now,
        resumed_at=now,
    )
    wake_for(backfill, now=now)
    backfill.save()
    _note(
        backfill,
        actor,
        "started",
        {"extensions": backfill.extensions, "filter": dict(given), "files": backfill.files_found},
    )
    return backfill


@transaction.atomic
def pause_backfill(*, backfill: Backfill, actor: str) -> Backfill:
    """Ask for no more runs; those asked for go on. Raises BackfillState unless it is pending or running."""
    stopped = {"error_code": "paused", "error_message": f"Paused by {actor}."}
    open_rows = Backfill.objects.filter(pk=backfill.pk, state__in=Backfill.ACTIVE)
    if not open_rows.update(state=State.PAUSED, token=None, **stopped):
        raise BackfillState("Only a backfill that is pending or running can be paused.")
    return _changed(backfill, actor, "paused")


@transaction.atomic
def resume_backfill(*, backfill: Backfill, actor: str, changes: Mapping[str, Any] | None = None) -> Backfill:
    """Go on where it stopped. changes: `unit_limit` if that is to be another one, None for none.

    Raises BackfillState unless it is paused, BadBackfill for a limit that is none.
    """
    changes = {} if changes is None else dict(changes)
    if "unit_limit" in changes:
        check_limit(changes["unit_limit"])
    now = clock.now()
    if not Backfill.objects.filter(pk=backfill.pk, state=State.PAUSED).update(**_going(now), **changes):
        raise BackfillState("Only a backfill that is paused can be resumed.")
    return _set_going(backfill, actor, "resumed", now)


@transaction.atomic
def retry_failed(*, backfill: Backfill, actor: str) -> Backfill:
    """Try the runs again that have failed so far, after the files that are left.

    Runs of files that are gone stay as they are. Raises BackfillState, TooManyBackfills.
    """
    _require_room(Backfill.objects.of_account(backfill.account).exclude(pk=backfill.pk), backfill.account)
    now = clock.now()
    failed = ExtensionRun.objects.filter(backfill=backfill, state="failed", asset__isnull=False).latest_tries()
    if not failed.exists():
        raise BackfillState("No run of this backfill has failed that could be tried again.")
    again = Backfill.objects.filter(pk=backfill.pk, state__in=[State.RUNNING, State.COMPLETED])
    if not again.update(**_going(now), retry_before=now, finished_at=None, token=None):
        raise BackfillState("Only a backfill that is running or completed can have its failed runs tried again.")
    return _set_going(backfill, actor, "retried", now)


def cancel_backfill(*, backfill: Backfill, actor: str) -> Backfill:
    """End it, with those of its runs that no worker has begun; what was done stays. Raises BackfillState if it ended.

    The runs go one by one afterwards; those that a crash in between leaves, the sweep cancels.
    """
    ended = _cancel(backfill, actor)
    _cancel_runs(ExtensionRun.objects.filter(backfill=backfill, state="queued"), actor)
    return ended


def finish_cancelled(*, now: datetime) -> int:
    """Cancel runs that are left of backfills whose cancelling was cut off; returns how many. For the sweep.

    What somebody has tried again since is meant.
    """
    lately = ExtensionRun.objects.filter(
        Q(retry_of=None) | Q(created_at__lte=F("backfill__finished_at")),
        state="queued",
        backfill__state=State.CANCELLED,
        backfill__finished_at__gt=now - CUT_OFF_FOR,
    )
    return _cancel_runs(lately, "the end of its backfill")


def _cancel_runs(runs: RunQuerySet, actor: str) -> int:
    done = 0
    for run in runs.select_related("account").order_by("pk")[:RUNS_CANCELLED]:
        try:
            cancel_run(run=run, actor=actor)
        except RunIsOver:
            continue
        done += 1
    return done


@transaction.atomic
def _cancel(backfill: Backfill, actor: str) -> Backfill:
    stopped = {"error_code": "cancelled", "error_message": f"Cancelled by {actor}."}
    rows = Backfill.objects.filter(pk=backfill.pk, state__in=[*Backfill.ACTIVE, State.PAUSED])
    if not rows.update(state=State.CANCELLED, token=None, finished_at=clock.now(), **stopped):
        raise BackfillState("This backfill has ended already.")
    return _changed(backfill, actor, "cancelled")


def _require_room(others: BackfillQuerySet, account: Account) -> None:
    """Raise TooManyBackfills if so many of these have not ended. Those who count wait for those who insert."""
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    if others.unfinished().count() >= MOST_UNFINISHED:
        raise TooManyBackfills(
            f"An account may have {MOST_UNFINISHED} backfills that have not ended. Cancel one or wait."
        )


def check_limit(limit: int | None) -> None:
    """Raise BadBackfill for a limit of units that is out of range."""
    if limit is not None and not 0 <= limit <= LARGEST_LIMIT:
        raise BadBackfill(f"unitLimit must be a whole number from 0 to {LARGEST_LIMIT}, or null.", field="unitLimit")


def _going(now: datetime) -> dict[str, Any]:
    return {
        "state": State.RUNNING,
        "error_code": "",
        "error_message": "",
        "attempts": 0,
        "due_at": now,
        "resumed_at": now,
    }


def _set_going(backfill: Backfill, actor: str, action: str, now: datetime) -> Backfill:
    backfill.refresh_from_db()
    wake_for(backfill, now=now)
    backfill.save(update_fields=["woken_at"])
    _note(backfill, actor, action, {})
    return backfill


def _changed(backfill: Backfill, actor: str, action: str) -> Backfill:
    backfill.refresh_from_db()
    _note(backfill, actor, action, {})
    return backfill


def _note(backfill: Backfill, actor: str, action: str, detail: dict[str, Any]) -> None:
    audit(
        account=backfill.account,
        actor=actor,
        action=f"backfill.{action}",
        target=backfill.backfill_id,
        detail=detail,
    )
