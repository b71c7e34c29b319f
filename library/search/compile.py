"""Makes conditions of an expression, for one kind of listed row in one account. `pages` calls it, once for each kind.

A clause that cannot hold for a kind of row, such as a tag on a folder, is false there; `NOT =`, `NOT IN` and
`NOT EXISTS` hold wherever `=`, `IN` and `EXISTS` do not, so also where a value is missing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import and_, or_

from django.db import connection
from django.db.models import Q

from library.models import Account, Asset, Folder
from library.names import normal_path
from library.querysets import in_tree
from library.search import custom, places, sets, values
from library.search.fields import FIELDS, FORMATS, field_named
from library.search.nodes import And, Clause, Expr, Literal, clauses_of
from library.search.sets import COMMON, Members

Condition = Q | bool
"""True and False are what no row can change; a Q without content would mean either."""


@dataclass(frozen=True)
class Found:
    """q: what rows meet. is_narrow: few rows do, and an index other than that of the list's order leads to them.
    by_key: that index says nothing of accounts."""

    q: Condition
    is_narrow: bool = False
    by_key: bool = False


Part = Found | Members | Q | bool

_LARGEST = {"width": 2**31 - 1, "height": 2**31 - 1, "size_bytes": 2**63 - 1}
"""What a column can hold; databases are not asked about more."""

_COLUMNS = {
    "file": {"id": "file_id"},
    "file-version": {
        "name": "asset__name",
        "id": "asset__file_id",
        "is_private": "asset__is_private",
        "updated_at": "created_at",
    },
    "folder": {"id": "folder_id"},
}
"""Where the listed row has a column of `fields.FIELDS` under another name."""

_FOLDER_FIELDS = frozenset({"name", "id", "createdAt", "updatedAt", "path", "type"})
_POSITIVE = {"NOT =": "=", "NOT IN": "IN", "NOT EXISTS": "EXISTS"}


@dataclass(frozen=True)
class Search:
    """What conditions depend on beside the expression. kind: a type of `fields.TYPES`. sort: the column that orders the
    list, if one does; its index serves the list, so a condition on it needs no other."""

    account: Account
    kind: str
    now: datetime
    sort: str = ""
    custom_types: dict[str, str] | None = None

    def column(self, name: str) -> str:
        """What the row calls a column."""
        return _COLUMNS[self.kind].get(name, name)


def kinds_of(expr: Expr | None) -> frozenset[str]:
    """Kinds of rows that an expression may find: files, unless it speaks of types."""
    if expr is None or not any(clause.field == "type" for clause in clauses_of(expr)):
        return frozenset({"file"})
    return frozenset(kind for kind in ("folder", "file", "file-version") if _may_find(expr, kind))


def condition(expr: Expr | None, search: Search) -> Found:
    """The condition that rows of the kind meet. Raises SearchError where a custom field does not go with a clause."""
    return Found(True) if expr is None else _found(_compile(expr, search))


def _may_find(expr: Expr, kind: str) -> bool:
    if isinstance(expr, Clause):
        return expr.field != "type" or (kind in expr.values) != expr.op.startswith("NOT")
    found = [_may_find(item, kind) for item in expr.items]
    return all(found) if isinstance(expr, And) else any(found)


def _compile(expr: Expr, search: Search) -> Part:
    if isinstance(expr, Clause):
        return _clause(expr, search)
    parts = [_compile(item, search) for item in expr.items]
    return _all_of(parts) if isinstance(expr, And) else _any_of(parts)


def _all_of(parts: Sequence[Part]) -> Found:
    """Whoever meets them all: the smallest set, unless it is large, is read, and the others are tested."""
    members = [part for part in parts if isinstance(part, Members)]
    found = [_found(part) for part in parts if not isinstance(part, Members)]
    if len(members) > 1:
        sizes = [part.size(sets.COMMON_BESIDE_OTHERS) for part in members]
        smallest = min(range(len(members)), key=lambda at: sizes[at])
        is_rare = sizes[smallest] <= sets.COMMON_BESIDE_OTHERS
        found += [_as(part, is_rare=is_rare and at == smallest) for at, part in enumerate(members)]
    else:
        found += [_found(part) for part in members]
    if any(one.q is False for one in found):
        return Found(False)
    whole = reduce(and_, [one.q for one in found if isinstance(one.q, Q)], Q())
    return Found(whole or True, any(one.is_narrow for one in found), any(one.by_key for one in found))


def _any_of(parts: Sequence[Part]) -> Part:
    """Rare sets become one set, which is then read first; it takes a set alone to keep a list from being read whole."""
    members = [part for part in parts if isinstance(part, Members)]
    if len(members) == len(parts) and len({part.column for part in members}) == 1:
        rows = tuple(row for part in members for row in part.rows)
        return Members(rows, reduce(or_, [part.test for part in members]), members[0].column)
    found = [_found(part) for part in parts]
    if any(one.q is True for one in found):
        return True
    whole = reduce(or_, [one.q for one in found if isinstance(one.q, Q)], Q())
    found = [one for one in found if one.q is not False]
    return Found(whole or False, all(one.is_narrow for one in found), all(one.by_key for one in found))


def _found(part: Part) -> Found:
    if isinstance(part, Members):
        return _as(part, is_rare=part.is_rare())
    return part if isinstance(part, Found) else Found(part)


def _as(members: Members, *, is_rare: bool) -> Found:
    return Found(members.as_rows() if is_rare else members.test, is_rare, by_key=is_rare)


def _clause(clause: Clause, search: Search) -> Part:
    if clause.field == "type":
        return _may_find(clause, search.kind)
    positive = _POSITIVE.get(clause.op)
    if not positive:
        return _positive(clause, search)
    part = _positive(Clause(clause.field, positive, clause.values, clause.position), search, counts=False)
    if isinstance(part, Members):
        return ~part.test
    q = part.q if isinstance(part, Found) else part
    return ~q if isinstance(q, Q) else not q


def _positive(clause: Clause, search: Search, *, counts: bool = True) -> Part:
    field = field_named(clause.field)
    assert field is not None, "parse has looked"
    if search.kind == "folder" and clause.field not in _FOLDER_FIELDS:
        return False
    part = _KINDS[field.kind](clause, search)
    # PostgreSQL has statistics of columns, and needs no help with them.
    if counts and isinstance(part, Q) and field.column and search.kind == "file" and connection.vendor == "sqlite":
        return _with_index_if_rare(clause, part, search)
    return part


def _with_index_if_rare(clause: Clause, q: Q, search: Search) -> Found:
    column = search.column(FIELDS[clause.field].column)
    if column == search.sort:
        return Found(q)
    rows = Asset.objects.of_account(search.account).filter(q).order_by()
    is_rare = rows[: COMMON + 1].count() <= COMMON
    return Found(q if is_rare else _unindexed(q, column), is_rare, by_key=column == "file_id")


def _unindexed(found: Q, column: str) -> Q:
    """The same condition, with the column hidden from SQLite's planner."""
    copy = Q(_connector=found.connector, _negated=found.negated)
    for child in found.children:
        if isinstance(child, Q):
            copy.children.append(_unindexed(child, column))
        else:
            name, value = child  # type: ignore[misc]
            copy.children.append((f"{column}__unindexed{name.removeprefix(column)}", value))
    return copy


