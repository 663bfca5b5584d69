"""Are learned probabilities right on later hand-offs, on leads below the gate, after a shift and from few labels?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd

from benchmarks.truth_company import Company, calibration_error, cross_entropy
from models.fitting.calibration import recent_shift
from models.fitting.candidates import DEPLOYED
from models.fitting.learning import compare, fit
from models.judging.training import Learned, learn, train
from models.metrics.evaluation import Vector, calibration, logit, sigmoid
from models.rows.training_set import TrainingSet

SEED = 7
LABELS = 5000
MOMENTS = (datetime(2025, 11, 20), datetime(2025, 12, 15))  # both after the lesson
UNLABELLED = 2000  # leads that one of the naive ways learns from as if they were rejected
BELOW = 1500  # leads below the gate that are looked at per moment
SMALL = (100, 300, 1000)
SHIFT, FRESH, DRAWS = -0.6, 150, 20


@dataclass(frozen=True)
class Lesson:
    """What was known at `cut`, what was learned from it, and which rows of the company's data came later."""

    past: TrainingSet
    learned: Learned
    cut: pd.Timestamp
    later: Vector

    @property
    def every(self) -> Vector:
        """All rows of the past."""
        return np.arange(len(self.past.y))


def lesson(of: Company, folds: int = 4) -> Lesson:
    """Learn at the moment at which so many answers are known as the gates ask for."""
    cut = of.data.answered_at.sort_values().iloc[LABELS]
    past = of.data.before(cut)
    rows = np.arange(len(past.y))
    learned = learn(past, rows, cut, compare(past, rows, folds, SEED, DEPLOYED), SEED)
    return Lesson(past, learned, cut, np.flatnonzero((of.data.as_of >= cut).to_numpy()))


def on_later_handoffs(of: Company, taught: Lesson) -> dict[str, float]:
    """The slope of calibration, the truth in the place of outcomes, and what is lost against knowing the truth."""
    p, q = of.p[taught.later], taught.learned.model.predict_proba(of.data.X.iloc[taught.later])[:, 1]
    return {"slope": calibration(p, q)[0], "loss beyond the truth": cross_entropy(p, q) - cross_entropy(p, p)}


def below_the_gate(of: Company, taught: Lesson) -> dict[str, float]:
    """Mean predicted less mean true probability of leads never handed off; and so for two naive ways to learn."""
    past, chosen, cut = taught.past, taught.learned.chosen, taught.cut
    gated = past.only(np.flatnonzero((past.propensity == 1).to_numpy()))
    unlabelled = of.features(of.never_handed_off(cut.to_pydatetime(), UNLABELLED))
    arms = {
        "bias": taught.learned.model,
        "bias without exploration": fit(chosen, gated, np.arange(len(gated.y)), cut, SEED),
        "bias of unlabelled as rejected": _with_rejected(past, unlabelled, chosen),
    }
    index = pd.concat([of.never_handed_off(moment, BELOW) for moment in MOMENTS], ignore_index=True)
    X, true = of.features(index), of.true_at(index)["probability"].mean()
    return {name: float(model.predict_proba(X)[:, 1].mean() - true) for name, model in arms.items()}


def _with_rejected(past: TrainingSet, unlabelled: pd.DataFrame, name: str) -> object:
    """The candidate fitted as if sales had rejected every lead that it was never asked about."""
    n, labelled = len(unlabelled), np.flatnonzero(past.labelled)
    X = pd.concat([past.X.iloc[labelled], unlabelled], ignore_index=True)
    y = np.append(past.y[labelled], np.zeros(n, dtype=int))
    times = pd.Series(past.now, range(len(y)))
    every = replace(past, X=X, y=y, as_of=times, answered_at=None)
    return fit(name, every, np.arange(len(y)), past.now, SEED)


def after_a_shift(of: Company, taught: Lesson) -> dict[str, float]:
    """Calibration error after the truth has moved by a logit shift, before and after an update on fresh labels.

    The update is the one that training makes: it begins from the fit, as if the latest labels had not moved it before,
    and goes by all labels that it knows, of which the fresh ones are the latest.
    """
    random, used = np.random.default_rng(of.seed), taught.learned.model
    fitted, X = used.shifted(-used.shift), of.data.X.iloc[taught.later]
    in_time = taught.every[np.argsort(taught.past.as_of.to_numpy(), kind="stable")]
    known = (fitted.log_odds(taught.past.X.iloc[in_time]), *taught.past.known(in_time, taught.cut))
    true, z = sigmoid(logit(of.p[taught.later]) + SHIFT), fitted.log_odds(X)
    after = np.mean([_updated(known, z, true, random) for _ in range(DRAWS)])
    return {"error before": calibration_error(true, sigmoid(used.log_odds(X))), "error after": float(after)}


def _updated(known: tuple[Vector, Vector, Vector], z: Vector, true: Vector, random: np.random.Generator) -> float:
    """Calibration error on the other rows after an update by what was known (log-odds, y, weights) and 150 drawn."""
    drawn = np.zeros(len(z), dtype=bool)
    drawn[random.choice(len(z), FRESH, replace=False)] = True
    y = (random.random(FRESH) < true[drawn]).astype(int)
    every = [np.concatenate(pair) for pair in zip(known, (z[drawn], y, np.ones(FRESH)), strict=True)]
    return calibration_error(true[~drawn], sigmoid(z[~drawn] + recent_shift(*every).shift))


def with_few_labels(of: Company, taught: Lesson) -> dict[str, float]:
    """Log loss on all later rows of what is learned from so few labels, and beyond the better of base rate and rules.

    The few are all labels of accounts drawn at random: a smaller firm over the same time.
    """
    return {name: value for labels in SMALL for name, value in _small_firm(of, taught, labels).items()}


def _small_firm(of: Company, taught: Lesson, labels: int) -> dict[str, float]:
    past = taught.past.only(_accounts_with(taught.past, labels, of.seed))
    every, p, X = np.arange(len(past.y)), of.p[taught.later], of.data.X.iloc[taught.later]
    models = {"ours": learn(past, every, taught.cut, compare(past, every, 4, SEED, DEPLOYED), SEED).model}
    models |= {name: fit(name, past, every, taught.cut, SEED) for name in ("base_rate", "rulebook")}
    loss = {name: cross_entropy(p, model.predict_proba(X)[:, 1]) for name, model in models.items()}
    beyond = loss["ours"] - min(loss["base_rate"], loss["rulebook"])
    return {f"{labels} labels: beyond": beyond} | {f"{labels} labels: {name}": value for name, value in loss.items()}


def _accounts_with(past: TrainingSet, labels: int, seed: int) -> Vector:
    """The rows of accounts in random order, as long as they have no more than so many labels together."""
    labelled = pd.Series(past.labelled).groupby(past.group.to_numpy()).sum()
    order = labelled.sample(frac=1, random_state=seed)
    kept = order.index[order.cumsum() <= labels]
    return np.flatnonzero(past.group.isin(kept).to_numpy())


def same_twice(of: Company, taught: Lesson) -> dict[str, float]:
    """1 where two trainings with one seed on the same data give the same hashes of data and model."""
    past = taught.past.only(_accounts_with(taught.past, SMALL[-1], of.seed))
    first, second = (train(past, seed=SEED, bags=0) for _ in range(2))
    return {"same hash": float((first.model_hash, first.data_hash) == (second.model_hash, second.data_hash))}
