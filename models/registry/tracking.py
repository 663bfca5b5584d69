"""What does MLflow's page show of a training? Names, tags, figures and files, the same for every run."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from data.spreadsheet import write_csv
from data.workspace import Workspace

if TYPE_CHECKING:  # who lists the runs does without scikit-learn, which takes seconds
    from models.judging.promotion import Decision
    from models.judging.training import TrainingResult
    from models.metrics.claims import Metric

HOLDOUT = "holdout.parquet"
SCORES: tuple[Metric, ...] = ("log_loss", "brier", "auc")
MAIN = ("base_rate", "log_loss", "auc")
RUN_COLUMNS = ["version", "alias", "started", "status", "name", "chosen", "rows", *MAIN, "run_id"]


def title(result: TrainingResult, tags: Mapping[str, str]) -> str:
    """The name of a run: whose leads, how many, until when, and what was chosen."""
    rows = f"{result.all_rows.rows:,} snapshots to {result.all_rows.last:%Y-%m-%d}"
    return f"{tags.get('source') or 'leads'}: {rows}, {result.chosen}"


def training_tags(result: TrainingResult, context: Mapping[str, object]) -> dict[str, str]:
    """Where the training came from and what it found, as tags of its run and of its version."""
    guard = result.leakage
    return {key: str(value) for key, value in context.items()} | {
        "chosen": result.chosen,
        "reason": result.reason,
        "calibration": result.calibration,
        "data_hash": result.data_hash,
        "model_hash": result.model_hash,
        "seed": str(result.seed),
        "rows": str(result.all_rows.rows),
        "purged": str(result.purged),
        "splits": result.splits,
        "young": str(result.young),
        "horizon_days": f"{result.horizon.total_seconds() / 86400:g}",
        "trained_until": result.all_rows.last.isoformat(),
        "tested_from": result.test_rows.first.isoformat(),
        **{name: shorten(", ".join(getattr(guard, name)), 1000) for name in ("suspects", "blocking", "clock")},
    }


def decision_tags(decision: Decision) -> dict[str, str]:
    """The decision with its reasons, as tags."""
    return {
        "decision": decision.alias or "refused",
        "provisional": str(decision.provisional).lower(),
        "reasons": "\n".join(decision.reasons),
        "judged_against": str(decision.against or ""),
        "waiting": str(decision.waiting).lower(),
    }


def description(decision: Decision) -> str:
    """The note that MLflow's page shows on a run and a version, in Markdown."""
    words = {"champion": "to be put into use", "challenger": "kept as challenger", None: "not to be used"}
    head = words[decision.alias] + (", provisional" if decision.provisional else "")
    reasons = "\n".join(f"- {reason}" for reason in decision.reasons)
    return f"**Decided by training: {head}.** The full account is in `card/card.html`.\n\n{reasons}"


def run_metrics(result: TrainingResult, decision: Decision) -> dict[str, float]:
    """The chosen candidate's figures on the held-out rows; with intervals where there are 100 rows."""
    found = finite(result.holdout_metrics.loc[result.chosen]) | _intervals(result, result.chosen, SCORES)
    for verdict in decision.verdicts:
        name, gain = f"gain_over_{verdict.other.replace(' ', '_')}", verdict.gain
        found |= finite({name: gain.mean, f"{name}_low": gain.low, f"{name}_high": gain.high})
        found |= {"labels_needed": float(verdict.least)} if verdict.least else {}
    return found


def candidate_metrics(result: TrainingResult, name: str) -> dict[str, float]:
    """A candidate's figures on the held-out rows, under the names that the training's own run has."""
    return finite(result.holdout_metrics.loc[name]) | _intervals(result, name, ("log_loss", "brier"))


def fold_metrics(result: TrainingResult, name: str) -> list[dict[str, float]]:
    """A candidate's figures on each forward fold, in their order."""
    folds = result.fold_metrics.loc[[name]].to_dict("records")
    return [{f"fold_{key}": value for key, value in finite(fold).items()} for fold in folds]


