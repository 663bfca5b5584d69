"""What is a feature? One definition: its name, what it is about, its SQL, and the plain words that people read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Concept = Literal["fit", "engagement", "calls", "qualification", "account", "journey"]
CONCEPTS: tuple[Concept, ...] = ("fit", "engagement", "calls", "qualification", "account", "journey")
Merge = Literal["sum", "min", "max"]


@dataclass(frozen=True)
class Feature:
    """One column of the matrix.

    `sql` is an expression over the rows of `over` as seen at `as_of`: an aggregate for an event table (its rows carry
    `age_days`), a plain expression for `lead`. Where `kinds` is given, `sql` is computed once per lead and kind and
    the named kinds are put together by `merge`: families over many kinds and windows stay cheap.
    `dtype` is number (float64, missing = NaN) or text (never missing: "unknown"). `null` says what a missing value
    means. `direction`: + evidence for acceptance, - against it, "" no expectation (used as a monotone constraint).
    """

    name: str
    concept: Concept
    over: str
    sql: str
    meaning: str
    null: str = "never: none means 0"
    direction: Literal["+", "-", ""] = ""
    dtype: Literal["number", "text"] = "number"
    kinds: tuple[str, ...] = ()
    merge: Merge = "sum"
