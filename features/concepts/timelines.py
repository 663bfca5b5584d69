"""What crosses accounts? Running totals of sales' decisions, of the whole house and of each agent, by time known.

A row of a timeline holds the totals of what was known up to and including its `moment`; a snapshot takes the last
row with `moment < as_of`, so that it sees exactly the rows with `known_at < as_of`. A corrected row counts until it
was superseded.
"""

from __future__ import annotations

from data.sql import in_force

WAITING_DAYS = 30
"""A hand-off without an answer stops counting as waiting after so many days."""
RECENT_DAYS = 7
"""The days of sales' latest decisions."""

_DECIDED = """SELECT agent_id, known_at AS moment, 1 AS decided, (decision = 'accepted')::INTEGER AS accepted,
    0 AS waiting FROM {decisions}
    UNION ALL SELECT agent_id, ends, -1, -(decision = 'accepted')::INTEGER, 0 FROM {decisions} WHERE ends IS NOT NULL"""
_BY_AGENT = f"""(SELECT d.known_at, d.superseded_at AS ends, d.decision, c.agent_id
    FROM (SELECT *, row_number() OVER () AS decision_row FROM decisions) d
    JOIN calls c ON c.lead_id = coalesce(d.copied_from, d.lead_id)
    AND c.called_at <= coalesce(d.handed_off_at, d.decided_at) AND c.agent_id IS NOT NULL
    AND {in_force("d.known_at", "c")}
    QUALIFY row_number() OVER (PARTITION BY decision_row ORDER BY c.called_at DESC, c.agent_id) = 1)"""
_RECENT = f"""(SELECT known_at, decision, NULL AS agent_id,
    least(superseded_at, decided_at + INTERVAL {RECENT_DAYS} DAY - INTERVAL 1 MICROSECOND) AS ends
    FROM decisions WHERE known_at < ends)"""
_WAITING = f"""SELECT NULL AS agent_id, known_at AS moment, 0 AS decided, 0 AS accepted, 1 AS waiting FROM handoffs
    UNION ALL SELECT NULL, greatest(h.known_at, least(h.first_known + INTERVAL {WAITING_DAYS} DAY, h.superseded_at,
    min(d.known_at))), 0, 0, -1
    FROM (SELECT *, CASE WHEN copied_from IS NULL THEN known_at ELSE handed_off_at END AS first_known,
        row_number() OVER () AS handoff_row FROM handoffs) h
    LEFT JOIN decisions d ON d.lead_id = h.lead_id AND d.handed_off_at = h.handed_off_at
    GROUP BY handoff_row, h.known_at, h.first_known, h.superseded_at"""


def _timeline(steps: str) -> str:
    window = "OVER (PARTITION BY agent_id ORDER BY moment)::DOUBLE"
    running = ", ".join(f"sum(sum({n})) {window} AS {n}" for n in ("decided", "accepted", "waiting"))
    return f"""SELECT agent_id, moment, {running}
        FROM ({steps}) GROUP BY agent_id, moment"""


AGENTS = _timeline(_DECIDED.format(decisions=_BY_AGENT))
"""Per agent who last called before the hand-off, as known when sales decided: decisions and acceptances so far."""
HOUSE = _timeline(f"{_DECIDED.format(decisions=_RECENT)} UNION ALL {_WAITING}")
"""All of sales: decisions and acceptances of the last RECENT_DAYS, and hand-offs that wait."""
