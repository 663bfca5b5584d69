"""What came of a scoring? The leads to look at first, how many take which route, and what there is capacity for."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pandas as pd

from serving.pages.sections import Report, Rows, Section, records, rounded
from serving.routes import routes_where

COLUMNS = ("lead_id", "probability", "digital_points", "research_points", "zone", "route", "route_reason")


def scoring_report(
    scores: pd.DataFrame, capacity: pd.DataFrame, folder: Path | None, as_of: datetime, most: int = 10
) -> Report:
    """The `most` leads to look at first, open leads by route and zone, and places; folder None: not published."""
    top, counts, places = top_rows(scores, most), route_rows(scores), [rounded(row) for row in records(capacity)]
    where = f"written to {folder}" if folder else "not published: only the champion's scores are"
    sections = [
        Section("Which leads come first?", rows=top),
        Section("How many take which route?", rows=counts),
        Section("What is there capacity for?", [f"{len(scores):,} open leads scored; {where}"], rows=places),
    ]
    kept = str(folder) if folder else None
    facts = {"as_of": as_of.isoformat(), "folder": kept, "routes": counts, "capacity": places, "top": top}
    return Report(sections, facts)


def top_rows(scores: pd.DataFrame, most: int) -> Rows:
    """The leads to look at first: those somebody can act on, by probability (without a model by points)."""
    order = routes_where(lambda r: r.actionable)
    actionable = scores[scores["route"].isin(order)].assign(place=lambda f: f["route"].map(order.index))
    by = ["place", "probability", "rule_points", "lead_id"]
    best = actionable.sort_values(by, ascending=[True, False, False, True]).head(most)
    return [rounded(row, COLUMNS) for row in records(best)]


def route_rows(scores: pd.DataFrame) -> Rows:
    """Open leads per route and zone."""
    return records(scores.groupby(["route", "zone"]).size().reset_index(name="leads"))
