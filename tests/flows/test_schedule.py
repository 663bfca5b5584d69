"""The schedule on a real Prefect server with a real worker: deployed by one command, seen finished through the API."""

import json
import shutil
import sys
from datetime import timedelta

import pandas as pd
import pytest

from data.opened import open_workspace
from data.workspace import Workspace
from pipelines.jobs.ingest import ingest_batch
from pipelines.jobs.score import score_open_leads
from pipelines.jobs.start import init_workspace
from pipelines.moment import now
from pipelines.runs import read_runs
from tests.flows import work
from tests.flows.served import leadready, started, wait_for

pytestmark = pytest.mark.slow  # a server, a worker, and a minute until the schedule is due


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    """A company that was last scored four days ago; this morning's export has one more lead, which came in then."""
    folder, clock = tmp_path_factory.mktemp("schedule"), now()
    space = Workspace(folder / "var")
    init_workspace(space)
    source, opened = work.write_company(folder / "old", 150), open_workspace(space.root)
    ingest_batch(opened, "canonical", str(source), clock - timedelta(days=5))
    score_open_leads(opened, clock - timedelta(days=4))
    today = shutil.copytree(source, folder / "today")
    late = pd.read_csv(today / "leads.csv", dtype=str).tail(1).drop(columns="known_at")
    created_at = f"{clock - timedelta(days=4):%Y-%m-%d %H:%M}"
    late.assign(lead_id="L9", created_at=created_at).to_csv(today / "leads.csv", index=False)
    settings = [
        "[monitor]",
        "blocks = false",
        "[schedule]",
        'daily = "* * * * *"',
        "[schedule.sources]",
        f"canonical = {json.dumps(str(today))}",
    ]
    space.settings.write_text("\n".join(settings))
    return space


def test_one_command_deploys_a_schedule_that_runs_and_makes_up_for_missed_days(prefect, space):
    for _ in range(2):  # again, it updates
        deployed = leadready(prefect, "deploy", "-w", space.root, "--json")
        assert deployed.returncode == 0, deployed.stderr
    due = {row["deployment"]: row["cron"] for row in json.loads(deployed.stdout)}
    assert due == {"daily/leadready": "* * * * *", "weekly/leadready": "0 3 * * 0"}

    def ended():
        found = prefect.ask("/flow_runs/filter", deployments={"name": {"any_": ["leadready"]}}, limit=200)
        return [run for run in found if run["state_type"] in ("COMPLETED", "FAILED", "CRASHED")]

    with started(prefect.environment, "prefect", "worker", "start", "--pool", "leadready"):
        (first, *_) = wait_for(ended)
    assert (first["state_type"], first["auto_scheduled"]) == ("COMPLETED", True), first["state"]["message"]

    runs = [json.loads(line) for line in space.runs.read_text().splitlines()]  # in the order in which they ended
    runs = runs[: [run["run"] for run in runs].index("daily") + 1]  # the next may have begun
    assert [run["run"] for run in runs] == ["ingest", *["score"] * 4, "report", "monitor", "daily"]
    assert {run["outcome"] for run in runs} == {"done"}
    today = now().date()
    missed = [f"{today - timedelta(days=n)} 23:59" for n in (3, 2, 1)]
    assert [run["what"].partition(" as of ")[2] for run in runs[1:4]] == missed
    with open_workspace(space.root).warehouse() as warehouse:
        found = dict(warehouse.rows("SELECT as_of::VARCHAR, bool_or(lead_id = 'L9') FROM scores GROUP BY as_of"))
    assert [found.pop(f"{moment}:00") for moment in missed] == [False] * 3  # it was not known then
    assert found[max(found)]
    assert (space.reports / str(today) / "report.html").is_file()


def test_another_workspace_does_not_take_the_name(prefect, space, tmp_path):
    init_workspace(Workspace(tmp_path / "other"))
    said = leadready(prefect, "deploy", "-w", tmp_path / "other")
    assert said.returncode == 10
    assert f"expected a free name, got daily/leadready of the workspace {space.root}" in said.stderr


def test_what_fails_stops_nothing_else_and_reaches_a_person(prefect, space, tmp_path):
    told = tmp_path / "told"
    command = f"{sys.executable} -c 'import sys; open(sys.argv[1], \"a\").write(sys.stdin.read())' {told}"
    settings = space.settings.read_text().replace("[schedule]\n", f"[schedule]\non_failure = {json.dumps(command)}\n")
    space.settings.write_text(settings + '\ngone = "$NOWHERE"')
    said = leadready(prefect, "daily", "-w", space.root)
    assert said.returncode == 10
    assert "expected the variable NOWHERE, got none of that name" in said.stderr
    runs = {run["run"]: run for run in reversed(read_runs(space)) if run["outcome"] != "running or killed"}
    assert [runs[name]["outcome"] for name in ("ingest", "score", "report", "daily")] == [
        "done",
        "done",
        "done",
        "failed",
    ]
    assert f"the daily run of {space.root} failed at" in told.read_text()
    assert told.read_text().count("failed at") == 1
    assert "- reading [schedule.sources], gone: expected the variable NOWHERE" in told.read_text()
    assert "going on with the rest" in (space.root / runs["daily"]["log"]).read_text()
