"""Reads a search expression (API 3.4) into clauses, with limits that keep every answer quick.

Whatever can be wrong without looking at the library is found here, with the character where it stands.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, VisitError

from library.search import values
from library.search.errors import SearchError, shown
from library.search.fields import FORMATS, TYPES, Field, field_named
from library.search.nodes import And, Clause, Expr, Literal, Or, clauses_of
from library.words import words_of

MAX_CHARACTERS = 10_000
MAX_DEPTH = 50
MAX_CLAUSES = 100
MAX_VALUES = 500
"""In all lists of an expression together. SQLite takes conditions of a thousand parts, with all the others."""
MAX_DATES = 100
"""In all lists of dates together: each is two comparisons."""
MAX_WORDS = 200
"""In all texts for HAS together: each is looked up by itself."""

_TEXT_OR_PARENTHESIS = {
    '"': re.compile(r'"(?:[^"\\]|\\.)*"|[()]', re.DOTALL),
    "\"'": re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[()]""", re.DOTALL),
}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_LONGEST_NUMBER = 25


def parse(text: str) -> Expr:
    """The expression as a tree. Raises SearchError with the position of what is wrong."""
    expr = read(text, parser())
    words = dates = 0
    for clause in clauses_of(expr):
        field = _check(clause)
        dates += len(clause.values) if field.kind in ("date", "taken") else 0
        if dates > MAX_DATES:
            raise SearchError(f"An expression may have {MAX_DATES} dates.", position=clause.position)
        words += len(words_of(str(clause.values[0]))) if clause.op == "HAS" else 0
        if words > MAX_WORDS:
            raise SearchError(f"An expression may have {MAX_WORDS} words for HAS.", position=clause.position)
    return expr


def read(text: str, parser: Lark, *, quotes: str = '"') -> Expr:
    """The expression as a tree, within the limits, whatever its fields are. `library.checks` calls this, too.

    quotes: the characters that texts stand between, `"` or both kinds. Raises SearchError.
    """
    if len(text) > MAX_CHARACTERS:
        raise SearchError(f"An expression may have {MAX_CHARACTERS} characters.", position=MAX_CHARACTERS + 1)
    _require_shallow(text, quotes)
    try:
        expr: Expr = parser.parse(text)  # type: ignore[assignment]
    except UnexpectedInput as error:
        raise _unexpected(text, error, quotes) from error
    except VisitError as error:
        raise error.orig_exc from error
    clauses = list(clauses_of(expr))
    if len(clauses) > MAX_CLAUSES:
        raise SearchError(f"An expression may have {MAX_CLAUSES} clauses.", position=clauses[MAX_CLAUSES].position)
    if sum(len(clause.values) for clause in clauses) > MAX_VALUES:
        raise SearchError(f"An expression may have {MAX_VALUES} values.", position=clauses[-1].position)
    return expr


def _require_shallow(text: str, quotes: str) -> None:
    depth = 0
    for match in _TEXT_OR_PARENTHESIS[quotes].finditer(text):
        depth += {"(": 1, ")": -1}.get(match.group(), 0)
        if depth > MAX_DEPTH:
            raise SearchError(f"Parentheses may be nested {MAX_DEPTH} deep.", position=match.start() + 1)


@functools.cache
def parser(extension: str = "") -> Lark:
    """The parser of the grammar. extension: lines of lark that change it, for other expressions of its kind."""
    grammar = (Path(__file__).parent / "grammar.lark").read_text()
    return Lark(grammar + extension, parser="lalr", transformer=_Reader())


