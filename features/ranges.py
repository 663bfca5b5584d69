"""What are the features of one range of whole accounts? The unit of memory, of workers and of recomputation.

1. of each event table the rows known before `as_of`, merged by lead and kind (features/events.py).
2. lead, account, agent and house columns, and what the rules say.
3. what is made of finished columns, each on the ones before it, and the sums over the other leads of an account.

Every sum is over whole numbers, so the order of rows and of threads cannot change a bit of it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.agreement.model import Agreement
from data.permission import LEADS
from data.sql import in_force, literal
from data.tables import EVENTS
from data.warehouse import Warehouse
from features.concepts.timelines import AGENTS, HOUSE
from features.concepts.titles import titles_sql
from features.definition import Feature, select_features
from features.events import Columns, from_events, place_all
from features.rules.points import rules_sql

ACROSS_ACCOUNTS = {"m_agents": AGENTS, "m_house": HOUSE, "m_titles": titles_sql("leads")}
"""What crosses accounts is computed first, once, and serves every range: a SELECT for each table."""
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
    tables of `ACROSS_ACCOUNTS` have to be there for those over leads.
    """
    warehouse.execute(f"CREATE OR REPLACE TEMP TABLE m_range AS {rows}")
    size = warehouse.scalar("SELECT count(*) FROM m_range")
    by_room: dict[str, list[Feature]] = {}
    for feature in features:
        by_room.setdefault(feature.over, []).append(feature)
    for statement in (AGENTS_NOW, HOUSE_NOW) if "lead" in by_room else ():
        warehouse.execute(statement)
    columns: Columns = {}
    among = _among(warehouse)
    for table in [table for table in EVENTS if table in by_room]:
        columns |= from_events(warehouse, table, by_room[table], size, among)
    ruled = f"FROM ({rules_sql(agreement, 'm_range')}) r"
    sources = {"lead": LEADS_NOW, "rules": ruled, "made": FINISHED, "peers": FINISHED}
    for room in [room for room in sources if room in by_room]:
        numbers = {name: column for name, column in columns.items() if column.dtype == np.float64}
        with warehouse.view("m_columns", pd.DataFrame({"rid": np.arange(size), **numbers}, copy=False)):
            found = warehouse.table(f"SELECT r.rid, {select_features(by_room[room])} {sources[room]}")
        columns |= place_all(by_room[room], found, size)
    return columns


def _among(warehouse: Warehouse) -> str:
    """SQL of the ids between which all leads of the range lie, where that leaves out at least half of what is stored.

    Said as constants, so that DuckDB skips the others' events: those are stored in the order of leads.
    """
    [(least, most)] = warehouse.rows("SELECT min(lead_id), max(lead_id) FROM m_range")
    between = f"BETWEEN {literal(least or '')} AND {literal(most or '')}"
    outside = warehouse.scalar(f"SELECT avg((lead_id NOT {between})::INTEGER) FROM leads")
    return f"e.lead_id {between}" if outside and outside >= 0.5 else "true"
