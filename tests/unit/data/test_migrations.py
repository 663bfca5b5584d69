"""A warehouse of an older version becomes ours in one step, whole or not at all; one of a newer version is refused."""

import random
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from data.errors import ConfigError
from data.intake.ingest import ingest
from data.migrations import MIGRATIONS
from data.warehouse import Warehouse
from tests.flows import work

DUMP = Path(__file__).parent / "schema_679ce4f.sql"
ROWS = """
INSERT INTO accounts (account_id, name, known_at, batch_id, region) VALUES ('A1', 'ACME', '1970-01-01', 'b1', 3);
INSERT INTO leads (lead_id, account_id, created_at, known_at, batch_id, reason)
VALUES ('L1', 'A1', '2026-01-01', '2026-01-01', 'b1', 'fair');
INSERT INTO touches (lead_id, occurred_at, kind, known_at, batch_id)
VALUES ('L1', '2026-01-02', 'email_click', '2026-01-02', 'b1');
INSERT INTO calls (lead_id, called_at, disposition, known_at, superseded_at, batch_id)
VALUES ('L1', '2026-01-03', 'voicemail', '2026-01-03', '2026-01-05', 'b1'),
    ('L1', '2026-01-03', 'connected', '2026-01-05', NULL, 'b1');
INSERT INTO batches VALUES ('b1', 'canonical', 'leads', '2026-01-10', 1, 1, 0, 0);
"""


@pytest.fixture
def path(tmp_path):
    """A workspace's warehouse as the version of commit 679ce4f made and filled it."""
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute(DUMP.read_text())
        connection.execute(ROWS)
    return path


def version(path):
    with duckdb.connect(path) as connection:
        return connection.execute("SELECT schema_version FROM meta").fetchall()


def test_the_version_before_is_migrated_with_all_its_rows(path, tmp_path):
    with Warehouse.open(path) as warehouse, Warehouse.open(None) as anew:
        tables = "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE table_name NOT LIKE 'sqlite%'"
        added = {("accounts", "account.region", "DOUBLE"), ("leads", "lead.reason", "VARCHAR")}
        assert set(warehouse.rows(tables)) == set(anew.rows(tables)) | added
        assert warehouse.rows('SELECT lead_id, "lead.reason" FROM leads') == [("L1", "fair")]
        assert warehouse.rows("SELECT disposition, superseded_at IS NULL FROM calls ORDER BY known_at") == [
            ("voicemail", False),
            ("connected", True),
        ]
        (tmp_path / "leads.csv").write_text("lead_id,created_at,reason\nL1,2026-01-01,poor\n")
        assert ingest(warehouse, "canonical", tmp_path / "leads.csv", loaded_at=datetime(2026, 2, 1)).stored == 1
    assert version(path) == [(len(MIGRATIONS),)]


def test_opening_again_changes_nothing(path):
    for _ in range(3):
        with Warehouse.open(path) as warehouse:
            assert warehouse.scalar("SELECT count(*) FROM calls") == 2
    assert version(path) == [(len(MIGRATIONS),)]


def test_a_migration_that_fails_leaves_the_version_before(path, monkeypatch):
    def fail(warehouse):
        warehouse.execute("ALTER TABLE calls ADD COLUMN half VARCHAR")
        raise RuntimeError

    monkeypatch.setattr("data.warehouse.MIGRATIONS", (*MIGRATIONS, fail))
    with pytest.raises(RuntimeError), Warehouse.open(path):
        pass
    with duckdb.connect(path) as connection:
        names = {name for name, *_ in connection.execute("DESCRIBE calls").fetchall()}
        assert not names & {"half", "call_id"}
        assert connection.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'meta'").fetchone() == (0,)


def test_each_step_runs_once_in_order(tmp_path, monkeypatch):
    path, ran = tmp_path / "w.duckdb", []
    with Warehouse.open(path):
        pass
    steps = (*MIGRATIONS, lambda _: ran.append("second"), lambda _: ran.append("third"))
    monkeypatch.setattr("data.warehouse.MIGRATIONS", steps)
    for _ in range(2):
        with Warehouse.open(path):
            pass
    assert ran == ["second", "third"]


def test_a_newer_version_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "w.duckdb"
    with Warehouse.open(path) as warehouse:
        warehouse.execute("UPDATE meta SET schema_version = 99")
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=r"got version 99; update leadready") as error, Warehouse.open(path):
        pass
    assert error.value.exit_code == 10
    assert path.read_bytes() == before


