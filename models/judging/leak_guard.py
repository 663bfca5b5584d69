"""Does a column know the answer, or the date? Alarms that stop a promotion until a person has looked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr
from sklearn.ensemble import HistGradientBoostingClassifier

from models.fitting.columns import kind
from models.metrics.claims import standard_error
from models.metrics.evaluation import Vector, auc, log_losses
from models.rows.splits import Split
from models.rows.training_set import TrainingSet

Names = tuple[str, ...]
TELLING_AUC = 0.9
TELLING_NULL_GAP = 0.40
MODEL_AUC = 0.95
CLOCK = 0.9
FOLDS = 5
MOST_ROWS = 20_000  # an alarm needs no more; a scan of 500,000 rows would take minutes
AHEAD_AUC = 0.15  # of the column that comes second
SURE = 4.0  # standard errors
LIFT = 0.08  # share of the base rate's log loss that one column may take off on top of all others
LIFT_ROWS, LIFT_FOLDS = 5_000, 2
LIFTED = 4  # columns that the trees are fitted again without: those whose shuffling harms them most
LEVELS = 40  # of a text are told apart by the trees
SHUFFLED = 500  # tested rows of a fold on which columns are shuffled
MODEL = "model_auc"  # the name under which a person allows the model's own alarm


@dataclass(frozen=True)
class LeakageReport:
    """What was found. `columns`: one row per column, most telling first.

    Its columns are auc, null_gap, clock_auc, clock_correlation, and lift with lift_error: by how much the log loss of
    trees on later folds is higher without it (NaN: not among those they lean on); `gain` is what they are ahead of the
    base rate with all of them. `suspects` may know the answer, `clock` columns tell the date; `model_auc` is the
    highest forward AUC of the chosen model. `allowed` are the names that a person has judged harmless.
    """

    columns: pd.DataFrame
    suspects: tuple[str, ...]
    clock: tuple[str, ...]
    model_auc: float
    allowed: tuple[str, ...] = ()
    gain: float = 0.0

    @property
    def most_telling(self) -> pd.DataFrame:
        """The ten columns with the highest AUC and those with a lift, for a person to judge."""
        shown = self.columns["lift"].notna()
        shown.iloc[:10] = True
        return self.columns.loc[shown, ["auc", "null_gap", "lift"]]

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


def find_leaks(data: TrainingSet, model_auc: float, allowed: Names = (), seed: int = 0) -> LeakageReport:
    """Judge every column by itself, over folds of whole accounts, and by what it adds to the others on later folds.

    A suspect has an out-of-fold AUC above .9, or one beyond the second column's by more than .15 and 4 standard errors;
    or a null rate that differs by more than .40 between the outcomes (text "unknown" is null); or a lift above .08 of
    the base rate's log loss and 4 standard errors. That they are ahead or have a lift is no
    alarm of the rules' sums of points: they are meant to be. Above 20,000 rows a sample is judged.
    """
    rng = np.random.default_rng(seed)
    data = data.only(np.sort(rng.permutation(len(data.y))[:MOST_ROWS]))
    codes, names = pd.factorize(data.group)
    fold = (rng.permutation(len(names)) % FOLDS)[codes]
    late = (data.as_of > data.as_of.median()).to_numpy().astype(int)
    age = data.as_of.astype("int64").to_numpy()
    found = {name: _judge(data.X[name], data.y, late, age, fold) for name in data.X.columns}
    table = pd.DataFrame(found, index=["auc", "null_gap", "clock_auc", "clock_correlation"]).T
    gain, lifts = find_lifts(data, seed)
    table = table.join(lifts).sort_values("auc", ascending=False, kind="stable")
    unsaid = float(log_losses(data.y, np.full(len(data.y), data.y.mean())).mean())
    strong = (table["lift"] > LIFT * unsaid) & (table["lift"] > SURE * table["lift_error"])
    strong |= _far_ahead(table["auc"], data.y)
    strong &= ~table.index.isin([f.name for f in data.features if f.axis])
    suspect = strong | (table["auc"] > TELLING_AUC) | (table["null_gap"] > TELLING_NULL_GAP)
    clock = (table["clock_auc"] > CLOCK) | (table["clock_correlation"].abs() > CLOCK)
    return LeakageReport(table, tuple(table.index[suspect]), tuple(table.index[clock]), model_auc, allowed, gain)


def _far_ahead(aucs: pd.Series, y: Vector) -> pd.Series:
    """Whether a column is the first of several (AUCs falling) by more than noise (Hanley & McNeil 1982) and .15."""
    first, second = aucs.iloc[0], aucs.iloc[1] if len(aucs) > 1 else aucs.iloc[0]
    error = np.hypot(_auc_error(first, y), _auc_error(second, y))
    ahead = first - second > max(AHEAD_AUC, SURE * error)
    return pd.Series(ahead & (np.arange(len(aucs)) == 0), aucs.index)


def _auc_error(area: float, y: Vector) -> float:
    accepted, refused = y.sum(), (1 - y).sum()
    both = (accepted - 1) * (area / (2 - area) - area**2) + (refused - 1) * (2 * area**2 / (1 + area) - area**2)
    return float(np.sqrt((area * (1 - area) + both) / (accepted * refused)))


def find_lifts(data: TrainingSet, seed: int = 0) -> tuple[float, pd.DataFrame]:
    """How far trees are ahead of the base rate on later folds, in log loss, and the `lift` of the columns they lean on.

    The columns whose shuffling harms them most, at most four, are each left out and the trees fitted again (drop-column
    importance; Strobl et al. 2008 say why shuffling alone misleads). Index: column; lift, lift_error (by account).
    """
    rng = np.random.default_rng(seed)
    data = data.only(np.sort(rng.permutation(len(data.y))[:LIFT_ROWS]))
    names = [f.name for f in data.features if not f.clock]
    X, cuts = np.column_stack([_coded(data.X[name]) for name in names]), data.folds(LIFT_FOLDS).cuts(data.y, data.group)
    trees = HistGradientBoostingClassifier(
        learning_rate=0.1,
        max_iter=40,
        max_leaf_nodes=8,
        min_samples_leaf=30,
        l2_regularization=5.0,
        early_stopping=False,
        categorical_features=[kind(data.X[name]) == "text" for name in names],
        random_state=seed,
    )
    found = [_tested(trees, X, data.y, cut, rng) for cut in cuts]
    full, harm = np.concatenate([losses for losses, _ in found]), np.sum([each for _, each in found], axis=0)
    lifts, group = {}, pd.concat([data.group.iloc[cut.test] for cut in cuts])
    for at in np.argsort(-harm, kind="stable")[:LIFTED]:
        without = np.where(np.arange(len(names)) == at, 0.0, X)
        lost = np.concatenate([_tested(trees, without, data.y, cut)[0] for cut in cuts]) - full
        lifts[names[at]] = lost.mean(), standard_error(lost, group)
    base = np.concatenate([log_losses(data.y[cut.test], data.y[cut.train].mean()) for cut in cuts])
    return float((base - full).mean()), pd.DataFrame(lifts, index=["lift", "lift_error"]).T


def _coded(column: pd.Series) -> Vector:
    """A column as trees take it: a text as the rank of its level, the rare ones together; 0 where nothing is known."""
    if kind(column) == "text":
        ranks = {level: min(rank, LEVELS) for rank, level in enumerate(column.value_counts().index)}
        return column.map(ranks).to_numpy(dtype=float)
    return np.zeros(len(column)) if column.isna().all() else column.to_numpy(dtype=float)


def _tested(
    trees: Any, X: Vector, y: Vector, cut: Split, rng: np.random.Generator | None = None
) -> tuple[Vector, Vector]:
    """Log losses of the tested rows by trees fitted on the earlier ones; and what shuffling each column costs them."""
    fitted = trees.fit(np.where(np.isnan(X[cut.train]).all(axis=0), 0.0, X[cut.train]), y[cut.train])
    losses = log_losses(y[cut.test], fitted.predict_proba(X[cut.test])[:, 1])
    some, harm = (rng.permutation(cut.test)[:SHUFFLED] if rng else cut.test[:0]), np.zeros(X.shape[1])
    for at in range(len(harm) if len(some) else 0):
        shuffled = X[some]
        shuffled[:, at] = np.roll(shuffled[:, at], 1)
        harm[at] = log_losses(y[some], fitted.predict_proba(shuffled)[:, 1]).sum()
    return losses, harm


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
