"""What do fitted models read of the same leads? Raw columns made ready once, and what an encoder makes of each alone.

Every encoder of this project makes of each raw column columns of their own. So a model and its refits can be asked of
single columns, of texts by their few words, and of a criterion put to the usual without encoding the lead anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from models.fitting.encoders import kind
from models.metrics.evaluation import Vector

NEVER = "\0"
"""Stands for all words that training never saw."""


@dataclass(frozen=True)
class Words:
    """A text column of n leads: its distinct words, and which of them each lead has."""

    words: tuple[str, ...]
    codes: Vector

    def looked_up(self, known: Mapping[str, float]) -> Vector:
        """N values by word; those of NEVER for a word that is not known."""
        return np.array([known.get(word, known[NEVER]) for word in self.words])[self.codes]


Column = Any  # n numbers as float64, or Words


class Columns:
    """The raw frame of n leads, column by column: float64, or Words."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self._ready: dict[str, Column] = {}

    def __len__(self) -> int:
        """How many leads."""
        return len(self.frame)

    def __getitem__(self, name: str) -> Column:
        """A column by name."""
        if name not in self._ready:
            self._ready[name] = _ready(self.frame[name])
        return self._ready[name]


def _ready(column: pd.Series) -> Column:
    if kind(column) == "number":
        return column.to_numpy(dtype=float, na_value=np.nan)
    codes, words = pd.factorize(column, use_na_sentinel=False)
    return Words(tuple(words), codes)


def places_of_words(step: OneHotEncoder | OrdinalEncoder) -> list[dict[str, int]]:
    """Per text column of a fitted encoder the place of each known word among its levels; rare ones share the last."""
    rare = [set() if levels is None else {*levels} for levels in step.infrequent_categories_]
    return [_places([*map(str, levels)], few) for levels, few in zip(step.categories_, rare, strict=True)]


def _places(words: list[str], rare: set[str]) -> dict[str, int]:
    often = [word for word in words if word not in rare]
    return {word: place for place, word in enumerate(often)} | dict.fromkeys(rare, len(often))
