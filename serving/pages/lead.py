"""Why does a lead stand where it stands? The rules' own sum line by line, and what the model makes of it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pandas as pd

from data.agreement.model import Agreement
from serving.pages.sections import Report, Section, records

NO_MODEL = "no model in use: the rules alone route (`leadready train`)"


def lead_report(
    standing: pd.DataFrame, lines: pd.DataFrame, found: dict[str, Any] | None, agreement: Agreement, as_of: datetime
) -> Report:
    """One lead under the rules and by the model in use, `found` as `explain_score` gives it (None: no model)."""
    rules = standing_report(standing, lines, agreement)
    model = Section("What does the model make of it?", score_lines(found) if found else [NO_MODEL])
    scored = {name: part.to_dict() if hasattr(part, "to_dict") else part for name, part in (found or {}).items()}
    of_rules = {**records(standing)[0], "lines": _for_machines(lines)}
    facts = {"lead_id": of_rules["lead_id"], "as_of": as_of.isoformat(), "rules": of_rules, "model": scored}
    return Report([*rules.sections, model], facts)


def standing_report(standing: pd.DataFrame, lines: pd.DataFrame, agreement: Agreement) -> Report:
    """Each lead's sum and zone under the agreement: one row of `standing` per lead, and the lines of all."""
    by_lead = dict(list(lines.drop(columns=["as_of", "agreement_version"]).groupby("lead_id")))
    sections, facts = [], []
    for row in records(standing):
        own = by_lead.get(row["lead_id"], lines.head(0)).drop(columns="lead_id", errors="ignore")
        sections.append(Section("What do the rules make of it?", standing_lines(row, records(own), agreement)))
        facts.append({**row, "lines": _for_machines(own)})
    return Report(sections, facts)


def _for_machines(lines: pd.DataFrame) -> Any:
    return json.loads(lines.to_json(orient="records", date_format="iso"))


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


def score_lines(found: dict[str, Any]) -> list[str]:
    """What the model makes of a lead: probability with bounds, the sum behind it, reasons, and what is missing."""
    why, status = found["why"], ", provisional" if found["provisional"] else ""
    bounds = f"between {why['probability_low']:.0%} and {why['probability_high']:.0%} as far as such scores can be told"
    given = {name.removeprefix("contribution_"): why[name] for name in why.index if name.startswith("contribution_")}
    parts = {concept: value for concept, value in given.items() if value == value}
    said = [why[f"reason_{place}"] for place in range(1, 5)]
    return [
        f"model version {found['version']}{status}, learned from hand-offs to {found['trained_until']:%Y-%m-%d}",
        f"probability that sales accepts: {found['probability']:.1%} ({bounds})",
        *["few leads like this one were in its training: take it with care"] * bool(why["few_alike"]),
        f"{why['log_odds_base']:>+9.3f}  log-odds of the average hand-off",
        *(f"{value:>+9.3f}  {concept}" for concept, value in sorted(parts.items(), key=lambda kv: -abs(kv[1]))),
        f"{why['log_odds_base'] + sum(parts.values()):>+9.3f}  log-odds of this lead, which is "
        f"{found['probability']:.1%}",
        "reasons, against the average hand-off:",
        *([f"  {text}" for text in said if isinstance(text, str)] or ["  none that is sure enough to be named"]),
        "missing beside the average accepted lead:",
        *([f"  {text}" for text in found["missing"]] or ["  nothing to find out or do that stands out"]),
    ]
