"""Where are models kept? The one client of MLflow: what was trained, how good it was, and which model is in use."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import tempfile
import uuid
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.errors import ConfigError, ModelError, PromotionRefused, UsageError
from data.workspace import Workspace
from models import tracking
from models.deployed import ReadyModel
from models.evaluation import Vector
from models.history import Move, from_json, version_before
from models.promotion import Decision
from models.tracking import HOLDOUT
from models.training import TrainingResult

NAME = "lead-readiness"
MOVE = "move."  # tags of the registered model: one per move of the champion, never changed
REQUIREMENTS = ("mlflow", "scikit-learn", "skops", "numpy", "pandas", "scipy")
TRUSTED = (  # what skops may load beyond its own list: our estimators, and what scikit-learn's trees are made of
    "models.candidates.Weighted",
    "models.deployed.Bounds",
    "models.deployed.ReadyModel",
    "models.calibration.Identity",
    "models.calibration.Platt",
    "models.calibration.Beta",
    "models.candidates.LogitMean",
    "models.columns.ColumnGuard",
    "models.columns.Steps",
    "models.columns.Numbers",
    "models.columns.Points",
    "models.rulebook.Rulebook",
    "models.venn_abers.VennAbers",
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

    def log_training(
        self, result: TrainingResult, context: Mapping[str, object], decision: Decision | None = None
    ) -> ModelVersion:
        """Keep a training: a run with the model, a child run per candidate, figures and plots; then register it.

        `context` says where it came from (source, cohort, agreement and catalogue version) and becomes tags. The model
        is registered last, whole in one transaction and without an alias: an interrupted training leaves a run and no
        version. With the `decision` version and run have its reasons from the start, and a model card. Runs that an
        earlier training left open because it was killed are marked so.
        """
        tags = tracking.training_tags(result, context) | (tracking.decision_tags(decision) if decision else {})
        mlflow = self._mlflow()
        experiment = self._experiment(mlflow)
        with self._at_work(mlflow.MlflowClient(), experiment):
            with mlflow.start_run(experiment_id=experiment, run_name=tracking.title(result, tags)) as run:
                client = mlflow.MlflowClient()
                notes = {"mlflow.note.content": tracking.description(decision)} if decision else {}
                mlflow.set_tags({"kind": "training", **tags, **notes})
                mlflow.log_params({key: tags[key] for key in ("chosen", "horizon_days", "rows", "seed")})
                client.log_batch(run.info.run_id, metrics=_steps(run, [tracking.run_metrics(result, decision)]))
                _log_dataset(client, run.info.run_id, result, tags)
                _log_files(mlflow, result, tags, decision)
                for name in result.holdout_metrics.index:
                    _log_candidate(client, run, result, str(name))
                model = _log_model(mlflow, result)
            return _register(client, run.info.run_id, model, tags, decision)

    def apply(self, version: ModelVersion, decision: Decision) -> ModelVersion:
        """Put the alias where the training's decision says; the reasons are with the version before."""
        client = self._mlflow().MlflowClient()
        tags = tracking.decision_tags(decision)
        for key, value in tags.items():
            if version.tags.get(key) != value:
                client.set_model_version_tag(NAME, str(version.version), key, value)
                client.set_tag(version.run_id, key, value)
        if decision.alias == "champion":
            ended = client.get_run(version.run_id).info.end_time  # MLflow's clock; this room reads none
            when = datetime.fromtimestamp(ended / 1000, UTC).replace(tzinfo=None)
            self._move(client, version.version, Move(version.version, self.aliases().get("champion"), "training",
                       when.isoformat(timespec="seconds"), why=decision.reasons[-1], decided="champion"))  # fmt: skip
        elif decision.alias:
            client.set_registered_model_alias(NAME, decision.alias, str(version.version))
        return replace(version, tags={**version.tags, **tags})

    def promote(self, version: int, when: datetime, by: str = "", why: str = "", force: bool = False) -> Move | None:
        """Put a version to use by hand; None where it is in use already.

        Raises ModelError for an unknown one, PromotionRefused where leak alarms stand against it and `force` is not
        given, UsageError where it is forced without saying why.
        """
        client = self._mlflow().MlflowClient()
        found = self._find(self._mlflow(), str(version))
        before = self.aliases().get("champion")
        if int(found.version) == before:
            return None
        findings = found.tags.get("blocking", found.tags.get("suspects", ""))
        _refuse(int(found.version), findings, force, why)
        move = Move(int(found.version), before, "promote", when.isoformat(timespec="seconds"), by, why,
                    found.tags.get("decision", ""), force and bool(findings), findings)  # fmt: skip
        self._move(client, move.to, move)
        return move

    def roll_back(self, when: datetime, by: str = "", why: str = "") -> Move:
        """Put the version to use that was in use before the present one; twice goes back two.

        Raises ModelError where there was none, or where it was deleted.
        """
        mlflow = self._mlflow()
        before = self.aliases().get("champion")
        to = version_before(self.moves(), before)
        if to is None:
            raise ModelError(
                "going back to the model before", expected="a version that was in use before the present one",
                got=f"version {before} as the first" if before else "no model in use",
                do="name one of `leadready runs`: `leadready promote VERSION`",
            )  # fmt: skip
        found = self._find(mlflow, str(to))
        move = Move(to, before, "rollback", when.isoformat(timespec="seconds"), by, why, found.tags.get("decision", ""))
        self._move(mlflow.MlflowClient(), to, move)
        return move

    def moves(self) -> list[Move]:
        """Every move of the champion that was written down, the oldest first; none is ever changed or taken away."""
        models = self._mlflow().MlflowClient().search_registered_models(f"name = '{NAME}'")
        tags = {key: value for model in models for key, value in model.tags.items() if key.startswith(MOVE)}
        return [from_json(tags[key]) for key in sorted(tags)]

    def _move(self, client: Any, version: int, move: Move) -> None:
        """Write the move down, then make it: killed in between, the next move shows that it did not come about."""
        client.set_registered_model_tag(NAME, f"{MOVE}{len(self.moves()) + 1:06d}", move.as_json())
        evidence = {"champion_since": move.when, "champion_by": f"{move.how} {move.by}".strip(),
                    "champion_why": move.why, "champion_instead_of": str(move.instead_of or "")}  # fmt: skip
        if move.forced or (move.how == "promote" and move.decided == "refused"):
            evidence["provisional"] = "true"  # training would not have used it: every score says that it is unsure
        for key, value in evidence.items():
            client.set_model_version_tag(NAME, str(version), key, value)
        client.set_registered_model_alias(NAME, "champion", str(version))
        if self.aliases().get("challenger") == version:
            client.delete_registered_model_alias(NAME, "challenger")

    @contextlib.contextmanager
    def _at_work(self, client: Any, experiment: str) -> Iterator[None]:
        """While this holds no other training takes our runs for those of a dead one; what a dead one left is ended.

        A shared lock on a file, which the kernel lets go when its process dies; alone on it, no other training lives.
        A server that others may train on is left as it is.
        """
        if self._store is None:
            yield
            return
        import fcntl

        with self._store.with_suffix(".lock").open("a") as lock:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for run in client.search_runs([experiment], "attributes.status = 'RUNNING'"):
                    client.set_terminated(run.info.run_id, "KILLED")
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield

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
        pipeline = mlflow.sklearn.load_model(uri)
        if not isinstance(pipeline, ReadyModel):
            raise ModelError(
                f"loading model version {found.version}", expected="a model made by this leadready",
                got="one of an older form", do="train again, and promote that one if training does not",
            )  # fmt: skip
        return LoadedModel(pipeline, int(found.version), features, dict(found.tags), str(found.run_id))

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
        """The latest trainings, newest first: one row per run with its version, aliases and main figures."""
        mlflow = self._mlflow()
        client = mlflow.MlflowClient()
        found = client.search_runs([self._experiment(mlflow)], "tags.kind = 'training'", max_results=most)
        versions = {v.run_id: int(v.version) for v in client.search_model_versions(f"name = '{NAME}'")}
        return pd.DataFrame([_run_row(run, versions, self.aliases()) for run in found], columns=RUN_COLUMNS)

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
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
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

    def log_report(
        self, kind: str, name: str, tags: Mapping[str, str], metrics: Mapping[str, float],
        tables: Mapping[str, pd.DataFrame], figures: Mapping[str, Any],
    ) -> str:  # fmt: skip
        """Keep a report as a run of that kind: tables as CSV and Parquet, figures as PNG in report/; the run's id."""
        mlflow = self._mlflow()
        experiment = self._experiment(mlflow)
        with (
            self._at_work(mlflow.MlflowClient(), experiment),
            tempfile.TemporaryDirectory() as folder,
            mlflow.start_run(experiment_id=experiment, run_name=name) as run,
        ):
            mlflow.set_tags({"kind": kind, **tags})
            mlflow.log_metrics(tracking.finite(metrics))
            for title, table in tables.items():
                table.to_csv(Path(folder) / f"{title}.csv", index=False)
                table.to_parquet(Path(folder) / f"{title}.parquet", index=False)
            for title, figure in figures.items():
                figure.savefig(Path(folder) / f"{title}.png", dpi=100)
            mlflow.log_artifacts(folder, "report")
        return str(run.info.run_id)


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


