"""What is old goes, what later work reads stays, and whatever it is killed at, the next one completes it."""

import json
import random
import shutil
from datetime import datetime, timedelta

import pandas as pd
import pytest

from data import retention
from data.cohorts import handed_off
from data.errors import DataError
from data.opened import open_workspace
from data.retention import shrink
from data.warehouse import Warehouse
from data.workspace import Workspace
from models.registry.history import Move
from models.rows.dataset import build_training_set
from pipelines.jobs.calls import find_calls
from pipelines.jobs.ingest import ingest_batch
from pipelines.jobs.replay import replay_scores
from pipelines.jobs.schedule import find_missed
from pipelines.jobs.score import score_open_leads
from pipelines.jobs.start import init_workspace
from pipelines.jobs.tidy import tidy
from serving.exploration import earlier_draws
from serving.overrides import note_override
from serving.sinks.files import published_days
from tests.flows import work

pytestmark = pytest.mark.slow
NOW = work.AS_OF + timedelta(hours=12)
MOMENTS = [work.AS_OF - timedelta(days=days) for days in (70, 66, 63, 31, 2, 1, 0)]
ALL = ["scores", "exports", "quarantine", "batches", "reports", "runs", "monitoring", "trainings"]


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """A workspace with exploration, an override and scorings of two months."""
    root = tmp_path_factory.mktemp("tidy") / "var"
    init_workspace(Workspace(root))
    agreement = root / "agreements" / "2000-01-01.toml"
    agreement.write_text(agreement.read_text().replace("[exploration]\nshare = 0", "[exploration]\nshare = 0.3"))
    opened = open_workspace(root)
    work.ingest(root, work.write_company(root.parent / "source", 300, spoiled=True))
    with opened.warehouse() as warehouse:
        lead = warehouse.scalar("SELECT min(lead_id) FROM leads")
        note_override(warehouse, lead, "nurture", "met", "ann", MOMENTS[0] - timedelta(days=1), NOW)
    for moment in MOMENTS:
        score_open_leads(opened, moment)
    return root


@pytest.fixture
def var(scored, tmp_path, monkeypatch):
    monkeypatch.setattr(retention, "KEPT", 2)
    return shutil.copytree(scored, tmp_path / "var", symlinks=True)


def keep(var, **days):
    """Set what is kept for how many days."""
    text = "[retention]\n" + "".join(f"{name}_days = {of}\n" for name, of in days.items())
    (var / "settings.toml").write_text(text)
    return open_workspace(var)


def looks_back(var):
    """What later work reads of old scores."""
    opened = open_workspace(var)
    with opened.warehouse() as warehouse:
        hand_offs = warehouse.rows(f"FROM ({handed_off(warehouse)}) ORDER BY ALL")
        draws = earlier_draws(warehouse, NOW).to_dict("list")
        trained = build_training_set(warehouse, opened.settings, opened.agreement_at(NOW), NOW)[0]
        overridden = warehouse.rows("SELECT s.* FROM scores s SEMI JOIN overrides USING (lead_id) ORDER BY ALL")
    return hand_offs, draws, trained.X.to_csv(), overridden


def test_nothing_goes_unless_the_settings_say_so(var):
    before = work.state(var)
    done = tidy(open_workspace(var), datetime(2099, 1, 1))
    assert (done.gone, list(done.kept)) == ({}, ALL)
    assert work.differences(work.state(var), before) == []


def test_old_scores_go_but_for_those_that_later_work_reads(var):
    before, rows = looks_back(var), count(var, "scores")
    kept = count(var, "scores WHERE as_of >= '2025-11-14'")
    done = tidy(keep(var, scores=32), NOW)
    assert done.gone == {"scores": rows - count(var, "scores")}
    assert kept < count(var, "scores") < rows
    assert count(var, "scores WHERE as_of >= '2025-11-14'") == kept
    assert looks_back(var) == before
    assert sorted(p.name for p in (var / "exports").iterdir() if p.is_symlink()) == [
        f"{m:%Y-%m-%d}" for m in MOMENTS[3:]
    ]


def test_what_was_thinned_is_no_missed_day_and_no_whole_scoring(var):
    with open_workspace(var).warehouse() as warehouse:
        before = published_days(warehouse)
    opened = keep(var, scores=32)
    tidy(opened, NOW)
    with opened.warehouse() as warehouse:
        assert published_days(warehouse) == before
    assert {f"{m:%Y-%m-%d}" for m in find_missed(opened, NOW)} & set(before) == set()
    with pytest.raises(DataError, match=r"got one whose scores `leadready tidy` removed; name one of 2025-11-14"):
        replay_scores(opened, MOMENTS[0])
    with pytest.raises(DataError, match="expected scores of"):
        find_calls(opened, MOMENTS[1])


