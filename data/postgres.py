"""How do we talk to PostgreSQL? Through ADBC, in Arrow tables; no password is in what is said of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from data.errors import LeadreadyError
from data.intake.databases import without_secrets
from data.intake.records import first_line
from data.silence import SILENCE_S, Silence

ADDRESS = re.compile(r"postgres(ql)?(\+\w+)?://", re.IGNORECASE)
PATIENCE = {
    "connect_timeout": "10",
    "tcp_user_timeout": "60000",  # ms
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "application_name": "leadready",
}
"""Options of libpq that an address gets unless it names them: a server that is gone is given up after a minute."""
SESSION = (
    *("TimeZone = 'UTC'", "DateStyle = 'ISO'", "IntervalStyle = 'iso_8601'", "bytea_output = 'hex'"),
    *("extra_float_digits = 1", "standard_conforming_strings = on", "client_min_messages = 'warning'"),
    *("tcp_keepalives_idle = 60", "tcp_keepalives_interval = 10", "tcp_keepalives_count = 6"),
)
"""So that texts made by the server are the same whatever the settings of its users; and so that it notices within two
minutes that our machine is gone, and lets go of what was locked for us."""
SAID = re.compile(r"(?:ERROR|FATAL): +(.+)")
"""The words of the server, among those of the driver."""
OF_DRIVER = re.compile(r"^[A-Z_]+: (\[libpq\] )?")
OF_VALUES = ("22", "23")
"""SQLSTATE classes whose messages repeat values of rows."""

Refuse = Callable[[str], LeadreadyError]


def is_postgres(path: str) -> bool:
    """Whether a path is the address of a PostgreSQL database, whichever driver it names."""
    return bool(ADDRESS.match(path))


class _Broken(Exception):
    """A result that broke off; its words may repeat values."""

    sqlstate = OF_VALUES[0]


@dataclass
class Postgres:
    """A session in one transaction: whatever it does counts from `commit` on, or never."""

    connection: Any
    silence: Silence

    def run(self, *statements: str) -> None:
        """Run statements one by one."""
        with self.connection.cursor() as cursor:
            for statement in statements:
                with self.silence.waiting():
                    cursor.execute(statement)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a small result."""
        with self.silence.waiting(), self.connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def scalar(self, sql: str) -> Any:
        """The first value of the first row; None where there is none."""
        rows = self.rows(sql)
        return rows[0][0] if rows else None

    def types(self, sql: str) -> list[tuple[str, str]]:
        """Name and PostgreSQL's type of each column of a SELECT, which is not run."""
        with self.silence.waiting(), self.connection.cursor() as cursor:
            schema = cursor.adbc_execute_schema(sql)
        return [(field.name, (field.metadata or {}).get(b"POSTGRESQL:type", b"").decode()) for field in schema]

    @contextmanager
    def batches(self, sql: str) -> Iterator[pa.RecordBatchReader]:
        """A large result bit by bit, for another engine to read: what fails in it is not raised as its error."""
        failed: list[_Broken] = []

        def read(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
            try:
                while True:
                    with self.silence.waiting():
                        batch = next(reader, None)
                    if batch is None:
                        return
                    yield batch
            except (OSError, pa.ArrowException) as error:
                failed.append(_Broken(str(error)))
                raise

        with self.connection.cursor() as cursor:
            with self.silence.waiting():
                cursor.execute(sql)
                reader = cursor.fetch_record_batch()
            try:
                yield pa.RecordBatchReader.from_batches(reader.schema, read(reader))
            except Exception:
                if failed:
                    raise failed[0] from None
                raise

    def load(self, schema: str, table: str, rows: pa.RecordBatchReader) -> int:
        """Copy rows into a table that is there, by the names of its columns; how many."""
        given = pa.RecordBatchReader.from_batches(rows.schema, self._giving(rows))
        with self.silence.waiting(), self.connection.cursor() as cursor:
            return int(cursor.adbc_ingest(table, given, mode="append", db_schema_name=schema))

    def _giving(self, rows: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        """What is copied; while it is made nobody waits for the server."""
        while True:
            with self.silence.not_waiting():
                batch = next(rows, None)
            if batch is None:
                return
            yield batch

    def commit(self) -> None:
        """Let all of it count."""
        with self.silence.waiting():
            self.connection.commit()


@contextmanager
def connected(url: str, refuse: Refuse, silence_s: float = SILENCE_S) -> Iterator[Postgres]:
    """A session at a URL, rolled back at the end unless committed.

    Whatever fails about the database, then or in the block, is raised as what `refuse` makes of the server's words;
    they hold neither the password nor, where PostgreSQL speaks of values, these. So is a server from which nothing
    came for `silence_s` seconds while it was waited for.
    """
    from adbc_driver_manager import Error
    from adbc_driver_postgresql import dbapi

    address = _address(url)
    silence = Silence(silence_s, address)
    try:
        with silence.watched(), _closing(silence, lambda: dbapi.connect(address)) as connection:
            silence.connected()
            session = Postgres(connection, silence)
            session.run(*(f"SET {setting}" for setting in SESSION))
            yield session
    except (Error, _Broken) as error:
        raise refuse(f"no answer for {silence_s:g} s" if silence.fired else plainly(error, url)) from None


@contextmanager
def _closing(silence: Silence, connect: Callable[[], Any]) -> Iterator[Any]:
    """A connection that is closed at the end; it is waited for at both ends."""
    with silence.waiting():
        connection = connect()
    try:
        yield connection
    finally:
        with silence.waiting():
            connection.close()


def plainly(error: Exception, url: str) -> str:
    """What the server or the driver says, in one line, without secrets."""
    said = SAID.search(str(error))
    text = said[1] if said else OF_DRIVER.sub("", first_line(error))
    if str(getattr(error, "sqlstate", "")).startswith(OF_VALUES):
        text = re.sub('".*"', '"..."', text)
    return without_secrets(text, url)


def _address(url: str) -> str:
    """The URL as libpq takes it: without the driver that SQLAlchemy is told of, and with PATIENCE."""
    rest = ADDRESS.sub("", url, count=1)
    # as libpq reads it: a user stands before the first @, unless a / comes first
    server = rest.partition("@")[2] if "@" in rest.partition("/")[0] else rest
    options = server.partition("?")[2]
    more = "&".join(f"{name}={value}" for name, value in PATIENCE.items() if f"{name}=" not in options)
    return f"postgresql://{rest}{'&' if options else '' if server.endswith('?') else '?'}{more}"
