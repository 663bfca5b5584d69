"""How good are probabilities? Proper scores, skill, ranking, lift and calibration from outcomes and predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression
from scipy.special import expit
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score

Vector = npt.NDArray[Any]
LEAST_TOLD = 1e-6  # information below which outcomes are told apart and a coefficient has no end
EDGE = 1e-12  # probabilities of exactly 0 and 1 would cost an infinite log loss


def logit(p: Vector) -> Vector:
    """Log-odds of probabilities, finite at 0 and 1."""
    p = np.clip(p, EDGE, 1 - EDGE)
    return np.asarray(np.log(p) - np.log1p(-p))


def sigmoid(z: Vector) -> Vector:
    """Probabilities of log-odds."""
    return np.asarray(expit(z))


def log_losses(y: Vector, p: Vector) -> Vector:
    """What each of n rows costs, in nats: -log of the probability given to what happened."""
    return np.asarray(-np.log(np.clip(np.where(y == 1, p, 1 - p), EDGE, 1.0)))


def evaluate(y: Vector, p: Vector) -> dict[str, float]:
    """Metrics of n outcomes y (0/1) and n probabilities p.

    Skill is 1 - score / score of the rows' own base rate, so 0 means that knowing the base rate is worth as much.
    Where y has one class, or p one value, what cannot be told is NaN.
    """
    y, p = np.asarray(y), np.asarray(p)
    rate, loss, brier = float(np.mean(y)), float(log_losses(y, p).mean()), float(np.mean((y - p) ** 2))
    slope, intercept = calibration(y, p)
    error, error_95 = calibration_error(y, p)
    miscalibration, discrimination, uncertainty = decompose(y, p)
    return {
        "n": float(len(y)),
        "base_rate": rate,
        "log_loss": loss,
        "log_loss_skill": _skill(loss, uncertainty),
        "miscalibration": miscalibration,
        "discrimination": discrimination,
        "brier": brier,
        "brier_skill": _skill(brier, rate * (1 - rate)),
        "auc": auc(y, p),
        "pr_auc": float(average_precision_score(y, p)) if 0 < rate < 1 else float("nan"),
        "lift_10": lift(y, p, 0.10),
        "lift_50": lift(y, p, 0.50),
        "calibration_slope": slope,
        "calibration_intercept": intercept,
        "ece": error,
        "ece_95": error_95,
    }


def _skill(score: float, of_base_rate: float) -> float:
    return 1 - score / of_base_rate if of_base_rate > EDGE else float("nan")


def decompose(y: Vector, p: Vector) -> tuple[float, float, float]:
    """Miscalibration, discrimination and uncertainty, in nats: log loss is the first less the second plus the third.

    Miscalibration is what isotonic recalibration on the same rows would gain, discrimination what its result is ahead
    of the base rate, uncertainty the base rate's own log loss (CORP: Dimitriadis, Gneiting & Jordan 2021). All >= 0.
    """
    _, place, rows = np.unique(p, return_inverse=True, return_counts=True)
    share = np.bincount(place, weights=y) / rows
    recalibrated = np.clip(isotonic_regression(share, weights=rows).x, 0, 1)[place]
    given, best, base = (float(log_losses(y, q).mean()) for q in (p, recalibrated, np.full(len(y), np.mean(y))))
    return given - best, base - best, base


def auc(y: Vector, scores: Vector) -> float:
    """Chance that an accepted row is scored above a rejected one, ties counting half; NaN for one class."""
    positive, negative = int(np.sum(y)), int(len(y) - np.sum(y))
    if not positive or not negative:
        return float("nan")
    ranks = rankdata(scores)[np.asarray(y) == 1].sum()
    return float((ranks - positive * (positive + 1) / 2) / (positive * negative))


def gain_curve(y: Vector, p: Vector) -> tuple[Vector, Vector]:
    """Rows taken from the top and the accepted among them, both from 0; straight lines across ties are expectations."""
    values, inverse = np.unique(-np.asarray(p), return_inverse=True)
    taken = np.cumsum(np.bincount(inverse, minlength=len(values)))
    found = np.cumsum(np.bincount(inverse, weights=y, minlength=len(values)))
    return np.append(0.0, taken), np.append(0.0, found)


def lift(y: Vector, p: Vector, share: float) -> float:
    """Acceptance in the top `share` of rows over the base rate, tied rows taken at random; NaN without acceptances."""
    taken, found = gain_curve(y, p)
    top = share * len(y)
    return float(np.interp(top, taken, found) / top / np.mean(y)) if np.any(y) else float("nan")


def calibration(y: Vector, p: Vector) -> tuple[float, float]:
    """Slope and intercept of calibration: 1 and 0 are right, a slope below 1 is overconfidence.

    Slope b of logit P(y) = a + b logit p; intercept a with b held at 1, calibration in the large (Cox 1958; Van Calster
    et al. 2019). NaN where y has one class; the slope also where p has one value or separates the classes.
    """
    if not 0 < np.mean(y) < 1:
        return float("nan"), float("nan")
    z = logit(p)
    ones = np.ones((len(z), 1))
    intercept, spread = float(fit_logistic(ones, y, z)[0]), float(np.std(z))
    if spread < 1e-9:
        return float("nan"), intercept
    return float(fit_logistic(np.column_stack([ones, (z - z.mean()) / spread]), y)[1] / spread), intercept


def fit_logistic(
    X: Vector, y: Vector, offset: Vector | float = 0.0, prior: float = 0.0, centre: Vector | float = 0.0
) -> Vector:
    """The k coefficients of a logistic regression of n outcomes (0 to 1) on n x k columns, with an offset in log-odds.

    The most likely ones, NaN where there are none; with `prior` the most probable ones, each normal with that precision
    around `centre`. Newton's method, its steps halved where the curve is too flat for them.
    """
    beta = np.zeros(X.shape[1]) + (centre if prior else 0.0)

    def cost(at: Vector) -> float:
        z = X @ at + offset
        return float(np.sum(np.logaddexp(0, z) - y * z) + prior / 2 * np.sum((at - centre) ** 2))

    for _ in range(100):
        p = sigmoid(X @ beta + offset)
        told = information(X, p)
        curve = told + prior * np.eye(len(beta))
        if np.linalg.cond(curve) > 1e12:
            break
        step = np.linalg.solve(curve, X.T @ (p - y) + prior * (beta - centre))
        while np.abs(step).max() > 1e-9 and cost(beta - step) > cost(beta):
            step = step / 2
        beta = beta - step
        if np.abs(step).max() <= 1e-9 and (prior or np.linalg.eigvalsh(told)[0] > LEAST_TOLD):
            return np.asarray(beta)
    return np.full(X.shape[1], np.nan)


def information(X: Vector, p: Vector) -> Vector:
    """What n rows tell of the k coefficients of their columns at probabilities p: k x k (Fisher information)."""
    return np.asarray((X * (p * (1 - p))[:, None]).T @ X)


def calibration_bins(y: Vector, p: Vector, bins: int = 10) -> tuple[Vector, Vector, Vector, Vector]:
    """Bins of equal size by p: rows, mean p, accepted share, and the variance of that share if p is right."""
    places = np.array_split(np.argsort(p, kind="stable"), min(bins, len(p)))
    found = [(len(at), np.mean(p[at]), np.mean(y[at]), np.sum(p[at] * (1 - p[at]))) for at in places]
    rows, expected, observed, variance = np.array(found).T
    return rows, expected, observed, variance / rows**2


def calibration_error(y: Vector, p: Vector, draws: int = 2000) -> tuple[float, float]:
    """Expected calibration error over ten bins, and the value that 95 % of perfectly calibrated p stay below.

    The second resamples outcomes from p (consistency resampling, Bröcker & Smith 2007), normal within a bin, at a fixed
    seed: an error below it is no evidence of miscalibration.
    """
    rows, expected, observed, variance = calibration_bins(y, p)
    weight = rows / rows.sum()
    chance = np.random.default_rng(0).normal(size=(draws, len(rows))) * np.sqrt(variance)
    return float(weight @ np.abs(observed - expected)), float(np.quantile(np.abs(chance) @ weight, 0.95))
