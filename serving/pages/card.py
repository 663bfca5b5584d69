"""What should a person know before relying on a model? Its card, in plain words, as Markdown and as one HTML page."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from features.definition import CONCEPTS
from models.fitting.candidates import CANDIDATES
from models.fitting.learning import choosing_losses
from models.judging.promotion import Decision
from models.judging.selective import reach, weighted_metrics
from models.judging.training import TrainingResult, interval
from models.metrics.claims import Metric
from serving.pages.training_plots import draw_reliability, label

HERE = Path(__file__).parent
DRAWS = 1000  # of the figures for everybody at the gate
UNTOLD = "cannot be told"
PLAIN_FIGURES = {
    "miscalibration": "log loss lost to miscalibration",
    "discrimination": "log loss gained by telling leads apart",
    "lift_10": "lift in the best tenth",
    "calibration_slope": "calibration slope (1 is right)",
    "calibration_intercept": "calibration in the large (0 is right)",
}
COUNTS_AS = {"exclude": "left out", "not_accepted": "counted as not accepted"}
NOT_FOR = (
    "Leads whose permission allows no contact by the channel meant: no score gives a permission.",
    "Leads unlike those it learned from: it knows leads that were handed off. For leads never handed off, and for a "
    "new market, product or way of asking, its probability is an extrapolation.",
    "Another company: what sales accepts here says nothing of what it accepts elsewhere.",
    "Decisions about people, such as credit, employment, insurance or prices for consumers: it was made and tested for "
    "one thing, the order in which a sales team looks at business leads.",
    "Judging the people who call or sell: who called last, and how often sales accepted that agent's leads, tell leads "
    "apart here; acceptance depends on much more than their work.",
)
LIMITS = (
    "The probability is that of sales accepting the lead if it is handed off at that moment, not of a deal.",
    "It repeats how sales decided in the time it learned from, with whatever was unfair in that.",
    "What it says of a lead is no advice on what would change it: figures that go together need not cause each other.",
    "Reasons and intervals speak of the data that reached us; calls and touches that were never recorded are unknown.",
)
LEFT_OUT = (
    "Names, e-mail addresses, phone numbers and notes: personal data, never a feature in the raw.",
    "Everything known only at or after the moment of scoring, and columns that their source overwrites, for all "
    "moments before they were loaded: they would tell the answer.",
)
HOW_BACK = (
    "`leadready rollback --why TEXT` puts the version into use that was in use before; twice goes two back. "
    "`leadready promote VERSION` puts any version into use. Who did it, when and why stays with the model."
)


@dataclass(frozen=True)
class Section:
    """A part of the card: sentences, then points, then a table of text, then perhaps the calibration plot."""

    title: str
    text: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    plot: bool = False


def write_card(result: TrainingResult, decision: Decision, tags: Mapping[str, str], folder: Path) -> None:
    """Write card.md, card.html and reliability.png into `folder`, which is made.

    tags: where the training came from, as `Registry.log_training` is told; what is missing there is said to be unknown.
    """
    folder.mkdir()
    sections = card_sections(result, decision, tags)
    y, p = (result.holdout[name].to_numpy() for name in ("y", result.chosen))
    png = io.BytesIO()
    draw_reliability(y, p, label(result.chosen)).savefig(png, format="png", dpi=100)
    (folder / "reliability.png").write_bytes(png.getvalue())
    heading = f"Model card: {result.chosen}, {tags.get('source') or 'leads'} to {result.all_rows.last:%Y-%m-%d}"
    picture = "data:image/png;base64," + base64.b64encode(png.getvalue()).decode()
    for name, image in (("card.md", "reliability.png"), ("card.html", picture)):
        text = _templates().get_template(f"{name}.j2").render(heading=heading, sections=sections, image=image)
        (folder / name).write_text(text, encoding="utf-8")


def card_sections(result: TrainingResult, decision: Decision, tags: Mapping[str, str]) -> list[Section]:
    """The card's content, before it is laid out."""
    return [
        _use(decision, tags),
        _not_for(result),
        _learned_from(result, tags),
        _how_good(result),
        Section("Do its probabilities come true?", (_calibration(result),), plot=True),
        _compared(result),
        _sees(result, tags),
        _leak_guard(result),
        Section("Known limits", points=(*LIMITS, _sentence(reach(result.holdout).sentence))),
        _versions(result, tags),
        Section("Going back", (HOW_BACK,)),
    ]


