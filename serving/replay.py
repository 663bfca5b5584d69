"""Is a publication still what would be computed, and if not, why? Said then beside what would be said now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import pandas as pd
from pandas.api.types import is_float_dtype

from data.tables import SCORES
from serving.basis import Basis

DIFFERENCES = {"lead_id": "str", "column": "str", "said": "object", "now": "object", "because": "str"}
OF_SETTINGS = ("model_status", "stale", "draw", "explored", "propensity")
"""Columns that settings alone may change."""
ALIKE = 1e-12
"""Numbers of two scorings that differ by no more, or by no larger part of them, are the same."""
ROW = "(the whole row)"
"""What differs where a lead has a row then or now alone."""
SAID, GONE = "scored", "not scored"
TAKEN_WORDS = {
    "forget": "persons erased since: {n} ({scored} scored then); their places of the day and their part in the figures "
    "of their companies and of sales are gone",
    "column": "columns of a source dropped since: {n}",
    "batch": "batches taken back from the start since: {n}",
    "merge": "leads merged since from an earlier moment on: {n}",
    "lead": "leads taken away since from an earlier moment on: {n}",
}


@dataclass(frozen=True)
class Replay:
    """What came of computing a publication again.

    rows: published ones there are, or of the leads asked for; leads: as many as were published. same_then: those that
    come out equal from what was stored and set then. differences: a row per lead and column in which today's
    computation says otherwise: lead_id, column, said, now, because. causes: what holds for all of them. noted: whether
    the publication has its basis.
    """

    as_of: datetime
    rows: int
    leads: int
    same_then: frozenset[str]
    differences: pd.DataFrame
    causes: tuple[str, ...] = ()
    noted: bool = True

    @property
    def equal(self) -> int:
        """Published rows that would be the same today."""
        here = self.differences[self.differences["said"] != GONE]
        return self.rows - here["lead_id"].nunique()


def compare(said: pd.DataFrame, now: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """Where two scorings of one moment differ in these columns: DIFFERENCES without a cause.

    Numbers that are ALIKE are the same: another processor, or a worker of Spark, adds them up in another order.
    """
    one, other = (scores.set_index("lead_id").sort_index() for scores in (said, now))
    both = one.index.intersection(other.index)
    parts = [
        pd.DataFrame({"lead_id": only, "column": ROW, "said": first, "now": second})
        for only, first, second in (
            (one.index.difference(other.index), SAID, GONE),
            (other.index.difference(one.index), GONE, SAID),
        )
    ]
    for name in columns:
        if name in one and name in other:
            a, b = one.loc[both, name].astype("object"), other.loc[both, name].astype("object")
            same = (a == b).fillna(False).astype(bool) | (a.isna() & b.isna())
            if is_float_dtype(one[name]) and is_float_dtype(other[name]):
                same |= (one.loc[both, name] - other.loc[both, name]).abs() <= ALIKE * (1 + one.loc[both, name].abs())
            unequal = ~same
            values = {"said": a[unequal].to_numpy(), "now": b[unequal].to_numpy()}
            parts.append(pd.DataFrame({"lead_id": both[unequal], "column": name, **values}))
    return pd.concat(parts, ignore_index=True).assign(because="").astype(DIFFERENCES)


def explain_differences(
    differences: pd.DataFrame, as_then: set[str] | None, later: pd.DataFrame, settings: str, causes: tuple[str, ...]
) -> pd.DataFrame:
    """The differences with their causes.

    as_then: leads whose row comes out equal from what was stored then; None: that could not be computed. later: rows
    loaded since (`data.past.loaded_later`). settings: what changed in them, '' where nothing did. causes: all others.
    """
    own = {str(lead): _later_words(rows) for lead, rows in later.groupby("lead_id")}
    when = f"rows of other leads loaded since ({later['loaded_at'].max():%Y-%m-%d})" if len(later) else ""

    def because(lead: str, columns: set[str]) -> str:
        if as_then is None or lead not in as_then:
            found = [text for text in (own.get(lead), *causes) if text]
            return "; ".join(found) or "unknown: a later load or person changed what was stored in place"
        if settings and columns <= set(OF_SETTINGS):
            return settings
        return own.get(lead) or when or settings or "; ".join(causes)

    columns = differences.groupby("lead_id")["column"].agg(set)
    words = {lead: because(str(lead), found) for lead, found in columns.items()}
    return differences.assign(because=differences["lead_id"].map(words)).astype(DIFFERENCES)


def taken_since(basis: Basis, now: Mapping[str, int], rows: int) -> list[str]:
    """What was taken back since the publication and shows in it, in words; `rows`: of it that are there."""
    since = {what: now.get(what, 0) - basis.taken_back.get(what, 0) for what in TAKEN_WORDS}
    scored = max(basis.leads - rows, 0)
    return [TAKEN_WORDS[what].format(n=n, scored=scored) for what, n in since.items() if n > 0]


def settings_since(basis: Basis, now: Mapping[str, object]) -> str:
    """Which settings were others then, in words; '' where none was."""
    changed = [name for name, value in now.items() if basis.settings.get(name, value) != value]
    return f"settings changed since: {', '.join(changed)}" if changed else ""


def compared_columns(said: pd.DataFrame, basis: Basis | None) -> list[str]:
    """The columns to compare: those that the publication had, by its basis or, without one, by what they hold.

    `changed` is not among them: it compares with another publication.
    """
    names = [n for n in SCORES.names if n not in ("lead_id", "as_of", "changed")]
    if basis:
        return [n for n in names if n in basis.columns]
    return [n for n in names if n in said and said[n].notna().any()]


def _later_words(rows: pd.DataFrame) -> str:
    counts = rows.groupby("of_table")["n"].sum()
    told = ", ".join(f"{n} of {table}" for table, n in counts.items())
    return f"rows loaded since ({rows['loaded_at'].max():%Y-%m-%d}) that were known before: {told}"
