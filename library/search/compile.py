"""Makes conditions of an expression, for one kind of listed row in one account. `pages` calls it, once for each kind.

A clause that cannot hold for a kind of row, such as a tag on a folder, is false there; `NOT =`, `NOT IN` and
`NOT EXISTS` hold wherever `=`, `IN` and `EXISTS` do not, so also where a value is missing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import and_, itemgetter, or_

from django.db import connection
from django.db.models import Q

from library.models import Account, Asset, Folder
from library.names import normal_path
from library.querysets import in_tree
from library.search import custom, places, sets, values
from library.search.fields import FIELDS, FORMATS, field_named
from library.search.nodes import And, Clause, Expr, Literal, clauses_of
from library.search.sets import Members

Condition = Q | bool
"""True and False are what no row can change; a Q without content would mean either."""


@dataclass(frozen=True)
class Found:
    """q: what rows meet. by_key: they are few, and found by their keys; no other index may come first."""

    q: Condition
    by_key: bool = False


Part = Members | Q | bool

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
    part = True if expr is None else _compile(expr, search)
    return _found(part) if isinstance(part, Members) else Found(part)


def _found(members: Members) -> Found:
    """By the keys of its members, unless they are many."""
    if members.is_few:
        return Found(members.test, by_key=True)
    if members.size(sets.COMMON) > sets.COMMON:
        return Found(members.alone or members.test)
    keys = members.keys()
    return Found(sets.of_keys(keys) if keys else False, by_key=True)


def _may_find(expr: Expr, kind: str) -> bool:
    if isinstance(expr, Clause):
        return expr.field != "type" or (kind in expr.values) != expr.op.startswith("NOT")
    found = [_may_find(item, kind) for item in expr.items]
    return all(found) if isinstance(expr, And) else any(found)


def _compile(expr: Expr, search: Search) -> Part:
    if isinstance(expr, Clause):
        return _clause(expr, search)
    parts = [_compile(item, search) for item in expr.items]
    if len(parts) == 1:
        return parts[0]
    return _all_of(parts) if isinstance(expr, And) else _any_of(parts)


def _all_of(parts: Sequence[Part]) -> Part:
    """Whoever meets them all: the smallest set, unless it is large, is read, and the others are tested."""
    members, tests = _spans_joined(parts), _tests(parts)
    if tests is False:
        return False
    ordered = _smallest_first(members)
    if not ordered:
        found = [one.test for one in members] + ([tests] if isinstance(tests, Q) else [])
        return reduce(and_, found) if found else True
    keys = ordered[0].keys()
    for one in ordered[1:]:
        keys = one.keys_among(keys) if keys else keys
    if not keys:
        return False
    whole = sets.of_keys(keys) & (tests if isinstance(tests, Q) else Q())
    return Members(((Asset.objects.filter(whole), "pk"),), whole, is_few=True)


def _smallest_first(members: Sequence[Members]) -> list[Members]:
    """The sets in the order of their size; none if all are common.

    None is counted much further than the smallest goes, so that a rare word is not found the later for a common one.
    """
    for limit in (sets.RARE, sets.COMMON_BESIDE_OTHERS):
        sizes = [one.size(limit) for one in members]
        if members and min(sizes) <= limit:
            return [one for _, one in sorted(zip(sizes, members, strict=True), key=itemgetter(0))]
    return []


def _tests(parts: Sequence[Part]) -> Condition:
    """The parts that are no sets, together."""
    found = [part for part in parts if not isinstance(part, Members)]
    if False in found:
        return False
    return reduce(and_, [part for part in found if isinstance(part, Q)], Q()) or True


def _spans_joined(parts: Sequence[Part]) -> list[Members]:
    """The sets among the parts, with one span for `a > 1` and `a < 3`: it may be narrow where neither is."""
    joined: dict[str, Members] = {}
    for one in parts:
        if not isinstance(one, Members):
            continue
        before = joined.get(one.column) if one.column else None
        joined[one.column or f"set {len(joined)}"] = sets.shared(before, one) if before else one
    return [*joined.values()]


def _any_of(parts: Sequence[Part]) -> Part:
    """Sets together are one set; beside another condition they are tested like that one."""
    if True in parts:
        return True
    parts = [part for part in parts if part is not False]
    members = [part for part in parts if isinstance(part, Members)]
    if members and len(members) == len(parts):
        return sets.either(members) if len(members) > 1 else members[0]
    found = [_found(part).q if isinstance(part, Members) else part for part in parts]
    return reduce(or_, [one for one in found if isinstance(one, Q)], Q()) or False


def _clause(clause: Clause, search: Search) -> Part:
    if clause.field == "type":
        return _may_find(clause, search.kind)
    positive = _POSITIVE.get(clause.op, clause.op)
    part = _positive(Clause(clause.field, positive, clause.values, clause.position), search)
    if positive != clause.op:
        part = part.alone or part.test if isinstance(part, Members) else part
        return ~part if isinstance(part, Q) else not part
    if search.kind != "file" and isinstance(part, Members):
        return part.test
    return part


def _positive(clause: Clause, search: Search) -> Part:
    field = field_named(clause.field)
    assert field is not None, "parse has looked"
    if search.kind == "folder" and clause.field not in _FOLDER_FIELDS:
        return False
    part = _KINDS[field.kind](clause, search)
    column = "" if clause.op == "HAS" else search.column(field.column)
    if isinstance(part, Q) and _needs_help(search) and column not in ("", search.sort):
        return sets.within(search.account, part, column)
    return part


def _needs_help(search: Search) -> bool:
    """SQLite has no statistics of columns and takes any index for a good one; PostgreSQL is left to choose."""
    return search.kind == "file" and connection.vendor == "sqlite"


def _name(clause: Clause, search: Search) -> Part:
    column = search.column("name")
    if clause.op != "HAS":
        return _text(clause, column)
    words = sets.search_words(str(clause.values[0]))
    if not words:
        return False
    if search.kind == "folder":
        # Names of folders are letters, marks and digits, parted by these.
        patterns = custom.patterns_of(str(clause.values[0]))
        return reduce(and_, [Q(**{f"{column}__iregex": pattern}) for pattern in patterns])
    if search.kind == "file-version":
        tests = [f" {word}" if is_start else f" {word} " for word, is_start in words]
        return reduce(and_, [Q(asset__name_words__contains=test) for test in tests])
    found = [sets.named_with(search.account, word, is_start=is_start) for word, is_start in words]
    return _all_of(found) if len(found) > 1 else found[0]


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
    found = values.bounds(op, value, now=now)
    assert found is not None, "parse has looked"
    ends = zip((f"{column}__gte", f"{column}__lt"), found, strict=True)
    return Q(**{name: moment for name, moment in ends if moment is not None})


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
        if not keys:
            return False
        return sets.in_folder(search.account, keys) if _needs_help(search) else Q(folder_id__in=keys)
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
