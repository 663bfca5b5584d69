"""What else do the sources say? One feature for each column of leads and accounts beyond the contract."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from data.sql import quoted
from data.tables import ACCOUNTS, LEADS
from data.warehouse import Warehouse
from features.definition import Feature

IDENTIFIER_SHARE = 0.5
"""A text column with more different values than this share of its rows names the row, and is no feature."""
ROWS = {"l": LEADS, "a": ACCOUNTS}
"""A row in SQL -> its table."""


def extra_columns(warehouse: Warehouse) -> set[str]:
    """The names by which extra columns are spoken of, such as `lead.Stage`."""
    return {table.extra(column) for table in ROWS.values() for column in warehouse.extras(table)}


def features(warehouse: Warehouse, identifiers: bool) -> Iterator[Feature]:
    """All features of extra columns; those that only name the row where `identifiers` are wanted."""
    for row, table in ROWS.items():
        for column, sql_type in warehouse.extras(table).items():
            text, name = sql_type == "VARCHAR", table.extra(column)
            if identifiers or not text or not _names_the_row(warehouse, table.name, quoted(name)):
                of = name.removesuffix(f".{column}")
                sql, meaning = f"{row}.{quoted(name)}", f"{column}, as the source gives it for the {of}"
                dtype: Literal["number", "text"] = "text" if text else "number"
                yield Feature(name, "fit", "lead", sql, meaning, "not given", dtype=dtype)


def _names_the_row(warehouse: Warehouse, table: str, column: str) -> bool:
    different, filled = warehouse.rows(f"SELECT count(DISTINCT {column}), count({column}) FROM {table}")[0]
    return bool(different > 50 and different > IDENTIFIER_SHARE * filled)
