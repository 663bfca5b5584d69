"""What goes into use? The fitted candidate with its calibrator and what bounds and reasons need, in one estimator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin

from models.fitting.calibration import PRIOR, Calibrator, Identity, Platt
from models.fitting.candidates import CANDIDATES, LINEAR, Estimator, Weighted, paths, predicted
from models.fitting.columns import Columns
from models.fitting.encoders import ColumnGuard
from models.fitting.refits import pack, unpack
from models.fitting.support import Support
from models.fitting.venn_abers import VennAbers, checked_rows
from models.metrics.evaluation import Vector, information, logit, sigmoid

DEVIATIONS = 1.96  # on either side of the mode: 95 % of a normal distribution
WITHIN = 1.645  # the same for 90 %
BEYOND_SAMPLING = 1.5  # a model errs by its form too: so many times what the labels alone leave open held the truth


class Bounds(BaseEstimator):  # type: ignore[misc]
    """How far the probability of leads with a score can be told: Venn-Abers bounds and a 95 % band, both together.

    The band is that of slope and intercept of `Platt`, its posterior taken as normal around the mode (Laplace's
    approximation; MacKay 1992). It holds where Platt's line is right; the Venn-Abers pair follows the outcomes where it
    bends. At the ends, where the pair says no more than 0 or 1, the band stands alone. About how single leads with one
    score differ from each other neither says anything; docs/models.md has how often they held the truth.
    Fitted: venn_abers_, platt_, covariance_ (2 x 2, of slope and intercept).
    """

    def fit(self, z: Vector, y: Vector) -> Bounds:
        """Learn from n log-odds and n outcomes of 0/1; ModelError as `Platt`."""
        z, y = checked_rows(z, y)
        self.venn_abers_, self.platt_ = VennAbers().fit(z, y), Platt().fit(z, y)
        seen = information(np.column_stack([z, np.ones(len(z))]), sigmoid(self.platt_.transform(z)))
        self.covariance_ = np.linalg.inv(seen + PRIOR * np.eye(2))
        return self

    def interval(self, z: Vector, more: float | Vector = 0.0) -> tuple[Vector, Vector]:
        """The lower and the upper probabilities of n log-odds; `more` is added to the variance of the band's."""
        low, high = self.venn_abers_.interval(z)
        (slopes, both), (_, intercepts) = self.covariance_
        half = DEVIATIONS * np.sqrt(slopes * z**2 + 2 * both * z + intercepts + more)
        least, most = (sigmoid(self.platt_.transform(z) + side * half) for side in (-1, 1))
        return np.where(low > 0, np.minimum(low, least), least), np.where(high < 1, np.maximum(high, most), most)


