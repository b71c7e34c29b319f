"""Folders: made on the way to a file or asked for, and the locks that keep a tree whole. Uploads, jobs, API call these.

Whoever changes which folders there are (makes, moves or removes one) first takes `lock_tree`, a lock on the account's
root folder; so paths and parents never contradict each other. Whoever puts an asset into a folder gets it from
`ensure_folder`, which keeps it from being moved or removed until the transaction ends. Order of locks: the tree,
folders, assets, runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import connection, transaction

from library.models import Account, Asset, BulkJob, Folder
from library.names import clean_folder_name, clean_folder_path, joined
from library.signals import folder_created, folder_deleted
from mediahub.lib.errors import DomainError
from mediahub.lib.retry import repeat_on_conflict


class FolderLocked(DomainError):
    """A bulk job is at work on an overlapping tree (API 3.8)."""

    code = "folder_locked"
    status = 423


@repeat_on_conflict
@transaction.atomic
def create_folder(*, account: Account, parent_path: str, name: str, now: datetime) -> Folder:
    """Make a folder as a client names it, with its parents; one that is there already is fine. Raises BadName."""
    parent = clean_folder_path(parent_path, field="parentFolderPath")
    path = clean_folder_path(joined(parent, clean_folder_name(name)), field="folderName")
    return ensure_folder(account=account, path=path, now=now)


def ensure_folder(*, account: Account, path: str, now: datetime) -> Folder:
    """The folder at a cleaned path (`library.names.clean_folder_path`), made with its parents if it is not there.

    Call it inside a transaction: until that ends nobody can move or remove the folder. Sends `folder_created` for each
    one made, the root apart.
    """
    found = _held(account, path)
    if found is not None:
        return found
    if path == "/":
        return _make(account, path=path, parent=None, now=now)
    lock_tree(account, now=now)
    return _ensure_in_locked_tree(account, path, now)


def lock_tree(account: Account, *, now: datetime) -> Folder:
    """Lock the structure of the account's folders until the transaction ends; returns the root folder.

    Assets can still be put into folders that are there: the lock leaves alone inserts that refer to the row.
    """
    root = Folder.objects.of_account(account).filter(path="/").select_for_update(no_key=True).first()
    return root or _make(account, path="/", parent=None, now=now)


def refuse_locked(account: Account, *paths: str, only: Iterable[str] | None = None) -> None:
    """Raise FolderLocked if an open job works on a tree that overlaps one of the paths. Call it under `lock_tree`.

    only: types of jobs that count; None for all.
    """
    jobs = BulkJob.objects.filter(account=account, state__in=["queued", "running"])
    if only is not None:
        jobs = jobs.filter(type__in=list(only))
    for source, target in jobs.values_list("source_path", "target_path"):
        if any(_overlap(path, taken) for path in paths for taken in (source, target) if taken):
            raise FolderLocked(f"Another job is at work on {source}. Try again when it has ended.", retry_after_s=5)


def remove_empty(account: Account, folders: Iterable[Folder]) -> int:
    """Remove those of the folders in which nothing is, deepest first; returns how many went.

    Call it under `lock_tree`. A folder into which somebody is putting a file at this moment is waited for and kept.
    """
    keys = [folder.pk for folder in folders]
    locked = Folder.objects.of_account(account).filter(pk__in=keys).order_by("pk").select_for_update()
    rows = {folder.pk: folder for folder in locked}
    # Asked after the locks were taken: from here on nothing can be put into them.
    full = set(Asset.objects.filter(folder__in=keys).values_list("folder_id", flat=True))
    removed = 0
    for depth in sorted({folder.depth for folder in rows.values() if folder.depth}, reverse=True):
        empty = [key for key, folder in rows.items() if folder.depth == depth and key not in full]
        with_children = set(Folder.objects.filter(parent__in=empty).values_list("parent_id", flat=True))
        gone = [key for key in empty if key not in with_children]
        Folder.objects.filter(pk__in=gone).delete()
        for key in gone:
            folder_deleted.send(sender=Folder, account=account, folder_id=rows[key].folder_id)
        removed += len(gone)
    return removed


def _overlap(one: str, other: str) -> bool:
    """Whether one of the two paths lies in the other's tree, or they are the same."""
    first, second = one.rstrip("/") + "/", other.rstrip("/") + "/"
    return first.startswith(second) or second.startswith(first)


def _held(account: Account, path: str) -> Folder | None:
    """The folder at the path, kept from being moved or removed until the transaction ends, or None."""
    if connection.vendor != "postgresql":
        # SQLite lets one transaction write at a time, so nothing can happen to it in between.
        return Folder.objects.of_account(account).filter(path=path).first()
    # The weakest lock that holds up a change of the path; Django has no name for it. Uploads do not wait for another.
    rows = Folder.objects.raw(
        "SELECT * FROM library_folder WHERE account_id = %s AND path = %s FOR KEY SHARE", [account.pk, path]
    )
    return next(iter(rows), None)


def _ensure_in_locked_tree(account: Account, path: str, now: datetime) -> Folder:
    found = _held(account, path)
    if found is not None:
        return found
    parent = _ensure_in_locked_tree(account, path.rpartition("/")[0] or "/", now)
    return _make(account, path=path, parent=parent, now=now)


def _make(account: Account, *, path: str, parent: Folder | None, now: datetime) -> Folder:
    # get_or_create keeps its insert in a savepoint and reads again when somebody else was first.
    folder, is_new = Folder.objects.get_or_create(
        account=account,
        path=path,
        defaults={
            "parent": parent,
            "name": path.rpartition("/")[2],
            "depth": 0 if parent is None else parent.depth + 1,
            "created_at": now,
            "updated_at": now,
        },
    )
    if is_new and parent is not None:
        folder_created.send(sender=Folder, folder=folder)
    return folder
