"""The flows on a simulated company, end to end: what Prefect keeps of them, and that a repetition changes nothing."""

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from types import SimpleNamespace

import pandas as pd
import pytest

from data.errors import BusyError
from data.intake.databases import without_password
from data.workspace import Workspace
from models.judging.promotion import Decision
from models.registry.client import Registry
from pipelines.jobs.start import init_workspace
from pipelines.moment import now
from tests.flows import work

pytestmark = pytest.mark.slow  # a Prefect server and whole trainings: minutes
LEADS = 700


@pytest.fixture(scope="module")
def flows(prefect_url):
    from pipelines import flows

    return flows


@pytest.fixture(scope="module")
def client(prefect_url):
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def company(flows, tmp_path_factory):
    """One company's way through all flows; its model is put to use whatever its merits."""
    space = Workspace(tmp_path_factory.mktemp("flows") / "var")
    init_workspace(space)
    space.settings.write_text(
        space.settings.read_text().replace("refits = 8", "refits = 2").replace("folds = 4", "folds = 1")
    )
    report, training, _, _ = flows.demo(space.root, LEADS, 1, work.AS_OF, work.LOADED_AT)
    Registry(space).apply(training.version, Decision(True, "champion", True, ("for this test",)))
    done = flows.score(space.root, work.AS_OF)
    kept = {"report": report, "training": training, "scores": done.scores, "exported": done.folder}
    return SimpleNamespace(space=space, source=space.root / "simulated", **kept)


def of_this_company(client, company):
    """Its flow runs: the same server heard of others too, among them some that were killed."""
    return [run for run in client.read_flow_runs() if str(company.space.root) in str(run.parameters)]


def settled(read):
    """What the server says once it has heard of everything: task runs arrive after their flow."""
    for _ in range(100):
        runs = read()
        if runs and all(run.state and run.state.is_final() for run in runs):
            return runs
        time.sleep(0.1)
    return pytest.fail(f"not final: {[(r.name, r.state_name) for r in runs]}")


def test_every_flow_and_task_run_ends_completed_under_a_telling_name(company, client):
    flow_runs = settled(lambda: of_this_company(client, company))
    ours = {run.id for run in flow_runs}
    task_runs = settled(lambda: [run for run in client.read_task_runs() if run.flow_run_id in ours])
    assert {run.name for run in flow_runs} >= {
        f"demo with {LEADS} leads",
        f"ingest canonical from {company.source}",
        f"train as of {work.AS_OF}",
        f"score {work.AS_OF}",
    }
    assert {run.name for run in task_runs} >= {
        "ingest canonical",
        f"train as of {work.AS_OF}",
        f"score {work.AS_OF} by champion",
    }
    assert {run.state_name for run in (*flow_runs, *task_runs)} == {"Completed"}


def test_where_data_come_from_is_kept_without_its_password(company, client):
    """The path is a secret parameter, since it may be a database's address; what is shown goes without the password."""
    given = [run.parameters for run in client.read_flow_runs() if run.name.startswith("ingest")]
    assert given
    assert all(set(str(parameters["path"])) == {"*"} for parameters in given)
    assert without_password("postgresql+psycopg://ann:s3:cr@t@db:5432/crm") == "postgresql+psycopg://db:5432/crm"
    assert without_password("postgresql://db/crm?user=ann&password=s3cret") == "postgresql://db/crm"
    assert without_password("postgresql://ann:s3?cr@t@db/crm") == "postgresql://..."
    assert without_password("postgresql://db/crm?user=ann&password=s3cr@t") == "postgresql://..."
    assert without_password("exports/ann@home") == "exports/ann@home"


def test_artifacts_tell_what_came_of_it(company, client):
    found = {a.key: a for a in sorted(client.read_artifacts(), key=lambda a: a.created)}  # others used the server too
    assert found.keys() >= {"ingest", "candidates", "training", "routes", "capacity", "export", "report"}
    rows = {row["table"]: row for row in json.loads(found["ingest"].data)}
    assert rows["leads"]["stored"] == LEADS
    assert company.training.version.run_id in found["training"].data
    assert sum(row["leads"] for row in json.loads(found["routes"].data)) == len(company.scores)
    assert str(company.exported) in found["export"].data


def test_no_personal_data_in_what_prefect_keeps(company, client):
    kept = json.dumps([r.model_dump(mode="json") for r in (*client.read_flow_runs(), *client.read_artifacts())])
    for name, columns in (("accounts", ["name"]), ("leads", ["name", "email", "phone"])):
        texts = pd.read_csv(company.source / f"{name}.csv")[columns].stack()
        assert [text for text in texts if text in kept] == []


def test_scoring_twice_gives_the_same_bytes(company, flows):
    once = work.exports(company.space.root)
    flows.score(company.space.root, work.AS_OF)
    assert work.exports(company.space.root) == once


PLAIN_MLFLOW = """
import os, sys, warnings
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
import mlflow, pandas as pd
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model("models:/lead-readiness@champion")
matrix = pd.read_parquet(sys.argv[2])
pd.DataFrame({"p": model.predict(matrix)[:, 1]}).to_parquet(sys.argv[3])
"""


