"""Is one set of predictions really better than another? Paired, and no surer than accounts and labels allow."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd

from models.metrics.evaluation import Vector, log_losses

Metric = Literal["log_loss", "brier", "auc"]
BLOCK = 2_000_000  # weights held in memory at once
POWER = 1.960 + 0.842  # standard errors between 0 and a gain that is found 80 % of the time at 5 %, two-sided
LEAST_ROWS = 100  # tested rows below which no interval is believed


@dataclass(frozen=True)
class Gain:
    """By how much a is ahead of b (positive: a is better, whatever the metric): 95 % interval and standard error."""

    metric: Metric
    mean: float
    low: float
    high: float
    rows: int
    accounts: int
    error: float = math.nan

    @property
    def sure(self) -> bool:
        """The interval lies above 0."""
        return self.low > 0

    @property
    def needed(self) -> int | None:
        """Rows like these that would show a gain of this size at 80 % power; None where no gain was seen."""
        if not (self.mean > 0 and math.isfinite(self.error)):
            return None
        return max(LEAST_ROWS, math.ceil(self.rows * (POWER * self.error / self.mean) ** 2))

    def __str__(self) -> str:
        words = f"{self.mean:+.4f} {self.metric.replace('_', ' ')}, 95 % interval {self.low:+.4f} to {self.high:+.4f}"
        return f"{words}, {self.rows} rows of {self.accounts} accounts"


@dataclass(frozen=True)
class Verdict:
    """What may be said against `other` of a model trained on `labels`; Riley asks for `least` (None: no number)."""

    other: str
    gain: Gain
    labels: int
    least: int | None

    @property
    def made(self) -> bool:
        """The interval lies above 0, on at least 100 rows, and the model had enough labels."""
        return self.gain.sure and self.gain.rows >= LEAST_ROWS and not self.short

    @property
    def short(self) -> bool:
        """The model was trained on fewer labels than Riley's criteria ask for."""
        return self.least is None or self.labels < self.least

    @property
    def sentence(self) -> str:
        """The claim as it is printed."""
        against = f"the {self.other}: {self.gain}"
        if self.made:
            return f"better than {against}"
        if not self.gain.mean > 0:
            return f"no gain seen over {against}"
        few = not self.gain.sure or self.gain.rows < LEAST_ROWS
        wanted = [f"about {self.gain.needed or LEAST_ROWS:,} test rows like these"] * few
        wanted += [f"{self.least:,} labels to train on (it had {self.labels:,})"] * self.short if self.least else []
        enough = f"{' and '.join(wanted)} would be enough"
        if self.least is None:
            enough = "no number of labels would be enough for a model that ranks no better than chance"
        return f"not enough data to claim to be better than {against}; {enough}"


def paired_bootstrap(
    y: Vector, p_a: Vector, p_b: Vector, group: pd.Series, metric: Metric = "log_loss", draws: int = 2000, seed: int = 0
) -> Gain:
    """Gain of p_a over p_b on n outcomes y (0/1) of accounts `group`, with a percentile interval.

    Whole accounts are drawn, the same for both. Draws with one outcome have no AUC and are left out.
    """
    codes, names = pd.factorize(group)
    of_a, of_b = (_score(y, p, codes, metric) for p in (p_a, p_b))
    sign = 1 if metric == "auc" else -1

    def gain(weights: Vector) -> Vector:
        return sign * (of_a(weights) - of_b(weights))

    low, high, error = spread(gain, len(names), len(y), draws, seed)
    return Gain(metric, float(gain(np.ones((1, len(names))))[0]), low, high, len(y), len(names), error)


def score_interval(
    y: Vector, p: Vector, group: pd.Series, metric: Metric, draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of the score of n probabilities p itself, whole accounts drawn."""
    codes, names = pd.factorize(group)
    return spread(_score(y, p, codes, metric), len(names), len(y), draws, seed)[:2]


def draw_accounts(accounts: int, rows: int, draws: int, seed: int) -> Iterator[Vector]:
    """How often each account is drawn, whole and with replacement (Field & Welsh 2007): blocks of draws x accounts."""
    rng, size = np.random.default_rng(seed), max(1, BLOCK // rows)
    for start in range(0, draws, size):
        yield rng.multinomial(accounts, np.full(accounts, 1 / accounts), size=min(size, draws - start))


def standard_error(differences: Vector, group: pd.Series) -> float:
    """Account-clustered standard error of the mean of n differences (Liang & Zeger 1986)."""
    codes = pd.factorize(group)[0]
    excess = np.bincount(codes, weights=differences - np.mean(differences))
    return float(np.sqrt(np.sum(excess**2)) / len(differences))


def spread(
    measure: Callable[[Vector], Vector], accounts: int, rows: int, draws: int, seed: int
) -> tuple[float, float, float]:
    """Percentile interval and standard error of what `measure` finds for each draw of accounts."""
    found = np.concatenate([measure(weights) for weights in draw_accounts(accounts, rows, draws, seed)])
    found = found[np.isfinite(found)]
    if not len(found):
        return math.nan, math.nan, math.nan
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high), float(found.std())


def _score(y: Vector, p: Vector, codes: Vector, metric: Metric) -> Callable[[Vector], Vector]:
    """The score of n probabilities as a function of the accounts' weights, draws x accounts."""
    if metric == "auc":
        return partial(_weighted_aucs, y, p, codes)
    losses = log_losses(y, p) if metric == "log_loss" else np.square(y - p)
    sums, rows = np.bincount(codes, weights=losses), np.bincount(codes)
    return lambda weights: np.asarray((weights @ sums) / (weights @ rows))


def _weighted_aucs(y: Vector, p: Vector, codes: Vector, weights: Vector) -> Vector:
    """AUC of each row of weights (draws x accounts): sort once, then add up over runs of equal p."""
    order = np.argsort(p, kind="stable")
    starts = np.flatnonzero(np.diff(p[order], prepend=-np.inf))
    drawn = weights[:, codes[order]]
    positive = np.add.reduceat(drawn * y[order], starts, axis=1)
    negative = np.add.reduceat(drawn * (1 - y[order]), starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    unknown = np.full(len(weights), np.nan)
    return np.asarray(np.divide((positive * below).sum(axis=1), pairs, out=unknown, where=pairs > 0))
