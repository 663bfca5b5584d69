"""What is said of a result, whoever reads it? A report of sections for terminal, JSON, page and Markdown alike."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the command line answers without pandas where it can
    import pandas as pd

Rows = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Section:
    """One thing said: sentences, points, and either a table of words or a figure.

    rows: a table, rounded as people read it. frame: the figure's table; kind says how it is drawn: one of
    `drawings.KINDS` and the columns it takes, as in `dots - arm rate rate_low rate_high`. Figures are for pages alone.
    empty: what a frame without rows means. query: what made the frame, kept as `<name>.sql` beside `<name>.csv`.
    """

    title: str = ""
    notes: Sequence[str] = ()
    points: Sequence[str] = ()
    rows: Rows = ()
    frame: pd.DataFrame | None = None
    kind: str = ""
    chapter: str = ""
    name: str = ""
    empty: str = ""
    query: str = ""


@dataclass(frozen=True)
class Report:
    """All that is said of a result, and `facts`: the same for machines."""

    sections: Sequence[Section]
    facts: Any = None
    title: str = ""
    about: str = ""


def listed(rows: Rows, *lines: str, facts: Any = None) -> Report:
    """One table with lines below it; for machines the rows themselves, where `facts` do not say more."""
    return Report([Section(rows=rows, points=lines)], rows if facts is None else facts)


def for_machines(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame by column name, times in ISO form, what is missing as None."""
    rows: list[dict[str, Any]] = json.loads(frame.to_json(orient="records", date_format="iso"))
    return rows


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame by column name."""
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def rounded(row: Mapping[str, Any], columns: Iterable[str] | None = None) -> dict[str, Any]:
    """The row, or these columns of it, with numbers to four digits and None where one is missing."""
    return {str(name): _rounded(row[name]) for name in (columns or row)}


def counted(outcomes: Mapping[str, int]) -> str:
    """How many leads came to what, in words."""
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in outcomes.items())


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return None if value != value else round(value, 4)
    return value
