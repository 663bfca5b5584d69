"""What of a score leaves for other systems? The same columns for PostgreSQL and for the files of every CRM."""

from __future__ import annotations

OUTGOING = {
    "lead_id": "lead_id",
    "as_of": "as_of",
    "score_percent": "CAST(floor(probability * 100 + 0.5) AS INTEGER)",
    "score_band": """CASE WHEN probability IS NULL THEN NULL WHEN probability >= threshold THEN 'above'
        WHEN probability_high >= threshold THEN 'near' WHEN probability < threshold THEN 'below' END""",
    "zone": "zone",
    "route": "route",
    "route_reason": "route_reason",
    "contact": "contact",
    "team": "team",
    "reasons": "nullif(concat_ws('; ', reason_1, reason_2, reason_3, reason_4), '')",
    "next_question": "next_question",
    "then_question": "then_question",
    "promise_due_at": "promise_due_at",
    "look_again": "look_again",
    "model_version": "model_version",
    "agreement_version": "agreement_version",
}
"""Column -> SQL over the table scores that DuckDB and PostgreSQL read alike.

`score_band` says where the probability stands: `above` p* (or on it), `near` it (p* is within its upper bound) or
`below`.
"""
TELLING = ("score_percent", "score_band", "zone", "route", "contact", "team", "reasons", "next_question")
"""A lead has changed where one of these has."""


def outgoing_sql() -> str:
    """The columns for a SELECT from scores."""
    return ", ".join(f"{sql} AS {name}" for name, sql in OUTGOING.items())
