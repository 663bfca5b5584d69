"""How do a source's rows get into the warehouse? One batch, one transaction: stored, quarantined, or there already."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as ByName
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd

from data.agreement.model import Agreement
from data.errors import DataError, UsageError
from data.intake.checking import Checked, look_closer
from data.intake.contract import Columns, checked_sql, require, settle_columns, texts_of
from data.intake.databases import without_password
from data.intake.files import RawData, raw_relations
from data.intake.findings import Finding, Strangers, count_from_now, count_late, count_undecided, find_strangers
from data.intake.mapping import FUNCTIONS, Mapping, load_mappings
from data.intake.noticed import Noticed, notice
from data.intake.postgres import Followed
from data.intake.quarantine import hold_back, hold_back_lines, take_out
from data.intake.records import OWN_COLUMNS
from data.intake.retraction import forget_lines, is_forgotten
from data.intake.values import Reading, look_at
from data.intake.versions import store
from data.intake.watermarks import Extract, find_watermarks
from data.intake.words import find_words
from data.settings import IngestSettings
from data.sql import literal
from data.tables import ACCOUNTS, LEADS, TABLES, Table
from data.toml_errors import few
from data.warehouse import Warehouse, plainly

log = logging.getLogger(__name__)

DEFAULTS = IngestSettings()
ALL = Extract()
WORKING = ("bad", "several", "conflicts", "again", "verdicts", "fresh")
"""Temporary tables that the rows of a table leave behind."""
WIDE = 40
"""What has more columns than so many is copied: DuckDB plans a view for every query of it, wide ones for seconds."""


@dataclass(frozen=True)
class TableCount:
    """What became of one table's rows; a line that could not be read counts as a row of the first table it feeds.

    `forgotten`: rows dropped because their lead was (`retraction.forget`).
    """

    rows_in: int
    stored: int
    quarantined: int
    repeats: int
    forgotten: int = 0


@dataclass(frozen=True)
class IngestReport:
    """What a batch did. `files`: records read from each; `unused`: files that no mapping reads.

    `left_out`: extra columns that look personal; `ignored`: columns no table has; `noticed`: texts that were
    not read as the values that they seem to be; `findings`: what else there is to say, by table; `strangers`: rows of
    accounts or leads that are not there; `absent`: relation -> optional columns that no file has; `followed`: tables
    of a database that are read on by watermark. `checked`: what a check found, which stores nothing.
    """

    batch_id: str
    tables: dict[str, TableCount]
    files: dict[str, int] = field(default_factory=dict)
    unused: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    noticed: tuple[Noticed, ...] = ()
    findings: tuple[Finding, ...] = ()
    strangers: tuple[Strangers, ...] = ()
    absent: ByName[str, tuple[str, ...]] = field(default_factory=dict)
    followed: tuple[Followed, ...] = ()
    checked: Checked | None = None

    @property
    def stored(self) -> int:
        """Rows stored in all tables."""
        return sum(t.stored for t in self.tables.values())

    @property
    def repeats(self) -> int:
        """Rows of all tables that were stored already."""
        return sum(t.repeats for t in self.tables.values())

    @property
    def quarantined(self) -> int:
        """Rows quarantined in all tables."""
        return sum(t.quarantined for t in self.tables.values())


@dataclass(frozen=True)
class _Batch:
    """What all rows of a batch share."""

    source: str
    batch_id: str
    loaded_at: datetime
    reading: Reading
    backfill: bool = False
    timezone: str = "UTC"
    agreements: Sequence[Agreement] = ()

    @property
    def load(self) -> str:
        return f"TIMESTAMP '{self.loaded_at}'"


@dataclass(frozen=True)
class _Loaded:
    """What became of one table of a batch."""

    count: TableCount
    columns: Columns
    noticed: list[Noticed]
    finding: Finding
    strangers: Strangers | None


def ingest(
    warehouse: Warehouse,
    source: str,
    path: Path | str,
    *,
    loaded_at: datetime,
    backfill: bool = False,
    timezone: str = "UTC",
    mappings: Path | None = None,
    agreements: Sequence[Agreement] = (),
    settings: IngestSettings = DEFAULTS,
    check: bool = False,
    extract: Extract = ALL,
) -> IngestReport:
    """Store what is new in a file, a folder or a database (URL), all or nothing; bad rows go to the quarantine.

    `check` stores nothing: everything is done as it would be, looked at closely and taken back.

    `loaded_at` (UTC, naive) is when the rows became known unless the source says; with `backfill` that is taken from
    the event. Times without an offset are read in `timezone`; stored times are UTC. `settings` say how texts are read
    where a mapping does not, what is let in, and when to warn. Answers whose level is not in the one of `agreements`
    that was in force then are quarantined. `extract` asks a PostgreSQL database for queries and for new rows only;
    how far was read is kept with the rows. The SQL of a mapping runs without access to files: from then on the
    warehouse reads none, Parquet files of a next batch among them, until it is opened again.
    Raises UsageError for an unknown source or zone, DataError where files are missing or unreadable or lack required
    columns, and ConfigError for a wrong mapping file; then nothing is stored.
    """
    _check_clock(loaded_at)
    found = load_mappings(source, mappings)
    optional = {r: [c for m in found if m.reads[:1] == (r,) for c in m.optional] for m in found for r in m.reads}
    marks = find_watermarks(warehouse, source, without_password(str(path)), extract, found, timezone)
    in_place = all(m.canonical for m in found)
    with raw_relations(warehouse, path, optional, optional, marks.asked, in_place) as raw:
        used = [m for m in found if set(m.reads) <= raw.relations]
        _check_files(source, found, used, raw)
        if not all(m.canonical for m in used):
            warehouse.keep_to_itself()
        batch_id = _short_hash(source, raw.digest, *(m.sql for m in used))
        batch = _Batch(source, batch_id, loaded_at, Reading(settings, timezone), backfill, timezone, agreements)
        with _utc_afterwards(warehouse), warehouse.transaction(keep=not check):
            check_zone(timezone, warehouse)
            try:
                loads = _load_all(warehouse, batch, used, raw)
            except (duckdb.Error, DataError):  # a file that was changed explains them all
                raw.check()
                raise
            marks.move(warehouse, raw.followed, batch_id)
            strangers = _find_strangers(warehouse, loads, settings.unknown_share)
            taken = {name: loaded.columns for name, loaded in loads.items()}
            checked = look_closer(warehouse, batch_id, used, raw, taken) if check else None
            raw.check()
    report = IngestReport(
        batch_id,
        {name: loaded.count for name, loaded in loads.items()},
        files={f.name: f.rows + f.rejected for f in raw.files},
        unused=raw.unused,
        left_out=tuple(f"{table}.{name}" for table, columns in taken.items() for name in columns.personal),
        ignored=tuple(f"{table}.{name}" for table, columns in taken.items() for name in columns.ignored),
        noticed=tuple(found for loaded in loads.values() for found in loaded.noticed),
        findings=tuple(loaded.finding for loaded in loads.values()),
        strangers=strangers,
        absent=raw.absent,
        followed=raw.followed,
        checked=checked,
    )
    done = "checked" if check else "ingested"
    log.info("%s %s as batch %s: %d stored, %d quarantined", done, source, batch_id, report.stored, report.quarantined)
    return report


def quarantined(warehouse: Warehouse) -> pd.DataFrame:
    """The rows held back: batch_id, source, table_name, file, line, reason, raw, loaded_at. `raw` may be personal."""
    return warehouse.frame("SELECT * EXCLUDE (settings) FROM quarantine ORDER BY loaded_at, table_name, file, line")


def replay(
    warehouse: Warehouse,
    *,
    loaded_at: datetime,
    agreements: Sequence[Agreement] = (),
    settings: IngestSettings = DEFAULTS,
) -> IngestReport:
    """Try the quarantined rows again: those that pass now are stored and leave.

    A row that is known by its load only becomes known at `loaded_at`, when it first could be used. Lines that could
    not be read at all stay: correct their file and ingest it again.
    """
    _check_clock(loaded_at)
    counts: dict[str, TableCount] = {}
    noticed: list[Noticed] = []
    batch = _Batch(
        "replay", _short_hash("replay", str(loaded_at)), loaded_at, Reading(settings, "UTC"), agreements=agreements
    )
    held = "SELECT DISTINCT table_name, source, settings FROM quarantine WHERE settings IS NOT NULL ORDER BY ALL"
    with _utc_afterwards(warehouse), warehouse.transaction():
        for name, source, stated in sorted(warehouse.rows(held), key=lambda group: list(TABLES).index(group[0])):
            said = json.loads(stated)
            reading = Reading(settings, said["timezone"], said.get("times", ""), said.get("decimal", ""))
            own = replace(batch, source=source, backfill=said["backfill"], timezone=said["timezone"], reading=reading)
            check_zone(own.timezone, warehouse)
            take_out(warehouse, name, source, stated, said.get("types", {}))
            loaded = _load_table(warehouse, own, TABLES[name], tuple(said["mutable"]), said["infer"])
            counts[name] = _sum(counts.get(name), loaded.count)
            noticed += loaded.noticed
        _record(warehouse, batch, counts)
    report = IngestReport(batch.batch_id, counts, noticed=tuple(noticed))
    log.info("replayed the quarantine: %d stored, %d still held", report.stored, report.quarantined)
    return report


def _load_all(warehouse: Warehouse, batch: _Batch, mappings: list[Mapping], raw: RawData) -> dict[str, _Loaded]:
    loads: dict[str, _Loaded] = {}
    unread = {r: sum(f.rejected for f in raw.files if f.relation == r) for r in raw.relations}
    for mapping in mappings:
        name = mapping.table.name
        read = [f for f in raw.files if f.relation in mapping.reads]
        kind = "VIEW" if all(f.in_place and len(f.columns) <= WIDE for f in read) else "TABLE"
        _map(warehouse, batch, mapping, raw, kind)
        infer = mapping.canonical and not all(f.typed for f in raw.files if f.relation in mapping.reads)
        where = f"settings.toml and the mapping {name} of {batch.source}"
        reading = batch.reading.declared(warehouse, mapping.times, mapping.decimal, where)
        own, infer = replace(batch, reading=reading), infer or bool(mapping.decimal)
        loaded = _load_table(warehouse, own, mapping.table, mapping.mutable, infer, kind)
        first = [r for r in mapping.reads if unread.pop(r, 0)]
        lines = sum(hold_back_lines(warehouse, name, batch.source, batch.batch_id, batch.load, r) for r in first)
        gone = forget_lines(warehouse, name, batch.batch_id) if lines else 0
        loads[name] = replace(loaded, count=_sum(loaded.count, TableCount(lines, 0, lines - gone, 0, gone)))
    _record(warehouse, batch, {name: loaded.count for name, loaded in loads.items()})
    return loads


def _find_strangers(warehouse: Warehouse, loads: dict[str, _Loaded], most: float) -> tuple[Strangers, ...]:
    """Those of each table of events, and of all leads where leads or accounts came, if there are accounts at all."""
    found = [loaded.strangers for loaded in loads.values() if loaded.strangers]
    if {"leads", "accounts"} & loads.keys() and warehouse.scalar("SELECT count(*) FROM (FROM accounts LIMIT 1)"):
        found.insert(0, find_strangers(warehouse, "leads", "(FROM leads WHERE superseded_at IS NULL)", ACCOUNTS, most))
    for one in found:
        if one.many:
            log.warning("%s: %d of %d rows name %s that are not there", one.table, one.unknown, one.rows, one.of)
    return tuple(one for one in found if one.rows)


def _map(warehouse: Warehouse, batch: _Batch, mapping: Mapping, raw: RawData, kind: str) -> None:
    """The mapping's result as the table or view `mapped`, its rows numbered and stamped with their batch."""
    warehouse.execute(FUNCTIONS.format(load=batch.load))
    stamp = f"'{batch.batch_id}' AS _batch_id, {batch.load} AS _loaded_at"
    try:
        warehouse.check_select(mapping.sql)
        warehouse.execute(
            f"CREATE OR REPLACE TEMP {kind} mapped AS"
            f" SELECT row_number() OVER () AS _row, {stamp}, m.* FROM ({mapping.sql}\n) m"
        )
        warehouse.execute("SELECT _file, _line FROM mapped LIMIT 0")
    except duckdb.Error as error:
        what, got = f"mapping {mapping.table.name} of {batch.source}", plainly(error)
        expected, do = "a SELECT with _file and _line that runs on these files", _compared(got, raw, mapping)
        raise DataError(what, expected=expected, got=got, do=do) from None


