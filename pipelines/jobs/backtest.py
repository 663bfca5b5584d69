"""What would training and scoring on past days have done, and what is each kind of knowledge worth?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from data.opened import OpenWorkspace
from pipelines.jobs.basis import read_rows, run_tags

if TYPE_CHECKING:  # scikit-learn and MLflow are imported by the jobs that need them: they take seconds
    from models.judging.ablation import Ablation
    from models.judging.backtest import Backtest, Policies


@dataclass(frozen=True)
class Backtesting:
    """What a backtest came to; policies: None where no hand-off could be valued."""

    result: Backtest
    policies: Policies | None
    outcomes: dict[str, int]
    run_id: str


@dataclass(frozen=True)
class Ablating:
    """What an ablation came to, and the run that keeps it."""

    result: Ablation
    run_id: str


def backtest_models(
    opened: OpenWorkspace, first: datetime, last: datetime, every: timedelta, observed: datetime
) -> Backtesting:
    """What training and scoring at `first` and every so often until `last` would have done, judged by `observed`.

    The matrix is built once, under the agreement in force at `observed`; the rules that the policies are held against
    are those in force at each hand-off. Raises DataError where no day can be judged.
    """
    import pandas as pd

    from features.rules.standing import build_rules
    from models.judging.backtest import backtest, value_policies
    from models.registry.client import Registry
    from serving.pages.backtest import backtest_page
    from serving.scoring import VOUCHED_FROM

    data, outcomes = read_rows(opened, observed)
    options, agreements = opened.settings.training, opened.agreements
    result = backtest(data, pd.Timestamp(first), pd.Timestamp(last), every, seed=options.seed, folds=options.folds)
    handed_off = result.judged[["lead_id", "as_of"]].drop_duplicates()
    with opened.warehouse() as warehouse:  # hand-offs may be older than the first agreement
        standing = build_rules(warehouse, handed_off, [agreements[0].from_ever_on(), *agreements[1:]])
    policies = value_policies(result.judged, standing, agreements, VOUCHED_FROM, options.seed)
    tables = {
        "predicted": result.predicted,
        "days": result.days,
        "metrics": result.metrics.reset_index(),
        "periods": result.periods,
    }
    tables |= {"policies": policies.table, "policy_gain": policies.curve} if policies else {}
    step = f"{every / timedelta(days=1):g}d"
    tags = run_tags(opened, observed) | {"from": str(first), "to": str(last), "every": step}
    name = f"backtest from {first:%Y-%m-%d} to {last:%Y-%m-%d} every {step}"
    pages = {"backtest": backtest_page(result, policies)}
    run_id = Registry(opened.workspace).log_report("backtest", name, tags, result.figures, tables, pages)
    return Backtesting(result, policies, outcomes, run_id)


def ablate_models(opened: OpenWorkspace, observed: datetime) -> Ablating:
    """What each kind of knowledge adds on later time, by what was known at `observed`.

    Raises ModelError or DataError where the labels do not suffice.
    """
    from models.judging.ablation import ablate
    from models.registry.client import Registry
    from serving.pages.ablation import ablation_page

    data, _ = read_rows(opened, observed)
    options = opened.settings.training
    result = ablate(data, seed=options.seed, test_share=options.test_share, folds=options.folds)
    tables = {"arms": result.arms.reset_index(), "gains": result.gains_table, "tested": result.tested}
    tags = run_tags(opened, observed) | {"sentence": result.sentence}
    name, pages = f"ablation as of {observed:%Y-%m-%d}", {"ablation": ablation_page(result)}
    run_id = Registry(opened.workspace).log_report("ablation", name, tags, result.figures, tables, pages)
    return Ablating(result, run_id)
