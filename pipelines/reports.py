"""What do people read of a job? Its result as rows for tables, as lines for terminals, and as JSON for machines."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from data.agreement.checks import most_points
from serving.routes import routes_where

if TYPE_CHECKING:  # the command line prints help without pandas
    import pandas as pd

    from data.agreement.model import Agreement
    from data.intake.ingest import IngestReport
    from models.judging.plan import Part, TrainingPlan
    from pipelines.jobs.backtest import Ablating, Backtesting
    from pipelines.jobs.train import Planning, Training

FIGURES = ("log_loss", "brier", "auc", "pr_auc", "lift_10", "lift_50", "calibration_slope", "calibration_intercept")
MARKS = "=x#~"
LEGEND = "= trained on   x purged: an account that is tested, or no answer yet   # tested   ~ too young to test"
BETWEEN_DATES = 24
JUDGED_BY = ("n", "log_loss", "brier", "auc", "calibration_slope", "calibration_intercept")
TOP_COLUMNS = ("lead_id", "probability", "digital_points", "research_points", "zone", "route", "route_reason")


def ingest_rows(report: IngestReport) -> list[dict[str, Any]]:
    """One row a table: rows in = stored + quarantined + repeats."""
    return [{"table": name, **asdict(count)} for name, count in report.tables.items()]


def ingest_notes(report: IngestReport) -> list[str]:
    """What else there is to say of a batch."""
    notes = [f"read {name}: {rows:,} records" for name, rows in report.files.items()]
    if report.quarantined:
        notes.append(f"{report.quarantined:,} rows are in quarantine: `leadready quarantine list` says why")
    for words, names in (
        ("files no mapping reads", report.unused),
        ("columns left out because their names look personal", report.left_out),
        ("columns no table has, ignored", report.ignored),
    ):
        if names:
            notes.append(f"{words}: {', '.join(names)}")
    return notes


def training_rows(training: Training) -> list[dict[str, Any]]:
    """One row a candidate: its figures on the latest rows."""
    metrics = training.result.holdout_metrics
    return [{"candidate": str(name), **{f: _rounded(metrics.at[name, f]) for f in FIGURES}} for name in metrics.index]


def training_notes(training: Training) -> list[str]:
    """What was learned from how much, what was chosen, and whether it may be used, in words."""
    result = training.result
    outcomes = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in training.outcomes.items())
    notes = [
        f"outcomes in the cohort: {outcomes}",
        f"compared on {result.train_rows.rows:,} earlier snapshots, tested once on the {result.test_rows.rows:,} from "
        f"{result.test_rows.first:%Y-%m-%d} on, fitted again on all {result.all_rows.rows:,}",
        f"chosen: {result.chosen}. {result.reason}",
        f"decision: {training.alias}",
        *training.decision.reasons,
    ]
    return [*notes, *leak_notes(training)]


def leak_notes(training: Training) -> list[str]:
    """The most telling columns, for a person to judge, and those that act as a clock."""
    leakage = training.result.leakage
    notes = ["the most telling columns, for a person to judge:"]
    notes += [
        f"  {name}: AUC {row['auc']:.3f} alone, null rate differs by {row['null_gap'] * 100:.0f} percentage points"
        for name, row in leakage.most_telling.iterrows()
    ]
    return [*notes, *leakage.notes]


def training_json(training: Training) -> dict[str, Any]:
    """The training for machines."""
    result = training.result
    return {
        "version": training.version.version,
        "run_id": training.version.run_id,
        "alias": training.decision.alias,
        "provisional": training.decision.provisional,
        "reasons": list(training.decision.reasons),
        "chosen": result.chosen,
        "outcomes": training.outcomes,
        "suspects": list(result.leakage.suspects),
        "clock": list(result.leakage.clock),
        "candidates": training_rows(training),
    }


def planning_notes(planning: Planning) -> list[str]:
    """Cohort, label and how many rows of what: what a training would start from, in words."""
    plan, settings = planning.plan, planning.settings
    (accepted, rejected), young, label = plan.labels, plan.parts[-1].young, settings.label
    outcomes = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in planning.outcomes.items())
    concepts = ", ".join(f"{count} {concept}" for concept, count in plan.features.items())
    asked, made = settings.training.folds, len(plan.folds)
    fewer = f" ({asked} were asked for: too little time or too few outcomes between their cuts)" * (0 < made < asked)
    return [
        f"cohort: {settings.cohort.name}, known at {plan.data.now:%Y-%m-%d %H:%M}",
        f"agreement: {planning.agreement.name} ({planning.agreement.version})",
        f"label: accepted within {label.horizon_days:g} days; expired: {label.expired}, "
        f"never handed off: {label.never_handed_off}",
        f"outcomes in the cohort: {outcomes}",
        f"labels: {accepted:,} accepted, {rejected:,} rejected",
        f"young: {young:,} of {len(plan.data.y):,} rows have an open horizon: trained on by weight, not tested",
        f"explored: {plan.explored:,} labels of leads drawn below the rules' gate",
        f"features: {len(plan.data.features)} ({concepts})",
        f"forward folds: {made}{fewer}",
    ]


def refusal_notes(plan: TrainingPlan) -> list[str]:
    """Why a training would be refused, or that nothing speaks against it."""
    return [f"a training would be refused: {reason}" for reason in plan.refusals] or ["nothing was fitted or kept"]


def planning_rows(plan: TrainingPlan) -> list[dict[str, Any]]:
    """One row a fit: when it is cut, how many rows it trains on and tests, and how many of them are accepted."""
    return [_part_row(part) for part in plan.parts]


def planning_json(planning: Planning) -> dict[str, Any]:
    """The plan for machines."""
    plan, settings = planning.plan, planning.settings
    accepted, rejected = plan.labels
    return {
        "cohort": settings.cohort.name,
        "observed": plan.data.now.isoformat(),
        "agreement_version": planning.agreement.version,
        "label": settings.label.model_dump(),
        "training": settings.training.model_dump(),
        "outcomes": planning.outcomes,
        "rows": len(plan.data.y),
        "accepted": accepted,
        "rejected": rejected,
        "young": plan.parts[-1].young,
        "explored": plan.explored,
        "features": plan.features,
        "parts": planning_rows(plan),
        "refused": list(plan.refusals),
    }


def _part_row(part: Part) -> dict[str, Any]:
    tests = bool(len(part.test))
    return {
        "part": part.name,
        "cut": f"{part.cut:%Y-%m-%d %H:%M}",
        "train": len(part.train),
        "train accepted": part.accepted,
        "train young": part.young,
        "purged": len(part.purged),
        "test": len(part.test) if tests else None,
        "test accepted": part.test_accepted if tests else None,
    }


def time_lines(plan: TrainingPlan, width: int = 72) -> list[str]:
    """A line per fold and one for the held-out test, along an axis of dates; a mark shows what most rows are there."""
    from models.judging.plan import time_line

    lines = _axis(plan, width)
    for part in plan.parts[:-1]:
        counts = time_line(plan, part, width)
        marks = [MARKS[int(row.argmax())] if row.any() else " " for row in counts]
        lines.append(f"{part.name:10}{''.join(marks).rstrip()}")
    return [*lines, LEGEND]


def _axis(plan: TrainingPlan, width: int) -> list[str]:
    """Dates above their ticks: evenly spaced ones, and the last moment at the right end."""
    first, last = plan.data.as_of.min(), plan.data.as_of.max()
    count = max(width // BETWEEN_DATES, 1)
    step = width // count
    dates = "".join(f"{first + (last - first) * k / count:%Y-%m-%d}".ljust(step) for k in range(count))
    end = f"{last:%Y-%m-%d}"
    ticks = ("|".ljust(step) * count).ljust(width)[: width - 1] + "|"
    return [" " * 10 + dates.ljust(width)[: width - len(end)] + end, " " * 10 + ticks]


def backtest_rows(done: Backtesting) -> list[dict[str, Any]]:
    """One row an arm: its figures on the hand-offs that every arm predicted, and leadready's gain over it."""
    metrics, gains = done.result.metrics, done.result.gains
    rows = []
    for arm in metrics.index:
        gain = gains[str(arm)]["log_loss"] if str(arm) in gains else None
        ours = {"leadready's gain": _rounded(gain.mean) if gain else None, "low": _rounded(gain.low) if gain else None,
                "high": _rounded(gain.high) if gain else None}  # fmt: skip
        rows.append({"arm": str(arm), **{f: _rounded(metrics.at[arm, f]) for f in JUDGED_BY}, **ours})
    return rows


