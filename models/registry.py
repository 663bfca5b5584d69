"""Where are models kept? The one client of MLflow: what was trained, how good it was, and which model is in use."""

from __future__ import annotations

import json
import logging
import os
import tempfile
import uuid
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version as installed
from pathlib import Path
from textwrap import shorten
from typing import Any

import numpy as np
import pandas as pd

from data.errors import ConfigError, ModelError
from data.workspace import Workspace
from models.candidates import CANDIDATES
from models.columns import kind
from models.evaluation import Vector
from models.plots import draw_training
from models.promotion import Decision
from models.training import TrainingResult

NAME = "lead-readiness"
REQUIREMENTS = ("mlflow", "scikit-learn", "skops", "numpy", "pandas", "scipy")
TRUSTED = (  # what skops may load beyond its own list: our estimators, and what scikit-learn's trees are made of
    "models.candidates.Weighted",
    "models.deployed.ReadyModel",
    "models.calibration.Identity",
    "models.calibration.Platt",
    "models.calibration.Beta",
    "models.calibration.VennAbers",
    "models.calibration.Shift",
    "models.candidates.LogitMean",
    "models.columns.ColumnGuard",
    "models.columns.EmptyToZero",
    "models.columns.Numbers",
    "models.rulebook.Rulebook",
    "functools.partial",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.utils.validation.check_array",
)


@dataclass(frozen=True)
class ModelVersion:
    """A registered model: its number, the run that made it, and its tags."""

    version: int
    run_id: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to predict. `features`: the columns it takes, in order."""

    pipeline: Any
    version: int
    features: tuple[str, ...]
    tags: Mapping[str, str]
    run_id: str = ""

    @property
    def trained_until(self) -> pd.Timestamp:
        """The last as_of among its training rows."""
        return pd.Timestamp(self.tags["trained_until"])

    @property
    def provisional(self) -> bool:
        """It is in use although it was ahead on too few rows to be sure."""
        return self.tags.get("provisional") == "true"

    def predict(self, X: pd.DataFrame) -> Vector:
        """Probabilities of acceptance of n rows; columns that a later catalogue added are left aside."""
        return np.asarray(self.pipeline.predict_proba(X[[c for c in self.features if c in X.columns]])[:, 1])


class Registry:
    """Models of one workspace. `tracking_uri` names an MLflow server; by default it is SQLite in the workspace."""

    def __init__(self, workspace: Workspace, tracking_uri: str | None = None) -> None:
        self.uri = tracking_uri or f"sqlite:///{workspace.tracking.resolve()}"
        self._store = None if tracking_uri else workspace.tracking.resolve()
        self._artifacts = None if tracking_uri else workspace.artifacts.resolve().as_uri()

    def log_training(self, result: TrainingResult, context: Mapping[str, object]) -> ModelVersion:
        """Keep a training: a run with the model, a child run per candidate, figures and plots; then register it.

        `context` says where it came from (source, cohort, agreement and catalogue version) and becomes tags. The model
        is registered last, without an alias: an interrupted training leaves a run and no version.
        """
        tags = {key: str(value) for key, value in context.items()} | _tags(result)
        mlflow = self._mlflow()
        experiment = self._experiment(mlflow)
        with mlflow.start_run(experiment_id=experiment, run_name=_title(result, tags)) as run:
            mlflow.set_tags({"kind": "training", **tags})
            mlflow.log_params({key: tags[key] for key in ("chosen", "horizon_days", "rows", "seed")})
            mlflow.log_metrics(_finite(result.holdout_metrics.loc[result.chosen]))
            _log_dataset(mlflow, run.info.run_id, result, tags)
            _log_report(mlflow, result)
            for name in result.holdout_metrics.index:
                _log_candidate(mlflow, experiment, result, str(name))
            model = _log_model(mlflow, result)
        return _register(mlflow.MlflowClient(), run.info.run_id, model, tags)

    def apply(self, version: ModelVersion, decision: Decision) -> ModelVersion:
        """Write the decision and its evidence to a version, then point the alias at it."""
        client = self._mlflow().MlflowClient()
        tags = {"promoted": _flag(decision.promote), "provisional": _flag(decision.provisional)}
        tags["reasons"] = "\n".join(decision.reasons)
        for key, value in tags.items():
            client.set_model_version_tag(NAME, str(version.version), key, value)
            client.set_tag(version.run_id, key, value)
        if decision.alias:
            client.set_registered_model_alias(NAME, decision.alias, str(version.version))
        return replace(version, tags={**version.tags, **tags})

    def champion(self) -> LoadedModel | None:
        """The model in use, None where there is none yet."""
        return self.load("champion") if "champion" in self.aliases() else None

    def aliases(self) -> dict[str, int]:
        """Every alias with the version it points at."""
        models = self._mlflow().MlflowClient().search_registered_models(f"name = '{NAME}'")
        return {alias: int(version) for model in models for alias, version in model.aliases.items()}

    def load(self, alias_or_version: str | int) -> LoadedModel:
        """The model of an alias ("champion") or a version number; ModelError, naming the known ones, if not there."""
        mlflow = self._mlflow()
        self._experiment(mlflow)
        found = self._find(mlflow, str(alias_or_version))
        uri = f"models:/{NAME}/{found.version}"
        features = tuple(mlflow.models.get_model_info(uri).signature.inputs.input_names())
        return LoadedModel(
            mlflow.sklearn.load_model(uri), int(found.version), features, dict(found.tags), str(found.run_id)
        )

    def holdout(self, model: LoadedModel) -> pd.DataFrame:
        """The later rows on which the model's training tested it, as `TrainingResult.holdout`, with `probability`.

        The probability is that of the chosen candidate fitted on the earlier rows alone; the file may be gone: empty.
        """
        mlflow = self._mlflow()
        path = next((f"report/{HOLDOUT}" for f in mlflow.MlflowClient().list_artifacts(model.run_id, "report")
                     if f.path.endswith(HOLDOUT)), None)  # fmt: skip
        if path is None:
            return pd.DataFrame()
        with tempfile.TemporaryDirectory() as folder:
            found = mlflow.artifacts.download_artifacts(run_id=model.run_id, artifact_path=path, dst_path=folder)
            rows = pd.read_parquet(found)
        return rows.assign(probability=rows[model.tags["chosen"]])

    def runs(self, most: int = 20) -> pd.DataFrame:
        """The latest trainings, newest first: one row per run with its main figures."""
        mlflow = self._mlflow()
        found = mlflow.MlflowClient().search_runs(
            [self._experiment(mlflow)], "tags.kind = 'training'", max_results=most
        )
        return pd.DataFrame([_run_row(run) for run in found], columns=RUN_COLUMNS)

    def _find(self, mlflow: Any, wanted: str) -> Any:
        versions = {str(v.version): v for v in mlflow.MlflowClient().search_model_versions(f"name = '{NAME}'")}
        aliases = self.aliases()
        number = str(aliases.get(wanted, wanted))
        if number not in versions:
            known = [*aliases, *versions]
            raise ModelError(
                f"loading the model {wanted}",
                expected=f"one of {', '.join(known)}" if known else "a trained model",
                got=f"no {wanted}" if known else "an empty registry",
                do="name one of these" if known else "run `leadready train` first",
            )
        return versions[number]

    def _experiment(self, mlflow: Any) -> str:
        """The experiment's id; MLflow keeps absolute paths, so a workspace that was moved is refused."""
        found = mlflow.get_experiment_by_name(NAME)
        if found and self._artifacts and found.artifact_location.rstrip("/") != self._artifacts:
            raise ModelError(
                "opening the model registry",
                expected=f"models kept in {self._artifacts}",
                got=f"a workspace that was moved: they were logged to {found.artifact_location}",
                do="move the workspace back, link the old path to the new one, or train in a new workspace",
            )
        return str(found.experiment_id if found else mlflow.create_experiment(NAME, self._artifacts))

    def _mlflow(self) -> Any:
        """MLflow, imported when needed (it takes 2 s) and pointed at this registry."""
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
        with warnings.catch_warnings():  # about type hints of MLflow's own, raised by importing mlflow.pyfunc
            warnings.filterwarnings("ignore", ".*Any type hint is inferred as AnyType", UserWarning)
            import mlflow
            import mlflow.pyfunc
            import mlflow.sklearn

        logging.getLogger("mlflow.utils.environment").setLevel(logging.ERROR)  # it misses pip where uv made the venv
        if self._store and not self._store.exists():
            _make_store(self._store, str(self._artifacts))
        mlflow.set_tracking_uri(self.uri)
        mlflow.set_registry_uri(self.uri)
        return mlflow


