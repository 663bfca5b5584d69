"""What crosses accounts? Running totals of sales' decisions, of the whole house and of each agent, by time known.

A row of a timeline holds the totals of what was known up to and including its `moment`; a snapshot takes the last
row with `moment < as_of`, so that it sees exactly the rows with `known_at < as_of`. A corrected row counts until it
was superseded.
"""

from __future__ import annotations

from data.sql import in_force

WAITING_DAYS = 30
"""A hand-off without an answer stops counting as waiting after so many days."""

_DECISION_STEPS = """SELECT {columns} known_at AS moment, 1 AS decided,
    (decision = 'accepted')::INTEGER AS accepted {more} FROM {decisions}
    UNION ALL SELECT {columns} superseded_at, -1, -(decision = 'accepted')::INTEGER {more}
    FROM {decisions} WHERE superseded_at IS NOT NULL"""

_TOTALS = """CREATE OR REPLACE TEMP TABLE {name} AS SELECT {key} moment, {running}
    FROM (SELECT {key} moment, {sums} FROM ({steps}) GROUP BY {key} moment)"""


def _timeline(name: str, steps: str, measures: tuple[str, ...], key: str = "") -> str:
    window = f"OVER ({f'PARTITION BY {key} ' if key else ''}ORDER BY moment)"
    running = ", ".join(f"sum({m}) {window}::DOUBLE AS {m}" for m in measures)
    sums = ", ".join(f"sum({m}) AS {m}" for m in measures)
    return _TOTALS.format(name=name, steps=steps, key=f"{key}," if key else "", running=running, sums=sums)


_BY_AGENT = f"""(SELECT d.known_at, d.superseded_at, d.decision, c.agent_id
    FROM (SELECT *, row_number() OVER () AS decision_row FROM decisions) d JOIN calls c
    ON c.lead_id = d.lead_id AND c.called_at < d.decided_at AND c.agent_id IS NOT NULL AND {in_force("d.known_at", "c")}
    QUALIFY row_number() OVER (PARTITION BY decision_row ORDER BY c.called_at DESC) = 1)"""

AGENTS = _timeline(
    "m_agents",
    _DECISION_STEPS.format(columns="agent_id,", more="", decisions=_BY_AGENT),
    ("decided", "accepted"),
    "agent_id",
)
"""Per agent who last called before the decision, as known when it was made: decisions and acceptances so far."""

_WAITING = f"""SELECT known_at AS moment, 0 AS decided, 0 AS accepted, 1 AS waiting FROM handoffs
    UNION ALL SELECT least(h.known_at + INTERVAL {WAITING_DAYS} DAY, h.superseded_at,
    CASE WHEN min(d.known_at) IS NOT NULL THEN greatest(h.known_at, min(d.known_at)) END),
    0, 0, -1
    FROM (SELECT *, row_number() OVER () AS handoff_row FROM handoffs) h
    LEFT JOIN decisions d ON d.lead_id = h.lead_id AND d.handed_off_at = h.handed_off_at
    GROUP BY handoff_row, h.known_at, h.superseded_at"""

HOUSE = _timeline(
    "m_house",
    f"{_DECISION_STEPS.format(columns='', more=', 0 AS waiting', decisions='decisions')} UNION ALL {_WAITING}",
    ("decided", "accepted", "waiting"),
)
"""All of sales: decisions, acceptances and hand-offs that wait, so far."""
