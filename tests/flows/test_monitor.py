"""Monitoring in the daily run: broken data are not scored on, people hear of it once, and all is kept and shown."""

import json
import os
from datetime import timedelta

import pytest

from data.errors import BrokenDataError
from data.opened import open_workspace
from data.workspace import Workspace
from pipelines.cli import running
from pipelines.jobs.monitor import find_broken, monitor_workspace
from pipelines.jobs.score import score_open_leads
from pipelines.jobs.start import init_workspace
from tests.flows import work
from tests.unit.pipelines.test_notify import webhook

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """A workspace that was loaded and scored on two days four weeks apart."""
    folder = tmp_path_factory.mktemp("monitor")
    space = Workspace(folder / "var")
    init_workspace(space)
    opened = open_workspace(space.root)
    work.ingest(space.root, work.write_company(folder / "files", 200))
    for days in (28, 0):
        score_open_leads(opened, work.AS_OF - timedelta(days=days))
    return space.root


def test_what_is_found_is_kept_once_and_said_to_people_and_machines(scored):
    opened = open_workspace(scored)
    done = monitor_workspace(opened, work.AS_OF)
    again = monitor_workspace(opened, work.AS_OF)
    assert [f.key for f in done.findings] == [f.key for f in again.findings]
    with opened.warehouse() as warehouse:
        kept = warehouse.frame("SELECT * FROM watched")
    assert len(kept) == len(done.findings)
    assert {"drift", "freshness", "volume", "outside"} <= set(kept["kind"])
    drift = [f for f in done.findings if f.kind == "drift"]
    assert {f.about.partition(", ")[2] for f in drift} == {"all leads", "new leads"}
    assert all(f.value == f.value for f in drift)
    page = done.page.read_text()
    assert "Do leads and scores look as they did?" in page
    metrics = done.metrics.read_text()
    assert 'leadready_finding{kind="freshness",about="touches"}' in metrics
    assert "leadready_open_leads{route=" in metrics
    assert json.dumps(done.report.facts)


def test_the_daily_run_does_not_score_on_broken_data_and_tells_once(scored, monkeypatch):
    """The clock of today is months after the newest touch."""
    with webhook() as (address, posts):
        monkeypatch.setenv("HOOK", address)
        settings = scored / "settings.toml"
        settings.write_text('[notify]\nwebhook = "$HOOK"\n')
        flows = running.find_flows(scored)
        before = sorted(os.listdir(scored / "exports"))
        for _ in range(2):
            with pytest.raises(BrokenDataError, match="looking at what came in before scoring"):
                flows.daily(scored)
        assert sorted(os.listdir(scored / "exports")) == before
        events = [body["event"] for _, body in posts]
        assert len(events) == len(set(events))
        assert "freshness: touches" in events
        assert not [e for e in events if e.startswith("failure: daily: looking")], "one fault, one message"
        settings.write_text('[notify]\nwebhook = "$HOOK"\n[monitor]\nblocks = false\n')
        flows.daily(scored)
        assert len(os.listdir(scored / "exports")) > len(before)


def test_a_missed_day_is_judged_by_what_was_known_then(scored):
    """So a day on which the data were broken gets no scores afterwards, and the whole days around it do."""
    settings = scored / "settings.toml"
    settings.unlink(missing_ok=True)
    opened = open_workspace(scored)
    assert find_broken(opened, work.AS_OF) == []
    assert {f.key for f in find_broken(opened, work.AS_OF + timedelta(days=60))} >= {"freshness: touches"}
    settings.write_text("[monitor]\nblocks = false\n")
    assert find_broken(open_workspace(scored), work.AS_OF + timedelta(days=60)) == []


def test_broken_data_are_said_by_the_command_and_its_exit_code(scored):
    from typer.testing import CliRunner

    from pipelines.cli import app

    result = CliRunner().invoke(
        app, ["monitor", "-w", str(scored), "--as-of", str(work.AS_OF + timedelta(days=60)), "--json"]
    )
    assert result.exit_code == 16, result.output
    facts = json.loads(result.stdout)
    assert facts["tier"] == "block"
    assert {"key": "freshness: touches", "tier": "block"}.items() <= next(
        f for f in facts["findings"] if f["key"] == "freshness: touches"
    ).items()
