"""Where do rows go that break the contract? Into the quarantine, with file, line, reason and what a retry needs."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pandas as pd

from data.intake.contract import LONGEST_TEXT
from data.intake.keys import same_id
from data.intake.records import OWN_COLUMNS
from data.sql import literal, quoted
from data.tables import Table
from data.warehouse import Warehouse

VALUE = re.compile(r" got '.*?'(?=; \w[^:;']*: expected |$)", re.DOTALL)
"""A value as a reason shows it, up to the next reason."""

FIELDS = r'[,;|\s"]+'
"""What is between the fields of a line that could not be read, as a pattern."""


def hold_back(warehouse: Warehouse, table: Table, source: str, settings: str) -> int:
    """Put the rows of `mapped` that `bad` or `conflicts` speak against into the quarantine; how many.

    `raw` is the mapped row as JSON, so that a replay needs no file. A conflicting row keeps the `known_at` it
    conflicts at. `settings` say how its batch was read; they are NULL, and the row is not replayed, where a text was
    too long to be kept.
    """
    names = [n for n in warehouse.columns("mapped") if n not in OWN_COLUMNS and n.lower() != "known_at"]
    own = "m.known_at::VARCHAR" if "known_at" in map(str.lower, warehouse.columns("mapped")) else "NULL"
    pairs = [f"{literal(n)}, left(m.{quoted(n)}::VARCHAR, {LONGEST_TEXT})" for n in names]
    pairs.append(f"'known_at', coalesce(b.known_at::VARCHAR || '+00', {own})")
    longest = ", ".join(f"coalesce(strlen(m.{quoted(n)}::VARCHAR), 0)" for n in names)
    return _hold(
        warehouse,
        f"""SELECT m._batch_id AS batch_id, {literal(source)} AS source, {literal(table.name)} AS table_name,
            m._file AS file, m._line AS line, b.reason, m._loaded_at AS loaded_at,
            json_object({", ".join(pairs)})::VARCHAR AS raw,
            CASE WHEN greatest({longest}, 0) <= {LONGEST_TEXT} THEN {literal(settings)} END AS settings
        FROM (SELECT _row, _reason AS reason, NULL AS known_at FROM bad
              UNION ALL SELECT _row, reason, known_at FROM conflicts) b JOIN mapped m USING (_row) ORDER BY _row""",
    )


def hold_back_lines(warehouse: Warehouse, table: str, source: str, batch_id: str, load: str, relation: str) -> int:
    """Put a relation's unreadable lines into the quarantine, under the table given; how many. `load` is SQL."""
    return _hold(
        warehouse,
        f"""SELECT '{batch_id}' AS batch_id, {literal(source)} AS source, '{table}' AS table_name, file, line,
            reason, raw, {load} AS loaded_at, NULL::VARCHAR AS settings
        FROM raw_rejects WHERE relation = '{relation}' ORDER BY file, line""",
    )


def take_out(warehouse: Warehouse, table: str, source: str, settings: str, types: Mapping[str, str]) -> None:
    """Move the rows of one table, source and setting out of the quarantine into the relation `mapped`.

    `types`: of the columns that were no text; they are of that type again.
    """
    these = f"table_name = {literal(table)} AND source = {literal(source)} AND settings = {literal(settings)}"
    keys = warehouse.rows(f"SELECT DISTINCT unnest(json_keys(raw)) AS key FROM quarantine WHERE {these} ORDER BY key")
    fields = "".join(
        f", json_extract_string(raw, {_pointer(k)})::{types.get(k, 'VARCHAR')} AS {quoted(k)}" for (k,) in keys
    )
    warehouse.execute(
        f"""CREATE OR REPLACE TEMP TABLE mapped AS SELECT row_number() OVER () AS _row, batch_id AS _batch_id,
            loaded_at AS _loaded_at, file AS _file, line AS _line{fields}
        FROM (FROM quarantine WHERE {these} ORDER BY loaded_at, file, line)"""
    )
    warehouse.execute(f"DELETE FROM quarantine WHERE {these}")


def discard(warehouse: Warehouse, batch_id: str) -> int:
    """Drop the rows that a batch left in the quarantine; how many. What they held is then gone."""
    return int(warehouse.scalar("DELETE FROM quarantine WHERE batch_id = $1", [batch_id]))


def forget_held(warehouse: Warehouse, ids: str) -> int:
    """Delete the rows of these leads (a list in SQL), and the unreadable lines that seem to hold one; how many.

    So do rows with their e-mail address or phone number.
    """
    key = "list_filter(json_keys(raw), lambda k: lower(k) = 'lead_id')[1]"
    lead = f"CASE WHEN json_valid(raw) THEN json_extract_string(raw, '/' || {key}) END"
    values = f"SELECT unnest([email, phone]) AS value FROM leads WHERE lead_id IN ({ids})"
    return int(
        warehouse.scalar(
            rf"""DELETE FROM quarantine WHERE rowid IN (
            SELECT q.id FROM (SELECT rowid AS id, raw, {lead} AS lead FROM quarantine) q
            WHERE {same_id("q.lead")} IN ({ids})
            OR (NOT json_valid(q.raw) AND list_has_any(regexp_split_to_array(q.raw, '{FIELDS}'), [{ids}]))
            OR EXISTS (FROM ({values}) v WHERE length(v.value) > 4 AND contains(q.raw, v.value)))"""
        )
    )


def drop_held(warehouse: Warehouse, table: Table, column: str) -> int:
    """Take a column of a source out of the rows of a table, and its values out of their reasons; how many rows."""
    key = f"list_filter(json_keys(raw), lambda k: lower(k) = {literal(column.lower())})[1]"
    reason = f"(?i)({re.escape(table.extra(column))}: expected [^;]*?, got )'.*?'(; |$)"
    held = f"table_name = {literal(table.name)} AND json_valid(raw)"
    return int(
        warehouse.scalar(
            f"""UPDATE quarantine SET raw = json_merge_patch(raw, json_object({key}, NULL))::VARCHAR,
            reason = regexp_replace(reason, {literal(reason)}, '\1a value that was dropped\2', 'g')
            WHERE {held} AND CASE WHEN {held} THEN {key} IS NOT NULL END"""
        )
    )


def without_values(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of the quarantine without what stood in them, which may be personal: no `raw`, and no value in a reason."""
    hidden = rows["reason"].str.replace(VALUE, " got a value that is not shown", regex=True)
    return rows.assign(reason=hidden).drop(columns="raw")


def _hold(warehouse: Warehouse, rows: str) -> int:
    """A row that was held back before, from an earlier copy of the file, is held once."""
    warehouse.execute(f"CREATE OR REPLACE TEMP TABLE held AS {rows}")
    warehouse.execute(
        "DELETE FROM quarantine q USING held h WHERE (q.source, q.table_name, q.raw) = (h.source, h.table_name, h.raw)"
    )
    count = warehouse.insert("quarantine", "FROM held")
    warehouse.execute("DROP TABLE held")
    return count


def _pointer(key: str) -> str:
    return literal("/" + key.replace("~", "~0").replace("/", "~1"))