RUN_COLUMNS = [
    "version", "alias", "started", "status", "name", "chosen", "rows", "base_rate", "log_loss", "auc", "run_id",
]  # fmt: skip


def _run_row(run: Any, versions: Mapping[str, int], aliases: Mapping[str, int]) -> list[object]:
    tags, metrics = run.data.tags, run.data.metrics
    version = versions.get(run.info.run_id)
    held = ", ".join(alias for alias, at in aliases.items() if at == version)
    started = pd.Timestamp(run.info.start_time, unit="ms")
    figures = [metrics.get(name, np.nan) for name in ("base_rate", "log_loss", "auc")]
    start = [version, held, started, run.info.status, run.info.run_name, tags.get("chosen"), tags.get("rows")]
    return [*start, *figures, run.info.run_id]


def _refuse(version: int, findings: str, force: bool, why: str) -> None:
    if findings and not force:
        raise PromotionRefused(
            f"promoting version {version}", expected="a model without leak alarms",
            got=f"alarms about {findings}: they may know the answer",
            do="look at report/columns.csv of its run, list harmless ones under allowed_columns in settings.toml and "
            "train again, or use it all the same with --force --why TEXT",
        )  # fmt: skip
    if findings and not why.strip():
        raise UsageError(
            f"promoting version {version} by force", expected="a reason that stays with the model", got="none",
            do="add --why TEXT",
        )  # fmt: skip


