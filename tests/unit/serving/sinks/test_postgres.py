"""Scores in PostgreSQL: the old or the new ones, whatever happens, and what others put on our tables stays."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest

from data.errors import ConfigError
from data.intake.ingest import ingest
from data.opened import OpenWorkspace
from data.postgres import Postgres
from data.settings import read_settings
from data.tables import SCORES
from data.warehouse import Warehouse
from data.workspace import Workspace
from pipelines.jobs.forget import forget_lead
from serving.outgoing import OUTGOING, outgoing_sql
from serving.sinks import finish, sinks
from serving.sinks import postgres as postgres_sink
from serving.sinks import publish as publish_scores
from tests.flows import work
from tests.server import PASSWORD
from tests.unit.serving.sinks.test_sinks import scores_of

pytestmark = pytest.mark.slow  # some minutes; CI runs it, `make test` does not

MONDAY, TUESDAY = datetime(2026, 3, 2), datetime(2026, 3, 3)
SETTINGS = '[publish.postgres]\nurl = "$LEADREADY_PUBLISH_URL"\nschema = "{}"\n'
STATE = {
    "scores": "SELECT * FROM {}.scores ORDER BY lead_id",
    "latest_scores": "SELECT * FROM {}.latest_scores ORDER BY lead_id",
    "changes": "SELECT * FROM {}.changes ORDER BY publication, lead_id",
    "failures": "SELECT * FROM {}.failures ORDER BY why",
    "publications": "SELECT * FROM {}.publications ORDER BY 1",
    "relations": "SELECT relname, relkind::text FROM pg_class WHERE relnamespace = '{}'::regnamespace ORDER BY 1",
}


@pytest.fixture
def workspace(tmp_path, postgres, monkeypatch):
    monkeypatch.setenv("LEADREADY_PUBLISH_URL", postgres.url)
    return a_workspace(tmp_path / "var")


def a_workspace(folder, schema="leadready"):
    space = Workspace(folder)
    space.create()
    space.settings.write_text(SETTINGS.format(schema))
    return space


@pytest.fixture
def warehouse(workspace):
    with Warehouse.open(workspace.warehouse) as opened:
        yield opened


def publish(workspace, warehouse, scores):
    return publish_scores(workspace, warehouse, scores, settings=read_settings(workspace.settings))


def state(database, schema="leadready"):
    """All that readers see, and every relation that is there."""
    there = database.rows(f"SELECT to_regclass('{schema}.publications')::text")
    return {name: database.rows(sql.format(schema)) for name, sql in STATE.items()} if there != [(None,)] else {}


def test_the_rows_are_those_of_the_warehouse(workspace, warehouse, postgres):
    odd = "O'Brien; \"x\"\n=cmd|' /C calc'!A0 \\N ä 😀"
    rows = scores_of(L1=0.25, L2=0.5).assign(
        route_reason=[odd, None], probability=[0.1, None], urgent=[None, True], promise_due_at=[None, MONDAY]
    )
    publish(workspace, warehouse, rows)
    columns = [f"timezone('UTC', {c.name}) AS {c.name}" if c.type == "time" else c.name for c in SCORES.columns]
    select = "SELECT {} FROM {} ORDER BY lead_id"
    ours = warehouse.rows(select.format(", ".join(SCORES.names), "scores"))
    assert postgres.rows(select.format(", ".join(columns), "leadready.scores")) == ours
    outgoing = warehouse.rows(f"SELECT {outgoing_sql()} FROM scores ORDER BY lead_id")
    of_view = ", ".join(f"timezone('UTC', {n}) AS {n}" if n in ("as_of", "promise_due_at") else n for n in OUTGOING)
    assert postgres.rows(select.format(of_view, "leadready.latest_scores")) == outgoing
    assert [row[2] for row in outgoing] == [10, None]


def test_a_publication_takes_the_place_of_the_last_one_and_says_what_changed(workspace, warehouse, postgres):
    publish(workspace, warehouse, scores_of(L1=0.101, L2=0.5, L3=0.5))
    publish(workspace, warehouse, scores_of(TUESDAY, L1=0.104, L2=0.75, L4=0.5).assign(zone=["text", "nearly", "text"]))
    assert postgres.rows("SELECT lead_id, score_percent FROM leadready.latest_scores ORDER BY 1") == [
        ("L1", 10),
        ("L2", 75),
        ("L4", 50),
    ]
    assert postgres.rows("SELECT DISTINCT as_of = '2026-03-03 00:00+00' FROM leadready.scores") == [(True,)]
    changes = """SELECT lead_id, change, changed, score_percent_before, zone_before FROM leadready.changes
        WHERE publication = {} ORDER BY 1"""
    assert postgres.rows(changes.format(1)) == [(lead, "new", None, None, None) for lead in ("L1", "L2", "L3")]
    assert postgres.rows(changes.format(2)) == [
        ("L2", "changed", "score_percent, zone", 50, "text"),
        ("L3", "gone", None, 50, "text"),
        ("L4", "new", None, None, None),
    ]
    assert postgres.rows("SELECT publication, leads, new, changed, gone FROM leadready.publications ORDER BY 1") == [
        (1, 3, 3, 0, 0),
        (2, 3, 1, 1, 1),
    ]


def test_the_same_scores_twice_and_an_earlier_moment_change_nothing(workspace, warehouse, postgres):
    publish(workspace, warehouse, scores_of(TUESDAY, L1=0.5))
    once = state(postgres)
    assert len(once["scores"]) == 1
    publish(workspace, warehouse, scores_of(TUESDAY, L1=0.5))
    publish(workspace, warehouse, scores_of(MONDAY, L1=0.25))
    assert state(postgres) == once


def test_a_moment_scored_again_otherwise_is_replaced(workspace, warehouse, postgres):
    publish(workspace, warehouse, scores_of(L1=0.5, L2=0.5))
    publish(workspace, warehouse, scores_of(L1=0.75))
    assert postgres.rows("SELECT lead_id, score_percent FROM leadready.latest_scores") == [("L1", 75)]


def test_old_changes_go(workspace, warehouse, postgres, monkeypatch):
    monkeypatch.setattr("serving.sinks.postgres.KEPT", 2)
    for day in range(4):
        publish(workspace, warehouse, scores_of(MONDAY + timedelta(days=day), L1=day / 10))
    assert postgres.rows("SELECT DISTINCT publication FROM leadready.changes ORDER BY 1") == [(3,), (4,)]
    assert postgres.rows("SELECT publication FROM leadready.publications ORDER BY 1") == [(3,), (4,)]


def test_nothing_is_sent_where_the_settings_name_no_server(workspace, warehouse, postgres):
    workspace.settings.write_text("")
    publish(workspace, warehouse, scores_of(L1=0.5))
    assert state(postgres) == {}


def test_what_could_not_be_scored_is_there_without_values(workspace, warehouse, postgres, tmp_path):
    (tmp_path / "leads.csv").write_text("lead_id,created_at\nL1,2026-01-01\nL2,Ann Smith\nL3,Bob Jones\n,2026-01-01\n")
    ingest(warehouse, "canonical", tmp_path / "leads.csv", loaded_at=MONDAY)
    publish(workspace, warehouse, scores_of(L1=0.5))
    found = postgres.rows("SELECT kind, source, table_name, why, rows FROM leadready.failures ORDER BY rows")
    assert [(kind, source, of, rows) for kind, source, of, _, rows in found] == [
        ("quarantined", "canonical", "leads", 1),
        ("quarantined", "canonical", "leads", 2),
    ]
    assert "got a value that is not shown" in found[1][3]
    assert not any(name in str(found) for name in ("Ann", "Bob"))


class TestWhatOthersPutThere:
    def test_grants_views_and_indexes_survive(self, workspace, warehouse, postgres):
        publish(workspace, warehouse, scores_of(L1=0.25))
        postgres.run(
            "CREATE ROLE hightouch",
            "GRANT USAGE ON SCHEMA leadready TO hightouch",
            "GRANT SELECT ON leadready.latest_scores, leadready.scores, leadready.changes TO hightouch",
            "CREATE SCHEMA crm",
            "CREATE VIEW crm.hot AS SELECT lead_id, score_percent FROM leadready.latest_scores WHERE zone = 'text'",
            "CREATE VIEW crm.points AS SELECT lead_id, rule_points FROM leadready.scores",
            "CREATE INDEX of_theirs ON leadready.scores (zone)",
        )
        publish(workspace, warehouse, scores_of(TUESDAY, L1=0.25, L2=0.75))
        assert postgres.rows("SELECT * FROM crm.hot ORDER BY 1") == [("L1", 25), ("L2", 75)]
        assert postgres.rows("SELECT count(*) FROM crm.points") == [(2,)]
        assert postgres.rows("SELECT count(*) FROM pg_index WHERE indrelid = 'leadready.scores'::regclass") == [(3,)]
        with postgres.session() as session:
            session.run("SET ROLE hightouch")
            for name in ("latest_scores", "scores", "changes"):
                assert session.scalar(f"SELECT count(*) FROM leadready.{name}") >= 2

    def test_columns_of_a_newer_leadready_are_added(self, workspace, warehouse, postgres):
        publish(workspace, warehouse, scores_of(L1=0.25))
        postgres.run("ALTER TABLE leadready.scores DROP COLUMN draw", "ALTER TABLE leadready.scores ADD theirs int")
        publish(workspace, warehouse, scores_of(TUESDAY, L1=0.5))
        assert postgres.rows("SELECT draw, theirs, lead_id FROM leadready.scores") == [("text", None, "L1")]

    def test_a_schema_that_is_there_needs_no_right_to_make_one(self, workspace, warehouse, postgres, monkeypatch):
        postgres.run(
            "CREATE ROLE writer LOGIN PASSWORD 'of the writer'",
            "CREATE SCHEMA leadready AUTHORIZATION writer",
        )
        own = postgres.url.replace(f"ann:{PASSWORD}", "writer:of%20the%20writer")
        monkeypatch.setenv("LEADREADY_PUBLISH_URL", own)
        publish(workspace, warehouse, scores_of(L1=0.25))
        assert postgres.rows("SELECT lead_id FROM leadready.scores") == [("L1",)]

    @pytest.mark.parametrize("schema", ['a "b"; DROP SCHEMA x; --', "Größe %s $1", "select"])
    def test_a_schema_has_the_name_that_it_is_given(self, warehouse, postgres, workspace, schema):
        workspace.settings.write_text(SETTINGS.format(schema.replace('"', '\\"')))
        for moment in (MONDAY, TUESDAY):
            publish(workspace, warehouse, scores_of(moment, L1=0.25))
        assert (schema,) in postgres.rows("SELECT nspname FROM pg_namespace")

    def test_who_is_reading_is_waited_for(self, workspace, warehouse, postgres, monkeypatch):
        hasty = postgres_sink.PATIENTLY.replace("pg_sleep(1)", "pg_sleep(0.1)")
        monkeypatch.setattr(postgres_sink, "PATIENTLY", hasty)
        monkeypatch.setattr(postgres_sink, "WAIT_S", 0.05)
        publish(workspace, warehouse, scores_of(L1=0.25))
        before = state(postgres)
        with postgres.session() as reader:
            assert reader.scalar("SELECT count(*) FROM leadready.latest_scores") == 1
            with pytest.raises(ConfigError, match="got canceling statement due to lock timeout"):
                publish(workspace, warehouse, scores_of(TUESDAY, L1=0.5))
            assert reader.scalar("SELECT max(score_percent) FROM leadready.latest_scores") == 25
            assert state(postgres) == before
            waiting = threading.Timer(0.5, reader.commit)
            waiting.start()
            finish(workspace, warehouse)
            waiting.join()
        assert postgres.rows("SELECT score_percent FROM leadready.latest_scores") == [(50,)]

    def test_two_publishers_do_not_meet(self, workspace, warehouse, postgres):
        """The second one waits until the first has committed, then finds that nothing is left to do."""
        publish(workspace, warehouse, scores_of(L1=0.25))
        with postgres.session() as other:
            other.rows("SELECT pg_advisory_xact_lock(hashtext('leadready leadready'))::text")
            waiting = threading.Timer(0.5, other.commit)
            waiting.start()
            publish(workspace, warehouse, scores_of(TUESDAY, L1=0.5))
            waiting.join()
        assert len(state(postgres)["publications"]) == 2


class TestAServerThatIsAway:
    def test_the_workspace_has_the_scores_and_the_next_finish_makes_up_for_it(
        self, workspace, warehouse, postgres, monkeypatch
    ):
        publish(workspace, warehouse, scores_of(L1=0.25))
        before = state(postgres)
        with monkeypatch.context() as away:
            away.setenv("LEADREADY_PUBLISH_URL", f"postgresql://ann:{PASSWORD}@127.0.0.1:9/crm")
            with pytest.raises(ConfigError, match=r"publishing to postgresql://127\.0\.0\.1:9/crm: expected a") as e:
                publish(workspace, warehouse, scores_of(TUESDAY, L1=0.5))
        assert e.value.exit_code == 10
        assert "run `leadready publish`, or let the next scoring do it" in str(e.value)
        assert PASSWORD not in str(e.value)
        assert (workspace.exports / "2026-03-03" / "scores.parquet").is_file()
        assert warehouse.rows("SELECT probability FROM scores ORDER BY as_of") == [(0.25,), (0.5,)]
        assert state(postgres) == before
        finish(workspace, warehouse)
        assert postgres.rows("SELECT score_percent FROM leadready.latest_scores") == [(50,)]

    def test_changes_are_told_since_what_the_server_has(self, workspace, warehouse, postgres, monkeypatch):
        """Nobody read there what was published while it was away."""
        publish(workspace, warehouse, scores_of(L1=0.25))
        with monkeypatch.context() as away:
            away.setenv("LEADREADY_PUBLISH_URL", "postgresql://127.0.0.1:9/crm")
            with pytest.raises(ConfigError):
                publish(workspace, warehouse, scores_of(TUESDAY, L1=0.5, L2=0.5))
        publish(workspace, warehouse, scores_of(TUESDAY + timedelta(days=1), L1=0.5, L2=0.5))
        last = "SELECT lead_id, change FROM leadready.changes WHERE publication = 2 ORDER BY 1"
        assert postgres.rows(last) == [("L1", "changed"), ("L2", "new")]

    def test_a_variable_that_is_not_set_is_named(self, workspace, warehouse, monkeypatch):
        monkeypatch.delenv("LEADREADY_PUBLISH_URL")
        with pytest.raises(ConfigError, match="expected the variable LEADREADY_PUBLISH_URL, got none of that name"):
            publish(workspace, warehouse, scores_of(L1=0.25))
        assert warehouse.rows("SELECT probability FROM scores") == [(0.25,)]

    @pytest.mark.parametrize("text", ['url = "postgresql://ann:s3cret@db/x"', 'url = ["s3cret"]'])
    def test_an_address_in_the_settings_is_refused_and_not_repeated(self, workspace, text):
        workspace.settings.write_text(f"[publish.postgres]\n{text}")
        with pytest.raises(ConfigError, match=r"key publish\.postgres\.url") as refused:
            read_settings(workspace.settings)
        assert "s3cret" not in str(refused.value)

    def test_a_wrong_password_is_not_repeated(self, workspace, warehouse, postgres, monkeypatch):
        monkeypatch.setenv("LEADREADY_PUBLISH_URL", postgres.url.replace(PASSWORD, "an0ther-s3cret"))
        with pytest.raises(ConfigError, match="password authentication failed") as refused:
            publish(workspace, warehouse, scores_of(L1=0.25))
        assert "an0ther-s3cret" not in str(refused.value)


STEPS = ("run", "load", "rows", "commit")


def breaking(monkeypatch, at, fail):
    """Let `fail` happen before the statement number `at` of a publication; the count of statements."""
    done = [0]
    for name in STEPS:
        original = getattr(Postgres, name)

        def step(self, *given, original=original):
            done[0] += 1
            if done[0] == at:
                fail()
            return original(self, *given)

        monkeypatch.setattr(Postgres, name, step)
    return done


def test_whatever_statement_fails_readers_see_the_old_state_and_a_rerun_is_as_undisturbed(
    workspace, warehouse, postgres, monkeypatch, tmp_path
):
    monday, tuesday = scores_of(L1=0.25, L2=0.5), scores_of(TUESDAY, L1=0.5, L3=0.5)
    other = a_workspace(tmp_path / "other", "undisturbed")
    with Warehouse.open(None) as own, monkeypatch.context() as counted:
        publish(other, own, monday)
        steps = breaking(counted, -1, lambda: None)
        publish(other, own, tuesday)
    publish(workspace, warehouse, monday)
    before = state(postgres)

    def fail():
        raise KeyboardInterrupt

    for at in range(1, steps[0] + 1):
        with monkeypatch.context() as broken:
            breaking(broken, at, fail)
            with pytest.raises(KeyboardInterrupt):
                publish(workspace, warehouse, tuesday) if at == 1 else finish(workspace, warehouse)
        assert state(postgres) == before
    publish(workspace, warehouse, tuesday)
    assert state(postgres) == state(postgres, "undisturbed") != before
    assert steps[0] > 10


def test_a_server_that_stops_half_way_has_the_old_state_when_it_is_back(
    workspace, warehouse, postgres, monkeypatch, postgres_server
):
    publish(workspace, warehouse, scores_of(L1=0.25))
    before = state(postgres)
    for at in (8, 12, 14, 17):
        with monkeypatch.context() as broken:
            breaking(broken, at, postgres_server.stop)
            try:
                with pytest.raises(ConfigError, match="publishing to postgresql://"):
                    publish(workspace, warehouse, scores_of(TUESDAY, L1=0.5))
            finally:
                postgres_server.start()
        assert state(postgres) == before
    finish(workspace, warehouse)
    assert postgres.rows("SELECT score_percent FROM leadready.latest_scores") == [(50,)]


MANY = 5_000
CHILD = """
import sys
from datetime import datetime
from pathlib import Path
import pandas as pd
from data.settings import read_settings
from data.tables import SCORES
from data.warehouse import Warehouse
from data.workspace import Workspace
from serving.sinks import publish
from tests.unit.serving.sinks.test_postgres import many

