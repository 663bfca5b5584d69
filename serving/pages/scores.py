"""What came of a scoring, and of one lead? Whom to look at first, routes and capacity; why a lead has its score."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from data.agreement.model import ZONE_WORDS, Agreement
from data.freshness import Freshness
from data.settings import Settings
from serving.lists import call_list
from serving.pages.agreements import standing_report
from serving.pages.changes import change_facts, change_section
from serving.pages.freshness import freshness_facts, freshness_words
from serving.pages.sections import Report, Rows, Section, for_machines, listed, records, rounded
from serving.pages.waiting import waiting_words
from serving.routes import in_percent, routes_where

NO_MODEL = "No model is in use, so the rules alone decide; run `leadready train`."
BEYOND = ", though few leads like it were ever handed off"
OUTSIDE = (
    "Because the model knows so little of such leads, these bounds are wider: rely on them, not on the probability."
)
NOBODY: Mapping[str, int] = {}
KNOWN = ("probability", "probability_low", "probability_high", "support")
CALL_COLUMNS = ("lead_id", "probability", "reach", "next_question", "estimates", "then_question")
COLUMNS = ("lead_id", *KNOWN, "digital_points", "research_points", "zone", "route", "route_reason")


def scoring_report(
    scores: pd.DataFrame,
    capacity: pd.DataFrame,
    folder: Path | None,
    fresh: Freshness,
    closed: Mapping[str, int] = NOBODY,
    most: int = 10,
    waiting: int | None = None,
) -> Report:
    """The `most` leads to look at first, open leads by route and zone, places, how fresh the data were, who is closed.

    closed: how many leads are not scored, by why (`data.cohorts.count_closed`).
    folder None: the export does not show these scores. waiting: the version that waits to be promoted.
    """
    counts = records(scores.groupby(["route", "zone"]).size().reset_index(name="leads"))
    top, places = top_rows(scores, most), [rounded(row) for row in records(capacity)]
    where = (
        f"written to {folder}" if folder else "not exported: a day's export shows its latest scoring by the champion"
    )
    said = [*freshness_words(fresh), f"{len(scores):,} open leads scored as of {fresh.as_of} UTC; {where}"]
    if closed:
        said.append(f"not scored: {', '.join(f'{count:,} {why}' for why, count in closed.items())}")
    said += waiting_words(waiting)
    sections = [
        Section("Which leads come first?", rows=top),
        Section("Who is called first, and what is asked?", rows=call_rows(scores, most)),
        Section("How many take which route?", rows=counts),
        Section("What is there capacity for?", said, rows=places),
    ]
    kept = str(folder) if folder else None
    facts: dict[str, Any] = {"as_of": fresh.as_of.isoformat(), "folder": kept, "fresh": freshness_facts(fresh)}
    facts |= {"waiting": waiting, "closed": dict(closed), "routes": counts, "capacity": places, "top": top}
    return Report(sections, facts)


def calls_report(called: pd.DataFrame, as_of: datetime, file: Path, days: int = 0) -> Report:
    """The calls of a day, so many days ago, and where the same list shows who the leads are."""
    rows = [rounded(row, ("agent", *CALL_COLUMNS, "route_reason")) for row in records(called)]
    old = f", {days} day{'s' * (days > 1)} old" if days else ""
    said = f"{len(rows)} calls as of {as_of:%Y-%m-%d %H:%M} UTC{old}; {file} has the names and numbers"
    return listed(rows, said, facts={"as_of": as_of.isoformat(), "file": str(file), "calls": rows})


def call_rows(scores: pd.DataFrame, most: int) -> Rows:
    """The first calls of the day, with the question to ask and what its answers would make of the estimate."""
    called = call_list(scores, Settings()).head(most)
    return [rounded(row, CALL_COLUMNS) for row in records(called)]


def top_rows(scores: pd.DataFrame, most: int) -> Rows:
    """The leads to look at first: those somebody can act on, by probability (without a model by points)."""
    order = routes_where(lambda r: r.actionable)
    actionable = scores[scores["route"].isin(order)].assign(place=lambda f: f["route"].map(order.index))
    by = ["place", "probability", "rule_points", "lead_id"]
    best = actionable.sort_values(by, ascending=[True, False, False, True]).head(most)
    return [rounded(row, COLUMNS) for row in records(best)]


def lead_report(
    standing: pd.DataFrame,
    lines: pd.DataFrame,
    found: dict[str, Any] | None,
    agreement: Agreement,
    as_of: datetime,
    changed: tuple[pd.DataFrame, datetime] | None = None,
) -> Report:
    """One lead by the model in use and under the rules, `found` as `explain_score` gives it (None: no model).

    changed: what changed since which moment (`serving.changes.find_changes`); None where there is no score before.
    """
    rules = standing_report(standing, lines, agreement)
    of_rules = {**records(standing)[0], "lines": for_machines(lines)}
    segment = agreement.values.costs()[int(of_rules["segment"])]
    said = score_lines(found, of_rules, segment.threshold) if found else [NO_MODEL]
    model = Section("What does the model make of it?", said)
    scored = {name: part.to_dict() if hasattr(part, "to_dict") else part for name, part in (found or {}).items()}
    facts = {"lead_id": of_rules["lead_id"], "as_of": as_of.isoformat(), "rules": of_rules, "model": scored}
    moved = [change_section(*changed)] if changed else []
    facts |= {"changed": change_facts(*changed)} if changed else {}
    return Report([model, *moved, *rules.sections], facts)


def score_lines(found: dict[str, Any], of_rules: dict[str, Any], threshold: float) -> list[str]:
    """What the model makes of a lead: probability with bounds, reasons, what it lacks, and the sum behind the score.

    threshold: p*, the probability above which a hand-off of this lead pays off.
    """
    why, status = found["why"], " (provisional)" * found["provisional"]
    p, pays = in_percent(found["probability"], threshold)
    outside = found["support"] == "outside"
    given = {name.removeprefix("contribution_"): why[name] for name in why.index if name.startswith("contribution_")}
    parts = {concept: value for concept, value in given.items() if value == value}
    said = [why[f"reason_{place}"] for place in range(1, 5)]
    return [
        f"{of_rules['lead_id']}: {p} % likely to be accepted{BEYOND * outside} (a hand-off pays off above {pays} %); "
        f"the rules rate it {ZONE_WORDS[of_rules['zone']]}.",
        f"Of leads with a score like this, between {_percent(found['probability_low'])} and "
        f"{_percent(found['probability_high'])} are accepted on average, as far as the data show; "
        "a single lead may differ.",
        *[OUTSIDE] * outside,
        f"Model version {found['version']}{status}, trained on hand-offs up to {found['trained_until']:%Y-%m-%d}.",
        "Reasons, compared with the average hand-off:",
        *([f"  {text}" for text in said if isinstance(text, str)] or ["  none is certain enough to be named"]),
        "What it lacks, compared with the average accepted lead:",
        *([f"  {text}" for text in found["missing"]] or ["  nothing that stands out and that somebody could change"]),
        "How the score adds up, in log-odds:",
        f"{why['log_odds_base']:>+9.3f}  the average hand-off",
        *(f"{value:>+9.3f}  {concept}" for concept, value in sorted(parts.items(), key=lambda kv: -abs(kv[1]))),
        f"{why['log_odds_base'] + sum(parts.values()):>+9.3f}  this lead: {p} %",
    ]


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"
