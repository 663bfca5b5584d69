"""How is taken back what should not be there? As rows with a known_at: past snapshots stay as they were known.

Each is one transaction, and the second time it changes nothing. Only `forget` (and a column that is dropped) is gone
from the past too.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from data.errors import UsageError
from data.intake.keys import same_id, stored_ids
from data.intake.quarantine import FIELDS, discard, drop_held, forget_held
from data.intake.timeline import settle
from data.intake.watermarks import drop_watermarks
from data.sql import ALIKE, PERSONS, literal, quoted
from data.tables import TABLES, Table
from data.warehouse import Warehouse

OF_LEADS = [table for table in TABLES.values() if "lead_id" in table.names]
START = datetime(1970, 1, 1)
NAMED = 8
"""Batches that are named to one who asks for another."""


@dataclass(frozen=True)
class Retracted:
    """What was taken back: rows by table (and place), what is to be said, and whether anything changed."""

    what: str
    rows: dict[str, int]
    changed: bool
    notes: tuple[str, ...] = ()


def retract_batch(
    warehouse: Warehouse, batch: str, moment: datetime, *, from_start: bool = False, why: str = ""
) -> Retracted:
    """Let the rows of a batch end at `moment`, and what they had replaced count again; its quarantined rows go.

    `from_start`: they never were, so snapshots of the past change too. Raises UsageError for an unknown batch.
    """
    batches = warehouse.rows(
        f"""SELECT batch_id, any_value(source), max(loaded_at), sum(stored) FROM batches GROUP BY batch_id
        ORDER BY max(loaded_at) DESC LIMIT {NAMED}"""
    )
    if not warehouse.scalar("SELECT count(*) FROM batches WHERE batch_id = $1", [batch]):
        known = "; ".join(f"{b} ({source}, {at:%Y-%m-%d %H:%M}, {n:,} rows)" for b, source, at, n in batches)
        raise UsageError("retracting a batch", expected="one that was loaded", got=batch, do=f"name one of {known}")
    loaded = warehouse.scalar("SELECT max(loaded_at) FROM batches WHERE batch_id = $1", [batch])
    own = f"batch_id = {literal(batch)} AND {'true' if from_start else 'retracted_at IS NULL AND copied_from IS NULL'}"
    take = "DELETE FROM {}" if from_start else f"UPDATE {{}} SET retracted_at = TIMESTAMP '{moment}'"
    rows, early = {}, 0
    since = START if from_start else moment
    with warehouse.transaction():
        _note(warehouse, "batch", batch, since, why)
        for name, table in TABLES.items():
            warehouse.execute(f"CREATE OR REPLACE TEMP TABLE taken AS FROM {name} WHERE {own}")
            early += warehouse.scalar("SELECT count(*) FROM taken WHERE known_at < $1", [loaded])
            rows[name] = int(warehouse.scalar(f"{take.format(name)} WHERE {own}"))
            settle(warehouse, table, "taken")
        rows["quarantine"] = discard(warehouse, batch)
        drop_watermarks(warehouse, batch)
        if not any(rows.values()):
            undone = "SELECT max(rowid) FROM retractions WHERE what = 'batch' AND key = $1 AND known_at = $2"
            warehouse.execute(f"DELETE FROM retractions WHERE rowid = ({undone})", [batch, since])
    seen = f"{early:,} of these rows are said to have been known before they were loaded (a backfill, or by the source)"
    do = "snapshots before now still see them; to take them out there too, add --from-start"
    return _counted(f"batch {batch}", rows, *[f"{seen}: {do}"] * bool(early and not from_start))


def retract_lead(warehouse: Warehouse, lead: str, moment: datetime, why: str = "") -> Retracted:
    """From `moment` on a lead is no lead any more, whatever rows still come; its past stays. UsageError: unknown."""
    lead = known_lead(warehouse, lead, "retracting a lead")
    with warehouse.transaction():
        new = not _noted(warehouse, "lead", lead)
        if new:
            _note(warehouse, "lead", lead, moment, why)
            _settle(warehouse, [lead], [TABLES["leads"]])
    return _counted(f"lead {lead}", {"leads": int(new)})


def merge(warehouse: Warehouse, lead: str, into: str, moment: datetime, why: str = "") -> Retracted:
    """From `moment` on the rows of `lead`, those to come too, are those of the lead `into`, and `lead` is none.

    Raises UsageError where either is unknown or deleted, both are the same, or `lead` was merged into another.
    """
    lead, into = (known_lead(warehouse, one, "merging leads") for one in (lead, into))
    persons = dict(warehouse.rows(f"FROM {PERSONS}"))
    person, stays = persons.get(lead, lead), persons.get(into, into)
    if lead == into or (person == stays and person == lead):
        raise _refuse("merging leads", "two leads", f"{lead}, which stands for {into} too", "name the other lead first")
    if person == stays:
        return Retracted(f"lead {lead}", {}, False, (f"{lead} was merged into {stays} already",))
    if person != lead:
        raise _refuse("merging leads", "a lead that was not merged yet", f"{lead}, now {person}", f"merge {person}")
    if _noted(warehouse, "lead", stays):
        raise _refuse(
            "merging leads", "a lead that is there", f"{stays}, which was deleted", "merge the other way round"
        )
    with warehouse.transaction():
        moved = [lead, *(one for one, of in persons.items() if of == lead and one != lead)]
        for one in moved:
            _note(warehouse, "merge", one, moment, why, stays)
        _settle(warehouse, [*moved, stays], OF_LEADS)
        own = f"WHERE copied_from = {literal(lead)} AND lead_id = {literal(stays)}"
        rows = {t.name: int(warehouse.scalar(f"SELECT count(*) FROM {t.name} {own}")) for t in OF_LEADS}
    return _counted(f"lead {lead}, now {stays}", rows, changed=True)


def forget(warehouse: Warehouse, leads: Sequence[str], moment: datetime) -> dict[str, int]:
    """Erase all rows of leads in every table and in the quarantine, within a transaction of the caller; how many.

    What stays is a salted hash of each id, by which ingest drops rows that come later.
    """
    rows, ids = {}, ", ".join(map(literal, leads))
    there = [n for (n,) in warehouse.rows("SELECT table_name FROM duckdb_tables() WHERE NOT temporary ORDER BY 1")]
    rows["quarantine"] = forget_held(warehouse, ids)
    for name in there:
        if "lead_id" in warehouse.columns(name):
            rows[name] = int(warehouse.scalar(f"DELETE FROM {name} WHERE lead_id IN ({ids})"))
    warehouse.execute(f"DELETE FROM retractions WHERE key IN ({ids}) OR merged_into IN ({ids})")
    warehouse.execute("UPDATE meta SET salt = coalesce(salt, $1)", [secrets.token_hex(16)])
    for lead in leads:
        (hashed,) = warehouse.rows("SELECT sha256(salt || $1) FROM meta", [lead])[0]
        if not _noted(warehouse, "forget", hashed):
            _note(warehouse, "forget", hashed, moment, "")
    return rows


def is_forgotten(lead_id: str) -> str:
    """The SQL condition under which an id is one that was forgotten."""
    erased = "SELECT key FROM retractions WHERE what = 'forget'"
    return f"sha256((SELECT salt FROM meta) || {lead_id}) IN ({erased})"


def forget_lines(warehouse: Warehouse, table: str, batch: str) -> int:
    """Drop the unreadable lines of a batch that hold the id of a forgotten lead as a field; how many."""
    if not warehouse.scalar("SELECT count(*) FROM retractions WHERE what = 'forget'"):
        return 0
    fields = f"(SELECT rowid AS id, unnest(regexp_split_to_array(raw, '{FIELDS}')) AS field FROM quarantine"
    of_batch = "WHERE settings IS NULL AND table_name = $1 AND batch_id = $2)"
    found = f"SELECT id FROM {fields} {of_batch} WHERE {is_forgotten('field')}"
    return int(warehouse.scalar(f"DELETE FROM quarantine WHERE rowid IN ({found})", [table, batch]))


def same_person(warehouse: Warehouse, lead: str) -> list[str]:
    """The ids of all leads that were merged with this one, its own first, in the form in which they are stored."""
    [own] = stored_ids(warehouse, [lead])
    others = warehouse.rows(f"SELECT DISTINCT other FROM {ALIKE} WHERE lead_id = $1 AND other <> $1 ORDER BY 1", [own])
    return [own, *(other for (other,) in others)]


def drop_column(warehouse: Warehouse, table: str, column: str, moment: datetime, why: str = "") -> Retracted:
    """Take a source's own column out of a table and of the quarantined rows; ingest leaves it out from then on.

    Raises UsageError where there is none of that name.
    """
    extras = {n.lower(): n for n in warehouse.extras(TABLES[table])} if table in TABLES else {}
    name, rows = extras.get(column.lower(), column), {}
    noted = _noted(warehouse, "column", f"{table}.{column.lower()}")
    if column.lower() not in extras and not noted:
        got, do = f"{table} {column}", f"name one of {', '.join(extras.values()) or 'accounts or leads'}"
        raise _refuse("dropping a column", "a column that a source brought beyond ours", got, do)
    with warehouse.transaction():
        if column.lower() in extras:
            stored = quoted(TABLES[table].extra(name))
            rows[table] = int(warehouse.scalar(f"SELECT count({stored}) FROM {table}"))
            warehouse.execute(f"ALTER TABLE {table} DROP COLUMN {stored}")
        rows["quarantine"] = drop_held(warehouse, TABLES[table], name)
        if not noted:
            _note(warehouse, "column", f"{table}.{column.lower()}", moment, why)
    return _counted(f"column {table}.{name}", rows, changed=not noted)


def known_lead(warehouse: Warehouse, lead: str, what: str) -> str:
    """The id in the form in which it is stored; UsageError where no lead has it."""
    found = warehouse.scalar(f"SELECT any_value(lead_id) FROM leads WHERE lead_id = {same_id('$1::VARCHAR')}", [lead])
    if found is None:
        raise _refuse(what, "a lead in the table leads", lead, "check its lead_id")
    return str(found)


def _settle(warehouse: Warehouse, leads: list[str], tables: list[Table]) -> None:
    warehouse.execute("CREATE OR REPLACE TEMP TABLE taken AS SELECT unnest($1::VARCHAR[]) AS lead_id", [leads])
    for table in tables:
        settle(warehouse, table, "taken")


def _refuse(what: str, expected: str, got: str, do: str) -> UsageError:
    return UsageError(what, expected=expected, got=got, do=do)


def _counted(what: str, rows: dict[str, int], *notes: str, changed: bool = False) -> Retracted:
    there = {name: count for name, count in rows.items() if count}
    return Retracted(what, there, changed or bool(there), notes)


def _noted(warehouse: Warehouse, what: str, key: str) -> bool:
    return bool(warehouse.scalar("SELECT count(*) FROM retractions WHERE what = $1 AND key = $2", [what, key]))


def _note(warehouse: Warehouse, what: str, key: str, moment: datetime, why: str, into: str | None = None) -> None:
    warehouse.execute("INSERT INTO retractions VALUES ($1, $2, $3, $4, $5)", [what, key, into, moment, why or None])
