"""Points and events of many leads are worked out part by part: the page reads the same as from one piece."""

import shutil

import duckdb
import pandas as pd
import pytest

from pipelines.jobs.score import score_open_leads
from serving.pages.review import store
from serving.sinks import page
from tests.reviewed import AS_OF, published


def read(opened, *names):
    with duckdb.connect(opened.workspace.page / page.NOW / page.PAGE, read_only=True) as connection:
        return {name: connection.execute(f"FROM {name} ORDER BY ALL").df() for name in names or ("lines", "timeline")}


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    return published(tmp_path_factory.mktemp("parts"), leads=120, model=False, days=1)


@pytest.mark.parametrize("part", [1, 17])
def test_parts_of_the_leads_give_what_one_piece_gives(company, monkeypatch, part):
    """Also where a part has nothing."""
    score_open_leads(company, AS_OF)
    whole = read(company)
    monkeypatch.setattr(page, "PART", part)
    score_open_leads(company, AS_OF)
    for name, rows in read(company).items():
        assert whole[name]["lead_id"].nunique() > 2 * 17
        pd.testing.assert_frame_equal(rows, whole[name])


def test_of_many_events_the_latest_are_shown_and_how_many_there_are(company, monkeypatch):
    score_open_leads(company, AS_OF)
    every = read(company)["timeline"]
    latest = every.sort_values(["happened_at", "what", "name", "detail", "who"], ascending=[False, *[True] * 4])
    monkeypatch.setattr(store, "EVENTS_SHOWN", 2)
    day = store.Day((company.workspace.page / page.NOW).resolve())
    for lead, events in every.groupby("lead_id").size().items():
        shown = day.timeline(str(lead))
        assert [row["events"] for row in shown] == [events] * min(events, 2)
        assert [row["happened_at"] for row in shown] == list(latest.loc[latest["lead_id"] == lead, "happened_at"])[:2]


def test_of_a_scoring_by_an_older_leadready_the_page_says_what_that_counted(company, tmp_path):
    """It kept the latest events of each lead, and beside each of them how many there were."""
    score_open_leads(company, AS_OF)
    older = shutil.copytree(company.workspace.page / page.NOW, tmp_path / "older")
    with duckdb.connect(older / page.PAGE) as connection:
        connection.execute("ALTER TABLE timeline ADD COLUMN events BIGINT; UPDATE timeline SET events = 900")
        lead = connection.execute("SELECT min(lead_id) FROM timeline").fetchall()[0][0]
    assert {row["events"] for row in store.Day(older).timeline(lead)} == {900}


@pytest.mark.slow
def test_features_written_in_parts_are_those_written_in_one(tmp_path, monkeypatch):
    opened = published(tmp_path, days=1)
    whole = read(opened, "matrix")["matrix"]
    monkeypatch.setattr(page, "PART", 100)
    score_open_leads(opened, AS_OF)
    assert len(whole) > 2 * 100
    pd.testing.assert_frame_equal(read(opened, "matrix")["matrix"], whole)
