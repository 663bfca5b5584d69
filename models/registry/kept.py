"""What does MLflow keep of a training? A run with its figures, files and model, one per candidate, and a version."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from data.errors import ModelError
from models.registry import tracking

if TYPE_CHECKING:  # scikit-learn, which takes seconds, is imported where a model is saved
    from models.judging.promotion import Decision
    from models.judging.training import TrainingResult

NAME = "lead-readiness"
WritePages: TypeAlias = "Callable[[TrainingResult, Decision, Mapping[str, str], Path], None]"
"""Writes what people look at of a training into a folder, whose subfolders become those of the run."""
REQUIREMENTS = ("mlflow", "scikit-learn", "skops", "numpy", "pandas", "scipy")


@dataclass(frozen=True)
class ModelVersion:
    """A registered model: its number, the run that made it, and its tags."""

    version: int
    run_id: str
    tags: Mapping[str, str]


def log_run(
    mlflow: Any,
    experiment: str,
    result: TrainingResult,
    tags: Mapping[str, str],
    decision: Decision,
    pages: WritePages | None,
) -> tuple[str, Any]:
    """Keep a training as a run with the model, a child run per candidate, figures and pages: the run's id, the model.

    Raises ModelError where the model is made of types that its candidate's spec does not declare.
    """
    with mlflow.start_run(experiment_id=experiment, run_name=tracking.title(result, tags)) as run:
        client = mlflow.MlflowClient()
        note = tracking.description(decision)
        mlflow.set_tags({"kind": "training", **tags, "mlflow.note.content": note})
        mlflow.log_params({key: tags[key] for key in ("chosen", "horizon_days", "rows", "seed")})
        client.log_batch(run.info.run_id, metrics=_steps(run, [tracking.run_metrics(result, decision)]))
        _log_dataset(client, run.info.run_id, result, tags)
        _log_files(mlflow, result, tags, decision, pages)
        for name in result.holdout_metrics.index:
            _log_candidate(client, run, result, str(name))
        return str(run.info.run_id), _log_model(mlflow, result)


def _steps(run: Any, steps: list[dict[str, float]], first: int = 0) -> list[Any]:
    """Figures as MLflow takes them, a step each, at the time the run began."""
    from mlflow.entities import Metric

    at = run.info.start_time
    return [Metric(name, value, at, step) for step, found in enumerate(steps, first) for name, value in found.items()]


def _log_candidate(client: Any, parent: Any, result: TrainingResult, name: str) -> None:
    from mlflow.entities import Param

    tags = {
        "mlflow.parentRunId": parent.info.run_id,
        "kind": "candidate",
        "candidate": name,
        "chosen": str(name == result.chosen).lower(),
        "data_hash": result.data_hash,
    }
    run = client.create_run(parent.info.experiment_id, run_name=name, tags=tags)
    tested = _steps(run, [tracking.candidate_metrics(result, name)])
    folds = _steps(run, tracking.fold_metrics(result, name), first=1)
    params = [Param(key, str(value)) for key, value in tracking.candidate_params(result, name).items()]
    client.log_batch(run.info.run_id, metrics=[*tested, *folds], params=params)
    client.set_terminated(run.info.run_id)


def _log_dataset(client: Any, run_id: str, result: TrainingResult, tags: Mapping[str, str]) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(**tracking.dataset_parts(result, tags))
    client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])


def _log_files(
    mlflow: Any, result: TrainingResult, tags: Mapping[str, str], decision: Decision, pages: WritePages | None
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        report.mkdir()
        tracking.write_tables(result, report)
        if pages:
            pages(result, decision, tags, Path(folder))
        mlflow.log_artifacts(folder)


def _log_model(mlflow: Any, result: TrainingResult) -> Any:
    """Log the pipeline so that a plain pyfunc load predicts n x 2 probabilities (rejected, accepted)."""
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    from models.fitting.deployed import trusted_types

    schema = Schema.from_json(json.dumps(tracking.columns(result.example)))
    try:
        return mlflow.sklearn.log_model(
            result.estimator,
            name="model",
            signature=ModelSignature(schema, Schema([TensorSpec(np.dtype("float64"), (-1, 2))])),
            input_example=result.example.set_axis(result.example.columns.astype(object), axis=1),
            pip_requirements=[f"{name}=={installed(name)}" for name in REQUIREMENTS],
            pyfunc_predict_fn="predict_proba",
            serialization_format="skops",
            skops_trusted_types=sorted(trusted_types(result.chosen)),
        )
    except mlflow.exceptions.MlflowException as error:
        raise ModelError(
            f"keeping the chosen model {result.chosen}",
            expected="a model made of types that may be loaded again",
            got=str(error).splitlines()[0],
            do="add the types it names to `trusted` of its spec in models/fitting/candidates.py",
        ) from error


def register(client: Any, run_id: str, model: Any, tags: Mapping[str, str], decision: Decision) -> ModelVersion:
    """Make a version of a logged model, whole in one transaction and without an alias."""
    if not client.search_registered_models(f"name = '{NAME}'"):
        client.create_registered_model(NAME, description="Probability that sales accepts a lead within the horizon")
    said = tracking.description(decision)
    made = client.create_model_version(
        NAME, model.model_uri, run_id, dict(tags), description=said, model_id=model.model_id
    )
    return ModelVersion(int(made.version), run_id, dict(tags))