def _name(clause: Clause, search: Search) -> Part:
    column = search.column("name")
    if clause.op != "HAS":
        return _text(clause, column)
    words = sets.search_words(str(clause.values[0]))
    if not words:
        return False
    if search.kind == "folder":
        # Names of folders are letters, marks and digits, parted by these.
        found = [Q(**{f"{column}__iregex": custom.pattern_of(word, is_start=is_start)}) for word, is_start in words]
        return reduce(and_, found)
    if search.kind == "file-version":
        tests = [f" {word}" if is_start else f" {word} " for word, is_start in words]
        return reduce(and_, [Q(asset__name_words__contains=test) for test in tests])
    return sets.named_with(search.account, words)


def _text(clause: Clause, column: str) -> Q:
    if clause.op == ":":
        return Q(**{f"{column}__prefix": clause.values[0]})
    return _equal(column, clause)


def _equal(column: str, clause: Clause) -> Q:
    if len(clause.values) == 1:
        return Q(**{column: clause.values[0]})
    return Q(**{f"{column}__in": list(clause.values)})


def _id(clause: Clause, search: Search) -> Q:
    return _equal(search.column("id"), clause)


def _tags(clause: Clause, search: Search) -> Part:
    asset = "asset_id" if search.kind == "file-version" else "pk"
    if clause.op == "HAS":
        words = sets.search_words(str(clause.values[0]))
        names = [sets.tag_names_with(word, is_start=is_start) for word, is_start in words]
        if not names:
            return False
        found = [sets.tagged(names_, asset=asset) for names_ in names]
    elif clause.op == "EXISTS":
        found = [sets.tagged(None, asset=asset)]
    else:
        found = [sets.tagged([str(value) for value in clause.values], asset=asset)]
    if search.kind == "file-version":
        return reduce(and_, [one.test for one in found])
    return _all_of(found) if len(found) > 1 else found[0]


def _date(clause: Clause, search: Search) -> Condition:
    column = search.column(FIELDS[clause.field].column)
    return reduce(or_, [_moments(column, clause.op, value, search.now) for value in clause.values])


