"""Reads the `checks` of an upload into clauses, by the grammar and within the limits of the search (API 2.5, 3.4).

The upload form calls `parse_checks` before anything is fetched or stored; whatever can be wrong without looking at the
file is found here, with the character where it stands.
"""

from __future__ import annotations

import functools
import unicodedata
from pathlib import Path

from lark import Lark

from library.checks.errors import BadChecks
from library.checks.operands import CUSTOM, OPERANDS, operand_named
from library.search import parse, values
from library.search.errors import SearchError, shown
from library.search.nodes import Clause, Expr, Literal, clauses_of

QUOTES = "\"'"


def parse_checks(text: str) -> Expr:
    """The expression as a tree. Raises BadChecks."""
    try:
        # Names, paths and tags are kept in NFC, and some systems type them in NFD (REL B14).
        expr = parse.read(unicodedata.normalize("NFC", text), _parser(), quotes=QUOTES)
    except SearchError as error:
        raise BadChecks(error.complaint, position=error.position) from error
    for clause in clauses_of(expr):
        _check(clause)
    return expr


@functools.cache
def _parser() -> Lark:
    return parse.parser((Path(__file__).parent / "grammar.lark").read_text())


def _check(clause: Clause) -> None:
    operand = operand_named(clause.field)
    if operand is None:
        known = ", ".join([*OPERANDS, f"{CUSTOM}<field>"])
        raise BadChecks(f"There is no operand {shown(clause.field)}; known are {known}.", position=clause.position)
    if clause.op not in operand.operators:
        allowed = ", ".join(sorted(operand.operators))
        raise BadChecks(
            f"{clause.field} does not go with {clause.op}; it goes with {allowed}.", position=clause.position
        )
    for value in clause.values:
        _check_value(clause, operand.kind, value)


def _check_value(clause: Clause, kind: str, value: Literal) -> None:
    if kind in ("folder", "text", "tags", "mime"):
        _require(clause, isinstance(value, str), value, "a text")
    elif kind == "flag":
        _require(clause, isinstance(value, bool), value, "true or false")
    elif kind == "number":
        _require(clause, values.is_number(value), value, "a number")
    elif kind == "size":
        _require(clause, values.read_size(value) is not None, value, 'bytes, or a text such as "10kb" or "3mb"')
    elif clause.op in (":", "HAS"):
        _require(clause, isinstance(value, str), value, f"a text with {clause.op}")


def _require(clause: Clause, is_met: bool, value: Literal, what: str) -> None:
    if not is_met:
        raise BadChecks(f"{clause.field} takes {what}, not {shown(value)}.", position=clause.position)