class ReadyModel(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier made of fitted parts, which is what the registry keeps; `make_ready` puts it together.

    estimator: a fitted candidate. calibrator: fitted on its raw log-odds. bounds: fitted on the same. shift: log-odds
    that a check of calibration in the large added, known with shift_variance. background: column -> values of some
    training rows, accepted: their outcomes (0/1), bags: refits on resampled rows: all for reasons, they may be empty.
    support: who is like the leads it learned from; without it everybody counts as such.
    """

    def __init__(
        self,
        estimator: Estimator,
        calibrator: Calibrator,
        bounds: Bounds,
        shift: float = 0.0,
        shift_variance: float = 0.0,
        background: dict[str, Vector] | None = None,
        accepted: Vector | None = None,
        bags: Sequence[Estimator] = (),
        support: Support | None = None,
    ) -> None:
        self.estimator, self.calibrator, self.bounds = estimator, calibrator, bounds
        self.shift, self.shift_variance = shift, shift_variance
        self.background, self.accepted, self.bags, self.support = background, accepted, bags, support

    def __getstate__(self) -> dict[str, Any]:
        """Its parts; of refits that have the model's form what differs from it."""
        state: dict[str, Any] = super().__getstate__()
        return state | {"bags": [pack(bag, self.estimator) or bag for bag in self.bags]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take parts of `__getstate__`, or of a model that was kept with whole refits; ValueError where they are not of
        one model."""
        super().__setstate__(state)
        self.bags = [unpack(bag, self.estimator) if isinstance(bag, dict) else bag for bag in self.bags]

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

    def raw_log_odds(self, X: pd.DataFrame | Columns) -> Vector:
        """N log-odds of the candidate before calibration."""
        return logit(predicted(self.estimator, Columns.of(X)))

    def calibrate(self, raw: Vector) -> Vector:
        """N calibrated log-odds of n raw ones."""
        return np.asarray(self.calibrator.transform(raw) + self.shift)

    def assess(self, X: pd.DataFrame) -> pd.DataFrame:
        """What is known of n leads, by the index of X: `probability`, `probability_low`, `probability_high`, `support`.

        The bounds are those of `Bounds`, moved by `shift` as the probability is, and widened to it where the calibrator
        lies outside. support: `inside`, or `outside` what the labelled hand-offs covered: there the bounds widen by the
        variance of the coefficients.
        """
        leads = Columns(X)
        raw, outside, variance = self.raw_log_odds(leads), np.zeros(len(X), dtype=bool), np.zeros(len(X))
        if self.support is not None:
            outside, variance = self.support.outside(leads)
        p = sigmoid(self.calibrate(raw))
        bounds = self.bounds.interval(raw, self.shift_variance + variance)
        low, high = (sigmoid(logit(bound) + self.shift) for bound in bounds)
        found = {"probability": p, "probability_low": np.minimum(low, p), "probability_high": np.maximum(high, p)}
        return pd.DataFrame({**found, "support": np.where(outside, "outside", "inside")}, index=X.index)

    def mean_interval(self, X: pd.DataFrame) -> tuple[float, float]:
        """A 90 % interval for the mean probability of n leads, which should lie inside the support.

        What the labels leave open of the coefficients, widened by BEYOND_SAMPLING: on simulated companies the truth of
        an age band or a zone lies in it nine times of ten (docs/models.md).
        """
        p = self.predict_proba(X)[:, 1]
        told = self.support.mean_variance(X, p) if self.support is not None else 0.0
        half = BEYOND_SAMPLING * WITHIN * np.sqrt(told + self.shift_variance * float(np.mean(p * (1 - p))) ** 2)
        return max(0.0, float(p.mean() - half)), min(1.0, float(p.mean() + half))

    def interval(self, X: pd.DataFrame) -> tuple[Vector, Vector]:
        """The bounds of n probabilities, as `assess` gives them."""
        found = self.assess(X)
        return found["probability_low"].to_numpy(), found["probability_high"].to_numpy()

    def shifted(self, by: float, variance: float = 0.0) -> ReadyModel:
        """The same model with its log-odds moved by `by`, as `calibration.recent_shift` asks for."""
        moved = {"shift": self.shift + by, "shift_variance": self.shift_variance + variance}
        return ReadyModel(**{**self.get_params(deep=False), **moved})


def make_ready(
    estimator: Estimator,
    calibrator: Calibrator,
    cal_z: Vector,
    cal_y: Vector,
    *,
    background: pd.DataFrame | None = None,
    accepted: Vector | None = None,
    bags: Sequence[Estimator] = (),
    support: Support | None = None,
) -> ReadyModel:
    """Put fitted parts together; the bounds are made here.

    cal_z: n out-of-fold raw log-odds of the candidate, in the order of their outcomes cal_y (0/1); ModelError where
    they do not fit. background: rows of the raw frame, float and text columns; accepted: their outcomes.
    """
    rows = None if background is None else {str(name): _plain(background[name]) for name in background}
    return ReadyModel(
        estimator,
        calibrator,
        Bounds().fit(cal_z, cal_y),
        background=rows,
        accepted=accepted,
        bags=list(bags),
        support=support,
    )


def trusted_types(candidate: str) -> set[str]:
    """The paths of the types of which a saved model of that candidate may be made, beyond those that skops knows."""
    parts = (*paths(ReadyModel, Bounds, Identity, Platt, VennAbers, Weighted, ColumnGuard, Support), *LINEAR)
    return {*parts, *(each for c in CANDIDATES if c.name == candidate for each in c.trusted)}


def _plain(column: pd.Series) -> Vector:
    """Float64 or fixed-width text: other arrays of text cannot be kept in skops."""
    return np.asarray(column, dtype=float if pd.api.types.is_numeric_dtype(column) else str)
