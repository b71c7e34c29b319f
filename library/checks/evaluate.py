"""Pure: whether the checks of an upload hold. `extensions.api.uploads` asks once the file is here, before it is stored.

As in the search, what the file does not have, such as the width of a PDF, makes a comparison false; `NOT =`, `NOT IN`
and `NOT EXISTS` hold wherever `=`, `IN` and `EXISTS` do not.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from library.checks.errors import ChecksNotMet
from library.checks.operands import operand_named
from library.search import values
from library.search.nodes import And, Clause, Expr, Literal
from library.words import words_of

_POSITIVE = {"NOT =": "=", "NOT IN": "IN", "NOT EXISTS": "EXISTS"}
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def require_checks(expr: Expr, facts: Mapping[str, Any], *, now: datetime) -> None:
    """Raise ChecksNotMet, naming a clause that is to blame, unless the expression holds.

    facts: the value of each operand that the file has, by its name; tags are a list. now: what ages are counted from.
    """
    clause = _false_clause(expr, facts, now)
    if clause is not None:
        raise ChecksNotMet(operand=clause.field, position=clause.position)


def _false_clause(expr: Expr, facts: Mapping[str, Any], now: datetime) -> Clause | None:
    """None if the expression holds; else the first clause that keeps it from doing so."""
    if isinstance(expr, Clause):
        return None if _holds(expr, facts, now) else expr
    found = [_false_clause(item, facts, now) for item in expr.items]
    false = [clause for clause in found if clause is not None]
    if isinstance(expr, And):
        return false[0] if false else None
    return false[0] if len(false) == len(found) else None


def _holds(clause: Clause, facts: Mapping[str, Any], now: datetime) -> bool:
    positive = _POSITIVE.get(clause.op)
    if positive:
        return not _holds(Clause(clause.field, positive, clause.values, clause.position), facts, now)
    found = operand_named(clause.field)
    assert found is not None, "parse has looked"
    have = facts.get(clause.field)
    if clause.op == "EXISTS":
        return have is not None and have != []
    if have is None:
        return False
    items = have if isinstance(have, (list, tuple)) else [have]
    if clause.op == "HAS":
        return any(_has_words(str(item), str(clause.values[0])) for item in items)
    return any(_compares(found.kind, clause.op, item, value, now) for item in items for value in clause.values)


def _compares(kind: str, op: str, have: Any, value: Literal, now: datetime) -> bool:
    if kind == "folder":
        return _in_folder(str(have), op, str(value))
    if kind == "mime":
        value = str(value).lower()
    if kind == "size":
        size = values.read_size(value)
        assert size is not None, "parse has looked"
        value = size
    if kind == "custom" and isinstance(have, str) and isinstance(value, str) and op in _ORDER:
        return _later_or_earlier(have, op, value, now)
    if values.is_number(have) != values.is_number(value) or isinstance(have, bool) != isinstance(value, bool):
        return False
    if op == ":":
        return str(have).startswith(str(value))
    return _ORDER[op](have, value) if op in _ORDER else bool(have == value)


def _in_folder(have: str, op: str, value: str) -> bool:
    """Folders are written with and without their first and last stroke; `:` is the start of the path."""
    path = f"{have.strip('/')}/".lstrip("/")
    if op == ":":
        return path.startswith(value.lstrip("/"))
    return path == f"{value.strip('/')}/".lstrip("/")


def _later_or_earlier(have: str, op: str, value: str, now: datetime) -> bool:
    """Dates by what they stand for, a date for its whole day; other texts by their code points."""
    mine, found = values.read_span(have, now=now), values.bounds(op, value, now=now)
    if mine is None or found is None:
        return _ORDER[op](have, value)
    start, end = found
    return (start is None or mine.start >= start) and (end is None or mine.start < end)


def _has_words(text: str, wanted: str) -> bool:
    """Every word occurs, whatever the case; the last one need only begin a word (API 3.4)."""
    *whole, last = words_of(wanted) or [""]
    words = words_of(text)
    return bool(last) and set(whole) <= set(words) and any(word.startswith(last) for word in words)
