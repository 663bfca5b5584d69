"""Where are models kept? The one client of MLflow: what was trained, how good it was, and which model is in use."""

from __future__ import annotations

import inspect
import json
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
import pandas as pd

from data.erasure import erase_rows
from data.errors import ConfigError, LeadreadyError, ModelError
from data.intake.records import first_line
from data.spreadsheet import write_csv
from data.whole import locked, remove, shared
from data.workspace import Workspace
from models.registry import listing, tracking
from models.registry.history import Move, from_json, version_before
from models.registry.kept import NAME, ModelVersion, WritePages, log_run, register
from models.registry.store import open_mlflow
from models.registry.tracking import HOLDOUT

if TYPE_CHECKING:  # scikit-learn, which takes seconds, is imported where a model is saved, loaded or judged
    from models.judging.promotion import Decision
    from models.judging.training import TrainingResult
    from models.metrics.evaluation import Vector

Fetch = Callable[[str], Path]
"""Copies the files of a saved model into a folder, and says where they are."""
KIND = "custom_model_development"  # MLflow's page opens the runs, and not what it has for language models
FINGERPRINT = "files_sha256"  # a tag of each version: its saved files, as training logged them
MOVE = "move."  # tags of the registered model: one per move of the champion, never changed


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
        return np.asarray(self.pipeline.predict_proba(self._own(X))[:, 1])

    def assess(self, X: pd.DataFrame) -> pd.DataFrame:
        """Probabilities with bounds and support of n rows, as `ReadyModel.assess` gives them."""
        found: pd.DataFrame = self.pipeline.assess(self._own(X))
        return found

    def never_so(self, X: pd.DataFrame) -> list[str]:
        """The model's columns that are the same for all of n rows, and were never so in training."""
        support = self.pipeline.support
        return [] if support is None else list(support.never_so(self._own(X)))

    def _own(self, X: pd.DataFrame) -> pd.DataFrame:
        return X[[c for c in self.features if c in X.columns]]


def server() -> str | None:
    """The address of the MLflow server that LEADREADY_MLFLOW names; None without one.

    A variable of our own: who has set MLflow's for other work would lose the champion of the workspace.
    """
    return os.environ.get("LEADREADY_MLFLOW") or None


def _plainly(cls: type) -> type:
    """Whatever MLflow, its database or its server raise in a public method of the registry becomes a plain error."""
    for name, method in list(vars(cls).items()):
        if inspect.isfunction(method) and not name.startswith("_"):
            setattr(cls, name, _translated(method))
    return cls


