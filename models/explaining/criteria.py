"""Which columns does one answer stand in, and which sums of points follow from it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.definition import Feature, Part
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

    def as_usual(self, X: pd.DataFrame, usual: pd.Series) -> pd.DataFrame:
        """Raw rows with this criterion as in `usual`, by column, and with the sums as they would be then."""
        put = {name: usual[name] for name in self.columns}
        if self.points:
            fewer = X[self.points] - put[self.points]
            put |= {name: X[name] - fewer for name in self.sums}
        return X.assign(**put)

    def differs(self, X: pd.DataFrame, usual: pd.Series) -> Vector:
        """The places of the rows whose criterion is not as usual."""
        same = [(X[name] == usual[name]) | (X[name].isna() & pd.isna(usual[name])) for name in self.columns]
        return np.flatnonzero(~np.logical_and.reduce(same))


@dataclass(frozen=True)
class Swaps:
    """N raw rows, and below them in one frame those made up by putting one criterion after another as usual.

    A model is asked for all at once: a pipeline's fixed cost per call is higher than that of its rows.
    """

    frame: pd.DataFrame
    rows: Mapping[Criterion, Vector]
    """Per criterion the places of the rows in which it differs, in the order of their swaps."""

    def whole(self, moves: Vector, log_odds: Vector) -> Vector:
        """The n x features moves of single columns, each criterion's taken together at its speaker.

        `log_odds` are those of every row of `frame`.
        """
        names, moves, start = list(self.frame.columns), moves.copy(), len(moves)
        for criterion, at in self.rows.items():
            moves[:, [names.index(name) for name in criterion.columns]] = 0.0
            moves[at, names.index(criterion.speaker)] = log_odds[at] - log_odds[start : start + len(at)]
            start += len(at)
        return moves


def swap(found: Sequence[Criterion], X: pd.DataFrame, usual: pd.Series) -> Swaps:
    """The rows of X with each of the criteria as in `usual` in its turn, where it differs."""
    rows = {criterion: criterion.differs(X, usual) for criterion in found}
    made = [criterion.as_usual(X.iloc[at], usual) for criterion, at in rows.items() if len(at)]
    return Swaps(pd.concat([X, *made], ignore_index=True), rows)


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
