"""Who is looked at, and when? Cohorts of (lead_id, as_of) to train on, and the leads open at a moment to score."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import pandas as pd
from pydantic import Field

from data.sql import in_force, literal
from data.tables import TO_SALES
from data.toml_errors import StrictModel
from data.warehouse import Warehouse

Anchor = Literal["created", "handoff", "weekly"]

BY_PERSONS = "e.is_bot IS NOT TRUE AND e.direction IS DISTINCT FROM 'outbound'"
"""The SQL condition under which a touch `e` is one that the lead made, not a bot and not we."""
LAST = "(decided_at, decision = 'accepted', how, coalesce(reason, ''))"
"""The order of what ended a lead's way; of two at one instant an acceptance is the later, then the order of words."""
STANDING = f"""WITH decided AS (SELECT lead_id, decided_at, decision, reason FROM decisions d
        WHERE {in_force("$as_of", "d")}),
    sent AS (SELECT lead_id, max(handed_off_at) AS handoff FROM handoffs h WHERE {in_force("$as_of", "h")}
        GROUP BY lead_id),
    deals AS (SELECT lead_id, coalesce(closed_at, opened_at) AS decided_at, won FROM opportunities o
        WHERE {in_force("$as_of", "o")}),
    taken AS (SELECT lead_id FROM (SELECT lead_id, decided_at FROM decided WHERE decision = 'accepted'
            UNION ALL SELECT lead_id, decided_at FROM deals WHERE won IS NOT FALSE) t
        LEFT JOIN sent USING (lead_id) WHERE handoff IS NULL OR decided_at >= handoff),
    ended AS (SELECT *, decision AS how FROM decided UNION ALL
        SELECT lead_id, decided_at,
            CASE WHEN won IS FALSE THEN 'rejected' ELSE 'accepted' END, NULL,
            CASE WHEN won THEN 'won' WHEN won IS FALSE THEN 'lost' ELSE 'in a deal' END
        FROM deals ANTI JOIN taken ON deals.won IS FALSE AND taken.lead_id = deals.lead_id),
    seen AS (SELECT l.lead_id, handoff, decision, decided_at, reason, how FROM leads l
    LEFT JOIN sent ON sent.lead_id = l.lead_id
    LEFT JOIN (SELECT lead_id, max(decided_at) AS decided_at, arg_max(decision, {LAST}) AS decision,
        arg_max_null(reason, {LAST}) AS reason, arg_max(how, {LAST}) AS how FROM ended
        GROUP BY lead_id) last_end ON last_end.lead_id = l.lead_id
    WHERE {in_force("$as_of", "l")})
    SELECT lead_id, CASE WHEN handoff > decided_at THEN NULL ELSE decided_at END AS refused_at,
        CASE WHEN decided_at IS NULL OR handoff > decided_at THEN NULL WHEN decision = 'accepted' THEN how
        WHEN list_contains($never, lower(coalesce(reason, ''))) THEN 'rejected for good'
        WHEN date_diff('microsecond', decided_at, $as_of::TIMESTAMP) < $cool_off_us
        THEN how || ' within the cool-off' END AS closed
    FROM seen"""
"""Of each lead why it is closed (NULL: it is open): by sales' last decision or, where that is later, by a deal.

A deal that is open or won is an acceptance. A lost one is a rejection, unless sales accepted the lead or it has another
deal that is open or won, since its last hand-off.
"""
OPEN = f"SELECT lead_id, refused_at FROM ({STANDING}) WHERE closed IS NULL ORDER BY lead_id"
CLOSED = f"SELECT closed, count(*) FROM ({STANDING}) WHERE closed IS NOT NULL GROUP BY closed ORDER BY closed"
SIGNS = f"""SELECT DISTINCT r.lead_id FROM m_refused r WHERE EXISTS (FROM touches e WHERE e.lead_id = r.lead_id
        AND e.occurred_at > r.refused_at AND {in_force("$as_of")} AND {BY_PERSONS} AND e.kind <> 'unsubscribe')
    OR EXISTS (FROM answers e WHERE e.lead_id = r.lead_id AND e.answered_at > r.refused_at
        AND e.state <> 'not_asked' AND {in_force("$as_of")})"""

