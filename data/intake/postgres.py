"""How is PostgreSQL read? Tables and queries through Arrow, typed, all of them as they were at one moment.

What has no like in the warehouse comes as the text that PostgreSQL writes: JSON, UUIDs, enums, networks, ranges and so
on; arrays come as JSON. A NUMERIC is a whole number where all are, and else a number.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from data.errors import DataError
from data.intake.databases import without_password
from data.intake.names import column_name, named_relation
from data.intake.records import checked_columns, unreadable
from data.postgres import Postgres, Refuse, connected
from data.sql import literal, quoted
from data.warehouse import Warehouse

AT_ONE_MOMENT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
TABLES = r"""SELECT n.nspname, c.relname, pg_table_is_visible(c.oid) FROM pg_class c JOIN pg_namespace n
    ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
    AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema' ORDER BY 1, 2"""
"""Tables, views, foreign tables; of a partitioned one the whole."""
AS_THEY_ARE = {"bool", "int2", "int4", "int8", "float8", "text", "varchar", "bpchar", "name", "bytea"}
TIMES = {"timestamptz": "TIMESTAMP WITH TIME ZONE", "timestamp": "TIMESTAMP", "date": "DATE"}
FAR = """CASE WHEN {of} >= '10000-01-01'::{type} THEN '10000-01-01'::{type}
    WHEN {of} < '0001-01-01'::{type} THEN '0001-01-01 BC'::{type} ELSE {of} END"""
"""A time outside the years 1 to 9999, an infinite one too, as one that Arrow can hold."""
BEYOND = """CASE WHEN {of} >= '10000-01-01'::{type} THEN 'infinity' WHEN {of} < '0001-01-01'::{type} THEN '-infinity'
    ELSE {of} END::{type}"""
"""The same in the warehouse: infinite, which the contract holds back."""
WIDEST = 18
"""Digits that a BIGINT holds."""
ANSWER_S = 30.0
"""So long it is waited for whether a server answers at all."""


@dataclass(frozen=True)
class Follow:
    """How a relation is read on: rows whose `column` is `since` or later, and those without one; None: all of them.

    until: the watermark so far, as the column says it: in UTC where it has time zones, else by its own clock, which is
    said to be that of `timezone`. A clock that was set back takes it back.
    """

    column: str
    overlap: timedelta
    timezone: str
    until: datetime | None = None


@dataclass(frozen=True)
class Followed:
    """What was read on. reached: the watermark now; without: rows without a value, ahead: with one after the server's
    time; both are read each time."""

    relation: str
    column: str
    since: datetime | None
    reached: datetime | None
    rows: int
    without: int
    ahead: int


@dataclass(frozen=True)
class Found:
    """A table or a query of a database: its name as it is shown, and its SELECT."""

    name: str
    select: str


@dataclass(frozen=True)
class Read:
    """What became of one: its columns as the warehouse has them, and what was read on."""

    columns: list[str] = field(default_factory=list)
    followed: Followed | None = None


def refuse(url: str) -> Refuse:
    """The error about a database that cannot be read."""
    do = "check the address, that the database is running, and that this user may read it"
    return lambda got: unreadable(without_password(url), "a database that can be read", got, do)


def answers(url: str) -> None:
    """Raise DataError, without the password, where the server does not answer."""
    with connected(url, refuse(url), ANSWER_S):
        pass


def found_in(session: Postgres) -> dict[str, list[Found]]:
    """The relations that a database holds: `raw_leads` where the search path leads to it, always `raw_schema_leads`."""
    found: dict[str, list[Found]] = {}
    for schema, table, visible in session.rows(TABLES):
        one = Found(f"table {table if visible else f'{schema}.{table}'}", f"FROM {quoted(schema)}.{quoted(table)} AS q")
        for name in {named_relation(f"{schema}.{table}"), *[named_relation(table)] * visible}:
            found.setdefault(name, []).append(one)
    return found


def a_query(name: str, sql: str) -> Found:
    """What a query of the settings gives; a semicolon at its end means nothing."""
    text = sql.strip().rstrip(";")
    return Found(f"query {name}", f"FROM ({text}\n) AS q")


def the_only(relation: str, found: list[Found]) -> Found:
    """The one table of a relation's name; DataError where there are several, of which none is guessed."""
    if len(found) > 1:
        expected, do = f"one table for {relation}", "name its schema in the mapping's `-- reads:`, or write a query"
        raise DataError("reading a database", expected=expected, got=", ".join(one.name for one in found), do=do)
    return found[0]


