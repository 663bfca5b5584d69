"""What are the features of one range of whole accounts? The unit of memory, of workers and of recomputation.

Few grouped queries in DuckDB, and columns put together in NumPy:

1. one or two queries per event table over the rows known before `as_of`: grouped by lead, and by lead and kind where
   families need it (then `features.placing` puts the kinds together).
2. lead, account, agent and house columns, and what the rules say.
3. what is made of finished columns, and the sums over an account's leads.

Every sum is over whole numbers, so the order of rows and of threads cannot change a bit of it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.agreement.model import Agreement
from data.sql import in_force, literal, quoted
from data.tables import TABLES
from data.warehouse import Warehouse
from features.concepts.timelines import AGENTS, HOUSE
from features.concepts.titles import titles_sql
from features.definition import ANY, Feature, Room
from features.measures import Measure
from features.placing import Columns, merge_kinds, place
from features.rules.points import rules_sql

ACROSS_ACCOUNTS = (AGENTS, HOUSE, f"CREATE OR REPLACE TEMP TABLE m_titles AS {titles_sql('leads')}")
"""What crosses accounts is computed first, once, and serves every range."""
TEXT_LIMIT = 100
"""Longer texts are cut: categories, not documents."""
EVENTS: dict[Room, tuple[str, ...]] = {
    "touches": (
        "occurred_at",
        "e.* EXCLUDE (kind), coalesce(e.is_bot, false) AS bot, CASE WHEN e.is_bot THEN 'bot' ELSE e.kind END AS kind",
    ),
    "calls": ("called_at", "e.*, e.disposition AS kind"),
    "answers": ("answered_at", "e.*, e.criterion AS kind", "e.state <> 'not_asked'"),
    "handoffs": ("handed_off_at", "e.*, e.route AS kind"),
    "decisions": ("decided_at", "e.*, e.decision AS kind"),
}
"""Event table -> when it happened, what its rows carry, and which rows count (a question not asked is no answer)."""
LAST_AGENTS = f"""CREATE OR REPLACE TEMP TABLE m_last_agents AS SELECT r.rid, r.as_of,
    arg_max(e.agent_id, e.called_at) AS agent_id
    FROM m_range r JOIN calls e ON e.lead_id = r.lead_id AND {in_force("r.as_of")} GROUP BY r.rid, r.as_of"""
AGENTS_NOW = """CREATE OR REPLACE TEMP TABLE m_agents_now AS SELECT c.rid, g.decided, g.accepted
    FROM m_last_agents c ASOF JOIN m_agents g ON g.agent_id = c.agent_id AND c.as_of > g.moment"""
HOUSE_NOW = """CREATE OR REPLACE TEMP TABLE m_house_now AS SELECT as_of, struct_pack(h.decided, h.accepted, h.waiting)
    AS h, struct_pack(h7.decided, h7.accepted) AS h7 FROM (SELECT DISTINCT as_of FROM m_range) r
    ASOF LEFT JOIN m_house h ON r.as_of > h.moment ASOF LEFT JOIN m_house h7 ON r.as_of - INTERVAL 7 DAY > h7.moment"""
LEADS_NOW = f"""FROM m_range r JOIN leads l ON l.lead_id = r.lead_id AND {in_force("r.as_of", "l")}
    LEFT JOIN accounts a ON a.account_id = l.account_id AND {in_force("r.as_of", "a")}
    LEFT JOIN m_titles t ON t.title = l.title LEFT JOIN m_agents_now g ON g.rid = r.rid
    LEFT JOIN m_house_now n ON n.as_of = r.as_of"""


def build_range(warehouse: Warehouse, rows: str, agreement: Agreement, features: tuple[Feature, ...]) -> Columns:
    """The columns of `features` for a range of whole accounts, each with as many values as the range has rows.

    `rows` is a SELECT of rid (0, 1, ...), lead_id, as_of and house that holds, with a lead, all that are known of its
    account at that moment. `features` come in the catalogue's order and with all they build on. The tables of
    `ACROSS_ACCOUNTS` have to be there.
    """
    for statement in (f"CREATE OR REPLACE TEMP TABLE m_range AS {rows}", LAST_AGENTS, AGENTS_NOW, HOUSE_NOW):
        warehouse.execute(statement)
    size = warehouse.scalar("SELECT count(*) FROM m_range")

    def over(room: Room) -> list[Feature]:
        return [f for f in features if f.over == room]

    columns: Columns = {}
    for table in EVENTS:
        columns |= _from_events(warehouse, table, over(table), size)
    columns |= _from_rows(warehouse, over("lead"), LEADS_NOW, size)
    if of_rules := over("rules"):
        columns |= _from_rows(warehouse, of_rules, f"FROM ({rules_sql(agreement, 'm_range')}) r", size)
    columns |= _from_columns(warehouse, over("made"), columns, size)
    return columns | _from_columns(warehouse, over("peers"), columns, size)


def _from_rows(warehouse: Warehouse, features: list[Feature], source: str, size: int) -> Columns:
    return _placed(features, warehouse.arrays(f"SELECT r.rid, {_select(features)} {source}"), size)


def _from_events(warehouse: Warehouse, table: Room, features: list[Feature], size: int) -> Columns:
    """The columns of one event table: one query grouped by lead, one by lead and kind where families need it."""
    direct, by_kind = [f for f in features if not f.kinds], [f for f in features if f.kinds]
    columns: Columns = {}
    for where in dict.fromkeys(map(_rows, direct)):
        alike = [f for f in direct if _rows(f) == where]
        found = warehouse.arrays(f"SELECT rid, {_select(alike)} FROM {_seen(table)} WHERE {where} GROUP BY rid")
        columns |= _placed(alike, found, size)
    if by_kind:
        aggregates = list(dict.fromkeys(f.sql for f in by_kind))
        kinds = list(dict.fromkeys(k for f in by_kind for k in f.kinds if f.kinds != ANY))
        known = ", ".join(map(literal, kinds or ["-"]))
        code = f"coalesce(enum_code(TRY_CAST(kind AS ENUM ({known})))::TINYINT, -1)"
        firsts = ", ".join(f'{sql} AS "{i}"' for i, sql in enumerate(aggregates))
        found = warehouse.arrays(f"SELECT rid, {code} AS code, {firsts} FROM {_seen(table)} GROUP BY rid, kind")
        columns |= merge_kinds(by_kind, found, aggregates, kinds, size)
    return columns


def _rows(feature: Feature) -> str:
    return feature.value.rows if isinstance(feature.value, Measure) else "true"


def _seen(table: Room) -> str:
    """The rows of an event table as seen at each roster row's `as_of`; rows without a key are never superseded."""
    at, columns, *only = EVENTS[table]
    known = in_force("r.as_of") if TABLES[table].key else "e.known_at < r.as_of"
    return f"""(SELECT r.rid, {columns}, date_diff('microsecond', e.{at}, r.as_of) / 864e8 AS age_days
        FROM m_range r JOIN {table} e ON e.lead_id = r.lead_id AND {" AND ".join([known, *only])})"""


