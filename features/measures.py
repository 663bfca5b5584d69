"""How is a lead measured by its events? Typed aggregates: each knows its SQL, how its parts merge and how they age.

A measure is over the rows of one lead as seen at `as_of`, each with its `age_days`. Its SQL gives a *part*: the parts
of one lead over rows parted in any way merge into the part over all of them, and yesterday's part ages into today's.
`value` makes of a whole part the number that the matrix shows. So the batch, which merges kinds of events, and a daily
update, which merges yesterday with the new rows, share one definition.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from math import log
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from data.intake.files import literal

Array = NDArray[Any]
Merge = Literal["sum", "min", "max", "bit_or", "latest", "recompute"]
"""How parts become one. `latest`: the one of the least age; `recompute`: not at all, the rows are needed."""
FIXED_POINT = 1 << 20
"""Decay sums are added as whole numbers of 1/2^20, so that the order of rows cannot change a bit of the result."""


@dataclass(frozen=True)
class Measure:
    """What all measures share; `where` narrows the rows."""

    _: KW_ONLY
    where: str = ""

    merge: ClassVar[Merge] = "sum"
    """How two parts of one lead become one."""
    across: ClassVar[Merge | None] = None
    """How the parts of several kinds of events become one, where that is another way than `merge`."""

    @property
    def rows(self) -> str:
        """A condition to leave rows out by before they are grouped, where that is cheaper than a filter."""
        return "true"

    @property
    def ages(self) -> bool:
        """Whether a part can be aged without its rows."""
        return True

    def sql(self) -> str:
        """The part over the rows of one lead, as a SQL aggregate."""
        raise NotImplementedError

    def age(self, parts: Array, days: int) -> Array:  # noqa: ARG002
        """The parts as they are so many days later, where no row was added."""
        return parts

    def value(self, parts: Array) -> Array:
        """What the matrix shows of whole parts."""
        return parts

    def _over(self, aggregate: str, condition: str = "") -> str:
        kept = _both(self.where, condition)
        return f"{aggregate} FILTER ({kept})" if kept else aggregate


@dataclass(frozen=True)
class Count(Measure):
    """Rows, of the last `within` days where that is given."""

    within: float | None = None

    @property
    def ages(self) -> bool:
        """Those of a window do not: take the count of `leaving` away."""
        return self.within is None

    def sql(self) -> str:
        """Rows in the window."""
        return self._over("count(*)", _younger(self.within))

    def leaving(self, days: int) -> Count:
        """The rows of the window that are out of it so many days later."""
        return replace(self, where=_both(self.where, f"age_days >= {(self.within or 0) - days:g}"))


@dataclass(frozen=True)
class Seen(Measure):
    """1 where there was a row in the last `within` days; over several kinds, how many of them there were."""

    within: float
    merge: ClassVar[Merge] = "max"
    across: ClassVar[Merge | None] = "sum"

    @property
    def ages(self) -> bool:
        """It does not tell when the last row leaves."""
        return False

    def sql(self) -> str:
        """0 or 1."""
        return f"({self._over('count(*)', _younger(self.within))} > 0)::INTEGER"


@dataclass(frozen=True)
class Sum(Measure):
    """`amount` added up in whole numbers of 1/`scale`, over the last `within` days where that is given."""

    amount: str
    within: float | None = None
    scale: int = 1

    @property
    def ages(self) -> bool:
        """Those of a window do not."""
        return self.within is None

    def sql(self) -> str:
        """A whole number."""
        return self._over(f"sum(({self.amount} * {self.scale})::BIGINT)", _younger(self.within))

    def value(self, parts: Array) -> Array:
        """In the amount's own unit."""
        return parts / self.scale


@dataclass(frozen=True)
class DecaySum(Measure):
    """Rows, each counting 2^(-age / half-life)."""

    half_life_days: float

    def sql(self) -> str:
        """In fixed point."""
        return self._over(f"sum((exp(-age_days * {log(2) / self.half_life_days!r}) * {FIXED_POINT})::BIGINT)")

    def age(self, parts: Array, days: int) -> Array:
        """Equal to a sum made anew but for what fixed point rounds: half of 1/2^20 for each row."""
        left: float = 2 ** (-days / self.half_life_days)
        return parts * left

    def value(self, parts: Array) -> Array:
        """As plain numbers."""
        return parts / FIXED_POINT


@dataclass(frozen=True)
class SinceLast(Measure):
    """The age of the newest row, in units of which a day has `per_day`."""

    per_day: float = 1
    merge: ClassVar[Merge] = "min"

    def sql(self) -> str:
        """In days."""
        return self._over(f"{self.merge}(age_days)")

    def age(self, parts: Array, days: int) -> Array:
        """Older by as much."""
        return parts + days

    def value(self, parts: Array) -> Array:
        """In the unit asked for."""
        return parts * self.per_day


