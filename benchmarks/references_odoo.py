"""What would Odoo's lead score say? Naive Bayes over counts of what a CRM form holds, a baseline to beat."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin

from models.metrics.evaluation import Vector, logit, sigmoid

SMOOTHING = 0.1  # as in Odoo: what every value has been seen more often than it was, among won and lost alike
UNSET = "unknown"  # what the matrix writes for a text that is missing
EDGE = 1e-4  # Odoo shows no score below 0.01 % or above 99.99 %


class Frequencies(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Predictive lead scoring in Odoo's manner (Odoo S.A., module `crm`): attributes alone, each counted by itself.

    P(v | won) = (n + 0.1) / (N + 0.1 K), where n won leads of N in which the field is set have the value v, and K
    values were seen; the same for lost. The score is S_w / (S_w + S_l), S_w being the share of won leads times every
    field's P(v | won). A field that is not set and a value never seen are skipped, in counting and in scoring.

    `columns` names the texts to count; Odoo knows no numbers. Fitted: classes_, prior_ (log-odds), evidence_ (per
    column a dict from value to log-odds).
    """

    def __init__(self, columns: tuple[str, ...]) -> None:
        self.columns = columns

    def fit(self, X: pd.DataFrame, y: Vector, sample_weight: Vector | None = None) -> Frequencies:
        """Count the n rows of X by n outcomes of 0/1; a weight of 2 counts a row twice, one of 0 not at all."""
        y = np.asarray(y)
        weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
        self.classes_ = np.array([0, 1])
        self.prior_ = float(logit(np.average(y, weights=weight, keepdims=True))[0])
        counts = pd.DataFrame({"won": weight * (y == 1), "lost": weight * (y == 0)}, index=X.index)
        self.evidence_ = {name: _evidence(X.loc[weight > 0, name], counts[weight > 0]) for name in self.columns}
        return self

    def predict_proba(self, X: pd.DataFrame) -> Vector:
        """N x 2: probabilities of 0 and 1."""
        log_odds = np.full(len(X), self.prior_)
        for name, evidence in self.evidence_.items():
            log_odds += X[name].map(evidence).astype(float).fillna(0.0).to_numpy()
        p = np.clip(sigmoid(log_odds), EDGE, 1 - EDGE)
        return np.column_stack([1 - p, p])


def _evidence(values: pd.Series, counts: pd.DataFrame) -> dict[str, float]:
    """How much each value of a field moves the log-odds: log P(v | won) - log P(v | lost)."""
    is_set = (values.notna() & (values != UNSET)).to_numpy()
    seen = counts[is_set].groupby(values[is_set].to_numpy()).sum()
    likelihood = (seen + SMOOTHING) / (seen.sum() + SMOOTHING * len(seen))
    moved = np.log(likelihood["won"].to_numpy() / likelihood["lost"].to_numpy())
    return dict(zip(seen.index.astype(str), moved.tolist(), strict=True))
