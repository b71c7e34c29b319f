"""Conditions that Django has no words for, with the same meaning on SQLite and PostgreSQL. `compile` uses them."""

from __future__ import annotations

import json
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, Field, Func, Lookup, Transform
from django.db.models.sql.compiler import SQLCompiler

from library.metadata_schema import DATE_SHAPE
from library.search.nodes import Literal

Sql = tuple[str, list[Any]]

LAST_CHARACTER = "\U0010ffff"
_JSON_PATH_OPERATORS = {"=": "==", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


@Field.register_lookup
class Prefix(Lookup):  # type: ignore[type-arg]
    """Texts that begin with another, letter by letter in the same case; every character stands for itself.

    SQLite's LIKE ignores case and therefore every index, so there it is a range; text is in the order of its bytes.
    """

    lookup_name = "prefix"

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        lhs, params = self.process_lhs(compiler, connection)
        return f"({lhs} >= %s AND {lhs} < %s)", [*params, self.rhs, *params, f"{self.rhs}{LAST_CHARACTER}"]

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        lhs, params = self.process_lhs(compiler, connection)
        return f"{lhs} LIKE %s", [*params, connection.ops.prep_for_like_query(self.rhs) + "%"]


@Field.register_lookup
class Unindexed(Transform):
    """The column itself, which SQLite then compares row by row: without statistics it takes any index to lead to few.

    PostgreSQL has statistics and is told nothing.
    """

    lookup_name = "unindexed"

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, *_: Any, **__: Any) -> Sql:
        lhs, params = compiler.compile(self.lhs)
        return lhs, [*params]

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, *_: Any, **__: Any) -> Sql:
        lhs, params = compiler.compile(self.lhs)
        return f"+{lhs}", [*params]


class Among(Lookup):  # type: ignore[type-arg]
    """Whether a key is in a frozenset of numbers, which goes as one parameter, however many there are."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        lhs, params = self.process_lhs(compiler, connection)
        test = f"{lhs} IN (SELECT value FROM json_each(%s))"  # noqa: S608 - of a column's own SQL
        return test, [*params, json.dumps(sorted(self.rhs))]

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        lhs, params = self.process_lhs(compiler, connection)
        return f"{lhs} = ANY(%s::bigint[])", [*params, sorted(self.rhs)]


class _JsonTest(Func):
    """A test of a member of a JSON object that is in a column."""

    output_field = BooleanField()

    def __init__(self, column: str, member: str) -> None:
        super().__init__(column)
        self.member = member

    @property
    def path(self) -> str:
        return f"$.{json.dumps(self.member, ensure_ascii=False)}"

    def _column(self, compiler: SQLCompiler) -> Sql:
        sql, params = compiler.compile(self.source_expressions[0])
        return sql, [*params]


class HasMember(_JsonTest):
    """The object has the member, and it is neither null nor an empty array."""

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, *_: Any, **__: Any) -> Sql:
        sql, params = self._column(compiler)
        test = "EXISTS (SELECT 1 FROM json_each({0}, %s) AS item WHERE item.type <> 'null')"
        return test.format(sql), [*params, self.path]

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, *_: Any, **__: Any) -> Sql:
        sql, params = self._column(compiler)
        return f"{sql} @? %s::jsonpath", [*params, f"{self.path}[*] ? (@ != null)"]


class MemberCompares(_JsonTest):
    """The member, or one item of it if it is an array, compares to a value of its own type; texts by code points."""

    def __init__(self, column: str, member: str, operator: str, value: Literal) -> None:
        super().__init__(column, member)
        self.operator, self.value = operator, value

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, *_: Any, **__: Any) -> Sql:
        sql, params = self._column(compiler)
        test = f"EXISTS (SELECT 1 FROM json_each({sql}, %s) AS item WHERE "  # noqa: S608 - of a column's own SQL
        types, value = self._types_and_value()
        if self.operator == ":":
            ends = [value, f"{value}{LAST_CHARACTER}"]
            return f"{test}item.type IN {types} AND item.value >= %s AND item.value < %s)", [*params, self.path, *ends]
        return f"{test}item.type IN {types} AND item.value {self.operator} %s)", [*params, self.path, value]

    def _types_and_value(self) -> tuple[str, Literal]:
        """SQLite's types of what compares to the value, and the value within its range: whole numbers have 64 bits."""
        if isinstance(self.value, bool):
            return "('true', 'false')", self.value
        if isinstance(self.value, str):
            return "('text')", self.value
        is_small = isinstance(self.value, float) or abs(self.value) < 2**63
        return "('integer', 'real')", self.value if is_small else float(self.value)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, *_: Any, **__: Any) -> Sql:
        sql, params = self._column(compiler)
        operator = "starts with" if self.operator == ":" else _JSON_PATH_OPERATORS[self.operator]
        test = f"{self.path}[*] ? (@ {operator} {json.dumps(self.value, ensure_ascii=False)})"
        return f"{sql} @? %s::jsonpath", [*params, test]


class MemberMatches(_JsonTest):
    """The member, or an item of it if it is an array, is a text that a pattern is found in, whatever the case."""

    def __init__(self, column: str, member: str, pattern: str) -> None:
        super().__init__(column, member)
        self.pattern = pattern

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, *_: Any, **__: Any) -> Sql:
        sql, params = self._column(compiler)
        test = "EXISTS (SELECT 1 FROM json_each({0}, %s) AS item WHERE item.type = 'text' AND item.value REGEXP %s)"
        return test.format(sql), [*params, self.path, f"(?i){self.pattern}"]

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, *_: Any, **__: Any) -> Sql:
        sql, params = self._column(compiler)
        test = f'{self.path}[*] ? (@ like_regex {json.dumps(self.pattern, ensure_ascii=False)} flag "is")'
        return f"{sql} @? %s::jsonpath", [*params, test]


class MemberMoment(_JsonTest):
    """The member is an ISO 8601 time (UTC without a zone) and lies before (`<`) a moment, or at or after it (`>=`)."""

    def __init__(self, column: str, member: str, operator: str, moment: str) -> None:
        super().__init__(column, member)
        self.operator, self.moment = operator, moment

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, *_: Any, **__: Any) -> Sql:
        sql, params = self._column(compiler)
        form = "'%%Y-%%m-%%dT%%H:%%M:%%f'"
        test = (
            f"COALESCE(strftime({form}, json_extract({sql}, %s)) {self.operator} strftime({form}, %s)"
            f" AND json_extract({sql}, %s) REGEXP %s, 0)"
        )
        return test, [*params, self.path, self.moment, *params, self.path, DATE_SHAPE]

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, *_: Any, **__: Any) -> Sql:
        sql, params = self._column(compiler)
        compared = f"({sql} ->> %s)::timestamptz {self.operator} %s::timestamptz"
        test = f"CASE WHEN ({sql} ->> %s) ~ %s THEN {compared} ELSE false END"
        return test, [*params, self.member, DATE_SHAPE, *params, self.member, self.moment]
