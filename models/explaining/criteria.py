"""Which columns does one answer stand in, and which sums of points follow from it?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from features.definition import Feature, Part
from models.fitting.columns import Column, Columns, Words
from models.metrics.evaluation import Vector

PARTS: tuple[Part, ...] = ("state", "level", "points", "age_days")
"""What features say of a criterion; the first that there is speaks for all."""


@dataclass(frozen=True)
class Criterion:
    """A criterion of the agreement among a model's features: its own columns, and the sums that its points are in."""

    columns: tuple[str, ...]
    points: str | None
    """The column of its points, None where the model has none."""
    sums: tuple[str, ...]

    @property
    def speaker(self) -> str:
        """The column by which the criterion is named."""
        return self.columns[0]

    def sums_as_usual(self, X: pd.DataFrame, usual: pd.Series) -> dict[str, Vector]:
        """The sums of raw rows as they would be with its points as in `usual`, by column."""
        fewer = X[self.points] - usual[self.points] if self.points else 0.0
        return {name: (X[name] - fewer).to_numpy(float) for name in self.sums}

    def differs(self, leads: Columns, usual: pd.Series) -> Vector:
        """The places of the leads whose criterion is not as usual."""
        return np.flatnonzero(~np.logical_and.reduce([_same(leads[name], usual[name]) for name in self.columns]))


@dataclass(frozen=True)
class Swap:
    """A criterion put to the usual whole, in the rows in which it is not as usual."""

    criterion: Criterion
    at: Vector
    """The places of these rows."""
    sums: Mapping[str, Vector]
    """What the sums would be in them."""

    leads: int
    """How many rows there are in all."""

    @property
    def place(self) -> Vector | slice:
        """Their places, all at once where it is all of them: then nothing need be copied."""
        return slice(None) if len(self.at) == self.leads else self.at

    def frame(self, X: pd.DataFrame, usual: pd.Series) -> pd.DataFrame:
        """These rows of X with the criterion as in `usual`, by column."""
        return X.iloc[self.at].assign(**{name: usual[name] for name in self.criterion.columns}, **self.sums)


def swap(found: Sequence[Criterion], X: pd.DataFrame | Columns, usual: pd.Series) -> list[Swap]:
    """Each of the criteria as in `usual`, in the rows of X in which it differs."""
    leads = Columns.of(X)
    places = [(criterion, criterion.differs(leads, usual)) for criterion in found]
    return [Swap(c, at, c.sums_as_usual(leads.frame.iloc[at], usual), len(leads)) for c, at in places]


def _same(column: Column, usual: Any) -> Vector:
    """Which of n values are the usual one, or missing as it is."""
    if isinstance(column, Words):
        same = [word == usual or bool(pd.isna(word) and pd.isna(usual)) for word in column.words]
        return np.array(same, dtype=bool)[column.codes]
    return np.asarray(np.isnan(column) if np.isnan(usual) else column == usual)


def whole(moves: Vector, names: Sequence[str], swaps: Sequence[Swap], swapped: Iterable[Vector]) -> Vector:
    """The n x features moves of single columns, those of `names`, each criterion's taken together at its speaker.

    `swapped` are the moves of each swap's rows. `moves` is changed in place.
    """
    place = {name: at for at, name in enumerate(names)}
    for each, moved in zip(swaps, swapped, strict=True):
        moves[:, [place[name] for name in each.criterion.columns if name in place]] = 0.0
        moves[each.at, place[each.criterion.speaker]] = moved
    return moves


def criteria(features: Sequence[Feature]) -> tuple[Criterion, ...]:
    """The criteria that a model's features are about, in their order."""
    found = []
    for name in dict.fromkeys(f.criterion for f in features if f.criterion):
        own = sorted((f for f in features if f.criterion == name), key=lambda f: PARTS.index(f.part))
        points = next((f for f in own if f.part == "points"), None)
        sums = (f.name for f in features if points and is_sum(f) and f.axis in ("both", points.axis))
        found.append(Criterion(tuple(f.name for f in own), points.name if points else None, tuple(sums)))
    return tuple(found)


def is_answer(feature: Feature) -> bool:
    """Whether it tells what the lead answered: its state or level say the same thing in two columns."""
    return feature.part in ("state", "level")


def is_sum(feature: Feature) -> bool:
    """Whether it adds up the points of criteria."""
    return feature.part == "points" and not feature.criterion
