"""Points and events of many leads are worked out part by part: the page reads the same as from one piece."""

import duckdb
import pandas as pd
import pytest

from pipelines.jobs.score import score_open_leads
from serving.sinks import page
from tests.reviewed import AS_OF, published


def read(opened):
    with duckdb.connect(opened.workspace.page / page.NOW / page.PAGE, read_only=True) as connection:
        return {name: connection.execute(f"FROM {name} ORDER BY ALL").df() for name in ("lines", "timeline")}


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
