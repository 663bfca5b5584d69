"""What would a fitted model say if only some concepts were the lead's own, and the rest another lead's?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from models.explaining.coalitions import Population, shapley
from models.explaining.criteria import Swap, whole
from models.explaining.leaf_tables import Leaves, Trees
from models.fitting.candidates import Estimator, LogitMean
from models.fitting.columns import Columns
from models.fitting.encoders import Numbers, encoded, places_of_words
from models.fitting.forest import Forest, columns_read
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

    def __init__(self, line: Line, population: Population) -> None:
        self._line, self._names, self._others = line, population.names, population.others
        self._place = {name: at for at, name in enumerate(population.names)}
        self._concepts = np.eye(len(population.concepts))[population.concept_of]

    @property
    def base(self) -> float:
        """The mean over the background."""
        mean, _ = self._compared(np.ones(len(self._names), dtype=bool))
        return self._line.intercept + float(mean.sum())

    def contributions(self, leads: Columns) -> Vector:
        """Each concept's terms beyond their mean over the background."""
        return np.asarray(self.moves(leads) @ self._concepts)

    def moves(self, leads: Columns, swaps: Sequence[Swap] = (), only: Vector | None = None) -> Vector:
        """Terms beyond their mean over the background; of swaps beyond those that would be."""
        places, asked = np.arange(len(self._names)) if only is None else only, np.zeros(len(self._names), dtype=bool)
        asked[places] = True
        for swap in swaps:
            asked[[self._place[name] for name in (*swap.criterion.columns, *swap.sums)]] = True
        terms, (mean, usual) = self._all(leads, asked), self._compared(asked)
        swapped = (self._swapped(swap, terms, usual) for swap in swaps)
        return whole(terms[:, places] - mean[places], [self._names[place] for place in places], swaps, swapped)

    def _swapped(self, swap: Swap, terms: Vector, usual: Vector) -> Vector:
        own, sums = ([self._place[name] for name in names] for names in (swap.criterion.columns, swap.sums))
        then = sum(self._line.term(name, values) for name, values in swap.sums.items())
        return np.asarray(terms[:, own + sums].sum(axis=1)[swap.place] - usual[own].sum() - then)

    def _compared(self, asked: Vector) -> tuple[Vector, Vector]:
        """The mean of each term over the background, and the terms of the usual lead."""
        compared = self._all(self._others, asked)
        return compared[:-1].mean(axis=0), compared[-1]

    def _all(self, leads: Columns, asked: Vector) -> Vector:
        """The n x features terms, of the features that are asked for."""
        terms = np.zeros((len(self._names), len(leads)))
        for name, term in self._line.terms(leads, {name for name, at in self._place.items() if asked[at]}):
            terms[self._place[name]] += term
        return terms.T


@dataclass(frozen=True)
class Line:
    """A regression read: its intercept, and what its steps make of which features with their coefficients."""

    intercept: float
    steps: list[tuple[Numbers | OneHotEncoder, list[str], Vector]]

    def terms(self, leads: Columns, asked: set[str]) -> Iterator[tuple[str, Vector]]:
        """What features that are asked for add to the log-odds, n values each; absent are those that add nothing."""
        for step, names, own in self.steps:
            if isinstance(step, OneHotEncoder):
                for name, known, never in _by_word(step, names, own):
                    if name in asked:
                        yield name, leads[name].looked_up(known, never)
            else:
                adds = own[: len(names)] != 0
                adds[step.flagged_] |= own[len(names) :] != 0
                places = np.flatnonzero(adds & [name in asked for name in names])
                yield from _by_number(step, names, own, places, step.tamed(leads, names)[places])

    def term(self, name: str, values: Vector) -> Vector:
        """What a number would add if it were these n."""
        found = [
            term
            for step, names, own in self.steps
            if name in names
            for _, term in _by_number(step, names, own, np.array([names.index(name)]), step.tame(values)[None])
        ]
        return np.asarray(sum(found))


def _by_number(
    step: Numbers, names: list[str], own: Vector, places: Vector, tamed: Vector
) -> Iterator[tuple[str, Vector]]:
    """The terms of the numbers at those places, of their tamed values; a flag belongs to the first that it is of."""
    part, kept = step.part(places)
    rows, weights = part.standard(tamed), own[kept]
    terms = rows[: len(places)] * weights[: len(places), None]
    for at, flag in zip(part.flagged_.tolist(), range(len(places), len(kept)), strict=True):
        terms[at] = np.ascontiguousarray(rows[[at, flag]].T) @ weights[[at, flag]]
    return zip([names[place] for place in places], terms, strict=True)


def _by_word(step: OneHotEncoder, names: list[str], own: Vector) -> Iterator[tuple[str, dict[str, float], float]]:
    """What each word of each text adds, and what one adds that training never saw."""
    start = 0
    for name, places, rare in zip(names, places_of_words(step), step.infrequent_categories_, strict=True):
        of = own[start : start + 1 + max(places.values())]
        start += len(of)
        yield name, {word: of[place] for word, place in places.items()}, 0.0 if rare is None else of[-1]


def _steps(model: Regression) -> list[tuple[Numbers | OneHotEncoder, list[str], Vector]]:
    """The steps of a regression's encoder with their features and the coefficients of what they make."""
    steps = [(step, list(names)) for _, step, names in model.encoder_.transformers_ if not isinstance(step, str)]
    ends = np.cumsum([len(encoded(step, names)) for step, names in steps])
    return [(step, names, own) for (step, names), own in zip(steps, np.split(model.coef_, ends[:-1]), strict=True)]


