"""What else do the sources tell? One feature for each column of leads and accounts beyond the contract."""

from __future__ import annotations

from data.sql import quoted
from data.tables import ACCOUNTS, LEADS
from data.warehouse import Warehouse
from features.definition import Feature

IDENTIFIER_SHARE = 0.5
"""A text column with more different values than this share of its rows names the row, and is no feature."""
ROWS = {"lead": ("l", LEADS), "account": ("a", ACCOUNTS)}
"""What an extra column is of -> its row in SQL, and its table."""


def extra_columns(warehouse: Warehouse) -> dict[str, tuple[str, str]]:
    """`lead.Stage` -> the column as SQL over the rows `l` and `a`, and its SQL type."""
    return {
        f"{of}.{column}": (f"{row}.{quoted(column)}", sql_type)
        for of, (row, table) in ROWS.items()
        for column, sql_type in warehouse.extras(table).items()
    }


def features(warehouse: Warehouse, identifiers: bool) -> tuple[Feature, ...]:
    """All features of extra columns; those that only name the row where `identifiers` are wanted."""
    return tuple(
        _feature(name, sql, sql_type == "VARCHAR")
        for name, (sql, sql_type) in extra_columns(warehouse).items()
        if identifiers or sql_type != "VARCHAR" or not _names_the_row(warehouse, name)
    )


def _feature(name: str, sql: str, text: bool) -> Feature:
    of, column = name.split(".", 1)
    meaning = f"{column}, as the source gives it for the {of}"
    return Feature(name, "fit", "lead", sql, meaning, "not given", dtype="text" if text else "number", empty=None)


def _names_the_row(warehouse: Warehouse, name: str) -> bool:
    of, column = name.split(".", 1)
    counts = f"count(DISTINCT {quoted(column)}), count({quoted(column)})"
    different, filled = warehouse.rows(f"SELECT {counts} FROM {ROWS[of][1].name}")[0]
    return bool(different > 50 and different > IDENTIFIER_SHARE * filled)
