"""Copy a tree: folder by folder from the top, some files at a time. Bytes are copied between transactions; the rows of
a batch and the place reached are written in one, so no file is copied twice, whoever dies.
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from library.models import Asset, AssetVersion, BulkJob, Folder
from library.services.blobs import discard
from library.services.copies import VersionCopy, copied_blobs
from library.services.folders import ensure_folder, lock_tree
from library.services.jobs.leases import Claim, keep
from library.services.jobs.steps import at_target, leave_out, step_of
from library.services.moving import versions_to_copy, write_copy
from library.services.versions import lock_asset
from library.storage import BlobMissing
from mediahub.lib.crash import crash_point
from mediahub.lib.errors import DomainError, NotFound

FILES_COPIED = 20
VERSIONS_COPIED = 100
BYTES_COPIED = 64 * 1024 * 1024
FOLDERS_MADE = 50
"""What one step does at most; a file is always copied whole, so a step may do one file's versions more."""


def step(claim: Claim) -> bool:
    """Copy some files of the present folder, or go on to the next folders. Raises Overtaken, DomainError, Storage..."""
    job = claim.job
    folder = Folder.objects.of_account(job.account).filter(pk=job.cursor.get("folder", 0)).first()
    files = _next_files(job, folder) if folder else []
    if folder is None or not files:
        return _next_folders(claim)
    with ExitStack() as copying:
        batch = [(asset, _copied(job, asset, copying)) for asset in files]
        crash_point("job.copied")
        with step_of(claim) as now:
            unused = _write(job, folder, batch, now=now)
            job.cursor = {**job.cursor, "asset": files[-1].pk}
            keep(claim, done=len(files))
            crash_point("job.stepping")
            for _, copied in batch:
                if copied:
                    copied[1].append(True)
            transaction.on_commit(lambda: discard(*unused), robust=True)
    return True


def _next_files(job: BulkJob, folder: Folder) -> list[Asset]:
    """The files that come next in a folder, with their versions read, within the limits of a step."""
    after = folder.assets.filter(pk__gt=job.cursor.get("asset", 0)).order_by("pk").select_related("account")
    chosen: list[Asset] = []
    versions = size = 0
    for asset in after[:FILES_COPIED]:
        mine = versions_to_copy(asset, include_versions=job.include_versions)
        versions, size = versions + len(mine), size + sum(version.size_bytes for version in mine)
        if chosen and (versions > VERSIONS_COPIED or size > BYTES_COPIED):
            break
        chosen.append(asset)
    return chosen


Copied = tuple[list[VersionCopy], list[bool]]


def _copied(job: BulkJob, asset: Asset, copying: ExitStack) -> Copied | None:
    """The copies of a file's bytes, or None if it is left out because some are missing or it was deleted just now."""
    versions: list[AssetVersion] = versions_to_copy(asset, include_versions=job.include_versions)
    if not versions:
        return None
    try:
        return copying.enter_context(copied_blobs(versions))
    except BlobMissing as error:
        if Asset.objects.filter(pk=asset.pk).exists():
            leave_out(job, asset, error)
        return None


def _write(job: BulkJob, folder: Folder, batch: list[tuple[Asset, Copied | None]], *, now: datetime) -> list[str]:
    """Write the copies' rows; returns the keys of copies that are not needed after all."""
    target = ensure_folder(account=job.account, path=at_target(job, folder.path), now=now)
    unused: list[str] = []
    for asset, copied in batch:
        if copied is None:
            continue
        try:
            with transaction.atomic():
                lock_asset(asset)
                write_copy(asset=asset, folder=target, copies=copied[0], now=now)
        except DomainError as error:
            unused += [copy.blob_key for copy in copied[0]]
            if not isinstance(error, NotFound):
                leave_out(job, asset, error)
    return unused


def _next_folders(claim: Claim) -> bool:
    """Make the counterparts of the next folders, up to the first that holds files; False if none is left."""
    job = claim.job
    with step_of(claim) as now:
        lock_tree(job.account, now=now)
        depth, key = job.cursor.get("depth", 0), job.cursor.get("folder", 0)
        tree = Folder.objects.of_account(job.account).in_tree(job.source_path)
        after = tree.filter(Q(depth__gt=depth) | Q(depth=depth, pk__gt=key)).order_by("depth", "pk")
        made = 0
        for folder in after[:FOLDERS_MADE]:
            ensure_folder(account=job.account, path=at_target(job, folder.path), now=now)
            job.cursor = {"depth": folder.depth, "folder": folder.pk, "asset": 0}
            made += 1
            if folder.assets.exists():
                break
        if not made:
            return False
        keep(claim, done=made)
        crash_point("job.stepping")
    return True
