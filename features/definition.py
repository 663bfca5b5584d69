"""What is a feature? One definition: its name, what it is about, its SQL, and the plain words that people read."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Literal

Concept = Literal["fit", "engagement", "calls", "qualification", "account", "journey"]
CONCEPTS: tuple[Concept, ...] = ("fit", "engagement", "calls", "qualification", "account", "journey")
Room = Literal["lead", "touches", "calls", "answers", "handoffs", "decisions", "rules", "peers", "made"]

Direction = Literal["+", "-", ""]
Merge = Literal["sum", "min", "max", "kind_of_min", "days"]
ANY = ("*",)
"""As `kinds`: every kind there is."""
FIXED_POINT = 1 << 20
"""Decay sums are added as whole numbers of 1/2^20, so that the order of rows cannot change a bit of the result."""


@dataclass(frozen=True)
class Feature:
    """One column of the matrix.

    `sql` is an expression over the rows of `over` as seen at `as_of`:

    - an event table (touches, calls, answers, handoffs, decisions): an aggregate; its rows carry `age_days`, the days
      from the event to `as_of`. With `kinds` it is computed once per lead and `kind`, and `merge` puts the named kinds
      together: families over many kinds and windows stay cheap. `kind_of_min` names the kind with the least value;
      `days` counts the different bits.
    - `lead`: a plain expression over the lead's row `l`, its account's row `a`, what its title says `t`, `r.as_of`,
      the last agent's record `g` and all of sales' record `h` (a week before: `h7`).
    - `rules`: a plain expression over the columns of `features.rules.points.rules_sql`.
    - `made`: a plain expression over the finished columns of the same lead.
    - `peers`: a whole-numbered expression over the finished columns of each other lead of the account; summed.

    `dtype` is number (float64, missing = NaN) or text (never missing: "unknown"). `null` says what a missing value
    means. `direction`: + evidence for acceptance, - against it, "" no expectation (used as a monotone constraint).
    `empty` is the value where the lead has no row at all; None: missing. Numbers are divided by `scale`. `where`
    narrows the rows of an event table for features without kinds (cheaper than a filter on the aggregate). `clock`: it
    moves with the calendar for all leads alike, so that a model may learn weeks from it instead of leads.
    """

    name: str
    concept: Concept
    over: Room
    sql: str
    meaning: str
    null: str = "never: none means 0"
    direction: Direction = ""
    dtype: Literal["number", "text"] = "number"
    kinds: tuple[str, ...] = ()
    merge: Merge = "sum"
    empty: float | str | None = 0
    scale: float = 1
    where: str = "true"
    clock: bool = False

    @property
    def missing(self) -> float | str:
        """The value where there is none."""
        if self.empty is None:
            return "unknown" if self.dtype == "text" else float("nan")
        return self.empty


def count_within(days: float) -> str:
    """Rows of the last `days` days."""
    return f"count(*) FILTER (age_days < {days:g})"


def decay(half_life_days: float) -> str:
    """Rows weighted 2^(-age / half-life), in fixed point (scale FIXED_POINT)."""
    return f"sum((exp(-age_days * {log(2) / half_life_days!r}) * {FIXED_POINT})::BIGINT)"
