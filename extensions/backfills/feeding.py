"""One step of a backfill: look at the next files, ask for runs on a few of them, and write down how far it is.

All of it is one transaction under the lease, so whoever dies, no file is asked twice and none is left out. A step asks
for no more than `MEDIAHUB_BACKFILL_WAITING` open runs allow, so that uploads never queue behind a backlog.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import Enum, auto

from django.conf import settings
from django.db import transaction
from django.db.models import Sum

from extensions.backfills.choosing import Candidate, next_files
from extensions.backfills.leases import Claim, hold, keep, pause_itself
from extensions.catalog import CATALOG, Block
from extensions.models import Backfill, ExtensionRun
from extensions.runs.services import repeat_run, request_runs
from extensions.units.services import InsufficientUnits
from library.models import Asset
from library.services.versions import lock_asset
from mediahub.lib import clock
from mediahub.lib.crash import crash_point
from mediahub.lib.errors import Conflict, DomainError, NotFound

FILES_LOOKED_AT = 100
RUNS_ASKED_FOR = 10
"""What one step does at most. It holds the account's ledger from the first run on, so it is kept short."""
FAILURES_IN_A_ROW = 25
"""So many runs that ended and all failed pause a backfill: something is wrong that more runs will not mend."""
GONE = "asset_deleted"


class Overtaken(Exception):
    """The lease ran out, or the backfill was paused or cancelled; what this step was doing does not count."""


class Next(Enum):
    """What comes after a step: another one, a wait for runs to end, the end, or nothing because it is paused."""

    STEP = auto()
    WAIT = auto()
    END = auto()
    PAUSED = auto()


