"""Move and rename a tree. Assets refer to folders, so where nothing is in the way only folders' paths change, in one
statement; their events follow in batches. Into a folder that is there already the tree goes file by file. Files of the
tree have no event of their own, except where one becomes versions of another.
"""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, Max, OuterRef, QuerySet, Value
from django.db.models.functions import Concat, Substr

from library.identifiers import new_object_id
from library.models import Asset, BulkJob, Folder
from library.services.folders import ensure_folder, lock_tree, remove_empty
from library.services.jobs.leases import Claim, keep
from library.services.jobs.sizes import require_fit, size_of
from library.services.jobs.steps import at_target, leave_out, left_out_ids, some_files, step_of
from library.services.moving import put_into
from library.signals import folder_created, folder_deleted, folder_updated
from mediahub.lib.crash import crash_point
from mediahub.lib.errors import Conflict, DomainError, NotFound

FOLDERS_ANNOUNCED = 500
ASSETS_MOVED = 200
FOLDERS_REMOVED = 200
"""What one step does at most, so that its transaction stays short."""


class TreeIsBusy(DomainError):
    """Files come into the tree faster than the job can take them along."""

    code = "tree_is_busy"


def step(claim: Claim) -> bool:
    """One step of a move or renaming; says whether there is more to do. Raises Overtaken, DomainError."""
    phase = claim.job.cursor.get("phase")
    if phase == "announce":
        return _announce(claim)
    if phase == "merge":
        return _merge(claim)
    return _start(claim)


def _start(claim: Claim) -> bool:
    job = claim.job
    with step_of(claim) as now:
        lock_tree(job.account, now=now)
        size = size_of(job.account, job.source_path)
        if size is None:
            raise NotFound("The folder is gone.")
        require_fit(size, job.source_path, job.target_path)
        done = 0
        if not Folder.objects.of_account(job.account).filter(path=job.target_path).exists():
            done = max(0, job.objects_total - _relocate(job, now=now))
            upto = Folder.objects.of_account(job.account).in_tree(job.target_path).aggregate(last=Max("pk"))["last"]
            job.cursor = {"phase": "announce", "after": 0, "upto": upto}
        elif job.type == BulkJob.Type.RENAME_FOLDER:
            raise Conflict("A folder with the new name was made in the meantime.", code="folder_exists")
        else:
            job.cursor = {"phase": "merge"}
        keep(claim, done=done)
        crash_point("job.stepping")
    return True


def _relocate(job: BulkJob, *, now: datetime) -> int:
    """Give the tree its new paths; returns how many folders it has. Who is putting a file into one is waited for."""
    parent = ensure_folder(account=job.account, path=job.target_path.rpartition("/")[0] or "/", now=now)
    top = Folder.objects.get(account=job.account, path=job.source_path)
    deeper = parent.depth + 1 - top.depth
    count = (
        Folder.objects.of_account(job.account)
        .in_tree(job.source_path)
        .update(
            path=Concat(Value(job.target_path), Substr("path", len(job.source_path) + 1)),
            depth=F("depth") + deeper,
            updated_at=now,
        )
    )
    Folder.objects.filter(pk=top.pk).update(parent=parent, name=job.target_path.rpartition("/")[2])
    return count


def _announce(claim: Claim) -> bool:
    """Send the events of some of the tree's folders. A moved folder gets a new id, as ImageKit has it (API 5.2)."""
    job = claim.job
    with step_of(claim):
        tree = Folder.objects.of_account(job.account).in_tree(job.target_path)
        rows = tree.filter(pk__gt=job.cursor["after"], pk__lte=job.cursor["upto"]).order_by("pk")
        folders = list(rows[:FOLDERS_ANNOUNCED])
        if not folders:
            return False
        if job.type == BulkJob.Type.MOVE_FOLDER:
            _announce_as_new(job, folders)
        else:
            for folder in folders:
                folder_updated.send(sender=Folder, folder=folder)
        job.cursor = {**job.cursor, "after": folders[-1].pk}
        keep(claim, done=len(folders))
        crash_point("job.stepping")
    return True


