"""How much a folder tree holds, and whether it fits where it is to go. Asked by requests, and again by jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from django.db.models import Func, IntegerField, Max

from library.models import Account, Asset, Folder
from library.names import MAX_DEPTH, MAX_PATH_BYTES
from mediahub.lib.errors import DomainError

MAX_OBJECTS = 100_000


class BadFolderRequest(DomainError):
    """The paths of a folder operation do not go together; `reason` says why."""

    code = "invalid_folder_operation"


@dataclass(frozen=True)
class Size:
    """What is in a tree: objects below its top folder, and how deep and long its paths are."""

    objects: int
    depth: int
    path_bytes: int


class _ByteLength(Func):
    output_field = IntegerField()

    def as_sqlite(self, compiler, connection, **extra):  # type: ignore[no-untyped-def]
        return super().as_sql(compiler, connection, template="length(CAST(%(expressions)s AS BLOB))", **extra)

    def as_postgresql(self, compiler, connection, **extra):  # type: ignore[no-untyped-def]
        return super().as_sql(compiler, connection, template="octet_length(%(expressions)s)", **extra)


def size_of(account: Account, path: str) -> Size | None:
    """The size of the tree at a cleaned path; None if there is no such folder. Counting ends beyond the limit."""
    folders = Folder.objects.of_account(account).in_tree(path)
    facts = folders.aggregate(depth=Max("depth"), path_bytes=Max(_ByteLength("path")))
    if facts["depth"] is None:
        return None
    assets = Asset.objects.of_account(account).in_tree(path)
    objects = folders[: MAX_OBJECTS + 2].count() - 1 + assets[: MAX_OBJECTS + 1].count()
    return Size(objects, facts["depth"], facts["path_bytes"])


def require_fit(size: Size, source: str, target: str) -> None:
    """Raise BadFolderRequest for too many objects, and for paths that get too deep or too long where the tree goes."""
    if size.objects > MAX_OBJECTS:
        refuse(
            "TOO_MANY_OBJECTS",
            f"The folder has more than {MAX_OBJECTS} nested files and folders. Work on its subfolders one by one.",
            "sourceFolderPath",
        )
    deeper = target.count("/") - source.count("/")
    longer = len(target.encode()) - len(source.encode())
    if size.depth + deeper > MAX_DEPTH or size.path_bytes + longer > MAX_PATH_BYTES:
        refuse("INVALID_FOLDER_PATH", "Paths inside the folder would become too deep or too long.", "destinationPath")


def refuse(reason: str, message: str, field: str) -> NoReturn:
    """Raise BadFolderRequest with one of the reasons of API 3.8."""
    raise BadFolderRequest(message, reason=reason, field=field)
