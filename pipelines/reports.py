"""What do people read of a job? Its report of `serving.pages`, under the names that commands and flows call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from serving.pages.agreements import agreement_row
from serving.pages.sections import Report, Section, records, rounded

if TYPE_CHECKING:  # the command line prints help without pandas
    import pandas as pd

    from data.intake.ingest import IngestReport
    from models.judging.plan import TrainingPlan
    from pipelines.jobs import Ablating, Backtesting, Planning, Training

__all__ = ["agreement_row", "records"]


def ingest_rows(report: IngestReport) -> Any:
    """One row a table: rows in = stored + quarantined + repeats."""
    return _first(_ingest(report)).rows


def ingest_notes(report: IngestReport) -> Any:
    """What else there is to say of a batch."""
    return _first(_ingest(report)).points


def training_rows(training: Training) -> Any:
    """One row a candidate: its figures on the latest rows."""
    return _first(_training(training)).rows


def training_notes(training: Training) -> Any:
    """What was learned from how much, what was chosen, and whether it may be used, in words."""
    return _first(_training(training)).points


def training_json(training: Training) -> Any:
    """The training for machines."""
    return _training(training).facts


def planning_notes(planning: Planning) -> Any:
    """Cohort, label and how many rows of what, in words."""
    return _first(_planning(planning)).points


def planning_rows(plan: TrainingPlan) -> Any:
    """One row a fit."""
    from serving.pages.plan import part_row

    return [part_row(part) for part in plan.parts]


def refusal_notes(plan: TrainingPlan) -> Any:
    """Why a training would be refused, or that nothing speaks against it."""
    from serving.pages.plan import refusals

    return refusals(plan)


def time_lines(plan: TrainingPlan, width: int = 72) -> list[str]:
    """A line per fold and one for the held-out test, along an axis of dates."""
    from serving.pages.plan import time_lines as drawn

    return drawn(plan, width)


def planning_json(planning: Planning) -> Any:
    """The plan for machines."""
    return _planning(planning).facts


def backtest_rows(done: Backtesting) -> Any:
    """One row an arm."""
    return _backtest(done).facts["arms"]


def policy_rows(done: Backtesting) -> Any:
    """One row a policy."""
    return _backtest(done).facts["policies"]


def period_rows(done: Backtesting) -> Any:
    """One row a period."""
    return _backtest(done).facts["periods"]


def backtest_notes(done: Backtesting) -> Any:
    """What may be said, in words."""
    return _backtest(done).facts["notes"]


def backtest_json(done: Backtesting) -> Any:
    """The backtest for machines."""
    return _backtest(done).facts


def ablation_rows(done: Ablating) -> Any:
    """One row an arm."""
    return _ablation(done).facts["arms"]


def ablation_notes(done: Ablating) -> Any:
    """What was tested on what, and what these data support, in words."""
    return _ablation(done).facts["notes"]


def ablation_json(done: Ablating) -> Any:
    """The ablation for machines."""
    return _ablation(done).facts


def counts_table(scores: pd.DataFrame) -> Any:
    """Open leads per zone and route."""
    from serving.pages.scores import route_rows

    return route_rows(scores)


def capacity_rows(capacity: pd.DataFrame) -> Any:
    """Who can take how many today, how many wait, and what one more place would be worth."""
    return [rounded(row) for row in records(capacity)]


def standing_lines(standing: Any, lines: Any, agreement: Any) -> list[str]:
    """A lead's sum, line by line, and what the rules make of it."""
    from serving.pages.lead import standing_lines as said

    return said(standing, lines, agreement)


def score_lines(found: Any) -> list[str]:
    """What the model makes of a lead."""
    from serving.pages.lead import score_lines as said

    return said(found)


def top_rows(scores: pd.DataFrame, most: int) -> Any:
    """The leads to look at first."""
    from serving.pages.scores import top_rows as top

    return top(scores, most)


def _first(report: Report) -> Section:
    return report.sections[0]


def _ingest(report: IngestReport) -> Report:
    from serving.pages.ingest import ingest_report

    return ingest_report(report)


def _training(done: Training) -> Report:
    from serving.pages.training import training_report

    return training_report(done.result, done.decision, done.version, done.outcomes)


def _planning(done: Planning) -> Report:
    from serving.pages.plan import plan_report

    return plan_report(done.plan, done.outcomes, done.settings, done.agreement)


def _backtest(done: Backtesting) -> Report:
    from serving.pages.backtest import backtest_report

    return backtest_report(done.result, done.policies, done.outcomes, done.run_id)


def _ablation(done: Ablating) -> Report:
    from serving.pages.ablation import ablation_report

    return ablation_report(done.result, done.run_id)
