"""What does an agreement come to, and where does a lead stand under it? A row each, and a lead's sum line by line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from data.agreement.checks import most_points
from data.agreement.model import Agreement
from serving.pages.sections import Report, Section, for_machines, records


def agreements_report(agreements: Sequence[Agreement], unseen: Sequence[str]) -> Report:
    """A row per agreement that holds together, and words of the last one that the data do not have."""
    rows = [agreement_row(agreement) for agreement in agreements]
    points = ["they hold together" if rows else "no agreement: `leadready init`"]
    points += [f"perhaps misspelt, or not in the data yet: {word}" for word in unseen]
    section = Section("Do they hold together?", points=points, rows=rows)
    return Report([section], {"agreements": rows, "unseen": unseen})


def agreement_row(agreement: Agreement) -> dict[str, Any]:
    """One agreement in a line."""
    digital, research = most_points(agreement)
    teams = ", ".join(f"{name} {team.hand_offs_per_day} a day" for name, team in agreement.capacity.teams.items())
    return {
        "from": str(agreement.effective_from),
        "name": agreement.name,
        "version": agreement.version,
        "criteria": ", ".join(agreement.criteria),
        "most digital points": digital,
        "most points of phone and research": research,
        "p*": round(agreement.values.threshold, 3),
        "teams": teams or "no limit",
    }


def standing_report(standing: pd.DataFrame, lines: pd.DataFrame, agreement: Agreement) -> Report:
    """Each lead's sum and zone under the agreement: one row of `standing` per lead, and the lines of all."""
    by_lead = dict(list(lines.drop(columns=["as_of", "agreement_version"]).groupby("lead_id")))
    sections, facts = [], []
    for row in records(standing):
        own = by_lead.get(row["lead_id"], lines.head(0)).drop(columns="lead_id", errors="ignore")
        sections.append(Section("What do the rules make of it?", standing_lines(row, records(own), agreement)))
        facts.append({**row, "lines": for_machines(own)})
    return Report(sections, facts)


def standing_lines(standing: dict[str, Any], lines: list[dict[str, Any]], agreement: Agreement) -> list[str]:
    """A lead's sum, line by line, and what the rules make of it: the band of each axis, and the zone of the two."""
    said = f"{standing['lead_id']} at {standing['as_of']:%Y-%m-%d %H:%M} under {agreement.name}"
    out = [f"{said} ({standing['agreement_version']})"]
    for line in lines:
        when = "" if pd.isna(line["occurred_at"]) else f"{line['occurred_at']:%Y-%m-%d %H:%M}"
        out.append(f"{line['points']:>9.3f}  {line['axis']:8}  {line['criterion']:20}  {when:16}  {line['what']}")
    out += [_axis(axis, standing[f"{axis}_points"], agreement) for axis in ("digital", "research")]
    more = [f"without {standing['missing']}, which is required"] * bool(standing["missing"])
    more += [f"combinations: {standing['combinations']}"] * bool(standing["combinations"])
    more += ["urgent"] * bool(standing["urgent"])
    more += [f"{k}: {standing[k]}" for k in ("persona", "buying_stage", "team") if isinstance(standing[k], str)]
    return [*out, "; ".join([f"zone {standing['zone']}", *more])]


def _axis(axis: str, points: float, agreement: Agreement) -> str:
    begins = getattr(agreement.zones, axis)
    bands = f" (bands begin at {', '.join(f'{b:g}' for b in begins)})" * bool(begins)
    return f"{points:>9.3f}  {axis}, in all: band {sum(points >= b for b in begins)}{bands}"
