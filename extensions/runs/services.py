"""Ask for runs, cancel them, try them again: the rows are written, then workers are woken.

The API, the admin and commands call these. Everything that belongs to one request happens in the caller's transaction.
"""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction

from extensions import turns
from extensions.catalog import CATALOG, Block
from extensions.models import ExtensionRun
from extensions.saved.resolving import expand_saved
from extensions.units import services as units
from extensions.webhooks.publish import publish_extension_webhook
from library.models import Asset, AssetVersion
from library.services.accounts import audit
from library.services.versions import lock_asset
from mediahub.lib import clock
from mediahub.lib.errors import Conflict
from mediahub.lib.waking import wake_new

State = ExtensionRun.State


class RunIsOver(Conflict):
    """The run has ended; terminal is final."""

    code = "run_is_over"


class RunIsOpen(Conflict):
    """The run has not ended yet, so there is nothing to try again."""

    code = "run_is_open"


def request_runs(
    *,
    asset: Asset,
    version: AssetVersion,
    blocks: Sequence[Block],
    webhook_url: str,
    now: datetime,
    answer_by: datetime | None = None,
    retry_of: ExtensionRun | None = None,
    backfill_id: int | None = None,
) -> list[ExtensionRun]:
    """Write one queued run per block and hold its units, inside the caller's transaction.

    answer_by: until when a request waits for synchronous-first runs; None: nobody waits and every end is announced.
    backfill_id: primary key of the backfill that asks, whose runs give way to others of the account.
    Raises InsufficientUnits, BadExtensions for a saved extension that is not there (any more); then nothing of the
    caller's transaction should remain.
    """
    blocks = expand_saved(asset.account, blocks)
    runs = [
        _new_run(
            asset,
            version,
            block,
            webhook_url=webhook_url,
            now=now,
            answer_by=answer_by,
            retry_of=retry_of,
            backfill_id=backfill_id,
        )
        for block in blocks
    ]
    for queue in sorted({run.queue for run in runs}):
        turns.join_queue(queue, [str(asset.account_id)], now=now)
        of_queue = ExtensionRun.objects.open().filter(queue=queue)
        wake_new(queue, [run for run in runs if run.queue == queue], of_queue, now=now)
    ExtensionRun.objects.bulk_create(runs)
    # Last, because all requests of the account wait for the ledger's lock until this one has committed.
    units.hold(account=asset.account, runs=runs, now=now)
    return runs


@transaction.atomic
def cancel_run(*, run: ExtensionRun, actor: str) -> ExtensionRun:
    """End an open run, give its units back and announce it. A worker that holds it is overtaken.

    Raises RunIsOver if it ended before.
    """
    now = clock.now()
    won = ExtensionRun.objects.open().filter(pk=run.pk)
    if not won.update(
        state=State.CANCELLED,
        finished_at=now,
        token=None,
        error_code="cancelled",
        error_message=f"Cancelled by {actor}.",
        announce=True,
    ):
        raise RunIsOver("This run has ended already.")
    run.refresh_from_db()
    units.close(run=run, succeeded=False, now=now)
    publish_extension_webhook(run=run, now=now)
    audit(account=run.account, actor=actor, action="run.cancelled", target=str(run.pk), detail={})
    return run


@transaction.atomic
def retry_run(*, run: ExtensionRun, actor: str) -> ExtensionRun:
    """Ask for the same work again, as a new run on the asset's current version with a hold of its own.

    Raises RunIsOpen, Conflict if the asset is gone, InsufficientUnits.
    """
    if not run.is_terminal:
        raise RunIsOpen("This run has not ended yet.")
    again = repeat_run(run=run, now=clock.now())
    audit(account=run.account, actor=actor, action="run.retried", target=str(run.pk), detail={"run": str(again.pk)})
    return again


def repeat_run(*, run: ExtensionRun, now: datetime) -> ExtensionRun:
    """Ask for an ended run's work again, inside the caller's transaction. Raises Conflict, InsufficientUnits."""
    asset = Asset.objects.filter(pk=run.asset_id).first() if run.asset_id else None
    if asset is not None:
        lock_asset(asset)
        asset = Asset.objects.with_details().get(pk=asset.pk)
    if asset is None or asset.current_version is None:
        raise Conflict("The asset of this run was deleted.", code="asset_deleted")
    block = Block(name=run.extension, params=run.params, index=0)
    [again] = request_runs(
        asset=asset,
        version=asset.current_version,
        blocks=[block],
        webhook_url=run.webhook_url,
        now=now,
        retry_of=run,
        backfill_id=run.backfill_id,
    )
    return again


def _new_run(
    asset: Asset,
    version: AssetVersion,
    block: Block,
    *,
    webhook_url: str,
    now: datetime,
    answer_by: datetime | None,
    retry_of: ExtensionRun | None,
    backfill_id: int | None,
) -> ExtensionRun:
    extension = CATALOG[block.name]
    is_waited_for = extension.is_synchronous_first and answer_by is not None
    return ExtensionRun(
        account=asset.account,
        asset=asset,
        file_id=asset.file_id,
        version_id=version.version_id,
        extension=extension.name,
        params=dict(block.params),
        queue=extension.queue,
        due_at=now,
        units=extension.units,
        webhook_url=webhook_url,
        announce=not is_waited_for or settings.MEDIAHUB_EXTENSION_WEBHOOKS == "all",
        answer_by=answer_by if is_waited_for else None,
        retry_of=retry_of,
        backfill_id=backfill_id,
        created_at=now,
    )
