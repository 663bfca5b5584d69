"""What did a training find? Its figures and the decision with its reasons, and the pages that its run keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from data.freshness import Freshness
from data.spreadsheet import write_csv
from models.explaining.explanation import Explainer, importance, spread
from models.fitting.candidates import CANDIDATES
from models.fitting.learning import choosing_losses, later_half
from models.judging.leak_guard import TELLING_AUC
from models.judging.promotion import Decision
from models.judging.training import TrainingResult
from models.metrics.evaluation import Vector, gain_curve
from models.registry.kept import ModelVersion
from serving.pages.card import write_card
from serving.pages.explanation import explanation_figures
from serving.pages.freshness import freshness_facts, freshness_words
from serving.pages.page import as_page
from serving.pages.reliability import label, reliability
from serving.pages.sections import Report, Section, counted, rounded

FIGURES = ("log_loss", "brier", "auc", "pr_auc", "lift_10", "lift_50", "calibration_slope", "calibration_intercept")
DECIDED = {"champion": "in use as champion", "challenger": "kept as challenger", None: "not promoted"}


def training_report(
    result: TrainingResult, decision: Decision, version: ModelVersion, outcomes: Mapping[str, int], fresh: Freshness
) -> Report:
    """The candidates' figures on the latest rows, what was learned from how much and how fresh, and whether it may be
    used."""
    words = training_words(result, decision, outcomes)
    words = replace(words, points=[*words.points, *freshness_words(fresh)])
    facts = {
        "version": version.version,
        "run_id": version.run_id,
        "alias": decision.alias,
        "provisional": decision.provisional,
        "reasons": list(decision.reasons),
        "chosen": result.chosen,
        "outcomes": outcomes,
        "fresh": freshness_facts(fresh),
        "suspects": list(result.leakage.suspects),
        "clock": list(result.leakage.clock),
        "candidates": words.rows,
    }
    return Report([words], facts)


def training_words(result: TrainingResult, decision: Decision, outcomes: Mapping[str, int]) -> Section:
    """A row per candidate, and what was chosen and decided, in words."""
    metrics = result.holdout_metrics
    telling = result.leakage.most_telling
    points = [
        f"outcomes in the cohort: {counted(outcomes)}",
        f"compared on {result.train_rows.rows:,} earlier snapshots, tested once on the {result.test_rows.rows:,} since "
        f"{result.test_rows.first:%Y-%m-%d}, then fitted on all {result.all_rows.rows:,}",
        result.splits,
        f"chosen: {result.chosen}. {result.reason}",
        f"decision: {DECIDED[decision.alias]}{' (provisional)' * decision.provisional}",
        *decision.reasons,
        "columns that predict best, alone or on top of the others; check that none of them knows the answer:",
        *(
            f"  {c}: AUC {auc:.3f}; shares of missing values differ by {gap * 100:.0f} percentage points"
            + f"; without it trees lose {lift:.3f} of log loss" * (lift > 0)
            for c, auc, gap, lift in telling.itertuples()
        ),
        *result.leakage.notes,
    ]
    rows = [{"candidate": str(name), **rounded(metrics.loc[name], FIGURES)} for name in metrics.index]
    return Section("What was decided?", points=points, rows=rows)


def write_pages(result: TrainingResult, decision: Decision, tags: Mapping[str, str], folder: Path) -> None:
    """Write training.html and importance.csv into `folder`/report, which is there, and the card into `folder`/card."""
    rows = pd.DataFrame(result.estimator.background)
    explainer = Explainer(result.estimator, spread(rows, 100), result.features)
    features = importance(explainer, rows)
    write_csv(features, folder / "report" / "importance.csv")
    outcomes = {k.removeprefix("outcome_"): int(v) for k, v in tags.items() if k.startswith("outcome_")}
    chapters = {
        "The decision": [training_words(result, decision, outcomes)],
        "How well it predicts": training_figures(result),
        "What moves the scores": explanation_figures(explainer, rows, features),
    }
    sections = [replace(section, chapter=name) for name, found in chapters.items() for section in found]
    title = f"Training: {label(result.chosen)}, {tags.get('source') or 'leads'} to {result.all_rows.last:%Y-%m-%d}"
    page = as_page(Report(sections, title=title))
    (folder / "report" / "training.html").write_text(page, encoding="utf-8")
    write_card(result, decision, tags, folder / "card")


def training_figures(result: TrainingResult) -> list[Section]:
    """Every figure of a training on the rows it was tested on."""
    y = result.holdout["y"].to_numpy()
    p = {name: result.holdout[name].to_numpy() for name in result.holdout_metrics.index}
    shown = {name: p[name] for name in dict.fromkeys((result.chosen, "rulebook", "digital_only"))}
    return [
        reliability(y, p[result.chosen], label(result.chosen)),
        gain(y, shown),
        candidates(result.fold_metrics, result.holdout_metrics, result.chosen),
        columns(result.leakage.most_telling, result.leakage.suspects),
    ]


def gain(y: Vector, predictions: Mapping[str, Vector]) -> Section:
    """Share of all acceptances found against the share of leads worked, best first; ties at their expectation."""
    worked = np.linspace(0, 1, 51)
    found = {}
    for name, p in predictions.items():
        taken, accepted = gain_curve(y, p)
        found[label(name)] = np.interp(worked, taken / len(y), accepted / max(accepted[-1], 1))
    found["in random order"] = worked
    parts = [pd.DataFrame({"order": n, "worked_share": worked, "found_share": s}) for n, s in found.items()]
    notes = ("The share of leads worked, best first, against the share of all acceptances found.",)
    kind = "curves order worked_share found_share"
    return Section("Who finds the acceptances first?", notes, frame=pd.concat(parts, ignore_index=True), kind=kind)


def candidates(folds: pd.DataFrame, tested: pd.DataFrame, chosen: str) -> Section:
    """Log loss of each candidate: on every fold, the mean of those that choose, and on the held-out test.

    The axis ends a little beyond those that can be chosen.
    """
    rows = []
    for name, mean in choosing_losses(folds).sort_values().items():
        losses = folds["log_loss"].xs(name)
        late = later_half(losses.index.to_series())
        what = np.where(late, "fold that chooses", "earlier fold")
        said = label(str(name)) + " (chosen)" * (name == chosen)
        rows += [(said, *row) for row in zip(what, losses, strict=True)]
        rows += [(said, "mean of the folds that choose", mean), (said, "held-out test", tested["log_loss"][str(name)])]
    frame = pd.DataFrame(rows, columns=["candidate", "on", "log_loss"])
    kind = f"strip candidate on log_loss {_end(folds, tested):.6f} 2"
    return Section("How do the candidates compare on later leads?", ("Lower is better.",), frame=frame, kind=kind)


def _end(folds: pd.DataFrame, tested: pd.DataFrame) -> float:
    """The end of an axis of log losses: all, or twice the room of those that can be chosen where that is less."""
    losses = pd.concat([folds["log_loss"].droplevel("fold"), tested["log_loss"]])
    usable = losses[losses.index.isin([c.name for c in CANDIDATES if c.deployed])]
    return min(float(losses.max()), float(usable.max()) + max(float(np.ptp(usable)), 0.01))


def columns(telling: pd.DataFrame, suspects: Sequence[str] = ()) -> Section:
    """The most telling columns by their own out-of-fold AUC, with the line from which on they are suspects."""
    suspect = telling.index.isin(suspects)
    what = {
        "column": telling.index,
        "auc": telling["auc"].to_numpy(),
        "missing_share_gap": telling["null_gap"].to_numpy(),
        "lift": telling["lift"].to_numpy(),
        "suspect_from": TELLING_AUC,
        "group": np.where(suspect, "suspect", "not suspected" if suspect.any() else ""),
    }
    frame = pd.DataFrame(what).sort_values("group", ascending=False, kind="stable")
    about = f"Out-of-fold AUC of the column alone; .5 means no information. Dashed: suspects begin ({TELLING_AUC:g})."
    kind = "dots group column auc - - suspect_from = auc missing_share_gap lift"
    return Section("Which columns alone predict the outcome best?", (about,), frame=frame, kind=kind)