class _Stop(Exception):
    """The backfill pauses; code and message say why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def step(claim: Claim) -> Next:
    """Do one step. Raises Overtaken, and DomainError for a backfill that cannot go on."""
    blocks = _blocks(claim.backfill)
    with _step_of(claim) as now:
        room = settings.MEDIAHUB_BACKFILL_WAITING - _open_runs(claim.backfill)
        try:
            if room <= 0:
                return Next.WAIT
            found = _ask(claim.backfill, blocks, room=min(room, RUNS_ASKED_FOR), now=now)
        except _Stop as stop:
            keep(claim)
            pause_itself(claim, code=stop.code, message=stop.message)
            return Next.PAUSED
        keep(claim)
        crash_point("backfill.stepping")
    if found:
        return Next.STEP
    return Next.WAIT if _open_runs(claim.backfill) else Next.END


def _ask(backfill: Backfill, blocks: Sequence[Block], *, room: int, now: datetime) -> bool:
    """Ask for up to about so many runs, first on new files, then on those that failed; False if none was left."""
    candidates = next_files(backfill, blocks, most=FILES_LOOKED_AT)
    purse = _Purse(backfill)
    asked = 0
    if candidates:
        _refuse_to_go_on_failing(backfill)
    for candidate in candidates:
        # A file's runs belong together, so the last one may exceed the room.
        if asked >= room:
            break
        asked += _ask_for_file(backfill, candidate, purse, now=now)
    if candidates:
        return True
    return _ask_again(backfill, purse, room=room, now=now)


def _ask_for_file(backfill: Backfill, candidate: Candidate, purse: _Purse, *, now: datetime) -> int:
    """Ask for what is wanted on a file, count what is not, and go on behind it; returns how many runs it made."""
    skipped = Counter(candidate.skipped)
    asked = 0
    if candidate.wanted:
        purse.take(sum(CATALOG[block.name].units for block in candidate.wanted))
        try:
            with transaction.atomic():
                asked = len(_request(backfill, candidate.asset, candidate.wanted, now=now))
        except InsufficientUnits as error:
            raise _no_units() from error
        except NotFound:
            skipped[GONE] += len(candidate.wanted)
    backfill.cursor = candidate.asset.pk
    backfill.files_seen += 1
    backfill.skipped = dict(Counter(backfill.skipped) + skipped)
    return asked


def _request(backfill: Backfill, asset: Asset, blocks: Sequence[Block], *, now: datetime) -> list[ExtensionRun]:
    lock_asset(asset)
    version = asset.versions.filter(pk=asset.current_version_id or 0).first()
    if version is None:
        raise NotFound("The file has no version.")
    return request_runs(
        asset=asset,
        version=version,
        blocks=blocks,
        webhook_url=backfill.webhook_url,
        now=now,
        backfill_id=backfill.pk,
    )


def _ask_again(backfill: Backfill, purse: _Purse, *, room: int, now: datetime) -> bool:
    """Try some of the failed runs again that somebody asked about; False if none is left."""
    if backfill.retry_before is None:
        return False
    failed = ExtensionRun.objects.filter(backfill=backfill, state="failed", finished_at__lte=backfill.retry_before)
    there = failed.latest_tries().filter(asset__current_version__isnull=False)
    runs = list(there.select_related("account", "asset").order_by("pk")[:room])
    if runs:
        _refuse_to_go_on_failing(backfill)
    for run in runs:
        try:
            with transaction.atomic():
                if _was_tried_again(run):
                    continue
                purse.take(CATALOG[run.extension].units)
                repeat_run(run=run, now=now)
        except InsufficientUnits as error:
            raise _no_units() from error
        except (Conflict, NotFound):
            continue  # its file goes in this moment, and with it the run leaves the query
    if not runs:
        backfill.retry_before = None
    return bool(runs)


def _was_tried_again(run: ExtensionRun) -> bool:
    """Whether somebody has tried the run again since we looked; who does that holds the lock of its file."""
    asset = run.asset
    if asset is None:
        raise NotFound("The file of this run was deleted.")
    lock_asset(asset)
    return run.retries.exists()


class _Purse:
    """The units that the backfill may still ask for, by its own limit."""

    def __init__(self, backfill: Backfill) -> None:
        self._limit = backfill.unit_limit
        self._used = 0 if self._limit is None else units_used(backfill)

    def take(self, units: int) -> None:
        """Count units in. Raises _Stop if they are beyond the limit."""
        if self._limit is None:
            return
        if self._used + units > self._limit:
            raise _Stop(
                "unit_limit_reached",
                f"The next file needs {units} units, and of the limit of {self._limit} units {self._used} are used. "
                "Raise the limit to go on.",
            )
        self._used += units


def units_used(backfill: Backfill) -> int:
    """Units that its runs have spent or hold; failed ones cost nothing."""
    counted = ExtensionRun.objects.filter(backfill=backfill, state__in=["queued", "running", "succeeded"])
    return int(counted.aggregate(units=Sum("units"))["units"] or 0)


def _no_units() -> _Stop:
    return _Stop(
        "insufficient_units",
        "The account's units for this month do not suffice for the next file. Add units, or resume next month.",
    )


def _refuse_to_go_on_failing(backfill: Backfill) -> None:
    ended = ExtensionRun.objects.filter(backfill=backfill, finished_at__gte=backfill.resumed_at)
    latest = list(ended.order_by("-finished_at").values_list("state", "error_code")[:FAILURES_IN_A_ROW])
    if len(latest) == FAILURES_IN_A_ROW and all(state == "failed" for state, _ in latest):
        [(code, _)] = Counter(code for _, code in latest).most_common(1)
        raise _Stop(
            "runs_keep_failing",
            f"The last {FAILURES_IN_A_ROW} runs failed, most with {code}. Mend the cause, then resume.",
        )


def _open_runs(backfill: Backfill) -> int:
    return ExtensionRun.objects.open().filter(backfill=backfill).count()


def _blocks(backfill: Backfill) -> list[Block]:
    """Its blocks as they were checked when it was asked for. Raises DomainError if the server lost one's extension."""
    blocks = [
        Block(str(block["name"]), {key: value for key, value in block.items() if key != "name"}, index)
        for index, block in enumerate(backfill.blocks)
    ]
    for block in blocks:
        if block.name not in CATALOG:
            raise DomainError(f"This server has no extension {block.name} any more.", code="unknown_extension")
    return blocks


@contextmanager
def _step_of(claim: Claim) -> Iterator[datetime]:
    """One transaction under the claim's lease; gives the present moment. Raises Overtaken."""
    with transaction.atomic():
        now = clock.now()
        if not hold(claim, now=now):
            raise Overtaken
        yield now
