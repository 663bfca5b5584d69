"""How much does a day's scoring cost, as a multiple of the least that any job over the touches must do?

Takes a workspace with a model in use (`benchmarks/generate.py`, `leadready ingest`, `leadready train`), publishes there
and times by CPU, interleaved in one run: the floor of `features_speed.py`, the whole of scoring and
publishing, reasons included (asked: at most 60 times the floor), and the reasons of --rows leads as delivered. Where
`shap` is installed (it is no part of the environment) its interventional TreeExplainer explains as many leads with
the trees of the model in use and 100 rows of background: reasons should come no slower. It prints the peak memory too
(asked: at most 1.5 GiB).
"""

from __future__ import annotations

import argparse
import resource
import statistics
from collections.abc import Callable
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from features_speed import FLOOR, cpu
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from data.cohorts import open_leads
from data.opened import OpenWorkspace, open_workspace
from models.explaining.explanation import spread
from models.registry.client import LoadedModel, Registry
from pipelines.jobs.score import score_open_leads
from serving.in_use import find_model, trained_under
from serving.reasons import BACKGROUND_ROWS, explain_scores
from serving.scoring import _seen


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--as-of", type=datetime.fromisoformat, required=True)
    parser.add_argument("--rows", type=int, default=8192)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    opened = open_workspace(arguments.workspace)
    model = find_model(Registry(opened.workspace))
    if model is None:
        parser.error("no model is in use there: train one first")
    measure(opened, model, arguments.as_of, arguments.rows, arguments.rounds)


def measure(opened: OpenWorkspace, model: LoadedModel, as_of: datetime, rows: int, rounds: int) -> None:
    """Time floor, scoring, reasons and shap, interleaved, `rounds` times."""
    features, X = _leads(opened, model, as_of, rows)
    work: dict[str, Callable[[], object]] = {
        "floor": lambda: _floor(opened),
        "score": lambda: score_open_leads(opened, as_of),
        "reasons": lambda: explain_scores(model.pipeline, features, X, pd.Series(True, index=X.index)),
    }
    if find_spec("shap"):
        work["shap"] = _shap(model, X)
    spent: dict[str, list[float]] = {name: [] for name in work}
    for name in [*work] * rounds:
        spent[name].append(cpu(work[name]))
    seconds = {name: statistics.median(times) for name, times in spent.items()}
    print(f"score {seconds['score']:.2f} s CPU: {seconds['score'] / seconds['floor']:.1f} x the floor of "
          f"{seconds['floor']:.2f} s (asked: 60 at most)")  # fmt: skip
    print(f"reasons of {len(X):,} leads as delivered: {len(X) / seconds['reasons']:,.0f} leads per CPU second")
    if "shap" in seconds:
        times = seconds["shap"] / seconds["reasons"]
        print(f"shap on the trees alone: {len(X) / seconds['shap']:,.0f}; reasons come {times:.2f} times as fast")
    print(f"peak memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


def _floor(opened: OpenWorkspace) -> object:
    with opened.warehouse() as warehouse:
        return warehouse.rows(FLOOR)


def _leads(opened: OpenWorkspace, model: LoadedModel, as_of: datetime, rows: int) -> tuple[Any, pd.DataFrame]:
    agreement = opened.agreement_at(as_of)
    with opened.warehouse() as warehouse:
        index = open_leads(warehouse, as_of, agreement.recycle.cool_off_days, agreement.recycle.never)
        features, _, matrix = _seen(warehouse, model, trained_under(opened, model), spread(index, rows))
    return features, matrix[[f.name for f in features]]


def _shap(model: LoadedModel, X: pd.DataFrame) -> Callable[[], object]:
    """Explains the trees of the model in use. It reads conditions on texts wrong: only its speed is compared."""
    import shap

    trees = _trees(model.pipeline.estimator)
    own, background = (
        np.asarray(trees[:-1].transform(rows[X.columns]), dtype=float)
        for rows in (X, spread(pd.DataFrame(model.pipeline.background), BACKGROUND_ROWS))
    )
    explainer = shap.TreeExplainer(trees[-1], background, feature_perturbation="interventional")

    def explain() -> object:
        with threadpool_limits(limits=1):
            return explainer.shap_values(own, check_additivity=False)

    return explain


def _trees(estimator: Any) -> Pipeline:
    """The pipeline of boosted trees that the model is, or blends."""
    parts = getattr(estimator, "estimators_", [estimator])
    return next(part for part in parts if isinstance(part[-1], HistGradientBoostingClassifier))


if __name__ == "__main__":
    main()