@v_args(inline=True)
class _Reader(Transformer[Token, Any]):
    """Builds the tree while the text is read, so that no depth of it can exhaust the stack."""

    def start(self, expr: Expr) -> Expr:
        return expr

    def expr(self, *items: Expr) -> Or:
        return Or(items)

    def all_of(self, *items: Expr) -> And:
        return And(items)

    def compare(self, field: Token, operator: str, operand: Literal | list[Literal]) -> Clause:
        values_ = tuple(operand) if isinstance(operand, list) else (operand,)
        if isinstance(operand, list) and not operator.endswith("IN"):
            raise SearchError(f"{operator} takes one value, a list needs IN.", position=_at(field))
        return Clause(str(field), operator, values_, _at(field))

    def exists(self, field: Token) -> Clause:
        return Clause(str(field), "EXISTS", (), _at(field))

    def not_exists(self, field: Token) -> Clause:
        return Clause(str(field), "NOT EXISTS", (), _at(field))

    def field(self, token: Token) -> Token:
        name = _unquoted(token) if token.type == "STRING" else str(token)
        return Token("FIELD", name, start_pos=token.start_pos)

    def operator(self, *words: Token) -> str:
        return " ".join(word.upper() for word in words)

    def list(self, *items: Literal) -> list[Literal]:
        return [*items]

    def text(self, token: Token) -> str:
        return _unquoted(token)

    def bare(self, token: Token) -> str:
        return str(token)

    def number(self, token: Token) -> int | float:
        if len(token) > _LONGEST_NUMBER:
            raise SearchError(f"A number may have {_LONGEST_NUMBER} digits.", position=_at(token))
        return float(token) if "." in token else int(token)

    def true(self, token: Token) -> bool:
        return True

    def false(self, token: Token) -> bool:
        return False


def _at(token: Token) -> int:
    return (token.start_pos or 0) + 1


def _unquoted(token: Token) -> str:
    return _ESCAPE.sub(r"\1", token[1:-1])


def _unexpected(text: str, error: UnexpectedInput, quotes: str) -> SearchError:
    """What stands where something else should, or the end that comes too soon, and a piece of the text from there."""
    at = error.pos_in_stream if error.pos_in_stream is not None else len(text)
    token = getattr(error, "token", None)
    if token is not None and token.type == "$END":
        return SearchError("The expression ends too soon.", position=len(text) + 1)
    piece = shown(text[at : at + 20])
    if isinstance(error, UnexpectedCharacters) and text[at : at + 1] in tuple(quotes):
        return SearchError(f"A text is not closed by a quotation mark: {piece}.", position=at + 1)
    return SearchError(f"Not expected here: {piece}.", position=at + 1)


def _check(clause: Clause) -> Field:
    field = field_named(clause.field)
    if field is None:
        raise SearchError(f"There is no field {shown(clause.field)}.", position=clause.position)
    if clause.op not in field.operators:
        allowed = ", ".join(sorted(field.operators))
        raise SearchError(
            f"{clause.field} does not go with {clause.op}; it goes with {allowed}.", position=clause.position
        )
    for value in clause.values:
        _check_value(clause, field.kind, value)
    return field


def _check_value(clause: Clause, kind: str, value: Literal) -> None:
    if kind in ("name", "tags", "id", "person", "path", "keywords"):
        _require(clause, isinstance(value, str), value, "a text in quotation marks")
    elif kind == "flag":
        _require(clause, isinstance(value, bool), value, "true or false")
    elif kind == "type":
        _require(clause, value in TYPES, value, f"one of {json.dumps(TYPES)[1:-1]}")
    elif kind == "format":
        _require(clause, value in FORMATS, value, f"one of {', '.join(FORMATS)}")
    elif kind == "number":
        _require(clause, values.is_number(value), value, "a number")
    elif kind == "size":
        _require(clause, values.read_size(value) is not None, value, 'bytes, or a text such as "10kb" or "1.5mb"')
    elif kind in ("date", "taken"):
        _require(clause, values.is_moment(value), value, 'a date such as "2024-03-12", or an age such as "7d"')
    elif kind == "place":
        _require(
            clause, values.read_place(value) is not None, value, '"lat,long 5km", or two or four "lat,long" joined by |'
        )


def _require(clause: Clause, is_met: bool, value: Literal, what: str) -> None:
    if not is_met:
        raise SearchError(f"{clause.field} takes {what}, not {shown(value)}.", position=clause.position)
