"""How is a lead measured by its events? Typed measures: what one row gives, how rows become one, how they age.

A measure is over the rows of one lead as seen at `as_of`, each with its `age_days`. Each row that counts gives a
*part*, and parts merge: those of rows, of several kinds of events, or yesterday's, aged, with those of new rows.
`value` makes of the whole part the number that the matrix shows. `sql` says the whole as one SQL aggregate.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Merge = Literal["sum", "min", "max", "bit_or", "latest", "distinct"]
"""How parts become one. `latest`: the one of the least age; `distinct`: the different ones are counted."""
MERGED = {"sum": (np.add, 0), "min": (np.minimum, np.inf), "max": (np.maximum, -np.inf), "bit_or": (np.bitwise_or, 0)}
"""For each way that works part by part: its function, and what no part at all comes to."""
FLAGS = 100_000_000
"""Up to so many pairs of place and value have a flag each; of more those that are there are sorted, which is slower."""
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
    """How the parts of one lead become one."""
    part: ClassVar[str] = ""
    """What one row gives, as SQL; `it` is the measure."""
    aggregate: ClassVar[str] = "{merge}({part})"
    """The parts of rows merged, as SQL."""

    @property
    def given(self) -> str:
        """What one row gives, as SQL."""
        return self.part.format(it=self)

    def sql(self) -> str:
        """The part over the rows of one lead, as a SQL aggregate."""
        kept = f" FILTER ({self.kept})" if self.kept else ""
        return self.aggregate.format(merge=self.merge, part=self.given) + kept

    @property
    def kept(self) -> str:
        """The rows that count, as a SQL condition; empty: all."""
        window = "" if self.within is None else f"age_days < {self.within:g}"
        return " AND ".join(filter(None, (self.where, window)))

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

    part, aggregate = "*", "count({part})"

    def leaving(self, days: int) -> Count:
        """The rows of the window that are out of it so many days later."""
        return replace(self, where=f"{self.where or 'true'} AND age_days >= {(self.within or 0) - days:g}")


@dataclass(frozen=True)
class Sum(Measure):
    """`amount` added up, in whole numbers of 1/`scale`."""

    amount: str
    scale: int
    part = "({it.amount} * {it.scale})::BIGINT"

    def value(self, parts: Array) -> Array:
        return parts / self.scale


@dataclass(frozen=True)
class DecaySum(Measure):
    """Rows, each counting 2^(-age / half-life); aged, it is off by what fixed point rounds: half of 1/2^20 a row."""

    half_life_days: float
    part = f"(exp(-age_days * (ln(2) / {{it.half_life_days}})) * {FIXED_POINT})::BIGINT"

    def age(self, parts: Array, days: int) -> Array:
        return np.asarray(parts * 2 ** (-days / self.half_life_days))

    def value(self, parts: Array) -> Array:
        return parts / FIXED_POINT


@dataclass(frozen=True)
class SinceLast(Measure):
    """The age of the newest row, in units of which a day has `per_day`."""

    per_day: int = 1
    merge: ClassVar[Merge] = "min"
    part = "age_days"

    def age(self, parts: Array, days: int) -> Array:
        return parts + days

    def value(self, parts: Array) -> Array:
        return parts * self.per_day


class SinceFirst(SinceLast):
    """The age of the oldest row."""

    merge: ClassVar[Merge] = "max"


@dataclass(frozen=True)
class Largest(Measure):
    """The largest `amount`."""

    amount: str
    merge: ClassVar[Merge] = "max"
    part = "{it.amount}"


@dataclass(frozen=True)
class Last(Measure):
    """`column` of the newest row by `order`, missing where that row has none; `SinceLast` of the rows is its age.

    Of several rows at one instant, as in a source that knows days alone, the least value is taken.
    """

    column: str
    order: str = "age_days"
    merge: ClassVar[Merge] = "latest"
    part, aggregate = "{it.column}, ({it.order}, {it.column})", "arg_min_null({part})"


@dataclass(frozen=True)
class Distinct(Measure):
    """Different values of `column`, which is one of the stored table, not an expression."""

    column: str
    merge: ClassVar[Merge] = "distinct"
    part, aggregate = "{it.column}", "count(DISTINCT {part})"


class ActiveDays(Measure):
    """Days with a row `within` so many, up to 62: a part has a bit for each, counted back from `as_of`."""

    merge: ClassVar[Merge] = "bit_or"
    part = "1::BIGINT << least(floor(age_days), {it.within:g})::INTEGER"
    """Rows outside the window are shifted to its edge, and not counted: SQL shifts before it filters."""

    def age(self, parts: Array, days: int) -> Array:
        return (parts << days) & ((1 << int(self.within or 0)) - 1)

    def value(self, parts: Array) -> Array:
        return np.bitwise_count(parts)


class Parts:
    """The parts of rows merged: one for each of `size` places, of as many portions of rows as are added.

    `values`: how many different ones there are, where these are counted.
    """

    def __init__(self, how: Merge, size: int, values: int = 0) -> None:
        self._how, self._size, self._values = how, size, values
        self._pairs, self._more = np.empty(0, np.int64), list[Array]()
        self._flags = np.zeros(size * values, bool) if how == "distinct" and size * values <= FLAGS else None
        if how != "distinct":
            self._function, none = MERGED[how]
            self._merged: Array = np.full(size, none, np.int64 if how == "bit_or" else np.float64)

    def add(self, at: Array, parts: Any) -> None:
        """Merge parts in: `at` are the places they belong to. `distinct`: the numbers of values, from 1 on."""
        if self._flags is not None:
            self._flags[at * self._values + parts - 1] = True
        elif self._how == "distinct":
            self._more.append(_different(at << 32 | parts))
            if sum(map(len, self._more)) > len(self._pairs):  # so that each pair is sorted a few times only
                self._pairs, self._more = self._all_pairs(), []
        else:
            self._function.at(self._merged, at, parts)

    def whole(self) -> Array:
        """The part of each place; where none was added, what MERGED says, and 0 different ones."""
        if self._flags is not None:
            return np.asarray(self._flags.reshape(self._size, self._values).sum(axis=1))
        if self._how == "distinct":
            return np.bincount(self._all_pairs() >> 32, minlength=self._size)
        return self._merged

    def _all_pairs(self) -> Array:
        return _different(np.concatenate([self._pairs, *self._more]))


def _different(numbers: Array) -> Array:
    """Each of them once, ascending; NumPy's own way hashes them, which takes ten times as long."""
    ordered = np.sort(numbers)
    found: Array = ordered[np.diff(ordered, prepend=-1) != 0]
    return found
