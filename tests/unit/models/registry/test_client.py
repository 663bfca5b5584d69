import contextlib
import json
import os
import pickle
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from functools import partial, reduce
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io

from data.errors import ConfigError, ModelError, PromotionRefused, UsageError
from data.opened import open_workspace
from data.workspace import Workspace
from models.fitting.candidates import CANDIDATES
from models.fitting.deployed import ReadyModel
from models.judging.promotion import Decision, let_wait
from models.registry import listing
from models.registry.client import NAME, Registry, _signed
from models.registry.history import version_before
from models.registry.saved import fingerprint, read_model
from models.registry.store import make_store
from pipelines.jobs.forget import forget_lead
from pipelines.jobs.start import init_workspace
from serving.pages.training import write_pages

CHAMPION = Decision(True, "champion", True, ("ahead of base rate", "too few later rows to be sure"))
CHALLENGER = Decision(False, "challenger", False, ("not surely ahead",))
REFUSED = Decision(False, None, False, ("a leak",))
FRESH = """
import numpy as np, pandas as pd, mlflow
mlflow.set_tracking_uri("{uri}")
model = mlflow.pyfunc.load_model("models:/lead-readiness@champion")
p = model.predict(pd.read_parquet("{folder}/X.parquet"))
assert p.shape[1] == 2
print(np.abs(p[:, 1] - np.load("{folder}/p.npy")).max())
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    made = Workspace(tmp_path_factory.mktemp("workspace"))
    made.create()
    return made


@pytest.fixture(scope="module")
def registry(workspace):
    return Registry(workspace)


@pytest.fixture(scope="module")
def result(result):
    """A training whose model has few refits, as each is slow to save."""
    few = replace_part(result.estimator, bags=result.estimator.bags[:2])
    return replace(result, estimator=few)


@pytest.fixture(scope="module")
def trained(result, data):
    """The blend, which holds every class of ours and of scikit-learn's trees; few trees, as each is slow to save."""
    blend = {c.name: c for c in CANDIDATES}["blend"].build(data.features, 1)
    dict(blend.estimators)["shallow"].set_params(model__max_iter=10)
    blend = blend.fit(data.X, data.y)
    ready = replace_part(result.estimator, estimator=blend, bags=[blend, blend])
    return replace(result, chosen="blend", estimator=ready)


def replace_part(model, **parts):
    return type(model)(**{**model.get_params(deep=False), **parts})


@pytest.fixture(scope="module")
def version(registry, trained):
    assert registry.champion() is None
    made = registry.log_training(
        trained, {"source": "demo", "cohort": "handoff", "agreement": "2025-01-01"}, CHAMPION, write_pages
    )
    assert registry.apply(made, CHAMPION) == CHAMPION
    return made


def test_importing_the_registry_does_not_import_mlflow():
    code = "import sys, models.registry.client; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_champion_comes_back_to_the_bit(registry, version, trained, data):
    champion = registry.champion()
    assert np.array_equal(champion.predict(data.X), trained.estimator.predict_proba(data.X)[:, 1])
    assert champion.features == tuple(data.X.columns)
    assert champion.version == version.version == 1
    assert champion.trained_until == data.as_of.max()
    assert champion.provisional


def test_the_workspaces_own_store_is_read_as_mlflow_reads_it(registry, version, monkeypatch):
    champion = registry.champion()
    with monkeypatch.context() as without:
        without.setattr(Registry, "_mlflow", lambda _: pytest.fail("MLflow was asked"))
        own = registry.moves(), registry.card(champion), registry.holdout(champion)
    monkeypatch.setattr(listing, "SCHEMA", "another form")
    asked = registry.moves(), registry.card(champion), registry.holdout(champion)
    assert own[:2] == asked[:2]
    assert (own[0][0].to, "<html" in own[1], len(own[2]) > 0) == (1, True, True)
    pd.testing.assert_frame_equal(own[2], asked[2])


def test_a_card_that_cannot_be_read_is_a_plain_error(registry, version, workspace):
    champion = registry.champion()
    (card,) = workspace.root.glob(f"**/{champion.run_id}/artifacts/card/card.html")
    whole = card.read_bytes()
    card.write_bytes(b"\xff")
    try:
        with pytest.raises(ModelError, match="expected the file as training left it"):
            registry.card(champion)
    finally:
        card.write_bytes(whole)


