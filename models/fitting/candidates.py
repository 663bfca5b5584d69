"""Which models are tried? One spec each; adding a model is adding a spec to CANDIDATES."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline

from features.catalogue import Feature
from models.fitting.columns import Columns
from models.fitting.encoders import ColumnGuard, Numbers, OneHot, Ordinal, Points, Steps
from models.fitting.forest import Forest, columns_read
from models.fitting.regression import Regression
from models.fitting.rules_baseline import Rulebook
from models.metrics.evaluation import Vector, logit, sigmoid

Features = tuple[Feature, ...]
Estimator = Any  # a scikit-learn classifier of raw frames; scikit-learn ships no types
POINTS = "rule_points"
SHALLOW = 3  # leaves of the shallow trees
MONOTONE = {"+": 1, "-": -1, "": 0}
RARE = 10  # levels seen in fewer rows are put together
TREE_ROWS = 2000  # at once; 1,000 to 4,000 take the same time
COMMON = {"min_frequency": RARE, "max_categories": 40}  # at most so many levels of a text are told apart
VARIANCES = {"logistic": 4.0, "logistic_firm": 1.5, "logistic_loose": 12.0}
"""How far a regression may move a lead's log-odds (the prior's variance); the folds choose among them."""
HELD = {"logistic": "", "logistic_firm": ", held back more", "logistic_loose": ", held back less"}
BLENDS = {name: name.replace("logistic", "blend") for name in VARIANCES}
"""The regression -> its blend with shallow trees."""


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

    def predict_proba(self, X: pd.DataFrame | Columns) -> Vector:
        """N x 2: probabilities of 0 and 1, to the last bit as scikit-learn's pipeline gives them."""
        leads, model, columns = Columns.of(X), self[-1], columns_read(self)
        is_line = isinstance(model, Regression) and len(self) == 2
        if not isinstance(self[0], ColumnGuard) or not (is_line or columns):
            return np.asarray(super().predict_proba(leads.frame))
        self[0].check(leads)
        if columns is None:
            return np.asarray(model.predict_proba(leads))
        return np.asarray(model._loss.predict_proba(Forest(self, columns).log_odds(leads)[:, None]))


class Trees(HistGradientBoostingClassifier):  # type: ignore[misc]
    """scikit-learn's boosted trees, asked in blocks of rows that stay in the processor's cache.

    20,000 rows took .6 of the time.
    """

    def predict_proba(self, X: Vector) -> Vector:
        """N x 2: probabilities of 0 and 1."""
        begins = range(0, len(X), TREE_ROWS) or [0]  # of no rows scikit-learn says what is wrong
        return np.concatenate([super(Trees, self).predict_proba(X[at : at + TREE_ROWS]) for at in begins])


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

    def predict_proba(self, X: pd.DataFrame | Columns) -> Vector:
        """N x 2: probabilities of 0 and 1."""
        leads = Columns.of(X)
        p = pool([predicted(estimator, leads) for estimator in self.estimators_])
        return np.column_stack([1 - p, p])


def predicted(estimator: Estimator, leads: Columns) -> Vector:
    """The n probabilities of 1 as a fitted estimator gives them; several of ours read what is made ready once."""
    rows = leads if isinstance(estimator, (Weighted, LogitMean)) else leads.frame
    return np.asarray(estimator.predict_proba(rows)[:, 1])


def _guarded(*steps: tuple[str, Any]) -> Weighted:
    return Weighted([("columns", ColumnGuard()), *steps])


def base_rate(*_: Any) -> Estimator:
    """The share of accepted leads for everyone."""
    return _guarded(("model", DummyClassifier(strategy="prior")))


def rulebook(*_: Any) -> Estimator:
    """The rules' points alone."""
    return _guarded(("model", Rulebook()))


def logistic(features: Features, seed: int = 0, variance: float = VARIANCES["logistic"]) -> Estimator:  # noqa: ARG001
    """Regression on tamed numbers and one-hot texts, beginning from the rules' points where there are any.

    The base rate where there is no feature.
    """
    if not features:
        return base_rate()
    texts = OneHot(**COMMON, handle_unknown="infrequent_if_exist", sparse_output=False)
    points = [f.name for f in features if f.name == POINTS]
    encoder = _by_type(features, Numbers(), texts, ("points", Points(), points))
    signs = {f.name: MONOTONE[f.direction] for f in features}
    concepts = {f.name: str(f.concept) for f in features}
    return _guarded(("model", Regression(encoder, signs, concepts, variance)))