UNSENT = "lead_id AS person, NULL::TIMESTAMP AS handed_off_at, NULL::TIMESTAMP AS again_at, false AS repeats"
ANCHORS = {
    "created": f"""SELECT lead_id, min(created_at) AS anchor, {UNSENT}
        FROM leads WHERE known_at < $until GROUP BY lead_id""",
    "handoff": f"""WITH sent AS (SELECT lead_id, copied_from, handed_off_at, lag(handed_off_at) OVER of_lead AS before
        FROM handoffs h WHERE {in_force("$until", "h")}
        WINDOW of_lead AS (PARTITION BY lead_id ORDER BY handed_off_at)),
        first AS (SELECT *, coalesce(handed_off_at - before < INTERVAL 1 DAY AND NOT EXISTS (FROM decisions d
            WHERE d.lead_id = sent.lead_id AND d.decided_at >= before AND d.decided_at < sent.handed_off_at
            AND {in_force("$until", "d")}), false) AS repeats FROM sent),
        turn AS (SELECT *, count(*) FILTER (NOT repeats) OVER (PARTITION BY lead_id ORDER BY handed_off_at) AS turn
            FROM first)
        SELECT CASE WHEN EXISTS (FROM leads l WHERE l.lead_id = t.copied_from AND l.known_at <= handed_off_at
                AND (l.superseded_at IS NULL OR l.superseded_at > handed_off_at)) THEN copied_from ELSE lead_id END
            AS lead_id, lead_id AS person, handed_off_at AS anchor, handed_off_at, repeats,
            max(handed_off_at) OVER (PARTITION BY lead_id, t.turn) AS again_at FROM turn t""",
    "weekly": f"""SELECT lead_id, unnest(generate_series(date_trunc('week', min(created_at)) + INTERVAL 7 DAY,
        $until::TIMESTAMP, INTERVAL 7 DAY)) AS anchor, {UNSENT}
        FROM leads WHERE known_at < $until GROUP BY lead_id""",
}
"""Every anchor of a cohort. A hand-off within a day of the lead's last one, nothing decided between, `repeats` it:
a workflow fired twice. `again_at` is the last of such. The row of a hand-off is that of the lead as it was handed off,
also where it was merged since: `person` is who stands for it at $until."""
SNAPSHOTS = f"""SELECT c.lead_id, c.as_of, c.handed_off_at, c.again_at, c.sales_until,
    CASE WHEN c.as_of > $until THEN 'not_reached_yet' WHEN l.lead_id IS NULL THEN 'lead_not_known_then'
        WHEN c.repeats THEN 'handed_off_twice' WHEN EXISTS (
            FROM decisions d WHERE d.lead_id = c.person AND d.decided_at < c.sales_until AND {in_force("$until", "d")}
            AND CASE WHEN c.handed_off_at IS NOT NULL THEN d.handed_off_at BETWEEN c.handed_off_at AND c.again_at
            ELSE NOT EXISTS (FROM handoffs h WHERE h.lead_id = c.person AND h.handed_off_at > d.decided_at
                AND h.handed_off_at < c.as_of AND {in_force("$until", "h")}) END)
        THEN 'decided_before' END AS left_out
    FROM (SELECT *, anchor + to_microseconds($delay_us) + INTERVAL 1 MICROSECOND AS as_of,
        CASE WHEN $delay_us = 0 THEN coalesce(handed_off_at, as_of) ELSE as_of END AS sales_until
        FROM ({{anchors}})) c
    LEFT JOIN leads l ON l.lead_id = c.lead_id AND {in_force("c.as_of", "l")}"""


LEFT_OUT = ("not_reached_yet", "lead_not_known_then", "handed_off_twice", "decided_before")
"""Why a hand-off is no snapshot (SNAPSHOTS)."""


class Cohort(StrictModel):
    """Which moments of a lead become rows: an anchor and the hours after it (weekly: every Monday 00:00 UTC)."""

    anchor: Anchor = "handoff"
    delay_hours: float = Field(default=0, ge=0, le=10 * 365 * 24)

    @property
    def name(self) -> str:
        """In words, as `handoff + 4 h`."""
        return f"{self.anchor} + {self.delay_hours:g} h"


def build_cohort(warehouse: Warehouse, cohort: Cohort, until: datetime) -> pd.DataFrame:
    """The snapshots of a cohort: lead_id, as_of, handed_off_at and again_at (missing unless anchored
    there), sales_until.

    `as_of` is the anchor + delay + 1 microsecond, so that the anchor itself is seen. Only at the instant of a hand-off
    its row is that of a lead nobody has handed off yet, as it would have been scored: what sales wrote (hand-offs,
    decisions) is seen as known before `sales_until`, the hand-off's own instant. Left out are leads that our
    systems did not know yet, and those that sales had decided by then. Only what was known before `until` counts.
    """
    found = "SELECT * EXCLUDE left_out FROM ({}) WHERE left_out IS NULL ORDER BY as_of, lead_id"
    return _of_cohort(warehouse, found, cohort, until)


