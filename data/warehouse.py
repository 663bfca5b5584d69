"""How do we talk to DuckDB? The only client of it: opening, the tables, transactions, reads, whole partitions."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import duckdb
import pandas as pd
import pyarrow as pa

from data.errors import BusyError, ConfigError, DataError
from data.migrations import MIGRATIONS
from data.sql import literal, quoted
from data.tables import RETRACTIONS, SQL_TYPES, TABLES, Table
from data.whole import copied, remove, whole, writing

log = logging.getLogger(__name__)

# The session every query runs in: UTC and a fixed order, so that the same inputs give the same bytes.
SESSION = """SET TimeZone = 'UTC'; SET preserve_insertion_order = true;
    SET autoinstall_known_extensions = false; SET autoload_known_extensions = false"""
BATCH = 100_000
"""Rows of a large result that are in memory at once."""
# It would go into piped output. In a notebook it is off, and DuckDB refuses to be told so without ipywidgets.
PROGRESS = "SELECT current_setting('enable_progress_bar')"
OWN_TABLES = """CREATE TABLE IF NOT EXISTS batches (
    batch_id VARCHAR, source VARCHAR, table_name VARCHAR, loaded_at TIMESTAMP, rows_in BIGINT, stored BIGINT,
    quarantined BIGINT, repeats BIGINT);
CREATE TABLE IF NOT EXISTS quarantine (
    batch_id VARCHAR, source VARCHAR, table_name VARCHAR, file VARCHAR, line BIGINT, reason VARCHAR, raw VARCHAR,
    loaded_at TIMESTAMP, settings VARCHAR);
CREATE TABLE IF NOT EXISTS watermarks (
    source VARCHAR, relation VARCHAR, rests_on VARCHAR, reached TIMESTAMP, batch_id VARCHAR);
