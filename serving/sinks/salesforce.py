"""How do scores get into Salesforce? As `salesforce.csv` in the day's export, for an upsert (docs/crm.md)."""

from __future__ import annotations

from data.warehouse import Warehouse
from data.workspace import Workspace
from serving.crm import Layout, make_up, write_file
from serving.publication import Publication

LAYOUT = Layout(
    "salesforce",
    {
        "lead_id": "Id",
        "score_percent": "LeadReady_Score__c",
        "score_band": "LeadReady_Band__c",
        "zone": "LeadReady_Zone__c",
        "route": "LeadReady_Route__c",
        "reasons": "LeadReady_Reasons__c",
        "next_question": "LeadReady_Next_Question__c",
        "as_of": "LeadReady_As_Of__c",
    },
    most_mb=100,
    longest={"reasons": 1_000, "next_question": 255},
    empty="#N/A",
    moment="%Y-%m-%dT%H:%M:%S.000Z",
)
"""API names; `Id` or a field marked External ID. An empty cell would leave a field as it is: #N/A empties it."""


def write(workspace: Workspace, warehouse: Warehouse, publication: Publication) -> None:
    """Write the file where the settings name Salesforce."""
    write_file(workspace, warehouse, publication.as_of, publication.settings, LAYOUT)


def finish(workspace: Workspace, warehouse: Warehouse) -> None:
    """Write the newest scoring's file where it is not there."""
    make_up(workspace, warehouse, LAYOUT)
