"""What was known of every lead, hand-off and deal at a moment? The report's base tables, one .sql file each.

Only rows known before `as_of` count, in the version then in force; scores and overrides count up to `as_of` itself.
Industry, size, persona and source are those known at `as_of`; zone, urgency, team and promise are those of the
hand-off.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import get_args

import pandas as pd

from data.agreement.model import Agreement, Zone
from data.agreement.promises import hours_count, promised
from data.cohorts import TO_SALES_SCORES, handed_off
from data.settings import Settings
from data.sql import in_force, literal
from data.tables import (
    CONNECTED,
    PLACES,
    PROMISES,
    REPORT_HANDOFFS,
    REPORT_LEADS,
    SCORED,
    SCORINGS,
    SQL_TYPES,
    TO_SALES,
    Column,
    Table,
)
from data.warehouse import Warehouse
from features.concepts import fit
from serving.overrides import HELD
from serving.pages.report.day import look_at_day

BASE = Path(__file__).parent / "base"
TABLES = ("leads", "handoffs", "deals", "promises", "scorings", "scored", "places", "overrides")
QUALIFIED_AT = Column("qualified_at", "time", "when it first got into the zone qualified")
REACHED = (*REPORT_LEADS.some("lead_id", "automation_qualified_at"), QUALIFIED_AT)
ZONES = REPORT_HANDOFFS.some("lead_id", "handed_off_at", "zone", "urgent", "team")
PROMISED = Table(
    "promised", "the promise of a hand-off", REPORT_HANDOFFS.some("lead_id", "handed_off_at", "promise", "due_at")
)
OF_ZONES = "SELECT * REPLACE (coalesce(urgent, false) AS urgent) FROM given_zones ORDER BY lead_id, handed_off_at"
GIVEN = (
    Table("reached", "when a lead got so far", REACHED),
    Table("zones", "what the rules said at a hand-off", ZONES),
    Table("personas", "who a lead is", REPORT_LEADS.some("lead_id", "persona")),
    PROMISES,
    Table("scorings", "which scorings are compared", SCORINGS.some("scoring", "as_of")),
    Table("who", "who is on a list or waits for a call", SCORED.some("lead_id", "on_list", "agent", "waits")),
    PLACES,
)
"""What SQL alone cannot say, as frames; a column that is left out is unknown."""
DEFAULT = Settings()


def save_tables(
    warehouse: Warehouse,
    folder: Path,
    as_of: datetime,
    agreements: Sequence[Agreement],
    reached: pd.DataFrame,
    zones: pd.DataFrame,
    personas: pd.DataFrame,
    settings: Settings = DEFAULT,
) -> None:
    """Write `<table>.parquet` of each of TABLES into `folder`, the same bytes for the same inputs.

    `reached`, `zones` and `personas`: as in GIVEN, at most one row per lead or hand-off. `settings`: their time zone
    says which scoring is one of an earlier day, and their agents share the calls.
    """
    of_day = look_at_day(warehouse, as_of, agreements, settings)
    for table, frame in zip(GIVEN, (reached, zones, personas, promises(agreements), *of_day), strict=True):
        _take(warehouse, table, frame)
    _take(warehouse, PROMISED, promised(warehouse.frame(OF_ZONES), agreements))
    for name in TABLES:
        _save(warehouse, name, folder / f"{name}.parquet", as_of)
    for temporary in (*(f"given_{t.name}" for t in (*GIVEN, PROMISED)), *(f"report_{name}" for name in TABLES)):
        warehouse.execute(f"DROP TABLE {temporary}")


def promises(agreements: Sequence[Agreement]) -> pd.DataFrame:
    """What each version of the agreement promises each zone and urgent leads; without hours: nothing."""
    rows = []
    for agreement in agreements:
        running = hours_count(agreement.working_time)
        for name in (*get_args(Zone), "urgent", "unknown"):
            promise = agreement.promises.get(name)
            terms = (promise.hours, running, promise.breach) if promise else (None, None, None)
            rows.append((agreement.version, agreement.effective_from, name, *terms))
    return pd.DataFrame(rows, columns=list(PROMISES.names))


def _take(warehouse: Warehouse, table: Table, frame: pd.DataFrame) -> None:
    """The frame as the temporary table `given_<name>`, with the types it should have even where it is empty."""
    typed = [f"{c.name if c.name in frame else 'NULL'}::{SQL_TYPES[c.type]} AS {c.name}" for c in table.columns]
    with warehouse.view("incoming", frame):
        warehouse.execute(f"CREATE OR REPLACE TEMP TABLE given_{table.name} AS SELECT {', '.join(typed)} FROM incoming")


def _save(warehouse: Warehouse, name: str, path: Path, as_of: datetime) -> None:
    size = next(f.sql for f in fit.features() if f.name == "employees_band")
    text = (BASE / f"{name}.sql").read_text(encoding="utf-8")
    sql = text.format(
        known=in_force("$as_of::TIMESTAMP"),
        connected=CONNECTED,
        size=size,
        handed_off=handed_off(warehouse),
        held=HELD.format(as_of="$as_of::TIMESTAMP"),
        to_sales=TO_SALES_SCORES,
        sales_routes=", ".join(map(literal, TO_SALES)),
    )
    parameters = {"as_of": as_of} if "$as_of" in sql else None
    warehouse.execute(f"CREATE OR REPLACE TEMP TABLE report_{name} AS {sql}", parameters)
    warehouse.execute(f"COPY report_{name} TO {literal(str(path))} (FORMAT parquet)")
