"""How good are the rules alone? BANT points read as a classifier, the baseline that a model has to beat."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

from models.metrics.evaluation import Vector, logit, sigmoid


class Rulebook(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Logistic regression on the rules' points with a slope that is never negative: more points, never less likely.

    A row without points counts as 0 points. Where the points are missing or constant throughout, the rules cannot be
    judged: `judgeable_` is False and every row gets the base rate. Fitted: classes_, judgeable_, intercept_, slope_.
    """

    def __init__(self, column: str = "rule_points") -> None:
        self.column = column

    def fit(self, X: pd.DataFrame, y: Vector, sample_weight: Vector | None = None) -> Rulebook:
        """Fit on a frame of n rows that may hold the points column, and n outcomes of 0/1, by n weights."""
        points = self._points(X)
        self.classes_ = np.array([0, 1])
        self.judgeable_ = bool(np.ptp(points) > 0)
        self.intercept_, self.slope_ = float(logit(np.average(y, weights=sample_weight))), 0.0
        if self.judgeable_:
            scale = float(points.std())
            model = LogisticRegression(C=1000.0, max_iter=1000).fit(points[:, None] / scale, y, sample_weight)
            if model.coef_[0, 0] > 0:
                self.intercept_, self.slope_ = float(model.intercept_[0]), float(model.coef_[0, 0]) / scale
        return self

    def predict_proba(self, X: pd.DataFrame) -> Vector:
        """N x 2: probabilities of 0 and 1."""
        p = sigmoid(self.intercept_ + self.slope_ * self._points(X))
        return np.column_stack([1 - p, p])

    def _points(self, X: pd.DataFrame) -> Vector:
        if self.column not in X.columns:
            return np.zeros(len(X))
        return np.asarray(np.nan_to_num(X[self.column].to_numpy(dtype=float)))
