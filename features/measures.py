"""How is a lead measured by its events? Typed aggregates: each knows its SQL, how its parts merge and how they age.

A measure is over the rows of one lead as seen at `as_of`, each with its `age_days`. Its SQL gives a *part*: the parts
of one lead over rows parted in any way merge into the part over all of them, and yesterday's part ages into today's.
`value` makes of a whole part the number that the matrix shows. So the batch, which merges kinds of events, and a daily
update, which merges yesterday with the new rows, share one definition.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Merge = Literal["sum", "min", "max", "bit_or", "latest", "recompute"]
"""How parts become one. `latest`: the one of the least age; `recompute`: not at all, the rows are needed."""
MERGED = {"sum": (np.add, 0), "min": (np.minimum, np.inf), "max": (np.maximum, -np.inf), "bit_or": (np.bitwise_or, 0)}
FIXED_POINT = 1 << 20
"""Decay sums are added as whole numbers of 1/2^20, so that the order of rows cannot change a bit of the result."""


@dataclass(frozen=True)
class Measure:
    """What all measures share: `where` narrows the rows, `within` to those of the last days.

    `across` is how the parts of several kinds of events become one, where that is another way than `merge`.
    """

    _: KW_ONLY
    within: float | None = None
    where: str = ""
    across: Merge | None = None

    merge: ClassVar[Merge] = "sum"
    """How two parts of one lead become one."""
    part: ClassVar[str] = ""
    """A part as SQL, an aggregate and its `filter`; `it` is the measure."""

    def sql(self) -> str:
        """The part over the rows of one lead, as a SQL aggregate."""
        return self.part.format(it=self, filter=f" FILTER ({self.kept})" if self.kept else "")

    @property
    def kept(self) -> str:
        """The rows that count, as a SQL condition; empty: all."""
        window = "" if self.within is None else f"age_days < {self.within:g}"
        return " AND ".join(filter(None, (self.where, window)))

    @property
    def rows(self) -> str:
        """The rows to leave in before they are grouped, where its SQL does not filter."""
        return self.kept if "{filter}" not in self.part and self.kept else "true"

    @property
    def ages(self) -> bool:
        """Whether a part can be aged without its rows; a window loses some, and does not say which."""
        return self.within is None or self.merge == "bit_or"

    def age(self, parts: Array, days: int) -> Array:  # noqa: ARG002
        """The parts as they are so many days later, where no row was added."""
        return parts

    def value(self, parts: Array) -> Array:
        """What the matrix shows of whole parts."""
        return parts


class Count(Measure):
    """Rows. Those of a window age by taking the count of `leaving` away."""

    part = "count(*){filter}"

    def leaving(self, days: int) -> Count:
        """The rows of the window that are out of it so many days later."""
        return replace(self, where=f"{self.where or 'true'} AND age_days >= {(self.within or 0) - days:g}")


@dataclass(frozen=True)
class Sum(Measure):
    """`amount` added up, in whole numbers of 1/`scale`."""

    amount: str
    scale: int
    part = "sum(({it.amount} * {it.scale})::BIGINT){filter}"

    def value(self, parts: Array) -> Array:
        return parts / self.scale


@dataclass(frozen=True)
class DecaySum(Measure):
    """Rows, each counting 2^(-age / half-life); aged, it is off by what fixed point rounds: half of 1/2^20 a row."""

    half_life_days: float
    part = f"sum((exp(-age_days * (ln(2) / {{it.half_life_days}})) * {FIXED_POINT})::BIGINT){{filter}}"

    def age(self, parts: Array, days: int) -> Array:
        return np.asarray(parts * 2 ** (-days / self.half_life_days))

    def value(self, parts: Array) -> Array:
        return parts / FIXED_POINT


@dataclass(frozen=True)
class SinceLast(Measure):
    """The age of the newest row, in units of which a day has `per_day`."""

    per_day: int = 1
    merge: ClassVar[Merge] = "min"
    part = "{it.merge}(age_days){filter} * {it.per_day}"

    def age(self, parts: Array, days: int) -> Array:
        return parts + days * self.per_day


class SinceFirst(SinceLast):
    """The age of the oldest row."""

    merge: ClassVar[Merge] = "max"


@dataclass(frozen=True)
class Largest(Measure):
    """The largest `amount`."""

    amount: str
    merge: ClassVar[Merge] = "max"
    part = "max({it.amount}){filter}"


@dataclass(frozen=True)
class Last(Measure):
    """`column` of the newest row by `order`, missing where that row has none; `SinceLast` of the rows is its age.

    Of several rows at one instant, as in a source that knows days alone, the least value is taken.
    """

    column: str
    order: str = "age_days"
    merge: ClassVar[Merge] = "latest"
    part = "arg_min_null({it.column}, ({it.order}, {it.column})){filter}"


@dataclass(frozen=True)
class Distinct(Measure):
    """Different values of `column`. Counting them is dear, and dearer with a filter: others are left out before."""

    column: str
    merge: ClassVar[Merge] = "recompute"
    part = "count(DISTINCT {it.column})"


class ActiveDays(Measure):
    """Days with a row `within` so many, up to 62: a part has a bit for each, counted back from `as_of`."""

    merge: ClassVar[Merge] = "bit_or"
    part = "bit_or(1::BIGINT << least(floor(age_days), {it.within:g})::INTEGER){filter}"
    """DuckDB shifts before it filters: what lies outside is shifted to the edge."""

    def age(self, parts: Array, days: int) -> Array:
        return (parts << days) & ((1 << int(self.within or 0)) - 1)

    def value(self, parts: Array) -> Array:
        return np.bitwise_count(parts)


def merge_parts(how: Merge, rid: Array, parts: Array, size: int) -> tuple[Array, Array]:
    """One part for each lead of several: the leads (places below `size`, ascending) and their parts.

    `rid` are the leads of the parts, in any order; missing parts are left out.
    """
    known = ~np.ma.getmaskarray(parts)
    rid, parts = rid[known], np.ma.getdata(parts)[known]
    add, start = MERGED[how]
    merged = np.full(size, start, np.int64 if how == "bit_or" else np.float64)
    add.at(merged, rid, parts.astype(merged.dtype))
    present = np.flatnonzero(np.bincount(rid, minlength=size))
    return present, merged[present]


def merge_latest(rid: Array, ranks: Array, ages: Array, size: int) -> tuple[Array, Array]:
    """As `merge_parts`, by age: each lead's part is the one of the least age, and of equally old ones the least.

    `ranks` are whole numbers that stand for the parts, in their order.
    """
    present, least = merge_parts("min", rid, ages, size)
    newest = ages == least[np.searchsorted(present, rid)]
    return merge_parts("min", rid[newest], ranks[newest], size)
