"""Constants written into SQL as they are, for conditions that partial indexes repeat.

SQLite uses a partial index only if it can see, when it plans, that the query implies the index's condition; a bound
parameter hides that. Query sets use this for their own states, never for anything that comes from outside.
"""

import re
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Value
from django.db.models.sql.compiler import SQLCompiler

_WORD = re.compile(r"[a-z_]+\Z")


class Literal(Value):
    """A lower-case word as an SQL literal. Raises ValueError for anything else."""

    def __init__(self, value: str, **extra: Any) -> None:
        if not _WORD.match(value):
            raise ValueError(f"not a word that may stand in SQL: {value!r}")
        super().__init__(value, **extra)

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, list[Any]]:
        return f"'{self.value}'", []


def literals(*words: str) -> list[Literal]:
    """The words, for `field__in`."""
    return [Literal(word) for word in words]
