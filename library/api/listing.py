"""The rows that `GET /v1/files` shows, as JSON objects in a stable order. `library.api.files` calls `list_objects`;
`files_matching` gives other callers the same files as a query set."""

from __future__ import annotations

from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.expressions import OrderBy

from library import wire
from library.api.serializers import ListQuery
from library.models import Account, Asset, AssetVersion, Folder
from library.names import normal_path
from library.querysets import AssetQuerySet

_ASSET_COLUMNS = {
    "NAME": "name",
    "UPDATED": "updated_at",
    "HEIGHT": "current_version__height",
    "WIDTH": "current_version__width",
    "SIZE": "current_version__size_bytes",
}
_VERSION_COLUMNS = {"NAME": "asset__name", "HEIGHT": "height", "WIDTH": "width", "SIZE": "size_bytes"}
_FOLDER_COLUMNS = {"NAME": "path", "UPDATED": "updated_at"}
_WITH_NULLS = frozenset({"HEIGHT", "WIDTH"})


def list_objects(account: Account, query: ListQuery) -> list[wire.Json]:
    """The page of objects that the query asks for; equal values are in the order of their making.

    Of `type=all` the folders come first, then the files, each in the order asked for.
    """
    folder = None
    if query.path is not None:
        # Looked up first, so that the index on account and folder serves the rows.
        folder = Folder.objects.of_account(account).filter(path=normal_path(query.path)).first()
        if folder is None:
            return []
    if query.type == "file-version":
        return _versions(account, query, folder)
    found = Folder.objects.of_account(account).filter(_folder_filter(query, folder))
    folders = _folders(found, query) if query.type in ("folder", "all") else []
    if query.type == "folder":
        return folders
    before = found.count() if query.type == "all" else 0
    start, count = max(0, query.skip - before), query.limit - len(folders)
    return folders + _files(account, query, folder, start=start, count=count)


def files_matching(account: Account, query: ListQuery) -> AssetQuerySet:
    """Every file that the query's filters choose, in no order; skip and limit are the caller's business."""
    folder = None
    if query.path is not None:
        folder = Folder.objects.of_account(account).filter(path=normal_path(query.path)).first()
        if folder is None:
            return Asset.objects.none()
    return _matching(account, query, folder)


def _matching(account: Account, query: ListQuery, folder: Folder | None) -> AssetQuerySet:
    assets = Asset.objects.of_account(account)
    assets = assets.filter(_file_filter(query, folder, version="current_version__", asset=""))
    return assets.tagged(list(query.tags)) if query.tags else assets


def _files(account: Account, query: ListQuery, folder: Folder | None, *, start: int, count: int) -> list[wire.Json]:
    rows = _matching(account, query, folder).with_details().order_by(*_order(query, _ASSET_COLUMNS))
    # A version exists from the transaction on that wrote its asset, so no asset is without one.
    return [wire.file_object(asset) for asset in rows[start : start + count]] if count else []


def _versions(account: Account, query: ListQuery, folder: Folder | None) -> list[wire.Json]:
    versions = AssetVersion.objects.of_account(account).exclude(pk=F("asset__current_version_id"))
    versions = versions.filter(_file_filter(query, folder, version="", asset="asset__"))
    if query.tags:
        versions = versions.filter(asset__in=Asset.objects.of_account(account).tagged(list(query.tags)))
    rows = (
        versions.select_related("asset__account", "asset__folder", "asset__current_version")
        .prefetch_related("asset__tags", "asset__ai_tags")
        .order_by(*_order(query, _VERSION_COLUMNS))
    )
    return [wire.file_object(row.asset, row) for row in rows[query.skip : query.skip + query.limit]]


def _folders(found: QuerySet[Folder], query: ListQuery) -> list[wire.Json]:
    rows = found.order_by(*_order(query, _FOLDER_COLUMNS))
    return [wire.folder_object(folder) for folder in rows[query.skip : query.skip + query.limit]]


def _file_filter(query: ListQuery, folder: Folder | None, *, version: str, asset: str) -> Q:
    """version, asset: how the listed row reaches its version's and its asset's columns."""
    found = Q()
    if folder is not None:
        found &= Q(**{f"{asset}folder": folder})
    if query.name is not None:
        found &= Q(**{f"{asset}name": query.name})
    if query.file_type != "all":
        is_image = Q(**{f"{version}mime__startswith": "image/"})
        found &= is_image if query.file_type == "image" else ~is_image
    return found


def _folder_filter(query: ListQuery, parent: Folder | None) -> Q:
    found = Q(depth__gt=0)
    if (query.file_type != "all" and query.type == "all") or query.tags:
        found &= Q(pk__in=[])
    if parent is not None:
        found &= Q(parent=parent)
    if query.name is not None:
        found &= Q(name=query.name)
    return found


def _order(query: ListQuery, columns: dict[str, str]) -> tuple[Any, ...]:
    """The column asked for, then the key. Sorts that nothing is known for (relevance, duration) go by creation."""
    column = columns.get(query.sort, "created_at")
    if query.sort in _WITH_NULLS and query.sort in columns:
        # The databases disagree on where nulls belong; files without a size come last.
        return OrderBy(F(column), descending=query.descending, nulls_last=True), "-pk" if query.descending else "pk"
    return (f"-{column}", "-pk") if query.descending else (column, "pk")
