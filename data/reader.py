"""How is something published for many readers? As one DuckDB file that is written once, and then only read."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from data.sql import literal, quoted
from data.warehouse import Warehouse
from data.whole import whole

Row = dict[str, Any]
MEMORY = "400MB"
"""So much of a file is held at most while it is read; the system's own cache has the rest."""
ATTACHED = "published"
"""The file's name among the databases of a connection."""
Unreadable = duckdb.Error
"""What reading or writing such a file raises."""


class Writer:
    """Fills a new file, table by table, in the order in which rows come.

    warehouse: to be asked for these rows. It is a connection of the file's own and sees what was committed.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self._made: set[str] = set()

    def add(
        self, name: str, rows: str | pd.DataFrame | pa.Table, values: Mapping[str, Any] | None = None, find_by: str = ""
    ) -> None:
        """A table of these rows or of those of a SELECT; once made, more rows.

        `find_by`: a column by which single rows are looked up has an index.
        """
        table = f"{ATTACHED}.{name}"
        made = f"INSERT INTO {table}" if name in self._made else f"CREATE TABLE {table} AS"
        if isinstance(rows, str):
            self.warehouse.execute(f"{made} {rows}", dict(values) if values else None)
        else:
            with self.warehouse.view("rows_given", rows):
                self.warehouse.execute(f"{made} FROM rows_given")
        self._made.add(name)
        if find_by:
            self.warehouse.execute(f"CREATE INDEX {name}_{find_by} ON {table}({find_by})")


@contextmanager
def written(path: Path, warehouse: Warehouse) -> Iterator[Writer]:
    """Make a file at `path`, which has to be free, of what the warehouse holds."""
    with warehouse.aside() as own:
        own.execute(f"ATTACH {literal(str(path))} AS {ATTACHED}")
        try:
            yield Writer(own)
        finally:
            with suppress(duckdb.Error):  # what went wrong before says more
                own.execute(f"DETACH {ATTACHED}")


class Reader:
    """Queries over such a file, by as many threads as ask.

    The file is attached to a database of its own: one that took the place of another at the same path is read anew.
    """

    def __init__(self, path: Path, threads: int = 2) -> None:
        self._connection = duckdb.connect(":memory:", config={"threads": threads, "memory_limit": MEMORY})
        self._connection.execute(f"ATTACH {literal(str(path))} AS {ATTACHED} (READ_ONLY)")
        self._threads = threading.local()
        self._connection.execute("SET GLOBAL TimeZone = 'UTC'; SET enable_progress_bar = false")

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """The rows of a small result, by column name."""
        found = self._ask(sql, parameters)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def frame(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """The same as a pandas frame."""
        return self._ask(sql, parameters).df()

    def _ask(self, sql: str, parameters: Mapping[str, Any] | None) -> duckdb.DuckDBPyConnection:
        """On a cursor of the thread's own, which is kept: to make one takes as long as a small query."""
        own: duckdb.DuckDBPyConnection | None = getattr(self._threads, "cursor", None)
        if own is None:
            own = self._threads.cursor = self._connection.cursor()
            own.execute(f"USE {ATTACHED}")
        return own.execute(sql, dict(parameters) if parameters else None)


def leave_out(path: Path, leads: Sequence[str]) -> int:
    """Write a file anew without the rows of these leads, whole or not at all; how many there were.

    Anew, because DuckDB only marks what is deleted. Tables without a column lead_id stay as they are.
    """
    ids = ", ".join(map(literal, leads))
    with whole(path) as making, duckdb.connect(making) as made:
        made.execute(f"ATTACH {literal(str(path))} AS old (READ_ONLY)")
        tables = [
            n for (n,) in made.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = 'old'").fetchall()
        ]
        gone = 0
        for name in tables:
            columns = {n for n, *_ in made.execute(f"DESCRIBE old.{quoted(name)}").fetchall()}
            kept = f"WHERE lead_id NOT IN ({ids})" if "lead_id" in columns else ""
            made.execute(f"CREATE TABLE {quoted(name)} AS FROM old.{quoted(name)} {kept}")
            [(before, after)] = made.execute(
                f"SELECT (SELECT count(*) FROM old.{quoted(name)}), (SELECT count(*) FROM {quoted(name)})"
            ).fetchall()
            gone += before - after
        for (sql,) in made.execute("SELECT sql FROM duckdb_indexes() WHERE database_name = 'old'").fetchall():
            made.execute(sql)
        made.execute("DETACH old")
    return gone
