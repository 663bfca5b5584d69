"""The network to PostgreSQL fails at whatever byte: a plain error, the old state for readers, and the next run."""

from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest

from data.errors import ConfigError, DataError
from data.intake.ingest import ingest
from data.intake.watermarks import Extract
from data.settings import read_settings
from data.warehouse import Warehouse
from data.workspace import Workspace
from serving.sinks import finish, publish
from tests.network import Network
from tests.server import PASSWORD
from tests.unit.serving.sinks.test_postgres import MONDAY, TUESDAY, many, state

pytestmark = pytest.mark.slow

LEADS = 500
SHARES = [0, 0.01, 0.3, 0.7, 0.95]
"""Of the bytes of an undisturbed run, how many pass before the network fails: at the greeting, among the questions
before the rows, among the rows, and after them."""
SILENCE_S = 1
SETTINGS = '[publish.postgres]\nurl = "$LEADREADY_PUBLISH_URL"\n'


@pytest.fixture
def network(postgres):
    made = Network(postgres)
    yield made
    made.close()


@pytest.fixture
def workspace(tmp_path, network, monkeypatch):
    """One that publishes by that network, and has published."""
    monkeypatch.setenv("LEADREADY_PUBLISH_URL", network.url)
    space = Workspace(tmp_path / "var")
    space.create()
    space.settings.write_text(SETTINGS)
    with Warehouse.open(space.warehouse) as warehouse:
        for moment in (MONDAY - timedelta(days=1), MONDAY):
            before = network.passed
            publish(space, warehouse, many(moment, LEADS), settings=read_settings(space.settings))
    return space, network.passed - before


@contextmanager
def failing(network, space, how, after):
    """The network fails; only then is silence short, for a busy machine is silent too."""
    space.settings.write_text(f"{SETTINGS}silence_s = {SILENCE_S}\n")
    with network.failing(how, after):
        yield
    space.settings.write_text(SETTINGS)


def check_words(error, how):
    assert PASSWORD not in str(error)
    assert error.exit_code in (ConfigError.exit_code, DataError.exit_code)
    assert "postgresql://127.0.0.1:" in error.parts["what"]
    if how == "swallows":
        assert f"no answer for {SILENCE_S} s" in error.parts["got"]


@pytest.mark.parametrize("how", ["refuses", "breaks off", "swallows"])
def test_publishing_fails_plainly_and_is_made_up_for(workspace, network, postgres, how):
    (space, size), old = workspace, state(postgres)
    with Warehouse.open(space.warehouse) as warehouse:
        for share in SHARES if how != "refuses" else [0]:
            with (
                failing(network, space, how, round(size * share)),
                pytest.raises(ConfigError, match="publishing to ") as e,
            ):
                publish(space, warehouse, many(TUESDAY, LEADS)) if not share else finish(space, warehouse)
            check_words(e.value, how)
            assert state(postgres) == old
        finish(space, warehouse)
        assert warehouse.rows("SELECT count(*), count(DISTINCT as_of) FROM scores") == [(LEADS * 3, 3)]
    look = "SELECT count(*), min(score_percent), max(score_percent) FROM leadready.latest_scores"
    assert postgres.rows(look) == [(LEADS, TUESDAY.day, TUESDAY.day)]
    told = "SELECT publication, count(*) FROM leadready.changes GROUP BY 1 ORDER BY 1"
    assert postgres.rows(told) == [(1, LEADS), (2, LEADS), (3, LEADS)]


@pytest.mark.parametrize("how", ["breaks off", "swallows"])
def test_where_the_last_answer_is_lost_the_server_has_it_once(workspace, network, postgres, how):
    """Whether a commit came through is not known here then: the next run looks."""
    space, size = workspace
    with Warehouse.open(space.warehouse) as warehouse:
        for day in range(1, 4):
            with failing(network, space, how, size - 12 * day):
                try:
                    publish(space, warehouse, many(MONDAY + timedelta(days=day), LEADS))
                except ConfigError as error:
                    check_words(error, how)
            finish(space, warehouse)
            told = "SELECT publication, count(*) FROM leadready.changes GROUP BY 1 ORDER BY 1"
            assert postgres.rows(told) == [(number, LEADS) for number in range(1, day + 3)]


@pytest.mark.parametrize("how", ["refuses", "breaks off", "swallows"])
def test_reading_a_source_fails_plainly_and_stores_nothing(network, postgres, how):
    postgres.run(
        f"""CREATE TABLE leads AS SELECT 'L' || i AS lead_id, timestamptz '2026-01-01 09:00+01' AS created_at,
            repeat('x', 100) AS filler, now() AS updated_at FROM generate_series(1, {LEADS}) i"""
    )

    def load(warehouse, silence_s=600):
        loaded_at, extract = datetime(2030, 1, 1), Extract({}, {"leads": "updated_at"}, silence_s=silence_s)
        return ingest(warehouse, "canonical", network.url, loaded_at=loaded_at, extract=extract).stored

    with Warehouse.open(None) as warehouse:
        before = network.passed
        assert load(warehouse) == LEADS
        size = network.passed - before
    with Warehouse.open(None) as warehouse:
        for share in SHARES if how != "refuses" else [0]:
            with network.failing(how, round(size * share)), pytest.raises(DataError, match="a database that can") as e:
                load(warehouse, SILENCE_S)
            check_words(e.value, how)
            for table in ("leads", "batches", "quarantine", "watermarks"):
                assert warehouse.scalar(f"SELECT count(*) FROM {table}") == 0
        assert load(warehouse) == LEADS