def _make_store(path: Path, artifacts: str) -> None:
    """Make MLflow's tables aside and move them into place: half-made ones would end every later command."""
    import sqlalchemy.exc
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    making = path.with_name(f".{path.name}.{uuid.uuid4().hex}")  # MLflow keeps an engine per address
    try:
        SqlAlchemyStore(f"sqlite:///{making}", artifacts).engine.dispose()
        os.replace(making, path)
    except (OSError, sqlalchemy.exc.SQLAlchemyError) as error:
        raise ConfigError(
            f"making MLflow's store {path}",
            expected="a folder with room that can be written",
            got=str(error).splitlines()[0],
            do="mend that and run the same command again",
        ) from error
    finally:
        making.unlink(missing_ok=True)


HOLDOUT = "holdout.parquet"
RUN_COLUMNS = ["run_id", "started", "status", "name", "chosen", "rows", "base_rate", "log_loss", "auc", "promoted"]


def _run_row(run: Any) -> list[object]:
    tags, metrics = run.data.tags, run.data.metrics
    started = pd.Timestamp(run.info.start_time, unit="ms")
    figures = [metrics.get(name, np.nan) for name in ("base_rate", "log_loss", "auc")]
    start = [run.info.run_id, started, run.info.status, run.info.run_name, tags.get("chosen"), tags.get("rows")]
    return [*start, *figures, tags.get("promoted")]


