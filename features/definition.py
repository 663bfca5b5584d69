"""What is a feature? One definition: its name, what it is about, its SQL, and the plain words that people read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Concept = Literal["fit", "engagement", "calls", "qualification", "account", "journey"]
CONCEPTS: tuple[Concept, ...] = ("fit", "engagement", "calls", "qualification", "account", "journey")
Room = Literal["lead", "touches", "calls", "answers", "handoffs", "decisions", "peers", "made"]

ANY = ("*",)
"""As `kinds`: every kind there is."""
FIXED_POINT = 1 << 20
"""Decay sums are added as whole numbers of 1/2^20, so that the order of rows cannot change a bit of the result."""


@dataclass(frozen=True)
class Feature:
    """One column of the matrix.

    `sql` is an expression over the rows of `over` as seen at `as_of`:

    - an event table (touches, calls, answers, handoffs, decisions): an aggregate; its rows carry `age_days`, the days
      from the event to `as_of`. With `kinds` it is computed once per lead and kind, and `merge` (a template, `{}` is
      that value, `kind` its kind) puts the named kinds together: families over many kinds and windows stay cheap.
    - `lead`: a plain expression over the lead's row `l`, its account's row `a`, what its title says `t`, `r.as_of`,
      the last agent's record `g` and all of sales' record `h` (a week before: `h7`).
    - `peers`: a whole-numbered expression over the finished columns of each other lead of the account; summed.
    - `made`: a plain expression over the finished columns of the same lead.

    `dtype` is number (float64, missing = NaN) or text (never missing: "unknown"). `null` says what a missing value
    means. `direction`: + evidence for acceptance, - against it, "" no expectation (used as a monotone constraint).
    """

    name: str
    concept: Concept
    over: Room
    sql: str
    meaning: str
    null: str = "never: none means 0"
    direction: Literal["+", "-", ""] = ""
    dtype: Literal["number", "text"] = "number"
    kinds: tuple[str, ...] = ()
    merge: str = "sum({})"
    empty: str | None = "0"
    """The SQL value where the lead has no row at all; None: missing (NaN, or "unknown" for text)."""


def count_within(days: float) -> str:
    """Rows of the last `days` days."""
    return f"count(*) FILTER (age_days < {days:g})"


def decay(half_life_days: float) -> str:
    """Rows weighted 2^(-age / half-life), in fixed point; merge with DECAY_MERGE."""
    return f"sum((exp(-age_days * {0.6931471805599453 / half_life_days!r}) * {FIXED_POINT})::BIGINT)"


DECAY_MERGE = f"sum({{}}) / {FIXED_POINT}.0"