def _compared(got: str, raw: RawData, mapping: Mapping) -> str:
    """What to do about a SELECT that does not run: where a column is not found, with those that are there."""
    do = "compare their columns with the mapping"
    if missing := re.search('[Rr]eferenced column "(.+?)" not found', got):
        found = [c for file in raw.files if file.relation in mapping.reads for c in file.columns]
        return f"{do} (they have {few(missing[1], found)}); one that may be absent is declared by `-- optional:`"
    return do


def _load_table(
    warehouse: Warehouse, batch: _Batch, table: Table, mutable: tuple[str, ...], infer: bool, kind: str = "TABLE"
) -> _Loaded:
    """Check and store the relation `mapped`, a table or view; what is checked is of the same kind."""
    types, settings = warehouse.columns("mapped"), batch.reading.settings
    seen = look_at(warehouse, texts_of(table, types, batch.agreements), batch.reading)
    columns = settle_columns(warehouse, table, seen, infer, settings.allow_columns)
    noticed = notice(warehouse, table, columns, seen, batch.reading, batch.agreements)
    checked = checked_sql(table, columns, seen, batch.loaded_at, batch.backfill, batch.agreements, batch.reading)
    is_lead = "lead_id" in table.names
    if is_lead and warehouse.scalar("SELECT count(*) FROM retractions WHERE what = 'forget'"):
        checked = f"FROM ({checked}) WHERE coalesce(NOT {is_forgotten('lead_id')}, TRUE)"
    warehouse.execute(f"CREATE OR REPLACE TEMP {kind} checked AS {checked}")
    rows_in = warehouse.scalar("SELECT count(*) FROM mapped")
    forgotten = rows_in - warehouse.scalar("SELECT count(_row) FROM checked")
    warehouse.execute("CREATE OR REPLACE TEMP TABLE bad AS SELECT _row, _reason FROM checked WHERE _reason <> ''")
    good = "SELECT * EXCLUDE (_reason) FROM checked WHERE _row NOT IN (SELECT _row FROM bad)"
    warehouse.execute(f"CREATE OR REPLACE TEMP VIEW good AS {good}")
    from_now = count_from_now(warehouse, table, batch.load)
    words = find_words(warehouse, batch.agreements) if table.name == "answers" and batch.agreements else ()
    refers = table.name != "leads" and is_lead
    strangers = find_strangers(warehouse, table.name, "checked", LEADS, settings.unknown_share) if refers else None
    done = store(warehouse, table, columns, load=batch.load, batch_id=batch.batch_id, mutable=mutable)
    from_now = from_now or count_late(warehouse, table, batch.batch_id, batch.load)
    undecided = count_undecided(warehouse) if table.name == "opportunities" else 0
    held = hold_back(warehouse, table, batch.source, _said(batch, mutable, infer, types))
    warehouse.execute(f"DROP VIEW good; DROP {kind} checked; DROP {kind} mapped")
    for relation in WORKING:
        warehouse.execute(f"DROP TABLE IF EXISTS {relation}")
    count = TableCount(rows_in, done.new, held, done.repeats, forgotten)
    if rows_in != done.new + done.repeats + held + forgotten:
        raise RuntimeError(f"{table.name}: {count} does not add up")
    finding = Finding(table.name, done if table.event_id else None, words, from_now, undecided)
    return _Loaded(count, columns, noticed, finding, strangers)