def _intervals(result: TrainingResult, name: str, metrics: tuple[Metric, ...]) -> dict[str, float]:
    """`<metric>_low` and `<metric>_high`, where there are any (see `training.interval`)."""
    from models.judging.training import interval

    found = {metric: interval(result, name, metric) for metric in metrics}
    ends = {m: dict(zip((f"{m}_low", f"{m}_high"), at, strict=True)) for m, at in found.items() if at}
    return finite({name: value for pair in ends.values() for name, value in pair.items()})


def candidate_params(result: TrainingResult, name: str) -> dict[str, object]:
    """The plain settings of a candidate's model by their names in words, without the names of columns."""
    from models.fitting.candidates import CANDIDATES

    found = {c.name: c for c in CANDIDATES}[name].build(result.features, result.seed).get_params()
    return {_in_words(k): v for k, v in found.items() if "model__" in k and isinstance(v, (bool, int, float, str))}


def _in_words(setting: str) -> str:
    """A setting's name as people read it.

    >>> _in_words("model__learning_rate"), _in_words("shallow__model__max_iter")
    ('learning rate', 'shallow max iter')
    """
    return setting.replace("model__", "").replace("_", " ").replace("  ", " ").strip()


def columns(frame: pd.DataFrame) -> list[dict[str, object]]:
    """The columns a model takes, as MLflow writes schemas."""
    from models.fitting.columns import kind

    types = {"number": "double", "text": "string"}
    return [{"type": types[kind(frame[c])], "name": c, "required": True} for c in frame.columns]


def dataset_parts(result: TrainingResult, tags: Mapping[str, str]) -> dict[str, Any]:
    """What names the training data: digest, source, schema and profile."""
    source = {key: tags[key] for key in ("source", "cohort") if key in tags}
    return {
        "name": "snapshots",
        "digest": result.data_hash[:32],
        "source_type": "leadready",
        "source": json.dumps(source),
        "schema": json.dumps({"mlflow_colspec": columns(result.example)}),
        "profile": json.dumps({"rows": result.all_rows.rows, "base_rate": result.all_rows.base_rate}),
    }


def write_tables(result: TrainingResult, report: Path) -> None:
    """Write the figures of every candidate, the tested rows and the columns' alarms into the folder `report`."""
    write_csv(result.holdout_metrics.reset_index(), report / "holdout_metrics.csv")
    write_csv(result.fold_metrics.reset_index(), report / "fold_metrics.csv")
    result.holdout.to_parquet(report / HOLDOUT, index=False)
    write_csv(result.leakage.columns.rename_axis("column").reset_index(), report / "columns.csv")


def run_row(run: Any, versions: Mapping[str, int], aliases: Mapping[str, int]) -> list[object]:
    """A training's run as a row of RUN_COLUMNS; whether it is in use say the aliases alone."""
    info, tags, metrics = run.info, run.data.tags, run.data.metrics
    version, started = versions.get(info.run_id), pd.Timestamp(info.start_time, unit="ms")
    held = ", ".join(alias for alias, at in aliases.items() if at == version)
    said = [tags.get("chosen"), tags.get("rows"), *(metrics.get(name, np.nan) for name in MAIN)]
    return [version, held, started, info.status, info.run_name, *said, info.run_id]


def finite(metrics: Any) -> dict[str, float]:
    """The figures that there are: MLflow's page shows no NaN."""
    return {str(name): float(value) for name, value in metrics.items() if np.isfinite(value)}


def page_command(workspace: Workspace, port: int) -> list[str]:
    """The command that serves MLflow's page on a workspace."""
    store = f"sqlite:///{workspace.tracking.resolve()}"
    where = ["--workers", "1", "--host", "127.0.0.1", "--port", str(port)]
    return [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", store, *where]
