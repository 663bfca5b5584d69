"""What are the features of one range of whole accounts? The unit of memory, of workers and of recomputation.

Few grouped queries in DuckDB, and columns put together in NumPy:

1. one or two queries per event table over the rows known before `as_of`: grouped by lead, and by lead and kind where
   families need it (then the kinds are put together).
2. lead, account, agent and house columns, and what the rules say.
3. what is made of finished columns, each on the ones before it, and the sums over the other leads of an account.

Every sum is over whole numbers, so the order of rows and of threads cannot change a bit of it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.agreement.model import Agreement
from data.permission import LEADS
from data.sql import in_force, literal, quoted
from data.tables import EVENTS, TABLES
from data.warehouse import Warehouse
from features.concepts.timelines import AGENTS, HOUSE
from features.concepts.titles import titles_sql
from features.definition import ANY, Feature
from features.measures import Array, merge_latest, merge_parts
from features.rules.points import rules_sql

Columns = dict[str, Array]
ACROSS_ACCOUNTS = {"m_agents": AGENTS, "m_house": HOUSE, "m_titles": titles_sql("leads")}
"""What crosses accounts is computed first, once, and serves every range: a SELECT for each table."""
TEXT_LIMIT = 100
"""Longer texts are cut: categories, not documents."""
AGENTS_NOW = f"""CREATE OR REPLACE TEMP TABLE m_agents_now AS SELECT c.rid, g.decided, g.accepted
    FROM (SELECT r.rid, r.sales_until, arg_min(e.agent_id, (r.as_of - e.called_at, e.agent_id)) AS agent_id
        FROM m_range r JOIN calls e ON e.lead_id = r.lead_id AND {in_force("r.as_of")} GROUP BY r.rid, r.sales_until) c
    ASOF JOIN m_agents g ON g.agent_id = c.agent_id AND c.sales_until > g.moment"""
HOUSE_NOW = """CREATE OR REPLACE TEMP TABLE m_house_now AS SELECT r.sales_until, h.decided, h.accepted, h.waiting
    FROM (SELECT DISTINCT sales_until FROM m_range) r ASOF LEFT JOIN m_house h ON r.sales_until > h.moment"""
LEADS_NOW = f"""FROM m_range r JOIN {LEADS} l ON l.lead_id = r.lead_id AND {in_force("r.as_of", "l")}
    LEFT JOIN accounts a ON a.account_id = l.account_id AND {in_force("r.as_of", "a")}
    LEFT JOIN m_titles t ON t.title = l.title LEFT JOIN m_agents_now g ON g.rid = r.rid
    LEFT JOIN m_house_now h ON h.sales_until = r.sales_until"""
FINISHED = "FROM m_columns r JOIN m_range USING (rid)"


def build_range(warehouse: Warehouse, rows: str, agreement: Agreement, features: tuple[Feature, ...]) -> Columns:
    """The columns of `features` for a range of whole accounts, each with as many values as the range has rows.

    `rows` is a SELECT of rid (0, 1, ...), lead_id, as_of, sales_until and house that holds, with a lead, all that are
    known of its account at that moment. `features` come in the catalogue's order and with all they build on. The
    tables of `ACROSS_ACCOUNTS` have to be there.
    """
    for statement in (f"CREATE OR REPLACE TEMP TABLE m_range AS {rows}", AGENTS_NOW, HOUSE_NOW):
        warehouse.execute(statement)
    size = warehouse.scalar("SELECT count(*) FROM m_range")
    by_room: dict[str, list[Feature]] = {}
    for feature in features:
        by_room.setdefault(feature.over, []).append(feature)
    columns: Columns = {}
    among = _among(warehouse)
    for table in [table for table in EVENTS if table in by_room]:
        columns |= _from_events(warehouse, table, by_room[table], size, among)
    ruled = f"FROM ({rules_sql(agreement, 'm_range')}) r"
    sources = {"lead": LEADS_NOW, "rules": ruled, "made": FINISHED, "peers": FINISHED}
    for room in [room for room in sources if room in by_room]:
        numbers = {name: column for name, column in columns.items() if column.dtype == np.float64}
        with warehouse.view("m_columns", pd.DataFrame({"rid": np.arange(size), **numbers}, copy=False)):
            found = warehouse.arrays(f"SELECT r.rid, {select_features(by_room[room])} {sources[room]}")
        columns |= {f.name: place(f, found["rid"], found[f.name], size) for f in by_room[room]}
    return columns


def select_features(features: list[Feature]) -> str:
    """The values of features of one room as the columns of a SELECT."""

    def expression(f: Feature) -> str:
        if f.over == "peers":
            return f"sum(({f.sql})::BIGINT) OVER (PARTITION BY house, as_of, sales_until) - ({f.sql})::BIGINT"
        return f"left(({f.sql})::VARCHAR, {TEXT_LIMIT})" if f.dtype == "text" else f"({f.sql})"

    return ", ".join(f"{expression(f)} AS {quoted(f.name)}" for f in features)


def _among(warehouse: Warehouse) -> str:
    """SQL of the ids between which all leads of the range lie, where that leaves out at least half of what is stored.

    Said as constants, so that DuckDB skips the others' events: those are stored in the order of leads.
    """
    [(least, most)] = warehouse.rows("SELECT min(lead_id), max(lead_id) FROM m_range")
    between = f"BETWEEN {literal(least or '')} AND {literal(most or '')}"
    outside = warehouse.scalar(f"SELECT avg((lead_id NOT {between})::INTEGER) FROM leads")
    return f"e.lead_id {between}" if outside and outside >= 0.5 else "true"


def _from_events(warehouse: Warehouse, table: str, features: list[Feature], size: int, among: str) -> Columns:
    """The columns of one event table: one query grouped by lead, one by lead and kind where families need it.

    `among` holds for all events of the range's leads.
    """
    seen = _seen(table, among)
    direct, by_kind = [f for f in features if not f.kinds], [f for f in features if f.kinds]
    columns: Columns = {}
    for where in dict.fromkeys(f.measure.rows for f in direct):
        alike = [f for f in direct if f.measure.rows == where]
        found = warehouse.arrays(f"SELECT rid, {select_features(alike)} FROM {seen} WHERE {where} GROUP BY rid")
        columns |= {f.name: place(f, found["rid"], found[f.name], size) for f in alike}
    if by_kind:
        kinds = sorted({kind for f in by_kind for kind in f.kinds})
        code = f"enum_code(TRY_CAST(kind AS ENUM ({', '.join(map(literal, kinds))})))::TINYINT"
        parts = ", ".join(f"{sql} AS {quoted(sql)}" for sql in dict.fromkeys(f.sql for f in by_kind))
        found = warehouse.arrays(f"SELECT rid, coalesce({code}, -1) AS code, {parts} FROM {seen} GROUP BY rid, kind")
        codes = {of: [kinds.index(kind) for kind in of] for of in dict.fromkeys(f.kinds for f in by_kind)}
        rows = {of: np.flatnonzero(np.isin(found["code"], places) | (of == ANY)) for of, places in codes.items()}
        columns |= {f.name: _merge_kinds(f, found, rows[f.kinds], kinds, size) for f in by_kind}
    return columns


def _seen(table: str, among: str) -> str:
    """The rows of an event table as seen by each roster row."""
    t = TABLES[table]
    own = f"e.*{' EXCLUDE (kind)' * ('kind' in t.names)}, {t.kind} AS kind"
    until = "r.sales_until" if t.of_sales else "r.as_of"
    return f"""(SELECT r.rid, {own}, date_diff('microsecond', e.{t.occurred_at}, r.as_of) / 864e8 AS age_days
        FROM m_range r JOIN {table} e ON e.lead_id = r.lead_id AND {in_force(until)} AND {t.counts}
        AND {among})"""


def _merge_kinds(feature: Feature, found: Columns, rows: Array, kinds: list[str], size: int) -> Array:
    """A feature over kinds, from those `rows`, one per lead and kind (`code`: its place in `kinds`, -1: another)."""
    rid, parts = found["rid"][rows], found[feature.sql][rows]
    how = feature.measure.across or feature.measure.merge
    if how == "latest":
        rid, newest = merge_latest(rid, found["code"][rows], parts, size)
        parts = np.array(kinds, dtype=object)[newest.astype(int)]
    elif len(feature.kinds) > 1 or feature.kinds == ANY:
        rid, parts = merge_parts(how, rid, parts, size)
    return place(feature, rid, parts, size)


def place(feature: Feature, rid: Array, parts: Array, size: int) -> Array:
    """The column of a feature: what `parts` come to at the rows `rid` (each once) of `size`, missing elsewhere."""
    if isinstance(parts, np.ma.MaskedArray):
        known = ~np.ma.getmaskarray(parts)
        rid, parts = rid[known], parts.data[known]
    if feature.dtype == "text":
        column = np.full(size, "unknown", dtype=object)
    else:
        column = np.full(size, np.nan) if feature.null else np.zeros(size)
    column[rid] = feature.measure.value(parts)
    return column
