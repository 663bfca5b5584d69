"""What is a feature? One definition: its name, what it is about, its SQL, and the plain words that people read."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any, Literal, get_args

from data.errors import DataError
from data.sql import quoted
from data.tables import EVENTS
from features.measures import Measure

Concept = Literal["fit", "engagement", "calls", "qualification", "account", "journey"]
CONCEPTS: tuple[Concept, ...] = get_args(Concept)
ROOMS = (*EVENTS, "lead", "rules", "made", "peers")
"""What a feature may be over."""
Direction = Literal["+", "-", ""]
Part = Literal["", "state", "level", "points", "age_days"]
"""What a feature says of a criterion."""
TEXT_LIMIT = 100
"""Longer texts are cut: categories, not documents."""
ANY = ("*",)
"""As `kinds`: every kind there is."""


@dataclass(frozen=True)
class Feature:
    """One column of the matrix.

    `value` is a measure (features/measures.py) or a SQL expression over the rows of `over` as seen at `as_of`:

    - an event table (one of `EVENTS` in data/tables.py): a measure, or an aggregate; its rows carry `age_days`, the
      days from the event to `as_of`, and `kind`. A measure with `kinds` is taken once per lead and `kind`, and
      the parts of the named kinds are merged: families over many kinds and windows stay cheap.
    - `lead`: a plain expression over the lead's row `l`, its account's row `a`, what its title says `t`, `r.as_of`,
      the last agent's record `g` and all of sales' record `h`.
    - `rules`: a plain expression over the columns of `features.rules.points.rules_sql`.
    - `made`: a plain expression over the finished columns of the same lead.
    - `peers`: a whole-numbered expression over the finished columns of each other lead of the account; summed.

    `null` says what a missing value means (number: NaN, text: "unknown"); empty: it is never missing, none means 0.
    `none` is what people are told of a 0, in a phrase of its own; empty: that there is none.
    `direction`: + evidence for acceptance, - against it, "" no expectation (used as a monotone constraint).
    `dtype` is number (float64) or text. `clock`: it moves with the calendar for all leads alike, so that a model may
    learn weeks from it instead of leads. `unit`: how people read the number, where they do not as it is. `part` of
    which `criterion` of the agreement it says; points without a criterion are sums over all. `axis`: the one that
    points count on. `fresh_days`: how long an answer counts. `called`: what reasons call it, where that is not its
    `meaning`.

    Raises DataError where `over` is nothing that features can be over, or the last of kinds is not said in full.
    """

    name: str
    concept: Concept
    over: str
    value: Measure | str
    meaning: str
    null: str = ""
    direction: Direction = ""
    dtype: Literal["number", "text"] = "number"
    kinds: tuple[str, ...] = ()
    clock: bool = False
    unit: Literal["", "share", "yes or no", "hours", "days", "weekday"] = ""
    criterion: str = ""
    part: Part = ""
    axis: Literal["", "digital", "research", "both"] = ""
    called: str = ""
    none: str = ""
    fresh_days: float = inf

    def __post_init__(self) -> None:
        if self.over not in ROOMS:
            raise DataError(
                f"defining the feature {self.name}",
                expected=f"over to be one of {', '.join(ROOMS)}",
                got=self.over,
                do="correct it, or say in data/tables.py of what `kind` that table's events are",
            )
        measure = self.measure
        unsaid = measure.merge == "latest" and self.kinds and not measure.across
        if unsaid or (measure.across == "latest" and self.kinds in ((), ANY)):
            raise DataError(
                f"defining the feature {self.name}",
                expected="named kinds and `across`, to take the last of several kinds",
                got=f"kinds {', '.join(self.kinds) or 'none'}, across {measure.across or 'nothing'}",
                do="say both, or leave the kinds out",
            )

    @property
    def measure(self) -> Measure:
        """How it is taken of events; of plain SQL the measure that leaves values as they are."""
        return self.value if isinstance(self.value, Measure) else Measure()

    @property
    def sql(self) -> str:
        """The value as SQL; of a measure that of its part."""
        return self.value if isinstance(self.value, str) else self.value.sql()

    def facts(self) -> dict[str, Any]:
        """All that the definition says, by name, the value as SQL."""
        measure = repr(self.value) if isinstance(self.value, Measure) else ""
        never = "never missing" if self.over in ("lead", "rules", "made") else "never missing: none means 0"
        facts = {**vars(self), "null": self.null or never, "measure": measure, "sql": self.sql}
        del facts["value"]
        return facts


def answer_column(criterion: str, part: Part) -> str:
    """The feature that holds this part of a criterion."""
    return f"{criterion}_{part}"


def select_features(features: list[Feature]) -> str:
    """The values of features of one room as the columns of a SELECT."""

    def expression(f: Feature) -> str:
        sql = f.sql
        if f.over == "peers":
            sql = f"sum(({sql})::BIGINT) OVER (PARTITION BY house, as_of, sales_until) - ({sql})::BIGINT"
        return f"left(({sql})::VARCHAR, {TEXT_LIMIT})" if f.dtype == "text" else f"({sql})::DOUBLE"

    return ", ".join(f"{expression(f)} AS {quoted(f.name)}" for f in features)
