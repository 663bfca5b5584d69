"""Why this score? What each concept adds to a lead's log-odds, which features moved it, and whether it is like others.

The unit is the concept. In the game of a lead the worth of some concepts is the mean calibrated log-odds over a
background of other leads, those concepts being the lead's own and the rest the other's; a concept's contribution is its
exact Shapley value (Shapley 1953; Štrumbelj & Kononenko 2014). Sums over the concepts are the score by construction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.errors import ModelError
from features.definition import Feature
from models.explaining.coalitions import Population
from models.explaining.criteria import criteria, swap
from models.explaining.views import Frames, compare, read
from models.fitting.candidates import Estimator, predicted
from models.fitting.columns import Columns
from models.fitting.deployed import ReadyModel
from models.metrics.evaluation import EDGE, Vector, logit

TOLERANCE = 1e-9
SLOW_ROWS = 25
"""Background rows where every crossing has to be worked out (an unknown estimator)."""
BLOCK = 8192
"""Leads taken at once: pipelines have a fixed cost per call, tables want to stay in cache."""


@dataclass(frozen=True)
class Contributions:
    """Log-odds of n leads and their parts: base + the sum of a row of `values` (n x concepts present) is `log_odds`."""

    values: pd.DataFrame
    base: float
    log_odds: Vector


class Explainer:
    """Looks into a fitted model: a ReadyModel, or any classifier of raw frames.

    `background` are the leads to compare with (25 to 100 rows of the raw frame; scored or trained on for "why this
    score", accepted ones for "what is missing"), `features` the definitions of the model's columns. `bags` are refits
    on resampled rows, by which `named_by` judges; those of the ReadyModel where it has any.
    """

    def __init__(
        self,
        model: Estimator,
        background: pd.DataFrame,
        features: tuple[Feature, ...],
        bags: Sequence[Estimator] | None = None,
    ) -> None:
        self._model = model if isinstance(model, ReadyModel) else None
        self._estimator = model.estimator if isinstance(model, ReadyModel) else model
        bags = bags if bags is not None else getattr(model, "bags", ())
        self._features, self._criteria = features, criteria(features)
        self._read = [(each, read(each, [f.name for f in features])) for each in (self._estimator, *bags)]
        self._compare(background)

    def beside(self, background: pd.DataFrame) -> Explainer:
        """The same compared with other leads; of the model and its refits nothing is read anew."""
        other = copy(self)
        other._compare(background)
        return other

    def _compare(self, background: pd.DataFrame) -> None:
        population = Population(_checked(background, self._features), self._features)
        if self._read[0][1] is None:
            population = Population(spread(population.background, SLOW_ROWS), self._features)
        self.population = population
        self._view, *self._bags = (compare(found, population) or Frames(each, population) for each, found in self._read)
        self._base = self._view.base

    @property
    def has_refits(self) -> bool:
        """Whether there are refits to tell steady moves by."""
        return len(self._bags) >= 2

    def log_odds(self, X: pd.DataFrame) -> Vector:
        """N calibrated log-odds as the model itself gives them."""
        return self._calibrate(self._raw(X))

    def explain(self, X: pd.DataFrame) -> Contributions:
        """Contributions of every concept, by the index of the n x k frame X.

        Raises ModelError where they do not add up to the log-odds of the model's own prediction within 1e-9, before
        calibration, as far as a probability tells them: not beyond odds of 10^12.
        """
        concepts = list(self.population.concepts)
        values, base = [np.empty((0, len(concepts)))], float("nan")
        for block in blocks(X):
            part, base = self._explain(block[self.population.names])
            values.append(part)
        frame = pd.DataFrame(np.concatenate(values), X.index, concepts)
        return Contributions(frame, base, base + frame.to_numpy().sum(axis=1))

    def moves(self, X: pd.DataFrame) -> Vector:
        """By how much each feature alone, taken from the background rows in turn, lowers the log-odds: n x features."""
        return self._slope * self._view.moves(self._columns(X))

    def named_by(self, X: pd.DataFrame, least: float = 0.0) -> tuple[Vector, Vector | None]:
        """Moves by which reasons are named, n x features, and which of them are steady (None without refits).

        As `moves`, but a criterion of the agreement is put to the usual whole: all columns of its answer, and what
        its points add to the sums. The move stands at the column that speaks for it, the others have none. Steady are
        those whose mean over the refits is beyond 2 standard deviations; features that move no lead by more than
        `least` are not judged.
        """
        leads = self._columns(X)
        swaps = swap(self._criteria, leads, self.population.baseline.iloc[0])
        moves = self._slope * self._view.moves(leads, swaps)
        if not self.has_refits:
            return moves, None
        own, steady = (
            np.flatnonzero(np.max(np.abs(moves), axis=0, initial=0.0) > least),
            np.zeros(moves.shape, dtype=bool),
        )
        named = {self.population.names[place] for place in own}
        judged = [each for each in swaps if each.criterion.speaker in named]
        if len(own):
            steady[:, own] = _steady([view.moves(leads, judged, own) for view in self._bags])
        return moves, steady

    def _explain(self, X: pd.DataFrame) -> tuple[Vector, float]:
        leads = self._columns(X)
        values = self._view.contributions(leads)
        _refuse_gap(self._base + values.sum(axis=1), logit(predicted(self._estimator, leads)))
        return self._slope * values, float(self._calibrate(np.array([self._base]))[0])

    def _columns(self, X: pd.DataFrame) -> Columns:
        return Columns(X[self.population.names])

    @property
    def _slope(self) -> float:
        """Of the calibrator, which is a straight line."""
        return float(np.diff(self._calibrate(np.array([0.0, 1.0])))[0])

    def _raw(self, X: pd.DataFrame) -> Vector:
        return logit(predicted(self._estimator, self._columns(X)))

    def _calibrate(self, raw: Vector) -> Vector:
        return self._model.calibrate(raw) if self._model else raw


def blocks(X: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The same rows, a block at a time."""
    return (X.iloc[start : start + BLOCK] for start in range(0, len(X), BLOCK))


def _steady(refits: list[Vector]) -> Vector:
    """Where the mean of several equally shaped moves is beyond 2 standard deviations."""
    mean = sum(refits) / len(refits)
    variance = sum((moves - mean) ** 2 for moves in refits) / (len(refits) - 1)
    return np.asarray(np.abs(mean) > 2 * np.sqrt(variance))


def _checked(background: pd.DataFrame, features: tuple[Feature, ...]) -> pd.DataFrame:
    gone = [f.name for f in features if f.name not in background.columns]
    if gone or background.empty or not features:
        got = f"{len(background)} leads for {len(features)} features, without {', '.join(gone[:10]) or 'none'}"
        whole, do = "at least one background lead with every feature of the model", "use rows of the training set"
        raise ModelError("explaining a model", expected=whole, got=got, do=do)
    return background[[f.name for f in features]].reset_index(drop=True)


def spread(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most so many rows, evenly spread over all."""
    at = np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int))
    return rows.iloc[at].reset_index(drop=True)


def _refuse_gap(total: Vector, log_odds: Vector) -> None:
    """Raise ModelError where parts do not add up; the further out, the less a probability tells its log-odds."""
    edge = float(logit(np.array(1 - EDGE)))
    known = TOLERANCE + 4 * np.finfo(float).eps * np.exp(np.abs(log_odds))
    gap = np.abs(np.clip(total, -edge, edge) - log_odds)
    if (gap > known).any():
        sums, do = (
            f"contributions that add up to the log-odds within {TOLERANCE:g}",
            "report this with the model's class",
        )
        got = f"a gap of {gap.max():.2g}"
        raise ModelError("explaining scores", expected=sums, got=got, do=f"{do} and the versions installed")


def importance(explainer: Explainer, X: pd.DataFrame) -> pd.DataFrame:
    """Mean absolute move of each feature over the rows of X, in log-odds, largest first: feature, concept, move."""
    total = sum((np.abs(explainer.moves(block)).sum(axis=0) for block in blocks(X)), start=np.zeros(1))
    rows = [(f.name, f.concept, f.meaning) for f in explainer.population.features]
    frame = pd.DataFrame(rows, columns=["feature", "concept", "meaning"]).assign(move=total / len(X))
    return frame.sort_values("move", ascending=False, kind="stable", ignore_index=True)


def partial_effect(explainer: Explainer, X: pd.DataFrame, name: str) -> pd.DataFrame:
    """Mean log-odds of the background with one feature put to each value of a grid (Friedman 2001).

    The grid are 8 quantiles of X, or its most frequent texts, and missing where it occurs: value, log_odds, and the
    share of X's rows that are nearest to it.
    """
    column, background = X[name], explainer.population.background
    if pd.api.types.is_numeric_dtype(column):
        grid = list(np.unique(column.dropna().quantile(np.linspace(0.01, 0.99, 8), interpolation="nearest")))
        place = pd.Series(np.abs(column.to_numpy()[:, None] - np.array(grid or [0.0])).argmin(axis=1), column.index)
        place[column.isna()] = len(grid)
        grid += [np.nan] * bool(column.isna().any())
    else:
        grid = list(column.value_counts().index[:8])
        place = column.map({value: at for at, value in enumerate(grid)})
    effect = [float(explainer.log_odds(background.assign(**{name: value})).mean()) for value in grid]
    share = [float((place == at).mean()) for at in range(len(grid))]
    return pd.DataFrame({"value": grid, "log_odds": effect, "share": share})
