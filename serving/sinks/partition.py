"""How do scores get into the warehouse? As the partition of their day in the table `scores`, replaced whole."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from data.tables import SCORES, SQL_TYPES
from data.warehouse import Warehouse
from data.workspace import Workspace


def write(workspace: Workspace, warehouse: Warehouse, scores: pd.DataFrame, as_of: datetime) -> None:  # noqa: ARG001
    """Replace the partition of `as_of`."""
    with warehouse.view("new_scores", scores[list(SCORES.names)]):
        warehouse.execute("DELETE FROM scores WHERE as_of = $1", [as_of])
        warehouse.execute("INSERT INTO scores BY NAME SELECT * FROM new_scores")


def finish(workspace: Workspace, warehouse: Warehouse) -> None:  # noqa: ARG001
    """Make the table, and the columns that an older leadready did not know."""
    warehouse.make(SCORES)
    for column in SCORES.columns:
        warehouse.execute(f"ALTER TABLE scores ADD COLUMN IF NOT EXISTS {column.name} {SQL_TYPES[column.type]}")
