"""Backtest and ablation on a simulated company, from its files to what MLflow and Prefect keep of them."""

import json
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from data.workspace import Workspace
from models.judging.backtest import ARMS
from models.registry.client import Registry
from pipelines.jobs.start import init_workspace, simulate_source
from serving.pages.ablation import ablation_report
from serving.pages.backtest import backtest_report
from serving.pages.terminal import as_json, as_lines
from tests.flows import work

pytestmark = pytest.mark.slow  # a Prefect server and many fits
FIRST, LAST = datetime(2025, 10, 20), datetime(2025, 12, 15)


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    made = Workspace(tmp_path_factory.mktemp("backtest") / "var")
    init_workspace(made)
    work.ingest(made.root, simulate_source(made, 900, 1))
    return made


@pytest.fixture(scope="module")
def flows(prefect_url):
    from pipelines import flows

    return flows


@pytest.fixture(scope="module")
def done(flows, space):
    return flows.backtest(space.root, FIRST, LAST, timedelta(days=28), work.LOADED_AT)


def kept(space, run_id, folder):
    """The run, and the files that it kept, fetched into a folder."""
    mlflow = Registry(space)._mlflow()
    found = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="report", dst_path=str(folder))
    return mlflow.get_run(run_id), {p.name: p for p in folder.joinpath(found).iterdir()}


def test_a_backtest_is_kept_with_figures_tables_and_plots(space, done, tmp_path):
    run, files = kept(space, done.run_id, tmp_path)
    assert run.info.run_name == "backtest from 2025-10-20 to 2025-12-15 every 28d"
    assert run.data.tags["kind"] == "backtest"
    assert run.data.metrics["log_loss"] == pytest.approx(done.result.metrics["log_loss"]["leadready"])
    assert set(files) >= {"backtest.html", "days.csv", "metrics.csv", "periods.csv", "policies.csv", "policy_gain.csv"}
    predicted = pd.read_parquet(files["predicted.parquet"])
    assert len(predicted) == len(done.result.predicted) > 0
    assert np.isfinite(predicted[[*ARMS]]).all(axis=None)
    assert predicted["as_of"].between(pd.Timestamp(FIRST), pd.Timestamp(LAST), inclusive="left").all()
    assert Registry(space).runs().empty  # trainings are listed, a backtest is none


def test_what_people_read_of_it(done):
    report = backtest_report(done.result, done.policies, done.outcomes, done.run_id)
    said = "\n".join(as_lines(report))
    assert f"{len(done.result.judged):,} judged" in said
    assert "the model, as many as the rules: " in said
    assert f"leads that this holds for: {done.result.reach.sentence}" in said
    told = json.loads(as_json(report))
    assert [row["arm"] for row in told["arms"]] == list(ARMS)
    assert told["run_id"] == done.run_id


def test_the_ablation_is_kept_with_the_sentence_it_supports(flows, space, tmp_path):
    done = flows.ablate(space.root, work.LOADED_AT)
    run, files = kept(space, done.run_id, tmp_path)
    assert run.data.tags["kind"] == "ablation"
    assert run.data.tags["sentence"] == done.result.sentence
    assert set(files) >= {"ablation.html", "arms.csv", "gains.csv", "tested.parquet"}
    assert ablation_report(done.result, done.run_id).facts["sentence"] == done.result.sentence