def test_newer_scorings_are_replayed_to_the_last_bit(var):
    tidy(keep(var, scores=32), NOW)
    for moment in MOMENTS[3:]:
        replayed = replay_scores(open_workspace(var), moment)
        assert replayed.equal == replayed.rows > 0


def test_a_thinned_moment_that_is_scored_again_is_whole_again(var):
    before = count(var, f"scores WHERE as_of = '{MOMENTS[0]}'")
    opened = keep(var, scores=32)
    tidy(opened, NOW)
    score_open_leads(opened, MOMENTS[0])
    assert count(var, f"scores WHERE as_of = '{MOMENTS[0]}'") == before
    assert (var / "exports" / f"{MOMENTS[0]:%Y-%m-%d}" / "scores.csv").is_file()


def test_the_newest_scorings_stay_however_old_they_are(var):
    tidy(keep(var, scores=30, exports=30), datetime(2099, 1, 1))
    links = sorted(p.name for p in (var / "exports").iterdir() if p.is_symlink())
    assert links == [f"{m:%Y-%m-%d}" for m in MOMENTS[-2:]]
    assert replay_scores(open_workspace(var), MOMENTS[-1]).rows > 0


def test_exports_go_and_their_scores_stay(var):
    rows = count(var, "scores")
    done = tidy(keep(var, exports=32), NOW)
    assert done.gone == {"exports": 3}
    assert count(var, "scores") == rows
    assert len([p for p in (var / "exports").iterdir() if p.is_symlink()]) == len(MOMENTS) - 3
    assert len([*(var / "exports" / ".published").iterdir()]) == len(MOMENTS) - 3
    assert replay_scores(open_workspace(var), MOMENTS[0]).equal > 0
    work.forget(var, work.KEPT)  # which publishes again what has files
    assert len([p for p in (var / "exports").iterdir() if p.is_symlink()]) == len(MOMENTS) - 3


def test_records_of_loads_that_brought_nothing_go(var):
    source = var.parent / "again"
    work.write_company(source, 300)
    for day in (1, 2, 40):
        for name in ("leads", "calls"):
            moment = work.LOADED_AT + timedelta(days=day)
            ingest_batch(open_workspace(var), "canonical", str(source / f"{name}.csv"), moment)
    loads, rejected = count(var, "batches"), count(var, "quarantine")
    done = tidy(keep(var, batches=30, quarantine=30), work.LOADED_AT + timedelta(days=45))
    assert done.gone["quarantine"] == rejected > 0
    assert done.gone["batches"] > 0
    assert count(var, "batches") == loads - done.gone["batches"]
    with open_workspace(var).warehouse() as warehouse:
        assert warehouse.scalar("SELECT max(loaded_at) FROM batches") == work.LOADED_AT + timedelta(days=40)
        assert warehouse.scalar("SELECT sum(stored) FROM batches") > 0
    opened = keep(var, batches=30, quarantine=30)
    assert tidy(opened, work.LOADED_AT + timedelta(days=45)).gone["batches"] == 0


def test_reports_logs_and_lines_of_runs_go(var):
    for name in ("2025-09-01", "2025-12-14", "lists-2025-09-01", "mine"):
        (var / "reports" / name).mkdir()
    (var / "logs").mkdir(exist_ok=True)
    for day in ("2025-09-01", "2025-12-14"):
        (var / "logs" / f"{day}T050000.000000-daily.log").write_text("x")
    lines = [json.dumps({"started": f"{day} 05:00:00"}) for day in ("2025-09-01", "2025-12-14")]
    (var / "runs.jsonl").write_text("\n".join([*lines, "a line of no kind"]) + "\n")
    done = tidy(keep(var, reports=30, runs=30), NOW)
    assert done.gone == {"reports": 1, "runs": 2}
    assert sorted(p.name for p in (var / "reports").iterdir()) == ["2025-12-14", "lists-2025-09-01", "mine"]
    assert (var / "runs.jsonl").read_text().splitlines() == [lines[1], "a line of no kind"]


