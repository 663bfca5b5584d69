"""How do scores get into the warehouse? As the partition of their day in the table `scores`, replaced whole."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pyarrow as pa

from data.warehouse import Warehouse
from data.workspace import Workspace
from features.definition import CONCEPTS
from models.explaining.reason_codes import MOST

TEXT, NUMBER, FLAG, TIME, WHOLE = pa.string(), pa.float64(), pa.bool_(), pa.timestamp("us"), pa.int64()
SCORES = {
    "lead_id": TEXT,
    "as_of": TIME,
    "probability": NUMBER,
    "probability_low": NUMBER,
    "probability_high": NUMBER,
    "digital_points": NUMBER,
    "research_points": NUMBER,
    "rule_points": NUMBER,
    "zone": TEXT,
    "urgent": FLAG,
    "missing": TEXT,
    "route": TEXT,
    "route_reason": TEXT,
    "contact": TEXT,
    "team": TEXT,
    "promise_hours": NUMBER,
    "persona": TEXT,
    "buying_stage": TEXT,
    "message": TEXT,
    "information": TEXT,
    **{f"reason_{place}": TEXT for place in range(1, MOST + 1)},
    "reasons_checked": FLAG,
    "few_alike": FLAG,
    "log_odds_base": NUMBER,
    **{f"contribution_{concept}": NUMBER for concept in CONCEPTS},
    "gain": NUMBER,
    "threshold": NUMBER,
    "early": FLAG,
    "explored": FLAG,
    "propensity": NUMBER,
    "exploration_seed": WHOLE,
    "policy_version": TEXT,
    "model_version": TEXT,
    "model_status": TEXT,
    "agreement_version": TEXT,
    "catalogue_version": TEXT,
}
SQL_TYPE = {TEXT: "VARCHAR", NUMBER: "DOUBLE", FLAG: "BOOLEAN", TIME: "TIMESTAMP", WHOLE: "BIGINT"}
TABLE = """CREATE TABLE IF NOT EXISTS scores (
    lead_id VARCHAR NOT NULL, as_of TIMESTAMP NOT NULL, PRIMARY KEY (as_of, lead_id))"""


def write(workspace: Workspace, warehouse: Warehouse, scores: pd.DataFrame, as_of: datetime) -> None:  # noqa: ARG001
    """Replace the partition of `as_of`."""
    with warehouse.view("new_scores", scores[list(SCORES)]):
        warehouse.execute("DELETE FROM scores WHERE as_of = $1", [as_of])
        warehouse.execute("INSERT INTO scores BY NAME SELECT * FROM new_scores")


def finish(workspace: Workspace, warehouse: Warehouse) -> None:  # noqa: ARG001
    """Make the table, and the columns that an older leadready did not know."""
    warehouse.execute(TABLE)
    for name, kind in SCORES.items():
        warehouse.execute(f"ALTER TABLE scores ADD COLUMN IF NOT EXISTS {name} {SQL_TYPE[kind]}")