def count_left_out(warehouse: Warehouse, cohort: Cohort, until: datetime) -> dict[str, int]:
    """How many hand-offs are no snapshot, by cause; none where the cohort is not anchored on them.

    `lead_not_known_then`, `decided_before`, `handed_off_twice` (within a day, nothing decided between: they count with
    the first) or `not_reached_yet`.
    """
    if cohort.anchor != "handoff":
        return {}
    found = "SELECT left_out, count(*) AS n FROM ({}) WHERE left_out IS NOT NULL GROUP BY left_out ORDER BY left_out"
    counts = _of_cohort(warehouse, found, cohort, until)
    return dict(zip(counts["left_out"], map(int, counts["n"]), strict=True))


def _of_cohort(warehouse: Warehouse, sql: str, cohort: Cohort, until: datetime) -> pd.DataFrame:
    anchored = sql.format(SNAPSHOTS.format(anchors=ANCHORS[cohort.anchor]))
    return warehouse.frame(anchored, {"until": until, "delay_us": round(cohort.delay_hours * 3.6e9)})


TO_SALES_SCORES = f"(FROM scores WHERE route IN ({', '.join(map(literal, TO_SALES))}))"
"""The scores that said to hand the lead off."""
POLICY = ("propensity", "policy_version", "early", "explored", "exploration_seed")


def has_scores(warehouse: Warehouse) -> bool:
    """Whether there are scores that say of what policy they are."""
    there = "SELECT count(*) FROM duckdb_columns() WHERE table_name = 'scores' AND column_name = 'explored'"
    return bool(warehouse.scalar(there))


def handed_off(warehouse: Warehouse) -> str:
    """A SELECT of all hand-offs with what the score that each followed says of its policy.

    That is the lead's last score of the 7 days before that said to hand it off. It gives early, explored and
    exploration_seed, and propensity and policy_version where the hand-off came back without them: a CRM need not carry
    them. A propensity of 0 says nothing.
    """
    if not has_scores(warehouse):
        return """SELECT * REPLACE (nullif(propensity, 0) AS propensity), false AS early, false AS explored,
            NULL::BIGINT AS exploration_seed FROM handoffs"""
    recent = "h.handed_off_at < s.as_of + INTERVAL 7 DAY"
    of_score = {c: f"CASE WHEN {recent} THEN s.{c} END" for c in POLICY}
    return f"""SELECT h.* REPLACE (coalesce(nullif(h.propensity, 0), {of_score["propensity"]}) AS propensity,
        coalesce(h.policy_version, {of_score["policy_version"]}) AS policy_version),
        coalesce({of_score["early"]}, false) AS early, coalesce({of_score["explored"]}, false) AS explored,
        {of_score["exploration_seed"]} AS exploration_seed
        FROM handoffs h ASOF LEFT JOIN {TO_SALES_SCORES} s
        ON s.lead_id = coalesce(h.copied_from, h.lead_id) AND h.handed_off_at >= s.as_of"""


def open_leads(warehouse: Warehouse, as_of: datetime, cool_off_days: float, never: tuple[str, ...]) -> pd.DataFrame:
    """The leads to score at `as_of`: not decided since their last hand-off, in no deal, or refused long enough ago.

    Columns lead_id, as_of, refused_at (NaT unless sales refused it last) and cooling: nothing new of the lead is known
    since the refusal. A lead refused for one of the reasons `never` does not come back; an accepted one neither.
    """
    found = warehouse.frame(OPEN, _recycling(as_of, cool_off_days, never))
    with warehouse.view("m_refused", found[found["refused_at"].notna()]):
        signs = {lead for (lead,) in warehouse.rows(SIGNS, {"as_of": as_of})}
    cooling = found["refused_at"].notna() & ~found["lead_id"].isin(signs)
    return found.assign(as_of=pd.Timestamp(as_of), cooling=cooling)


def count_closed(warehouse: Warehouse, as_of: datetime, cool_off_days: float, never: tuple[str, ...]) -> dict[str, int]:
    """How many of the leads known at `as_of` are not open (see `open_leads`), by why, such as `accepted` or `won`."""
    return dict(warehouse.rows(CLOSED, _recycling(as_of, cool_off_days, never)))


def _recycling(as_of: datetime, cool_off_days: float, never: tuple[str, ...]) -> dict[str, Any]:
    return {
        "as_of": as_of,
        "cool_off_us": int(cool_off_days * 86_400_000_000),
        "never": [r.strip().lower() for r in never],
    }