def read(
    session: Postgres, warehouse: Warehouse, found: Found, relation: str, into: str, follow: Follow | None
) -> Read:
    """Copy a table or the result of a query into a temporary table, with `_file` and `_line`, typed."""
    types = session.types(f"SELECT * {found.select}")
    columns = checked_columns([column_name(n, i) for i, (n, _) in enumerate(types, 1)], found.name)
    given = [f"{_server_side(n, t)} AS {quoted(c)}" for (n, t), c in zip(types, columns, strict=True)]
    clock, since, where = _since(session, follow, dict(types), found.name) if follow else (None, None, "")
    kept = [
        f"{BEYOND.format(of=quoted(c), type=TIMES[t]) if t in TIMES else quoted(c)} AS {quoted(c)}"
        for (_, t), c in zip(types, columns, strict=True)
    ]
    with (
        session.batches(f"SELECT {', '.join(given)} {found.select}{where}") as rows,
        warehouse.view("raw_chunk", rows) as chunk,
    ):
        warehouse.execute(
            f"""CREATE OR REPLACE TEMP TABLE {into} AS SELECT {literal(found.name)} AS _file,
            row_number() OVER () AS _line{"".join(f", {k}" for k in kept)} FROM {chunk}"""
        )
    _settle_numerics(warehouse, into, [c for (_, t), c in zip(types, columns, strict=True) if t == "numeric"])
    if not (follow and clock):
        return Read(columns)
    place = [n for n, _ in types].index(follow.column)
    return Read(columns, _followed(warehouse, into, relation, follow, columns[place], since, clock))


def digest_of(warehouse: Warehouse, table: str) -> str:
    """What the rows of a table say, in whatever order they came."""
    whole = f"SELECT count(*), sum(hash(q)::HUGEINT), bit_xor(hash(q)) FROM (SELECT * EXCLUDE (_line) FROM {table}) q"
    return repr(warehouse.rows(whole))


def _server_side(name: str, kind: str) -> str:
    """What the server is asked for, so that Arrow has a type for it and nothing is lost."""
    of = f"q.{quoted(name)}"
    if kind in AS_THEY_ARE:
        return of
    if kind in TIMES:
        return FAR.format(of=of, type=kind)
    if kind == "float4":  # .1 stays .1
        return f"{of}::text::float8"
    return f"to_json({of})::text" if kind.startswith("_") else f"{of}::text"


def _settle_numerics(warehouse: Warehouse, table: str, columns: list[str]) -> None:
    """Numerics came as text. Whole ones that are too long for a number, as ids may be, stay so."""
    for column in map(quoted, columns):
        rest = f"coalesce(max(strlen(ltrim({column}, '-'))), 0), bool_and(regexp_full_match({column}, '-?[0-9]+'))"
        [(digits, whole, filled)] = warehouse.rows(f"SELECT {rest}, count({column}) FROM {table}")
        kind = "DOUBLE" if not whole or not filled else "BIGINT" if digits <= WIDEST else "VARCHAR"
        warehouse.execute(f"ALTER TABLE {table} ALTER {column} TYPE {kind}")


def _since(
    session: Postgres, follow: Follow, types: dict[str, str], name: str
) -> tuple[datetime, datetime | None, str]:
    """The column's clock now, from when on is read, and the condition for it."""
    kind = types.get(follow.column)
    if kind not in TIMES:
        got = f"{follow.column} ({kind})" if kind else f"no column {follow.column} among {', '.join(types)}"
        expected, do = "a watermark of type timestamptz, timestamp or date", "correct it in settings.toml"
        raise DataError(f"reading {name} on", expected=expected, got=got, do=do)
    zone = "UTC" if kind == "timestamptz" else follow.timezone
    clock: datetime = session.scalar(f"SELECT now() AT TIME ZONE {literal(zone)}")
    if follow.until is None:
        return clock, None, ""
    since = max(min(follow.until, clock), datetime.min + follow.overlap) - follow.overlap
    of, written = f"q.{quoted(follow.column)}", f"{since.isoformat(sep=' ')}{'+00' * (kind == 'timestamptz')}"
    return clock, since, f" WHERE {of} >= {literal(written)}::{kind} OR {of} IS NULL"


def _followed(
    warehouse: Warehouse,
    table: str,
    relation: str,
    follow: Follow,
    column: str,
    since: datetime | None,
    clock: datetime,
) -> Followed:
    """How far the rows that were read go: no further than the clock, so that a time in the future skips nothing."""
    own = f"timezone('UTC', {quoted(column)})"
    typed = warehouse.columns(table)[column]
    value = own if typed == TIMES["timestamptz"] else f"{quoted(column)}::TIMESTAMP"
    [(rows, without, ahead, latest)] = warehouse.rows(
        f"""SELECT count(*), count(*) FILTER (v IS NULL), count(*) FILTER (v > $1),
            max(v) FILTER (v <= $1 AND isfinite(v)) FROM (SELECT {value} AS v FROM {table})""",
        [clock],
    )
    so_far = [moment for moment in (follow.until, latest) if moment]
    reached = min(max(so_far), clock) if so_far else None
    return Followed(relation, follow.column, since, reached, rows, without, ahead)
