"""Points and events of many leads are worked out part by part: the page reads the same as from one piece."""

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


def test_of_many_events_the_page_has_the_latest_and_says_how_many_there_are(company, monkeypatch):
    score_open_leads(company, AS_OF)
    every = read(company)["timeline"]
    latest = every.sort_values(["happened_at", "what", "name", "detail", "who"], ascending=[False, *[True] * 4])
    expected = latest.groupby("lead_id", sort=False).head(3)
    monkeypatch.setattr(page, "KEPT_EVENTS", 3)
    monkeypatch.setattr(store, "EVENTS_SHOWN", 2)
    score_open_leads(company, AS_OF)
    kept = read(company)["timeline"]
    in_order = list(every.columns.drop("events"))
    pd.testing.assert_frame_equal(
        kept[in_order], expected[in_order].sort_values(in_order, ignore_index=True), check_dtype=False
    )
    assert every["events"].isna().all()
    day = store.Day((company.workspace.page / page.NOW).resolve())
    for lead, events in every.groupby("lead_id").size().items():
        shown = day.timeline(str(lead))
        assert [row["events"] for row in shown] == [events] * min(events, 2)
        assert [row["happened_at"] for row in shown] == list(latest.loc[latest["lead_id"] == lead, "happened_at"])[:2]


@pytest.mark.slow
def test_features_written_in_parts_are_those_written_in_one(tmp_path, monkeypatch):
    opened = published(tmp_path, days=1)
    whole = read(opened, "matrix")["matrix"]
    monkeypatch.setattr(page, "MATRIX_PART", 100)
    score_open_leads(opened, AS_OF)
    assert len(whole) > 2 * 100
    pd.testing.assert_frame_equal(read(opened, "matrix")["matrix"], whole)
