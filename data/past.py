"""What was stored when a publication was made? The tables without the rows of later loads, to compute it again.

A load may bring rows that say of themselves that they were known before (a backfill, a source's own `known_at`): a
snapshot of the past sees them, though nobody had them then. What a retraction or a merge did since counts from its own
moment on, so nothing has to be undone there; `forget` and what was retracted from the start left nothing to restore.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import pandas as pd

from data.sql import quoted
from data.tables import TABLES, Table
from data.warehouse import Warehouse

LATER = "SELECT batch_id, min(loaded_at) AS loaded_at FROM batches GROUP BY batch_id HAVING min(loaded_at) > $1"


@contextmanager
def as_stored(warehouse: Warehouse, as_of: datetime, loaded_until: datetime, number: int) -> Iterator[None]:
    """Within the block the tables hold what was loaded by `loaded_until` and known before `as_of`.

    The table `scores` holds what was published before the publication `number`.
    """
    warehouse.execute(f"CREATE OR REPLACE TEMP TABLE past_later AS {LATER}", [loaded_until])
    earlier = f"FROM scores WHERE as_of IN (SELECT as_of FROM publications WHERE coalesce(number, 0) < {number:d})"
    selects = {name: _then(table, as_of) for name, table in TABLES.items()} | {"scores": earlier}
    with warehouse.shadowed(selects):
        yield
    warehouse.execute("DROP TABLE past_later")


def loaded_later(warehouse: Warehouse, as_of: datetime, loaded_until: datetime) -> pd.DataFrame:
    """The rows of later loads that a snapshot at `as_of` sees: lead_id, table, loaded_at and how many.

    A row of a company counts for each of its leads.
    """
    warehouse.execute(f"CREATE OR REPLACE TEMP TABLE past_later AS {LATER}", [loaded_until])
    parts = []
    for name, table in TABLES.items():
        rows = f"{name} e JOIN past_later USING (batch_id)"
        if "lead_id" not in table.names:
            rows += " JOIN (SELECT DISTINCT lead_id, account_id FROM leads) l USING (account_id)"
        parts.append(f"SELECT lead_id, '{name}' AS of_table, loaded_at FROM {rows} WHERE e.known_at < $as_of")
    sql = f"SELECT lead_id, of_table, max(loaded_at) AS loaded_at, count(*) AS n FROM ({' UNION ALL '.join(parts)})"
    found = warehouse.frame(f"{sql} GROUP BY ALL ORDER BY ALL", {"as_of": as_of})
    warehouse.execute("DROP TABLE past_later")
    return found


def _then(table: Table, as_of: datetime) -> str:
    """SQL of a table without later rows; a version that one of these ended ends again where it did without them.

    That is where the next version began, its batch was retracted, or its lead was merged into another or taken away.
    """
    before = f"e.known_at < TIMESTAMP '{as_of}'"
    later = f"(FROM {table.name} r SEMI JOIN past_later USING (batch_id))"
    same = " AND ".join(f"r.{quoted(k)} IS NOT DISTINCT FROM e.{quoted(k)}" for k in table.key)
    keys = ", ".join(f"e.{quoted(k)}" for k in table.key)
    gone = "NULL"
    if table.event_id:
        same = f"r.{table.event_id} = e.{table.event_id} AND (r.lead_id = e.lead_id OR r.{table.occurred_at} = "
        same += f"e.{table.occurred_at})"
        keys += f", CASE WHEN e.{table.event_id} IS NULL THEN e.rowid END"
    if table.key[0] == "lead_id":
        what = "('merge', 'lead')" if table.name == "leads" else "('merge')"
        own = "coalesce(e.copied_from, e.lead_id) = e.lead_id"
        gone = f"""CASE WHEN {own} THEN (SELECT greatest(e.known_at, min(t.known_at)) FROM retractions t
            WHERE t.key = e.lead_id AND t.what IN {what} HAVING count(*) > 0) END"""
    return f"""SELECT * EXCLUDE (ended_by, next_at, gone_at) REPLACE (CASE WHEN ended_by
            THEN least(next_at, retracted_at, gone_at) ELSE superseded_at END AS superseded_at)
        FROM (SELECT e.*, EXISTS (FROM {later} r WHERE r.known_at = e.superseded_at AND {same}) AS ended_by,
            lead(e.known_at) OVER (PARTITION BY {keys} ORDER BY e.known_at) AS next_at, {gone} AS gone_at
            FROM {table.name} e ANTI JOIN past_later USING (batch_id) WHERE {before})"""
