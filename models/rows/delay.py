"""What do young hand-offs tell? Labels as they stood at a moment, weighted for those that sales had not answered yet.

Of hand-offs younger than the horizon only some are answered, and those are not like the rest. A decided one stands for
1 / G(age) hand-offs, G being the share of such decisions that take no longer (inverse probability of censoring: Robins
& Rotnitzky 1992), told from hand-offs whose horizon has closed, acceptances and refusals apart. Where silence counts as
not accepted, one that waits counts as such with the chance that its silence lasts.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd

from models.metrics.evaluation import Vector

LEAST_SHARE = 0.05  # G is clipped there: no row stands for more than 20
ENOUGH = 30  # closed decisions of an outcome from which its own delays are told


def known_by(
    y: Vector, as_of: pd.Series, answered_at: pd.Series, horizon: timedelta, cut: pd.Timestamp
) -> tuple[Vector, Vector]:
    """Outcomes (0/1) and weights of n rows as they stood at `cut`; the weights sum to n.

    y: outcomes (0/1) by the end of each horizon; as_of: the n snapshot times; answered_at: when the answer was known,
    NaT without one. A row without an answer by then counts as 0: by its whole weight once its horizon has closed,
    before that by the chance that it stays so.
    """
    age, delay = _days(cut - as_of), _days(answered_at - as_of)
    answered, closed = delay < age, age >= horizon.total_seconds() / 86_400
    known = np.where(answered, y, 0)
    shares = _Shares(delay[closed & answered], y[closed & answered], int(closed.sum()))
    waits = shares.stays_silent(age)
    weight = np.where(closed, 1.0, np.where(answered, 1 / shares.answered_within(age, known), waits))
    return known, weight * (len(weight) / weight.sum() if weight.sum() > 0 else 1.0)


class _Shares:
    """How soon sales answers: distribution functions of the delay in days, by outcome, and the share never answered."""

    def __init__(self, delay: Vector, y: Vector, closed: int) -> None:
        both = np.sort(delay)
        own = [np.sort(delay[y == outcome]) for outcome in (0, 1)]
        self.delays = [each if len(each) >= ENOUGH else both for each in own]
        self.answers = [len(each) / max(closed, 1) for each in own]
        self.enough = len(both) >= ENOUGH

    def answered_within(self, age: Vector, y: Vector) -> Vector:
        """G: the share of decisions like y that are known at that age, at least .05; 1 where too few tell."""
        return np.maximum(np.where(y == 1, self._share(1, age), self._share(0, age)), LEAST_SHARE)

    def stays_silent(self, age: Vector) -> Vector:
        """The chance that a hand-off without an answer at that age gets none within the horizon."""
        silent = max(1 - sum(self.answers), 0.0)
        later = sum(share * (1 - self._share(outcome, age)) for outcome, share in enumerate(self.answers))
        total = silent + later
        return np.divide(silent, total, out=np.zeros(len(age)), where=total > 0)

    def _share(self, outcome: int, age: Vector) -> Vector:
        if not self.enough:
            return np.ones(len(age))
        return np.asarray(np.searchsorted(self.delays[outcome], age, side="right") / len(self.delays[outcome]))


def _days(spans: pd.Series) -> Vector:
    return np.asarray(spans.dt.total_seconds() / 86_400, dtype=float)
