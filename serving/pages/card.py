"""What should a person know before relying on a model? Its card, in plain words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from features.definition import CONCEPTS
from models.fitting.candidates import CANDIDATES
from models.fitting.learning import choosing_losses
from models.judging.promotion import UNJUDGED, Decision
from models.judging.selective import reach, weighted_metrics
from models.judging.training import TrainingResult, interval
from models.metrics.claims import Metric
from serving.pages.page import as_markdown, as_page
from serving.pages.reliability import label, reliability
from serving.pages.sections import Report, Rows, Section

DRAWS = 1000  # of the figures for everybody at the gate
UNKNOWN = "cannot be determined"
PLAIN_FIGURES = {
    "miscalibration": "log loss added by miscalibration",
    "discrimination": "log loss saved by separating leads",
    "lift_10": "lift in the best tenth",
    "calibration_slope": "calibration slope (1 is right)",
    "calibration_intercept": "calibration in the large (0 is right)",
}
COUNTS_AS = {"exclude": "left out", "not_accepted": "counted as not accepted"}
NOT_FOR = (
    "Leads that do not allow contact by the intended channel: a score never gives permission.",
    "Leads unlike those it learned from: it knows only leads that were handed off. For leads never handed off, and for "
    "a new market, product or way of asking, its probability is an extrapolation.",
    "Another company: what sales accepts here says nothing about what it accepts elsewhere.",
    "Decisions about people, such as credit, employment, insurance or prices for consumers: the model was made and "
    "tested for one purpose, the order in which a sales team looks at business leads.",
    "Judging the people who call or sell: the model uses who called last and how often sales accepted that agent's "
    "leads, but acceptance depends on much more than their work.",
)
LIMITS = (
    "The probability is that sales accepts the lead if it is handed off at that moment, not that a deal follows.",
    "The bounds of a probability are for the mean of all leads with such a score, not for what becomes of one lead. "
    "For a lead outside what past hand-offs cover they are wider, because less is known there: go by them instead of "
    "the probability.",
    "The model repeats how sales decided in the period it learned from, including anything unfair in those decisions.",
    "What it says about a lead is no advice on what would change the outcome: figures that move together need not "
    "cause each other.",
    "Reasons and intervals cover the data that was recorded; calls and touches that were never recorded are unknown.",
)
LEFT_OUT = (
    "Names, e-mail addresses, phone numbers and notes: personal data, never used as features in their raw form.",
    "Everything known only at or after the moment of scoring, and columns that their source overwrites, for all "
    "moments before they were loaded: they would give the answer away.",
)
HOW_BACK = (
    "`leadready rollback --why TEXT` puts the previous version back into use; running it twice goes back two versions. "
    "`leadready promote VERSION` puts any version into use. Who did it, when and why is kept with the model."
)


ALIAS_WORDS = {
    "champion": "Training chose to put it into use",
    "challenger": "It is kept as a challenger and does not route leads",
    None: "It may not be used; the previous model, or the rules alone, continue to route leads",
}


def write_card(result: TrainingResult, decision: Decision, tags: Mapping[str, str], folder: Path) -> None:
    """Write card.md and card.html into `folder`, which is made.

    tags: where the training came from, as `Registry.log_training` is told; what is missing there is said to be unknown.
    """
    folder.mkdir()
    title = f"Model card: {result.chosen}, {tags.get('source') or 'leads'} to {result.all_rows.last:%Y-%m-%d}"
    card = Report(card_sections(result, decision, tags), title=title)
    (folder / "card.md").write_text(as_markdown(card), encoding="utf-8")
    (folder / "card.html").write_text(as_page(card), encoding="utf-8")


def card_sections(result: TrainingResult, decision: Decision, tags: Mapping[str, str]) -> list[Section]:
    """The card's content, before it is laid out."""
    spoken_for = _sentence(reach(result.holdout).sentence)
    return [
        _use(decision, tags),
        Section("What it may not be used for", (spoken_for,), NOT_FOR),
        _learned_from(result, tags),
        _how_good(result),
        _comes_true(result),
        _compared(result),
        _sees(result, tags),
        _leak_guard(result),
        Section("Known limits", points=(*LIMITS, spoken_for)),
        _versions(result, tags),
        Section("Going back", (HOW_BACK,)),
    ]