def test_columns_that_a_later_catalogue_added_are_left_aside(registry, version, data):
    champion = registry.champion()
    assert np.array_equal(champion.predict(data.X.assign(new=1.0)), champion.predict(data.X))
    with pytest.raises(ModelError, match="missing n1"):
        champion.predict(data.X.drop(columns="n1"))


@pytest.mark.slow
def test_a_fresh_process_with_plain_mlflow_predicts_the_same(registry, version, trained, data, tmp_path):
    data.X.to_parquet(tmp_path / "X.parquet")
    np.save(tmp_path / "p.npy", trained.estimator.predict_proba(data.X)[:, 1])
    code = FRESH.format(uri=registry.uri, folder=tmp_path)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1e-12


def test_the_run_holds_what_a_data_scientist_asks_for(registry, version, trained):
    import mlflow

    client = mlflow.MlflowClient()
    run = client.get_run(version.run_id)
    assert run.data.tags["decision"] == "champion"
    assert run.data.tags["agreement"] == "2025-01-01"
    assert run.data.metrics["log_loss"] == pytest.approx(trained.holdout_metrics.loc["blend", "log_loss"])
    assert run.inputs.dataset_inputs[0].dataset.digest == trained.data_hash[:32]
    files = {f.path for f in client.list_artifacts(version.run_id, "report")}
    assert {"report/training.html", "report/holdout_metrics.csv"} <= files
    children = client.search_runs([run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{version.run_id}'")
    assert {c.info.run_name for c in children} == {c.name for c in CANDIDATES}
    folds = {c.info.run_name: client.get_metric_history(c.info.run_id, "fold_auc") for c in children}
    assert [m.step for m in sorted(folds["logistic"], key=lambda m: m.step)] == [1, 2, 3, 4]


def test_the_latest_runs_with_their_figures(registry, version):
    runs = registry.runs()
    assert runs.loc[0, "name"].startswith("demo: 500 snapshots to 2025-")
    assert (runs.loc[0, "status"], runs.loc[0, "version"], runs.loc[0, "alias"]) == ("FINISHED", 1, "champion")


@pytest.mark.parametrize("wanted", ["challenger", 7])
def test_an_unknown_model_is_refused_with_the_known_ones(registry, version, wanted):
    with pytest.raises(ModelError, match=f"loading the model {wanted}: expected one of champion, .*1.*got no"):
        registry.load(wanted)


def test_a_training_that_is_interrupted_registers_nothing(registry, version, trained, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("models.registry.kept._log_model", stop)
    with pytest.raises(KeyboardInterrupt):
        registry.log_training(trained, {}, CHAMPION)
    assert registry.aliases() == {"champion": version.version}
    assert registry.runs().loc[0, "status"] == "FAILED"
    with pytest.raises(ModelError):
        registry.load(version.version + 1)


def test_a_refused_model_gets_no_alias(registry, version, trained):
    second = registry.log_training(trained, {}, REFUSED)
    registry.apply(second, REFUSED)
    assert registry.aliases() == {"champion": version.version}
    assert registry.load(second.version).tags["reasons"] == "a leak"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a%20b", "50 % #1", "büro & co;x=1"])
def test_a_workspace_may_have_any_name(tmp_path, trained, name):
    """In what MLflow takes as addresses, names are escaped, and what looks escaped in a name is not."""
    space = Workspace(tmp_path / name)
    space.create()
    made = Registry(space).log_training(trained, {}, CHAMPION)
    assert Registry(space).apply(made, CHAMPION) == CHAMPION
    assert Registry(space).load("champion").version == made.version
    assert list(Registry(space).runs()["version"]) == [made.version]
    assert sorted(p.name for p in tmp_path.iterdir()) == [name]


def test_a_workspace_that_was_moved_is_refused(registry, version, workspace):
    moved = Registry(workspace)
    moved._artifacts = "file:///elsewhere/artifacts"
    with pytest.raises(ModelError, match="a workspace that was moved"):
        moved.load("champion")
    with pytest.raises(ModelError, match="a workspace that was moved"):
        moved.check_place()  # so that nothing is fitted first
    registry.check_place()


def test_a_model_is_read_from_the_store_as_mlflow_gives_it(registry, version):
    """Plain SQL and the model's own guard, which take no import of MLflow, against MLflow and its signature."""
    (kept, copied), (asked, fetch) = registry._kept("champion"), registry._asked("champion")
    assert kept == asked
    loaded = registry.load(version.version)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        assert fingerprint(copied(one)) == fingerprint(fetch(other))
        assert loaded.features == _signed(registry._mlflow(), copied(f"{one}/again"))


@pytest.fixture
def mlflow_server(tmp_path, monkeypatch):
    """The address of a server with stores of its own, named as a user names it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    kept = ["--backend-store-uri", f"sqlite:///{tmp_path / 'server.db'}"]
    kept += ["--artifacts-destination", str(tmp_path / "served")]
    command = [sys.executable, "-m", "mlflow", "server", *where, *kept]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **quiet}, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        while not answers(url):
            assert process.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.2)
        monkeypatch.setenv("LEADREADY_MLFLOW", url)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def answers(url):
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=10) as answer:
        return answer.status == 200
    return False


@pytest.mark.slow
def test_a_server_keeps_everything_and_the_workspace_nothing(mlflow_server, tmp_path, trained, data, capsys):
    space = Workspace(tmp_path / "workspace")
    space.create()
    made = Registry(space).log_training(trained, {}, CHAMPION)
    assert Registry(space).apply(made, CHAMPION) == CHAMPION
    champion = Registry(space).champion()
    assert np.array_equal(champion.predict(data.X), trained.estimator.predict_proba(data.X)[:, 1])
    assert champion.tags["reasons"] == "ahead of base rate\ntoo few later rows to be sure"
    assert capsys.readouterr().out == ""
    assert list(Registry(space).runs()["version"]) == [1]
    assert not space.tracking.exists()
    assert not list(space.artifacts.iterdir())
    assert (tmp_path / "served").is_dir()


@pytest.mark.slow
def test_a_server_forgets_a_lead(mlflow_server, tmp_path, trained):
    """In the runs of trainings and of reports, those that were deleted on MLflow's page among them; others stay."""
    space, kept = Workspace(tmp_path / "workspace"), tmp_path / "served"
    init_workspace(space)
    lead, other = trained.holdout["lead_id"].iloc[[0, -1]]
    Registry(space).log_training(trained, {}, REFUSED)
    tested = {"holdout": pd.DataFrame({"lead_id": [lead, other], "y": [0, 1]})}
    Registry(space).log_report("backtest", "first", {}, {}, tested, {})
    deleted = Registry(space).log_report("backtest", "second", {}, {}, tested, {})
    Registry(space)._mlflow().MlflowClient().delete_run(deleted)

    def holding(text):
        tables = [path for ending in ("csv", "parquet") for path in kept.rglob(f"*.{ending}")]
        read = {path: pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path) for path in tables}
        return sum((table["lead_id"] == text).sum() for table in read.values() if "lead_id" in table)

    assert (holding(lead), holding(other)) == (5, 5)
    receipt = forget_lead(open_workspace(space.root), lead, NOON)
    assert receipt.rows["MLflow server"] == 5
    assert (holding(lead), holding(other)) == (0, 5)
    assert not any(lead.encode() in path.read_bytes() for path in kept.rglob("*") if path.is_file())
    assert not forget_lead(open_workspace(space.root), lead, NOON).changed


@pytest.mark.parametrize(
    ("address", "got"),
    [
        ("http://127.0.0.1:9", "Connection refused"),
        ("http://ann:s3cret@127.0.0.1:9", "Connection refused"),
        ("http://127.0.0.1:s3cret", "an address of another kind"),
        ("sqlite:///elsewhere.db", "an address of another kind"),
    ],
)
def test_a_server_that_does_not_answer_is_said_at_once(tmp_path, monkeypatch, address, got):
    monkeypatch.setenv("LEADREADY_MLFLOW", address)
    with pytest.raises(ConfigError, match=f"reaching the MLflow server: .*{got}") as refused:
        Registry(Workspace(tmp_path)).champion()
    assert "s3cret" not in str(refused.value)


def test_what_mlflow_is_told_for_other_work_is_not_followed(workspace, registry, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert Registry(workspace).uri == registry.uri


def test_an_empty_registry_says_to_train(registry, workspace, monkeypatch):
    monkeypatch.setattr("models.registry.client.NAME", "another")
    with pytest.raises(ModelError, match="expected a trained model, got an empty registry; run `leadready train`"):
        registry.load("champion")
    assert registry.runs().empty
    assert isinstance(registry.runs(), pd.DataFrame)


NOON = datetime(2026, 3, 1, 12)


@pytest.fixture(scope="module")
def bought(tmp_path_factory, result):
    """A workspace of three versions: the first in use, a challenger, and one with a leak."""
    space = Workspace(tmp_path_factory.mktemp("moves"))
    space.create()
    registry = Registry(space)
    context = {"source": "demo", "agreement_version": "2000-01-01-gone"}
    leaky = replace(result, leakage=replace(result.leakage, suspects=("n1",)))
    for found, decision in ((result, CHAMPION), (result, CHALLENGER), (leaky, replace(REFUSED, against=1))):
        registry.apply(registry.log_training(found, context, decision, write_pages), decision)
    return registry


@pytest.mark.slow
def test_there_and_back_again_with_the_evidence(bought):
    """One path through all of it: the state of the registry is what each step leaves."""
    assert bought.aliases() == {"champion": 1, "challenger": 2}
    with pytest.raises(ModelError, match=r"expected a version .* got version 1 as the first; choose a version from"):
        bought.roll_back(NOON)
    moved = bought.promote(2, NOON, "ann", "sales asked for it")
    assert (moved.to, moved.instead_of, moved.decided) == (2, 1, "challenger")
    assert bought.aliases() == {"champion": 2}
    assert bought.promote(2, NOON) is None

    with pytest.raises(PromotionRefused, match=r"promoting version 3: .* got alarms about n1, which .* --force --why"):
        bought.promote(3, NOON)
    with pytest.raises(UsageError, match="a reason that stays with the model, got none; add --why"):
        bought.promote(3, NOON, force=True)
    assert bought.aliases() == {"champion": 2}
    forced = bought.promote(3, NOON, "ann", "n1 is harmless", force=True)
    assert (forced.forced, forced.findings, forced.decided) == (True, "alarms about n1", "refused")
    assert bought.champion().provisional

    assert bought.roll_back(NOON, "bob", "too many refusals").to == 2
    assert bought.roll_back(NOON).to == 1
    assert bought.aliases() == {"champion": 1}
    with pytest.raises(ModelError, match="as the first"):
        bought.roll_back(NOON)

    moves = bought.moves()
    assert [(m.instead_of, m.to, m.how) for m in moves] == [
        (None, 1, "training"),
        (1, 2, "promote"),
        (2, 3, "promote"),
        (3, 2, "rollback"),
        (2, 1, "rollback"),
    ]
    tags = bought.load(2).tags
    assert (tags["champion_by"], tags["champion_why"]) == ("rollback bob", "too many refusals")
    assert (tags["champion_instead_of"], tags["champion_since"]) == ("3", "2026-03-01T12:00:00")
    assert (tags["decision"], tags["reasons"]) == ("challenger", "not surely ahead")


@pytest.mark.slow
def test_an_unknown_version_is_no_model_to_promote(bought):
    with pytest.raises(ModelError, match="loading the model 9: expected one of champion, 3, 2, 1, got no 9"):
        bought.promote(9, NOON)


@pytest.mark.slow
def test_a_model_without_alarms_needs_no_force(bought):
    with pytest.raises(PromotionRefused):
        bought.promote(3, NOON, why="only because")


@pytest.mark.slow
def test_a_version_has_its_reasons_from_the_start(bought):
    """Whoever is killed between registering and the alias leaves a version that says what was decided."""
    import mlflow

    made = bought.load(3)
    assert (made.tags["decision"], made.tags["reasons"], made.tags["judged_against"]) == ("refused", "a leak", "1")
    client = mlflow.MlflowClient()
    assert "- a leak" in client.get_model_version(NAME, "3").description
    assert "not to be used" in client.get_run(made.run_id).data.tags["mlflow.note.content"]


@pytest.mark.slow
def test_the_figures_of_runs_stand_side_by_side(bought, result):
    import mlflow

    client = mlflow.MlflowClient()
    made = bought.load(1)
    run = client.get_run(made.run_id)
    figures = run.data.metrics
    for metric in ("log_loss", "brier", "auc"):
        assert figures[f"{metric}_low"] < figures[metric] < figures[f"{metric}_high"]
    children = client.search_runs([run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{made.run_id}'")
    for child in children:
        assert set(child.data.metrics) - {k for k in child.data.metrics if k.startswith("fold_")} <= set(figures)
        assert child.data.tags["candidate"] == child.info.run_name
        assert child.info.status == "FINISHED"
    assert {f.path for f in client.list_artifacts(made.run_id, "card")} == {"card/card.html", "card/card.md"}


KILLED = """
import os, pickle, signal, sys
from pathlib import Path
import models.registry.kept as kept
from models.registry.client import Registry
from data.workspace import Workspace
from models.judging.promotion import Decision

point, when, result = sys.argv[1], sys.argv[2], pickle.loads(Path(sys.argv[4]).read_bytes())
decision = Decision(True, "champion", True, ("ahead", "provisional"))

def deadly(original):
    def call(*args, **kwargs):
        if when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        original(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)
    return call

space = Registry(Workspace(Path(sys.argv[3])))
owner = kept if hasattr(kept, point) else space._mlflow().MlflowClient
setattr(owner, point, deadly(getattr(owner, point)))
space.apply(space.log_training(result, {"source": "demo"}, decision), decision)
"""


@pytest.mark.soak
def test_a_training_killed_anywhere_leaves_a_whole_version_or_none(result, tmp_path):
    """SIGKILL, nine times; what the last one left open is ended by the next."""
    space = Workspace(tmp_path / "var")
    space.create()
    (tmp_path / "result").write_bytes(pickle.dumps(result))
    registry, versions = Registry(space), 0
    for point, when in (
        ("_log_files", "before"),
        ("_log_candidate", "before"),
        ("_log_candidate", "after"),
        ("_log_model", "before"),
        ("_log_model", "after"),
        ("create_registered_model", "after"),
        ("create_model_version", "before"),
        ("create_model_version", "after"),
        ("set_registered_model_alias", "before"),
    ):
        call = [sys.executable, "-c", KILLED, point, when, str(space.root), str(tmp_path / "result")]
        done = subprocess.run(call, capture_output=True, text=True, check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr
        versions += (point, when) in (("create_model_version", "after"), ("set_registered_model_alias", "before"))
        found = registry._mlflow().MlflowClient().search_model_versions(f"name = '{NAME}'")
        assert len(found) == versions, (point, when)
        assert all({"reasons", "decision", "model_hash", "trained_until"} <= set(v.tags) for v in found)
        assert registry.aliases() == {}
        assert registry.champion() is None
    decision = Decision(True, "champion", True, ("ahead", "provisional"))
    made = registry.log_training(result, {"source": "demo"}, decision)
    registry.apply(made, decision)
    assert registry.aliases() == {"champion": made.version}
    assert version_before(registry.moves(), made.version) is None
    experiment = registry._mlflow().get_experiment_by_name(NAME).experiment_id
    left = registry._mlflow().MlflowClient().search_runs([experiment])
    assert {r.info.status for r in left} == {"FINISHED", "KILLED"}


@pytest.mark.slow
def test_a_training_at_work_is_not_taken_for_dead(bought, monkeypatch):
    """Two at once: the second sees the first one's run and leaves it."""
    client = bought._mlflow().MlflowClient()
    experiment = bought._experiment(bought._mlflow())
    with bought._at_work(client, experiment):
        alive = client.create_run(experiment, run_name="at work")
        with bought._at_work(client, experiment):
            assert client.get_run(alive.info.run_id).info.status == "RUNNING"
    with bought._at_work(client, experiment):
        assert client.get_run(alive.info.run_id).info.status == "KILLED"


def command(capsys, monkeypatch, registry, *words):
    """Exit code, what was printed, and what was complained of."""
    from pipelines import cli

    monkeypatch.setattr(sys, "argv", ["leadready", *words, "--workspace", str(registry._store.parent)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code or 0, *capsys.readouterr()


@pytest.mark.slow
def test_the_commands_say_what_they_did(bought, capsys, caplog, monkeypatch):
    """These models' columns are made up, so that none of them can score: it takes force to use one."""

    def typed(*words):
        return command(capsys, monkeypatch, bought, *words)

    now = bought.aliases()["champion"]
    other = 3 - now
    code, said, _ = typed("promote", str(other), "--force", "--why", "try it")
    assert (code, bought.aliases()["champion"]) == (0, other)
    assert said.startswith(f"version {other} is in use instead of version {now} since 20")
    assert "forced despite: no agreement 2000-01-01-gone any more" in said
    assert "`leadready rollback` undoes this" in said
    assert bought.champion().provisional
    assert typed("promote", str(other))[1] == f"version {other} is already in use; nothing changed\n"
    code, said, _ = typed("rollback", "--why", "no good", "--json")
    assert (code, json.loads(said)["to"], json.loads(said)["why"]) == (0, now, "no good")
    assert bought.aliases()["champion"] == now
    assert f"version {now} can no longer score: no agreement 2000-01-01-gone any more" in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("promote", "3"), 12, "can score with today's agreements and catalogue, got no agreement 2000-01-01-gone"),
        (("promote", "3", "--force"), 2, "a reason that stays with the model"),
        (("promote", "9"), 12, "loading the model 9"),
    ],
)
def test_what_may_not_be_promoted_ends_with_the_code_of_its_kind(bought, capsys, monkeypatch, words, code, said):
    before = bought.moves()
    found, _, complaint = command(capsys, monkeypatch, bought, *words)
    assert (found, complaint.count("\n")) == (code, 1)
    assert said in complaint
    assert bought.moves() == before


@pytest.mark.slow
def test_a_decision_that_was_overtaken_is_not_carried_out(bought, result):
    """Judged against version 7, while another came into use: a challenger, and version and run say why."""
    import mlflow

    now, judged = bought.aliases()["champion"], replace(CHAMPION, against=7)
    made = bought.log_training(result, {"source": "demo"}, judged)
    done = bought.apply(made, judged)
    assert (done.promote, done.alias) == (False, "challenger")
    assert bought.aliases() == {"champion": now, "challenger": made.version}
    tags = bought.load(made.version).tags
    assert (tags["decision"], tags["judged_against"]) == ("challenger", "7")
    assert tags["reasons"].endswith(
        f"judged while version 7 was in use, but version {now} is in use now: train again, or compare them yourself "
        f"and run `leadready promote {made.version}`"
    )
    client = mlflow.MlflowClient()
    for said in (
        client.get_model_version(NAME, str(made.version)).description,
        client.get_run(made.run_id).data.tags["mlflow.note.content"],
    ):
        assert "kept as challenger" in said
    moves = bought.moves()
    assert bought.apply(made, replace(CHAMPION, against=now)).promote
    assert [(m.instead_of, m.to) for m in bought.moves()[len(moves) :]] == [(now, made.version)]
    assert bought.apply(made, replace(CHAMPION, against=now)).promote
    assert len(bought.moves()) == len(moves) + 1, "carried out twice it moves once"


@pytest.mark.slow
@pytest.mark.parametrize("again", ["the same", "another", "back"])
def test_a_promotion_killed_after_the_alias_moved_is_completed_by_the_next(bought, monkeypatch, again):
    """Whatever is next: the version that came into use says by whom and why, and is no challenger any more."""
    client, now = bought._mlflow().MlflowClient(), bought.aliases()["champion"]
    to = 3 - now if now in (1, 2) else 1
    client.set_registered_model_alias(NAME, "challenger", str(to))
    with monkeypatch.context() as killed:
        killed.setattr(Registry, "_complete", lambda self, client: bought.aliases()["champion"] == to and 1 / 0)
        with pytest.raises(ZeroDivisionError):
            bought.promote(to, NOON, "ann", f"killed before {again}", force=True)
    assert bought.aliases() == {"champion": to, "challenger": to}
    if again == "back":
        bought.roll_back(NOON)
    else:
        bought.promote(to if again == "the same" else now, NOON, why="on", force=True)
    assert "challenger" not in bought.aliases()
    assert client.get_model_version(NAME, str(to)).tags["champion_why"] == f"killed before {again}"
    assert bought.aliases()["champion"] == (to if again == "the same" else now)


@pytest.mark.slow
def test_mlflows_page_opens_the_runs(bought):
    """Not what it has for language models."""
    experiment = bought._mlflow().get_experiment_by_name(NAME)
    assert bought.page() == f"#/experiments/{experiment.experiment_id}/runs"
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"


@pytest.mark.slow
def test_moves_at_once_are_all_written_down_in_their_order(bought):
    """Eight at once, each a registry of its own: every move begins where the one before ended."""
    before, space = bought.moves(), Workspace(bought._store.parent)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda i: Registry(space).promote(1 + i % 2, NOON, f"person {i}"), range(8)))
    moves = bought.moves()[len(before) :]
    assert sorted(m.by for m in moves) == sorted(m.by for m in made if m)
    assert [m.instead_of for m in moves[1:]] == [m.to for m in moves[:-1]]
    assert bought.aliases()["champion"] == moves[-1].to


OLDER = {
    "models.fitting.candidates": "models.candidates",
    "models.fitting.deployed": "models.deployed",
    "models.fitting.calibration": "models.calibration",
    "models.fitting.encoders": "models.columns",
    "models.fitting.venn_abers": "models.venn_abers",
}


class Bomb:
    """What a pickle runs when it is loaded."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return Path.touch, (self.file,)


def rewrite(folder, change):
    """Save the model again, its schema changed."""
    with zipfile.ZipFile(folder / "model.skops") as saved:
        parts = {name: saved.read(name) for name in saved.namelist()}
    parts["schema.json"] = change(parts["schema.json"].decode()).encode()
    with zipfile.ZipFile(folder / "model.skops", "w") as made:
        for name, content in parts.items():
            made.writestr(name, content)


def make_older(folder, _):
    """A saved model as training left it when `models` had no rooms: its classes lay elsewhere."""
    rewrite(folder, lambda text: reduce(lambda told, names: told.replace(*names), OLDER.items(), text))


def make_pickle(folder, bomb):
    text = (folder / "MLmodel").read_text()
    text = text.replace("serialization_format: skops", "serialization_format: pickle")
    (folder / "MLmodel").write_text(text.replace("model.skops", "model.pkl"))
    (folder / "model.pkl").write_bytes(pickle.dumps(Bomb(bomb)))


def make_pickle_by_name(folder, bomb):
    (folder / "model.skops").write_bytes(pickle.dumps(Bomb(bomb)))


def trust_more(folder, bomb):
    """The model is a call that makes a file, and the MLmodel beside it trusts that."""
    text = (folder / "MLmodel").read_text()
    (folder / "MLmodel").write_text(text.replace("skops_trusted_types:\n", "skops_trusted_types:\n    - os.mkdir\n"))
    skops.io.dump(partial(os.mkdir, str(bomb)), folder / "model.skops")


def hide_in_the_schema(folder, bomb):
    """A type of ours is exchanged for one that runs code of its own."""
    here = f"{Bomb.__module__}", "Bomb"
    change = '"__class__": "ReadyModel",\n  "__module__": "models.fitting.deployed"'
    rewrite(folder, lambda text: text.replace(change, f'"__class__": "{here[1]}",\n  "__module__": "{here[0]}"'))


def take_the_columns_away(folder, _):
    marked = folder / "MLmodel"
    marked.write_text(re.sub(r"^signature:\n(  .*\n)+", "", marked.read_text(), flags=re.MULTILINE))


def turn_two_columns(folder, _):
    marked = folder / "MLmodel"
    marked.write_text(marked.read_text().replace("n1", "n?").replace("n2", "n1").replace("n?", "n2"))


def flip_a_byte(folder, _):
    content = bytearray((folder / "model.skops").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.skops").write_bytes(content)


def cut_short(folder, _):
    (folder / "model.skops").write_bytes((folder / "model.skops").read_bytes()[:1000])


def empty(folder, _):
    (folder / "model.skops").write_bytes(b"")


def of_another_model(folder, _):
    skops.io.dump([1, 2], folder / "model.skops")


SPOILED = [
    *(make_older, make_pickle, make_pickle_by_name, trust_more, hide_in_the_schema),
    *(take_the_columns_away, turn_two_columns, flip_a_byte, cut_short, empty, of_another_model),
]


@pytest.fixture(scope="module")
def kept(result, tmp_path_factory):
    """A registry with a model, its folder of files, and a copy of that."""
    space = Workspace(tmp_path_factory.mktemp("kept") / "var")
    space.create()
    registry = Registry(space)
    registry.apply(registry.log_training(result, {"source": "demo"}, CHAMPION), CHAMPION)
    [marked] = space.artifacts.rglob("MLmodel")
    return registry, marked.parent, shutil.copytree(marked.parent, tmp_path_factory.mktemp("copy") / "files")


@pytest.fixture
def spoilable(kept):
    registry, folder, copy = kept
    yield registry, folder
    shutil.rmtree(folder)
    shutil.copytree(copy, folder)


@pytest.mark.slow
@pytest.mark.parametrize("spoil", SPOILED)
def test_changed_files_are_refused_before_anything_of_them_runs(spoilable, tmp_path, spoil):
    registry, folder = spoilable
    assert registry.champion()
    spoil(folder, tmp_path / "bomb")
    with pytest.raises(ModelError, match=r"loading model version 1: .*got files that were changed since training"):
        registry.champion()
    assert not (tmp_path / "bomb").exists()


@pytest.mark.slow
@pytest.mark.parametrize("spoil", SPOILED)
def test_a_changed_fingerprint_widens_nothing(spoilable, tmp_path, spoil, result):
    """Who can write the registry too gets no code run: what is loaded is of types that the candidate declares."""
    _, folder = spoilable
    spoil(folder, tmp_path / "bomb")
    with contextlib.suppress(ModelError):
        assert isinstance(read_model(folder, 1, fingerprint(folder), result.chosen), ReadyModel)
    assert not (tmp_path / "bomb").exists()


@pytest.mark.slow
def test_files_of_an_older_layout_name_their_type(spoilable, result):
    _, folder = spoilable
    make_older(folder, None)
    plain = r"loading model version 1: expected .*, got one of an older form, with the type models\.c.*; train again"
    with pytest.raises(ModelError, match=plain):
        read_model(folder, 1, fingerprint(folder), result.chosen)


def test_the_same_files_are_read_once(spoilable):
    """Reading takes seconds; what the files are is looked at each time."""
    registry, folder = spoilable
    first = registry.champion()
    assert registry.champion().pipeline is first.pipeline
    (folder / "model.skops").write_bytes(b"other")
    with pytest.raises(ModelError, match="files that were changed"):
        registry.champion()


@pytest.mark.parametrize("name", ["MLmodel", "model.skops"])
def test_files_that_are_gone(spoilable, name):
    registry, folder = spoilable
    (folder / name).unlink()
    with pytest.raises(ModelError, match=r"loading model version 1: expected its files, .*; restore them"):
        registry.champion()


def test_a_version_without_a_fingerprint_is_refused(spoilable):
    _, folder = spoilable
    with pytest.raises(ModelError, match="got one of an older form, whose files cannot be told from changed ones"):
        read_model(folder, 1, None, "logistic")


def test_a_store_that_is_there_is_not_replaced(tmp_path):
    """Two processes make it at once: what the first wrote into it stays."""
    space = Workspace(tmp_path / "var")
    space.create()
    make_store(space.tracking, space.artifacts.as_uri())
    client = Registry(space)._mlflow().MlflowClient()
    made = client.create_experiment("the first one's")
    make_store(space.tracking, space.artifacts.as_uri())
    assert client.get_experiment(made).name == "the first one's"
    assert [p.name for p in space.root.iterdir() if p.name.startswith(".mlflow")] == []


@pytest.mark.slow
def test_a_model_waits_until_another_is_in_use_and_both_ways_to_look_agree(tmp_path, result, monkeypatch):
    """The store is read by SQL, and by MLflow where a server or another form of store asks for it."""
    space = Workspace(tmp_path / "waiting")
    space.create()
    registry, slow = Registry(space), Registry(space)
    monkeypatch.setattr(slow, "_listed", lambda *_: None)
    assert registry.waiting() is None
    assert registry.runs().empty
    assert not space.tracking.exists()  # to look makes nothing

    def kept(decision):
        registry.apply(registry.log_training(result, {"source": "demo"}, decision), decision)
        return looked()

    def looked():
        pd.testing.assert_frame_equal(registry.runs(), slow.runs(), check_dtype=False)
        assert registry.waiting() == slow.waiting()
        return registry.waiting()

    assert kept(let_wait(CHAMPION)) == 1
    assert registry.aliases() == {"challenger": 1}
    assert kept(REFUSED) == 1
    registry.promote(1, datetime(2026, 3, 1))
    assert looked() is None
    assert registry.load("champion").provisional  # as its training said
    assert kept(let_wait(replace(CHAMPION, against=1))) == 3
    assert kept(replace(CHALLENGER, against=1)) == 3  # it is challenger now, and the other waits on
    registry.check("3")
    with pytest.raises(ModelError, match=r"loading the model 9: expected one of .*got no 9; choose one of these"):
        registry.check("9")
    with sqlite3.connect(space.tracking) as store:
        store.execute("UPDATE alembic_version SET version_num = 'abc'")
    assert listing.ask(space.tracking, "", listing.WAITING, NAME) is None  # a store of another form is MLflow's
