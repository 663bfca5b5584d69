"""Who moved since the last scoring, and why? The movers of a day, and one lead's change step by step."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd

from serving.changes import NOTHING, STEPS
from serving.pages.sections import Report, Section, for_machines, records


def movers_report(
    changes: pd.DataFrame,
    since: datetime,
    as_of: datetime,
    counts: dict[str, int],
    agreement: str = "",
    most: int = 10,
    least: float = 0.1,
) -> Report:
    """The `most` leads that moved up and down the furthest, each with its main cause.

    counts: leads in both publications, and those that came and went. agreement: the one newly in force, if any.
    """
    up, down = changes[changes["change"] > 0], changes[changes["change"] < 0]
    said = [
        f"From {since:%Y-%m-%d %H:%M} to {as_of:%Y-%m-%d %H:%M} UTC, {len(up):,} of {counts['both']:,} leads moved up "
        f"by {least:g} or more in log-odds, and {len(down):,} moved down.",
        f"New in the list: {counts['came']:,}; no longer in it: {counts['went']:,}.",
    ]
    if agreement:
        said.append(
            f"A new agreement, {agreement}, is in force. It changes points, zones and routes; the model goes on seeing "
            "the points under which it was trained."
        )
    if not counts["both"]:
        said.append("No lead has a probability in both: without a model there is nothing to split.")
    sections = [
        Section("What moved?", said),
        Section("Who moved up?", rows=_rows(up, most)),
        Section("Who moved down?", rows=_rows(down, most)),
    ]
    facts: dict[str, Any] = {"since": since.isoformat(), "as_of": as_of.isoformat(), **counts, "agreement": agreement}
    return Report(sections, facts | {"movers": for_machines(changes.drop(columns="steps", errors="ignore"))})


def change_section(changes: pd.DataFrame, since: datetime) -> Section:
    """What changed for one lead since it was scored at `since`, as a sum in log-odds."""
    title = f"What changed since {since:%Y-%m-%d %H:%M} UTC?"
    if changes.empty or abs(changes["change"].iloc[0]) < NOTHING:
        return Section(title, [f"Since {since:%Y-%m-%d %H:%M} UTC nothing changed."])
    row = records(changes)[0]
    told = row["steps"]
    rest = row["change"] - sum(value for value, _ in told)
    lines = [f"{value:>+9.3f}  {words}" for value, words in told]
    lines += [f"{rest:>+9.3f}  all else"] * (abs(rest) >= NOTHING)
    total = f"{row['change']:>+9.3f}  the change, in log-odds"
    return Section(title, [f"Since {since:%Y-%m-%d %H:%M} UTC: {row['changed']}.", *lines, total])


def change_facts(changes: pd.DataFrame, since: datetime) -> dict[str, Any]:
    """The same for machines."""
    if changes.empty:
        return {"since": since.isoformat(), "change": 0.0}
    row = records(changes)[0]
    steps = {name: row[name] for name in STEPS}
    return {"since": since.isoformat(), **{k: row[k] for k in ("then", "now", "change", "changed")}, "steps": steps}


def _rows(changes: pd.DataFrame, most: int) -> list[dict[str, Any]]:
    shown = changes.head(most)
    return [{"lead_id": r["lead_id"], "change": round(r["change"], 2), "why": r["changed"]} for r in records(shown)]