def _translated(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def plain(self: Registry, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        except LeadreadyError:
            raise
        except Exception as error:
            of_store = type(error).__module__.startswith(("mlflow", "sqlalchemy", "sqlite3", "alembic", "requests"))
            if not (of_store or isinstance(error, (UnicodeDecodeError, json.JSONDecodeError))):  # a damaged row
                raise
            what = f"using MLflow's store {self._store}" if self._store else "using the MLflow server"
            expected = "one that is whole, has room, and was made with the version of MLflow that is installed"
            do = "free some space or restore it from a backup; without one, move it away and train again"
            got = re.sub(r"^\([\w.]+\) ", "", first_line(error))
            raise ConfigError(what, expected=expected, got=got, do=do) from error

    return plain


@_plainly
class Registry:
    """Models of one workspace: in SQLite there, or on the MLflow server that `server` gives."""

    def __init__(self, workspace: Workspace) -> None:
        named, store = server(), workspace.tracking.resolve()
        self.uri = named or f"sqlite:///{store}"
        self._store = None if named else store
        self._artifacts = None if named else workspace.artifacts.resolve().as_uri()

    def log_training(
        self, result: TrainingResult, context: Mapping[str, object], decision: Decision, pages: WritePages | None = None
    ) -> ModelVersion:
        """Keep a training: a run with the model, a child run per candidate, figures and pages; then register it.

        `context` says where it came from (source, cohort, agreement and catalogue version) and becomes tags. The model
        is registered last, whole in one transaction and without an alias: an interrupted training leaves a run and no
        version. Runs that an earlier, killed training left open are marked as killed, but for those on a server.
        """
        from models.registry.saved import fingerprint

        tags = tracking.training_tags(result, context) | tracking.decision_tags(decision)
        mlflow = self._mlflow()
        experiment = self._experiment(mlflow)
        with self._at_work(mlflow.MlflowClient(), experiment):
            run_id, model = log_run(mlflow, experiment, result, tags, decision, pages)
            with tempfile.TemporaryDirectory() as folder:
                tags[FINGERPRINT] = fingerprint(_download(mlflow, model.model_uri, folder))
            return register(mlflow.MlflowClient(), run_id, model, tags, decision)

    def apply(self, version: ModelVersion, decision: Decision) -> Decision:
        """Put the alias where the training's decision says; what came of it: see `promotion.overtaken`."""
        from models.judging.promotion import overtaken

        client = self._mlflow().MlflowClient()
        with self._moving():
            self._complete(client)
            now = self.aliases().get("champion")
            if decision.alias == "champion" and now not in (decision.against, version.version):
                decision = overtaken(decision, version.version, now)
            self._note(client, version, decision)
            if decision.alias == "champion" and now != version.version:
                ended = client.get_run(version.run_id).info.end_time  # MLflow's clock; this room reads none
                when = datetime.fromtimestamp(ended / 1000, UTC).replace(tzinfo=None).isoformat(timespec="seconds")
                why = decision.reasons[-1]
                self._move(client, Move(version.version, now, "training", when, why=why, decided="champion"))
            elif decision.alias == "challenger" and now != version.version:
                client.set_registered_model_alias(NAME, "challenger", str(version.version))
        return decision

    def promote(
        self, version: int, when: datetime, by: str = "", why: str = "", force: bool = False, fault: str = ""
    ) -> Move | None:
        """Put a version to use by hand; None where it is in use already. `fault`: why it cannot score, '' where it can.

        Raises ModelError for an unknown one, and what `promotion.check_by_hand` raises.
        """
        from models.judging.promotion import check_by_hand

        mlflow = self._mlflow()
        with self._moving():
            self._complete(mlflow.MlflowClient())
            found, before = self._find(mlflow, str(version)), self.aliases().get("champion")
            if int(found.version) == before:
                return None
            alarms = found.tags.get("blocking", found.tags.get("suspects", ""))
            check_by_hand(version, alarms, fault, force, why)
            findings = "; ".join([f"alarms about {alarms}"] * bool(alarms) + [fault] * bool(fault))
            decided, at = found.tags.get("decision", ""), when.isoformat(timespec="seconds")
            move = Move(version, before, "promote", at, by, why, decided, force and bool(findings), findings)
            self._move(mlflow.MlflowClient(), move)
        return move

    def roll_back(self, when: datetime, by: str = "", why: str = "") -> Move:
        """Put the version to use that was in use before the present one; twice goes back two.

        Raises ModelError where there was none, or where it was deleted.
        """
        mlflow = self._mlflow()
        with self._moving():
            self._complete(mlflow.MlflowClient())
            before = self.aliases().get("champion")
            to = version_before(self.moves(), before)
            if to is None:
                raise ModelError(
                    "going back to the previous model",
                    expected="a version that was in use before the current one",
                    got=f"version {before} as the first" if before else "no model in use",
                    do="choose a version from `leadready runs` and run `leadready promote VERSION`",
                )
            decided = self._find(mlflow, str(to)).tags.get("decision", "")
            move = Move(to, before, "rollback", when.isoformat(timespec="seconds"), by, why, decided)
            self._move(mlflow.MlflowClient(), move)
        return move

    def moves(self) -> list[Move]:
        """Every move of the champion that was written down, the oldest first; none is ever changed or taken away."""
        rows = self._listed(listing.MOVES)
        if rows is not None:
            return [from_json(value) for (value,) in rows]
        models = self._mlflow().MlflowClient().search_registered_models(f"name = '{NAME}'")
        tags = {key: value for model in models for key, value in model.tags.items() if key.startswith(MOVE)}
        return [from_json(tags[key]) for key in sorted(tags)]

    def _note(self, client: Any, version: ModelVersion, decision: Decision) -> None:
        """Write down on version and run what the decision says otherwise than they do."""
        changed = tracking.decision_tags(decision).items() - version.tags.items()
        for key, value in changed:
            client.set_model_version_tag(NAME, str(version.version), key, value)
            client.set_tag(version.run_id, key, value)
        if changed:
            client.update_model_version(NAME, str(version.version), tracking.description(decision))
            client.set_tag(version.run_id, "mlflow.note.content", tracking.description(decision))

    def _move(self, client: Any, move: Move) -> None:
        """Write the move down, then make it: killed in between, the next move shows that it did not come about."""
        number, version = f"{len(self.moves()) + 1:06d}.{uuid.uuid4().hex[:8]}", str(move.to)
        client.set_registered_model_tag(NAME, f"{MOVE}{number}", move.as_json())
        if move.forced or (move.how == "promote" and move.decided == "refused"):
            # training would not have used it: every score says that it is unsure
            client.set_model_version_tag(NAME, version, "provisional", "true")
        client.set_registered_model_alias(NAME, "champion", version)
        self._complete(client)

    def _complete(self, client: Any) -> None:
        """What follows a move of the champion, for the last that came about: it may have been killed before."""
        now = self.aliases()
        if not ((moves := self.moves()) and moves[-1].to == now.get("champion")):
            return
        tags = self._find(self._mlflow(), str(moves[-1].to)).tags
        for key, value in moves[-1].tags().items():
            if tags.get(key) != value:
                client.set_model_version_tag(NAME, str(moves[-1].to), key, value)
        if now.get("challenger") == moves[-1].to:
            client.delete_registered_model_alias(NAME, "challenger")

    def _moving(self) -> AbstractContextManager[None]:
        """While this holds, no other process moves an alias of this store; nothing locks a server."""
        return locked(self._store.with_suffix(".moving")) if self._store else nullcontext()

    def _at_work(self, client: Any, experiment: str) -> AbstractContextManager[None]:
        """While this holds no other training takes our runs for dead; what it left is ended, but on a server."""

        def end_the_dead() -> None:
            for run in client.search_runs([experiment], "attributes.status = 'RUNNING'"):
                client.set_terminated(run.info.run_id, "KILLED")

        return shared(self._store.with_suffix(".lock"), end_the_dead) if self._store else nullcontext()

    def champion(self) -> LoadedModel | None:
        """The model in use, None where there is none yet."""
        rows = self._listed(listing.NAMES)
        known = self.aliases() if rows is None else dict(rows)
        return self.load("champion") if "champion" in known else None

    def aliases(self) -> dict[str, int]:
        """Every alias with the version it points at."""
        models = self._mlflow().MlflowClient().search_registered_models(f"name = '{NAME}'")
        return {alias: int(version) for model in models for alias, version in model.aliases.items()}

    def check(self, alias_or_version: str) -> None:
        """Raise ModelError, naming the known ones, where there is no such model; nothing is loaded."""
        rows = self._listed(listing.NAMES)
        if rows is None:
            self._find(self._mlflow(), alias_or_version)
        else:
            _choose(dict(rows), alias_or_version)

    def check_place(self) -> None:
        """Raise what keeping a model would: ConfigError if its server is silent, ModelError if the workspace moved."""
        if self._store is None or self._store.exists():
            self._experiment(self._mlflow())

    def waiting(self) -> int | None:
        """The newest version that was found better than the one still in use, and waits for a person."""
        rows = self._listed(listing.WAITING)
        if rows is not None:
            return rows[0][0] if rows else None
        found = self._mlflow().MlflowClient().search_model_versions(f"name = '{NAME}' and tags.waiting = 'true'")
        in_use = str(self.aliases().get("champion", ""))
        return max((int(v.version) for v in found if v.tags["judged_against"] == in_use), default=None)

    def load(self, alias_or_version: str | int) -> LoadedModel:
        """The model of an alias ("champion") or a version number; ModelError, naming the known ones, if not there."""
        from models.registry.saved import columns_of, read_model

        kept, fetch = self._kept(str(alias_or_version)) or self._asked(str(alias_or_version))
        try:
            with tempfile.TemporaryDirectory() as folder:
                files = fetch(folder)
                pipeline = read_model(files, kept.version, kept.tags.get(FINGERPRINT), kept.tags.get("chosen", ""))
                features = columns_of(pipeline) or _signed(self._mlflow(), files)
        except OSError as error:
            raise ModelError(
                f"loading model version {kept.version}",
                expected="its files, as training left them",
                got=first_line(error),
                do="restore them from a backup, run `leadready rollback`, or train again",
            ) from error
        return LoadedModel(pipeline, kept.version, features, kept.tags, kept.run_id)

    def _kept(self, wanted: str) -> tuple[ModelVersion, Fetch] | None:
        """A version in the workspace's own store, and what copies its files; None where MLflow has to be asked."""
        rows, names = self._listed(listing.VERSIONS), self._listed(listing.NAMES)
        if rows is None or names is None:
            return None
        found = {version: rest for version, *rest in rows}
        number = _choose({name: version for name, version in names if version in found}, wanted)
        run_id, place, tags = found[number]
        if not place.startswith(f"{self._artifacts}/"):
            return None
        return ModelVersion(number, run_id, json.loads(tags)), partial(_copy, Path(url2pathname(urlsplit(place).path)))

    def _asked(self, wanted: str) -> tuple[ModelVersion, Fetch]:
        """The same of any store, through MLflow."""
        mlflow = self._mlflow()
        self._experiment(mlflow)
        found = self._find(mlflow, wanted)
        fetch = partial(_download, mlflow, f"models:/{NAME}/{found.version}")
        return ModelVersion(int(found.version), str(found.run_id), dict(found.tags)), fetch

    def changed(self) -> list[str]:
        """Versions in the workspace's own store whose files are not as training logged them: each with what is wrong.

        Of versions on a server nothing is said: to look at them is to fetch them.
        """
        from models.registry.saved import fingerprint

        wrong = []
        for version, _, place, tags in self._listed(listing.VERSIONS) or ():
            try:
                same = fingerprint(Path(url2pathname(urlsplit(place).path))) == json.loads(tags).get(FINGERPRINT)
            except OSError:
                same = None
            wrong += [f"version {version} {'is gone' if same is None else 'was changed'}"] * (not same)
        return wrong

    def holdout(self, model: LoadedModel) -> pd.DataFrame:
        """The later rows on which the model's training tested it, as `TrainingResult.holdout`, with `probability`.

        The probability is that of the chosen candidate fitted on the earlier rows alone; the file may be gone: empty.
        """
        with tempfile.TemporaryDirectory() as folder:
            found = self._file(model, "report", HOLDOUT, folder)
            rows = pd.DataFrame() if found is None else _read(found, pd.read_parquet)
        if rows.empty:
            return pd.DataFrame()
        return rows.assign(probability=rows[model.tags["chosen"]])

    def card(self, model: LoadedModel) -> str:
        """The model's card as a page (`serving.pages.card`); '' where it is gone."""
        with tempfile.TemporaryDirectory() as folder:
            found = self._file(model, "card", "card.html", folder)
            return "" if found is None else str(_read(found, partial(Path.read_text, encoding="utf-8")))

    def _file(self, model: LoadedModel, place: str, name: str, folder: str) -> Path | None:
        """A file that the model's training kept: in the workspace's own store, or fetched to `folder`; None without."""
        kept = str(dict(self._listed(listing.FOLDERS) or ()).get(model.run_id, ""))
        if kept.startswith(f"{self._artifacts}/"):
            file = Path(url2pathname(urlsplit(kept).path)) / place / name
            return file if file.is_file() else None
        mlflow, path = self._mlflow(), f"{place}/{name}"
        if path not in [found.path for found in mlflow.MlflowClient().list_artifacts(model.run_id, place)]:
            return None
        return Path(mlflow.artifacts.download_artifacts(run_id=model.run_id, artifact_path=path, dst_path=folder))

    def forget(self, leads: Sequence[str]) -> int:
        """Take the rows of these leads out of the tables that runs keep; how many. For a server: files are nearer."""
        mlflow, erased = self._mlflow(), 0
        client = mlflow.MlflowClient()
        all_runs = mlflow.entities.ViewType.ALL  # a run that was deleted on MLflow's page keeps its files
        for run in mlflow.search_runs([self._experiment(mlflow)], run_view_type=all_runs, output_format="list"):
            for path in [kept.path for kept in client.list_artifacts(run.info.run_id, "report")]:
                with tempfile.TemporaryDirectory() as folder:
                    found = Path(client.download_artifacts(run.info.run_id, path, folder))
                    if rows := erase_rows(found, leads):
                        client.log_artifact(run.info.run_id, str(found), "report")
                        erased += rows
        return erased

    def drop_runs(self, before: datetime, scored: Collection[int] = ()) -> int:
        """Erase runs that began before `before` (UTC) with their files and versions of models; how many.

        Versions stay, with their runs and the parts of these, that are or were in use, have an alias, wait for a person
        or are among the `scored`: replays and `rollback` read them. So do runs at work; a server is left to whoever
        runs it.
        """
        if self._store is None or not self._store.exists():
            return 0
        mlflow = self._mlflow()
        store = mlflow.tracking._tracking_service.utils._get_store()
        client, place = mlflow.MlflowClient(), self._artifacts or ""
        with self._moving():
            versions = client.search_model_versions(f"name = '{NAME}'")
            wanted = {*scored, *self.aliases().values(), self.waiting()}
            wanted |= {number for move in self.moves() for number in (move.to, move.instead_of)}
            kept = {version.run_id for version in versions if int(version.version) in wanted}
            everything = mlflow.entities.ViewType.ALL
            runs = mlflow.search_runs([self._experiment(mlflow)], run_view_type=everything, output_format="list")
            old = [run for run in runs if _may_go(run, kept, before)]
            gone = {run.info.run_id for run in old}
            for version in versions:
                if version.run_id in gone:
                    client.delete_model_version(NAME, version.version)
            for run in old:
                of_run = f"source_run_id = '{run.info.run_id}'"
                for model in client.search_logged_models([run.info.experiment_id], filter_string=of_run):
                    remove(Path(url2pathname(urlsplit(f"{place}/models/{model.model_id}").path)))
                    store._hard_delete_logged_model(model.model_id)
                remove(Path(url2pathname(urlsplit(f"{place}/{run.info.run_id}").path)))
                store._hard_delete_run(run.info.run_id)  # as `mlflow gc` does, for runs deleted on the page
        return len(old)

    def runs(self, most: int = 20) -> pd.DataFrame:
        """The latest trainings, newest first: one row per run with its version, aliases and main figures."""
        rows = self._listed(listing.TRAININGS, most)
        if rows is not None:
            found = pd.DataFrame(rows, columns=tracking.RUN_COLUMNS)
            return found.assign(alias=found["alias"].fillna(""), started=pd.to_datetime(found["started"], unit="ms"))
        mlflow = self._mlflow()
        client = mlflow.MlflowClient()
        kept = client.search_runs([self._experiment(mlflow)], "tags.kind = 'training'", max_results=most)
        versions = {v.run_id: int(v.version) for v in client.search_model_versions(f"name = '{NAME}'")}
        aliases = self.aliases()
        return pd.DataFrame([tracking.run_row(run, versions, aliases) for run in kept], columns=tracking.RUN_COLUMNS)

    def _listed(self, sql: str, most: int = 1) -> list[tuple[Any, ...]] | None:
        return listing.ask(self._store, str(self._artifacts), sql, NAME, most) if self._store else None

    def _find(self, mlflow: Any, wanted: str) -> Any:
        versions = {str(v.version): v for v in mlflow.MlflowClient().search_model_versions(f"name = '{NAME}'")}
        aliases = {alias: v for alias, v in self.aliases().items() if str(v) in versions}
        return versions[str(_choose({**aliases, **{v: int(v) for v in versions}}, wanted))]

    def _experiment(self, mlflow: Any) -> str:
        """The experiment's id; MLflow keeps absolute paths, so a workspace that was moved is refused."""
        found = mlflow.get_experiment_by_name(NAME)
        if found and self._artifacts and found.artifact_location.rstrip("/") != self._artifacts:
            raise ModelError(
                "opening the model registry",
                expected=f"models kept in {self._artifacts}",
                got=f"a workspace that was moved: its models were logged to {found.artifact_location}",
                do="move the workspace back, link the old path to the new one, or train in a new workspace",
            )
        if found:
            return str(found.experiment_id)
        return str(mlflow.create_experiment(NAME, self._artifacts, {"mlflow.experimentKind": KIND}))

    def page(self) -> str:
        """Where MLflow's page lists the runs, below its address."""
        return f"#/experiments/{self._experiment(self._mlflow())}/runs"

    def _mlflow(self) -> Any:
        """MLflow, imported when needed (it takes 2 s) and pointed at this registry."""
        return open_mlflow(self.uri, self._store, str(self._artifacts))

    def log_report(
        self,
        kind: str,
        name: str,
        tags: Mapping[str, str],
        metrics: Mapping[str, float],
        tables: Mapping[str, pd.DataFrame],
        pages: Mapping[str, str],
    ) -> str:
        """Keep a report as a run of that kind: tables as CSV and Parquet, and HTML pages, by name in report/.

        Returns the run's id.
        """
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
                write_csv(table, Path(folder) / f"{title}.csv")
                table.to_parquet(Path(folder) / f"{title}.parquet", index=False)
            for title, page in pages.items():
                (Path(folder) / f"{title}.html").write_text(page, encoding="utf-8")
            mlflow.log_artifacts(folder, "report")
        return str(run.info.run_id)


def _may_go(run: Any, kept: set[str], before: datetime) -> bool:
    """Whether a run is none of those to keep, nor a part of one, and is old and not at work."""
    begun = datetime.fromtimestamp(run.info.start_time / 1000, UTC).replace(tzinfo=None)
    own = {run.info.run_id, run.data.tags.get("mlflow.parentRunId", "")}
    return begun < before and not own & kept and run.info.status != "RUNNING"


def _choose(known: Mapping[str, int], wanted: str) -> int:
    """The version of an alias or a version's number; ModelError, naming the `known` ones, where it is none of them."""
    if wanted not in known:
        raise ModelError(
            f"loading the model {wanted}",
            expected=f"one of {', '.join(known)}" if known else "a trained model",
            got=f"no {wanted}" if known else "an empty registry",
            do="choose one of these" if known else "run `leadready train` first",
        )
    return known[wanted]


def _download(mlflow: Any, uri: str, folder: str) -> Path:
    """A copy of a saved model's files, which nobody changes between the check and the load; OSError without them."""
    try:
        return Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=folder))
    except mlflow.exceptions.MlflowException as error:
        raise OSError(first_line(error)) from error


def _read(file: Path, how: Callable[[Path], Any]) -> Any:
    """What is in a file that a training kept; ModelError where it cannot be read."""
    try:
        return how(file)
    except (OSError, ValueError) as error:  # Arrow raises ValueErrors of what is no Parquet
        raise ModelError(
            f"reading {file}",
            expected="the file as training left it",
            got=first_line(error),
            do="restore it from a backup, or train again",
        ) from error


def _copy(place: Path, folder: str) -> Path:
    """The same of files in the workspace."""
    return Path(shutil.copytree(place, Path(folder) / "model"))


def _signed(mlflow: Any, files: Path) -> tuple[str, ...]:
    """The columns that a model takes, as MLflow wrote them down."""
    return tuple(mlflow.models.Model.load(files / "MLmodel").signature.inputs.input_names())
