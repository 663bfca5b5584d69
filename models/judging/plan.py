"""What would a training do? The rows it would learn from, how it would part them in time, and why it might refuse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from data.errors import ModelError
from features.catalogue import CONCEPTS
from models.fitting.learning import cut_folds
from models.metrics.evaluation import Vector
from models.rows.splits import Split, splits_note
from models.rows.training_set import TrainingSet, check


@dataclass(frozen=True)
class Part:
    """One fit of a training: places of the rows trained on as known at `cut`, left out, tested, and too young to test.

    forward: a forward fold, on which the choice would rest.
    accepted: of the trained ones as known at `cut`; young: trained ones whose horizon was open then, weighted.
    """

    name: str
    cut: pd.Timestamp
    train: Vector
    purged: Vector
    test: Vector
    untested: Vector
    accepted: int
    young: int
    test_accepted: int
    forward: bool


@dataclass(frozen=True)
class TrainingPlan:
    """What a training on `data` would do. `parts`: the forward folds, the held-out test, and the last fit on all rows.

    Parts that cannot be made are missing; `refusals` says why, in the order in which a training would find out.
    splits: how the folds are cut, in words (empty: there are none).
    """

    data: TrainingSet
    parts: tuple[Part, ...]
    refusals: tuple[str, ...]
    splits: str = ""

    @property
    def folds(self) -> tuple[Part, ...]:
        """The forward folds that the choice would rest on."""
        return tuple(part for part in self.parts if part.forward)

    @property
    def labels(self) -> tuple[int, int]:
        """Accepted and rejected labels, young ones among them."""
        y = self.data.y[self.data.labelled]
        return int((y == 1).sum()), int((y == 0).sum())

    @property
    def features(self) -> dict[str, int]:
        """Number of features by concept."""
        found = Counter(f.concept for f in self.data.features)
        return {concept: found[concept] for concept in CONCEPTS if concept in found}

    @property
    def explored(self) -> int:
        """Labels of hand-offs that were drawn, below the rules' gate."""
        return int(self.data.explored.sum())


def plan_training(data: TrainingSet, *, test_share: float = 0.3, folds: int = 4) -> TrainingPlan:
    """What `models.judging.training.train` would do with the same arguments, found without fitting anything."""
    refusals: list[str] = []
    every = np.arange(len(data.y))
    _tried(refusals, check, data)
    late = _tried(refusals, data.holdout, test_share)
    past = data.as_known(late.cut) if late else data
    cuts: list[Split] = (late and _tried(refusals, cut_folds, past, late.train, folds)) or []
    parts = [_part(f"fold {number}", past, late.train, cut, forward=True) for number, cut in enumerate(cuts, start=1)]
    parts += [_part("held out", data, every, late)] if late else []
    parts += [_part("all", data, every, Split(every, every[:0], 0, data.now))]
    return TrainingPlan(data, tuple(parts), tuple(refusals), splits_note(late, cuts) if cuts else "")


def time_line(plan: TrainingPlan, part: Part, bins: int) -> Vector:
    """How many rows the part has in each of `bins` equal spans of the cohort's time: bins x 4 counts.

    The columns: trained on, purged, tested, too young to test.
    """
    seconds = (plan.data.as_of - plan.data.as_of.min()).dt.total_seconds().to_numpy()
    place = np.minimum((seconds / max(seconds.max(), 1e-6) * bins).astype(int), bins - 1)
    groups = (part.train, part.purged, part.test, part.untested)
    return np.column_stack([np.bincount(place[rows], minlength=bins) for rows in groups])


def _tried(refusals: list[str], step: Callable[..., Any], *arguments: Any) -> Any:
    """What the step returns; None where it refuses, with its reason noted."""
    try:
        return step(*arguments)
    except ModelError as error:
        refusals.append(str(error))
        return None


def _part(name: str, data: TrainingSet, rows: Vector, split: Split, forward: bool = False) -> Part:
    times = data.as_of.iloc[rows]
    purged = np.setdiff1d(rows[(times < split.cut).to_numpy()], split.train)
    untested = rows[(times >= split.cut).to_numpy() & ~data.mature[rows]]
    accepted, tested = int(data.known(split.train, split.cut)[0].sum()), int(data.y[split.test].sum())
    young = int((data.as_of.iloc[split.train] + data.horizon > split.cut).sum())
    return Part(name, split.cut, split.train, purged, split.test, untested, accepted, young, tested, forward)
