"""What do queries share? How a name and a text are written in SQL, and which stored rows were known at a moment."""

from __future__ import annotations


def quoted(name: str) -> str:
    """A column name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A text as SQL."""
    return "'" + value.replace("'", "''") + "'"


def in_force(as_of: str, row: str = "e") -> str:
    """The SQL condition under which a stored row is what was known at `as_of` (an expression)."""
    return f"{row}.known_at < {as_of} AND ({row}.superseded_at IS NULL OR {row}.superseded_at >= {as_of})"