def _announce_as_new(job: BulkJob, folders: list[Folder]) -> None:
    old_ids = [folder.folder_id for folder in folders]
    for folder in folders:
        folder.folder_id = new_object_id()
    Folder.objects.bulk_update(folders, ["folder_id"])
    for folder, old_id in zip(folders, old_ids, strict=True):
        folder_deleted.send(sender=Folder, account=job.account, folder_id=old_id)
        folder_created.send(sender=Folder, folder=folder)


def _merge(claim: Claim) -> bool:
    """Move some files into their folders at the target, or, when none is left, remove emptied folders."""
    job = claim.job
    with step_of(claim) as now:
        if job.objects_done > 2 * job.objects_total + 10_000:
            raise TreeIsBusy("Files come into the folder faster than they can be moved. What was moved stays moved.")
        # First: a step takes the tree's lock before any folder's or file's.
        lock_tree(job.account, now=now)
        files = Asset.objects.exclude(file_id__in=left_out_ids(job)).select_related("folder")
        batch = list(some_files(job, files, most=ASSETS_MOVED))
        if batch:
            done = _move_files(job, batch, now=now)
        elif leaves := list(_leaves(job)[:FOLDERS_REMOVED]):
            done = _move_empty_folders(job, leaves, now=now)
        else:
            return False
        keep(claim, done=done)
        crash_point("job.stepping")
    return True


def _move_files(job: BulkJob, assets: list[Asset], *, now: datetime) -> int:
    by_folder: dict[str, list[Asset]] = {}
    for asset in assets:
        by_folder.setdefault(asset.folder.path, []).append(asset)
    for path, files in by_folder.items():
        try:
            target = ensure_folder(account=job.account, path=at_target(job, path), now=now)
        except DomainError as error:
            for asset in files:
                leave_out(job, asset, error)
            continue
        for asset in _without_namesakes_moved(files, target):
            _move_file(job, asset, target, now=now)
    return len(assets)


def _without_namesakes_moved(assets: list[Asset], target: Folder) -> list[Asset]:
    """Move those whose names are free, in one statement; returns the others."""
    taken = set(target.assets.filter(name__in=[asset.name for asset in assets]).values_list("name", flat=True))
    free = [asset.pk for asset in assets if asset.name not in taken]
    try:
        with transaction.atomic():
            # In the order of keys, as everybody locks files.
            found = Asset.objects.filter(pk__in=free, folder__in={asset.folder_id for asset in assets}).order_by("pk")
            rows = found.select_for_update().values_list("pk", flat=True)
            Asset.objects.filter(pk__in=list(rows)).update(folder=target)
    except IntegrityError:
        return assets  # Somebody took one of the names just now.
    return [asset for asset in assets if asset.name in taken]


def _move_file(job: BulkJob, asset: Asset, target: Folder, *, now: datetime) -> None:
    try:
        with transaction.atomic():
            put_into(asset=asset, folder=target, now=now)
    except NotFound:
        return  # It was deleted in the meantime.
    except DomainError as error:
        leave_out(job, asset, error)


def _leaves(job: BulkJob) -> QuerySet[Folder]:
    has_children = Exists(Folder.objects.filter(parent=OuterRef("pk")))
    has_assets = Exists(Asset.objects.filter(folder=OuterRef("pk")))
    return Folder.objects.of_account(job.account).in_tree(job.source_path).filter(~has_children, ~has_assets)


def _move_empty_folders(job: BulkJob, leaves: list[Folder], *, now: datetime) -> int:
    """Make the counterparts of folders in which nothing is any more, and remove them."""
    for folder in leaves:
        ensure_folder(account=job.account, path=at_target(job, folder.path), now=now)
    return remove_empty(job.account, leaves)
