"""Small tables for tests: ASCII text to rows, rows to a warehouse in memory."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pandas as pd

from data.agreement.file import default_agreement
from data.sql import quoted
from data.tables import SQL_TYPES, TABLES, Table
from data.warehouse import Warehouse
from features.matrix import build_matrix

SHORT = {"lead": "lead_id", "account": "account_id"}


def table(text: str) -> pd.DataFrame:
    """Rows of an ASCII table: columns parted by two or more spaces, `-` is a missing value."""
    head, *lines = [re.split(r"\s{2,}", line.strip()) for line in text.strip().splitlines() if line.strip()]
    rows = [[None if v == "-" else v for v in line] for line in lines]
    return pd.DataFrame(rows, columns=[SHORT.get(c, c) for c in head], dtype="object")


def fill(warehouse: Warehouse, tables: Mapping[str, pd.DataFrame]) -> None:
    """Insert rows as they are; what they leave out gets its usual value (known when it happened, in force)."""
    for name, rows in tables.items():
        contract = TABLES[name]
        columns = list(rows.columns)
        extras = [c for c in columns if c not in {*contract.names, "known_at", "superseded_at"}]
        for extra in extras:
            kind = "DOUBLE" if pd.to_numeric(rows[extra], errors="coerce").notna().any() else "VARCHAR"
            warehouse.execute(f"ALTER TABLE {name} ADD COLUMN IF NOT EXISTS {quoted(contract.extra(extra))} {kind}")
        rows = rows.rename(columns={c: contract.extra(c) for c in extras})
        columns = list(rows.columns)
        happened = contract.known_from or contract.occurred_at or "TIMESTAMP '1970-01-01'"
        known = "" if "known_at" in columns else f", {happened} AS known_at"
        typed = ", ".join(f"{quoted(c)}::{warehouse.columns(name)[c]} AS {quoted(c)}" for c in columns)
        with warehouse.view("incoming", rows):
            given = {*columns, "known_at"}
            missing = [f"NULL::{t} AS {quoted(c)}" for c, t in warehouse.columns(name).items() if c not in given]
            source = f"SELECT {', '.join([typed, *missing])} FROM incoming"
            warehouse.execute(f"INSERT INTO {name} BY NAME SELECT *{known} FROM ({source})")


def put(warehouse: Warehouse, contract: Table, rows: pd.DataFrame) -> None:
    """Insert rows into a table that leadready itself writes, such as `scores`; what they leave out is missing."""
    types = {c.name: SQL_TYPES[c.type] for c in contract.columns}
    if contract.key:
        warehouse.make(contract)
    with warehouse.view("incoming", rows):
        typed = ", ".join(f"{name}::{types[name]} AS {name}" for name in rows)
        warehouse.execute(f"INSERT INTO {contract.name} BY NAME SELECT {typed} FROM incoming")


@contextmanager
def warehouse_of(**tables: pd.DataFrame) -> Iterator[Warehouse]:
    """A warehouse in memory with these rows; leads that events speak of come by themselves, known since 2020."""
    with Warehouse.open(None) as warehouse:
        if "leads" not in tables:
            spoken = {lead for rows in tables.values() if "lead_id" in rows for lead in rows["lead_id"]}
            tables["leads"] = pd.DataFrame({"lead_id": sorted(spoken), "created_at": "2020-01-01"})
        fill(warehouse, tables)
        yield warehouse


def build_features(as_of: str, names: list[str], **tables: pd.DataFrame) -> dict[str, Any]:
    """The features of every lead at `as_of`: {lead: value}, or {lead: {name: value}} for several names."""
    with warehouse_of(**tables) as warehouse:
        leads = sorted(lead for (lead,) in warehouse.rows("SELECT DISTINCT lead_id FROM leads"))
        index = pd.DataFrame({"lead_id": leads, "as_of": pd.Timestamp(as_of)})
        matrix = build_matrix(warehouse, index, default_agreement(), names=names).set_index("lead_id")
    if len(names) == 1:
        return dict(matrix[names[0]])
    return {lead: dict(row) for lead, row in matrix[names].iterrows()}
