"""What do queries share? How names and texts are written in SQL, which rows were known when, which leads are one."""

from __future__ import annotations

WAYS = """(SELECT key AS lead_id, merged_into AS into, known_at AS from_at,
    lead(known_at) OVER (PARTITION BY key ORDER BY known_at, merged_into) AS to_at
    FROM retractions WHERE what = 'merge')"""
"""Which lead a merged lead's rows go to, from when until when."""
PERSONS = """(SELECT key AS lead_id, arg_max(merged_into, (known_at, merged_into)) AS person
    FROM retractions WHERE what = 'merge' GROUP BY key
    UNION SELECT merged_into, merged_into FROM retractions WHERE what = 'merge'
    AND merged_into NOT IN (SELECT key FROM retractions WHERE what = 'merge'))"""
"""Of every lead that was merged or merged into: the one that stands for the person now."""
ALIKE = f"(SELECT a.lead_id, b.lead_id AS other FROM {PERSONS} a JOIN {PERSONS} b USING (person))"
"""All pairs of leads that are the same person, each with itself too."""


def quoted(name: str) -> str:
    """A column name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A text as SQL."""
    return "'" + value.replace("'", "''") + "'"


def in_force(as_of: str, row: str = "e") -> str:
    """The SQL condition under which a stored row is what was known at `as_of` (an expression)."""
    return f"{row}.known_at < {as_of} AND ({row}.superseded_at IS NULL OR {row}.superseded_at >= {as_of})"
