import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from data.errors import ModelError
from data.workspace import Workspace
from models.candidates import CANDIDATES
from models.promotion import Decision
from models.registry import Registry

CHAMPION = Decision(True, "champion", True, ("ahead of base rate", "too few later rows to be sure"))
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
def trained(result, data):
    """The blend, which holds every class of ours and of scikit-learn's trees."""
    blend = {c.name: c for c in CANDIDATES}["blend"].build(data.features, 1).fit(data.X, data.y)
    return replace(result, chosen="blend", estimator=blend)


@pytest.fixture(scope="module")
def version(registry, trained):
    assert registry.champion() is None
    made = registry.log_training(trained, {"source": "demo", "cohort": "handoff", "agreement": "2025-01-01"})
    return registry.apply(made, CHAMPION)


def test_importing_the_registry_does_not_import_mlflow():
    code = "import sys, models.registry; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_champion_comes_back_to_the_bit(registry, version, trained, data):
    champion = registry.champion()
    assert np.array_equal(champion.predict(data.X), trained.estimator.predict_proba(data.X)[:, 1])
    assert champion.features == tuple(data.X.columns)
    assert champion.version == version.version == 1
    assert champion.trained_until == data.as_of.max()
    assert champion.provisional


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
    assert run.data.tags["promoted"] == "true"
    assert run.data.tags["agreement"] == "2025-01-01"
    assert run.data.metrics["log_loss"] == pytest.approx(trained.holdout_metrics.loc["blend", "log_loss"])
    assert run.inputs.dataset_inputs[0].dataset.digest == trained.data_hash[:32]
    files = {f.path for f in client.list_artifacts(version.run_id, "report")}
    assert {"report/reliability.png", "report/holdout_metrics.csv"} <= files
    children = client.search_runs([run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{version.run_id}'")
    assert {c.info.run_name for c in children} == {c.name for c in CANDIDATES}
    folds = {c.info.run_name: client.get_metric_history(c.info.run_id, "fold_auc") for c in children}
    assert [m.step for m in sorted(folds["logistic"], key=lambda m: m.step)] == [1, 2, 3, 4]


def test_the_latest_runs_with_their_figures(registry, version):
    runs = registry.runs()
    assert runs.loc[0, "name"].startswith("demo: 500 snapshots to 2025-")
    assert (runs.loc[0, "status"], runs.loc[0, "promoted"], runs.loc[0, "chosen"]) == ("FINISHED", "true", "blend")


@pytest.mark.parametrize("wanted", ["challenger", 7])
def test_an_unknown_model_is_refused_with_the_known_ones(registry, version, wanted):
    with pytest.raises(ModelError, match=f"loading the model {wanted}: expected one of champion, .*1.*got no"):
        registry.load(wanted)


def test_a_training_that_is_interrupted_registers_nothing(registry, version, trained, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("models.registry._log_model", stop)
    with pytest.raises(KeyboardInterrupt):
        registry.log_training(trained, {})
    assert registry.aliases() == {"champion": version.version}
    assert registry.runs().loc[0, "status"] == "FAILED"
    with pytest.raises(ModelError):
        registry.load(version.version + 1)


def test_a_refused_model_gets_no_alias(registry, version, trained):
    second = registry.apply(registry.log_training(trained, {}), Decision(False, None, False, ("a leak",)))
    assert registry.aliases() == {"champion": version.version}
    assert registry.load(second.version).tags["reasons"] == "a leak"


def test_a_workspace_that_was_moved_is_refused(registry, version, workspace):
    moved = Registry(replace(workspace, root=workspace.root / "elsewhere"), registry.uri)
    moved._artifacts = "file:///elsewhere/artifacts"
    with pytest.raises(ModelError, match="a workspace that was moved"):
        moved.load("champion")


def test_an_empty_registry_says_to_train(registry, workspace, monkeypatch):
    monkeypatch.setattr("models.registry.NAME", "another")
    with pytest.raises(ModelError, match="expected a trained model, got an empty registry; run `leadready train`"):
        registry.load("champion")
    assert registry.runs().empty
    assert isinstance(registry.runs(), pd.DataFrame)
