"""Do young labels mislead? The slow world, cut at six dates: the weighted model and what is done without weights.

The base rate of the slow world falls over the year; with even seeds it rises as much. Labels of mature hand-offs alone
are old ones, and pending counted as rejected errs downwards: either may seem right in a world that goes its way. And a
company where nothing is decided before day 10: young hand-offs are all silent there, and must not move the intercept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from benchmarks.truth_company import Company, company, cross_entropy
from data.settings import LabelSettings
from data.simulator.worlds import WORLDS, World
from models.fitting.candidates import CANDIDATES
from models.fitting.learning import compare, fit
from models.judging.training import learn
from models.metrics.evaluation import Vector
from models.rows.training_set import TrainingSet

SEED = 7
LEADS = 12_000
HORIZON_DAYS = 60
FOLLOWING = pd.Timedelta(days=28)
CUTS = (datetime(2025, 6, 1), datetime(2025, 7, 10), datetime(2025, 8, 15), datetime(2025, 9, 20),
        datetime(2025, 10, 25), datetime(2025, 12, 1))  # fmt: skip
RISING = replace(WORLDS["slow"], trend=-WORLDS["slow"].trend)
Arms = Callable[[TrainingSet, pd.Timestamp, pd.DataFrame], dict[str, Vector]]
LOGISTIC = tuple(c for c in CANDIDATES if c.name == "logistic")
LATE = replace(WORLDS["default"], delay_least=10.0)
LABEL = LabelSettings(horizon_days=HORIZON_DAYS, expired="not_accepted")
LATE_LABEL = LabelSettings(horizon_days=30, expired="not_accepted")


def cut_history(seed: int) -> dict[str, float]:
    """Per way to learn, over the dates: mean predicted less mean true rate of the following weeks' hand-offs, and loss.

    Of the others also by how much they lose more than the weighted model.
    """
    world, way = (WORLDS["slow"], "falling") if seed % 2 else (RISING, "rising")
    mean = _by_arm(world, seed, LABEL, _arms)
    gain = mean["loss"] - mean["loss"]["weighted"]
    found = {f"{arm}: bias, {way}": float(bias) for arm, bias in mean["bias"].items()}
    found |= {f"{arm}: loss": float(loss) for arm, loss in mean["loss"].items()}
    found |= {f"gain over {arm}": float(gain[arm]) for arm in mean.index if arm != "weighted"}
    late = _by_arm(LATE, seed, LATE_LABEL, _moved)["loss"]
    return found | {"late: cost of the move": float(late["weighted"] - late["weighted, intercept stays"])}


def _by_arm(world: World, seed: int, label: LabelSettings, arms: Arms) -> pd.DataFrame:
    """Mean bias and loss of each arm over the dates."""
    with company(world, LEADS, seed, label=label) as simulated:
        rows = pd.DataFrame([row for cut in CUTS for row in _at(simulated, world, pd.Timestamp(cut), arms)])
    return rows.groupby("arm")[["bias", "loss"]].mean()


def _at(of: Company, world: World, cut: pd.Timestamp, arms: Arms) -> list[dict[str, object]]:
    past, as_of = of.data.before(cut), of.data.as_of
    test = np.flatnonzero(((as_of >= cut) & (as_of < cut + FOLLOWING)).to_numpy())
    p = world.accepted_within(past.horizon / timedelta(days=1), of.p[test])
    return [
        {"cut": cut, "arm": arm, "bias": float(q.mean() - p.mean()), "loss": cross_entropy(p, q)}
        for arm, q in arms(past, cut, of.data.X.iloc[test]).items()
    ]


def _moved(past: TrainingSet, cut: pd.Timestamp, X: pd.DataFrame) -> dict[str, Vector]:
    """Probabilities as training makes them by the default candidate, and with its intercept left where it was.

    Which candidate would be chosen is not what is measured.
    """
    rows = np.arange(len(past.y))
    model = learn(past, rows, cut, compare(past, rows, 4, SEED, LOGISTIC), SEED).model
    arms = {"weighted": model, "weighted, intercept stays": model.shifted(-model.shift)}
    return {name: each.predict_proba(X)[:, 1] for name, each in arms.items()}


def _arms(past: TrainingSet, cut: pd.Timestamp, X: pd.DataFrame) -> dict[str, Vector]:
    """The same, and the default candidate on mature rows, on decided, with pending as rejected."""
    unweighted = {
        "mature only": np.flatnonzero(past.mature),
        "decided so far": np.flatnonzero(past.labelled),
        "pending as rejected": np.arange(len(past.y)),
    }
    arms = _moved(past, cut, X)
    for name, rows in unweighted.items():
        counted = replace(past.only(rows), answered_at=None)
        arms[name] = fit("logistic", counted, np.arange(len(rows)), cut, SEED).predict_proba(X)[:, 1]
    return arms
