"""Does a probability mean what it says? Calibrators on log-odds, which one to use, and how far each can be trusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq, isotonic_regression
from sklearn.base import BaseEstimator

from models.evaluation import Vector, log_losses, logit, sigmoid
from models.venn_abers import VennAbers, checked_rows, rows_by_value

UNCALIBRATED = ("logistic", "steady")  # used as they are while labels are few: their penalty holds them back enough
FEW_LABELS = 1_000
MANY_LABELS = 20_000
PRIOR = 4.0  # precision of the slopes around 1 and of the intercept around 0: worth about 20 rows
LATEST = 150  # labels that the check of calibration in the large looks at
ALARM = 3.0  # its z-score from which the intercept is moved
Calibrator = Any  # one of the classes of CALIBRATORS, fitted


class Identity(BaseEstimator):  # type: ignore[misc]
    """No calibration: log-odds stay as they are."""

    def fit(self, z: Vector, y: Vector, sample_weight: Vector | None = None) -> Identity:  # noqa: ARG002
        """Nothing to learn."""
        return self

    def transform(self, z: Vector) -> Vector:
        """The n log-odds themselves."""
        return np.asarray(z, dtype=float)


class Platt(BaseEstimator):  # type: ignore[misc]
    """Slope and intercept on the log-odds (Platt 1999), the slope never negative.

    A normal prior of variance 1/4 around slope 1 and intercept 0 takes the place of Platt's smoothed targets: few rows,
    or rows of one outcome, change little. Fitted: slope_, intercept_.
    """

    def fit(self, z: Vector, y: Vector, sample_weight: Vector | None = None) -> Platt:
        """Learn from n log-odds, n outcomes of 0/1 and n weights (scaled to a mean of 1)."""
        z, y, weight = checked_rows(z, y, sample_weight)
        self.slope_, self.intercept_ = (float(value) for value in _posterior_mode(z[:, None], y, weight))
        return self

    def transform(self, z: Vector) -> Vector:
        """Calibrated log-odds of n log-odds."""
        return np.asarray(self.slope_ * np.asarray(z) + self.intercept_)


class Beta(BaseEstimator):  # type: ignore[misc]
    """Beta calibration (Kull, Silva Filho & Flach 2017): a ln p - b ln(1 - p) + c with a, b >= 0.

    Bends the two ends apart, which Platt cannot. The same prior, around a = b = 1 and c = 0. Fitted: a_, b_, c_.
    """

    def fit(self, z: Vector, y: Vector, sample_weight: Vector | None = None) -> Beta:
        """Learn from n log-odds, n outcomes of 0/1 and n weights (scaled to a mean of 1)."""
        z, y, weight = checked_rows(z, y, sample_weight)
        found = _posterior_mode(np.column_stack(_ends(z)), y, weight)
        self.a_, self.b_, self.c_ = (float(value) for value in found)
        return self

    def transform(self, z: Vector) -> Vector:
        """Calibrated log-odds of n log-odds."""
        low, high = _ends(np.asarray(z))
        return np.asarray(self.a_ * low + self.b_ * high + self.c_)


class Shift(BaseEstimator):  # type: ignore[misc]
    """The intercept alone, such that the mean probability is the accepted share.

    Where none or all were accepted the share counts as half a row from 0 or 1, so that the shift stays finite.
    Fitted: shift_.
    """

    def fit(self, z: Vector, y: Vector, sample_weight: Vector | None = None) -> Shift:
        """Solve mean sigmoid(z + shift) = share for n log-odds, n outcomes of 0/1 and n weights."""
        z, y, weight = checked_rows(z, y, sample_weight)
        half_a_row = 0.5 / max(len(y), 1)
        share = float(np.clip(np.mean(weight * y), half_a_row, 1 - half_a_row)) if len(y) else 0.5
        target = float(logit(np.array(share)))
        bracket = (target - z.max() - 1, target - z.min() + 1) if len(z) else (0.0, 0.0)
        self.shift_ = float(brentq(lambda b: np.mean(weight * sigmoid(z + b)) - share, *bracket)) if len(z) else 0.0
        return self

    def transform(self, z: Vector) -> Vector:
        """Shifted log-odds of n log-odds."""
        return np.asarray(np.asarray(z) + self.shift_)


CALIBRATORS: dict[str, Callable[[], Calibrator]] = {
    "none": Identity,
    "platt": Platt,
    "beta": Beta,
    "venn_abers": VennAbers,
}


def choose_calibrator(
    z: Vector, y: Vector, fold: Vector, n_labels: int, candidate: str, sample_weight: Vector | None = None
) -> tuple[str, str]:
    """Name in CALIBRATORS and reason of the calibrator for a candidate trained on `n_labels` labels.

    z: n log-odds of rows that the candidate had not seen, each made by a fit on earlier time; y: their outcomes (0/1);
    fold: the number of the fold of each, rising with time. Calibrators are compared on later folds, fitted on earlier
    ones. Below 20,000 labels one must be ahead of none by more than a standard error (Breiman et al. 1984): within
    noise a calibrator made the slope worse in the simulator's default world (1.11 became 1.21).
    """
    if n_labels < FEW_LABELS:
        return _by_candidate(candidate, f"with fewer than {FEW_LABELS:,} labels")
    names = tuple(CALIBRATORS) if n_labels >= MANY_LABELS else ("none", "platt", "beta")
    losses, weight = _later_losses(names, *checked_rows(z, y, sample_weight), np.asarray(fold))
    if not len(weight):
        return _by_candidate(candidate, "calibrators cannot be compared on a single fold:")
    mean = {name: float(np.average(losses[name], weights=weight)) for name in names}
    best = min(names, key=mean.__getitem__)
    gain, error = mean["none"] - mean[best], _standard_error(losses["none"] - losses[best], weight)
    found = f"{gain:.4f} lower on {np.count_nonzero(weight):,} later rows than with none (standard error {error:.4f})"
    if best == "none":
        return best, "none has the lowest log loss"
    if n_labels < MANY_LABELS and gain <= error:
        return "none", f"no calibrator is ahead beyond noise: {best}'s log loss is {found}"
    return best, f"{best} has the lowest log loss: {found}"


def _by_candidate(candidate: str, why: str) -> tuple[str, str]:
    if candidate in UNCALIBRATED:
        return "none", f"{why} {candidate} is used as it is"
    return "platt", f"{why} {candidate} gets a slope and an intercept (platt)"


@dataclass(frozen=True)
class RecentShift:
    """What the latest `rows` labels ask of the intercept: a shift in log-odds, 0 where it stays, and its variance."""

    shift: float
    variance: float
    z_score: float
    rows: int
    sentence: str


def recent_shift(
    z: Vector, y: Vector, latest: int = LATEST, alarm: float = ALARM, sample_weight: Vector | None = None
) -> RecentShift:
    """Whether the last `latest` of n calibrated log-odds in time order still fit their outcomes y (0/1), and the mend.

    The z-score is (accepted - expected) over its standard deviation were the probabilities right: the score test of the
    intercept (Cox 1958). Beyond `alarm` on `latest` labels the shift makes their mean probability their rate; else it
    is 0. Rows without weight do not count. What is measured of other rules is said in docs/models.md.
    """
    z, y, weight = checked_rows(z, y, sample_weight)
    z, y, weight = (values[weight > 0][-latest:] for values in (z, y, weight))
    p, shift = sigmoid(z), float(Shift().fit(z, y, weight).shift_)
    spread = float(np.sqrt(np.sum(weight**2 * p * (1 - p))))
    score = float(np.sum(weight * (y - p))) / spread if spread else 0.0
    moved = sigmoid(z + shift)
    variance = 1 / max(float(np.sum(weight * moved * (1 - moved))), np.finfo(float).tiny)
    moves = len(y) >= latest and abs(score) > alarm
    expected, accepted = (np.average(v, weights=weight) if len(y) else float("nan") for v in (p, y))
    found = f"of the latest {len(y)} labels {accepted:.0%} were accepted, {expected:.0%} expected (z {score:+.1f})"
    does = f"the intercept moves by {shift:+.2f}" if moves else "the intercept stays"
    few = f", as {latest} labels are asked for" if len(y) < latest else ""
    return RecentShift(shift * moves, variance * moves, score, len(y), f"{found}: {does}{few}")


def decompose(y: Vector, p: Vector, score: str = "log_loss", sample_weight: Vector | None = None) -> dict[str, float]:
    """Split a mean score of n probabilities p into miscalibration - discrimination + uncertainty (CORP).

    Miscalibration is what isotonic recalibration on the same rows would gain, discrimination what its result is ahead
    of the base rate, uncertainty the base rate's own score (Dimitriadis, Gneiting & Jordan 2021). All are >= 0.
    `score` is "log_loss" (nats) or "brier".
    """
    losses = {"log_loss": log_losses, "brier": _squares}[score]
    _, y, weight = checked_rows(logit(p), y, sample_weight)
    values, rows, accepted = rows_by_value(np.asarray(p, dtype=float), y, weight)
    steps = np.clip(isotonic_regression(accepted / rows, weights=rows).x, 0, 1)
    recalibrated = steps[np.minimum(np.searchsorted(values, p), len(values) - 1)]
    rate = np.full(len(y), np.average(y, weights=weight))
    given, best, base = (float(np.average(losses(y, q), weights=weight)) for q in (p, recalibrated, rate))
    return {"score": given, "miscalibration": given - best, "discrimination": base - best, "uncertainty": base}


def _squares(y: Vector, p: Vector) -> Vector:
    return np.asarray((y - p) ** 2)


def _ends(z: Vector) -> tuple[Vector, Vector]:
    """Ln p and -ln(1 - p) of n log-odds; they add up to z."""
    return -np.logaddexp(0, -z), np.logaddexp(0, z)


def _posterior_mode(columns: Vector, y: Vector, weight: Vector) -> Vector:
    """The k slopes (>= 0) and the intercept of a logistic regression on n x k columns, under the prior."""
    X = np.column_stack([columns, np.ones(len(y))])
    centre = np.append(np.ones(columns.shape[1]), 0.0)
    free = np.ones(len(centre), dtype=bool)
    theta = _newton(X, y, weight, centre, free)
    while (theta[:-1] < 0).any():
        free[theta[:-1].argmin()] = False  # the lowest slope becomes 0 and stays there
        theta = _newton(X, y, weight, centre, free)
    return theta


def _newton(X: Vector, y: Vector, weight: Vector, centre: Vector, free: Vector) -> Vector:
    """Where the weighted log loss plus the prior is least, the parameters that are not free held at 0."""
    theta, X = np.where(free, centre, 0.0), X[:, free]

    def cost(at: Vector) -> float:
        z = X @ at[free]
        return float(weight @ (np.logaddexp(0, z) - y * z) + PRIOR / 2 * np.sum((at - centre) ** 2))

    for _ in range(100):
        p = sigmoid(X @ theta[free])
        slope = X.T @ (weight * (p - y)) + PRIOR * (theta - centre)[free]
        curve = (X * (weight * p * (1 - p))[:, None]).T @ X + PRIOR * np.eye(free.sum())
        step = np.zeros(len(theta))
        step[free] = np.linalg.solve(curve, slope)
        while np.abs(step).max() > 1e-9 and cost(theta - step) > cost(theta):  # too far where the curve is flat
            step /= 2
        theta = theta - step
        if np.abs(step).max() <= 1e-9:
            break
    return np.asarray(theta)


def _later_losses(
    names: tuple[str, ...], z: Vector, y: Vector, weight: Vector, fold: Vector
) -> tuple[dict[str, Vector], Vector]:
    """Log losses by calibrator of the rows of every fold but the first, fitted on the folds before; and the weights."""
    parts: dict[str, list[Vector]] = {name: [np.empty(0)] for name in names}
    rows = [np.empty(0)]
    for number in np.unique(fold)[1:]:
        past, now = fold < number, fold == number
        rows.append(weight[now])
        for name in names:
            fitted = CALIBRATORS[name]().fit(z[past], y[past], weight[past])
            parts[name].append(log_losses(y[now], sigmoid(fitted.transform(z[now]))))
    return {name: np.concatenate(part) for name, part in parts.items()}, np.concatenate(rows)


def _standard_error(values: Vector, weight: Vector) -> float:
    away = weight * (values - np.average(values, weights=weight))
    return float(np.sqrt(np.sum(away**2)) / weight.sum())
