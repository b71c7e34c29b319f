"""Ask for a folder tree to be copied, moved, renamed or deleted (API 3.8). The API and the folder page call these.

Every check is made under a lock on the account's tree, so of two jobs on overlapping trees one is refused with 423.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from library import wire
from library.models import Account, BulkJob, Folder
from library.names import clean_folder_name, clean_folder_path, joined, normal_path
from library.services.folders import lock_tree, refuse_locked
from library.services.jobs.leases import wake_for
from library.services.jobs.sizes import Size, refuse, require_fit, size_of
from library.services.purges import write_purge
from mediahub.lib.errors import Conflict, NotFound
from mediahub.lib.retry import repeat_on_conflict

Type = BulkJob.Type


@repeat_on_conflict
@transaction.atomic
def request_copy(
    *, account: Account, source: str, destination: str, include_versions: bool, actor: str, now: datetime
) -> BulkJob:
    """Copy a tree into another folder, made if it is missing; files whose names are taken there become versions.

    source, destination: as a client spells them. Raises BadFolderRequest, BadName, NotFound, FolderLocked.
    """
    return _into(
        Type.COPY_FOLDER, account, source, destination, actor=actor, now=now, include_versions=include_versions
    )


@repeat_on_conflict
@transaction.atomic
def request_move(*, account: Account, source: str, destination: str, actor: str, now: datetime) -> BulkJob:
    """Move a tree into another folder, made if it is missing; raises as `request_copy` does."""
    return _into(Type.MOVE_FOLDER, account, source, destination, actor=actor, now=now, include_versions=True)


@repeat_on_conflict
@transaction.atomic
def request_rename(*, account: Account, path: str, name: str, purge_cache: bool, actor: str, now: datetime) -> BulkJob:
    """Give a folder another name. Raises BadFolderRequest, BadName, NotFound, FolderLocked, Conflict (name taken)."""
    lock_tree(account, now=now)
    source = _source(path)
    target = joined(source.rpartition("/")[0], clean_folder_name(name, field="newFolderName"))
    if target == source:
        refuse("SAME_SOURCE_AND_DESTINATION", "The folder has that name already.", "newFolderName")
    size = size_of(account, source)
    if size is None:
        raise NotFound("The requested folder does not exist.", field="folderPath")
    require_fit(size, source, target)
    refuse_locked(account, source, target)
    if Folder.objects.of_account(account).filter(path=target).exists():
        raise Conflict("A folder with this name exists already at this location.", field="newFolderName")
    purge = write_purge(account=account, url=f"{wire.account_url(account)}{source}*", now=now) if purge_cache else None
    return _write(
        Type.RENAME_FOLDER,
        account,
        source,
        target,
        size,
        actor=actor,
        now=now,
        purge_request_id=purge.request_id if purge else "",
    )


@repeat_on_conflict
@transaction.atomic
def request_delete(*, account: Account, path: str, actor: str, now: datetime) -> BulkJob:
    """Delete a tree with all its files. Raises BadFolderRequest, NotFound, FolderLocked."""
    lock_tree(account, now=now)
    source = _source(path)
    size = size_of(account, source)
    if size is None:
        raise NotFound("No such folder exists.", field="folderPath", reason="FOLDER_NOT_FOUND")
    require_fit(size, source, source)
    refuse_locked(account, source)
    return _write(Type.DELETE_FOLDER, account, source, "", size, actor=actor, now=now)


def _into(
    kind: Type, account: Account, source: str, destination: str, *, actor: str, now: datetime, include_versions: bool
) -> BulkJob:
    lock_tree(account, now=now)
    source = _source(source, field="sourceFolderPath")
    destination = clean_folder_path(destination, field="destinationPath")
    target = joined(destination, source.rpartition("/")[2])
    size = size_of(account, source)
    if size is None:
        raise NotFound(
            "No files or folders exist at the source path.", field="sourceFolderPath", reason="NO_FILES_FOLDER"
        )
    if target == source or destination == source:
        refuse("SAME_SOURCE_AND_DESTINATION", "The folder is there already.", "destinationPath")
    if destination.startswith(f"{source}/"):
        refuse("INVALID_DESTINATION_PATH", "A folder cannot go into a folder inside itself.", "destinationPath")
    require_fit(size, source, target)
    refuse_locked(account, source, target)
    return _write(kind, account, source, target, size, actor=actor, now=now, include_versions=include_versions)


def _source(path: str, *, field: str = "folderPath") -> str:
    source = normal_path(path)
    if source == "/":
        refuse("SOURCE_IS_ROOT", "The root folder cannot be copied, moved, renamed or deleted.", field)
    # The client may spell it as it did when it made the folder, with characters that became `_`.
    return clean_folder_path(source, field=field)


def _write(
    kind: Type,
    account: Account,
    source: str,
    target: str,
    size: Size,
    *,
    actor: str,
    now: datetime,
    include_versions: bool = False,
    purge_request_id: str = "",
) -> BulkJob:
    job = BulkJob(
        account=account,
        type=kind,
        source_path=source,
        target_path=target,
        include_versions=include_versions,
        actor=actor[:150],
        objects_total=size.objects + 1,
        purge_request_id=purge_request_id,
        due_at=now,
        created_at=now,
    )
    wake_for(job, now=now)
    job.save()
    return job