space, as_of = Workspace(Path(sys.argv[1])), datetime.fromisoformat(sys.argv[2])
with Warehouse.open(space.warehouse) as warehouse:
    print("begin", flush=True)
    publish(space, warehouse, many(as_of), settings=read_settings(space.settings))
"""


def many(as_of, leads=MANY):
    """All leads with the probability that the day of the month is in percent."""
    rows = scores_of(as_of, L1=as_of.day / 100)
    return rows.loc[rows.index.repeat(leads)].assign(lead_id=[f"L{i:06d}" for i in range(leads)])


@pytest.mark.parametrize("kills", [3, pytest.param(40, marks=pytest.mark.soak)])
def test_kills_at_random_moments_leave_no_mixture_for_any_reader(workspace, postgres, kills):
    """While others read. Run again each publication is there once, with all its rows and changes."""
    seen, stopped, wrong = set(), threading.Event(), []
    look = "SELECT count(*), count(DISTINCT as_of), min(score_percent), max(score_percent) FROM leadready.latest_scores"
    made = """SELECT publication, timezone('UTC', as_of), leads, new, changed, gone,
            (SELECT count(*) FROM leadready.changes c WHERE c.publication = p.publication)
        FROM leadready.publications p ORDER BY 1"""

    def read():
        while not stopped.is_set():
            [(rows, moments, low, high)] = postgres.rows(look)
            seen.add(low)
            if (rows, moments) != (MANY, 1) or low != high:
                wrong.append((rows, moments, low, high))
            time.sleep(0.1)

    @contextmanager
    def at_work_on(day):
        words = [sys.executable, "-c", CHILD, str(workspace.root), str(MONDAY + timedelta(days=day))]
        with subprocess.Popen(words, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": "."}) as child:
            assert child.stdout.readline() == b"begin\n"
            yield child

    def publish_again(day):
        with Warehouse.open(workspace.warehouse) as warehouse:
            publish(workspace, warehouse, many(MONDAY + timedelta(days=day)))

    publish_again(0)
    with at_work_on(1) as child:
        begun = time.monotonic()
        assert child.wait() == 0
    takes, hit, expected = time.monotonic() - begun, 0, [(1, MONDAY, MANY, MANY, 0, 0, MANY)]
    expected.append((2, TUESDAY, MANY, 0, MANY, 0, MANY))
    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for day in range(2, kills + 2):
            with at_work_on(day) as child:
                time.sleep(random.Random(day).uniform(0, takes))
                hit += child.poll() is None
                child.send_signal(signal.SIGKILL)
            publish_again(day)
            moment = MONDAY + timedelta(days=day)
            expected.append((day + 1, moment, MANY, 0, MANY, 0, MANY))
            assert postgres.rows(made) == expected[-postgres_sink.KEPT :]
            assert postgres.rows(look) == [(MANY, 1, moment.day, moment.day)]
    finally:
        stopped.set()
        for reader in readers:
            reader.join()
    work.say("publish", kills, hit)
    assert (wrong, hit > 0) == ([], True)
    kinds = "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'leadready'::regnamespace"
    assert postgres.rows(kinds) == [(5,)]
    with Warehouse.open(workspace.warehouse) as warehouse:
        stored = warehouse.rows("SELECT as_of, count(*) FROM scores GROUP BY 1 ORDER BY 1")
    assert stored == [(MONDAY + timedelta(days=day), MANY) for day in range(kills + 2)]


def test_a_person_who_is_forgotten_leaves_the_server_too(workspace, postgres, tmp_path):
    (tmp_path / "leads.csv").write_text("lead_id,created_at\nL1,2026-01-01\nL2,2026-01-01\n")
    with Warehouse.open(workspace.warehouse) as warehouse:
        ingest(warehouse, "canonical", tmp_path / "leads.csv", loaded_at=MONDAY)
        for moment in (MONDAY, TUESDAY):
            publish(workspace, warehouse, scores_of(moment, L1=moment.day / 10, L2=0.25))
    done = forget_lead(OpenWorkspace(workspace), "L1", TUESDAY)
    assert done.rows["PostgreSQL"] == 3
    for name in ("scores", "latest_scores", "changes"):
        assert postgres.rows(f"SELECT DISTINCT lead_id FROM leadready.{name}") == [("L2",)]


def test_a_person_is_forgotten_once_the_server_is_back(workspace, postgres, tmp_path, monkeypatch):
    """While it is away nothing is forgotten, which is said, so that the command is run again."""
    (tmp_path / "leads.csv").write_text("lead_id,created_at\nL1,2026-01-01\n")
    with Warehouse.open(workspace.warehouse) as warehouse:
        ingest(warehouse, "canonical", tmp_path / "leads.csv", loaded_at=MONDAY)
        publish(workspace, warehouse, scores_of(L1=0.5))
    with monkeypatch.context() as away:
        away.setenv("LEADREADY_PUBLISH_URL", "postgresql://127.0.0.1:9/crm")
        with pytest.raises(ConfigError, match="publishing to"):
            forget_lead(OpenWorkspace(workspace), "L1", TUESDAY)
    with Warehouse.open(workspace.warehouse) as warehouse:
        assert warehouse.scalar("SELECT count(*) FROM leads") == 1
    forget_lead(OpenWorkspace(workspace), "L1", TUESDAY)
    assert postgres.rows("SELECT count(*) FROM leadready.scores") == [(0,)]


def test_postgres_is_published_after_all_that_lies_in_the_workspace():
    assert sinks()[-1] is postgres_sink
