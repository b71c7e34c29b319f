"""Conditions on custom metadata: by the type of the field's schema, or by the value given where no field has the name.

The values are JSON on the asset (`library.services.metadata`); `compile` calls `condition`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import reduce
from operator import and_, or_

from django.db.models import Q

from library.models import Account, CustomMetadataField
from library.search import values
from library.search.errors import SearchError, shown
from library.search.fields import CUSTOM, CUSTOM_OPERATORS
from library.search.lookups import HasMember, MemberCompares, MemberMatches, MemberMoment
from library.search.nodes import Clause, Literal
from library.words import words_of

_WANTED = {"Number": "a number", "Boolean": "true or false", "Date": "a date or an age"}
_TEXTS = frozenset({"Text", "Textarea"})
_SHARP_S = re.compile("(ss|ß|ẞ)", re.IGNORECASE)


def types_of(account: Account, clauses: Iterable[Clause]) -> dict[str, str]:
    """The types of the account's fields that the clauses name, deleted ones too, for assets keep their values."""
    names = {clause.field.removeprefix(CUSTOM) for clause in clauses if clause.field.startswith(CUSTOM)}
    if not names:
        return {}
    fields = CustomMetadataField.objects.of_account(account).filter(name__in=names)
    return {field.name: field.type for field in fields}


def condition(clause: Clause, column: str, *, types: Mapping[str, str], now: datetime) -> Q:
    """The condition of a clause without NOT on a JSON column. Raises SearchError where the type does not allow it."""
    name = clause.field.removeprefix(CUSTOM)
    kind = types.get(name)
    _require_fitting(clause, kind)
    if clause.op == "EXISTS":
        return Q(HasMember(column, name))
    if clause.op == "HAS":
        patterns = patterns_of(str(clause.values[0]))
        return reduce(and_, [Q(MemberMatches(column, name, one)) for one in patterns]) if patterns else Q(pk__in=[])
    if kind == "Date":
        return reduce(or_, [_moments(column, name, clause.op, value, now) for value in clause.values])
    operator = "=" if clause.op == "IN" else clause.op
    return reduce(or_, [Q(MemberCompares(column, name, operator, value)) for value in clause.values])


def patterns_of(text: str) -> list[str]:
    """Regular expressions, one for each word of a HAS, that Python and PostgreSQL read alike and without case.

    Each is the word by itself, or, for the last, the start of one. Case-folding is left to them, except for `ß`.
    """
    words = [_SHARP_S.sub(_SHARP_S.pattern, word) for word in words_of(text, is_folded=False)]
    starts = [rf"(^|\W|_){word}" for word in words]
    return [rf"{start}(\W|_|$)" for start in starts[:-1]] + starts[-1:]


def _require_fitting(clause: Clause, kind: str | None) -> None:
    allowed = CUSTOM_OPERATORS.get(kind or "")
    positive = {name.removeprefix("NOT ") for name in allowed} if allowed else None
    if positive is not None and clause.op not in positive:
        raise SearchError(f"{clause.field} is a {kind} field, {clause.op} does not go.", position=clause.position)
    for value in clause.values:
        if not _fits(clause.op, kind, value):
            what = _WANTED.get(kind or "", "a text")
            raise SearchError(f"{clause.field} takes {what}, not {shown(value)}.", position=clause.position)


def _fits(op: str, kind: str | None, value: Literal) -> bool:
    if op in (":", "HAS") or kind in _TEXTS:
        return isinstance(value, str)
    if kind == "Number":
        return values.is_number(value)
    if kind == "Boolean":
        return isinstance(value, bool)
    return values.is_moment(value) if kind == "Date" else True


def _moments(column: str, name: str, op: str, value: Literal, now: datetime) -> Q:
    found = values.bounds(op, value, now=now)
    assert found is not None, "_fits has looked"
    tests = [
        Q(MemberMoment(column, name, operator, moment.isoformat(timespec="milliseconds")))
        for operator, moment in zip((">=", "<"), found, strict=True)
        if moment is not None
    ]
    return reduce(and_, tests)