def policy_rows(done: Backtesting) -> list[dict[str, Any]]:
    """One row a policy: its value per lead at the gate, and its gain over the rules then in force."""
    rows = records(done.policies.table) if done.policies else []
    return [{"policy": row.pop("words"), **{k: _rounded(v) for k, v in row.items() if k != "policy"}} for row in rows]


def period_rows(done: Backtesting) -> list[dict[str, Any]]:
    """One row a period: hand-offs judged, what was predicted and what came true, and each arm's log loss."""
    rows = records(done.result.periods)
    return [{"period": f"{row.pop('period'):%Y-%m-%d}", **{k: _rounded(v) for k, v in row.items()}} for row in rows]


def backtest_notes(done: Backtesting) -> list[str]:
    """How many hand-offs of how many days, what was left out, and what may be said, in words."""
    result = done.result
    predicted, judged, days = len(result.predicted), len(result.judged), result.days
    outcomes = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in done.outcomes.items())
    steady = "calibration in the large never left 3 standard errors"
    off = [f"{row['period']:%Y-%m-%d} ({row['z']:+.1f})" for row in records(result.periods) if abs(row["z"]) > 3]
    learned = days[days["skipped"] == ""]
    return [
        f"outcomes in the cohort, of which the labelled are predicted: {outcomes}",
        f"{predicted:,} hand-offs predicted on {len(learned):,} days by models of {learned['labels'].min():,} to "
        f"{learned['labels'].max():,} labels; {judged:,} judged, {predicted - judged:,} still open",
        *(f"{row['day']:%Y-%m-%d} skipped: {row['skipped']}" for row in records(result.skipped)),
        *(verdict.sentence for verdict in result.verdicts),
        f"calibration in the large was off in the periods from {', '.join(off)}" if off else steady,
        f"of whom this speaks: {result.reach.sentence}",
        *_policy_notes(done),
        f"kept in MLflow as run {done.run_id}",
    ]


