"""Does a probability mean what it says? Calibrators on log-odds, which one to use, and how far each can be trusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq
from sklearn.base import BaseEstimator

from models.fitting.venn_abers import checked_rows
from models.metrics.evaluation import Vector, fit_logistic, log_losses, sigmoid

CLEAR = 2.0  # standard errors by which a choice has to be ahead of what stands without it
PRIOR = 4.0  # precision of the slope around 1 and of the intercept around 0: worth about 20 rows
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


class Platt(BaseEstimator):  # type: ignore[misc]
    """Slope and intercept on the log-odds (Platt 1999), the slope never below 0; fitted: slope_, intercept_.

    A normal prior of variance 1/4 around a slope of 1 and an intercept of 0 takes the place of Platt's smoothed
    targets: few rows, or rows of one outcome, change little.
    """

    def fit(self, z: Vector, y: Vector) -> Platt:
        """Learn from n log-odds and n outcomes of 0/1."""
        z, y = checked_rows(z, y)
        X, centre = np.column_stack([z, np.ones(len(y))]), np.array([1.0, 0.0])
        self.slope_, self.intercept_ = fit_logistic(X, y, prior=PRIOR, centre=centre).tolist()
        if self.slope_ < 0:
            self.slope_, [self.intercept_] = 0.0, fit_logistic(X[:, 1:], y, prior=PRIOR, centre=centre[1:]).tolist()
        return self

    def transform(self, z: Vector) -> Vector:
        """Calibrated log-odds of n log-odds."""
        return np.asarray(self.slope_ * np.asarray(z) + self.intercept_)


CALIBRATORS: dict[str, Callable[[], Calibrator]] = {"none": Identity, "platt": Platt}


def choose_calibrator(z: Vector, y: Vector, fold: Vector) -> tuple[str, str]:
    """Name in CALIBRATORS and reason of the calibrator for a candidate.

    z: n log-odds of rows that the candidate had not seen, each made by a fit on earlier time; y: their outcomes (0/1);
    fold: the number of the fold of each, rising with time. Platt is compared with none on later folds, fitted on
    earlier ones, and has to be ahead by more than CLEAR standard errors: what fits hand-offs within noise made the
    probabilities of open leads worse in every simulated company it was tried on.
    """
    if len(np.unique(fold)) < 2:
        return "none", "a slope and an intercept (platt) cannot be judged on a single fold"
    losses = _later_losses(*checked_rows(z, y), np.asarray(fold))
    ahead = losses["none"] - losses["platt"]
    gain, error = ahead.mean(), ahead.std() / np.sqrt(len(ahead))
    found = f"its log loss is {gain:.4f} lower on {len(ahead):,} later rows than without (standard error {error:.4f})"
    if gain > CLEAR * error:
        return "platt", f"a slope and an intercept (platt) pay: {found}"
    return "none", f"a slope and an intercept (platt) are not clearly better than none: {found}"


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


def _later_losses(z: Vector, y: Vector, fold: Vector) -> dict[str, Vector]:
    """Log losses by calibrator of the rows of every fold but the first, fitted on the folds before."""

    def lost(make: Callable[[], Calibrator], number: int) -> Vector:
        past, now = fold < number, fold == number
        return log_losses(y[now], sigmoid(make().fit(z[past], y[past]).transform(z[now])))

    later = np.unique(fold)[1:]
    return {name: np.concatenate([lost(make, number) for number in later]) for name, make in CALIBRATORS.items()}
