"""Makes folders on the way to a file. The upload, the import and the folder API call `ensure_folder`."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from library.models import Account, Folder
from library.signals import folder_created


def ensure_folder(*, account: Account, path: str, now: datetime) -> Folder:
    """The folder at a cleaned path (`library.names.clean_folder_path`), made with its parents if it is not there.

    Two requests that make the same folder end with one row: the later one reads what the earlier one wrote. Sends
    `folder_created` for each one made, the root apart.
    """
    found = Folder.objects.of_account(account).filter(path=path).first()
    if found:
        return found
    if path == "/":
        return _get_or_make(account, path=path, parent=None, now=now)
    parent = ensure_folder(account=account, path=path.rpartition("/")[0] or "/", now=now)
    return _get_or_make(account, path=path, parent=parent, now=now)


def _get_or_make(account: Account, *, path: str, parent: Folder | None, now: datetime) -> Folder:
    with transaction.atomic():
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