CREATE TABLE IF NOT EXISTS meta (schema_version BIGINT, salt VARCHAR)"""
"""`salt`: of the hashes of forgotten leads. `watermarks`: how far a table of a database was read, by the column's own
clock (data/intake/watermarks.py)."""
VERSION_COLUMNS = {
    "known_at": "TIMESTAMP",
    "superseded_at": "TIMESTAMP",
    "batch_id": "VARCHAR",
    "retracted_at": "TIMESTAMP",
    "copied_from": "VARCHAR",
}
"""Of each row; the last two say when its batch was retracted and whose row it repeats (data/intake/timeline.py)."""
DAMAGE = (duckdb.InternalException, duckdb.FatalException, duckdb.SerializationException)
"""What DuckDB raises of a file whose bytes are others than it wrote."""
Parameters = list[Any] | dict[str, Any] | None
LOOK_S = 0.25
"""How long is waited before it is tried again to open a file that another process holds."""
COPY = "{name}.before-schema-{to}"
"""What the copy is called that is made of a warehouse before it is migrated."""


@dataclass
class Warehouse:
    """One open DuckDB file. Use `with Warehouse.open(path) as warehouse`."""

    connection: duckdb.DuckDBPyConnection
    _held: list[BinaryIO] = field(default_factory=list)

    @classmethod
    @contextmanager
    def open(
        cls,
        path: Path | None,
        *,
        threads: int | None = None,
        memory: str | None = None,
        wait_s: float = 0,
        as_it_is: bool = False,
    ) -> Iterator[Warehouse]:
        """Open `path` (None: in memory), making the tables where they are absent; `as_it_is`: only to look at.

        Raises BusyError where another process holds the file for longer than `wait_s` seconds, ConfigError where it
        cannot be opened, and DataError where the disk is full.
        """
        connection = _connect(path, wait_s, as_it_is)
        held: list[BinaryIO] = []
        try:
            connection.execute(SESSION)
            if threads:
                connection.execute(f"SET threads = {threads:d}")
            if memory:
                connection.execute(f"SET memory_limit = '{memory}'")
            warehouse = cls(connection, held)
            if warehouse.scalar(PROGRESS):
                connection.execute("SET enable_progress_bar = false")
            try:
                if not as_it_is:
                    warehouse._make_tables(path)
            except duckdb.CatalogException as error:  # a view in the place of a table
                raise _not_ours(path, plainly(error)) from None
            yield warehouse
        except DAMAGE as error:
            raise _not_ours(path, plainly(error)) from error
        except (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.TransactionException) as error:
            if re.search("corrupt|checksum|deseriali|could not read", str(error), re.IGNORECASE):
                raise _not_ours(path, plainly(error)) from error
            what, got = f"writing {path or 'the in-memory warehouse'}", str(error).splitlines()[0]
            do = "free some space and run the same command again; nothing of this run was kept"
            raise DataError(what, expected="room on disk and in memory", got=got, do=do) from error
        finally:
            connection.close()
            for file in held:
                file.close()

    def file(self, path: Path) -> BinaryIO:
        """The bytes of the open file `path`, all of it, to be read before the next statement that writes.

        It is closed with the warehouse: the kernel's lock on a file goes as soon as the process that holds it closes
        any descriptor of that file.
        """
        self.execute("CHECKPOINT")
        self._held.append(path.open("rb"))
        return self._held[-1]

    def _copy_aside(self, path: Path, found: int) -> None:
        """Before a migration: a copy of the file beside it, which an older leadready can open."""
        copy = path.with_name(COPY.format(name=path.name, to=len(MIGRATIONS)))
        do = "free some space and run the same command again; the warehouse is as it was"
        with writing(f"copying {path} before its tables are changed", do), whole(copy, alone=True) as making:
            copied(self.file(path), making)
        said = (
            "%s was made by an older leadready (schema %d, now %d); before its tables are changed it was copied to %s"
        )
        log.warning(f"{said}: delete that once you are content", path, found, len(MIGRATIONS), copy)

    def _make_tables(self, path: Path | None) -> None:
        """Make what is absent, and bring the tables of an older version to ours.

        Raises ConfigError where they are newer, or where a table lacks a column or has it of another type.
        """
        there = self._all_columns() if path else set()
        tables = {table for table, *_ in there}
        found = self.scalar("SELECT schema_version FROM meta") if "meta" in tables else None
        if found is not None and found > len(MIGRATIONS):
            do = "update leadready to the version that last used this workspace"
            expected, got = f"tables of schema version {len(MIGRATIONS)} or older", f"version {found}"
            raise ConfigError(f"opening {path or 'the warehouse'}", expected=expected, got=got, do=do)
        if path and "batches" in tables and found != len(MIGRATIONS):
            self._copy_aside(path, found or 0)
        with self.transaction():
            if path and found == len(MIGRATIONS) and _made_anew() <= there:
                return
            self.execute(OWN_TABLES)
            for table in TABLES.values():
                self._make(table, *(f"{n} {t}" for n, t in VERSION_COLUMNS.items()))
            self._make(RETRACTIONS)
            for migrate in MIGRATIONS[found or 0 :] if "batches" in tables else ():
                migrate(self)
            if found != len(MIGRATIONS):
                self.execute("INSERT INTO meta SELECT NULL, NULL WHERE NOT EXISTS (FROM meta)")
                self.execute("UPDATE meta SET schema_version = $1", [len(MIGRATIONS)])
        for name, column, kind in missing_columns(self) if path else ():
            raise _not_ours(path, f"the table {name} without the column {column} ({kind})")

    def _all_columns(self) -> set[tuple[str, str, str]]:
        """Table, column and type of all tables and views."""
        of_all = "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE database_name = "
        return set(self.rows(f"{of_all} current_database()"))

    @contextmanager
    def transaction(self, keep: bool = True) -> Iterator[None]:
        """All or nothing: commit at the end of the block, roll back on any error, and always unless `keep`."""
        self.connection.execute("BEGIN TRANSACTION")
        try:
            yield
        except BaseException:
            # a failed statement may have ended the transaction already
            try:
                self.connection.execute("ROLLBACK")
            except duckdb.Error:
                log.debug("nothing to roll back")
            raise
        self.connection.execute("COMMIT" if keep else "ROLLBACK")

    @contextmanager
    def aside(self) -> Iterator[Warehouse]:
        """A second connection: it sees what was committed, and may write to another file during a transaction."""
        with self.connection.cursor() as connection:
            connection.execute(SESSION)
            yield Warehouse(connection)

    def limit(self, memory: int) -> None:
        """Hold no more than so many bytes from here on, until it is opened again; as before where that cannot be."""
        try:
            self.execute(f"SET memory_limit = '{memory:d}B'")
        except duckdb.OutOfMemoryException as error:
            log.info("DuckDB holds more than %d bytes: %s", memory, plainly(error))

    def keep_to_itself(self) -> None:
        """From here on, until it is opened again, no statement reads or writes files other than the warehouse's own."""
        self.execute("SET enable_external_access = false")

    def check_select(self, sql: str) -> None:
        """Raise duckdb.Error unless a text that somebody else wrote is one SELECT."""
        found = self.connection.extract_statements(sql)
        if [statement.type for statement in found] != [duckdb.StatementType.SELECT]:
            raise duckdb.ParserException(f"{len(found)} statements, or one of another kind")

    def execute(self, sql: str, parameters: Parameters = None) -> None:
        """Run a statement."""
        self.connection.execute(sql, parameters)

    def insert(self, table: str, rows: str) -> int:
        """Insert the rows of a SELECT into a table, by the names of their columns; how many.

        Nothing is inserted where there is none: in DuckDB 2.0.0, of more than 122,880 rows that the same transaction
        inserts after that, a column that is empty in all of them reads as if there were no rows.
        """
        self.execute(f"CREATE OR REPLACE TEMP TABLE inserted AS {rows}")
        count = int(self.scalar("SELECT count(*) FROM inserted"))
        if count:
            self.execute(f"INSERT INTO {table} BY NAME FROM inserted")
        self.execute("DROP TABLE inserted")
        return count

    def rows(self, sql: str, parameters: Parameters = None) -> list[tuple[Any, ...]]:
        """All rows of a small result."""
        return self.connection.execute(sql, parameters).fetchall()

    def scalar(self, sql: str, parameters: Parameters = None) -> Any:
        """The first value of the first row; None where there is no row."""
        rows = self.rows(sql, parameters)  # to the end: an open result holds its tables
        return rows[0][0] if rows else None

    def frame(self, sql: str, parameters: Parameters = None) -> pd.DataFrame:
        """A result as a pandas frame."""
        return self.connection.execute(sql, parameters).df()

    def batches(self, sql: str, parameters: Parameters = None, rows: int = BATCH) -> pa.RecordBatchReader:
        """A large result bit by bit, so many rows at a time, to be read before the next statement."""
        return self.connection.sql(sql, params=parameters).to_arrow_reader(rows)

    def arrays(self, sql: str) -> dict[str, Any]:
        """A result as NumPy arrays by column; a column with missing values comes masked."""
        return dict(self.connection.execute(sql).fetchnumpy())

    def table(self, sql: str) -> pa.Table:
        """A result as an Arrow table."""
        return self.connection.sql(sql).to_arrow_table()

    @contextmanager
    def view(self, name: str, frame: pd.DataFrame | pa.Table) -> Iterator[str]:
        """A pandas frame or Arrow table as a temporary relation `name`, gone after the block."""
        self.connection.register(name, frame)
        try:
            yield name
        finally:
            self.connection.unregister(name)

    @contextmanager
    def shadowed(self, selects: Mapping[str, str], parameters: Parameters = None) -> Iterator[None]:
        """Let temporary tables stand before the stored ones of the same name, each made by a SELECT of stored ones."""
        try:
            for name, sql in selects.items():
                self.execute(f"CREATE OR REPLACE TEMP TABLE shadow_{name} AS {sql}", parameters)
            for name in selects:
                self.execute(f"ALTER TABLE temp.shadow_{name} RENAME TO {name}")
            yield
        finally:
            for name in selects:
                self.execute(f"DROP TABLE IF EXISTS temp.{name}; DROP TABLE IF EXISTS temp.shadow_{name}")

    def make(self, table: Table) -> None:
        """Make the table of a contract, each key once, and the columns that an older leadready did not know."""
        self._make(table, f"PRIMARY KEY ({', '.join(table.key)})")
        for column in table.columns:
            self.execute(f"ALTER TABLE {table.name} ADD COLUMN IF NOT EXISTS {column.name} {SQL_TYPES[column.type]}")

    def _make(self, table: Table, *more: str) -> None:
        columns = [f"{c.name} {SQL_TYPES[c.type]}{' NOT NULL' if c.required else ''}" for c in table.columns]
        self.execute(f"CREATE TABLE IF NOT EXISTS {table.name} ({', '.join([*columns, *more])})")

    def columns(self, table: str) -> dict[str, str]:
        """Column name -> SQL type of a stored table, in order."""
        return {n: t for n, t, *_ in self.rows(f"DESCRIBE {table}")}

    def extras(self, table: Table) -> dict[str, str]:
        """The columns that sources brought beyond the contract, by the source's name (`table.extra`): SQL type."""
        own = table.extra("")
        return {n.removeprefix(own): t for n, t in self.columns(table.name).items() if n.startswith(own)}


