"""From where is a table of a database read on? A watermark for each, which moves in the transaction of its rows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping as ByName
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from data.errors import ConfigError
from data.intake.files import OfDatabase
from data.intake.mapping import Mapping
from data.intake.names import declared_relation
from data.intake.postgres import Follow, Followed
from data.postgres import is_postgres
from data.silence import SILENCE_S
from data.warehouse import Warehouse


@dataclass(frozen=True)
class Extract:
    """What the settings ask of a database: queries and columns to follow by table; `full` reads all rows once more.

    silence_s: a server that says nothing for so long is given up.
    """

    queries: ByName[str, str] = field(default_factory=dict)
    watermark: ByName[str, str] = field(default_factory=dict)
    overlap_hours: float = 48
    full: bool = False
    silence_s: float = SILENCE_S


@dataclass(frozen=True)
class Watermarks:
    """The watermarks of one source. `rests_on`: relation -> a hash of all that a watermark holds for.

    Where that differs (another column, query, mapping or database), all rows are read once more.
    """

    source: str
    asked: OfDatabase
    rests_on: ByName[str, str]

    def move(self, warehouse: Warehouse, followed: Sequence[Followed], batch_id: str) -> None:
        """Note how far was read, within the transaction that stores the rows."""
        for one in followed:
            warehouse.execute("DELETE FROM watermarks WHERE source = $1 AND relation = $2", [self.source, one.relation])
            if one.reached:
                values = [self.source, one.relation, self.rests_on[one.relation], one.reached, batch_id]
                warehouse.execute("INSERT INTO watermarks VALUES ($1, $2, $3, $4, $5)", values)


def find_watermarks(
    warehouse: Warehouse, source: str, shown: str, extract: Extract, mappings: Sequence[Mapping], timezone: str
) -> Watermarks:
    """From where each table is read on; `shown` is the source's address without secrets.

    Raises ConfigError where the address is none of PostgreSQL, no mapping reads what is named, or a mapping joins a
    table of which only new rows are read.
    """
    queries = {declared_relation(name): sql for name, sql in extract.queries.items()}
    columns = {declared_relation(name): column for name, column in extract.watermark.items()}
    if queries or columns:
        _check(source, shown, {**queries, **columns}, columns, mappings)
    rests_on = {
        name: _short_hash(shown, timezone, column, queries.get(name, ""), *(m.sql for m in mappings if name in m.reads))
        for name, column in columns.items()
    }
    so_far = {} if extract.full else _stored(warehouse, source, rests_on)
    overlap = timedelta(hours=extract.overlap_hours)
    follows = {name: Follow(column, overlap, timezone, so_far.get(name)) for name, column in columns.items()}
    return Watermarks(source, OfDatabase(queries, follows, extract.silence_s), rests_on)


def drop_watermarks(warehouse: Warehouse, batch_id: str) -> None:
    """Let the source of a batch that is taken back be read in full next time."""
    warehouse.execute(
        "DELETE FROM watermarks WHERE source IN (SELECT source FROM batches WHERE batch_id = $1)", [batch_id]
    )


def _stored(warehouse: Warehouse, source: str, rests_on: ByName[str, str]) -> dict[str, datetime]:
    rows = warehouse.rows("SELECT relation, rests_on, reached FROM watermarks WHERE source = $1", [source])
    return {relation: reached for relation, on, reached in rows if rests_on.get(relation) == on}


def _check(
    source: str, shown: str, named: ByName[str, str], columns: ByName[str, str], mappings: Sequence[Mapping]
) -> None:
    where = f"reading [schedule.sources], {source}"
    if not is_postgres(shown):
        expected, do = "the address of a PostgreSQL database where queries or watermark are set", "leave them out"
        raise ConfigError(where, expected=expected, got=shown, do=do)
    read = {relation for m in mappings for relation in m.reads}
    if strange := sorted(name.removeprefix("raw_") for name in named if name not in read):
        known = ", ".join(sorted(name.removeprefix("raw_") for name in read))
        expected, do = f"tables that the mappings read ({known})", "correct queries and watermark"
        raise ConfigError(where, expected=expected, got=", ".join(strange), do=do)
    for mapping in mappings:
        if len(mapping.reads) > 1 and (joined := next((r for r in mapping.reads if r in columns), None)):
            expected = (
                f"a watermark only of tables that a mapping reads alone: of others it would miss {joined}'s old rows"
            )
            do = "join them in one of the source's queries, or leave out this watermark"
            got = f"{mapping.table.name}.sql, which joins {' and '.join(mapping.reads)}"
            raise ConfigError(where, expected=expected, got=got, do=do)


def _short_hash(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]