@dataclass(frozen=True)
class SinceFirst(SinceLast):
    """The age of the oldest row."""

    merge: ClassVar[Merge] = "max"


@dataclass(frozen=True)
class KindOfLast(SinceLast):
    """Over several kinds, the kind of the newest row; of kinds as new as each other the first by name."""

    across: ClassVar[Merge | None] = "latest"

    def value(self, parts: Array) -> Array:
        """The kind's name."""
        return parts


@dataclass(frozen=True)
class Largest(Measure):
    """The largest `amount`."""

    amount: str
    merge: ClassVar[Merge] = "max"

    def sql(self) -> str:
        """As the rows have it."""
        return self._over(f"max({self.amount})")


@dataclass(frozen=True)
class Last(Measure):
    """`column` of the newest row, missing where that row has none; `order` says which is the newest."""

    column: str
    order: str = "age_days"
    merge: ClassVar[Merge] = "latest"

    def sql(self) -> str:
        """As the row has it; `SinceLast` over the same rows is its age."""
        return self._over(f"arg_min_null({self.column}, {self.order})")


@dataclass(frozen=True)
class LastIn(Measure):
    """1 where `column` of the newest row is one of `values`; over several kinds, of how many it is."""

    column: str
    values: tuple[str, ...]
    merge: ClassVar[Merge] = "latest"
    across: ClassVar[Merge | None] = "sum"

    def sql(self) -> str:
        """0 or 1."""
        values = ", ".join(map(literal, self.values))
        return f"({self._over(f'arg_min({self.column}, age_days)')} IN ({values}))::INTEGER"


@dataclass(frozen=True)
class Distinct(Measure):
    """Different values of `column`, of the last `within` days where that is given."""

    column: str
    within: float | None = None
    merge: ClassVar[Merge] = "recompute"

    @property
    def rows(self) -> str:
        """Counting what differs is dear, and dearer with a filter."""
        return _both(_younger(self.within), self.where) or "true"

    @property
    def ages(self) -> bool:
        """Those of a window do not."""
        return self.within is None

    def sql(self) -> str:
        """Over `rows`."""
        return f"count(DISTINCT {self.column})"


@dataclass(frozen=True)
class ActiveDays(Measure):
    """Days with a row, of the last `within`, counted back from `as_of`; at most 62."""

    within: int
    merge: ClassVar[Merge] = "bit_or"

    def sql(self) -> str:
        """A bit for each day, the newest first. Shifts are limited, as DuckDB works them out before it filters."""
        day = f"1::BIGINT << least(floor(age_days), {self.within})::INTEGER"
        return self._over(f"bit_or({day})", _younger(self.within))

    def age(self, parts: Array, days: int) -> Array:
        """Each day moves up; those beyond the window leave."""
        return (parts << days) & ((1 << self.within) - 1)

    def value(self, parts: Array) -> Array:
        """How many."""
        return np.bitwise_count(parts)


def merge_parts(how: Merge, rid: Array, parts: Array, size: int) -> tuple[Array, Array]:
    """One part for each lead of several: the leads (places below `size`, ascending) and their parts.

    `rid` are the leads of the parts, in any order; missing parts are left out.
    """
    known = ~np.ma.getmaskarray(parts)
    rid, parts = rid[known], np.ma.getdata(parts)[known]
    if how == "sum":
        merged: Array = np.bincount(rid, weights=parts, minlength=size)
    elif how == "bit_or":
        merged = np.zeros(size, np.int64)
        np.bitwise_or.at(merged, rid, parts)
    else:
        extreme, start = {"min": (np.minimum, np.inf), "max": (np.maximum, -np.inf)}[how]
        merged = np.full(size, start)
        extreme.at(merged, rid, parts.astype(np.float64))
    present = np.flatnonzero(np.bincount(rid, minlength=size))
    return present, merged[present]


def merge_latest(rid: Array, ranks: Array, ages: Array, size: int) -> tuple[Array, Array]:
    """As `merge_parts`, by age: each lead's part is the one of the least age, and of equally old ones the least.

    `ranks` are whole numbers that stand for the parts, in their order.
    """
    present, least = merge_parts("min", rid, ages, size)
    newest = ages == least[np.searchsorted(present, rid)]
    return merge_parts("min", rid[newest], ranks[newest], size)


def _younger(days: float | None) -> str:
    return "" if days is None else f"age_days < {days:g}"


def _both(*conditions: str) -> str:
    return " AND ".join(c for c in conditions if c)