def test_runs_of_mlflow_go_with_their_files_and_versions_unless_something_rests_on_them(var):
    from models.registry.client import Registry

    registry = Registry(Workspace(var))
    table = {"t": pd.DataFrame({"a": [1]})}
    old = registry.log_report("backtest", "old", {}, {}, table, {})
    client = registry._mlflow().MlflowClient()
    client.create_registered_model("lead-readiness")
    trained = [registry.log_report("training", f"trained {n}", {}, {}, table, {}) for n in range(4)]
    for run in trained:
        client.create_model_version("lead-readiness", f"runs:/{run}/model", run)
    client.set_registered_model_alias("lead-readiness", "challenger", "1")
    registry._move(client, Move(2, None, "promote", "2026-01-01T00:00:00"))
    client.set_registered_model_alias("lead-readiness", "champion", "1")  # the second was in use
    with open_workspace(var).warehouse() as warehouse:
        warehouse.execute("UPDATE scores SET model_version = '3' WHERE as_of = $1", [MOMENTS[-1]])
    part = client.create_run(registry._experiment(registry._mlflow()), tags={"mlflow.parentRunId": trained[0]})
    at_work = client.create_run(registry._experiment(registry._mlflow()))
    client.set_terminated(part.info.run_id)
    assert tidy(keep(var, trainings=30), datetime.now()).gone == {"trainings": 0}
    done = tidy(keep(var, trainings=30), datetime(2099, 1, 1))
    assert done.gone == {"trainings": 2}
    assert not (var / "artifacts" / old).exists()
    assert not (var / "artifacts" / trained[3]).exists()
    left = {run.info.run_id for run in client.search_runs([at_work.info.experiment_id], run_view_type=3)}
    assert left == {*trained[:3], part.info.run_id, at_work.info.run_id}
    assert sorted(int(v.version) for v in client.search_model_versions("name = 'lead-readiness'")) == [1, 2, 3]
    later = client.create_model_version("lead-readiness", f"runs:/{trained[0]}/model", trained[0])
    assert int(later.version) == 5, "a number that was given once is not given again"


STEPS = ["serving.sinks.files.finish", "pipelines.jobs.tidy._drop_reports", "pipelines.jobs.tidy.shrink"]


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_named_step_the_next_one_completes_it(var, step, monkeypatch):
    for day in ("2025-09-01", "2025-12-14"):
        (var / "reports" / day).mkdir()
    keep(var, scores=32, exports=32, reports=30)
    other = shutil.copytree(var, var.with_name("other"), symlinks=True)
    work.run("tidy", other)
    work.run_until(step, "tidy", var)
    work.run("tidy", var)
    assert work.differences(work.state(var), work.state(other)) == []
    assert [p.name for p in (var / "reports").iterdir()] == [p.name for p in (other / "reports").iterdir()]
    assert not (var / "reports" / "2025-09-01").exists()


@pytest.mark.parametrize("kills", [2, pytest.param(15, marks=pytest.mark.soak)])
def test_kills_at_random_moments(scored, var, kills):
    """What the next one leaves is what one that nobody disturbed leaves."""

    def there():
        reports = [p.name for p in (var / "reports").iterdir()]
        return work.state(var) | {"page": work.readers_see(var)["page"], "reports": sorted(reports)}

    def begin():
        shutil.rmtree(var)
        shutil.copytree(scored, var, symlinks=True)
        for day in ("2025-09-01", "2025-12-14"):
            (var / "reports" / day).mkdir()
        keep(var, scores=32, exports=32, reports=30)

    begin()
    before = there()
    seconds, rng, hit = work.run("tidy", var), random.Random(9), 0
    ends, day = there(), work.readers_see(var)
    assert {"scores", "reports"} <= set(work.differences(ends, before))
    for i in range(kills):
        begin()
        after_s = (i + rng.random()) / kills * seconds
        hit += work.run_and_kill("tidy", var, after_s=after_s)
        assert work.readers_see(var) == day
        work.run("tidy", var)
        assert work.differences(there(), ends) == [], f"tidy killed after {after_s:.3f} s"
    work.say("tidy", kills, hit)
    assert hit


def test_a_file_that_is_mostly_empty_is_written_anew(tmp_path):
    path = tmp_path / "w.duckdb"
    with Warehouse.open(path) as warehouse:
        warehouse.execute("CREATE TABLE big AS SELECT range AS n, hash(range) AS h FROM range(4_000_000)")
    full = path.stat().st_size
    assert shrink(path, 0) == 0
    with Warehouse.open(path) as warehouse:
        warehouse.execute("DELETE FROM big WHERE n > 1000")
    assert path.stat().st_size >= full
    assert shrink(path, 0) > full / 2
    assert path.stat().st_size < full / 2
    with Warehouse.open(path) as warehouse:
        assert warehouse.scalar("SELECT count(*) FROM big") == 1001


def count(var, what):
    with Warehouse.open(var / "warehouse.duckdb") as warehouse:
        return warehouse.scalar(f"SELECT count(*) FROM {what}")
