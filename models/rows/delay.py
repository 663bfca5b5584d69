"""What do young hand-offs tell? Labels as they stood at a moment, weighted for those that sales had not answered yet.

Of hand-offs younger than the horizon only some are answered, and those are not like the rest. A decided one stands for
1 / G(age) hand-offs, G being the share of such decisions that take no longer (inverse probability of censoring: Robins
& Rotnitzky 1992), told from hand-offs whose horizon has closed, acceptances and refusals apart. Where silence counts as
not accepted, one that waits counts as such with the chance that its silence lasts. Of an age at which next to nothing
is decided yet, no hand-off says anything: those that wait would all count as not accepted, and nothing stands for the
acceptances to come.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd

from models.metrics.evaluation import Vector

LEAST_SHARE = 0.05  # of G: younger rows say nothing, so no row stands for more than 20
ENOUGH = 30  # closed decisions of an outcome from which its own delays are told


def known_by(
    y: Vector, as_of: pd.Series, answered_at: pd.Series, horizon: timedelta, cut: pd.Timestamp
) -> tuple[Vector, Vector]:
    """Outcomes (0/1) and weights of n rows as they stood at `cut`; the weights sum to n.

    y: outcomes (0/1) by the end of each horizon; as_of: the n snapshot times; answered_at: when the answer was known,
    NaT without one. A row without an answer by then counts as 0: by its whole weight once its horizon has closed,
    before that by the chance that it stays so. Rows too young for one of the two answers have no weight.
    """
    age, delay = (
        np.asarray(span.dt.total_seconds() / 86_400, dtype=float) for span in (cut - as_of, answered_at - as_of)
    )
    answered, closed = delay < age, age >= horizon.total_seconds() / 86_400
    known, both = np.where(answered, y, 0), delay[closed & answered]
    own = [delay[closed & answered & (y == outcome)] for outcome in (0, 1)]
    soon = [_answered_within(each if len(each) >= ENOUGH else both, age) for each in own]
    shares = [len(each) / max(int(closed.sum()), 1) for each in own]
    silent = max(1 - sum(shares), 0.0)
    open_still = silent + sum(share * (1 - within) for share, within in zip(shares, soon, strict=True))
    waits = np.divide(silent, open_still, out=np.zeros(len(age)), where=open_still > 0)
    told = np.minimum(*soon) >= LEAST_SHARE
    stands_for = 1 / np.maximum(np.where(known == 1, soon[1], soon[0]), LEAST_SHARE)
    weight = np.where(closed, 1.0, told * np.where(answered, stands_for, waits))
    return known, weight * (len(weight) / weight.sum() if weight.sum() > 0 else 1.0)


def _answered_within(delay: Vector, age: Vector) -> Vector:
    """G: the share of decisions that are known at each age in days; 1 where too few tell."""
    if len(delay) < ENOUGH:
        return np.ones(len(age))
    return np.asarray(np.searchsorted(np.sort(delay), age, side="right") / len(delay))
