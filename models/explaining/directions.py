"""Is a lead better or worse than usual by what the catalogue expects? A reason may not say the opposite."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from features.definition import Feature, answer_column
from models.explaining.criteria import Criterion, criteria, is_answer
from models.metrics.evaluation import Vector

SIGNS = {"+": 1.0, "-": -1.0, "": 0.0}
TOLD = {"yes": 1.0, "no": -1.0}


def standings(
    features: Sequence[Feature], X: pd.DataFrame, usual: pd.DataFrame, asked: Sequence[Feature] | None = None
) -> Vector:
    """Of n leads and k features: 1 where one is better than in the one row `usual`, -1 where worse, else 0.

    `asked`: of these alone, among all features of the model.
    0 too where nothing is expected of a feature. A number stands by its direction; a missing one is worse than any
    other, as it never happened or nobody knows it. The column that speaks for a criterion stands by the points that the
    criterion gives; where these are the same a yes that still counts is better than no answer, and a no is worse.
    """
    answers = {c.speaker: c for c in criteria(features)}
    asked = features if asked is None else asked
    out = np.zeros((len(asked), len(X)))
    for row, feature in zip(out, asked, strict=True):
        if is_answer(feature) and feature.name in answers:
            row[:] = _answered(feature, answers[feature.name], X, usual)
        elif feature.direction:
            row[:] = _beyond(*(_worth(feature, rows) for rows in (X, usual)))
    return out.T


def _worth(feature: Feature, rows: pd.DataFrame) -> Vector:
    worth = SIGNS[feature.direction] * rows[feature.name].to_numpy(float, na_value=np.nan)
    return np.where(np.isnan(worth), -np.inf, worth)


def _answered(feature: Feature, criterion: Criterion, X: pd.DataFrame, usual: pd.DataFrame) -> Vector:
    by_points = _beyond(X[criterion.points], usual[criterion.points]) if criterion.points else np.zeros(len(X))
    return np.where(by_points, by_points, _beyond(_told(feature, X), _told(feature, usual)))


def _told(feature: Feature, rows: pd.DataFrame) -> Vector:
    """1 for a yes that still counts, -1 for such a no, else 0."""
    state, age = (answer_column(feature.criterion, part) for part in ("state", "age_days"))
    if state not in rows:
        return np.zeros(len(rows))
    told = rows[state].map(TOLD).fillna(0.0).to_numpy(float)
    return np.where(rows[age] > feature.fresh_days, 0.0, told) if age in rows else told


def _beyond(own: Vector | pd.Series, usual: Vector | pd.Series) -> Vector:
    """The sign of n numbers less one number, both possibly infinite."""
    mine, other = np.asarray(own, dtype=float), float(np.asarray(usual)[0])
    return (mine > other).astype(float) - (mine < other)
