"""A history loaded twice: first without saying that it is one, then with `--backfill`."""

from datetime import datetime

from data.intake.ingest import ingest
from data.warehouse import Warehouse


def test_a_backfill_after_a_plain_load_dates_the_same_rows_back(tmp_path):
    (tmp_path / "leads.csv").write_text("lead_id,created_at\nL1,2026-01-01\n")
    (tmp_path / "touches.csv").write_text("lead_id,occurred_at,kind\nL1,2026-01-02,chat\n")
    with Warehouse.open(None) as warehouse:
        ingest(warehouse, "canonical", tmp_path, loaded_at=datetime(2026, 5, 1))
        again = ingest(warehouse, "canonical", tmp_path, loaded_at=datetime(2026, 5, 2), backfill=True)
        assert again.tables["touches"].repeats == 1
        assert warehouse.rows("SELECT known_at FROM touches") == [(datetime(2026, 1, 2),)]
        assert warehouse.rows("SELECT known_at FROM leads ORDER BY 1")[0] == (datetime(2026, 1, 1),)


def test_ids_that_gaps_made_floats_are_whole_numbers_again(tmp_path):
    import pandas as pd

    pd.DataFrame({"lead_id": ["L1", "L2"], "created_at": "2026-01-01", "account_id": [42.0, None]}).to_parquet(
        tmp_path / "leads.parquet"
    )
    with Warehouse.open(None) as warehouse:
        ingest(warehouse, "canonical", tmp_path, loaded_at=datetime(2026, 5, 1))
        assert warehouse.rows("SELECT account_id FROM leads ORDER BY lead_id") == [("42",), (None,)]