def _use(decision: Decision, tags: Mapping[str, str]) -> Section:
    provisional = decision.provisional and decision.alias
    unsure = ", provisionally: it was ahead, but on too few rows or labels to be sure" if provisional else ""
    days = tags.get("horizon_days", "14")
    made_for = f"It estimates how likely sales is to accept a lead within {days} days if the lead is handed off now."
    stands = "It works next to the rules that sales and marketing agreed on and does not replace them."
    decided = f"{ALIAS_WORDS[decision.alias]}{unsure}. The reasons:"
    return Section("What it is for", (made_for, stands, decided), tuple(map(_sentence, decision.reasons)))


def _learned_from(result: TrainingResult, tags: Mapping[str, str]) -> Section:
    every, tested = result.all_rows, result.test_rows
    outcomes = [(key.removeprefix("outcome_"), int(n)) for key, n in tags.items() if key.startswith("outcome_")]
    rows = [
        ("Leads as they were between", f"{every.first:%Y-%m-%d} and {every.last:%Y-%m-%d}"),
        ("Snapshots with a label", f"{every.rows:,}, of which {_percent(every.base_rate)} were accepted"),
        ("Tested on", f"the latest {tested.rows:,}, from {tested.first:%Y-%m-%d} on"),
        ("Accepted among those", _percent(tested.base_rate)),
        ("Cohort", tags.get("cohort", "unknown")),
        ("Label", f"sales accepted (1) or rejected (0) within {tags.get('horizon_days', '?')} days"),
        ("Sales never answered", COUNTS_AS.get(tags.get("expired", ""), "unknown")),
        ("Never handed off", COUNTS_AS.get(tags.get("never_handed_off", ""), "unknown")),
        *((f"Outcome: {name.replace('_', ' ')}", f"{count:,}") for name, count in outcomes),
        ("Labels of explored hand-offs", tags.get("explored_labels", "unknown")),
        ("Left out of the comparison", f"{result.purged:,} snapshots of tested accounts or with an open horizon"),
        ("How models were compared", result.splits),
        ("Known up to", tags.get("observed", "unknown").replace("T", " ")[:16]),
    ]
    return Section("What it learned from", rows=_pairs(rows))


def _how_good(result: TrainingResult) -> Section:
    tested = f"On {result.test_rows.rows:,} later snapshots that it did not learn from"
    notes: tuple[str, ...] = (
        f"{tested}; 95 % intervals over whole accounts.",
        "Higher AUC and lift are better; so are lower log loss and Brier score.",
    )
    if result.rules_unjudged:
        notes += (f"{_sentence(UNJUDGED[result.rules_unjudged])} Their figures are those of the base rate.",)
    header = ("figure", "this model", "base rate", "rules")
    return Section("How good is it?", notes, rows=_table(header, _figures(result)))


def _figures(result: TrainingResult) -> list[tuple[str, ...]]:
    names = [result.chosen, "base_rate", "rulebook"]
    scores: tuple[tuple[str, Metric], ...] = (("AUC", "auc"), ("log loss", "log_loss"), ("Brier score", "brier"))
    rows = [(words, *(_with_interval(result, name, metric) for name in names)) for words, metric in scores]
    found = result.holdout_metrics.loc[names]
    rows += [(words, *map(_number, found[metric])) for metric, words in PLAIN_FIGURES.items()]
    return [*rows, *_everybody(result)]


def _with_interval(result: TrainingResult, name: str, metric: Metric) -> str:
    value, found = float(result.holdout_metrics[metric][name]), interval(result, name, metric)
    return _ranged(value, *found) if found else _number(value)


def _ranged(value: float, low: float, high: float) -> str:
    """A figure with its interval, as far as both can be determined: with one outcome alone there is no AUC, say."""
    if pd.isna(value):
        return UNKNOWN
    return f"{_number(value)} ({'interval ' + UNKNOWN if pd.isna(low) else f'{low:.3f} to {high:.3f}'})"


def _everybody(result: TrainingResult) -> list[tuple[str, ...]]:
    """With explored leads: the figures weighted to everybody at the gate."""
    if not reach(result.holdout).explored:
        return []
    names = [result.chosen, "base_rate", "rulebook"]
    rows = result.holdout[result.holdout["propensity"] > 0]
    found = {name: weighted_metrics(rows.assign(p=rows[name]), DRAWS, result.seed) for name in names}
    words = {"log_loss": "log loss", "brier": "Brier score", "bias": "probability too high by"}
    ranged = {metric: [_ranged(*found[name].loc[metric]) for name in names] for metric in words}
    return [(f"{text}, everybody at the gate", *ranged[metric]) for metric, text in words.items()]


