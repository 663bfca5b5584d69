"""The moment a command works at: the one given, else now, and never before what is stored became known."""

import json
from datetime import datetime, timedelta

import pytest

from data.opened import open_workspace
from data.workspace import Workspace
from pipelines.jobs.ingest import ingest_batch
from pipelines.jobs.score import score_open_leads
from pipelines.jobs.start import init_workspace
from pipelines.moment import NOW, settle

LOADED_AT, GIVEN = datetime(2026, 3, 2, 6), datetime(2026, 1, 1)
INSTANT = timedelta(microseconds=1)


@pytest.fixture
def opened(tmp_path):
    """A workspace into which a lead and its click of the night were loaded this morning."""
    space = Workspace(tmp_path / "var")
    init_workspace(space)
    found, source = open_workspace(space.root), tmp_path / "crm"
    source.mkdir()
    (source / "leads.csv").write_text("lead_id,created_at\nL1,2026-02-28 09:00\n")
    (source / "touches.csv").write_text("lead_id,occurred_at,kind\nL1,2026-03-02 05:00,email_click\n")
    ingest_batch(found, "canonical", str(source), LOADED_AT)
    return found


@pytest.mark.parametrize(
    ("clock", "moment"),
    [
        (LOADED_AT + timedelta(hours=1), LOADED_AT + timedelta(hours=1)),
        (LOADED_AT + INSTANT, LOADED_AT + INSTANT),
        (LOADED_AT, LOADED_AT + INSTANT),
        (LOADED_AT - timedelta(hours=2), LOADED_AT + INSTANT),
    ],
)
def test_now_is_the_clock_or_just_after_the_newest_load(opened, clock, moment):
    assert settle(opened, NOW, clock) == moment


def test_a_moment_given_stays_and_an_empty_warehouse_has_the_clock(opened, tmp_path):
    assert settle(opened, GIVEN, LOADED_AT) == GIVEN
    init_workspace(Workspace(tmp_path / "empty"))
    assert settle(open_workspace(tmp_path / "empty"), NOW, LOADED_AT) == LOADED_AT


@pytest.mark.parametrize("line", [{"ended": "2026-03-02T07:00:00.000001"}, {}])
def test_now_is_never_before_the_end_of_a_run(opened, line, caplog):
    """An older leadready noted when a run began, and its seconds."""
    said = {"started": "2026-03-02 06:59:50", "run": "score", "outcome": "done", "seconds": 10.0, "what": "", "log": ""}
    lines = [*map(json.dumps, [said | line, said | {"started": "2026-03-01 05:00:00"}, {}]), "of no kind", "[]"]
    opened.workspace.runs.write_text("\n".join(lines))
    ended = datetime(2026, 3, 2, 7) + bool(line) * INSTANT
    assert settle(opened, NOW, LOADED_AT - timedelta(days=365)) == ended
    assert "the latest run ended at 2026-03-02 07:00" in caplog.text
    assert "this machine's clock, which was set back: set it right" in caplog.text
    assert settle(opened, NOW, ended + INSTANT) == ended + INSTANT
    assert settle(opened, GIVEN, LOADED_AT) == GIVEN


@pytest.mark.slow
@pytest.mark.parametrize("slow", [timedelta(0), timedelta(hours=2)])
def test_what_was_loaded_this_morning_is_in_this_mornings_scores(opened, slow, caplog):
    """Even where this machine's clock is behind the one that stamped the load."""
    done = score_open_leads(opened, settle(opened, NOW, LOADED_AT - slow))
    assert done.scores["digital_points"].gt(0).all()
    assert done.fresh.known_later == 0
    assert "the newest rows were loaded at 2026-03-02 06:00:00 UTC, but it is only" in caplog.text
    assert done.folder.name == "2026-03-02"


def test_stale_data_are_said_in_the_log_and_in_every_row(opened, caplog):
    done = score_open_leads(opened, LOADED_AT + timedelta(days=9))
    assert set(done.scores["stale"]) == {"newest touch: 9 days old"}
    assert '"newest touch: 9 days old"' in (done.folder / "scores.csv").read_text()
    assert "newest touch: 9 days old (2026-03-02 05:00 UTC), which is stale (limit: 3 days)" in caplog.text
    assert [r.levelname for r in caplog.records if "stale" in r.message] == ["WARNING"]
    fresh = score_open_leads(opened, LOADED_AT + INSTANT)
    assert fresh.scores["stale"].isna().all()


def test_the_day_is_that_of_the_companys_calendar(opened):
    opened.workspace.settings.write_text('time_zone = "Asia/Tokyo"\n')
    moment = datetime(2026, 3, 2, 15, 30)
    assert score_open_leads(open_workspace(opened.workspace.root), moment).folder.name == "2026-03-03"
