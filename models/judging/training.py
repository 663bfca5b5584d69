"""Which model would have been best on later leads? Learn on the earlier ones, test once on the later, learn again."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from features.catalogue import Feature
from models.fitting.candidates import POINTS
from models.fitting.deployed import ReadyModel
from models.fitting.learning import OutOfTime, choose, compare, cut_folds, make_model, predict_all
from models.judging.leak_guard import LeakageReport, Names, find_leaks
from models.metrics.claims import LEAST_ROWS, Metric, score_interval
from models.metrics.evaluation import Vector, evaluate
from models.rows.splits import splits_note
from models.rows.training_set import TrainingSet, check, data_hash, sha256

logger = logging.getLogger(__name__)
Unjudged = Literal["", "same points", "no more accepted"]
"""Why the rules cannot be judged as a model: no points differ, or more points did not mean more acceptances."""
WEIGHTS = 20_000_000  # rows x draws of an interval: from 10,000 rows on it takes fewer draws, at least 200


@dataclass(frozen=True)
class Span:
    """Rows, their accepted share and the time they cover."""

    rows: int
    base_rate: float
    first: pd.Timestamp
    last: pd.Timestamp


@dataclass(frozen=True)
class Learned:
    """A model chosen, fitted and calibrated on what was known at a moment, and what it was chosen by."""

    chosen: str
    reason: str
    model: ReadyModel
    calibration: str
    past: OutOfTime


@dataclass(frozen=True)
class TrainingResult:
    """What training found. `estimator` is the chosen candidate fitted again on all rows, calibrated.

    fold_metrics: one row per candidate and fold (index candidate, fold), uncalibrated; holdout_metrics: one row per
    candidate, fitted on the training part. holdout: one row per held-out snapshot (index: position in the training set)
    with y, group, as_of, lead_id and propensity, and a column of probabilities per candidate, the chosen one's
    calibrated by `tested_calibration`; tested: the model that gave them. calibration: how `estimator` is, in words.
    data_hash names the training set; model_hash the deployed model's predictions on all rows. rules_unjudged: why the
    rules are no bar; empty where they are one. purged: earlier rows of a tested account or with an open label. splits:
    how folds were cut, in words. young: rows with an open horizon, weighted, of which those without an answer are in no
    span.
    """

    fold_metrics: pd.DataFrame
    holdout_metrics: pd.DataFrame
    holdout: pd.DataFrame
    chosen: str
    reason: str
    calibration: str
    tested_calibration: str
    estimator: ReadyModel
    tested: ReadyModel
    leakage: LeakageReport
    rules_unjudged: Unjudged
    features: tuple[Feature, ...]
    example: pd.DataFrame
    horizon: timedelta
    all_rows: Span
    train_rows: Span
    test_rows: Span
    purged: int
    splits: str
    young: int
    data_hash: str
    model_hash: str
    seed: int


def learn(data: TrainingSet, rows: Vector, cut: pd.Timestamp, past: OutOfTime, seed: int) -> Learned:
    """Choose among the candidates of `past`, fit the choice on `rows` as known at `cut`, calibrate.

    past: what `learning.compare` found on forward folds inside the rows. The later folds choose, all of them calibrate.
    """
    data = data.as_known(cut)
    chosen, reason = choose(past.late.losses(data.y), data.group.to_numpy(), data.stands_for)
    logger.info("chose %s: %s", chosen, reason)
    return Learned(chosen, reason, *make_model(data, chosen, rows, cut, past, seed), past)


def train(
    data: TrainingSet, *, seed: int, test_share: float = 0.3, folds: int = 4, allowed: Names = (), bags: int = 8
) -> TrainingResult:
    """Compare the candidates forward in time, choose one, test all once on the latest rows, refit the choice on all.

    The choice and its calibration rest on folds inside the earlier part alone; the last `test_share` of rows only
    measures. Columns in `allowed` do not stop a promotion. `bags` refits tell which reasons are stable; without any no
    reason is vouched for. Raises ModelError for too few labels or too short a span of time.
    """
    check(data)
    with threadpool_limits(limits=1):  # sums in another order would differ in the last bit
        split = data.holdout(test_share)
        past = data.as_known(split.cut)
        splits = splits_note(split, cut_folds(past, split.train, folds))
        logger.info(splits)
        found = learn(past, split.train, split.cut, compare(past, split.train, folds, seed), seed)
        raw = predict_all(data, split.train, split.test, split.cut, seed)
        tested = raw.assign(**{found.chosen: found.model.predict_proba(data.X.iloc[split.test])[:, 1]})
        every = np.arange(len(data.y))
        final, calibration = make_model(data, found.chosen, every, data.now, found.past.also(raw), seed, bags)
        model_hash = sha256(final.predict_proba(data.X).tobytes(), repr(list(data.X.columns)).encode())
        metrics = pd.DataFrame({name: evaluate(data.y[split.test], p.to_numpy()) for name, p in tested.items()}).T
        fold_metrics = found.past.metrics(past.y, past.stands_for)
        forward = max(float(fold_metrics["auc"].xs(found.chosen).mean()), float(metrics["auc"][found.chosen]))
        said = np.flatnonzero(data.labelled)
        leakage = find_leaks(data.only(said), forward, allowed, seed)
    return TrainingResult(
        fold_metrics=fold_metrics,
        holdout_metrics=metrics.rename_axis("candidate"),
        holdout=data.table(split.test, "y", "group", "as_of", "lead_id", "propensity").assign(**tested),
        chosen=found.chosen,
        reason=found.reason,
        calibration=calibration,
        tested_calibration=found.calibration,
        estimator=final,
        tested=found.model,
        leakage=leakage,
        rules_unjudged=rules_unjudged(data.X, split.train, split.test, tested["rulebook"]),
        features=data.features,
        example=data.X.head(5),
        horizon=data.horizon,
        all_rows=_span(data, said),
        train_rows=_span(past, split.train[past.labelled[split.train]]),
        test_rows=_span(data, split.test),
        purged=split.purged,
        splits=splits,
        young=int((~data.mature).sum()),
        data_hash=data_hash(data),
        model_hash=model_hash,
        seed=seed,
    )


def rules_unjudged(X: pd.DataFrame, train: Vector, test: Vector, p: pd.Series[float]) -> Unjudged:
    """Why the rulebook's p, fitted on the rows `train` of X, tells no rows of `test` apart; empty where it does."""
    if np.ptp(p) > 0:
        return ""
    points = X[POINTS].fillna(0.0) if POINTS in X else pd.Series(0.0, X.index)
    differ = all(np.ptp(points.iloc[rows]) > 0 for rows in (train, test))
    return "no more accepted" if differ else "same points"


def interval(result: TrainingResult, name: str, metric: Metric) -> tuple[float, float] | None:
    """95 % interval of a candidate's figure on the held-out rows, accounts drawn whole.

    None below 100 rows, and of the AUC of one probability for all.
    """
    rows = result.holdout
    if len(rows) < LEAST_ROWS or (rows[name].nunique() == 1 and metric == "auc"):
        return None
    draws = int(np.clip(WEIGHTS // len(rows), 200, 2000))
    return score_interval(rows["y"].to_numpy(), rows[name].to_numpy(), rows["group"], metric, draws, result.seed)


def _span(data: TrainingSet, rows: Vector) -> Span:
    times = data.as_of.iloc[rows]
    return Span(len(rows), float(data.y[rows].mean()), times.min(), times.max())
