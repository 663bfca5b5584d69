"""Which model would have been best on later leads? Fit the candidates, compare them forward in time, choose one."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from data.errors import ModelError
from features.catalog import Feature
from models.candidates import CANDIDATES, Estimator, pool
from models.claims import standard_error
from models.evaluation import Vector, evaluate, log_losses
from models.leakage import LeakageReport, find_leaks
from models.splits import Split, forward_folds, holdout

logger = logging.getLogger(__name__)
LEAST_LABELS = 40
ENOUGH_LABELS = 3000
DEFAULT = "logistic"


@dataclass(frozen=True)
class TrainingSet:
    """What a model learns from: n snapshots, one row each.

    X: n x k features, float64 (NaN = missing) and text (never missing, "unknown"). y: n outcomes of 0/1, accepted
    within `horizon`. as_of: n snapshot times, UTC without zone. group: n account ids, the lead's own where it has none.
    features: the k definitions in the order of X's columns. lead_id and propensity (the chance with which the lead was
    handed off, 1 unless it was explored) are kept with the tested rows where they are given.
    """

    X: pd.DataFrame
    y: Vector
    as_of: pd.Series
    group: pd.Series
    horizon: timedelta
    features: tuple[Feature, ...]
    lead_id: pd.Series | None = None
    propensity: pd.Series | None = None


@dataclass(frozen=True)
class Span:
    """Rows, their accepted share and the time they cover."""

    rows: int
    base_rate: float
    first: pd.Timestamp
    last: pd.Timestamp


@dataclass(frozen=True)
class TrainingResult:
    """What training found. `estimator` is the chosen candidate fitted again on all rows.

    fold_metrics: one row per candidate and fold (index candidate, fold); holdout_metrics: one row per candidate, fitted
    on the training part. holdout: one row per held-out snapshot (index: position in the training set) with y, group,
    as_of, lead_id and propensity where known, and a column of probabilities per candidate. data_hash names X, y and
    as_of; model_hash the deployed model's predictions on all rows. purged: earlier rows of a tested account or with an
    open label, used only in the last fit.
    """

    fold_metrics: pd.DataFrame
    holdout_metrics: pd.DataFrame
    holdout: pd.DataFrame
    chosen: str
    reason: str
    estimator: Estimator
    leakage: LeakageReport
    rules_judgeable: bool
    features: tuple[Feature, ...]
    example: pd.DataFrame
    horizon: timedelta
    all_rows: Span
    train_rows: Span
    test_rows: Span
    purged: int
    data_hash: str
    model_hash: str
    seed: int


def train(
    data: TrainingSet, *, seed: int, test_share: float = 0.3, folds: int = 4, allowed_columns: tuple[str, ...] = ()
) -> TrainingResult:
    """Compare the candidates forward in time, choose one, test all once on the latest rows, refit the choice on all.

    The choice rests on folds inside the earlier part alone; the last `test_share` of rows only measures. Columns named
    in `allowed_columns` do not stop a promotion. Raises ModelError for too few labels or too short a span of time.
    """
    check(data)
    with threadpool_limits(limits=1):  # sums in another order would differ in the last bit
        split = holdout(data.as_of, data.group, data.horizon, test_share)
        fold_metrics, losses = _compare(data, split.train, folds, seed)
        chosen, reason = choose(losses, data.group.to_numpy(), len(data.y))
        logger.info("chose %s: %s", chosen, reason)
        tested = _predict(data, split.train, split.test, seed)
        estimator = _fit(chosen, data, np.arange(len(data.y)), seed)
        model_hash = _hash(estimator.predict_proba(data.X).tobytes(), repr(list(data.X.columns)).encode())
        metrics = pd.DataFrame({name: evaluate(data.y[split.test], p) for name, p in tested.items()}).T
        forward = max(float(fold_metrics["auc"].xs(chosen).mean()), float(metrics["auc"][chosen]))
        leakage = find_leaks(data.X, data.y, data.as_of, data.group, forward, allowed_columns, seed)
    return TrainingResult(
        fold_metrics=fold_metrics,
        holdout_metrics=metrics.rename_axis("candidate"),
        holdout=pd.DataFrame({**_rows(data, split), **tested}, index=split.test),
        chosen=chosen,
        reason=reason,
        estimator=estimator,
        leakage=leakage,
        rules_judgeable=bool(np.ptp(tested["rulebook"]) > 0),
        features=data.features,
        example=data.X.head(5),
        horizon=data.horizon,
        all_rows=_span(data, np.arange(len(data.y))),
        train_rows=_span(data, split.train),
        test_rows=_span(data, split.test),
        purged=split.purged,
        data_hash=data_hash(data),
        model_hash=model_hash,
        seed=seed,
    )


def check(data: TrainingSet) -> None:
    """Raise ModelError unless the parts fit together and there are at least 40 labels of each outcome."""
    lengths = {len(data.X), len(data.y), len(data.as_of), len(data.group)}
    names = [f.name for f in data.features]
    if len(lengths) > 1 or names != list(data.X.columns):
        raise ModelError(
            "reading the training set",
            expected="X, y, as_of and group of one length, and one feature definition per column in order",
            got=f"lengths {sorted(lengths)}, {len(names)} definitions for {data.X.shape[1]} columns",
            do="build all of them from one cohort with build_matrix",
        )
    accepted, rejected = int((data.y == 1).sum()), int((data.y == 0).sum())
    if accepted + rejected < len(data.y) or min(accepted, rejected) < LEAST_LABELS:
        raise ModelError(
            "training a model",
            expected=f"at least {LEAST_LABELS} accepted and {LEAST_LABELS} rejected leads, and no other outcome",
            got=f"{accepted} accepted and {rejected} rejected of {len(data.y)}",
            do="take in more decisions or an earlier start; until then let the rules alone route",
        )


def data_hash(data: TrainingSet) -> str:
    """SHA-256 of names and content of X, of y and of as_of: equal only for equal training data in equal order."""
    content = pd.util.hash_pandas_object(data.X, index=False).to_numpy().tobytes()
    names = repr([(str(c), f.dtype) for c, f in zip(data.X.columns, data.features, strict=True)]).encode()
    return _hash(
        names, content, data.y.astype("int8").tobytes(), data.as_of.astype("datetime64[us]").to_numpy().tobytes()
    )


def choose(losses: pd.DataFrame, group: Vector, labels: int) -> tuple[str, str]:
    """Name and reason of the model to use, from out-of-fold log losses: rows (index: place in `group`) x candidates.

    From 3,000 labels on the lowest mean wins; below, logistic regression unless another is ahead of it by more than one
    account-clustered standard error (the one-standard-error rule, Breiman et al. 1984).
    """
    losses = losses[[c.name for c in CANDIDATES if c.deployed and c.name in losses]]
    best = str(losses.mean().idxmin())
    found = f"{best} has the lowest mean out-of-fold log loss ({losses[best].mean():.4f} on {len(losses)} rows)"
    if labels >= ENOUGH_LABELS or best == DEFAULT:
        return best, found
    ahead = (losses[DEFAULT] - losses[best]).to_numpy()
    error = standard_error(ahead, pd.Series(group[losses.index]))
    gain = f"{ahead.mean():.4f} against a standard error of {error:.4f}"
    if ahead.mean() > error:
        return best, f"{found}, ahead of {DEFAULT} by more than one standard error ({gain})"
    rule = f"with fewer than {ENOUGH_LABELS:,} labels {DEFAULT} regression stays the default"
    return DEFAULT, f"{rule}: {best} is ahead by no more than one standard error ({gain})"


def _compare(data: TrainingSet, rows: Vector, folds: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Metrics per candidate and fold, and out-of-fold log losses per row and candidate, within the given rows."""
    cuts = forward_folds(data.as_of.iloc[rows], data.group.iloc[rows], data.horizon, folds, data.y[rows])
    metrics: dict[tuple[str, int], dict[str, float]] = {}
    losses = []
    for number, cut in enumerate(cuts, start=1):
        test = rows[cut.test]
        p = _predict(data, rows[cut.train], test, seed)
        metrics |= {(name, number): evaluate(data.y[test], values) for name, values in p.items()}
        losses.append(pd.DataFrame({name: log_losses(data.y[test], values) for name, values in p.items()}, index=test))
    frame = pd.DataFrame(metrics).T.rename_axis(["candidate", "fold"])
    return frame.sort_index(level="candidate", sort_remaining=True), pd.concat(losses)


