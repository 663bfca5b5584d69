"""The doctor finds every fault that is planted, says what helps, and mends only what it is asked to."""

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import closing
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest

from data.opened import OpenWorkspace
from data.workspace import Workspace
from models.registry.store import make_store
from pipelines.doctor import folders, machine
from pipelines.doctor.finding import Visit
from pipelines.jobs.doctor import CHECKS, MENDS, examine
from tests.flows import work
from tests.network import Network
from tests.server import PASSWORD

pytestmark = pytest.mark.slow  # some minutes; CI runs it, `make test` does not

NOW = datetime(2026, 1, 10)
LATER = datetime(2099, 1, 1)
FINE_OR = {"packages", "space"}
"""Checks that say how the machine of the tests is, which nobody answers for here."""


@pytest.fixture(autouse=True)
def _no_servers(monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.delenv("LEADREADY_MLFLOW", raising=False)


@pytest.fixture
def var(var):
    """A workspace in order: its schedule is not due before the next leap day."""
    settings = var / "settings.toml"
    settings.write_text(settings.read_text().replace('daily = "0 5 * * *"', 'daily = "0 5 29 2 *"'))
    return var


def said(var, check, mend=False, clock=NOW):
    found = examine(Workspace(var), clock, mend)
    others = {n: one for n, one in found.findings.items() if one.state == "broken" and n not in (check, *FINE_OR)}
    assert not others
    return SimpleNamespace(**vars(found.findings[check]), exit=found.code, mended=check in found.mended)


def snapshot(var):
    return {p: (p.lstat().st_mtime_ns, p.lstat().st_mode, p.is_file() and p.read_bytes()) for p in var.rglob("*")}


def sql(var, *statements):
    with duckdb.connect(var / "warehouse.duckdb") as connection:
        for statement in statements:
            connection.execute(statement)


def test_a_workspace_in_order_is_fine_and_nothing_is_changed(var):
    before = snapshot(var)
    found = examine(Workspace(var), NOW)
    assert {n: one for n, one in found.findings.items() if one.state != "fine" and n not in FINE_OR} == {}
    assert (list(found.findings), found.mended) == (["workspace", *CHECKS], {})
    assert snapshot(var) == before


def test_to_mend_what_is_in_order_changes_nothing(var):
    before = work.state(var)
    examine(Workspace(var), NOW, mend=True)
    assert work.differences(work.state(var), before) == []


def test_the_command_prints_a_line_a_check_and_ends_with_the_worst_code(leadready, var):
    (var / "exports" / "2025-12-01" / "scores.parquet").write_bytes(b"")
    (var / "agreements" / "2000-01-01.toml").write_text("name = 1")
    printed = leadready("doctor", "-w", var)
    assert printed.code == 11  # data before configuration
    lines = printed.out.splitlines()
    assert lines[0].split() == ["check", "state", "found"]
    assert {line.split()[0] for line in lines if " broken " in line} == {"agreements", "exports"}
    assert "exports: run `leadready doctor --mend`" in printed.out
    facts = json.loads(leadready("doctor", "-w", var, "--json").out)
    assert facts["exit_code"] == 11
    assert {f["check"]: f["code"] for f in facts["findings"] if f["state"] == "broken"} == {
        "agreements": 10,
        "exports": 11,
    }
    assert (
        leadready("doctor", "-w", var, "--mend").out.count("mended exports: exports that are not what was scored") == 1
    )


def test_a_workspace_is_kept_by_a_relative_path_too(leadready, var, monkeypatch):
    """As everybody types it, where models are in MLflow's store."""
    make_store(var / "mlflow.db", (var / "artifacts").as_uri())
    monkeypatch.chdir(var.parent)
    assert leadready("backup", "b.tar.zst", "-w", "var").code == 0
    assert leadready("restore", "b.tar.zst", "-w", "again").code == 0
    assert leadready("restore", "b.tar.zst", "-w", "var", "--replace").code == 0
    assert leadready("forgotten", "f.json", "-w", "again").code == 0
    assert leadready("tidy", "-w", "again").code == 0
    found = examine(Workspace(Path("again")), NOW, mend=True).findings
    assert {name for name, one in found.items() if one.state == "broken"} <= FINE_OR
    assert work.differences(work.state(var), work.state(var.parent / "again")) == []


def test_a_folder_that_is_no_workspace_is_broken(leadready, tmp_path):
    printed = leadready("doctor", "-w", tmp_path)
    assert printed.code == 10
    assert "no workspace.toml in it" in printed.out


def test_a_package_of_another_version_is_broken(var, monkeypatch):
    installed = machine._installed
    monkeypatch.setattr(machine, "_installed", lambda name: "1.0" if name == "duckdb" else installed(name))
    found = said(var, "packages")
    assert (found.state, found.exit, found.says) == ("broken", 10, "duckdb 1.0 (wanted ==2.0.0)")
    monkeypatch.setattr(machine, "_installed", lambda name: None if name == "duckdb" else installed(name))
    assert "duckdb is missing" in said(var, "packages").says


def test_a_package_that_was_not_tested_is_to_be_looked_at(var, monkeypatch):
    installed = machine._installed
    monkeypatch.setattr(machine, "_installed", lambda name: "99.0" if name == "typer" else installed(name))
    found = said(var, "packages")
    assert (found.state, found.exit) == ("look", 0)
    assert found.says.startswith("typer 99.0 (tested: ")


def test_an_older_python_is_broken(var, monkeypatch):
    monkeypatch.setattr(machine, "OLDEST", (4, 0))
    assert (said(var, "Python").state, said(var, "Python").exit) == ("broken", 10)


def test_missing_rules_of_time_zones_are_broken(var, monkeypatch):
    def none(name):
        raise machine.ZoneInfoNotFoundError(name)

    monkeypatch.setattr(machine, "ZoneInfo", none)
    found = said(var, "time zones")
    assert (found.state, found.exit, found.do) == ("broken", 10, "install the system's package tzdata")


@pytest.mark.parametrize(("free_mb", "state", "code"), [(1e6, "fine", 0), (300, "look", 0), (10, "broken", 10)])
def test_little_room_is_said(var, monkeypatch, free_mb, state, code):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free_mb * 1e6))
    found = said(var, "space")
    assert (found.state, found.code) == (state, code)


