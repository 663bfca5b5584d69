"""What does an agreement come to, and where does a lead stand under it? A row each, and a lead's sum line by line."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import pandas as pd

from data.agreement.checks import most_points
from data.agreement.model import ZONE_WORDS, Agreement
from serving.pages.sections import Report, Section, for_machines, records

WIDTH = 80
"""Columns of a terminal."""
AXES = {"digital": "Digital points:", "research": "Points from phone and research:"}
IN_WORDS = {
    "missing": "required but without points",
    "combinations": "combinations",
    "persona": "persona",
    "buying_stage": "buying stage",
    "team": "team",
}
"""What is said of a lead after its zone, where there is any of it."""


def agreements_report(agreements: Sequence[Agreement], unseen: Sequence[str]) -> Report:
    """A row per agreement without contradictions, and words of the last one that the data do not have."""
    rows = [agreement_row(agreement) for agreement in agreements]
    points = ["no contradictions found" if rows else "no agreement found: run `leadready init`"]
    points += [f"perhaps misspelt, or not in the data yet: {word}" for word in unseen]
    section = Section("Are there contradictions?", points=points, rows=rows)
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


def differences_report(changed: Mapping[str, tuple[str, str]]) -> Report:
    """What changed by key, (old, new), in blocks that fit a terminal; `-` stands for a key that is not there."""
    lines = [line for key, values in changed.items() for line in _change(key, *values)]
    rows = [{"key": key, "old": old, "new": new} for key, (old, new) in changed.items()]
    return Report([Section("What changed?", points=lines or ["no differences found"])], rows)


def _change(key: str, *values: str) -> list[str]:
    old, new = ("not set" if value == "-" else value for value in values)
    if len(line := f"{key}: {old} -> {new}") <= WIDTH:
        return [line]
    wrapped = [
        textwrap.wrap(text, WIDTH, initial_indent=f"  {name}: ", subsequent_indent=" " * 7, break_on_hyphens=False)
        for name, text in (("old", old), ("new", new))
    ]
    return [key, *wrapped[0], *wrapped[1]]


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
    """What the rules make of a lead: its zone in words, then the sum of each axis line by line with its band."""
    points = standing["digital_points"] + standing["research_points"]
    said = [f"{words}: {standing[k]}" for k, words in IN_WORDS.items() if isinstance(standing[k], str) and standing[k]]
    out = [
        f"{standing['lead_id']} at {standing['as_of']:%Y-%m-%d %H:%M} UTC under the agreement {agreement.name} "
        f"({standing['agreement_version']})",
        f"The rules rate it {ZONE_WORDS[standing['zone']]} with {points:.0f} points.",
        *["; ".join(["urgent"] * bool(standing["urgent"]) + said)] * bool(said or standing["urgent"]),
    ]
    for axis, heading in AXES.items():
        own = [line for line in lines if line["axis"] == axis]
        out += [heading, *_sum(own, agreement), _total(standing[f"{axis}_points"], getattr(agreement.zones, axis))]
    return out


def _sum(lines: list[dict[str, Any]], agreement: Agreement) -> Iterator[str]:
    """What gives or takes points, each criterion under the name and the meaning that the company gave it."""
    for name, own in groupby(lines, key=itemgetter("criterion")):
        criterion = agreement.criteria.get(name)
        yield f"  {name}: {criterion.meaning}" if criterion and criterion.meaning else f"  {name}"
        for line in own:
            when = "" if pd.isna(line["occurred_at"]) else f"{line['occurred_at']:%Y-%m-%d %H:%M}"
            yield f"{line['points']:>9.3f}  {when:16}  {line['what']}"


def _total(points: float, begins: Sequence[float]) -> str:
    """The points of an axis and the band they reach, the lowest being band 1."""
    band = sum(points >= begin for begin in begins)
    place = f", band {band + 1} of {len(begins) + 1}" * bool(begins)
    above = f"; band {band + 2} begins at {begins[band]:g}" if band < len(begins) else ""
    return f"{points:>9.3f}  in total{place}{above}"