class Blend:
    """The mean of several models' log-odds."""

    def __init__(self, members: list[View]) -> None:
        self._members = members

    @property
    def base(self) -> float:
        """The mean of the members'."""
        return float(np.mean([member.base for member in self._members]))

    def contributions(self, leads: Columns) -> Vector:
        """The mean of the members'."""
        return np.asarray(sum(member.contributions(leads) for member in self._members) / len(self._members))

    def moves(self, leads: Columns, swaps: Sequence[Swap] = (), only: Vector | None = None) -> Vector:
        """The mean of the members'."""
        return np.asarray(sum(member.moves(leads, swaps, only) for member in self._members) / len(self._members))


class Frames:
    """Any classifier of raw frames, asked for every crossing: right for all, and slow.

    Concepts of which it reads no feature need no crossing of their own.
    """

    def __init__(self, estimator: Estimator, population: Population) -> None:
        self._estimator, self._population = estimator, population
        self._read = _concepts_read(estimator, population)
        self.base = float(log_odds(estimator, population.background[population.names]).mean())

    def contributions(self, leads: Columns) -> Vector:
        """Shapley values of all coalitions."""
        return shapley(np.array([z.mean(axis=1) for z in self.mixed(leads)]))

    def mixed(self, leads: Columns) -> Iterator[Vector]:
        """Predictions of n x m made-up leads."""
        known: dict[int, Vector] = {}
        for coalition in range(1 << len(self._population.concepts)):
            asked = coalition & self._read
            if asked not in known:
                inside = self._population.inside(asked)[self._population.concept_of]
                known[asked] = self._crossed(leads.frame, inside)
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

    def moves(self, leads: Columns, swaps: Sequence[Swap] = (), only: Vector | None = None) -> Vector:
        """Each feature alone taken from every background row in turn."""
        others = ~np.eye(len(self._population.names), dtype=bool)
        places = np.arange(len(others)) if only is None else only
        lowered = [self._crossed(leads.frame, others[place]).mean(axis=1) for place in places]
        own, *swapped = self._swapped(leads, swaps)
        names = [self._population.names[place] for place in places]
        return whole(own[:, None] - np.column_stack(lowered), names, swaps, swapped)

    def _swapped(self, leads: Columns, swaps: Sequence[Swap]) -> list[Vector]:
        """The log-odds of the leads, and the move of each swap.

        All are asked for at once: a pipeline's fixed cost per call is higher than that of its rows.
        """
        frame, usual = leads.frame[self._population.names], self._population.baseline.iloc[0]
        made = [swap.frame(frame, usual) for swap in swaps]
        asked = log_odds(self._estimator, pd.concat([frame, *made], ignore_index=True))
        own, *parts = np.split(asked, np.cumsum([len(frame), *map(len, made)])[:-1])
        return [own, *(own[swap.at] - then for swap, then in zip(swaps, parts, strict=True))]


def _concepts_read(estimator: Estimator, population: Population) -> int:
    """The coalition of the concepts that a model reads features of: all, unless it names its columns."""
    model = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    if isinstance(model, DummyClassifier):
        return 0
    every = (model.column,) if isinstance(model, Rulebook) else population.names
    read = [name in every for name in population.names]
    return sum(1 << int(concept) for concept in np.unique(population.concept_of[read]))


View = Sums | Blend | Frames | Trees
"""How a fitted model is looked into, by the raw columns of n leads.

`base` is the mean log-odds of the m background rows. `contributions` are exact Shapley values per concept of the mean
log-odds over them (n x concepts, adding up to log-odds - base). `mixed` gives, coalition by coalition, the n x m
log-odds of every lead crossed with every background row. `moves` is by how much each feature alone, taken
from the background rows in turn, would lower the log-odds on average (n x features, or of the places `only`); that
of each of `swaps`, made of the same leads, stands whole at the criterion's speaker (`criteria.whole`).
"""


Reading = Line | Leaves | list["Reading"]
"""What views of one fitted model share, whatever it is compared with: a list where it blends several."""


def look_into(estimator: Estimator, population: Population) -> View:
    """The fastest exact view of a fitted estimator of raw frames."""
    return compare(read(estimator, population.names), population) or Frames(estimator, population)


def read(estimator: Estimator, names: list[str]) -> Reading | None:
    """A fitted estimator of raw frames of these features read for a fast view; None where it is not known how."""
    if isinstance(estimator, LogitMean):
        members = [read(member, names) for member in estimator.estimators_]
        known = [member for member in members if member is not None]
        return known if len(known) == len(members) else None
    if isinstance(estimator, Pipeline) and isinstance(estimator[-1], Regression):
        return Line(float(estimator[-1].intercept_), _steps(estimator[-1]))
    columns = columns_read(estimator) if isinstance(estimator, Pipeline) else None
    return Leaves(Forest(estimator, columns), names) if columns else None


def compare(reading: Reading | None, population: Population) -> View | None:
    """The view of a model that was read."""
    if isinstance(reading, list):
        return Blend([view for part in reading if (view := compare(part, population)) is not None])
    if isinstance(reading, Leaves):
        return Trees(reading, population)
    return Sums(reading, population) if reading else None
