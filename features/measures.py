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

from data.sql import literal

Array = NDArray[Any]
Merge = Literal["sum", "min", "max", "bit_or", "latest", "recompute"]
"""How parts become one. `latest`: the one of the least age; `recompute`: not at all, the rows are needed."""
FIXED_POINT = 1 << 20
"""Decay sums are added as whole numbers of 1/2^20, so that the order of rows cannot change a bit of the result."""


@dataclass(frozen=True)
class Measure:
    """What all measures share: `where` narrows the rows, `within` to those of the last days."""

    _: KW_ONLY
    within: float | None = None
    where: str = ""

    merge: ClassVar[Merge] = "sum"
    """How two parts of one lead become one."""
    across: ClassVar[Merge | None] = None
    """How the parts of several kinds of events become one, where that is another way than `merge`."""

    @property
    def ages(self) -> bool:
        """Whether a part can be aged without its rows; a window loses some, and does not tell which."""
        return self.within is None

    @property
    def rows(self) -> str:
        """A condition to leave rows out by before they are grouped, where that is cheaper than a filter."""
        return "true"

    def sql(self) -> str:
        """The part over the rows of one lead, as a SQL aggregate."""
        raise NotImplementedError

    def age(self, parts: Array, days: int) -> Array:  # noqa: ARG002
        """The parts as they are so many days later, where no row was added."""
        return parts

    def value(self, parts: Array) -> Array:
        """What the matrix shows of whole parts."""
        return parts

    def _kept(self) -> str:
        return _both(self.where, "" if self.within is None else f"age_days < {self.within:g}")

    def _over(self, aggregate: str) -> str:
        return f"{aggregate} FILTER ({kept})" if (kept := self._kept()) else aggregate


@dataclass(frozen=True)
class Count(Measure):
    """Rows. Those of a window age by taking the count of `leaving` away."""

    def sql(self) -> str:
        return self._over("count(*)")

    def leaving(self, days: int) -> Count:
        """The rows of the window that are out of it so many days later."""
        return replace(self, where=_both(self.where, f"age_days >= {(self.within or 0) - days:g}"))


@dataclass(frozen=True)
class Seen(Measure):
    """1 where there was a row in the window; over several kinds, how many of them there were."""

    merge: ClassVar[Merge] = "max"
    across: ClassVar[Merge | None] = "sum"

    def sql(self) -> str:
        return f"({self._over('count(*)')} > 0)::INTEGER"


@dataclass(frozen=True)
class Sum(Measure):
    """`amount` added up, in whole numbers of 1/`scale`."""

    amount: str
    scale: int

    def sql(self) -> str:
        return self._over(f"sum(({self.amount} * {self.scale})::BIGINT)")

    def value(self, parts: Array) -> Array:
        return parts / self.scale


@dataclass(frozen=True)
class DecaySum(Measure):
    """Rows, each counting 2^(-age / half-life); aged, it is off by what fixed point rounds: half of 1/2^20 a row."""

    half_life_days: float

    def sql(self) -> str:
        return self._over(f"sum((exp(-age_days * {log(2) / self.half_life_days!r}) * {FIXED_POINT})::BIGINT)")

    def age(self, parts: Array, days: int) -> Array:
        left: float = 2 ** (-days / self.half_life_days)
        return parts * left

    def value(self, parts: Array) -> Array:
        return parts / FIXED_POINT


@dataclass(frozen=True)
class SinceLast(Measure):
    """The age of the newest row: a part in days, a value in units of which a day has `per_day`."""

    per_day: float = 1
    merge: ClassVar[Merge] = "min"

    def sql(self) -> str:
        return self._over(f"{self.merge}(age_days)")

    def age(self, parts: Array, days: int) -> Array:
        return parts + days

    def value(self, parts: Array) -> Array:
        return parts * self.per_day


@dataclass(frozen=True)
class SinceFirst(SinceLast):
    """The age of the oldest row."""

    merge: ClassVar[Merge] = "max"


@dataclass(frozen=True)
class KindOfLast(SinceLast):
    """Over several kinds, the name of the newest row's; of kinds as new as each other the first by name."""

    across: ClassVar[Merge | None] = "latest"

    def value(self, parts: Array) -> Array:
        return parts


@dataclass(frozen=True)
class Largest(Measure):
    """The largest `amount`."""

    amount: str
    merge: ClassVar[Merge] = "max"

    def sql(self) -> str:
        return self._over(f"max({self.amount})")


@dataclass(frozen=True)
class Last(Measure):
    """`column` of the newest row by `order`, missing where that row has none; `SinceLast` of the rows is its age."""

    column: str
    order: str = "age_days"
    merge: ClassVar[Merge] = "latest"

    def sql(self) -> str:
        return self._over(f"arg_min_null({self.column}, {self.order})")


@dataclass(frozen=True)
class LastIn(Measure):
    """1 where `column` of the newest row is one of `values`; over several kinds, of how many it is."""

    column: str
    values: tuple[str, ...]
    merge: ClassVar[Merge] = "latest"
    across: ClassVar[Merge | None] = "sum"

    def sql(self) -> str:
        last = self._over(f"arg_min({self.column}, age_days)")
        return f"({last} IN ({', '.join(map(literal, self.values))}))::INTEGER"


@dataclass(frozen=True)
class Distinct(Measure):
    """Different values of `column`. Counting them is dear, and dearer with a filter: others are left out before."""

    column: str
    merge: ClassVar[Merge] = "recompute"

    @property
    def rows(self) -> str:
        return self._kept() or "true"

    def sql(self) -> str:
        return f"count(DISTINCT {self.column})"


@dataclass(frozen=True)
class ActiveDays(Measure):
    """Days with a row among the last so many, up to 62: a part has a bit for each, counted back from `as_of`."""

    days: int
    merge: ClassVar[Merge] = "bit_or"

    def sql(self) -> str:
        bit = f"1::BIGINT << least(floor(age_days), {self.days})::INTEGER"  # DuckDB shifts before it filters
        return replace(self, within=self.days)._over(f"bit_or({bit})")

    def age(self, parts: Array, days: int) -> Array:
        return (parts << days) & ((1 << self.days) - 1)

    def value(self, parts: Array) -> Array:
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


def _both(*conditions: str) -> str:
    return " AND ".join(c for c in conditions if c)
