"""Is one set of predictions really better than another? Paired, and no surer than the number of accounts allows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from models.evaluation import Vector, auc, log_losses

Metric = Literal["log_loss", "brier", "auc"]
BLOCK = 2_000_000  # weights held in memory at once


@dataclass(frozen=True)
class Gain:
    """By how much a is ahead of b (positive: a is better, whatever the metric), with its 95 % interval."""

    metric: Metric
    mean: float
    low: float
    high: float
    rows: int
    accounts: int

    @property
    def sure(self) -> bool:
        """The interval lies above 0."""
        return self.low > 0

    def __str__(self) -> str:
        interval = f"95 % interval {self.low:+.4f} to {self.high:+.4f}"
        return f"{self.mean:+.4f} {self.metric}, {interval}, {self.rows} rows of {self.accounts} accounts"


def paired_bootstrap(
    y: Vector, p_a: Vector, p_b: Vector, group: pd.Series, metric: Metric = "log_loss", draws: int = 2000, seed: int = 0
) -> Gain:
    """Gain of p_a over p_b on n outcomes y (0/1) of accounts `group`.

    Whole accounts are drawn, the same for both sides (`draw_accounts`); percentile interval. Draws with one outcome
    alone have no AUC and are left out; NaN where none has.
    """
    codes, names = pd.factorize(group)
    blocks = draw_accounts(len(names), len(y), draws, seed)
    measure = _auc_gains if metric == "auc" else _loss_gains
    gains = np.concatenate([measure(y, p_a, p_b, codes, weights, metric) for weights in blocks])
    gains = gains[np.isfinite(gains)]
    low, high = np.quantile(gains, [0.025, 0.975]) if len(gains) else (np.nan, np.nan)
    return Gain(metric, _point(y, p_a, p_b, metric), float(low), float(high), len(y), len(names))


def draw_accounts(accounts: int, rows: int, draws: int, seed: int) -> Iterator[Vector]:
    """How often each account is drawn, whole and with replacement (Field & Welsh 2007): blocks of draws x accounts."""
    rng, size = np.random.default_rng(seed), max(1, BLOCK // rows)
    for start in range(0, draws, size):
        yield rng.multinomial(accounts, np.full(accounts, 1 / accounts), size=min(size, draws - start))


def _losses(y: Vector, p: Vector, metric: Metric) -> Vector:
    return log_losses(y, p) if metric == "log_loss" else np.square(y - p)


def _point(y: Vector, p_a: Vector, p_b: Vector, metric: Metric) -> float:
    if metric == "auc":
        return auc(y, p_a) - auc(y, p_b)
    return float(np.mean(_losses(y, p_b, metric) - _losses(y, p_a, metric)))


def _loss_gains(y: Vector, p_a: Vector, p_b: Vector, codes: Vector, weights: Vector, metric: Metric) -> Vector:
    gain = np.bincount(codes, weights=_losses(y, p_b, metric) - _losses(y, p_a, metric))
    return np.asarray((weights @ gain) / (weights @ np.bincount(codes)))


def _auc_gains(y: Vector, p_a: Vector, p_b: Vector, codes: Vector, weights: Vector, metric: Metric) -> Vector:  # noqa: ARG001
    return _weighted_aucs(y, p_a, codes, weights) - _weighted_aucs(y, p_b, codes, weights)


def _weighted_aucs(y: Vector, p: Vector, codes: Vector, weights: Vector) -> Vector:
    """AUC of each row of weights (draws x accounts): sort once, then add up over runs of equal p."""
    order = np.argsort(p, kind="stable")
    starts = np.flatnonzero(np.diff(p[order], prepend=-np.inf))
    drawn = weights[:, codes[order]]
    positive = np.add.reduceat(drawn * y[order], starts, axis=1)
    negative = np.add.reduceat(drawn * (1 - y[order]), starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    aucs = np.divide((positive * below).sum(axis=1), pairs, out=np.full(len(weights), np.nan), where=pairs > 0)
    return np.asarray(aucs)


def standard_error(differences: Vector, group: pd.Series) -> float:
    """Account-clustered standard error of the mean of n differences (Liang & Zeger 1986)."""
    codes = pd.factorize(group)[0]
    excess = np.bincount(codes, weights=differences - np.mean(differences))
    return float(np.sqrt(np.sum(excess**2)) / len(differences))
