"""How do scores get into HubSpot? As `hubspot.csv` in the day's export, for its import tool (docs/crm.md)."""

from __future__ import annotations

from data.warehouse import Warehouse
from data.workspace import Workspace
from serving.crm import Layout, make_up, write_file
from serving.publication import Publication

LAYOUT = Layout(
    "hubspot",
    {
        "lead_id": "Record ID",
        "score_percent": "leadready_score",
        "score_band": "leadready_band",
        "zone": "leadready_zone",
        "route": "leadready_route",
        "reasons": "leadready_reasons",
        "next_question": "leadready_next_question",
        "as_of": "leadready_as_of",
    },
    most_mb=512,
    longest={"reasons": 65_536, "next_question": 65_536},
)
"""Internal names of properties; a date is a day. Texts of one line or several hold 65,536 characters."""


def write(workspace: Workspace, warehouse: Warehouse, publication: Publication) -> None:
    """Write the file where the settings name HubSpot."""
    write_file(workspace, warehouse, publication.as_of, publication.settings, LAYOUT)


def finish(workspace: Workspace, warehouse: Warehouse) -> None:
    """Write the newest scoring's file where it is not there."""
    make_up(workspace, warehouse, LAYOUT)
