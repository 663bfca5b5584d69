"""What does the linear model look like? Logistic regression that keeps to the catalogue's directions and concepts."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import ColumnTransformer

from models.fitting.columns import Columns
from models.fitting.encoders import TILE, encode, encoded_columns
from models.metrics.evaluation import Vector, logit, sigmoid


class Regression(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Logistic regression on encoded features, with a normal prior and bounds that come from what features mean.

    The coefficient of a number with a direction never has the other sign. `variance` is the prior's of a lead's
    log-odds: each concept has the same share of it, divided among the encoded columns of the concept that vary, so that
    empty columns cost nothing. encoder: an unfitted ColumnTransformer of the raw frame. signs: feature -> 1, -1 or 0;
    concepts: feature -> concept. Fitted: encoder_, columns_ (feature of each encoded column), coef_ (k), intercept_,
    prior_ (k variances). Found by L-BFGS-B (Byrd et al. 1995).
    """

    def __init__(
        self, encoder: ColumnTransformer, signs: dict[str, int], concepts: dict[str, str], variance: float
    ) -> None:
        self.encoder, self.signs, self.concepts, self.variance = encoder, signs, concepts, variance

    def fit(self, X: pd.DataFrame, y: Vector, sample_weight: Vector | None = None) -> Regression:
        """Fit on the n x k frame X and n outcomes of 0/1, by n weights."""
        weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
        self.classes_, self.encoder_ = np.array([0, 1]), clone(self.encoder)
        encoded = np.asarray(self.encoder_.fit_transform(X))
        self.columns_, valued = encoded_columns(self.encoder_)
        self.prior_ = self._prior(np.ptp(encoded, axis=0) > 0)
        sign = np.array([self.signs.get(name, 0) for name in self.columns_]) * valued
        lower, upper = np.where(sign > 0, 0.0, -np.inf), np.where(sign < 0, 0.0, np.inf)
        start = np.append(np.zeros(len(sign)), logit(np.average(y, weights=weight)))
        bounds = list(zip(np.append(lower, -np.inf), np.append(upper, np.inf), strict=True))

        def loss(w: Vector) -> tuple[float, Vector]:
            z = encoded @ w[:-1] + w[-1]
            wrong, pull = weight * (sigmoid(z) - y), w[:-1] / self.prior_
            lost = float(weight @ (np.logaddexp(0, z) - y * z) + w[:-1] @ pull / 2)
            return lost, np.append(wrong @ encoded + pull, wrong.sum())

        exact = {"maxiter": 10_000, "maxfun": 50_000, "maxcor": 30, "ftol": 1e-13, "gtol": 1e-7 * len(y)}
        found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=exact).x
        self.coef_, self.intercept_ = found[:-1], float(found[-1])
        return self

    def _prior(self, varies: Vector) -> Vector:
        """The variance of each encoded column's coefficient."""
        concept = np.array([self.concepts[name] for name in self.columns_])
        among = {name: max(1, int((varies & (concept == name)).sum())) for name in np.unique(concept)}
        return np.array([self.variance / len(among) / among[name] for name in concept])

    def encode(self, X: pd.DataFrame | Columns) -> Vector:
        """N x encoded columns of the raw frame X, in the order of `columns_`."""
        return np.ascontiguousarray(encode(self.encoder_, Columns.of(X)).T)

    def predict_proba(self, X: pd.DataFrame | Columns) -> Vector:
        """N x 2: probabilities of 0 and 1."""
        rows = encode(self.encoder_, Columns.of(X)).T
        # row by row in memory: sums in another order would differ in the last bit from those that were published
        tiles = (np.ascontiguousarray(rows[at : at + TILE]) for at in range(0, len(rows), TILE))
        p = sigmoid(np.concatenate([np.empty(0), *(tile @ self.coef_ for tile in tiles)]) + self.intercept_)
        return np.column_stack([1 - p, p])

    def predict(self, X: pd.DataFrame) -> Vector:
        """N classes, cut at one half."""
        return np.asarray(self.classes_[(self.predict_proba(X)[:, 1] >= 0.5).astype(int)])
