"""Which models are tried? One spec each; adding a model is adding a spec to CANDIDATES."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from features.catalogue import Feature
from models.fitting.encoders import ColumnGuard, Numbers, Points, Steps
from models.fitting.frequencies import Frequencies
from models.fitting.rules_baseline import Rulebook
from models.metrics.evaluation import Vector, logit, sigmoid

Features = tuple[Feature, ...]
Estimator = Any  # a scikit-learn classifier of raw frames; scikit-learn ships no types
POINTS = "rule_points"
MONOTONE = {"+": 1, "-": -1, "": 0}
RARE = 10  # levels seen in fewer rows are put together
COMMON = {"min_frequency": RARE, "max_categories": 40}  # at most so many levels of a text are told apart
PRIOR_VARIANCE = 0.5  # of a lead's log-odds, shared out over its features: as good as tuning C by cross-validation


@dataclass(frozen=True)
class Candidate:
    """A model to try. `build(features, seed)` gives one unfitted estimator that takes the raw frame of those features.

    Only a candidate that may be `deployed` can be chosen; the others are what it has to beat. One with `members` pools
    their predictions (`pool`), which a comparison need not fit again. `trusted`: the paths of the types that a saved
    one holds beyond `Weighted`, `ColumnGuard` and what skops knows by itself; no other is loaded.
    """

    name: str
    meaning: str
    build: Callable[[Features, int], Estimator]
    deployed: bool = True
    members: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()


class Weighted(Pipeline):  # type: ignore[misc]
    """A pipeline whose last step, called `model`, takes weights of the rows."""

    def fit(self, X: pd.DataFrame, y: Vector, sample_weight: Vector | None = None) -> Weighted:
        """Fit on the n x k frame X and n outcomes of 0/1, by n weights."""
        fitted: Weighted = super().fit(X, y, model__sample_weight=sample_weight)
        return fitted


def pool(p: Sequence[Vector]) -> Vector:
    """Mean log-odds of several predictions of the same n rows (logarithmic opinion pool, Genest & Zidek 1986)."""
    return sigmoid(np.mean([logit(each) for each in p], axis=0))


class LogitMean(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Blend of classifiers: their predictions pooled.

    `estimators` are (name, estimator) pairs. Fitted: estimators_ (in the same order), classes_.
    """

    def __init__(self, estimators: list[tuple[str, Estimator]]) -> None:
        self.estimators = estimators

    def fit(self, X: pd.DataFrame, y: Vector, sample_weight: Vector | None = None) -> LogitMean:
        """Fit a clone of each on the n x k frame X and n outcomes of 0/1, by n weights."""
        self.estimators_ = [clone(estimator).fit(X, y, sample_weight) for _, estimator in self.estimators]
        self.classes_ = self.estimators_[0].classes_
        return self

    def predict_proba(self, X: pd.DataFrame) -> Vector:
        """N x 2: probabilities of 0 and 1."""
        p = pool([estimator.predict_proba(X)[:, 1] for estimator in self.estimators_])
        return np.column_stack([1 - p, p])


def _of(features: Iterable[Feature], dtype: str) -> list[str]:
    return [f.name for f in features if f.dtype == dtype]


def _guarded(*steps: tuple[str, Any]) -> Weighted:
    return Weighted([("columns", ColumnGuard()), *steps])


def base_rate(*_: Any) -> Estimator:
    """The share of accepted leads for everyone."""
    return _guarded(("model", DummyClassifier(strategy="prior")))


def rulebook(*_: Any) -> Estimator:
    """The rules' points alone."""
    return _guarded(("model", Rulebook()))


def logistic(features: Features, seed: int, clocks: bool = True) -> Estimator:
    """L2 logistic regression on tamed numbers and one-hot texts, beginning from the rules' points where there are any.

    The base rate where there is no feature. `clocks`: with what moves with the calendar for all leads alike.
    """
    features = features if clocks else _without_clocks(features)
    if not features:
        return base_rate()
    levels = OneHotEncoder(**COMMON, handle_unknown="infrequent_if_exist", sparse_output=False)
    points = [f.name for f in features if f.name == POINTS]
    encode = _by_type(features, Numbers(), levels, ("points", Points(), points))
    strength = PRIOR_VARIANCE / len(features)
    return _guarded(("encode", encode), ("model", LogisticRegression(C=strength, max_iter=5000, random_state=seed)))


