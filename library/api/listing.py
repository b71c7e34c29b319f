"""The rows that `GET /v1/files` shows, as JSON objects in a stable order. `library.api.files` calls `list_objects`;
`files_matching` gives other callers the same files as a query set.

A list is made of sections, one after the other: folders, files, older versions; and of files sorted by width those
that have one before those that have none. A page finds the keys of its rows first, from an index alone where there is
one, and then the rows, so that a large `skip` reads only keys.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.lookups import Exact

from library import wire
from library.api.serializers import ListQuery
from library.models import Account, AITag, Asset, AssetVersion, Folder, Tag
from library.names import normal_path
from library.querysets import AssetQuerySet
from library.search import relevance
from library.search.compile import Found, Search, condition, kinds_of
from library.search.custom import types_of
from library.search.lookups import Unindexed
from library.search.nodes import And, Clause, Expr, clauses_of
from library.search.sets import COMMON, of_keys
from library.search.values import is_age
from mediahub.lib import clock

_COLUMNS: dict[str, dict[str, str]] = {
    "file": {
        "NAME": "name",
        "UPDATED": "updated_at",
        "HEIGHT": "height",
        "WIDTH": "width",
        "SIZE": "size_bytes",
        "ORIGINAL_CREATION_DATE": "original_at",
    },
    "file-version": {"NAME": "asset__name", "HEIGHT": "height", "WIDTH": "width", "SIZE": "size_bytes"},
    "folder": {"NAME": "path", "UPDATED": "updated_at"},
}
"""By kind and sort. Sorts that nothing is known for, such as by duration, go by creation."""

_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
"""Where no age is asked for, the database is not asked for the time."""

_WITH_NULLS = frozenset({"height", "width"})
_ORDER_OF_KINDS = ("folder", "file", "file-version")

Rows = QuerySet[Any]


@dataclass(frozen=True)
class _Section:
    """rows: everything of the section, in order. load: a slice of rows as objects."""

    rows: Rows
    load: Callable[[Rows], list[wire.Json]]


def list_objects(account: Account, query: ListQuery) -> list[wire.Json]:
    """The page of objects that the query asks for; equal values are in the order of their making.

    Folders come first, then files, then older versions, each in the order asked for.
    """
    objects: list[wire.Json] = []
    skip = query.skip
    sections = list(_sections(account, query))
    for number, section in enumerate(sections, start=1):
        room = query.limit - len(objects)
        found = section.load(section.rows[skip : skip + room]) if room else []
        objects += found
        if found:
            skip = 0
        elif skip and number < len(sections):
            # Rows may have come since the slice was found empty.
            skip = max(0, skip - section.rows.order_by().count())
    return objects


def files_matching(account: Account, query: ListQuery) -> AssetQuerySet:
    """Every file that the query's filters choose, in no order; skip and limit are the caller's business."""
    expr = _expression(query)
    if "file" not in _kinds(query):
        return Asset.objects.none()
    search = _search(account, expr, "file")
    found = condition(expr, search)
    chosen = _filtered(_assets(account, found), found, query, search)
    return chosen if chosen is not None else Asset.objects.none()


def _assets(account: Account, found: Found) -> AssetQuerySet:
    """SQLite would read the whole account by its index, and look for each row among the few that are found by key."""
    if found.by_key:
        return Asset.objects.filter(Exact(Unindexed(F("account_id")), account.pk))
    return Asset.objects.of_account(account)


def _expression(query: ListQuery) -> Expr | None:
    """The expression asked for, or the older parameters as one."""
    if query.search is not None:
        return query.search
    clauses: list[Expr] = []
    if query.tags:
        clauses.append(Clause("tags", "IN", query.tags))
    if query.name is not None:
        clauses.append(Clause("name", "=", (query.name,)))
    return And(tuple(clauses)) if clauses else None


def _kinds(query: ListQuery) -> list[str]:
    if query.search is not None:
        kinds = kinds_of(query.search)
    else:
        kinds = frozenset({"folder", "file"}) if query.type == "all" else frozenset({query.type})
    if query.file_type != "all" and (query.search is not None or query.type == "all"):
        kinds -= {"folder"}
    return [kind for kind in _ORDER_OF_KINDS if kind in kinds]


def _search(account: Account, expr: Expr | None, kind: str, sort: str = "") -> Search:
    clauses = [] if expr is None else list(clauses_of(expr))
    now = clock.now() if any(is_age(value) for clause in clauses for value in clause.values) else _ANY_TIME
    return Search(account, kind, now, sort=sort, custom_types=types_of(account, clauses))


def _sections(account: Account, query: ListQuery) -> Iterator[_Section]:
    expr = _expression(query)
    for kind in _kinds(query):
        column = _COLUMNS[kind].get(query.sort, "created_at")
        rows, load = _KINDS[kind](account)
        search = _search(account, expr, kind, column)
        found = condition(expr, search)
        rows = _assets(account, found) if kind == "file" else rows
        chosen = _filtered(rows, found, query, search)
        if chosen is None:
            continue
        if query.sort == "RELEVANCE" and kind == "file" and (scored := _scored(expr, chosen)) is not None:
            by_score = ("-score", "pk") if query.descending else ("score", "-pk")
            yield _Section(scored.order_by(*by_score), load)
        elif column in _WITH_NULLS:
            # The databases disagree on where nulls belong, and no index of both serves one rule.
            yield _Section(chosen.filter(**{f"{column}__isnull": False}).order_by(*_by(query, column, "pk")), load)
            yield _Section(chosen.filter(**{f"{column}__isnull": True}).order_by(*_by(query, "pk")), load)
        else:
            yield _Section(chosen.order_by(*_by(query, column, "pk")), load)


def _by(query: ListQuery, *columns: str) -> tuple[str, ...]:
    return tuple(f"-{column}" if query.descending else column for column in columns)


def _scored(expr: Expr | None, chosen: Rows) -> Rows | None:
    """The rows with what to sort by for relevance; None where nothing tells it, or where so many take long to sort.

    They are found once, for the count; then sorted by their keys.
    """
    score = relevance.score(expr)
    if score is None:
        return None
    keys = frozenset(chosen.order_by().values_list("pk", flat=True)[: COMMON + 1])
    return None if len(keys) > COMMON else Asset.objects.filter(of_keys(keys)).annotate(score=score)


def _folders(account: Account) -> tuple[Rows, Callable[[Rows], list[wire.Json]]]:
    folders = Folder.objects.of_account(account).filter(depth__gt=0)
    return folders, lambda rows: [wire.folder_object(folder) for folder in rows]


def _files(account: Account) -> tuple[Rows, Callable[[Rows], list[wire.Json]]]:
    assets = Asset.objects.of_account(account)

    def load(rows: Rows) -> list[wire.Json]:
        keys = list(rows.values_list("pk", flat=True))
        found = assets.select_related("folder", "current_version__embedded").in_bulk(keys)
        labels = _labels(keys)
        for asset in found.values():
            asset.account = account
        # A version exists from the transaction on that wrote its asset, so no asset is without one.
        return [wire.file_object(found[key], labels=labels[key]) for key in keys if key in found]

    return assets, load


def _versions(account: Account) -> tuple[Rows, Callable[[Rows], list[wire.Json]]]:
    versions = AssetVersion.objects.of_account(account).exclude(pk=F("asset__current_version_id"))
    detailed = versions.select_related("embedded", "asset__folder", "asset__current_version")

    def load(rows: Rows) -> list[wire.Json]:
        keys = list(rows.values_list("pk", flat=True))
        found = detailed.in_bulk(keys)
        labels = _labels({version.asset_id for version in found.values()})
        for version in found.values():
            version.asset.account = account
        shown = [found[key] for key in keys if key in found]
        return [wire.file_object(one.asset, one, labels=labels[one.asset_id]) for one in shown]

    return versions, load


def _labels(assets: Collection[int]) -> dict[int, wire.Labels]:
    """The tags of assets, by key.

    As values: model instances that know each other take longer to make, and are left to the garbage collector.
    """
    labels = {key: wire.Labels() for key in assets}
    for asset, name in Tag.objects.filter(asset__in=assets).values_list("asset_id", "name"):
        labels[asset].tags.append(name)
    visible = AITag.objects.filter(asset__in=assets, state__in=sorted(AITag.VISIBLE))
    for asset, name, confidence, source in visible.values_list("asset_id", "name", "confidence", "source"):
        labels[asset].ai_tags.append(wire.ai_tag_object(name, confidence, source))
    return labels


_KINDS = {"folder": _folders, "file": _files, "file-version": _versions}


def _filtered(rows: Any, found: Found, query: ListQuery, search: Search) -> Any:
    """The rows that the query chooses; None where it can choose none."""
    if found.q is False:
        return None
    if isinstance(found.q, Q):
        rows = rows.filter(found.q)
    if query.path is not None:
        # Looked up first, so that the index on folder and time serves the rows.
        folder = Folder.objects.of_account(search.account).filter(path=normal_path(query.path)).first()
        if folder is None:
            return None
        if found.by_key:
            rows = rows.filter(Exact(Unindexed(F("folder_id")), folder.pk))
        else:
            rows = rows.filter(**{{"folder": "parent", "file": "folder"}.get(search.kind, "asset__folder"): folder})
    if query.file_type != "all" and search.kind != "folder":
        is_image = Q(mime__startswith="image/")
        rows = rows.filter(is_image if query.file_type == "image" else ~is_image)
    return rows