def _use(decision: Decision, tags: Mapping[str, str]) -> Section:
    words = {"champion": "It was to be put to use", "challenger": "It is kept as challenger and does not route leads",
             None: "It may not be used; the model in use before, or the rules alone, go on"}  # fmt: skip
    unsure = ", provisionally: it was ahead, on too few rows or labels to be sure" * decision.provisional
    days = tags.get("horizon_days", "14")
    made_for = f"It estimates how likely sales is to accept a lead within {days} days if the lead is handed off now."
    stands = "It stands beside the rules that sales and marketing agreed on and does not replace them."
    decided = f"{words[decision.alias]}{unsure if decision.alias else ''}. Training decided so because:"
    return Section("What it is for", (made_for, stands, decided), tuple(map(_sentence, decision.reasons)))


def _not_for(result: TrainingResult) -> Section:
    return Section("Who it may not be used on", (_sentence(reach(result.holdout).sentence),), NOT_FOR)


def _learned_from(result: TrainingResult, tags: Mapping[str, str]) -> Section:
    every, tested = result.all_rows, result.test_rows
    rows = [
        ("Leads as they were between", f"{every.first:%Y-%m-%d} and {every.last:%Y-%m-%d}"),
        ("Snapshots with a label", f"{every.rows:,}, of them accepted {_percent(every.base_rate)}"),
        ("Tested on", f"the {tested.rows:,} latest, from {tested.first:%Y-%m-%d} on"),
        ("Accepted of those", _percent(tested.base_rate)),
        ("Cohort", tags.get("cohort", "unknown")),
        ("Label", f"sales accepted (1) or refused (0) within {tags.get('horizon_days', '?')} days"),
        ("Sales never answered", COUNTS_AS.get(tags.get("expired", ""), "unknown")),
        ("Never handed off", COUNTS_AS.get(tags.get("never_handed_off", ""), "unknown")),
        *((f"Outcome: {key.removeprefix('outcome_').replace('_', ' ')}", f"{int(count):,}")
          for key, count in tags.items() if key.startswith("outcome_")),
        ("Labels of explored hand-offs", tags.get("explored_labels", "unknown")),
        ("Left out of the comparison", f"{result.purged:,} snapshots of tested accounts or with an open horizon"),
        ("Known up to", tags.get("observed", "unknown").replace("T", " ")[:16]),
    ]  # fmt: skip
    return Section("What it learned from", rows=tuple(rows))


def _how_good(result: TrainingResult) -> Section:
    says = f"On {result.test_rows.rows:,} later snapshots that it had not learned from, with 95 % intervals over whole "
    told = "Higher AUC and lift, lower log loss and Brier score are better."
    header = ("figure", "this model", "base rate", "rules")
    return Section("How good is it?", (f"{says}accounts.", told), (), header, _figures(result))


def _figures(result: TrainingResult) -> tuple[tuple[str, ...], ...]:
    names = [result.chosen, "base_rate", "rulebook"]
    scores: tuple[tuple[str, Metric], ...] = (("AUC", "auc"), ("log loss", "log_loss"), ("Brier score", "brier"))
    rows = [(words, *(_with_interval(result, name, metric) for name in names)) for words, metric in scores]
    rows += [(words, *(_number(result.holdout_metrics.loc[name, metric]) for name in names))
             for metric, words in PLAIN_FIGURES.items()]  # fmt: skip
    return (*rows, *_everybody(result))


def _with_interval(result: TrainingResult, name: str, metric: Metric) -> str:
    value, found = float(result.holdout_metrics[metric][name]), interval(result, name, metric)
    return _ranged(value, *found) if found else _number(value)


def _ranged(value: float, low: float, high: float) -> str:
    """A figure with its interval, as far as both can be told: with one outcome alone there is no AUC, say."""
    if pd.isna(value):
        return UNTOLD
    return f"{_number(value)} ({'interval ' + UNTOLD if pd.isna(low) else f'{low:.3f} to {high:.3f}'})"


def _everybody(result: TrainingResult) -> list[tuple[str, ...]]:
    """With explored leads: the figures weighted to everybody at the gate."""
    if not reach(result.holdout).explored:
        return []
    names = [result.chosen, "base_rate", "rulebook"]
    rows = result.holdout[result.holdout["propensity"] > 0]
    found = {name: weighted_metrics(rows.assign(p=rows[name]), DRAWS, result.seed) for name in names}
    said = {name: frame.apply(lambda r: _ranged(r["value"], r["low"], r["high"]), axis=1)
            for name, frame in found.items()}  # fmt: skip
    words = {"log_loss": "log loss", "brier": "Brier score", "bias": "promises too much by"}
    return [
        (f"{text}, everybody at the gate", *(said[name][metric] for name in names)) for metric, text in words.items()
    ]