def _said(batch: _Batch, mutable: tuple[str, ...], infer: bool, types: dict[str, str]) -> str:
    """What a replay has to know of how rows were read; `types`: of columns that came as other than text."""
    typed = {n: t for n, t in types.items() if t != "VARCHAR" and n not in OWN_COLUMNS}
    style = {"times": batch.reading.times, "decimal": batch.reading.decimal, "types": typed}
    own = {"backfill": batch.backfill, "timezone": batch.timezone, "mutable": mutable, "infer": infer}
    return json.dumps(own | {key: value for key, value in style.items() if value})


def _short_hash(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


def _record(warehouse: Warehouse, batch: _Batch, counts: dict[str, TableCount]) -> None:
    for name, count in counts.items():
        values = [batch.batch_id, batch.source, name, batch.loaded_at, *astuple(count)[:4]]
        warehouse.execute("INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)


def _sum(one: TableCount | None, other: TableCount) -> TableCount:
    return TableCount(*map(sum, zip(astuple(one), astuple(other), strict=True))) if one else other


def _check_files(source: str, found: Sequence[Mapping], used: list[Mapping], raw: RawData) -> None:
    half = [m for m in found if m not in used and set(m.reads) & raw.relations]
    if half or not used:
        absent = [r for m in half or found for r in m.reads if r not in raw.relations]
        missing = dict.fromkeys(r.removeprefix("raw_") for r in absent)
        expected = f"a file, folder or table named {(' and ' if half else ' or ').join(missing)}"
        got, do = ", ".join((*raw.unused, *(f.name for f in raw.files))), "rename the files, or name another source"
        raise DataError(f"ingesting {source}", expected=expected, got=got or "none", do=do)
    for mapping in (m for m in used if m.canonical):
        for file in (f for f in raw.files if f.relation in mapping.reads):
            require(mapping.table, file.columns, file.name)


def _check_clock(loaded_at: datetime) -> None:
    if loaded_at.tzinfo is not None:
        expected, do = "loaded_at in UTC without a zone", "convert it to UTC and remove its zone"
        raise UsageError("ingesting", expected=expected, got=str(loaded_at), do=do)


def check_zone(timezone: str, warehouse: Warehouse | None = None) -> None:
    """Raise UsageError where a time zone is none of the world's; a warehouse reads times in it from then on."""
    try:
        ZoneInfo(timezone)  # DuckDB also takes BST, for Bangladesh's
        if warehouse:
            warehouse.execute(f"SET TimeZone = {literal(timezone)}")
    except (duckdb.Error, KeyError, ValueError, OSError):
        expected, do = "a time zone such as Europe/Berlin", "correct its name"
        raise UsageError("reading times", expected=expected, got=repr(timezone), do=do) from None


@contextmanager
def _utc_afterwards(warehouse: Warehouse) -> Iterator[None]:
    try:
        yield
    finally:
        warehouse.execute("SET TimeZone = 'UTC'")
