"""How do scores get into the warehouse? As the partition of their moment in the table `scores`, replaced whole."""

from __future__ import annotations

from data.tables import SCORES
from data.warehouse import Warehouse
from data.workspace import Workspace
from serving.publication import Publication


def write(
    workspace: Workspace,  # noqa: ARG001
    warehouse: Warehouse,
    publication: Publication,
) -> None:
    """Replace the partition of its moment."""
    with warehouse.view("new_scores", publication.scores[list(SCORES.names)]):
        warehouse.execute("DELETE FROM scores WHERE as_of = $1", [publication.as_of])
        warehouse.insert("scores", "FROM new_scores")


def finish(workspace: Workspace, warehouse: Warehouse) -> None:  # noqa: ARG001
    """Make the table."""
    warehouse.make(SCORES)
