"""What do people read of a job? Its result as rows for tables, as lines for terminals, and as JSON for machines."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from data.agreement_checks import most_points

if TYPE_CHECKING:  # the command line prints help without pandas
    import pandas as pd

    from data.agreement import Agreement
    from data.ingest import IngestReport
    from pipelines.jobs import Training

FIGURES = ("log_loss", "brier", "auc", "pr_auc", "lift_10", "lift_50", "calibration_slope", "calibration_intercept")
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
        f"  {name}: AUC {row['auc']:.3f} alone, null rate differs by {row['null_gap'] * 100:.0f} points"
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


def top_rows(scores: pd.DataFrame, most: int) -> list[dict[str, Any]]:
    """The leads to look at first: those somebody can act on, by probability (without a model by points)."""
    order = ("hand_off", "manager_check", "tele_qualify", "reheat", "hold", "nurture")
    actionable = scores[scores["route"].isin(order)].assign(place=lambda f: f["route"].map(order.index))
    by = ["place", "probability", "rule_points", "lead_id"]
    best = actionable.sort_values(by, ascending=[True, False, False, True]).head(most)
    return [{c: _rounded(row[c]) for c in TOP_COLUMNS} for row in best.to_dict("records")]


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return None if value != value else round(value, 4)
    return value