def missing_columns(warehouse: Warehouse) -> list[tuple[str, str, str]]:
    """Table, column and type of all that a new warehouse holds and this one does not."""
    return sorted(_made_anew() - warehouse._all_columns())


@cache
def _made_anew() -> set[tuple[str, str, str]]:
    """Table, column and type of all that a new warehouse holds."""
    with Warehouse.open(None) as new:
        return new._all_columns()


def rewrite(path: Path, wait_s: float = 0) -> None:
    """Write a warehouse anew, so that nothing that was deleted is left in its file: DuckDB only marks such rows.

    The new file takes the old one's place while that is still locked. Raises what `Warehouse.open` raises.
    """
    with Warehouse.open(path, wait_s=wait_s) as warehouse, whole(path) as making:
        remove(*path.parent.glob(f".{path.name}.*"))  # what a run that was killed left
        own = quoted(warehouse.scalar("SELECT current_database()"))
        warehouse.execute(f"CHECKPOINT; ATTACH {literal(str(making))} AS anew")
        warehouse.execute(f"COPY FROM DATABASE {own} TO anew; DETACH anew")


def plainly(error: duckdb.Error) -> str:
    """What DuckDB says, in one line and without the values of rows, which may be personal."""
    text = str(error).partition("\n")[0]
    about_sql = isinstance(error, (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException))
    return text if about_sql else re.sub("'.*'|\".*\"", "'...'", text)


