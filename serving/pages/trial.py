"""What would another agreement change? Who moves today, how many it qualifies, what sales would accept, promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from data.agreement.model import ZONE_WORDS
from models.judging.policy import LEAST_EFFECTIVE
from models.judging.trial import BOTH, FEW_LEADS, NEW, NEW_ONLY, OLD, OLD_ONLY, Span
from serving.pages.sections import Report, Rows, Section, for_machines, records
from serving.trial import ABSENT, Told, Tried
from serving.volume import Kept, Volume

SIDE = {OLD: "in force", NEW: "draft"}
UNDER = {OLD: "the agreement in force", NEW: "the draft"}
KIND_WORDS = {
    BOTH: "qualified by both",
    OLD_ONLY: "qualified by the one in force alone",
    NEW_ONLY: "qualified by the draft alone",
}
MOST = 10
ZONES = ZONE_WORDS | {ABSENT: ABSENT}
LEFT_OUT = {
    "drawn": "the lead had gone to sales by a random draw before",
    "decided": "sales had decided on the lead before, and what was learned since may come from sales",
}


def trial_report(tried: Tried) -> Report:
    """All that a draft would change, in the order in which somebody decides about it."""
    sections = [
        *_today(tried),
        *_months(tried),
        *_accepted(tried.told),
        *_promise(tried),
    ]
    facts = {
        "in_force": tried.old.version,
        "draft": tried.new.version,
        "since": tried.since.isoformat(),
        "as_of": tried.as_of.isoformat(),
        "model": tried.model,
        "open_leads": tried.scored,
        "routes": tried.routes,
        "changed": for_machines(tried.changed),
        "volume": {side: asdict(v) for side, v in tried.volume.items()},
        "left_out": dict(tried.left_out),
        "unseen": tried.unseen,
        "promises": {side: asdict(k) for side, k in tried.kept.items()},
        "acceptances": asdict(tried.told),
    }
    return Report(sections, facts)


def _today(tried: Tried) -> list[Section]:
    changed, open_in_both = tried.changed, ~(tried.changed == ABSENT).any(axis=1)
    zone, route = (open_in_both & (changed[f"{of}_old"] != changed[f"{of}_new"]) for of in ("zone", "route"))
    said = [
        f"in force: {tried.old.name} ({tried.old.version}); draft: {tried.new.name} ({tried.new.version})",
        f"Of {tried.scored[OLD]:,} open leads as of {tried.as_of:%Y-%m-%d %H:%M} UTC, {int(zone.sum()):,} would be in "
        f"another zone and {int(route.sum()):,} would take another route.",
    ]
    if not open_in_both.all():
        came, went = ((changed[f"route_{of}"] == ABSENT).sum() for of in (OLD, NEW))
        said.append(f"The draft recycles leads in another way: {came:,} more would be open, {went:,} would not.")
    if tried.model is None:
        said.append("No model was in use by then, so the rules alone decide under both.")
    said += [f"perhaps misspelt in the draft, or not in the data yet: {word}" for word in tried.unseen]
    moved = changed[zone].value_counts(["zone_old", "zone_new"]).reset_index()
    zones = [
        {"zone in force": ZONES[r["zone_old"]], "zone under the draft": ZONES[r["zone_new"]], "leads": r["count"]}
        for r in records(moved)
    ]
    routes = sorted({*tried.routes[OLD], *tried.routes[NEW]})
    counts = [{"route": r, **{SIDE[s]: int(tried.routes[s].get(r, 0)) for s in SIDE}} for r in routes]
    sections = [
        *_chapter("What would change today?", said, zones),
        *_chapter("How many would take which route today?", (), counts),
    ]
    for gained, title in (
        (True, "Who would be handed off today, and is not now?"),
        (False, "Who is handed off today, and would not be?"),
    ):
        here, there = ("route_new", "route_old") if gained else ("route_old", "route_new")
        found = changed[(changed[here] == "hand_off") & (changed[there] != "hand_off")]
        found = found.sort_values(["probability", "lead_id"], ascending=[False, True])
        rows = [_mover(row) for row in records(found.head(MOST))]
        said = [f"the first {MOST} of {len(found):,}; `--json` has them all"] if len(found) > MOST else []
        sections += _chapter(title, said if rows else ["nobody"], rows)
    return sections


def _chapter(title: str, said: Sequence[str], rows: Rows) -> list[Section]:
    """Sentences, and a table below them."""
    return [Section(title, points=said, chapter=title), Section(rows=rows, chapter=title)]


def _mover(row: Mapping[str, Any]) -> dict[str, Any]:
    p = row["probability"]
    return {
        "lead_id": row["lead_id"],
        "probability": None if pd.isna(p) else f"{p:.0%}".replace("%", " %"),
        "zone": f"{ZONES[row['zone_old']]} -> {ZONES[row['zone_new']]}",
        "route": f"{row['route_old']} -> {row['route_new']}",
    }


def _months(tried: Tried) -> list[Section]:
    volume = tried.volume
    said = [
        f"From {tried.since:%Y-%m-%d} to {tried.as_of:%Y-%m-%d}, by the rules alone and by what was recorded, "
        f"{_leads(volume[OLD].leads)} would have become qualified under the agreement in force and "
        f"{_leads(volume[NEW].leads)} under the draft.",
    ]
    said += [f"No team has a limit under {UNDER[side]}." for side, of in volume.items() if of.places is None]
    said.append(
        "Once a lead is with sales nobody calls it any more, so some leads that a stricter draft would qualify later "
        "are not counted."
    )
    said += [
        f"Left out {tried.left_out[why]:,} times: {words}." for why, words in LEFT_OUT.items() if tried.left_out[why]
    ]
    rows = [_places(SIDE[side], of) for side, of in volume.items()]
    return _chapter("How many leads would it qualify?", said, rows)


def _places(side: str, volume: Volume) -> dict[str, Any]:
    return {
        "agreement": side,
        "leads": volume.leads,
        "a day": round(volume.leads / volume.days, 1),
        "busiest day": volume.busiest,
        "places a day": "no limit" if volume.places is None else volume.places,
        "of no team": volume.homeless,
        "without a place on their day": volume.late,
        "longest wait in days": volume.longest,
        "still waiting": volume.left,
    }


def _accepted(told: Told) -> list[Section]:
    found = told.answers
    rows = [
        {
            "moments": KIND_WORDS[kind],
            "leads": found.leads[kind],
            "answered hand-offs": found.answered[kind],
            "of them drawn at random": found.explored[kind],
            "effective": round(found.effective[kind]),
        }
        for kind in KIND_WORDS
    ]
    return _chapter("How many of these would sales accept?", _acceptances(told), rows if _differ(told) else ())


def _differ(told: Told) -> bool:
    return bool(told.answers.leads[OLD_ONLY] or told.answers.leads[NEW_ONLY])


def _acceptances(told: Told) -> list[str]:
    found = told.answers
    if not any(found.leads.values()):
        return ["No lead became qualified in this time."]
    if not _differ(told):
        return ["Both agreements qualify the same leads at the same moments."]
    if told.untold:
        return [f"That cannot be told: {told.untold}"]
    if told.corrected is None or told.weighted is None:
        few = ", ".join(f"{KIND_WORDS[kind]} ({found.effective[kind]:.0f})" for kind in found.few)
        return [
            f"That cannot be told: sales has answered too few hand-offs of leads {few}. Their effective number has to "
            f"be at least {LEAST_EFFECTIVE:.0f}; of leads that only the draft qualifies, those drawn at random count.",
            "Look at more months if there are any, or hand off a random share of the leads below the rules "
            "([exploration] in the agreement) and try again when sales has answered.",
        ]
    said = [
        f"If sales answered all of them: {_span(told.corrected.old)} under the agreement in force, "
        f"{_span(told.corrected.new)} under the draft. The change: {_span(told.corrected.change, sign='+')}. (A "
        "model's expectation of each lead, corrected by its mean error on such hand-offs.)",
        f"By the share of such hand-offs that sales accepted (inverse propensity): {_span(told.weighted.old)}, "
        f"{_span(told.weighted.new)}, and a change of {_span(told.weighted.change, sign='+')}. Go by the first: the "
        "share is wrong where a model chose who was handed off, and too low for leads that only the draft qualifies, "
        "because a random draw finds them on any day and not when they have just become qualified.",
        "Places, p* and what the model hands off beyond the rules are left out.",
    ]
    if told.answered is not None and told.answered < 1:
        said.append(f"Sales answers {100 * told.answered:.0f} % of its hand-offs in time; the others are in no number.")
    if found.few:
        kinds = ", ".join(KIND_WORDS[kind] for kind in found.few)
        said.append(
            f"Too little is known of leads {kinds}, which are no more than {100 * FEW_LEADS:.0f} % of all: the "
            "intervals reach from none of them accepted to all."
        )
    return said


def _span(span: Span, sign: str = "") -> str:
    return f"{span.mean:{sign},.0f} (95 % interval {span.low:{sign},.0f} to {span.high:{sign},.0f})"


def _promise(tried: Tried) -> list[Section]:
    rows = [_kept(SIDE[side], kept) for side, kept in tried.kept.items()]
    said = [
        "The hand-offs of that time, each judged by the promise that the agreement would have made for its zone and by "
        "when sales first answered, once the time of the promise is over."
    ]
    said += [f"Nothing is promised under {UNDER[s]}." for s, kept in tried.kept.items() if not kept.promised]
    if unknown := tried.kept[OLD].unknown:
        said.append(f"Left out: {unknown:,} hand-offs of leads that were not in the data yet.")
    return _chapter("What would the promises cost?", said, rows)


def _kept(side: str, kept: Kept) -> dict[str, Any]:
    return {
        "agreement": side,
        "promised": kept.promised,
        "time is over": kept.due,
        "kept": kept.kept,
        "kept in percent": round(100 * kept.kept / kept.due) if kept.due else None,
    }


def _leads(count: int) -> str:
    return "1 lead" if count == 1 else f"{count:,} leads"