def test_settings_that_cannot_be_read_are_broken(var):
    (var / "settings.toml").write_text("time_zone = 'Mars/Base'")
    found = examine(Workspace(var), NOW)
    assert (found.findings["settings"].state, found.code) == ("broken", 10)
    assert {found.findings[name].state for name in ("tables", "counts", "scores", "exports")} == {"fine"}


def test_an_agreement_that_cannot_be_read_is_broken(var):
    (var / "agreements" / "2001-01-01.toml").write_text("nonsense = 1")
    found = said(var, "agreements")
    assert (found.state, found.exit, "2001-01-01.toml" in found.says) == ("broken", 10, True)


def test_what_others_may_read_is_said_and_taken_from_them_only_when_asked(var):
    (var / "warehouse.duckdb").chmod(0o644)
    (var / "exports").chmod(0o755)
    found = said(var, "permissions")
    assert (found.state, found.exit) == ("look", 0)
    assert "2 files or folders that others may read or write" in found.says
    assert (var / "warehouse.duckdb").stat().st_mode & 0o077
    found = said(var, "permissions", mend=True)
    assert (found.state, found.mended) == ("fine", True)
    assert oct((var / "warehouse.duckdb").stat().st_mode)[-3:] == "600"


def test_what_vanishes_while_it_is_looked_at_is_left_out(var):
    """Another command is at work, and makes and removes files and folders."""
    done = threading.Event()

    def work_on():
        while not done.is_set():
            for number in range(50):
                folder = var / "exports" / f".{number}.making"
                folder.mkdir()
                (folder / "scores.csv").touch()
            for number in range(50):
                shutil.rmtree(var / "exports" / f".{number}.making")

    at_work, visit = threading.Thread(target=work_on), Visit(OpenWorkspace(Workspace(var)), LATER)
    at_work.start()
    try:
        for _ in range(30):
            assert folders.check_permissions(visit).state in ("fine", "look")
            assert folders.check_leftovers(visit).state in ("fine", "look")
    finally:
        done.set()
        at_work.join()