def _calibration(result: TrainingResult) -> str:
    row = result.holdout_metrics.loc[result.chosen]
    error = f"The mean error over ten groups is {row['ece']:.3f}; a perfectly calibrated model would stay below "
    tested = f"{error}{row['ece_95']:.3f} in 95 of 100 tests of this size. So far the fit that was tested "
    fit = f"(calibrated by {result.tested_calibration}); "
    in_use = f"the one to use learned again from all {result.all_rows.rows:,} labels and no later lead has tested it. "
    return f"{tested}{fit}{in_use}How that one is calibrated: {result.calibration}."


def _compared(result: TrainingResult) -> Section:
    meaning = {c.name: c.meaning for c in CANDIDATES}
    folds = choosing_losses(result.fold_metrics)
    rows = [(label(str(n)) + " (chosen)" * (n == result.chosen), meaning.get(str(n), ""), _number(folds.get(n)),
             _number(m["log_loss"]), _number(m["auc"])) for n, m in result.holdout_metrics.iterrows()]  # fmt: skip
    return Section(
        "What was compared", (f"Chosen on forward folds before the test: {result.reason}.",), (),
        ("candidate", "what it is", "log loss, later folds", "log loss, test", "AUC, test"), tuple(rows),
    )  # fmt: skip


def _sees(result: TrainingResult, tags: Mapping[str, str]) -> Section:
    by_concept = {c: [f.name for f in result.features if f.concept == c] for c in CONCEPTS}
    rows = [(concept, str(len(names)), _some(names)) for concept, names in by_concept.items() if names]
    chosen = tags.get("left_out", "")
    left = (*LEFT_OUT, f"By the settings of this workspace: {chosen}." if chosen else "By the settings: see `exclude` "
            "under [features] in settings.toml.")  # fmt: skip
    words = f"{len(result.features)} features, by what they are about. Left out:"
    return Section("What it sees, and what it does not", (words,), left, ("about", "features", "which"), tuple(rows))


def _leak_guard(result: TrainingResult) -> Section:
    guard = result.leakage
    found = [f"{name} may know the answer and stops promotion." for name in guard.blocking]
    found += [f"{name} was suspected and cleared by a person (allowed_columns)." for name in guard.suspects
              if name in guard.allowed]  # fmt: skip
    found += [f"{note}." for note in guard.notes]
    rows = [(str(name), f"{r['auc']:.3f}", f"{100 * r['null_gap']:.0f} percentage points")
            for name, r in guard.most_telling.iterrows()]  # fmt: skip
    says = "No column is suspected of knowing the answer." if not guard.blocking else "There are alarms:"
    header = ("most telling columns", "AUC alone", "missing differs by")
    return Section("What the leak guard found", (says,), tuple(found), header, tuple(rows))


def _versions(result: TrainingResult, tags: Mapping[str, str]) -> Section:
    names = ("agreement_version", "points_version", "catalogue_version", "data_hash", "model_hash", "seed")
    known = {**tags, "data_hash": result.data_hash, "model_hash": result.model_hash, "seed": str(result.seed)}
    rows = tuple((name.replace("_", " "), known.get(name, "unknown")) for name in names)
    return Section("Versions", ("The same data and seed give the same model hash.",), rows=rows)


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
    return UNTOLD if pd.isna(value) else f"{float(value):.3f}"  # type: ignore[call-overload, arg-type]


def _templates() -> Environment:
    """HTML is escaped by the template engine, what would be markup in Markdown by `_plain`."""
    found = Environment(
        loader=FileSystemLoader(HERE), autoescape=lambda name: bool(name) and ".html" in str(name),
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    found.filters |= {"plain": _plain, "coded": _coded}
    return found


def _coded(text: str) -> Markup:
    """Escaped, with what stands between backticks set as code."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))


def _plain(text: str) -> str:
    """Text from data as Markdown shows it, on one line; `code` stays."""
    return re.sub(r"([\\*\[\]|])", r"\\\1", " ".join(text.split())).replace("<", "&lt;")