def test_a_fresh_process_with_plain_mlflow_predicts_what_was_published(company, tmp_path):
    from data.agreement.file import all_versions, pick
    from data.cohorts import open_leads
    from data.warehouse import Warehouse
    from features.matrix import build_matrix

    registry = Registry(company.space)
    with Warehouse.open(company.space.warehouse) as warehouse:
        agreement = pick(all_versions(company.space.agreements), work.AS_OF)
        index = open_leads(warehouse, work.AS_OF, agreement.recycle.cool_off_days, agreement.recycle.never)
        matrix = build_matrix(warehouse, index, agreement, names=registry.champion().features)
    matrix.drop(columns=["lead_id", "as_of", "house"]).to_parquet(tmp_path / "matrix.parquet")
    files = [str(tmp_path / "matrix.parquet"), str(tmp_path / "p.parquet")]
    # its models import our own steps: from the checkout, as a service would have leadready installed
    subprocess.run([sys.executable, "-c", PLAIN_MLFLOW, registry.uri, *files], check=True, capture_output=True)
    found = pd.Series(pd.read_parquet(files[1])["p"].to_numpy(), matrix["lead_id"])
    published = pd.read_parquet(company.exported / "scores.parquet").set_index("lead_id")["probability"]
    assert published.notna().all()
    pd.testing.assert_series_equal(found[published.index], published, check_names=False, rtol=0, atol=1e-12)


def runs_of(client, flow_name):
    """The latest flow run of that name and its task runs, once final."""
    from prefect.client.schemas.filters import FlowRunFilter

    flow_run = max((r for r in client.read_flow_runs() if r.name == flow_name), key=lambda r: r.created)
    own = FlowRunFilter.model_validate({"id": {"any_": [flow_run.id]}})
    return flow_run, settled(lambda: client.read_task_runs(flow_run_filter=own))


@pytest.fixture
def waits(company):
    """Let commands wait so many seconds for the warehouse."""
    settings, before = company.space.settings, company.space.settings.read_text()
    yield lambda seconds: settings.write_text(before.replace("wait_s = 60", f"wait_s = {seconds}"))
    settings.write_text(before)


def test_a_held_warehouse_is_waited_for_and_then_said_to_be_busy(company, flows, client, waits):
    waits(0.5)
    as_of = work.AS_OF.replace(hour=1)
    with work.held(company.space.root), pytest.raises(BusyError, match=r"that is running .*, after 0.5 s of waiting"):
        flows.score(company.space.root, as_of)
    flow_run, (task_run,) = runs_of(client, f"score {as_of}")
    assert (flow_run.state_name, task_run.state_name, task_run.run_count) == ("Failed", "Failed", 1)


def test_a_task_that_waited_keeps_the_moment_at_which_its_flow_began(company, flows, client, monkeypatch):
    """The warehouse is taken away between the look at the clock and the scoring, and given back while that waits."""
    began, settle, settled_at = now(), flows.settle_task, []
    with ExitStack() as stack:

        def settle_and_hold(*arguments):
            settled_at.append(settle(*arguments))
            release = stack.enter_context(work.held(company.space.root))
            threading.Timer(1.5, release).start()
            return settled_at[0]

        monkeypatch.setattr(flows, "settle_task", settle_and_hold)
        done = flows.score(company.space.root)
    assert began <= settled_at[0] == done.fresh.as_of
    assert set(done.scores["as_of"]) == {pd.Timestamp(settled_at[0])}
    flow_run, task_runs = runs_of(client, "score now")
    assert flow_run.state_name == "Completed"
    assert {run.name: run.run_count for run in task_runs}[f"score {settled_at[0]} by champion"] == 1


def test_what_waiting_does_not_mend_is_not_retried(company, flows, client, monkeypatch):
    from data.errors import DataError

    as_of = work.AS_OF.replace(year=2020)
    with pytest.raises(DataError, match="expected open leads"):
        flows.score(company.space.root, as_of)
    _, (task_run,) = runs_of(client, f"score {as_of}")
    assert (task_run.state_name, task_run.run_count) == ("Failed", 1)


def test_an_interrupted_training_leaves_no_version_and_the_next_one_works(company):
    """Killed when its model has been written: a run without a version; the champion stays. A soak kills it anywhere."""
    root = company.space.root
    before = Registry(company.space).aliases()
    work.run_until("models.registry.client.register", "train", root)
    registry = Registry(company.space)
    assert registry.aliases() == before
    with pytest.raises(Exception, match="expected one of"):
        registry.load(company.training.version.version + 1)
    work.train(root)
    again = registry.load(company.training.version.version + 1)
    assert again.tags["model_hash"] == company.training.version.tags["model_hash"]
    assert set(registry.runs()["status"]) >= {"FINISHED"}


def leadready(url, *words):
    environment = {**os.environ, "PREFECT_API_URL": url}
    return subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *map(str, words)], capture_output=True, text=True, env=environment
    )


def test_the_command_runs_on_the_server_named(company, client, prefect_url):
    as_of = work.AS_OF.replace(hour=3)
    done = leadready(prefect_url, "score", "--as-of", as_of.isoformat(), "-w", company.space.root, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["as_of"] == as_of.isoformat()
    flow_run, task_runs = runs_of(client, f"score {as_of}")
    assert {flow_run.state_name, *(t.state_name for t in task_runs)} == {"Completed"}


def test_an_error_inside_a_flow_is_one_plain_line(company, prefect_url):
    done = leadready(prefect_url, "score", "--as-of", "2020-01-01", "-w", company.space.root)
    assert (done.returncode, done.stdout) == (11, "")
    said = [line for line in done.stderr.splitlines() if not line.startswith("[")]
    assert len(said) == 1, done.stderr
    assert said[0].startswith("leadready: scoring as of 2020-01-01 00:00: expected open leads, got none")


@pytest.mark.parametrize("user", ["", "ann:s3cret@", "ann:s3/cret@"])
def test_a_server_that_does_not_answer_is_a_plain_error(company, user):
    done = leadready(f"http://{user}127.0.0.1:9/api", "score", "-w", company.space.root)
    assert done.returncode == 10
    assert "reaching the Prefect server: expected an answer at http://127.0.0.1:9/api" in done.stderr
    assert "cret" not in done.stderr
    assert "Traceback" not in done.stderr
