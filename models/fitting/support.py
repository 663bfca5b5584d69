"""Does the model know leads like this one? How far a lead lies from those whose answers it learned from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from models.fitting.columns import Columns
from models.fitting.encoders import TILE, encode
from models.metrics.evaluation import Vector, information

INSIDE = 0.99
"""The share of training rows that lie within the limit of a concept."""
SAME = 1 + 1e-9
"""Leverages this close are the same."""


class Support(BaseEstimator):  # type: ignore[misc]
    """Ridge leverage of leads by concept, and how far a regression's log-odds are known there.

    A lead is outside where, in one concept, its leverage x'(X'X + I)^-1 x against the n training rows is beyond what
    99 % of these have when they are left out themselves: h / (1 - h) (Hoaglin & Welsch 1978). The variance at a lead is
    that of its log-odds by the regression, its posterior taken as normal around the mode (MacKay 1992).

    regression: a fitted `logistic`. Fitted: places_ (concept -> its encoded columns that vary), inverses_ (concept ->
    their matrix), limits_ (concept -> leverage), covariance_ ((k + 1) x (k + 1), the intercept last), ranges_ (number
    -> least, most, and 1 where it was missing at times).
    """

    def __init__(self, regression: Any) -> None:
        self.regression = regression

    def fit(self, X: pd.DataFrame, y: object = None, sample_weight: Vector | None = None) -> Support:  # noqa: ARG002
        """Learn from the n rows that the regression was fitted on, by the same n weights."""
        rows, model = self._encoded(X), self.regression[-1]
        weight = np.ones(len(rows)) if sample_weight is None else sample_weight
        concept = np.array([model.concepts[name] for name in model.columns_])
        varies = np.ptp(rows, axis=0) > 0
        self.places_ = {str(c): np.flatnonzero(varies & (concept == c)) for c in np.unique(concept[varies])}
        self.inverses_ = {
            c: np.linalg.inv(np.eye(len(at)) + rows[:, at].T @ rows[:, at]) for c, at in self.places_.items()
        }
        own = {c: _forms(rows[:, at], self.inverses_[c]) for c, at in self.places_.items()}
        self.limits_ = {c: float(np.quantile(h / (1 - h), INSIDE)) for c, h in own.items()}
        told = information(_with_one(rows) * np.sqrt(weight)[:, None], model.predict_proba(self._raw(X))[:, 1])
        self.covariance_ = np.linalg.inv(told + np.diag(np.append(1 / model.prior_, 0.0)))
        numbers = X.select_dtypes("number")
        self.ranges_ = {str(n): np.array([c.min(), c.max(), float(c.isna().any())]) for n, c in numbers.items()}
        return self

    def outside(self, X: pd.DataFrame | Columns) -> tuple[Vector, Vector]:
        """Of n leads whether each is outside (flags), and the variance of its log-odds if so; 0 inside."""
        leads = Columns.of(X)
        self.regression[0].check(leads)
        columns = encode(self.regression[-1].encoder_, leads)
        flags, variance = np.zeros(len(leads), dtype=bool), np.zeros(len(leads))
        for concept, at in self.places_.items():
            own = columns[at]
            leverage = np.einsum("ij,ij->j", self.inverses_[concept] @ own, own)
            # like the training row at the limit is inside, whatever the last bit of a sum says
            flags |= leverage > self.limits_[concept] * SAME
        strange = np.flatnonzero(flags)
        for at in (strange[start : start + TILE] for start in range(0, len(strange), TILE)):
            variance[at] = _forms(_with_one(columns[:, at].T), self.covariance_)
        return flags, variance

    def mean_variance(self, X: pd.DataFrame, p: Vector) -> float:
        """The variance of the mean of n probabilities p, as far as the coefficients of the regression are not known."""
        slope = (p * (1 - p)) @ _with_one(self._encoded(X)) / len(p)
        return float(slope @ self.covariance_ @ slope)

    def never_so(self, X: pd.DataFrame) -> list[str]:
        """The numbers that are the same for all n > 1 leads, and were never so in training."""
        same = [name for name in self.ranges_ if len(X) > 1 and X[name].nunique(dropna=False) == 1]
        return [name for name in same if not self._known(name, float(X[name].iloc[0]))]

    def _known(self, name: str, value: float) -> bool:
        least, most, missing = self.ranges_[name]
        return bool(missing) if np.isnan(value) else bool(least <= value <= most)

    def _raw(self, X: pd.DataFrame) -> pd.DataFrame:
        raw: pd.DataFrame = self.regression[:-1].transform(X)
        return raw

    def _encoded(self, X: pd.DataFrame) -> Vector:
        return np.asarray(self.regression[-1].encode(self._raw(X)))


def _with_one(rows: Vector) -> Vector:
    out = np.ones((len(rows), rows.shape[1] + 1))
    out[:, :-1] = rows
    return out


def _forms(rows: Vector, matrix: Vector) -> Vector:
    """x'Mx of each of n rows."""
    return np.asarray(np.einsum("ij,ij->i", rows @ matrix, rows))