def test_files_of_another_user_are_broken(var, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 4321)
    found = said(var, "permissions")
    assert (found.state, found.exit, "of another user" in found.says) == ("broken", 10, True)


def test_what_was_left_half_made_is_found_and_removed_or_put_back(var):
    """An old one that nothing has replaced is the only one there is."""
    (var / ".settings.toml.0123456789abcdef0123456789abcdef").write_text("half")
    (var / "exports" / ".x.making").mkdir()
    (var / "mappings").mkdir()
    (var / "mappings" / ".crm.old").mkdir()
    (var.parent / ".var.making").mkdir()
    clock = LATER
    settings = var / "settings.toml"
    settings.write_text(settings.read_text().replace("catch_up_days = 7", "catch_up_days = 0"))
    found = said(var, "leftovers", clock=clock)
    assert (found.state, found.exit, found.says.startswith("4 things left half made")) == ("look", 0, True)
    assert said(var, "leftovers").state == "fine", "what is not an hour old may be somebody's at work"
    assert said(var, "leftovers", mend=True, clock=clock).mended
    assert (var / "mappings" / "crm").is_dir()
    assert not [p for p in [*var.rglob(".*"), *var.parent.glob(".*")] if p.name not in (".published", ".made")]


def test_a_copy_from_before_a_migration_is_said(var):
    (var / "warehouse.duckdb.before-schema-1").write_text("x")
    assert (said(var, "leftovers").state, said(var, "leftovers").do) == ("look", "delete it once you are content")


def test_a_lock_that_is_held_is_said_and_one_that_lies_there_is_not(var):
    (var / "mlflow.lock").touch()
    assert said(var, "locks").state == "fine"
    with (var / "mlflow.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        assert (said(var, "locks").state, said(var, "locks").says) == ("look", "mlflow.lock held by a process")


def test_a_damaged_warehouse_is_broken(var):
    (var / "warehouse.duckdb").write_bytes(b"no database" * 1000)
    found = examine(Workspace(var), NOW)
    assert {n for n, one in found.findings.items() if one.state == "broken"} - FINE_OR == {
        *("tables", "counts", "scores", "exports", "schedule")
    }
    assert found.code == 10


def test_a_column_that_is_gone_is_broken(var):
    sql(var, "ALTER TABLE touches DROP COLUMN asset")
    found = said(var, "tables")
    assert (found.state, found.exit, found.says) == ("broken", 11, "touches.asset (VARCHAR) missing")


@pytest.mark.parametrize(("version", "state", "code"), [(0, "look", 0), (99, "broken", 10)])
def test_tables_of_another_version_are_said(var, version, state, code):
    sql(var, f"UPDATE meta SET schema_version = {version}")
    assert (said(var, "tables").state, said(var, "tables").exit) == (state, code)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("UPDATE batches SET rows_in = 0 WHERE table_name = 'calls'", "loads whose rows do not add up: "),
        (
            "UPDATE touches SET batch_id = 'nobody' WHERE event_id = (SELECT min(event_id) FROM touches)",
            "nobody in touches",
        ),
        ("INSERT INTO calls FROM calls LIMIT 1", "loads with more rows than they brought: "),
        ("DELETE FROM batches WHERE table_name = 'leads' OR true", "rows of loads that nobody made: "),
    ],
)
def test_counts_that_do_not_add_up_are_broken(var, fault, says):
    sql(var, fault)
    found = said(var, "counts")
    assert (found.state, found.exit) == ("broken", 11)
    assert says in found.says


