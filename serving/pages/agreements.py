"""What does an agreement come to? From when it holds, its criteria, what a lead can reach, and what its costs ask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from data.agreement.checks import most_points
from data.agreement.model import Agreement
from serving.pages.sections import Report, Section


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