def _title(result: TrainingResult, tags: Mapping[str, str]) -> str:
    return f"{tags.get('source', 'leads')}: {result.all_rows.rows:,} snapshots to {result.all_rows.last:%Y-%m-%d}"


def _tags(result: TrainingResult) -> dict[str, str]:
    return {
        "chosen": result.chosen,
        "reason": result.reason,
        "data_hash": result.data_hash,
        "model_hash": result.model_hash,
        "seed": str(result.seed),
        "rows": str(result.all_rows.rows),
        "purged": str(result.purged),
        "horizon_days": f"{result.horizon.total_seconds() / 86400:g}",
        "trained_until": result.all_rows.last.isoformat(),
        "tested_from": result.test_rows.first.isoformat(),
        "suspects": shorten(", ".join(result.leakage.suspects), 1000),
        "clock": shorten(", ".join(result.leakage.clock), 1000),
    }


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _finite(metrics: Any) -> dict[str, float]:
    return {str(name): float(value) for name, value in metrics.items() if np.isfinite(value)}


def _params(name: str, result: TrainingResult) -> dict[str, object]:
    """The plain settings of a candidate, without the names of columns."""
    build = {c.name: c.build for c in CANDIDATES}[name]
    found = build(result.features, result.seed).get_params()
    return {k: v for k, v in found.items() if "model__" in k and isinstance(v, (bool, int, float, str))}


def _log_candidate(mlflow: Any, experiment: str, result: TrainingResult, name: str) -> None:
    with mlflow.start_run(experiment_id=experiment, run_name=name, nested=True):
        mlflow.set_tags({"kind": "candidate", "chosen": _flag(name == result.chosen)})
        mlflow.log_params(_params(name, result))
        mlflow.log_metrics(_finite(result.holdout_metrics.loc[name]))
        for fold, metrics in enumerate(result.fold_metrics.loc[[name]].to_dict("records"), start=1):
            mlflow.log_metrics({f"fold_{k}": v for k, v in _finite(metrics).items()}, step=fold)


def _log_dataset(mlflow: Any, run_id: str, result: TrainingResult, tags: Mapping[str, str]) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = {key: tags[key] for key in ("source", "cohort") if key in tags}
    profile = {"rows": result.all_rows.rows, "base_rate": result.all_rows.base_rate}
    dataset = Dataset(
        name="snapshots",
        digest=result.data_hash[:32],
        source_type="leadready",
        source=json.dumps(source),
        schema=json.dumps({"mlflow_colspec": _columns(result.example)}),
        profile=json.dumps(profile),
    )
    mlflow.MlflowClient().log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])


def _columns(frame: pd.DataFrame) -> list[dict[str, object]]:
    types = {"number": "double", "text": "string"}
    return [{"type": types[kind(frame[c])], "name": c, "required": True} for c in frame.columns]


def _log_report(mlflow: Any, result: TrainingResult) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        result.holdout_metrics.to_csv(folder / "holdout_metrics.csv")
        result.fold_metrics.to_csv(folder / "fold_metrics.csv")
        result.holdout.to_parquet(folder / HOLDOUT, index=False)
        result.leakage.columns.rename_axis("column").to_csv(folder / "columns.csv")
        for title, figure in draw_training(result).items():
            figure.savefig(folder / f"{title}.png", dpi=100)
        mlflow.log_artifacts(name, "report")


def _log_model(mlflow: Any, result: TrainingResult) -> Any:
    """Log the pipeline so that a plain pyfunc load predicts n x 2 probabilities (rejected, accepted)."""
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    schema = Schema.from_json(json.dumps(_columns(result.example)))
    try:
        return mlflow.sklearn.log_model(
            result.estimator,
            name="model",
            signature=ModelSignature(schema, Schema([TensorSpec(np.dtype("float64"), (-1, 2))])),
            input_example=result.example.set_axis(result.example.columns.astype(object), axis=1),
            pip_requirements=[f"{name}=={installed(name)}" for name in REQUIREMENTS],
            pyfunc_predict_fn="predict_proba",
            serialization_format="skops",
            skops_trusted_types=list(TRUSTED),
        )
    except mlflow.exceptions.MlflowException as error:
        raise ModelError(
            f"keeping the chosen model {result.chosen}",
            expected="a model made of types that may be loaded again",
            got=str(error).splitlines()[0],
            do="put the types it names into TRUSTED in models/registry.py",
        ) from error


def _register(client: Any, run_id: str, model: Any, tags: Mapping[str, str]) -> ModelVersion:
    if not client.search_registered_models(f"name = '{NAME}'"):
        client.create_registered_model(NAME, description="Probability that sales accepts a lead within the horizon")
    made = client.create_model_version(NAME, model.model_uri, run_id, dict(tags), model_id=model.model_id)
    return ModelVersion(int(made.version), run_id, dict(tags))


def page_command(workspace: Workspace, port: int) -> list[str]:
    """The command that serves MLflow's page on a workspace."""
    import sys

    store = f"sqlite:///{workspace.tracking.resolve()}"
    page = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", store]
    return [*page, "--workers", "1", "--host", "127.0.0.1", "--port", str(port)]