def _moments(column: str, op: str, value: Literal, now: datetime) -> Q:
    """A date stands for its whole day: later means from the next day on, up to it includes all of it."""
    span = values.read_span(value, now=now)
    assert span is not None, "parse has looked"
    start, end = span.start, span.end
    if values.is_age(value):
        if op in ("=", "IN"):
            start = values.day_of(start).start
        else:
            end = start + timedelta(microseconds=1)
    return {
        "=": Q(**{f"{column}__gte": start, f"{column}__lt": end}),
        "IN": Q(**{f"{column}__gte": start, f"{column}__lt": end}),
        "<": Q(**{f"{column}__lt": start}),
        "<=": Q(**{f"{column}__lt": end}),
        ">": Q(**{f"{column}__gte": end}),
        ">=": Q(**{f"{column}__gte": start}),
    }[op]


def _number(clause: Clause, search: Search) -> Condition:
    column = search.column(FIELDS[clause.field].column)
    read = [values.read_size(value) for value in clause.values]
    found = [_compared(column, clause.op, value) for value in read if value is not None]
    if True in found:
        return True
    return reduce(or_, [one for one in found if isinstance(one, Q)], Q()) or False


def _compared(column: str, op: str, value: float) -> Condition:
    """Columns hold whole numbers from 0 on; what has no such number is in none of them."""
    largest = _LARGEST[column]
    if op in ("=", "IN"):
        return Q(**{column: int(value)}) if value == int(value) and 0 <= value <= largest else False
    if op in (">", ">="):
        least = math.floor(value) + 1 if op == ">" else math.ceil(value)
        return False if least > largest else Q(**{f"{column}__gte": max(0, least)})
    most = math.ceil(value) - 1 if op == "<" else math.floor(value)
    return False if most < 0 else Q(**{f"{column}__lte": min(most, largest)})


def _format(clause: Clause, search: Search) -> Q:
    types = sorted({mime for value in clause.values for mime in FORMATS[str(value)]})
    return Q(mime=types[0]) if len(types) == 1 else Q(mime__in=types)


def _flag(clause: Clause, search: Search) -> Q:
    column = search.column(FIELDS[clause.field].column)
    return Q(**{column: clause.values[0]})


def _person(clause: Clause, search: Search) -> Condition:
    """Who made a file is not recorded, so nobody has made any."""
    return False


def _path(clause: Clause, search: Search) -> Part:
    paths = [normal_path(str(value)) for value in clause.values]
    if clause.op == ":":
        return True if paths[0] == "/" else _tree(paths[0], search)
    if search.kind == "file":
        # Looked up first, so that the index on folder and time serves the rows.
        folders = Folder.objects.of_account(search.account).filter(path__in=paths)
        keys = list(folders.values_list("pk", flat=True))
        return (Q(folder_id=keys[0]) if len(keys) == 1 else Q(folder_id__in=keys)) if keys else False
    return Q(**{("parent" if search.kind == "folder" else "asset__folder") + "__path__in": paths})


def _tree(path: str, search: Search) -> Part:
    if search.kind == "file":
        return sets.in_folders(search.account, path)
    return in_tree(path, "parent__path" if search.kind == "folder" else "asset__folder__path")


def _keywords(clause: Clause, search: Search) -> Members:
    names = None if clause.op == "EXISTS" else [str(value) for value in clause.values]
    return sets.with_keywords(names, version=_version(search))


def _taken(clause: Clause, search: Search) -> Members:
    if clause.op == "EXISTS":
        return sets.embedded(Q(taken_at__isnull=False), version=_version(search))
    spans = [_moments("taken_at", clause.op, value, search.now) for value in clause.values]
    return sets.embedded(reduce(or_, spans), version=_version(search))


def _place(clause: Clause, search: Search) -> Members:
    place = values.read_place(clause.values[0])
    assert place is not None, "parse has looked"
    return sets.embedded(places.within(place), version=_version(search))


def _version(search: Search) -> str:
    return "pk" if search.kind == "file-version" else "current_version_id"


def _custom(clause: Clause, search: Search) -> Condition:
    column = "asset__custom_metadata" if search.kind == "file-version" else "custom_metadata"
    return custom.condition(clause, column, types=search.custom_types or {}, now=search.now)


_KINDS: dict[str, Callable[[Clause, Search], Part]] = {
    "name": _name,
    "tags": _tags,
    "id": _id,
    "date": _date,
    "number": _number,
    "size": _number,
    "format": _format,
    "flag": _flag,
    "person": _person,
    "path": _path,
    "keywords": _keywords,
    "taken": _taken,
    "place": _place,
    "custom": _custom,
}
