"""What is a lead compared with, and how is the difference shared out among its concepts?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import factorial

import numpy as np
import pandas as pd

from features.definition import CONCEPTS, Feature
from models.fitting.columns import Columns
from models.metrics.evaluation import Vector


@dataclass(frozen=True)
class Population:
    """The leads that others are compared with: m `background` rows of the model's features, numbers or text."""

    background: pd.DataFrame
    features: tuple[Feature, ...]

    @property
    def names(self) -> list[str]:
        """The features' names, in order."""
        return [f.name for f in self.features]

    @cached_property
    def concepts(self) -> tuple[str, ...]:
        """The concepts that the features are about."""
        return tuple(c for c in CONCEPTS if any(f.concept == c for f in self.features))

    @cached_property
    def concept_of(self) -> Vector:
        """The place in `concepts` of each feature."""
        return np.array([self.concepts.index(f.concept) for f in self.features], dtype=int)

    @cached_property
    def baseline(self) -> pd.DataFrame:
        """One row: the median of each number, missing where half of them are, and the most frequent text."""
        numbers = self.background[[f.name for f in self.features if f.dtype != "text"]]
        medians = numbers.median().mask(2 * numbers.isna().sum() >= len(numbers))
        usual = {
            name: medians[name] if name in medians else str(self.background[name].mode().iloc[0]) for name in self.names
        }
        return pd.DataFrame(usual, index=[0])

    @cached_property
    def others(self) -> Columns:
        """The background column by column, and the baseline as its last row."""
        return Columns(pd.concat([self.background[self.names], self.baseline], ignore_index=True))

    def inside(self, coalition: int) -> Vector:
        """Which concepts are in a coalition: bit i of its number stands for concept i."""
        return (coalition >> np.arange(len(self.concepts)) & 1).astype(bool)


def shapley_weights(players: int) -> Vector:
    """The players x 2^players matrix that turns the worths of all coalitions into Shapley values (Shapley 1953)."""
    sets = np.arange(1 << players)
    inside = (sets >> np.arange(players)[:, None] & 1).astype(bool)
    size = inside.sum(axis=0)
    share = np.array([factorial(s) * factorial(players - s - 1) / factorial(players) for s in range(players)] + [0.0])
    return np.asarray(np.where(inside, share[size - 1], -share[size]))


def shapley(worths: Vector) -> Vector:
    """Shapley values, n x players, of n games given by the worths of their 2^players coalitions (rows)."""
    return np.asarray((shapley_weights(len(worths).bit_length() - 1) @ worths).T)
