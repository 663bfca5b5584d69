"""What is a feature? One definition: its name, what it is about, its SQL, and the plain words that people read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from features.measures import Measure

Concept = Literal["fit", "engagement", "calls", "qualification", "account", "journey"]
CONCEPTS: tuple[Concept, ...] = ("fit", "engagement", "calls", "qualification", "account", "journey")
Room = Literal["lead", "touches", "calls", "answers", "handoffs", "decisions", "rules", "peers", "made"]

Direction = Literal["+", "-", ""]
Unit = Literal["", "share", "yes or no"]
Part = Literal["", "state", "level", "points", "age_days"]
"""What a feature tells of a criterion."""
Axis = Literal["", "digital", "research", "both"]
ANY = ("*",)
"""As `kinds`: every kind there is."""


@dataclass(frozen=True)
class Feature:
    """One column of the matrix.

    `value` is a measure (features/measures.py) or a SQL expression over the rows of `over` as seen at `as_of`:

    - an event table (touches, calls, answers, handoffs, decisions): a measure, or an aggregate; its rows carry
      `age_days`, the days from the event to `as_of`. A measure with `kinds` is taken once per lead and `kind`, and the
      parts of the named kinds are merged: families over many kinds and windows stay cheap.
    - `lead`: a plain expression over the lead's row `l`, its account's row `a`, what its title says `t`, `r.as_of`,
      the last agent's record `g` and all of sales' record `h` (a week before: `h7`).
    - `rules`: a plain expression over the columns of `features.rules.points.rules_sql`.
    - `made`: a plain expression over the finished columns of the same lead.
    - `peers`: a whole-numbered expression over the finished columns of each other lead of the account; summed.

    `dtype` is number (float64, missing = NaN) or text (never missing: "unknown"). `null` says what a missing value
    means. `direction`: + evidence for acceptance, - against it, "" no expectation (used as a monotone constraint).
    `empty` is the value where the lead has no row at all; None: missing. `clock`: it moves with the calendar for all
    leads alike, so that a model may learn weeks from it instead of leads. `unit`: how people read the number, where
    they do not as it is. `part` of which `criterion` of the agreement it tells; points without a criterion are sums
    over all. `axis`: the one that points count on.
    """

    name: str
    concept: Concept
    over: Room
    value: Measure | str
    meaning: str
    null: str = "never: none means 0"
    direction: Direction = ""
    dtype: Literal["number", "text"] = "number"
    kinds: tuple[str, ...] = ()
    empty: float | str | None = 0
    clock: bool = False
    unit: Unit = ""
    criterion: str = ""
    part: Part = ""
    axis: Axis = ""

    @property
    def sql(self) -> str:
        """The value as SQL; of a measure that of its part."""
        return self.value if isinstance(self.value, str) else self.value.sql()

    @property
    def missing(self) -> float | str:
        """The value where there is none."""
        if self.empty is None:
            return "unknown" if self.dtype == "text" else float("nan")
        return self.empty

    def facts(self) -> dict[str, Any]:
        """All that the definition says, by name, the value as SQL."""
        measure = "" if isinstance(self.value, str) else repr(self.value)
        facts = {**vars(self), "measure": measure, "sql": self.sql}
        del facts["value"]
        return facts


def answer_column(criterion: str, part: Part) -> str:
    """The feature that tells this part of a criterion."""
    return f"{criterion}_{part}"
