"""How many labels does a model need before its probabilities can be relied on?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.ensemble import HistGradientBoostingClassifier

from models.metrics.evaluation import Vector, information, sigmoid

SHRINKAGE, OPTIMISM, PRECISION = 0.9, 0.05, 0.05  # what Riley et al. (2020) ask for


def riley_rows(parameters: float, auc_expected: float, base_rate: float) -> int | None:
    """Labels that a model of so many parameters needs before its probabilities can be relied on.

    The greatest of three numbers (Riley et al. 2019, 2020): for an expected shrinkage of .9, an optimism in R^2 of at
    most .05 of its maximum, and the base rate known to +-.05, R^2 being that of the AUC expected on new leads
    (`cox_snell`). None where that is no better than chance.
    """
    if not (auc_expected > 0.5 and 0 < base_rate < 1):
        return None
    explained, most = cox_snell(auc_expected, base_rate)
    shrinkages = (SHRINKAGE, explained / (explained + OPTIMISM * most))
    wanted = [parameters / ((s - 1) * math.log(1 - explained / s)) for s in shrinkages]
    return math.ceil(max(*wanted, (1.96 / PRECISION) ** 2 * base_rate * (1 - base_rate)))


def cox_snell(auc_expected: float, base_rate: float) -> tuple[float, float]:
    """Cox and Snell's R^2 of a model with this AUC, and the greatest it could be.

    As in Riley, Van Calster & Collins (2021): log-odds normal in both outcomes with one variance, here integrated by
    Gauss-Hermite quadrature instead of simulated.
    """
    apart = math.sqrt(2) * float(norm.ppf(min(auc_expected, 1 - 1e-6)))
    points, mass = np.polynomial.hermite_e.hermegauss(101)
    prior = math.log(base_rate / (1 - base_rate))
    rejected, accepted = (prior + apart * (points + shift) - apart**2 / 2 for shift in (0, apart))
    mass = mass / mass.sum()
    loss = (1 - base_rate) * mass @ np.logaddexp(0, rejected) + base_rate * mass @ np.logaddexp(0, -accepted)
    alone = -(base_rate * math.log(base_rate) + (1 - base_rate) * math.log(1 - base_rate))
    return float(1 - math.exp(-2 * (alone - loss))), 1 - math.exp(-2 * alone)


def effective_parameters(model: Any, X: pd.DataFrame) -> float:
    """How many parameters a fitted candidate of ours has in effect, on the n x k raw frame it was fitted on.

    L2 logistic regression: effective degrees of freedom, trace((Z'WZ + I/C)^-1 Z'WZ) less the intercept (Gray 1992).
    Boosted trees: learning rate x (leaves - 1), summed over trees, a bound with the splits given (Bühlmann & Yu 2003).
    A mean of log-odds: the mean of its parts. Any other: its columns. A calibrator's one or two are left out.
    """
    if hasattr(model, "calibrator"):
        return effective_parameters(model.estimator, X)
    if hasattr(model, "estimators_"):
        return float(np.mean([effective_parameters(part, X) for part in model.estimators_]))
    last = model[-1]
    if hasattr(last, "prior_"):
        return _degrees_of_freedom(last.encode(model[:-1].transform(X)), last)
    if isinstance(last, HistGradientBoostingClassifier):
        return float(last.learning_rate * last.n_iter_ * (last.max_leaf_nodes - 1))
    return float(X.shape[1])


def _degrees_of_freedom(Z: Vector, fitted: Any) -> float:
    p = sigmoid(Z @ fitted.coef_ + fitted.intercept_)
    free = fitted.coef_ != 0  # at a bound a coefficient cannot move
    with_intercept = np.column_stack([np.ones(len(Z)), Z[:, free]])
    told = information(with_intercept, p)
    penalty = np.diag(np.append(0.0, 1 / fitted.prior_[free]))
    return float(np.trace(np.linalg.solve(told + penalty, told)) - 1)
