"""What does the report rest on? What was known at a moment, and what the model in use was tested on."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from data.opened import OpenWorkspace


def report_on(opened: OpenWorkspace, as_of: datetime) -> Path:
    """Write the report of what was known at `as_of`; returns its folder."""
    import pandas as pd

    from models.registry.client import Registry
    from serving.in_use import find_model_known_by
    from serving.pages.report.report import write_report
    from serving.scoring import vouches

    registry = Registry(opened.workspace)
    model = find_model_known_by(registry, as_of)
    tested = registry.holdout(model) if model else pd.DataFrame()
    with opened.warehouse() as warehouse:
        agreements, vouched, waiting = opened.agreements, vouches(model), registry.waiting()
        return write_report(opened.workspace, warehouse, agreements, as_of, tested, vouched, opened.settings, waiting)