@pytest.mark.parametrize(
    ("faults", "state", "says"),
    [
        (
            [
                *("CREATE TABLE s AS FROM scores", "DROP TABLE scores", "ALTER TABLE s RENAME TO scores"),
                "INSERT INTO scores FROM scores WHERE as_of = '2025-12-01' LIMIT 1",
            ],
            "broken",
            "1 leads with two scores of one moment, first as of 2025-12-01",
        ),
        (["DELETE FROM scores WHERE as_of = '2025-11-30'"], "broken", "publications without scores: 2025-11-30"),
        (["DELETE FROM publications WHERE as_of = '2025-11-30'"], "look", "never published: 2025-11-30"),
    ],
)
def test_scores_that_contradict_what_was_published_are_found(var, faults, state, says):
    sql(var, *faults)
    found = examine(Workspace(var), NOW).findings["scores"]
    assert (found.state, found.code) == (state, 11 if state == "broken" else 0)
    assert says in found.says


def no_link(day):
    day.unlink()


def other_link(day):
    day.unlink()
    day.symlink_to(".published")


def no_file(day):
    (day / "scores.parquet").unlink()


def other_file(day):
    (day / "scores.csv").write_text("lead_id\n")


@pytest.mark.parametrize("fault", [no_link, other_link, no_file, other_file])
def test_published_files_that_differ_are_found_and_written_anew_when_asked(var, fault):
    before = work.exports(var)
    fault(var / "exports" / "2025-12-01")
    found = said(var, "exports")
    assert (found.state, found.exit, found.says) == ("broken", 11, "exports that are not what was scored: 2025-12-01")
    assert work.exports(var) != before
    found = said(var, "exports", mend=True)
    assert (found.state, found.exit, found.mended) == ("fine", 0, True)
    assert work.exports(var) == before


def test_scores_that_were_changed_under_the_published_files_are_found(var):
    sql(var, "UPDATE scores SET probability = .5 WHERE as_of = '2025-12-01'")
    assert said(var, "exports").says == "exports that are not what was scored: 2025-12-01"


def test_a_page_of_another_scoring_is_said(var):
    (var / "page" / "now").unlink()
    (var / "page" / "now").symlink_to(".made/other")
    assert said(var, "exports").says == "the web page shows another scoring than the newest"


def test_a_store_of_models_that_is_none_is_broken(var):
    make_store(var / "mlflow.db", (var / "artifacts").as_uri())
    assert said(var, "store of models").says == "is whole"
    (var / "mlflow.db").write_bytes(b"SQLite format 3\0" + b"damage" * 1000)
    found = examine(Workspace(var), NOW, mend=True).findings["store of models"]
    assert (found.state, found.code) == ("broken", 12)


def test_a_busy_warehouse_is_waited_for_once_and_leaves_things_unknown(var):
    settings = var / "settings.toml"
    settings.write_text(settings.read_text().replace("wait_s = 60", "wait_s = 0.5"))
    with work.held(var):
        found = examine(Workspace(var), NOW)
    assert {n: one.state for n, one in found.findings.items() if one.code == 14} == dict.fromkeys(
        ("tables", "counts", "scores", "exports", "schedule"), "look"
    )
    assert found.code == 14


def closed_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_a_prefect_server_that_is_silent_is_broken(var):
    url = f"http://ann:secret@127.0.0.1:{closed_port()}/api"
    environment = os.environ | {"PREFECT_API_URL": url}
    command = [sys.executable, "-m", "pipelines.cli", "doctor", "--json", "-w", str(var)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    found = {one["check"]: one for one in json.loads(done.stdout)["findings"]}["Prefect"]
    assert (found["state"], found["code"]) == ("broken", 10)
    assert "secret" not in done.stdout + done.stderr


def test_an_mlflow_server_that_is_silent_is_broken(var, monkeypatch):
    monkeypatch.setenv("LEADREADY_MLFLOW", f"http://127.0.0.1:{closed_port()}")
    found = said_of_server(var)
    assert (found.state, found.code) == ("broken", 10)


def said_of_server(var):
    return examine(Workspace(var), NOW).findings["MLflow"]


def test_an_engine_that_is_not_there_is_broken(var, monkeypatch):
    monkeypatch.delenv("LEADREADY_ENGINE", raising=False)
    assert examine(Workspace(var), NOW).findings["Spark"].state == "fine"
    monkeypatch.setenv("LEADREADY_ENGINE", "spark")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "")  # neither where pyspark is installed nor where it is not
    found = examine(Workspace(var), NOW).findings["Spark"]
    assert (found.state, found.code) == ("broken", 10)
    assert found.says.startswith("starting Spark: none ")


