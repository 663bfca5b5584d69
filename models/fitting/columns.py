"""What do fitted models read of the same leads? Raw columns made ready once, for a model's members and its refits.

So members and refits can be asked of single columns, of texts by their few words, and of a criterion put to the usual
without encoding the lead anew.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from models.metrics.evaluation import Vector


@dataclass(frozen=True)
class Words:
    """A text column of n leads: its distinct words, and which of them each lead has."""

    words: tuple[str, ...]
    codes: Vector

    def looked_up(self, known: Mapping[str, Any], never: Any) -> Vector:
        """N values by word; `never` for a word that training never saw."""
        return np.array([known.get(word, never) for word in self.words])[self.codes]


Column = Any  # n numbers as float64, or Words


def kind(column: Any) -> str:
    """Number or text, of a column or of its dtype."""
    return "number" if pd.api.types.is_numeric_dtype(column) else "text"


class Columns:
    """The raw frame of n leads, column by column: float64, or Words. What is made of them once is kept."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self._ready: dict[str, Column] = {}
        self._made: dict[Hashable, Any] = {}

    @classmethod
    def of(cls, X: pd.DataFrame | Columns) -> Columns:
        """A frame's columns; of columns these."""
        return X if isinstance(X, Columns) else cls(X)

    def __len__(self) -> int:
        """How many leads."""
        return len(self.frame)

    def __getitem__(self, name: str) -> Column:
        """A column by name."""
        if name not in self._ready:
            self._ready[name] = _ready(self.frame[name])
        return self._ready[name]

    def once(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What `make` returned when it was first asked for by this key."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    @cached_property
    def kinds(self) -> dict[str, str]:
        """Number or text, by column."""
        return {str(name): kind(dtype) for name, dtype in self.frame.dtypes.items()}

    @cached_property
    def unusable(self) -> set[str]:
        """Numbers that are infinite somewhere, and texts that are missing somewhere."""
        return {name for name in map(str, self.frame) if _unusable(self[name])}


def _ready(column: pd.Series) -> Column:
    if column.dtype == np.float64:
        return column.to_numpy()
    if kind(column) == "number":
        return column.to_numpy(dtype=float, na_value=np.nan)
    codes, words = pd.factorize(column, use_na_sentinel=False)
    return Words(tuple(words), codes)


def _unusable(column: Column) -> bool:
    return bool(pd.isna(list(column.words)).any() if isinstance(column, Words) else np.isinf(column).any())