def _policy_notes(done: Backtesting) -> list[str]:
    if not done.policies:
        return ["no hand-off could be valued: none had a chance of being made"]
    from models.judging.policy import EQUAL, LEAST_EFFECTIVE, POLICIES

    few = f"policies that treat fewer than {LEAST_EFFECTIVE:.0f} effective accounts otherwise than the rules: no claim"
    alike = [done.policies.alike] if done.policies.alike else []
    return [f"{POLICIES[EQUAL]}: {done.policies.claim.sentence}", *alike, few]


def backtest_json(done: Backtesting) -> dict[str, Any]:
    """The backtest for machines."""
    return {"run_id": done.run_id, "arms": backtest_rows(done), "policies": policy_rows(done),
            "periods": period_rows(done), "notes": backtest_notes(done)}  # fmt: skip


def ablation_rows(done: Ablating) -> list[dict[str, Any]]:
    """One row an arm: its figures on the later rows, and by how much everything together is ahead of it."""
    table, gains = done.result.arms, done.result.gains
    rows = []
    for name in table.index:
        gain, figures = gains.get(str(name)), {f: _rounded(table.at[name, f]) for f in JUDGED_BY}
        ahead = {"everything's gain": gain and _rounded(gain.mean), "low": gain and _rounded(gain.low),
                 "high": gain and _rounded(gain.high)}  # fmt: skip
        rows.append({"arm": str(name), "columns": int(table["columns"][name]), "chosen": table["chosen"][name],
                     **figures, **ahead})  # fmt: skip
    return rows


def ablation_notes(done: Ablating) -> list[str]:
    """What was tested on what, and what these data support, in words."""
    result = done.result
    return [
        f"learned on {result.labels:,} earlier labels, tested once on {len(result.tested):,} later snapshots",
        *(f"left out, the data have none of its columns: {name}" for name in result.left_out),
        *(verdict.sentence for verdict in result.verdicts),
        result.sentence,
        f"kept in MLflow as run {done.run_id}",
    ]


def ablation_json(done: Ablating) -> dict[str, Any]:
    """The ablation for machines."""
    return {"run_id": done.run_id, "arms": ablation_rows(done), "sentence": done.result.sentence,
            "notes": ablation_notes(done)}  # fmt: skip


def counts_table(scores: pd.DataFrame) -> list[dict[str, Any]]:
    """Open leads per zone and route."""
    counted = scores.groupby(["route", "zone"]).size().reset_index(name="leads")
    return [{str(k): v for k, v in row.items()} for row in counted.to_dict("records")]


