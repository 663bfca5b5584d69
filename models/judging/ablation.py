"""What does each kind of knowledge add? The same learning on fewer columns, tested once on the same later rows.

The rulebook's points, of single criteria too, belong to the rules: they add up clicks and answers alike, and would
carry the one into an arm about the other. What was answered (state, level, age) belongs to calls + answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from data.errors import DataError
from features.catalogue import Feature
from models.fitting.candidates import DEPLOYED
from models.fitting.learning import compare, fit
from models.judging.training import learn
from models.metrics.claims import Gain, Verdict, paired_bootstrap, score_interval
from models.metrics.evaluation import Vector, evaluate
from models.metrics.sample_size import effective_parameters, riley_rows
from models.rows.splits import Split
from models.rows.training_set import TrainingSet, check

ALL = "everything"
RULES, NOTHING = "rules", "base rate"


LEARNED: dict[str, Callable[[Feature], bool]] = {
    "digital only": lambda f: f.concept == "engagement",
    "digital + fit": lambda f: f.concept in ("engagement", "fit"),
    "calls + answers": lambda f: f.concept in ("calls", "qualification") and f.part != "points",
    ALL: lambda f: True,  # noqa: ARG005
}
"""Arms that go through the whole of `learn`, each on the features it keeps."""
FITTED = {NOTHING: "base_rate", RULES: "rulebook"}
"""Arms that are one candidate, fitted on the earlier part as it is."""


@dataclass(frozen=True)
class Ablation:
    """What each arm was worth on the later part.

    arms: one row per arm, in order: columns (how many features), chosen, the figures of `evaluate`, low and high of its
    log loss. tested: one row per tested snapshot (index: place in the training set) with y, group, as_of and the arms'
    probabilities. gains: arm -> by how much log loss `everything` is ahead of it. left_out: arms without any column.
    labels: what the arms learned from; least: how many Riley's criteria ask of `everything`.
    """

    arms: pd.DataFrame
    tested: pd.DataFrame
    gains: dict[str, Gain]
    left_out: tuple[str, ...]
    labels: int
    least: int | None

    @property
    def verdicts(self) -> list[Verdict]:
        """What may be said of `everything` against each arm."""
        return [Verdict(f"arm {name}", gain, self.labels, self.least) for name, gain in self.gains.items()]

    @property
    def gains_table(self) -> pd.DataFrame:
        """One row per arm: the gain of `everything` over it in log loss, its interval, and what may be said."""
        judged = zip(self.gains.items(), self.verdicts, strict=True)
        rows = [(name, gain.mean, gain.low, gain.high, verdict.sentence) for (name, gain), verdict in judged]
        return pd.DataFrame(rows, columns=["arm", "gain", "low", "high", "said"])

    @property
    def figures(self) -> dict[str, float]:
        """The main figures by name: those of `everything`, and log loss and AUC of each arm after its name."""
        ours = {
            m: float(self.arms[m][ALL]) for m in ("n", "base_rate", "log_loss", "brier", "auc", "calibration_slope")
        }
        ids = {name: re.sub(r"\W+", "_", name) for name in self.gains}  # "calls + answers" is calls_answers
        return ours | {f"{ids[n]}_{m}": float(self.arms[m][n]) for n in self.gains for m in ("log_loss", "auc")}

    @property
    def sentence(self) -> str:
        """Whether calls and answers beside what leads do online are worth their while, as far as these data tell."""
        made = {name: verdict.made for name, verdict in zip(self.gains, self.verdicts, strict=True)}
        better, unclear = (", ".join(name for name in made if made[name] == sure) for sure in (True, False))
        if not unclear:
            return "everything together is better than each part alone: every interval lies above 0"
        if not better:
            return f"no claim that everything together is better than any part alone ({unclear})"
        return f"everything together is better than {better}; no claim against {unclear}"


def ablate(data: TrainingSet, *, seed: int, test_share: float = 0.3, folds: int = 4) -> Ablation:
    """Learn each arm on the earlier part and test it once on the last `test_share` of rows, all on the same ones.

    Raises ModelError as `train` does, and DataError where only one arm has columns.
    """
    check(data)
    split = data.holdout(test_share)
    arms = {name: [f for f in data.features if keeps(f)] for name, keeps in LEARNED.items()}
    left_out = tuple(name for name, kept in arms.items() if not kept)
    if len(arms) - len(left_out) < 2:
        wanted, do = "features of engagement, fit, calls or answers", "include them in settings.toml [features]"
        raise DataError("comparing kinds of knowledge", expected=wanted, got="none of them", do=do)
    rows: list[dict[str, Any]] = []
    p, parameters = {}, np.nan
    with threadpool_limits(limits=1):
        for name, candidate in FITTED.items():
            p[name] = fit(candidate, data, split.train, split.cut, seed).predict_proba(data.X.iloc[split.test])[:, 1]
            rows.append({"arm": name, "columns": int(name == RULES), "chosen": candidate})
        for name in (n for n in arms if n not in left_out):
            p[name], chosen, parameters = _learned(data, arms[name], split, seed, folds)
            rows.append({"arm": name, "columns": len(arms[name]), "chosen": chosen})
    tested = data.table(split.test, "y", "group", "as_of").assign(**p)
    y, group = data.y[split.test], tested["group"]
    for row in rows:
        low, high = score_interval(y, p[row["arm"]], group, "log_loss", seed=seed)
        row |= {**evaluate(y, p[row["arm"]]), "low": low, "high": high}
    table = pd.DataFrame(rows).set_index("arm")
    gains = {n: paired_bootstrap(y, p[ALL], p[n], group, seed=seed) for n in p if n != ALL}
    least = riley_rows(parameters, float(table["auc"][ALL]), float(table["base_rate"][ALL]))
    return Ablation(table, tested, gains, left_out, int(data.labelled[split.train].sum()), least)


def _learned(data: TrainingSet, kept: list[Feature], split: Split, seed: int, folds: int) -> tuple[Vector, str, float]:
    """Probabilities of the tested rows, the candidate chosen and its effective parameters, on the features kept."""
    part = replace(data, X=data.X[[f.name for f in kept]], features=tuple(kept))
    past = compare(part.as_known(split.cut), split.train, folds, seed, DEPLOYED)
    found = learn(part, split.train, split.cut, past, seed)
    p = found.model.predict_proba(part.X.iloc[split.test])[:, 1]
    return p, found.chosen, effective_parameters(found.model, part.X.iloc[split.train])
