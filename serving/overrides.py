"""What did a person decide about a lead, against score and rules? It holds until a day; hard limits stand above it."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from data.errors import UsageError
from data.intake.keys import stored_ids
from data.tables import OVERRIDES
from data.warehouse import Warehouse
from serving.routes import OVERRIDDEN

HELD = """(SELECT *, least(holds_until, coalesce(lead(decided_at) OVER (PARTITION BY lead_id ORDER BY decided_at),
    holds_until)) AS holds_to FROM overrides WHERE decided_at <= {as_of})"""
"""The overrides made by `as_of`, an expression. Each is in force from `decided_at` on and before `holds_to`."""
NO_OVERRIDES = pd.DataFrame({"lead_id": [], "route": [], "words": []}, dtype="str")


def note_override(
    warehouse: Warehouse, lead: str, route: str, why: str, by: str, at: datetime, until: datetime
) -> pd.DataFrame:
    """Keep what a person decided; one row with the columns of OVERRIDES.

    Raises UsageError for an unknown lead, for a route that nobody can ask for, without a reason, or where it has no
    time to hold.
    """
    what, [own] = f"overriding the route of {lead}", stored_ids(warehouse, [lead])
    if not warehouse.scalar("SELECT count(*) FROM leads WHERE lead_id = $1 AND superseded_at IS NULL", [own]):
        raise UsageError(what, expected="a lead that is known", got=lead, do="check the id")
    check_override(lead, route, why, at, until)
    why = " ".join(why.split())
    row = pd.DataFrame([(own, route, why, by, at, until)], columns=list(OVERRIDES.names))
    warehouse.make(OVERRIDES)
    with warehouse.view("new_override", row):
        warehouse.execute("INSERT OR REPLACE INTO overrides BY NAME FROM new_override")
    return row


def check_override(lead: str, route: str, why: str, at: datetime, until: datetime) -> None:
    """UsageError for a route that nobody can ask for, without a reason, or where the override has no time to hold."""
    what = f"overriding the route of {lead}"
    if route not in OVERRIDDEN:
        raise UsageError(what, expected=f"one of {', '.join(OVERRIDDEN)}", got=route, do="choose one of these routes")
    if not why.strip():
        do = "say in a few words why"
        raise UsageError(what, expected="a reason", got="none", do=do)
    if until <= at:
        do = "name a later day"
        raise UsageError(what, expected=f"a time after {at:%Y-%m-%d %H:%M}", got=f"{until:%Y-%m-%d %H:%M}", do=do)


def overrides_at(warehouse: Warehouse, as_of: datetime) -> pd.DataFrame:
    """What people want done at `as_of`: lead_id, route and words, the latest of each lead, where it holds."""
    warehouse.make(OVERRIDES)
    found = warehouse.frame(
        """SELECT lead_id, route,
                decided_by || ' asked for it until ' || strftime(holds_until, '%Y-%m-%d') || ': ' || why AS words
            FROM (FROM overrides WHERE decided_at <= $1
                QUALIFY row_number() OVER (PARTITION BY lead_id ORDER BY decided_at DESC) = 1)
            WHERE holds_until > $1 ORDER BY lead_id""",
        [as_of],
    )
    return found.astype("str")