def capacity_rows(capacity: pd.DataFrame) -> list[dict[str, Any]]:
    """Who can take how many today, how many wait, and what one more place would be worth."""
    return [{k: _rounded(v) for k, v in row.items()} for row in records(capacity)]


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame by column name."""
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def agreement_row(agreement: Agreement) -> dict[str, Any]:
    """One agreement in a line: from when, its criteria, what a lead can reach, and what its costs come to."""
    digital, research = most_points(agreement)
    return {
        "from": str(agreement.effective_from),
        "name": agreement.name,
        "version": agreement.version,
        "criteria": ", ".join(agreement.criteria),
        "most digital points": digital,
        "most points of phone and research": research,
        "p*": round(agreement.values.threshold, 3),
        "teams": ", ".join(f"{n} {t.hand_offs_per_day} a day" for n, t in agreement.capacity.teams.items())
        or "no limit",
    }


def standing_lines(standing: dict[str, Any], lines: list[dict[str, Any]], agreement: Agreement) -> list[str]:
    """A lead's sum, line by line, and what the rules make of it: the band of each axis, and the zone of the two."""
    said = f"{standing['lead_id']} at {standing['as_of']:%Y-%m-%d %H:%M} under {agreement.name}"
    out = [f"{said} ({standing['agreement_version']})"]
    for line in lines:
        when = "" if line["occurred_at"] != line["occurred_at"] else f"{line['occurred_at']:%Y-%m-%d %H:%M}"
        out.append(f"{line['points']:>9.3f}  {line['axis']:8}  {line['criterion']:20}  {when:16}  {line['what']}")
    for axis in ("digital", "research"):
        points, begins = standing[f"{axis}_points"], getattr(agreement.zones, axis)
        band = (
            f"band {sum(points >= b for b in begins)}"
            + f" (bands begin at {', '.join(f'{b:g}' for b in begins)})" * bool(begins)
        )
        out.append(f"{points:>9.3f}  {axis}, in all: {band}")
    more = [f"without {standing['missing']}, which is required"] if standing["missing"] else []
    more += [f"combinations: {standing['combinations']}"] if standing["combinations"] else []
    more += ["urgent"] if standing["urgent"] else []
    more += [f"{k}: {standing[k]}" for k in ("persona", "buying_stage", "team") if isinstance(standing[k], str)]
    return [*out, f"zone {standing['zone']}" + "".join(f"; {m}" for m in more)]


def score_lines(found: dict[str, Any]) -> list[str]:
    """What the model makes of a lead: probability with bounds, the sum behind it, reasons, and what is missing."""
    why, status = found["why"], ", provisional" if found["provisional"] else ""
    bounds = f"between {why['probability_low']:.0%} and {why['probability_high']:.0%} as far as such scores can be told"
    out = [f"model version {found['version']}{status}, learned from hand-offs to {found['trained_until']:%Y-%m-%d}",
           f"probability that sales accepts: {found['probability']:.1%} ({bounds})"]  # fmt: skip
    out += ["few leads like this one were in its training: take it with care"] if why["few_alike"] else []
    given = {name.removeprefix("contribution_"): why[name] for name in why.index if name.startswith("contribution_")}
    parts = {concept: value for concept, value in given.items() if value == value}
    total = why["log_odds_base"] + sum(parts.values())
    out += [f"{why['log_odds_base']:>+9.3f}  log-odds of the average hand-off"]
    out += [f"{value:>+9.3f}  {concept}" for concept, value in sorted(parts.items(), key=lambda kv: -abs(kv[1]))]
    out += [f"{total:>+9.3f}  log-odds of this lead, which is {found['probability']:.1%}"]
    said = [why[f"reason_{place}"] for place in range(1, 5)]
    told = [f"  {text}" for text in said if isinstance(text, str)] or ["  none that is sure enough to be named"]
    lacks = [f"  {text}" for text in found["missing"]] or ["  nothing to find out or do that stands out"]
    return [*out, "reasons, against the average hand-off:", *told, "missing beside the average accepted lead:", *lacks]


def top_rows(scores: pd.DataFrame, most: int) -> list[dict[str, Any]]:
    """The leads to look at first: those somebody can act on, by probability (without a model by points)."""
    order = routes_where(lambda r: r.actionable)
    actionable = scores[scores["route"].isin(order)].assign(place=lambda f: f["route"].map(order.index))
    by = ["place", "probability", "rule_points", "lead_id"]
    best = actionable.sort_values(by, ascending=[True, False, False, True]).head(most)
    return [{c: _rounded(row[c]) for c in TOP_COLUMNS} for row in best.to_dict("records")]


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return None if value != value else round(value, 4)
    return value
