"""docs/data.md says what data/tables.py says: a changed column has to be changed in both."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from data.tables import TABLES, Column, Table

TEXT = (Path(__file__).parents[3] / "docs" / "data.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### `(\w+)`(.*?)(?=^##)", f"{TEXT}\n##", re.DOTALL | re.MULTILINE))


def row(column: Column) -> tuple[str, ...]:
    """The cells of a column: name, type, required, meaning, allowed values and limits."""
    allowed = ", ".join(f"`{value}`" for value in column.allowed)
    least = f"at least {column.least:g}" if column.least is not None else ""
    most = f"at most {column.most:g}" if column.most is not None else ""
    limits = "; ".join(filter(None, [allowed, least, most, "personal" if column.personal else ""]))
    return f"`{column.name}`", column.type, "yes" if column.required else "", column.meaning, limits


def documented(section: str) -> list[tuple[str, ...]]:
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]


def test_every_table_is_documented_in_the_order_of_storing():
    assert list(SECTIONS) == list(TABLES)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_column_is_documented_with_its_type_and_allowed_values(table: Table):
    assert documented(SECTIONS[table.name]) == [row(column) for column in table.columns]


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_key_and_extra_columns_are_documented(table: Table):
    key = ", ".join(f"`{name}`" for name in table.key) or "none"
    assert f"Key: {key}" in SECTIONS[table.name]
    assert ("Extra columns: kept" in SECTIONS[table.name]) == table.extras
