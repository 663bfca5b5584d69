"""Who is looked at, and when? Cohorts of (lead_id, as_of) to train on, and the leads open at a moment to score."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import pandas as pd

from data.warehouse import Warehouse, in_force

Anchor = Literal["created", "handoff", "weekly"]

UNDECIDED = f"""SELECT l.lead_id FROM leads l
    LEFT JOIN (SELECT lead_id, max(handed_off_at) AS handoff FROM handoffs h WHERE {in_force("$as_of", "h")}
        GROUP BY lead_id) last_handoff ON last_handoff.lead_id = l.lead_id
    LEFT JOIN (SELECT lead_id, max(decided_at) AS decision FROM decisions d WHERE {in_force("$as_of", "d")}
        GROUP BY lead_id) last_decision ON last_decision.lead_id = l.lead_id
    WHERE {in_force("$as_of", "l")} AND (decision IS NULL OR handoff > decision)
    ORDER BY l.lead_id"""

ANCHORS = {
    "created": """SELECT lead_id, min(created_at) AS anchor, NULL::TIMESTAMP AS handed_off_at
        FROM leads WHERE known_at < $until GROUP BY lead_id""",
    "handoff": f"""SELECT lead_id, handed_off_at AS anchor, handed_off_at
        FROM handoffs h WHERE {in_force("$until", "h")}""",
    "weekly": """SELECT lead_id, unnest(generate_series(date_trunc('week', min(created_at)) + INTERVAL 7 DAY,
        $until::TIMESTAMP, INTERVAL 7 DAY)) AS anchor, NULL::TIMESTAMP AS handed_off_at
        FROM leads WHERE known_at < $until GROUP BY lead_id""",
}

SNAPSHOTS = f"""SELECT c.lead_id, c.as_of, c.handed_off_at
    FROM (SELECT *, anchor + to_microseconds($delay_us) + INTERVAL 1 MICROSECOND AS as_of FROM ({{anchors}})) c
    JOIN leads l ON l.lead_id = c.lead_id AND {in_force("c.as_of", "l")}
    WHERE c.as_of <= $until AND NOT EXISTS (
        SELECT 1 FROM decisions d WHERE d.lead_id = c.lead_id AND d.decided_at < c.as_of AND {in_force("$until", "d")}
        AND CASE WHEN c.handed_off_at IS NOT NULL THEN d.handed_off_at = c.handed_off_at ELSE NOT EXISTS (
            SELECT 1 FROM handoffs h WHERE h.lead_id = c.lead_id AND h.handed_off_at > d.decided_at
            AND h.handed_off_at < c.as_of AND {in_force("$until", "h")}) END)
    ORDER BY c.as_of, c.lead_id"""


@dataclass(frozen=True)
class Cohort:
    """Which moments of a lead become rows: an anchor and the hours after it (weekly: every Monday 00:00 UTC)."""

    anchor: Anchor = "handoff"
    delay_hours: float = 0.0

    @property
    def name(self) -> str:
        """In words, as `handoff + 4 h`."""
        return f"{self.anchor} + {self.delay_hours:g} h"


def build_cohort(warehouse: Warehouse, cohort: Cohort, until: datetime) -> pd.DataFrame:
    """The snapshots of a cohort up to `until`: lead_id, as_of, handed_off_at (missing unless anchored there).

    `as_of` is the anchor + delay + 1 microsecond, so that the anchor itself is seen. Left out are leads that our
    systems did not know yet, and those that sales had decided by then. Only what was known before `until` counts.
    """
    parameters = {"until": until, "delay_us": round(cohort.delay_hours * 3.6e9)}
    sql = SNAPSHOTS.format(anchors=ANCHORS[cohort.anchor])
    return warehouse.frame(sql, {k: v for k, v in parameters.items() if f"${k}" in sql})


def open_leads(warehouse: Warehouse, as_of: datetime) -> pd.DataFrame:
    """The leads to score at `as_of`: known by then, and not decided since their last hand-off. lead_id, as_of."""
    return warehouse.frame(UNDECIDED, {"as_of": as_of}).assign(as_of=pd.Timestamp(as_of))