def _select(features: list[Feature]) -> str:
    def typed(f: Feature) -> str:
        return f"left(({f.sql})::VARCHAR, {TEXT_LIMIT})" if f.dtype == "text" else f"({f.sql})"

    return ", ".join([f"{typed(f)} AS {quoted(f.name)}" for f in features] or ["NULL"])


def _placed(features: list[Feature], found: Columns, size: int) -> Columns:
    return {f.name: place(f, found["rid"], found[f.name], size) for f in features}


def _from_columns(warehouse: Warehouse, features: list[Feature], columns: Columns, size: int) -> Columns:
    """What is made of finished columns: of the same lead, each on the ones before it; or summed over its account."""
    if not features:
        return {}
    numbers = {name: column for name, column in columns.items() if column.dtype == np.float64}
    with warehouse.view("m_columns", pd.DataFrame({"rid": np.arange(size), **numbers}, copy=False)):
        if features[0].over == "made":
            sql = f"SELECT rid, {_select(features)} FROM m_columns"
        else:
            own = ", ".join(f'({f.sql})::BIGINT AS "{f.name}"' for f in features)
            sums = ", ".join(f'sum("{f.name}") AS "{f.name}"' for f in features)
            rest = ", ".join(f's."{f.name}" - o."{f.name}" AS "{f.name}"' for f in features)
            sql = f"""WITH own AS (SELECT rid, house, as_of, {own} FROM m_columns JOIN m_range USING (rid)),
                sums AS (SELECT house, as_of, {sums} FROM own GROUP BY house, as_of)
                SELECT o.rid, {rest} FROM own o JOIN sums s USING (house, as_of)"""
        return _placed(features, warehouse.arrays(sql), size)
