"""Do loads of more rows than DuckDB keeps together come out whole?"""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from data.intake.ingest import ingest
from data.warehouse import Warehouse


def test_every_column_of_a_large_load_has_all_rows(tmp_path):
    """DuckDB 2.0.0 has lost columns that are empty throughout, if the transaction began with an INSERT of no rows."""
    many = 150_000
    start = pd.Timestamp("2026-01-01")
    pd.DataFrame({"lead_id": ["L1"], "created_at": [start]}).to_parquet(tmp_path / "leads.parquet")
    at = start + pd.to_timedelta(range(many), unit="s")
    touches = pd.DataFrame({"lead_id": "L1", "occurred_at": at, "kind": "page_view", "event_id": map(str, range(many))})
    touches.to_parquet(tmp_path / "touches.parquet")
    with Warehouse.open(None, threads=1) as warehouse:
        report = ingest(warehouse, "canonical", tmp_path, loaded_at=datetime(2026, 2, 1))
        assert report.tables["touches"].stored == many
        for column in warehouse.columns("touches"):
            assert warehouse.rows(f"SELECT count(*), count({column}) FROM touches")[0][0] == many, column