def _steps(run: Any, steps: list[dict[str, float]], first: int = 0) -> list[Any]:
    """Figures as MLflow takes them, a step each, at the time the run began."""
    from mlflow.entities import Metric

    at = run.info.start_time
    return [Metric(name, value, at, step) for step, found in enumerate(steps, first) for name, value in found.items()]


def _log_candidate(client: Any, parent: Any, result: TrainingResult, name: str) -> None:
    from mlflow.entities import Param

    tags = {"mlflow.parentRunId": parent.info.run_id, "kind": "candidate", "candidate": name,
            "chosen": tracking.flag(name == result.chosen), "data_hash": result.data_hash}  # fmt: skip
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


def _log_files(mlflow: Any, result: TrainingResult, tags: Mapping[str, str], decision: Decision | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tracking.write_files(result, tags, decision, Path(folder))
        mlflow.log_artifacts(folder)


def _log_model(mlflow: Any, result: TrainingResult) -> Any:
    """Log the pipeline so that a plain pyfunc load predicts n x 2 probabilities (rejected, accepted)."""
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

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
            skops_trusted_types=list(TRUSTED),
        )
    except mlflow.exceptions.MlflowException as error:
        raise ModelError(
            f"keeping the chosen model {result.chosen}",
            expected="a model made of types that may be loaded again",
            got=str(error).splitlines()[0],
            do="put the types it names into TRUSTED in models/registry.py",
        ) from error


def _register(client: Any, run_id: str, model: Any, tags: Mapping[str, str], decision: Decision | None) -> ModelVersion:
    if not client.search_registered_models(f"name = '{NAME}'"):
        client.create_registered_model(NAME, description="Probability that sales accepts a lead within the horizon")
    said = tracking.description(decision) if decision else None
    made = client.create_model_version(
        NAME, model.model_uri, run_id, dict(tags), description=said, model_id=model.model_id
    )
    return ModelVersion(int(made.version), run_id, dict(tags))


def page_command(workspace: Workspace, port: int) -> list[str]:
    """The command that serves MLflow's page on a workspace."""
    import sys

    store = f"sqlite:///{workspace.tracking.resolve()}"
    page = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", store]
    return [*page, "--workers", "1", "--host", "127.0.0.1", "--port", str(port)]
