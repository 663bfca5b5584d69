"""A warehouse in memory, and batches given as texts."""

from __future__ import annotations

from datetime import datetime, timedelta
from textwrap import dedent

import pytest

from data.intake.ingest import ingest
from data.warehouse import Warehouse


@pytest.fixture
def days(tmp_path):
    """`days(leads=..., touches=...)` loads CSV texts, each call a day after the last; `days.warehouse` has them."""

    class Days:
        def __init__(self, warehouse):
            self.warehouse, self.loaded_at = warehouse, datetime(2026, 6, 1)

        def __call__(self, backfill=False, timezone="UTC", **more):
            files = {name: more.pop(name) for name in [*more] if isinstance(more[name], str)}
            self.loaded_at += timedelta(days=1)
            folder = tmp_path / f"{self.loaded_at:%d}"
            folder.mkdir()
            for name, text in files.items():
                (folder / f"{name}.csv").write_text(dedent(text), encoding="utf-8")
            options = {"backfill": backfill, "timezone": timezone, **more}
            return ingest(self.warehouse, "canonical", folder, loaded_at=self.loaded_at, **options)

    with Warehouse.open(None, threads=1) as warehouse:
        yield Days(warehouse)
