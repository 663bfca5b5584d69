"""How do scores get into the warehouse? As the partition of their moment in the table `scores`, replaced whole."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from data.settings import Settings
from data.tables import SCORES
from data.warehouse import Warehouse
from data.workspace import Workspace


def write(
    workspace: Workspace,  # noqa: ARG001
    warehouse: Warehouse,
    scores: pd.DataFrame,
    as_of: datetime,
    day: str,  # noqa: ARG001
    settings: Settings,  # noqa: ARG001
) -> None:
    """Replace the partition of `as_of`."""
    with warehouse.view("new_scores", scores[list(SCORES.names)]):
        warehouse.execute("DELETE FROM scores WHERE as_of = $1", [as_of])
        warehouse.insert("scores", "FROM new_scores")


def finish(workspace: Workspace, warehouse: Warehouse) -> None:  # noqa: ARG001
    """Make the table."""
    warehouse.make(SCORES)
