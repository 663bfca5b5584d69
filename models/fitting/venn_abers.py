"""Which two probabilities of a lead do ranks alone give? Inductive Venn-Abers prediction, as a small table."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator

from data.errors import ModelError
from models.metrics.evaluation import Vector


class VennAbers(BaseEstimator):  # type: ignore[misc]
    """Inductive Venn-Abers prediction (Vovk & Petej 2014): isotonic regression with the lead added as 0 and as 1.

    Of the two fitted values p0 < p1 one is perfectly calibrated, whatever the scores are, if old and new leads come in
    no particular order. They are no confidence interval (`deployed.Bounds`). Both are step functions of the log-odds,
    kept as a table. Fitted: knots_ (k log-odds, rising), low_ and high_ (k + 1 values: p0 from each knot on, p1 up to
    each knot).
    """

    def fit(self, z: Vector, y: Vector) -> VennAbers:
        """Make the table from n log-odds and n outcomes of 0/1."""
        z, y = checked_rows(z, y)
        knots, place, rows = np.unique(z, return_inverse=True, return_counts=True)
        accepted = np.bincount(place, y, minlength=len(knots))
        high = np.append(_added_as_accepted(rows, accepted), 1.0)
        low = np.append(0.0, 1 - _added_as_accepted(rows[::-1], (rows - accepted)[::-1])[::-1])
        steps = (np.diff(high) != 0) | (np.diff(low) != 0)
        self.knots_, self.low_, self.high_ = knots[steps], low[np.append(True, steps)], high[np.append(steps, True)]
        return self

    def interval(self, z: Vector) -> tuple[Vector, Vector]:
        """The probabilities p0 and p1 of n log-odds."""
        low = self.low_[np.searchsorted(self.knots_, z, side="right")]
        return low, self.high_[np.searchsorted(self.knots_, z, side="left")]


def checked_rows(z: Vector, y: Vector, weight: Vector | None = None) -> tuple[Vector, Vector]:
    """Log-odds and outcomes as floats. Raises ModelError where they, and weights if any, do not fit together."""
    z, y = np.asarray(z, dtype=float), np.asarray(y, dtype=float)
    weight = np.ones(len(y)) if weight is None else weight
    finite = len(z) == len(y) == len(weight) and np.isfinite(z).all() and np.isfinite(weight).all()
    if not finite or not np.isin(y, (0, 1)).all() or (weight < 0).any() or (len(y) and not weight.any()):
        raise ModelError(
            "calibrating probabilities",
            expected="finite log-odds, outcomes of 0 or 1 and weights, as many of each",
            got=f"{len(z)} log-odds, {len(y)} outcomes and {len(weight)} weights, or values of another kind",
            do="pass the out-of-fold predictions of the rows that have a label",
        )
    return z, y


def _added_as_accepted(rows: Vector, accepted: Vector) -> Vector:
    """Isotonic fit at each of k values after one accepted row is added there: k numbers in one pass.

    The fit is the slope of the greatest convex minorant of the cumulative sums. The added row shifts the sums before it
    by (-1, -1), and its slope is that of the line from the lowest such left point to the right. As the row moves on,
    both ends of that line only move right (Vovk, Petej & Fedorova 2015 give another form of this).
    """
    x, s = (np.append(0.0, np.cumsum(v)).tolist() for v in (rows, accepted))
    following = _corners(x, s)
    found, left, right = [], 0, 0
    for i in range(1, len(x)):
        at = i - 1  # sums before the row that is added among those of value i
        rise, run = s[right] - s[left] + 1, x[right] - x[left] + 1
        if at == 0 or (s[at] - s[left]) * run <= rise * (x[at] - x[left]):
            left, right = at, max(right, i)
            while following[right] > right and _slope(x, s, left, following[right]) <= _slope(x, s, left, right):
                right = following[right]
        found.append(_slope(x, s, left, right))
    return np.array(found)


def _slope(x: list[float], s: list[float], left: int, right: int) -> float:
    return (s[right] - s[left] + 1) / (x[right] - x[left] + 1)


def _corners(x: list[float], s: list[float]) -> list[int]:
    """For each point the next corner of the lower hull of it and all points to its right; the last names itself."""
    last = len(x) - 1
    following = [last] * (last + 1)
    for i in range(last - 1, -1, -1):
        j = i + 1
        while (k := following[j]) > j and (s[j] - s[i]) * (x[k] - x[i]) >= (s[k] - s[i]) * (x[j] - x[i]):
            j = k
        following[i] = j
    return following