def _fit(name: str, data: TrainingSet, rows: Vector, seed: int) -> Estimator:
    build = {c.name: c.build for c in CANDIDATES}[name]
    return build(data.features, seed).fit(data.X.iloc[rows], data.y[rows])


def _predict(data: TrainingSet, rows: Vector, test: Vector, seed: int) -> dict[str, Vector]:
    """Probabilities of the rows `test` by every candidate fitted on `rows`; pooled ones come last and fit nothing."""
    p: dict[str, Vector] = {}
    for c in sorted(CANDIDATES, key=lambda c: bool(c.members)):
        if c.members:
            p[c.name] = pool([p[name] for name in c.members])
        else:
            p[c.name] = np.asarray(_fit(c.name, data, rows, seed).predict_proba(data.X.iloc[test])[:, 1])
    return p


def _rows(data: TrainingSet, split: Split) -> dict[str, Vector]:
    rows = {"y": pd.Series(data.y), "group": data.group, "as_of": data.as_of, "lead_id": data.lead_id,
            "propensity": data.propensity}  # fmt: skip
    return {name: column.to_numpy()[split.test] for name, column in rows.items() if column is not None}


def _span(data: TrainingSet, rows: Vector) -> Span:
    times = data.as_of.iloc[rows]
    return Span(len(rows), float(data.y[rows].mean()), times.min(), times.max())


def _hash(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