def test_before_it_is_changed_the_file_is_copied_and_that_is_said(path, caplog):
    before = path.read_bytes()
    with Warehouse.open(path):
        pass
    copy = path.with_name("warehouse.duckdb.before-schema-1")
    assert copy.read_bytes() == before
    assert f"(schema 0, now 1); before its tables are changed it was copied to {copy}: delete" in caplog.text
    with duckdb.connect(copy) as connection:
        assert {n for n, *_ in connection.execute("DESCRIBE leads").fetchall()} >= {"reason"}


def test_a_warehouse_of_this_version_is_not_copied(tmp_path):
    for _ in range(2):
        with Warehouse.open(tmp_path / "w.duckdb"):
            pass
    assert [p.name for p in tmp_path.iterdir()] == ["w.duckdb"]


def test_without_room_for_the_copy_nothing_is_changed(path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("data.warehouse.copied", full)
    with pytest.raises(ConfigError, match=r"before its tables are changed: .* got No space left"), Warehouse.open(path):
        pass
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    with duckdb.connect(path) as connection:
        assert {n for n, *_ in connection.execute("DESCRIBE leads").fetchall()} >= {"reason"}


KILL = """
import os, pkgutil, signal, sys
from pathlib import Path
from data import migrations, warehouse

def kill(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[2] == "migration":
    warehouse.MIGRATIONS = (lambda w: (migrations.MIGRATIONS[0](w), kill()),)
else:
    owner, _, name = sys.argv[2].rpartition(".")
    setattr(pkgutil.resolve_name(owner), name, kill)
with warehouse.Warehouse.open(Path(sys.argv[1])):
    pass
"""


@pytest.mark.parametrize("step", ["data.warehouse.copied", "os.replace", "os.fsync", "migration"])
def test_killed_anywhere_it_is_the_old_one_and_the_next_opening_migrates_it(path, step):
    before = path.read_bytes()
    done = subprocess.run([sys.executable, "-c", KILL, str(path), step], capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    assert path.read_bytes() == before or step == "migration"
    with Warehouse.open(path) as warehouse:
        assert warehouse.rows('SELECT lead_id, "lead.reason" FROM leads') == [("L1", "fair")]
    assert version(path) == [(len(MIGRATIONS),)]
    copy = path.with_name("warehouse.duckdb.before-schema-1")
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name, copy.name]
    with duckdb.connect(copy) as connection:
        assert {n for n, *_ in connection.execute("DESCRIBE leads").fetchall()} >= {"reason"}


@pytest.mark.parametrize("kills", [pytest.param(2, marks=pytest.mark.slow), pytest.param(20, marks=pytest.mark.soak)])
def test_kills_at_random_moments(path, tmp_path, kills):
    """The next opening ends as one that nobody disturbed, and the copy is the file as it was."""
    with duckdb.connect(path) as connection:
        more = "'L' || range // 9, '2026-01-02'::TIMESTAMP + to_seconds(range), 'visit', '2026-01-02', 'b1'"
        names = "lead_id, occurred_at, kind, known_at, batch_id"
        connection.execute(f"INSERT INTO touches ({names}) SELECT {more} FROM range(60_000)")
    old, copy, rng, hit = path.read_bytes(), path.with_name("warehouse.duckdb.before-schema-1"), random.Random(10), 0

    def rows():
        with Warehouse.open(path) as warehouse:
            tables = "SELECT table_name FROM duckdb_tables() WHERE NOT temporary AND table_name <> 'touches'"
            found = {name: warehouse.rows(f"FROM {name} ORDER BY ALL") for (name,) in warehouse.rows(tables)}
            return found | {"touches": warehouse.rows("SELECT count(*), bit_xor(hash(t)) FROM touches t")}

    seconds, ends = work.run("migrate", path), rows()
    for i in range(kills):
        for made in tmp_path.iterdir():
            made.unlink()
        path.write_bytes(old)
        hit += work.run_and_kill("migrate", path, after_s=(i + rng.random()) / kills * seconds)
        assert not copy.exists() or copy.read_bytes() == old
        assert rows() == ends
        assert (version(path), copy.read_bytes()) == ([(len(MIGRATIONS),)], old)
    work.say("migrate", kills, hit)
    assert hit