def digital_only(features: Features, seed: int) -> Estimator:
    """The same regression on engagement alone: what a lead score without phone and rules would know."""
    return logistic(tuple(f for f in features if f.concept == "engagement"), seed)


def frequencies(features: Features, _: int) -> Estimator:
    """Naive Bayes over the texts of the lead and its account: the scoring that open-source CRMs ship."""
    return _guarded(("model", Frequencies(tuple(_of([f for f in features if f.concept == "fit"], "text")))))


def boosting(features: Features, seed: int, leaves: int = 8) -> Estimator:
    """Small boosted trees, monotone where a feature has an expected direction; rare levels put together.

    Without clocks: trees single out weeks by them, and nothing is known of the weeks to come.
    """
    features = _without_clocks(features)
    if not features:
        return base_rate()
    numbers, texts = _of(features, "number"), _of(features, "text")
    levels = OrdinalEncoder(**COMMON, handle_unknown="use_encoded_value", unknown_value=np.nan)
    directions = {f.name: MONOTONE[f.direction] for f in features}
    trees = HistGradientBoostingClassifier(
        learning_rate=0.05,
        max_iter=150,
        max_leaf_nodes=leaves,
        min_samples_leaf=30,
        l2_regularization=5.0,
        max_features=0.5,
        early_stopping=False,
        monotonic_cst=[directions[name] for name in numbers] + [0] * len(texts),
        categorical_features=[False] * len(numbers) + [True] * len(texts),
        random_state=seed,
    )
    return _guarded(("encode", _by_type(features, Steps(), levels)), ("model", trees))


def blend(features: Features, seed: int) -> Estimator:
    """The mean of the two models' log-odds."""
    return LogitMean([("logistic", logistic(features, seed)), ("boosting", boosting(features, seed))])


def _without_clocks(features: Features) -> Features:
    return tuple(f for f in features if not f.clock)


def _by_type(
    features: Features, for_numbers: Any, for_texts: Any, *more: tuple[str, Any, list[str]]
) -> ColumnTransformer:
    steps = [("numbers", for_numbers, _of(features, "number")), ("texts", for_texts, _of(features, "text")), *more]
    return ColumnTransformer([step for step in steps if step[2]], sparse_threshold=0.0)


def paths(*types: type) -> tuple[str, ...]:
    """Where types are imported from, as skops writes it into a saved model."""
    return tuple(f"{each.__module__}.{each.__qualname__}" for each in types)


LINEAR = paths(Numbers, Points)
TREES = (
    *paths(Steps, partial),
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.utils.validation.check_array",
)
BLEND = (*LINEAR, *TREES, *paths(LogitMean))
STEADY = partial(logistic, clocks=False)
CANDIDATES: tuple[Candidate, ...] = (
    Candidate("base_rate", "everyone gets the share of accepted leads", base_rate, deployed=False),
    Candidate("rulebook", "the rules' points alone: more points never count against a lead", rulebook, deployed=False),
    Candidate("digital_only", "logistic regression on engagement alone", digital_only, deployed=False),
    Candidate("frequencies", "naive Bayes over the fields of a form, as CRMs score", frequencies, deployed=False),
    Candidate("logistic", "logistic regression on every feature", logistic, trusted=LINEAR),
    Candidate("steady", "logistic regression without features that follow the calendar", STEADY, trusted=LINEAR),
    Candidate("boosting", "small boosted trees without features that follow the calendar", boosting, trusted=TREES),
    Candidate(
        "shallow", "boosted trees of three leaves on the same features", partial(boosting, leaves=3), trusted=TREES
    ),
    Candidate("blend", "mean of the log-odds of logistic and boosting", blend, True, ("logistic", "boosting"), BLEND),
)
DEPLOYED = tuple(c for c in CANDIDATES if c.deployed)  # no other can be chosen
