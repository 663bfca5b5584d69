"""Are the reasons right? Contributions against the true ones, a broken explainer beside them, and their sums."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from benchmarks.truth_company import Company
from benchmarks.truth_learning import MOMENTS, SEED, Lesson
from models.explaining.explanation import Explainer
from models.fitting.candidates import CANDIDATES, Estimator
from models.fitting.learning import fit
from models.metrics.evaluation import logit

BACKGROUND = 100
LOOKED_AT = 1500


def reasons(of: Company, taught: Lesson) -> dict[str, float]:
    """Fidelity of the learned model's contributions on later hand-offs, and of two broken explainers.

    On what is true of the lead: the journey's part is the rep's, who is drawn after the hand-off.
    """
    past, rows = taught.past, taught.later[:LOOKED_AT]
    background = past.X.sample(BACKGROUND, random_state=SEED)
    given = Explainer(taught.learned.model, background, past.features).explain(of.data.X.iloc[rows]).values
    every = of.truth.iloc[rows][list(given)].set_axis(given.index)
    true = every.drop(columns="journey")
    swapped = given.set_axis([*given.columns[1:], given.columns[0]], axis=1)
    largest = given * 0.0
    largest[given.abs().mean().idxmax()] = given.sum(axis=1)
    arms = {"": given, ", concepts swapped": swapped, ", all on one concept": largest}
    found = {f"fidelity{arm}": fidelity(values, true) for arm, values in arms.items()}
    moving = [c for c in every if every[c].nunique() > 1]
    found |= {f"fidelity of {c}": fidelity(given[[c]], every[[c]]) for c in moving}
    return found | {"fidelity, journey included": fidelity(given, every)}


def sums(of: Company, taught: Lesson, leads: int) -> dict[str, float]:
    """The greatest distance between the model's own log-odds of a lead and the sum of its parts.

    Of every candidate and of the calibrated model that was learned.
    """
    past = taught.past
    below = pd.concat([of.never_handed_off(moment, leads // 2) for moment in MOMENTS])
    X = pd.concat([of.data.X, of.features(below)], ignore_index=True).sample(leads, random_state=SEED)
    models = {c.name: fit(c.name, past, taught.every, taught.cut, SEED) for c in CANDIDATES}
    background = past.X.sample(BACKGROUND, random_state=SEED)
    gaps = {name: _gap(model, Explainer(model, background, past.features), X)
            for name, model in {**models, "learned": taught.learned.model}.items()}  # fmt: skip
    return {f"gap: {name}": gap for name, gap in gaps.items()} | {"gap": max(gaps.values())}


def fidelity(contributions: pd.DataFrame, truth: pd.DataFrame) -> float:
    """How well contributions order the leads as the true ones do: mean Spearman correlation over concepts.

    Both are n x concepts of the same leads; concepts count that differ between leads in the truth. One that the
    contributions lack, or hold constant, counts 0. NaN where the truth has no such concept.
    """
    present = [name for name in truth if truth[name].nunique() > 1]
    return float(np.mean([_agreement(contributions.get(name), truth[name]) for name in present] or [np.nan]))


def _agreement(given: pd.Series | None, true: pd.Series) -> float:
    if given is None or given.nunique() <= 1:
        return 0.0
    return float(spearmanr(given.to_numpy(), true.to_numpy()).statistic)


def _gap(model: Estimator, explainer: Explainer, X: pd.DataFrame) -> float:
    explained = explainer.explain(X)
    own = logit(model.predict_proba(X)[:, 1])
    return float(np.abs(explained.base + explained.values.sum(axis=1).to_numpy() - own).max())
