"""What was known of every lead, hand-off and deal at a moment? The report's base tables, one .sql file each.

Only rows known before `as_of` count, in the version then in force. Industry, size, persona and source are those known
at `as_of`; zone, urgency, team and promise are those of the hand-off.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import get_args

import pandas as pd

from data.agreement.model import Agreement, Zone
from data.cohorts import handed_off
from data.sql import in_force, literal
from data.tables import CONNECTED
from data.warehouse import Warehouse
from features.concepts import fit

BASE = Path(__file__).parent / "base"
TABLES = ("leads", "handoffs", "deals", "promises")
GIVEN = {
    "reached": {"lead_id": "VARCHAR", "automation_qualified_at": "TIMESTAMP", "qualified_at": "TIMESTAMP"},
    "zones": {"lead_id": "VARCHAR", "handed_off_at": "TIMESTAMP", "zone": "VARCHAR", "urgent": "BOOLEAN",
              "team": "VARCHAR"},
    "personas": {"lead_id": "VARCHAR", "persona": "VARCHAR"},
    "promises": {"agreement_version": "VARCHAR", "effective_from": "TIMESTAMP", "promise": "VARCHAR",
                 "promise_hours": "DOUBLE", "breach": "VARCHAR"},
}  # fmt: skip
"""What the rules say, as frames of the caller; a column that is left out is unknown."""


def save_tables(
    warehouse: Warehouse,
    folder: Path,
    as_of: datetime,
    agreements: Sequence[Agreement],
    reached: pd.DataFrame,
    zones: pd.DataFrame,
    personas: pd.DataFrame,
) -> None:
    """Write `<table>.parquet` of each of TABLES into `folder`, the same bytes for the same inputs.

    `reached`: lead_id, automation_qualified_at, qualified_at; `zones`: lead_id, handed_off_at, zone, urgent, team, as
    they were at the hand-off; `personas`: lead_id, persona. At most one row per lead or hand-off.
    """
    given = {"reached": reached, "zones": zones, "personas": personas, "promises": promises(agreements)}
    for name, frame in given.items():
        _take(warehouse, name, frame)
    for name in TABLES:
        _save(warehouse, name, folder / f"{name}.parquet", as_of)
    for table in (*(f"given_{name}" for name in given), *(f"report_{name}" for name in TABLES)):
        warehouse.execute(f"DROP TABLE {table}")


def promises(agreements: Sequence[Agreement]) -> pd.DataFrame:
    """What each version of the agreement promises each zone and urgent leads; without hours: nothing."""
    rows = []
    for agreement in agreements:
        for name in (*get_args(Zone), "urgent", "unknown"):
            promise = agreement.promises.get(name)
            said = (promise.hours, promise.breach) if promise else (None, None)
            rows.append((agreement.version, agreement.effective_from, name, *said))
    return pd.DataFrame(rows, columns=list(GIVEN["promises"]))


def _take(warehouse: Warehouse, name: str, frame: pd.DataFrame) -> None:
    """The frame as the temporary table `given_<name>`, with the types it should have even where it is empty."""
    typed = [f"{column if column in frame else 'NULL'}::{kind} AS {column}" for column, kind in GIVEN[name].items()]
    with warehouse.view("incoming", frame):
        warehouse.execute(f"CREATE OR REPLACE TEMP TABLE given_{name} AS SELECT {', '.join(typed)} FROM incoming")


def _save(warehouse: Warehouse, name: str, path: Path, as_of: datetime) -> None:
    size = next(f.sql for f in fit.features() if f.name == "employees_band")
    text = (BASE / f"{name}.sql").read_text(encoding="utf-8")
    sql = text.format(
        known=in_force("$as_of::TIMESTAMP"), connected=CONNECTED, size=size, handed_off=handed_off(warehouse)
    )
    parameters = {"as_of": as_of} if "$as_of" in sql else None
    warehouse.execute(f"CREATE OR REPLACE TEMP TABLE report_{name} AS {sql}", parameters)
    warehouse.execute(f"COPY report_{name} TO {literal(str(path))} (FORMAT parquet)")
