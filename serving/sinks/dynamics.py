"""How do scores get into Dynamics 365? As `dynamics.csv` in the day's export, for its data import (docs/crm.md)."""

from __future__ import annotations

from data.warehouse import Warehouse
from data.workspace import Workspace
from serving.crm import Layout, make_up, write_file
from serving.publication import Publication

LAYOUT = Layout(
    "dynamics",
    {
        "lead_id": "(Do Not Modify) Lead",
        "score_percent": "LeadReady Score",
        "score_band": "LeadReady Band",
        "zone": "LeadReady Zone",
        "route": "LeadReady Route",
        "reasons": "LeadReady Reasons",
        "next_question": "LeadReady Next Question",
        "as_of": "LeadReady As Of",
    },
    most_mb=8,
    longest={"reasons": 2_000, "next_question": 100},
    line_end="\r\n",
)
"""Display names; the lead's GUID, or a column that is an alternate key. Lengths are those of new columns."""


def write(workspace: Workspace, warehouse: Warehouse, publication: Publication) -> None:
    """Write the file where the settings name Dynamics 365."""
    write_file(workspace, warehouse, publication.as_of, publication.settings, LAYOUT)


def finish(workspace: Workspace, warehouse: Warehouse) -> None:
    """Write the newest scoring's file where it is not there."""
    make_up(workspace, warehouse, LAYOUT)
