"""Points and events of many leads are worked out part by part: the page reads the same as from one piece."""

import duckdb
import pandas as pd

from pipelines.jobs.score import score_open_leads
from serving.sinks import page
from tests.reviewed import AS_OF, published


def read(opened):
    with duckdb.connect(opened.workspace.page / page.NOW / page.PAGE, read_only=True) as connection:
        return {name: connection.execute(f"FROM {name}").df() for name in ("lines", "timeline")}


def test_parts_of_the_leads_give_what_one_piece_gives(tmp_path, monkeypatch):
    opened = published(tmp_path, leads=120, model=False, days=1)
    whole = read(opened)
    monkeypatch.setattr(page, "PART", 17)
    score_open_leads(opened, AS_OF)
    for name, rows in read(opened).items():
        assert whole[name]["lead_id"].nunique() > 2 * 17
        pd.testing.assert_frame_equal(rows, whole[name])