def _not_ours(path: Path | None, got: str) -> ConfigError:
    """A file that this version of leadready did not make, or that is damaged."""
    expected = "tables that are whole and as this version of leadready makes them"
    do = "restore it from a backup, or move it away and ingest again"
    return ConfigError(f"opening {path or 'the warehouse'}", expected=expected, got=got, do=do)


def _connect(path: Path | None, wait_s: float, as_it_is: bool) -> duckdb.DuckDBPyConnection:
    waited = 0.0
    while True:
        try:
            return duckdb.connect(path or ":memory:", read_only=as_it_is)
        except duckdb.Error as error:
            what, got = f"opening {path}", str(error).splitlines()[0]
            held = re.search(r"Could not set lock.*?(?:\(PID (\d+)\)|$)", str(error), re.DOTALL)
            if not held:
                do = "check its folder, permissions and free space, or move the file away and ingest again"
                raise ConfigError(what, expected="a DuckDB file that can be read and written", got=got, do=do) from None
            by = _named(held[1])
            if waited >= wait_s:
                got = f"another leadready command that is running{by}" + f", after {waited:g} s of waiting" * (
                    wait_s > 0
                )
                do = "wait until it ends and run the same command again"
                raise BusyError(what, expected="no other command to use it", got=got, do=do) from None
            if not waited:
                log.warning("%s is in use by another leadready command%s; waiting up to %g s for it", path, by, wait_s)
        time.sleep(LOOK_S)
        waited += LOOK_S


def _named(number: str | None) -> str:
    """The process that holds a lock, in brackets, with the command it was started as where this system says it.

    Of that only the name of the command is told: what follows may hold a password. A number that is nobody's here is
    that of a process in another container or on another machine, which this one cannot see.
    """
    if not number:
        return ""
    place = Path(f"/proc/{number}")
    if number == "0" or (place.parent.is_dir() and not place.exists()):
        return f" (process {number}, which is none of this machine's: look for one in another container or machine)"
    try:
        words = (place / "cmdline").read_text(errors="replace").split("\0")
    except OSError:
        words = []
    is_ours = [word.endswith(("/leadready", "pipelines.cli")) or word == "leadready" for word in words]
    after = words[is_ours.index(True) + 1] if any(is_ours) else ""
    return f" (leadready {after}, process {number})" if re.fullmatch("[a-z-]+", after) else f" (process {number})"
