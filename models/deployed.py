"""What goes into use? The fitted candidate with its calibrator and what bounds and reasons need, in one estimator."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin

from models.calibration import Calibrator, VennAbers
from models.candidates import Estimator
from models.evaluation import Vector, logit, sigmoid


class ReadyModel(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier made of fitted parts, which is what the registry keeps; `make_ready` puts it together.

    estimator: a fitted candidate. calibrator: fitted on its raw log-odds. bounds: Venn-Abers table of the same. shift:
    log-odds that a later check of calibration in the large added. background: column -> values of some training rows,
    and bags: refits on resampled rows, both for reasons; they may be empty.
    """

    def __init__(
        self, estimator: Estimator, calibrator: Calibrator, bounds: VennAbers, shift: float = 0.0,
        background: dict[str, Vector] | None = None, bags: Sequence[Estimator] = (),
    ) -> None:  # fmt: skip
        self.estimator = estimator
        self.calibrator = calibrator
        self.bounds = bounds
        self.shift = shift
        self.background = background
        self.bags = bags

    @property
    def classes_(self) -> Vector:
        """0 (rejected) and 1 (accepted)."""
        return np.asarray(self.estimator.classes_)

    def __sklearn_is_fitted__(self) -> bool:
        """Its parts are fitted."""
        return True

    def fit(self, X: pd.DataFrame, y: Vector) -> ReadyModel:  # noqa: ARG002
        """Change nothing: it is made of fitted parts."""
        return self

    def predict_proba(self, X: pd.DataFrame) -> Vector:
        """N x 2: calibrated probabilities of 0 and 1."""
        p = sigmoid(self.log_odds(X))
        return np.column_stack([1 - p, p])

    def predict(self, X: pd.DataFrame) -> Vector:
        """N classes, cut at one half."""
        return np.asarray(self.classes_[(self.log_odds(X) >= 0).astype(int)])

    def log_odds(self, X: pd.DataFrame) -> Vector:
        """N calibrated log-odds of the raw n x k frame X."""
        return self.calibrate(self.raw_log_odds(X))

    def raw_log_odds(self, X: pd.DataFrame) -> Vector:
        """N log-odds of the candidate before calibration."""
        return logit(np.asarray(self.estimator.predict_proba(X)[:, 1]))

    def interval(self, X: pd.DataFrame) -> tuple[Vector, Vector]:
        """N lower and n upper bounds of the probability; see `interval_of`."""
        return self.interval_of(self.raw_log_odds(X))

    def calibrate(self, raw: Vector) -> Vector:
        """N calibrated log-odds of n raw ones."""
        return np.asarray(self.calibrator.transform(raw) + self.shift)

    def interval_of(self, raw: Vector) -> tuple[Vector, Vector]:
        """Bounds low <= p <= high of n raw log-odds, p being the calibrated probability.

        They are the Venn-Abers probabilities, moved by `shift` as p is, and widened to p where the calibrator lies
        outside. Of the two Venn-Abers probabilities one is calibrated; they part where similar leads were few. They are
        no confidence interval: they do not tell how far a single lead differs from others with its score.
        """
        p = sigmoid(self.calibrate(raw))
        low, high = (sigmoid(logit(bound) + self.shift) for bound in self.bounds.interval(raw))
        return np.minimum(low, p), np.maximum(high, p)

    def shifted(self, by: float) -> ReadyModel:
        """The same model with its log-odds moved by `by`, as `calibration.recent_shift` asks for."""
        return ReadyModel(self.estimator, self.calibrator, self.bounds, self.shift + by, self.background, self.bags)


def make_ready(
    estimator: Estimator, calibrator: Calibrator, cal_z: Vector, cal_y: Vector, *, sample_weight: Vector | None = None,
    background: pd.DataFrame | None = None, bags: Sequence[Estimator] = (),
) -> ReadyModel:  # fmt: skip
    """Put fitted parts together; the bounds are made here.

    cal_z: n out-of-fold raw log-odds of the candidate, in the order of their outcomes cal_y (0/1) and weights.
    background: rows of the raw frame, float and text columns. Raises ModelError where cal_z and cal_y do not fit.
    """
    rows = None if background is None else {str(name): _plain(background[name]) for name in background}
    bounds = VennAbers().fit(cal_z, cal_y, sample_weight)
    return ReadyModel(estimator, calibrator, bounds, 0.0, rows, list(bags))


def _plain(column: pd.Series) -> Vector:
    """Float64 or fixed-width text: other arrays of text cannot be kept in skops."""
    return np.asarray(column, dtype=float if pd.api.types.is_numeric_dtype(column) else str)
