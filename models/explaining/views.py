"""What would a fitted model say if only some concepts were the lead's own, and the rest another lead's?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder

from models.explaining.coalitions import Population, shapley
from models.explaining.leaf_tables import Trees
from models.fitting.candidates import Estimator, LogitMean
from models.fitting.encoders import Steps
from models.fitting.regression import Regression
from models.fitting.rules_baseline import Rulebook
from models.metrics.evaluation import Vector, logit

CROSSED = 20_000
"""Made-up leads predicted at once: what fits in memory."""


def log_odds(estimator: Estimator, X: pd.DataFrame) -> Vector:
    """N log-odds as an estimator of raw frames gives them."""
    return logit(np.asarray(estimator.predict_proba(X))[:, 1])


class Sums:
    """A model whose log-odds are an intercept and one term per feature, such as logistic regression."""

    def __init__(self, terms: Callable[[pd.DataFrame], Vector], intercept: float, population: Population) -> None:
        self._terms, self._intercept, self._population = terms, intercept, population
        self._concepts = np.eye(len(population.concepts))[population.concept_of]
        self._usual = terms(population.background[population.names]).mean(axis=0)
        self.base = intercept + float(self._usual.sum())

    def contributions(self, X: pd.DataFrame) -> Vector:
        """Each concept's terms beyond their mean over the background."""
        return np.asarray(self.moves(X) @ self._concepts)

    def moves(self, X: pd.DataFrame) -> Vector:
        """Terms beyond their mean over the background."""
        return np.asarray(self._terms(X) - self._usual)


class Blend:
    """The mean of several models' log-odds."""

    def __init__(self, members: list[View]) -> None:
        self._members = members
        self.base: float = float(np.mean([member.base for member in members]))

    def contributions(self, X: pd.DataFrame) -> Vector:
        """The mean of the members'."""
        return np.asarray(np.mean([member.contributions(X) for member in self._members], axis=0))

    def moves(self, X: pd.DataFrame) -> Vector:
        """The mean of the members'."""
        return np.asarray(np.mean([member.moves(X) for member in self._members], axis=0))


class Frames:
    """Any classifier of raw frames, asked for every crossing: right for all, and slow.

    Concepts of which it reads no feature need no crossing of their own.
    """

    def __init__(self, estimator: Estimator, population: Population) -> None:
        self._estimator, self._population = estimator, population
        self._read = _concepts_read(estimator, population)
        self.base = float(log_odds(estimator, population.background[population.names]).mean())

    def contributions(self, X: pd.DataFrame) -> Vector:
        """Shapley values of all coalitions."""
        return shapley(np.array([z.mean(axis=1) for z in self.mixed(X)]))

    def mixed(self, X: pd.DataFrame) -> Iterator[Vector]:
        """Predictions of n x m made-up leads."""
        known: dict[int, Vector] = {}
        for coalition in range(1 << len(self._population.concepts)):
            asked = coalition & self._read
            if asked not in known:
                inside = self._population.inside(asked)[self._population.concept_of]
                known[asked] = self._crossed(X, inside)
            yield known[asked]

    def _crossed(self, X: pd.DataFrame, own: Vector) -> Vector:
        """Log-odds, n x m, of leads that keep the `own` features and take the others from the background."""
        step = max(1, CROSSED // len(self._population.background))
        parts = [X.iloc[start : start + step] for start in range(0, len(X), step)]
        return np.concatenate([self._crossing(part, own) for part in parts])

    def _crossing(self, X: pd.DataFrame, own: Vector) -> Vector:
        names, background = np.array(self._population.names, dtype=object), self._population.background
        lead, other = np.indices((len(X), len(background))).reshape(2, -1)
        kept = X[names[own]].iloc[lead].reset_index(drop=True)
        taken = background[names[~own]].iloc[other].reset_index(drop=True)
        crossed = pd.concat([kept, taken], axis=1)[list(names)]
        return log_odds(self._estimator, crossed).reshape(len(X), len(background))

    def moves(self, X: pd.DataFrame) -> Vector:
        """Each feature alone taken from every background row in turn."""
        others = ~np.eye(len(self._population.names), dtype=bool)
        lowered = [self._crossed(X, own).mean(axis=1) for own in others]
        return np.asarray(log_odds(self._estimator, X)[:, None] - np.column_stack(lowered))


def _concepts_read(estimator: Estimator, population: Population) -> int:
    """The coalition of the concepts that a model reads features of: all, unless it names its columns."""
    model = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    if isinstance(model, DummyClassifier):
        return 0
    every = (model.column,) if isinstance(model, Rulebook) else population.names
    read = [name in every for name in population.names]
    return sum(1 << int(concept) for concept in np.unique(population.concept_of[read]))


View = Sums | Blend | Frames | Trees
"""How a fitted model is looked into, by raw frames of n leads.

`base` is the mean log-odds of the m background rows. `contributions` are exact Shapley values per concept of the mean
log-odds over them (n x concepts, adding up to log-odds - base). `mixed` gives, coalition by coalition, the n x m
log-odds of every lead crossed with every background row. `moves` is by how much each feature alone, taken
from the background rows in turn, would lower the log-odds on average (n x features).
"""


def look_into(estimator: Estimator, population: Population) -> View:
    """The fastest exact view of a fitted estimator of raw frames."""
    return _fast_view(estimator, population) or Frames(estimator, population)


def _fast_view(estimator: Estimator, population: Population) -> View | None:
    if isinstance(estimator, LogitMean):
        members = [_fast_view(member, population) for member in estimator.estimators_]
        known = [member for member in members if member is not None]
        return Blend(known) if len(known) == len(members) else None
    if isinstance(estimator, Pipeline) and isinstance(estimator[-1], Regression):
        return _linear(estimator, population)
    if isinstance(estimator, Pipeline) and isinstance(estimator[-1], HistGradientBoostingClassifier):
        columns = _columns(estimator)
        return Trees(estimator, columns, population) if columns else None
    return None


def _linear(pipeline: Pipeline, population: Population) -> View:
    model = pipeline[-1]
    weights = np.zeros((len(model.columns_), len(population.names)))
    weights[np.arange(len(weights)), [population.names.index(name) for name in model.columns_]] = model.coef_
    return Sums(lambda X: np.asarray(model.encode(X) @ weights), model.intercept_, population)


def _columns(pipeline: Pipeline) -> list[str] | None:
    """The feature that each column of the trees comes from; None where the encoding is none of ours."""
    encode = pipeline[-2]
    if len(pipeline) != 3 or not isinstance(encode, ColumnTransformer):
        return None
    parts = [(step, names) for _, step, names in encode.transformers_ if not isinstance(step, str)]
    return (
        [name for _, names in parts for name in names]
        if all(type(s) in (Steps, OrdinalEncoder) for s, _ in parts)
        else None
    )