def with_sources(var, text):
    settings = var / "settings.toml"
    settings.write_text(settings.read_text().replace("[schedule.sources]", f"[schedule.sources]\n{text}\n"))


def test_sources_that_cannot_be_reached_are_broken_and_no_password_is_shown(var, monkeypatch, tmp_path):
    (tmp_path / "there").mkdir()
    with_sources(var, f'a = "{tmp_path / "there"}"\nb = "{tmp_path / "gone"}"\nc = "$CRM"\nd = "$UNSET"')
    monkeypatch.setenv("CRM", "sqlite:////nowhere/at-all/secret.db?password=hunter2hunter2")
    found = said(var, "sources")
    assert (found.state, found.exit) == ("broken", 10)
    assert "hunter2" not in found.says
    assert all(f"{name}: " in found.says for name in "bcd")
    assert "a: " not in found.says


def test_a_database_that_answers_is_fine(var, monkeypatch, tmp_path):
    monkeypatch.setenv("CRM", f"sqlite:///{tmp_path}/crm.db")
    with_sources(var, 'c = "$CRM"')
    assert said(var, "sources").says == "c can be reached"


def test_days_on_which_nothing_was_scored_are_said(var):
    settings = var / "settings.toml"
    settings.write_text(settings.read_text().replace('daily = "0 5 29 2 *"', 'daily = "0 5 * * *"'))
    found = said(var, "schedule", clock=datetime(2025, 12, 4, 12))
    assert (found.state, found.exit) == ("look", 0)
    assert found.says == "2 days on which the daily run was due have no scoring; the newest scoring is of 2025-12-01"
    assert said(var, "schedule", clock=datetime(2025, 12, 2, 4)).state == "fine"


def test_a_run_that_failed_or_was_killed_is_said_until_one_of_its_kind_succeeds(var):
    def ran(at, outcome):
        line = {"started": at, "run": "daily", "outcome": outcome, "seconds": 1.0, "what": "", "log": f"logs/{at}.log"}
        with (var / "runs.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    ran("2026-01-09 05:00:00", "failed")
    assert said(var, "runs").says == "daily of 2026-01-09 05:00: failed"
    assert said(var, "runs", clock=datetime(2026, 3, 1)).state == "fine"
    ran("2026-01-09 06:00:00", "done")
    assert said(var, "runs").state == "fine"
    (var / "logs").mkdir(exist_ok=True)
    (var / "logs" / "2026-01-09T070000.000000-daily.log").write_text("")
    assert said(var, "runs").says == "daily of 2026-01-09 07:00: running or killed"


def test_every_check_has_a_test_here_that_plants_its_fault():
    elsewhere = {"models"}  # tests/flows/test_backup.py, where one was trained
    text = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in CHECKS if f'"{name}"' not in text and name not in elsewhere] == []
    assert MENDS.keys() <= CHECKS.keys()


@pytest.mark.parametrize("how", ["", "refuses", "breaks off", "swallows"])
def test_a_postgresql_source_is_reached_or_broken(var, postgres, monkeypatch, how):
    monkeypatch.setattr("data.intake.postgres.ANSWER_S", 1)
    with closing(Network(postgres)) as network:
        monkeypatch.setenv("CRM", network.url)
        with_sources(var, 'c = "$CRM"')
        if not how:
            assert said(var, "sources").says == "c can be reached"
            return
        with network.failing(how, 300):
            found = said(var, "sources")
    assert (found.state, found.exit) == ("broken", 11)
    assert "c: reading postgresql://127.0.0.1:" in found.says
    assert PASSWORD not in found.says