def _comes_true(result: TrainingResult) -> Section:
    y, p = (result.holdout[name].to_numpy() for name in ("y", result.chosen))
    row = result.holdout_metrics.loc[result.chosen]
    about = (
        f"The mean error over ten groups is {row['ece']:.3f}; a perfectly calibrated model would stay below "
        f"{row['ece_95']:.3f} in 95 of 100 tests of this size. This is about the fit that was tested (calibrated by "
        f"{result.tested_calibration}); the fit to use learned again from all {result.all_rows.rows:,} labels, and no "
        f"later lead has tested it yet. Its calibration: {result.calibration}."
    )
    return replace(reliability(y, p, label(result.chosen)), title="Do its probabilities come true?", notes=(about,))


def _compared(result: TrainingResult) -> Section:
    meaning = {c.name: c.meaning for c in CANDIDATES}
    folds = choosing_losses(result.fold_metrics)
    tested = result.holdout_metrics[["log_loss", "auc"]]
    rows = []
    for name, losses in zip(map(str, tested.index), tested.to_numpy(), strict=True):
        chosen = " (chosen)" * (name == result.chosen)
        rows.append((label(name) + chosen, meaning.get(name, ""), *map(_number, (folds.get(name), *losses))))
    header = ("candidate", "what it is", "log loss, later folds", "log loss, test", "AUC, test")
    why = f"Chosen on forward folds before the test: {result.reason}."
    return Section("What was compared", (why,), rows=_table(header, rows))


def _sees(result: TrainingResult, tags: Mapping[str, str]) -> Section:
    by_concept = {c: [f.name for f in result.features if f.concept == c] for c in CONCEPTS}
    rows = [(concept, str(len(names)), _some(names)) for concept, names in by_concept.items() if names]
    chosen = tags.get("left_out", "")
    by_settings = f"What the settings of this workspace exclude: {chosen}."
    look = "What the settings exclude: see `exclude` under [features] in settings.toml."
    words = f"{len(result.features)} features, grouped by concept. Left out:"
    return Section(
        "What it sees, and what it does not",
        (words,),
        (*LEFT_OUT, by_settings if chosen else look),
        _table(("concept", "features", "which"), rows),
    )


def _leak_guard(result: TrainingResult) -> Section:
    guard = result.leakage
    found = [f"{name} may know the answer, which stops the promotion." for name in guard.blocking]
    cleared = [name for name in guard.suspects if name in guard.allowed]
    found += [f"{name} was suspected, but a person cleared it (allowed_columns)." for name in cleared]
    found += [f"{note}." for note in guard.notes]
    telling = guard.most_telling
    rows = [
        (str(name), f"{auc:.3f}", f"{100 * gap:.0f} percentage points", "-" if np.isnan(lift) else f"{lift:.3f}")
        for name, auc, gap, lift in telling.itertuples()
    ]
    says = "No column is suspected of knowing the answer." if not guard.blocking else "These columns raised an alarm:"
    header = ("most predictive columns", "AUC on its own", "share missing differs by", "log loss lost without it")
    return Section("What the leak guard found", (says,), tuple(found), _table(header, rows))


def _versions(result: TrainingResult, tags: Mapping[str, str]) -> Section:
    names = ("agreement_version", "points_version", "catalogue_version", "data_hash", "model_hash", "seed")
    known = {**tags, "data_hash": result.data_hash, "model_hash": result.model_hash, "seed": str(result.seed)}
    rows = [(name.replace("_", " "), known.get(name, "unknown")) for name in names]
    return Section("Versions", ("The same data and seed give the same model hash.",), rows=_pairs(rows))


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Rows:
    return [dict(zip(header, row, strict=True)) for row in rows]


def _pairs(rows: Iterable[Sequence[str]]) -> Rows:
    """A table of names and what they are, whose columns need no heading."""
    return _table(("", " "), rows)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _some(names: Sequence[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _number(value: object) -> str:
    if value is None:
        return "–"
    return UNKNOWN if pd.isna(value) else f"{float(value):.3f}"  # type: ignore[call-overload, arg-type]
