"""Does a probability mean what it says? Calibrators on log-odds, which one to use, and how far each can be trusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq
from sklearn.base import BaseEstimator

from models.fitting.venn_abers import VennAbers, checked_rows
from models.metrics.evaluation import Vector, fit_logistic, log_losses, sigmoid

UNCALIBRATED = (
    "logistic",
    "logistic_firm",
)  # used as they are while labels are few: their penalty holds them back enough
FEW_LABELS = 1_000
MANY_LABELS = 20_000
PRIOR = 4.0  # precision of the slopes around 1 and of the intercept around 0: worth about 20 rows
LATEST, LATEST_SHARE = 150, 0.3  # labels that the intercept is moved by: at least so many, and this share of all
CONTRADICTS = 1.64  # standard deviations from which the last LATEST of them are a break: by chance up to 1 in 10
MOVES = 0.4  # how far the intercept is thought to move: standard deviation
QUIET = 5  # pairs of blocks that differ by what chance has it, with which a history begins
Calibrator = Any  # one of the classes of CALIBRATORS, fitted


class Identity(BaseEstimator):  # type: ignore[misc]
    """No calibration: log-odds stay as they are."""

    def fit(self, z: Vector, y: Vector) -> Identity:  # noqa: ARG002
        """Nothing to learn."""
        return self

    def transform(self, z: Vector) -> Vector:
        """The n log-odds themselves."""
        return np.asarray(z, dtype=float)


class _Slopes(BaseEstimator):  # type: ignore[misc]
    """Logistic regression with slopes >= 0 on `_columns` of the log-odds; fitted: slopes_ (one a column), intercept_.

    A normal prior of variance 1/4 around slopes of 1 and an intercept of 0 takes the place of Platt's smoothed targets:
    few rows, or rows of one outcome, change little.
    """

    def fit(self, z: Vector, y: Vector) -> _Slopes:
        """Learn from n log-odds and n outcomes of 0/1."""
        z, y = checked_rows(z, y)
        X = np.column_stack([*self._columns(z), np.ones(len(y))])
        slopes = X.shape[1] - 1
        centre, free = np.append(np.ones(slopes), 0.0), np.ones(slopes + 1, dtype=bool)
        found = np.full(slopes + 1, -1.0)
        while (found[:-1] < 0).any():
            found = np.zeros(slopes + 1)
            found[free] = fit_logistic(X[:, free], y, prior=PRIOR, centre=centre[free])
            free[found[:-1].argmin()] = False  # should the lowest slope be negative, it becomes 0 and stays there
        *self.slopes_, self.intercept_ = found.tolist()
        return self

    def transform(self, z: Vector) -> Vector:
        """Calibrated log-odds of n log-odds."""
        columns = self._columns(np.asarray(z))
        return np.asarray(sum(map(np.multiply, self.slopes_, columns)) + self.intercept_)

    def _columns(self, z: Vector) -> tuple[Vector, ...]:
        return (z,)


class Platt(_Slopes):
    """Slope and intercept on the log-odds (Platt 1999)."""


class Beta(_Slopes):
    """Beta calibration (Kull, Silva Filho & Flach 2017): a ln p - b ln(1 - p) + c; bends the two ends apart."""

    def _columns(self, z: Vector) -> tuple[Vector, ...]:
        return -np.logaddexp(0, -z), np.logaddexp(0, z)


CALIBRATORS: dict[str, Callable[[], Calibrator]]
CALIBRATORS = {"none": Identity, "platt": Platt, "beta": Beta, "venn_abers": VennAbers}


def choose_calibrator(z: Vector, y: Vector, fold: Vector, n_labels: int, candidate: str) -> tuple[str, str]:
    """Name in CALIBRATORS and reason of the calibrator for a candidate trained on `n_labels` labels.

    z: n log-odds of rows that the candidate had not seen, each made by a fit on earlier time; y: their outcomes (0/1);
    fold: the number of the fold of each, rising with time. Calibrators are compared on later folds, fitted on earlier
    ones. Below 20,000 labels one must be ahead of none by more than a standard error (Breiman et al. 1984): within
    noise a calibrator made the slope worse in the simulator's default world (1.11 became 1.21).
    """
    few, single = n_labels < FEW_LABELS, len(np.unique(fold)) < 2
    if few or single:
        why = f"with fewer than {FEW_LABELS:,} labels" if few else "calibrators cannot be compared on a single fold:"
        if candidate in UNCALIBRATED:
            return "none", f"{why} {candidate} is used as it is"
        return "platt", f"{why} {candidate} gets a slope and an intercept (platt)"
    names = tuple(CALIBRATORS) if n_labels >= MANY_LABELS else ("none", "platt", "beta")
    losses = _later_losses(names, *checked_rows(z, y), np.asarray(fold))
    best = min(names, key=lambda name: float(losses[name].mean()))
    ahead = losses["none"] - losses[best]
    gain, error = ahead.mean(), ahead.std() / np.sqrt(len(ahead))
    found = f"{gain:.4f} lower on {len(ahead):,} later rows than without calibration (standard error {error:.4f})"
    if best == "none":
        return best, "no calibration gives the lowest log loss"
    if n_labels < MANY_LABELS and gain <= error:
        return "none", f"no calibrator is clearly better than none: {best}'s log loss is {found}"
    return best, f"{best} has the lowest log loss: {found}"


@dataclass(frozen=True)
class RecentShift:
    """What the latest labels ask of the intercept: a shift in log-odds, its variance, and both in words."""

    shift: float
    variance: float
    sentence: str


def recent_shift(z: Vector, y: Vector, sample_weight: Vector | None = None) -> RecentShift:
    """How far n calibrated log-odds of leads in the order of time are to be moved to fit their latest outcomes y (0/1).

    For drift, by the last three tenths of them, at least 150; and where the last that are worth 150 contradict that
    (score test of the intercept, Cox 1958), by these once more, for a break. Where outcomes have always come in bursts
    the last ones count less (quasi-likelihood, Wedderburn 1974). Either shift is the most probable one under a normal
    prior around 0 (MOVES): few labels move little, and noise less than it seems to ask for. Rows count by their
    weights, as many as these are worth (Kish 1965).
    """
    weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    z, y = checked_rows(z, y, weight)
    z, y, weight = z[weight > 0], y[weight > 0], weight[weight > 0]
    weight = weight / weight.mean() if len(weight) else weight
    drift = _shift(*_last(z, y, weight, max(LATEST, int(LATEST_SHARE * len(y)))))
    fresh = _rows_worth(weight, LATEST)
    fresh_z, fresh_y, fresh_weight = _last(z + drift.shift, y, weight, fresh)
    fresh_weight = fresh_weight / _burstiness(z[:-fresh], y[:-fresh], weight[:-fresh])
    p = sigmoid(fresh_z)
    spread = float(np.sqrt(np.sum(fresh_weight * p * (1 - p))))
    contradicts = float(np.sum(fresh_weight * (fresh_y - p))) / spread if spread else 0.0
    if abs(contradicts) <= CONTRADICTS:
        return drift
    more = _shift(fresh_z, fresh_y, fresh_weight)
    return RecentShift(drift.shift + more.shift, more.variance, f"{drift.sentence}; after that, {more.sentence}")


def _last(z: Vector, y: Vector, weight: Vector, rows: int) -> tuple[Vector, Vector, Vector]:
    """The last rows, with weights that sum to what they are worth."""
    z, y, weight = z[-rows:], y[-rows:], weight[-rows:]
    return z, y, weight * (weight.sum() / np.sum(weight**2) if len(weight) else 1.0)


def _rows_worth(weight: Vector, labels: int) -> int:
    """How many of the last rows are worth so many labels."""
    worth = np.cumsum(weight[::-1]) ** 2 / np.cumsum(weight[::-1] ** 2)
    enough = np.flatnonzero(worth >= labels - 1e-6)
    return int(enough[0]) + 1 if len(enough) else max(1, len(weight))


def _burstiness(z: Vector, y: Vector, weight: Vector) -> float:
    """How many times more neighbouring blocks of LATEST rows differ than chance has it: at least 1.

    Neighbours, so that neither a trend nor a constant error is taken for bursts (von Neumann 1941).
    """
    p, block = sigmoid(z), np.arange(len(y))[::-1] // LATEST
    surprise = np.diff(np.bincount(block, weight * (y - p)))
    expected = np.bincount(block, weight**2 * p * (1 - p))
    expected = expected[1:] + expected[:-1]
    ratio = surprise[expected > 0] ** 2 / expected[expected > 0]
    return max(1.0, float((QUIET + ratio.sum()) / (QUIET + len(ratio))))


def _shift(z: Vector, y: Vector, weight: Vector) -> RecentShift:
    if not len(y):
        return RecentShift(0.0, MOVES**2, "there are no recent labels: the intercept stays")

    def slope(shift: float) -> float:
        return float(np.sum(weight * (y - sigmoid(z + shift)))) - shift / MOVES**2

    furthest = MOVES**2 * float(weight.sum())  # the prior pulls harder than all labels together could
    shift = float(brentq(slope, -furthest, furthest))
    moved = sigmoid(z + shift)
    variance = 1 / (1 / MOVES**2 + float(np.sum(weight * moved * (1 - moved))))
    accepted, expected = (np.average(values, weights=weight) for values in (y, sigmoid(z)))
    found = f"of the latest {len(y):,} labels {accepted:.1%} were accepted and {expected:.1%} were expected"
    return RecentShift(shift, variance, f"{found}: the intercept moves by {shift:+.2f}")


def _later_losses(names: tuple[str, ...], z: Vector, y: Vector, fold: Vector) -> dict[str, Vector]:
    """Log losses by calibrator of the rows of every fold but the first, fitted on the folds before."""

    def lost(name: str, number: int) -> Vector:
        past, now = fold < number, fold == number
        fitted = CALIBRATORS[name]().fit(z[past], y[past])
        return log_losses(y[now], sigmoid(fitted.transform(z[now])))

    return {name: np.concatenate([lost(name, number) for number in np.unique(fold)[1:]]) for name in names}
