"""The weekly run on a real Prefect server, deployed by the written prefect.yaml, with and without a person."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from data.opened import open_workspace
from data.workspace import Workspace
from models.registry.client import Registry
from pipelines.jobs.ingest import ingest_batch
from pipelines.jobs.start import init_workspace
from tests.flows import work
from tests.flows.served import leadready, started, wait_for

pytestmark = pytest.mark.soak  # a server, a worker, and two trainings
CHECKOUT = Path(__file__).parents[2]


def test_a_better_model_waits_for_a_person_or_is_put_into_use(prefect, tmp_path):
    for name in ("prefect.yaml", "pipelines"):
        (tmp_path / name).symlink_to(CHECKOUT / name)
    space = Workspace(tmp_path / "var")  # as prefect.yaml names it
    init_workspace(space)
    ingest_batch(
        open_workspace(space.root), "canonical", str(work.write_company(tmp_path / "a", 1500, seed=3)), work.LOADED_AT
    )
    registry = Registry(space)

    space.settings.write_text('[training]\nfolds = 1\nrefits = 2\npromote = "ask"\n')
    asked = leadready(prefect, "weekly", "-w", space.root)
    assert asked.returncode == 0, asked.stderr
    assert (registry.aliases(), registry.waiting()) == ({"challenger": 1}, 1)
    assert "version 1" in (listed := leadready(prefect, "runs", "-w", space.root).stdout), listed
    assert "waits" in listed

    space.settings.write_text('[training]\nfolds = 1\nrefits = 2\npromote = "auto"\n')
    environment = prefect.environment | {"PWD": str(tmp_path), "PYTHONPATH": str(CHECKOUT)}
    for words in (("work-pool", "create", "leadready", "--type", "process"), ("--no-prompt", "deploy", "--all")):
        done = subprocess.run(
            [sys.executable, "-m", "prefect", *words], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    deployed = {d["name"]: d for d in prefect.ask("/deployments/filter", limit=10)}
    assert deployed.keys() == {"daily", "weekly"}
    run = prefect.ask(f"/deployments/{deployed['weekly']['id']}/create_flow_run", state={"type": "SCHEDULED"})
    with started(environment, "prefect", "worker", "start", "--pool", "leadready"):
        ended = wait_for(lambda: (r := prefect.ask(f"/flow_runs/{run['id']}"))["end_time"] and r)
    assert ended["state_type"] == "COMPLETED", ended["state"]["message"]
    assert registry.aliases()["champion"] == 2
    assert registry.waiting() is None
    last = json.loads(space.runs.read_text().splitlines()[-1])
    assert (last["run"], last["outcome"], last["what"]) == ("weekly", "done", "version 2: champion")
    [move] = registry.moves()
    assert (move.how, move.to) == ("training", 2)
