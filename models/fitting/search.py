"""Would other settings have predicted later leads better? Tried on the forward folds, kept only where clearly ahead."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from models.fitting.candidates import CANDIDATES, Candidate, Range, with_settings
from models.fitting.learning import compare
from models.metrics.claims import standard_error
from models.metrics.evaluation import Vector
from models.rows.training_set import TrainingSet

if TYPE_CHECKING:  # imported where it is used: it takes 2 s, and the search is off by default
    import optuna

logger = logging.getLogger(__name__)
Settings = dict[str, float]


@dataclass(frozen=True)
class Search:
    """What a search tried, and what came of it.

    trials: one row per candidate and trial (trial 0: the defaults): its mean out-of-time log loss, by how much and how
    surely it is ahead of the defaults, whether it is used, and its settings (NaN where the candidate has no such one).
    settings: those found and used, by candidate; notes: why they are used or not; candidates: all, so changed.
    """

    trials: pd.DataFrame
    settings: Mapping[str, Settings]
    notes: Mapping[str, str]
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True)
class _Tried:
    """The trials of one candidate, its defaults first: settings, and log losses of the rows tested."""

    name: str
    settings: list[Settings]
    losses: pd.DataFrame
    errors: list[float]

    @property
    def best(self) -> int:
        return int(np.argmin(self.losses.mean().to_numpy()))

    @property
    def ahead(self) -> pd.Series:
        return self.losses.rsub(self.losses[0], axis=0).mean()

    @property
    def used(self) -> bool:
        """By the one-standard-error rule; the defaults are no finding."""
        return bool(self.ahead[self.best] > self.errors[self.best])

    def note(self, asked: int) -> str:
        done, gain = len(self.settings) - 1, f"{self.ahead[self.best]:.4f} against a standard error of"
        found = ", ".join(f"{name} {value:.3g}" for name, value in self.settings[self.best].items())
        short = f"; time ended it after {done} of {asked} trials, so it is not repeatable" * (done < asked)
        if not self.best:
            return f"the defaults stay: none of {done} trials was ahead of them{short}"
        rule = f"by {'more' if self.used else 'no more'} than one standard error ({gain} {self.errors[self.best]:.4f})"
        return f"{'used' if self.used else 'the defaults stay'}: {found} is ahead {rule}{short}"

    def table(self) -> pd.DataFrame:
        figures = {"candidate": self.name, "trial": range(len(self.settings)), "log_loss": self.losses.mean(),
                   "ahead": self.ahead, "standard_error": self.errors}  # fmt: skip
        used = np.arange(len(self.settings)) == (self.best if self.used else 0)
        return pd.concat([pd.DataFrame(figures).assign(used=used), pd.DataFrame(self.settings)], axis=1)


def search(
    data: TrainingSet, rows: Vector, *, seed: int, folds: int, trials: int, minutes: float,
    candidates: Sequence[Candidate] = CANDIDATES,
) -> Search:  # fmt: skip
    """Try so many settings of every deployable candidate with a space, on the forward folds of `rows`, by log loss.

    By a tree-structured Parzen estimator (Bergstra et al. 2011), seeded. The defaults stay unless the best settings are
    ahead of them by more than one account-clustered standard error (Breiman et al. 1984): the best of many trials looks
    better than it is. The `minutes` are shared out evenly; where time ends the search before the trials do, another run
    may find something else. Raises ModelError where `rows` span too short a time.
    """
    spaces = {c.name: _space(c, data, seed) for c in candidates if c.deployed}
    wanted = [c for c in candidates if spaces.get(c.name)]
    found = [_try(c, spaces[c.name], data, rows, seed, folds, trials, 60 * minutes / len(wanted)) for c in wanted]
    settings = {tried.name: tried.settings[tried.best] for tried in found if tried.used}
    notes = {tried.name: tried.note(trials) for tried in found}
    for name, note in notes.items():
        logger.info("search for settings of %s: %s", name, note)
    table = pd.concat([tried.table() for tried in found], ignore_index=True) if found else pd.DataFrame()
    return Search(table, settings, notes, with_settings(settings, candidates))


def _space(candidate: Candidate, data: TrainingSet, seed: int) -> dict[str, Range]:
    """The settings to vary; without features a candidate may lack them."""
    known = candidate.build(data.features, seed).get_params()
    return {name: span for name, span in candidate.space.items() if name in known}


def _try(
    candidate: Candidate, space: dict[str, Range], data: TrainingSet, rows: Vector, seed: int, folds: int, trials: int,
    seconds: float,
) -> _Tried:  # fmt: skip
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)  # it would print every trial
    settings: list[Settings] = []
    losses: list[pd.Series] = []

    def loss(trial: optuna.Trial) -> float:
        settings.append({name: _suggest(trial, name, span) for name, span in space.items()})
        changed = with_settings({candidate.name: settings[-1]}, [candidate])
        losses.append(compare(data, rows, folds, seed, changed).losses(data.y)[candidate.name])
        return float(losses[-1].mean())

    default = candidate.build(data.features, seed).get_params()
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.enqueue_trial({name: default[name] for name in space})
    study.optimize(loss, n_trials=1)
    study.optimize(loss, n_trials=trials, timeout=seconds)
    group = data.group.iloc[losses[0].index]
    errors = [standard_error((losses[0] - each).to_numpy(), group) for each in losses]
    return _Tried(candidate.name, settings, pd.concat(losses, axis=1, keys=range(len(losses))), errors)


def _suggest(trial: optuna.Trial, name: str, span: Range) -> float:
    if isinstance(span.low, int) and isinstance(span.high, int):
        return trial.suggest_int(name, span.low, span.high, log=span.log)
    return trial.suggest_float(name, span.low, span.high, log=span.log)
