"""What an expression is made of once it is read: clauses, and what joins them. `parse` makes these, `compile` reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Literal = str | int | float | bool


@dataclass(frozen=True)
class Clause:
    """`field op values`. field: as in API 3.4, unquoted. op: upper case, `NOT IN`, `EXISTS` ...; position: from 1."""

    field: str
    op: str
    values: tuple[Literal, ...] = ()
    position: int = 1


@dataclass(frozen=True)
class And:
    """All of them hold."""

    items: tuple[Expr, ...]


@dataclass(frozen=True)
class Or:
    """One of them holds."""

    items: tuple[Expr, ...]


Expr = Clause | And | Or


def clauses_of(expr: Expr) -> Iterator[Clause]:
    """Every clause, from left to right."""
    if isinstance(expr, Clause):
        yield expr
    else:
        for item in expr.items:
            yield from clauses_of(item)
