"""What does a pipeline do to the columns before it learns? Refuse wrong ones, tame the numbers, fill the empty."""

from __future__ import annotations

import pickle
from copy import copy

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from data.errors import ModelError
from models.fitting.columns import Columns, Words
from models.metrics.evaluation import Vector

TILE = 1200
"""Leads encoded at once: what is made on the way stays in the processor's cache."""


class ColumnGuard(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Lets through the columns of training alone, in their order, numbers as float64.

    Raises ModelError with the difference: missing, unexpected, repeated or of another type, infinite numbers, missing
    texts. Fitted: kinds_ (column name -> number or text, in order), n_features_in_.
    """

    def fit(self, X: pd.DataFrame, y: Vector | None = None) -> ColumnGuard:  # noqa: ARG002
        """Remember the columns of the n x k frame X."""
        leads = Columns(X)
        self.kinds_ = leads.kinds
        self.n_features_in_ = len(self.kinds_)
        _refuse_unless_empty(_unusable(leads, self.kinds_), self.kinds_)
        return self

    def check(self, leads: Columns) -> None:
        """Raise ModelError where these are not the columns of training."""
        found = _difference(leads, self.kinds_) or _unusable(leads, self.kinds_)
        _refuse_unless_empty(found, self.kinds_)

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """The same rows with the columns of training in their order."""
        self.check(Columns(X))
        numbers, texts = _by_kind(self.kinds_)
        # column by column pandas takes longer than a regression does
        return pd.concat([X[numbers].astype("float64"), X[texts]], axis=1)[list(self.kinds_)]


def _difference(leads: Columns, trained: dict[str, str]) -> list[str]:
    if not isinstance(leads.frame, pd.DataFrame):
        return [f"a {type(leads.frame).__name__} without column names"]
    found = [str(name) for name in leads.frame.columns]
    if len(set(found)) < len(found):
        return _named("repeated", sorted({name for name in found if found.count(name) > 1}))
    given = leads.kinds
    changed = [name for name in found if given[name] != trained.get(name, given[name])]
    missing, unexpected = ([name for name in a if name not in b] for a, b in ((trained, given), (given, trained)))
    wrong = [f"{name} ({given[name]}, was {trained[name]})" for name in changed]
    return _named("missing", missing) + _named("unexpected", unexpected) + _named("wrong type", wrong)


def _unusable(leads: Columns, trained: dict[str, str]) -> list[str]:
    said = zip(("infinite numbers in", "missing texts in"), _by_kind(trained), strict=True)
    return [line for what, names in said for line in _named(what, [n for n in names if n in leads.unusable])]


def _by_kind(kinds: dict[str, str]) -> tuple[list[str], list[str]]:
    numbers, texts = ([name for name, kind in kinds.items() if kind == wanted] for wanted in ("number", "text"))
    return numbers, texts


def _named(what: str, names: list[str], most: int = 10) -> list[str]:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return [f"{what} {', '.join(names[:most])}{more}"] if names else []


def _refuse_unless_empty(difference: list[str], kinds: dict[str, str]) -> None:
    if difference:
        raise ModelError(
            "checking the columns of the feature matrix",
            expected=f"the {len(kinds)} columns of training, no number infinite and no text missing",
            got="; ".join(difference),
            do="build the matrix with the feature catalogue that the model was trained with, or train again",
        )


class Numbers(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Numbers for a linear model: signed log1p, median for missing and a flag for it, standard units, clipped.

    A flag is made where at least `least` rows are missing and as many are not; columns missing in the same rows share
    one. `bound` clips in standard deviations, so that a rare or huge value cannot decide alone. Columns without any
    value or spread become 0. Fitted: medians_, flagged_ (positions), means_, scales_.
    """

    def __init__(self, least: int = 10, bound: float = 5.0) -> None:
        self.least, self.bound = least, bound

    def fit(self, X: pd.DataFrame, y: Vector | None = None) -> Numbers:  # noqa: ARG002
        """Learn medians, flags and units from n x k numbers, NaN where missing."""
        values = self.tame(X)
        absent = np.isnan(values)
        self.medians_ = np.nanmedian(np.where(absent.all(axis=0), 0.0, values), axis=0)
        often = np.flatnonzero(np.minimum(absent.sum(axis=0), (~absent).sum(axis=0)) >= self.least)
        self.flagged_ = often[np.sort(np.unique(absent[:, often], axis=1, return_index=True)[1])]
        filled = self._filled(values)
        self.means_, spread = filled.mean(axis=0), filled.std(axis=0)
        self.scales_ = np.where(spread > 1e-9 * np.maximum(1.0, np.abs(self.means_)), spread, np.inf)
        self.n_features_in_ = values.shape[1]
        return self

    def transform(self, X: pd.DataFrame | Vector) -> Vector:
        """N x (k + flags) float64, none missing."""
        return self.standard(self.tame(X).T).T

    def tamed(self, leads: Columns, names: list[str]) -> Vector:
        """K x n: the k numbers before any of the fitted; once for all fits."""

        def make() -> Vector:
            columns = np.array([leads[name] for name in names])
            for at in range(0, len(leads), TILE):
                columns[:, at : at + TILE] = self.tame(columns[:, at : at + TILE])
            return columns

        return np.asarray(leads.once((type(self), *names), make))

    def standard(self, tamed: Vector) -> Vector:
        """(k + flags) x n float64 of k x n tamed numbers."""
        out = np.empty((len(self.scales_), tamed.shape[1]))
        for at in range(0, tamed.shape[1], TILE):
            out[:, at : at + TILE] = self._standard(tamed[:, at : at + TILE].T).T
        return out

    def part(self, places: Vector) -> tuple[Numbers, Vector]:
        """The same for the columns at those rising places alone, and the places of their encoded columns among all."""
        one, flags = copy(self), np.flatnonzero(np.isin(self.flagged_, places))
        kept = np.append(places, self.n_features_in_ + flags)
        one.medians_, one.n_features_in_ = self.medians_[places], len(places)
        one.flagged_ = np.searchsorted(places, self.flagged_[flags])
        one.means_, one.scales_ = self.means_[kept], self.scales_[kept]
        return one, kept

    def _standard(self, values: Vector) -> Vector:
        standard = (self._filled(values) - self.means_) / self.scales_
        return np.asarray(np.clip(standard, -self.bound, self.bound))

    def tame(self, X: pd.DataFrame | Vector) -> Vector:
        """Numbers before any of the fitted."""
        values = np.asarray(X, dtype=float)
        return np.asarray(np.copysign(np.log1p(np.abs(values)), values))

    def _filled(self, values: Vector) -> Vector:
        absent = np.isnan(values)
        return np.hstack([np.where(absent, self.medians_, values), absent[:, self.flagged_]])


class Points(Numbers):
    """The rules' points in tenths of their spread, 0 where missing, so that a penalty hardly holds their weight back.

    A linear model then begins from the rules and departs from them by what the data say, as a firm with few labels
    needs. Fitted: as Numbers, without a flag.
    """

    def _standard(self, values: Vector) -> Vector:
        return np.asarray(10.0 * super()._standard(values))

    def tame(self, X: pd.DataFrame | Vector) -> Vector:
        """Numbers before any of the fitted."""
        return np.asarray(np.nan_to_num(np.asarray(X, dtype=float)))


class Steps(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Numbers for trees: a column of more than `most` values goes to its quantiles, one without any value to 0.

    Trees put such columns into so many bins anyway; with weights of rows scikit-learn 1.9 finds each quantile anew,
    which took four fifths of a fit. Fitted: steps_ (per column the upper ends of its bins, None where values stay).
    """

    def __init__(self, most: int = 255) -> None:
        self.most = most

    def fit(self, X: pd.DataFrame, y: Vector | None = None) -> Steps:  # noqa: ARG002
        """Learn the steps of n x k numbers."""
        values = np.asarray(X, dtype=float)
        self.empty_, self.n_features_in_ = np.isnan(values).all(axis=0), values.shape[1]
        self.steps_ = [self._steps(column[~np.isnan(column)]) for column in values.T]
        return self

    def transform(self, X: pd.DataFrame) -> Vector:
        """The n x k numbers on their steps."""
        values = np.where(self.empty_, 0.0, np.asarray(X, dtype=float))
        for column, steps in zip(values.T, self.steps_, strict=True):
            if len(steps):
                up = steps[np.minimum(np.searchsorted(steps, column), len(steps) - 1)]
                column[:] = np.where(np.isnan(column), np.nan, up)
        return values

    def limit(self, place: int, most: float) -> float:
        """Up to which raw number the column at that place is put to at most `most`: -inf if none is, inf if all are."""
        steps = self.steps_[place]
        if self.empty_[place]:
            return np.inf if most >= 0 else -np.inf
        if not len(steps):
            return most
        below = int(np.searchsorted(steps, most, side="right"))
        if 0 < below < len(steps):
            return float(steps[below - 1])
        return np.inf if below else -np.inf

    def _steps(self, column: Vector) -> Vector:
        distinct = np.unique(column)
        if len(distinct) <= self.most:
            return np.empty(0)
        return np.unique(np.quantile(column, np.linspace(0, 1, self.most + 1)[1:], method="inverted_cdf"))


class _ByWord:
    """For scikit-learn's encoders of texts: a word is looked up once, where theirs look up the text of every row.

    Dense, and with rare levels put together (`candidates.COMMON`), as only then they say which these are.
    """

    def transform(self, X: pd.DataFrame) -> Vector:
        """The encoded columns of the n x k texts, float64."""
        leads = Columns(X)
        return np.ascontiguousarray(self.rows([leads[str(name)] for name in X]).T)

    def rows(self, texts: list[Words]) -> Vector:
        """Encoded columns x n of k texts."""
        raise NotImplementedError


class OneHot(_ByWord, OneHotEncoder):  # type: ignore[misc]
    """A column of 0 and 1 for each level; of a word never seen 1 for the rare ones where there are any."""

    def rows(self, texts: list[Words]) -> Vector:
        """Encoded columns x n of k texts."""
        out, start = np.empty((sum(widths(self)), len(texts[0].codes))), 0
        levels = zip(texts, places_of_words(self), widths(self), self.infrequent_categories_, strict=True)
        for text, places, width, rare in levels:
            at = text.looked_up(places, -1 if rare is None else width - 1)
            np.equal(at, np.arange(width)[:, None], out=out[start : start + width])
            start += width
        return out


class Ordinal(_ByWord, OrdinalEncoder):  # type: ignore[misc]
    """The number of its level for each text."""

    def rows(self, texts: list[Words]) -> Vector:
        """Encoded columns x n of k texts."""
        known = zip(texts, places_of_words(self), strict=True)
        return np.array([text.looked_up(places, self.unknown_value) for text, places in known], dtype=float)


def encode(encoder: ColumnTransformer, leads: Columns) -> Vector:
    """Encoded columns x n as a fitted encoder makes them of n leads; once for all encoders that are the same.

    Beside ColumnTransformer.transform the same numbers without its copies, column by column.
    """
    return np.asarray(leads.once(pickle.dumps(encoder), lambda: _encode(encoder, leads)))


def _encode(encoder: ColumnTransformer, leads: Columns) -> Vector:
    steps = [(step, list(names)) for _, step, names in encoder.transformers_ if not isinstance(step, str)]
    sizes = [len(encoded(step, names)) for step, names in steps]
    out = np.empty((sum(sizes), len(leads)))
    for rows, (step, names) in zip(np.split(out, np.cumsum(sizes)[:-1]), steps, strict=True):
        if isinstance(step, OneHot):
            rows[:] = step.rows([leads[name] for name in names])
        elif isinstance(step, Numbers):
            rows[:] = step.standard(step.tamed(leads, names))
        else:
            rows[:] = step.transform(leads.frame[names]).T
    return out


def places_of_words(step: OneHotEncoder | OrdinalEncoder) -> list[dict[str, int]]:
    """Per text column of a fitted encoder the place of each known word among its levels; rare ones share the last."""
    rare = [set() if levels is None else {*levels} for levels in step.infrequent_categories_]
    return [_places(levels.tolist(), few) for levels, few in zip(step.categories_, rare, strict=True)]


def _places(words: list[str], rare: set[str]) -> dict[str, int]:
    often = [word for word in words if word not in rare]
    return {word: place for place, word in enumerate(often)} | dict.fromkeys(rare, len(often))


def encoded_columns(encode: ColumnTransformer) -> tuple[list[str], Vector]:
    """Of each column that a fitted encoder makes the feature it comes from, and whether it rises with its value.

    Flags of missing values and levels of texts do not. Raises KeyError for an encoder that is not of this project.
    """
    parts = [encoded(step, list(names)) for _, step, names in encode.transformers_ if not isinstance(step, str)]
    names, valued = zip(*[pair for part in parts for pair in part], strict=True) if parts else ((), ())
    return list(names), np.array(valued, dtype=bool)


def encoded(step: object, names: list[str]) -> list[tuple[str, bool]]:
    """The same of a single step, by encoded column."""
    if isinstance(step, OneHotEncoder):
        return [(name, False) for name, count in zip(names, widths(step), strict=True) for _ in range(count)]
    flags = [names[at] for at in step.flagged_] if type(step) is Numbers else []
    return [*((name, True) for name in names), *((name, False) for name in flags)]


def widths(step: object) -> list[int]:
    """How many encoded columns a fitted encoder of texts makes of each."""
    if not isinstance(step, OneHotEncoder):
        return [1] * len(step.categories_)  # type: ignore[attr-defined]
    rare = [0 if levels is None else len(levels) - 1 for levels in step.infrequent_categories_]
    return [len(levels) - less for levels, less in zip(step.categories_, rare, strict=True)]
