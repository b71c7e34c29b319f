"""Which files of a backfill get a run, and what that would cost: the estimate and the steps ask the same questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, QuerySet

from extensions.catalog import CATALOG, Block
from extensions.filters import files_chosen
from extensions.models import Backfill, ExtensionRun
from extensions.units.estimates import Estimate, Line, estimate, refusal, with_facts
from extensions.units.services import balance
from library.models import Account, Asset, AssetVersion
from library.models.asset import MAX_VERSIONS

ALREADY = "already_requested"


@dataclass(frozen=True)
class Candidate:
    """A file at which a backfill looks. wanted: what to ask for on it. skipped: reasons, one for each other block."""

    asset: Asset
    wanted: list[Block]
    skipped: list[str]


def already_requested(block: Block) -> Exists:
    """Condition on assets: a run with these parameters succeeded or is open, and no upload came after it."""
    later = AssetVersion.objects.filter(
        asset=OuterRef("asset"), origin=AssetVersion.Origin.UPLOAD, created_at__gt=OuterRef("created_at")
    )
    runs = ExtensionRun.objects.filter(
        ~Exists(later),
        asset=OuterRef("pk"),
        extension=block.name,
        params=dict(block.params),
        state__in=["queued", "running", "succeeded"],
    )
    return Exists(runs)


def estimate_backfill(
    *, account: Account, given: Mapping[str, str], blocks: Sequence[Block], skip_done: bool, now: datetime
) -> Estimate:
    """What a backfill would ask for if it ran now. Its `skipped` counts runs, not files. Writes nothing."""
    chosen = files_chosen(account, given).order_by()
    skipped: Counter[str] = Counter()
    lines: list[Line] = []
    files = chosen.count()
    for block in blocks:
        fresh = chosen.exclude(already_requested(block)) if skip_done else chosen
        found = estimate(account=account, assets=fresh, names=[block.name], now=now)
        skipped.update(found.skipped)
        skipped[ALREADY] += files - found.files
        lines += found.lines
    reasons = {reason: count for reason, count in skipped.items() if count > 0}
    return Estimate(files, tuple(lines), reasons, balance(account, now=now).available)


def next_files(backfill: Backfill, blocks: Sequence[Block], *, most: int) -> list[Candidate]:
    """The files that come next, in the order of their keys, with what to ask for on each."""
    chosen = files_chosen(backfill.account, backfill.filter).filter(pk__gt=backfill.cursor, pk__lte=backfill.last_key)
    rows: QuerySet[Any] = with_facts(chosen).select_related("account", "current_version")
    asked = ExtensionRun.objects.filter(backfill=backfill, file_id=OuterRef("file_id"))
    for block in blocks:
        was_asked = Exists(asked.filter(extension=block.name))
        is_done = (was_asked | already_requested(block)) if backfill.skip_done else was_asked
        rows = rows.annotate(**{f"has_{block.index}": ExpressionWrapper(is_done, output_field=BooleanField())})
    return [_candidate(asset, blocks) for asset in rows.order_by("pk")[:most]]


def _candidate(asset: Any, blocks: Sequence[Block]) -> Candidate:
    is_full = asset.may_be_full and asset.versions.count() >= MAX_VERSIONS
    is_animated = bool(asset.current_version and asset.current_version.is_animated)
    wanted: list[Block] = []
    skipped: list[str] = []
    for block in blocks:
        fault = refusal(CATALOG[block.name], fault=asset.fault or "", is_animated=is_animated, is_full=is_full)
        reason = ALREADY if getattr(asset, f"has_{block.index}") else fault
        if reason:
            skipped.append(reason)
        else:
            wanted.append(block)
    return Candidate(asset, wanted, skipped)
