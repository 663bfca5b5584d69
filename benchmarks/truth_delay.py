"""Do young labels mislead? The slow world, cut at six dates: the weighted model and what is done without weights."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd

from benchmarks.truth_company import Company, company, cross_entropy, subset
from data.settings import LabelSettings
from models.backtest import DEPLOYED, as_known
from models.evaluation import Vector
from models.learning import fit
from models.training import learn
from models.training_set import TrainingSet

SEED = 7
LEADS = 12_000
HORIZON_DAYS = 60
FOLDS = 2  # all arms have the same candidate: which it is, is not what is measured
FOLLOWING = pd.Timedelta(days=28)
CUTS = (datetime(2025, 6, 1), datetime(2025, 7, 10), datetime(2025, 8, 15), datetime(2025, 9, 20),
        datetime(2025, 10, 25), datetime(2025, 12, 1))  # fmt: skip
LABEL = LabelSettings(horizon_days=HORIZON_DAYS, expired="not_accepted")


def cut_history(seed: int) -> dict[str, float]:
    """Per way to learn, over the dates: mean predicted less mean true rate of the following weeks' hand-offs, and loss.

    Of the others also by how much they lose more than the weighted model.
    """
    with company("slow", LEADS, seed, label=LABEL) as slow:
        rows = pd.DataFrame([row for cut in CUTS for row in _at(slow, pd.Timestamp(cut))])
    mean = rows.groupby("arm")[["bias", "loss"]].mean()
    gain = mean["loss"] - mean["loss"]["weighted"]
    found = {f"{arm}: {name}": float(mean[name][arm]) for arm in mean.index for name in mean}
    return found | {f"gain over {arm}": float(gain[arm]) for arm in mean.index if arm != "weighted"}


def _at(slow: Company, cut: pd.Timestamp) -> list[dict[str, object]]:
    past, as_of = as_known(slow.data, cut), slow.data.as_of
    test = np.flatnonzero(((as_of >= cut) & (as_of < cut + FOLLOWING)).to_numpy())
    p = slow.world.accepted_within(HORIZON_DAYS, slow.p[test])
    return [
        {"cut": cut, "arm": arm, "bias": float(q.mean() - p.mean()), "loss": cross_entropy(p, q)}
        for arm, q in _arms(past, cut, slow.data.X.iloc[test]).items()
    ]


def _arms(past: TrainingSet, cut: pd.Timestamp, X: pd.DataFrame) -> dict[str, Vector]:
    """Probabilities by the product, and by its candidate on mature rows, on decided rows, with pending as rejected."""
    learned = learn(past, np.arange(len(past.y)), cut, seed=SEED, folds=FOLDS, candidates=DEPLOYED)
    unweighted = {
        "mature only": np.flatnonzero(past.mature),
        "decided so far": np.flatnonzero(past.labelled),
        "pending as rejected": np.arange(len(past.y)),
    }
    arms = {"weighted": learned.model}
    for name, rows in unweighted.items():
        counted = replace(subset(past, rows), answered_at=None)
        arms[name] = fit(learned.chosen, counted, np.arange(len(rows)), cut, SEED)
    return {name: model.predict_proba(X)[:, 1] for name, model in arms.items()}