def digital_only(features: Features, seed: int) -> Estimator:
    """The same regression on engagement alone: what a lead score without phone and rules would know."""
    return logistic(tuple(f for f in features if f.concept == "engagement"), seed)


def boosting(features: Features, seed: int, leaves: int = 8) -> Estimator:
    """Small boosted trees, monotone where a feature has an expected direction; rare levels put together.

    Without clocks: trees single out weeks by them, and nothing is known of the weeks to come.
    """
    features = _without_clocks(features)
    if not features:
        return base_rate()
    numbers = [f.name for f in features if f.dtype == "number"]
    levels = Ordinal(**COMMON, handle_unknown="use_encoded_value", unknown_value=np.nan)
    directions = {f.name: MONOTONE[f.direction] for f in features}
    texts = len(features) - len(numbers)
    trees = Trees(
        learning_rate=0.05,
        max_iter=150,
        max_leaf_nodes=leaves,
        min_samples_leaf=30,
        l2_regularization=5.0,
        max_features=0.5,
        early_stopping=False,
        monotonic_cst=[directions[name] for name in numbers] + [0] * texts,
        categorical_features=[False] * len(numbers) + [True] * texts,
        random_state=seed,
    )
    return _guarded(("encode", _by_type(features, Steps(), levels)), ("model", trees))


def blend(features: Features, seed: int, member: str = "logistic") -> Estimator:
    """The mean of two models' log-odds: a regression's and that of trees of three leaves."""
    of = (member, logistic(features, seed, VARIANCES[member])), ("shallow", boosting(features, seed, SHALLOW))
    return LogitMean(list(of))


def _without_clocks(features: Features) -> Features:
    return tuple(f for f in features if not f.clock)


def _by_type(
    features: Features, for_numbers: Any, for_texts: Any, *more: tuple[str, Any, list[str]]
) -> ColumnTransformer:
    numbers, texts = ([f.name for f in features if f.dtype == dtype] for dtype in ("number", "text"))
    steps = [("numbers", for_numbers, numbers), ("texts", for_texts, texts), *more]
    return ColumnTransformer([step for step in steps if step[2]], sparse_threshold=0.0)


def paths(*types: type) -> tuple[str, ...]:
    """Where types are imported from, as skops writes it into a saved model."""
    return tuple(f"{each.__module__}.{each.__qualname__}" for each in types)


LINEAR = paths(Numbers, OneHot, Points, Regression)
TREES = (
    *paths(Steps, Ordinal, Trees, partial),
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.utils.validation.check_array",
)
BLEND = (*LINEAR, *TREES, *paths(LogitMean))
CANDIDATES: tuple[Candidate, ...] = (
    Candidate("base_rate", "everyone gets the share of accepted leads", base_rate, deployed=False),
    Candidate("rulebook", "the rules' points alone: more points never count against a lead", rulebook, deployed=False),
    Candidate("digital_only", "logistic regression on engagement alone", digital_only, deployed=False),
    *(
        Candidate(
            name,
            f"logistic regression on every feature{HELD[name]}",
            partial(logistic, variance=variance),
            trusted=LINEAR,
        )
        for name, variance in VARIANCES.items()
    ),
    Candidate("boosting", "small boosted trees without features that follow the calendar", boosting, trusted=TREES),
    Candidate(
        "shallow",
        "boosted trees of three leaves on the same features",
        partial(boosting, leaves=SHALLOW),
        trusted=TREES,
    ),
    *(
        Candidate(
            BLENDS[name],
            f"mean of the log-odds of {name} and shallow",
            partial(blend, member=name),
            True,
            (name, "shallow"),
            BLEND,
        )
        for name in VARIANCES
    ),
)
DEPLOYED = tuple(c for c in CANDIDATES if c.deployed)  # no other can be chosen
