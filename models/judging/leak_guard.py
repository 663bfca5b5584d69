"""Does a column know the answer, or the date? Alarms that stop a promotion until a person has looked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from models.fitting.encoders import kind
from models.metrics.evaluation import Vector, auc

Names = tuple[str, ...]
TELLING_AUC = 0.9
TELLING_NULL_GAP = 0.40
MODEL_AUC = 0.95
CLOCK = 0.9
FOLDS = 5
MOST_ROWS = 20_000  # an alarm needs no more; a scan of 500,000 rows would take minutes
MODEL = "model_auc"  # the name under which a person allows the model's own alarm


@dataclass(frozen=True)
class LeakageReport:
    """What was found. `columns`: one row per column (auc, null_gap, clock_auc, clock_correlation), most telling first.

    `suspects` may know the answer, `clock` columns tell the date; `model_auc` is the highest forward AUC of the chosen
    model. `allowed` are the names that a person has judged harmless.
    """

    columns: pd.DataFrame
    suspects: tuple[str, ...]
    clock: tuple[str, ...]
    model_auc: float
    allowed: tuple[str, ...] = ()

    @property
    def most_telling(self) -> pd.DataFrame:
        """The ten columns with the highest AUC, for a person to judge."""
        return self.columns[["auc", "null_gap"]].head(10)

    @property
    def blocking(self) -> tuple[str, ...]:
        """Suspects and the model's own alarm, except what is allowed: any of them stops a promotion."""
        alarm = (MODEL,) if self.model_auc >= MODEL_AUC else ()
        return tuple(name for name in (*self.suspects, *alarm) if name not in self.allowed)

    @property
    def notes(self) -> tuple[str, ...]:
        """Plain sentences about columns that tell the time."""
        text = "rises or falls with the date: a model may learn when a lead was handed off, not what the lead is like"
        return tuple(f"{name} {text}" for name in self.clock)


def find_leaks(
    X: pd.DataFrame, y: Vector, as_of: pd.Series, group: pd.Series, model_auc: float, allowed: Names = (), seed: int = 0
) -> LeakageReport:
    """Judge every column of the n x k frame X by itself, over folds of whole accounts.

    A suspect has an out-of-fold AUC above .9 or a null rate that differs by more than .40 between the outcomes (text
    "unknown" is null). Above 20,000 rows a sample is judged.
    """
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(X))[:MOST_ROWS])
    X, y, as_of = X.iloc[rows], y[rows], as_of.iloc[rows]
    codes, names = pd.factorize(group.iloc[rows])
    fold = (rng.permutation(len(names)) % FOLDS)[codes]
    late = (as_of > as_of.median()).to_numpy().astype(int)
    age = as_of.astype("int64").to_numpy()
    found = {name: _judge(X[name], y, late, age, fold) for name in X.columns}
    table = pd.DataFrame(found, index=["auc", "null_gap", "clock_auc", "clock_correlation"]).T
    table = table.sort_values("auc", ascending=False, kind="stable")
    suspect = (table["auc"] > TELLING_AUC) | (table["null_gap"] > TELLING_NULL_GAP)
    clock = (table["clock_auc"] > CLOCK) | (table["clock_correlation"].abs() > CLOCK)
    return LeakageReport(table, tuple(table.index[suspect]), tuple(table.index[clock]), model_auc, allowed)


def _judge(column: pd.Series, y: Vector, late: Vector, age: Vector, fold: Vector) -> tuple[float, float, float, float]:
    null = (column == "unknown").to_numpy() if kind(column) == "text" else column.isna().to_numpy()
    gap = abs(float(null[y == 1].mean() - null[y == 0].mean()))
    return column_auc(column, y, fold), gap, column_auc(column, late, fold), _correlation(column, age)


def column_auc(column: pd.Series, y: Vector, fold: Vector) -> float:
    """Out-of-fold AUC of one column alone for the outcomes y (0/1), the mean over folds; .5 where it tells nothing.

    Numbers: the direction, and on which side missing values stand, are learned on the other folds; texts: smoothed
    mean of y on the other folds (Micci-Barreca 2001).
    """
    score = _text_scores if kind(column) == "text" else _number_scores
    others = [fold != number for number in np.unique(fold)]
    found = [auc(y[~rest], score(column, y, rest)) for rest in others if 0 < y[rest].sum() < rest.sum()]
    found = [value for value in found if np.isfinite(value)]
    return float(np.mean(found)) if found else 0.5


def _number_scores(column: pd.Series, y: Vector, rest: Vector) -> Vector:
    values = column.to_numpy(dtype=float)
    absent = np.isnan(values)
    known = auc(y[rest & ~absent], values[rest & ~absent])
    scores = -values if known < 0.5 else values
    above = y[rest & absent].mean() > y[rest].mean() if (rest & absent).any() else False
    return np.where(absent, np.inf if above else -np.inf, scores)[~rest]


def _text_scores(column: pd.Series, y: Vector, rest: Vector, prior: float = 20.0) -> Vector:
    levels = pd.factorize(column)[0]
    size = levels.max() + 1
    rows = np.bincount(levels[rest], minlength=size)
    accepted = np.bincount(levels[rest], weights=y[rest], minlength=size)
    return np.asarray((accepted + prior * y[rest].mean()) / (rows + prior))[levels[~rest]]


def _correlation(column: pd.Series, age: Vector) -> float:
    if kind(column) == "text":
        return float("nan")
    known = column.notna().to_numpy()
    values = column.to_numpy(dtype=float)[known]
    if len(values) < 10 or np.ptp(values) == 0 or np.ptp(age[known]) == 0:
        return float("nan")
    return float(spearmanr(values, age[known]).statistic)
