"""Why did a score change? The log-odds of two scorings, split into steps that add up, with the events behind each.

The way from the score then to the score now goes through real predictions, in a fixed order: first today's model, under
the points that it sees, for the lead as it was then; then the clock alone; then the news, one kind after another
(`data.news`). A step is the difference of two log-odds, so the steps add up to the change whatever their order; but how
much each gets depends on it. The model comes first so that all news is told in terms of the model in use; the clock
comes before the news because no event may be looked at from before it happened.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from data.agreement.model import Agreement
from data.errors import ModelError
from data.news import CORRECTED, KINDS, SALES, TRAITS, arriving, list_news
from data.sql import in_force
from data.warehouse import Warehouse
from models.registry.client import LoadedModel
from serving.publication import MOVED
from serving.scoring import score_snapshots

LEAST = MOVED
STEPS = ("model", "agreement", "ageing", *KINDS)
"""What a change is split into; the columns of that name are log-odds."""
TITLES = {
    "ageing": "the time that passed",
    CORRECTED: "corrected or late data",
    "touches": "new touches",
    "answers": "new calls and answers",
    TRAITS: "new data about the lead or its company",
    SALES: "what sales did",
}
OTHERS = {
    CORRECTED: "about other leads, or data from before that came in after it was scored",
    "touches": "by other leads of its company",
    "answers": "of other leads of its company, or about the agent",
    TRAITS: "other leads of its company",
    SALES: "decisions on other leads",
}
"""Where news that moved a lead comes from, if it has none of its own."""
HOW = {"late": " (came in late)", "changed": " (corrected)", "gone": " (taken back)", "merged": " (from a merged lead)"}
NOTHING = 5e-4
"""A step smaller than that is not told."""
NAMED = 3
"""Events that are named; of more the number is given."""
TYPES = {"lead_id": "str", "then": "float64", "now": "float64", "change": "float64"}
TYPES |= dict.fromkeys(STEPS, "float64") | {"cause": "str", "changed": "str", "steps": "object"}
NO_CHANGES = pd.DataFrame(columns=list(TYPES)).astype(TYPES)


@dataclass(frozen=True)
class Seeing:
    """A model and the agreement whose points it sees."""

    model: LoadedModel
    under: Agreement


def find_changes(
    warehouse: Warehouse,
    then: pd.DataFrame,
    now: pd.DataFrame,
    present: Seeing,
    former: Seeing | None = None,
    least: float = LEAST,
) -> pd.DataFrame:
    """The leads whose log-odds changed by at least `least` between two scorings, and why; the largest change first.

    then, now: scores (lead_id, as_of, probability, model_version), each of one moment. present: what gave those of
    `now`; former: what gave those of `then`, None where that is gone.

    Columns lead_id, then and now (log-odds), change, one per step of STEPS, which add up to it, cause (the largest step
    in the direction of the change), changed (in words) and steps (of each that is not nothing the log-odds and the
    words, the largest first). A change that the news does not hold, because rows dated earlier came in after a lead was
    scored or something was deleted for good, is `corrected`. Empty where no model gave the scores.
    """
    both = then.merge(now, on="lead_id", suffixes=("_then", "_now")).dropna(subset=["probability_then"])
    both = both.assign(then=log_odds(both["probability_then"]), now=log_odds(both["probability_now"]))
    both = both[(both["now"] - both["then"]).abs() >= least].reset_index(drop=True)
    if both.empty:
        return NO_CHANGES
    since, until = (both[f"as_of_{end}"].iloc[0].to_pydatetime() for end in ("then", "now"))
    path = _path(warehouse, both, since, until, present, former)
    found = both[["lead_id", "then", "now"]].assign(change=both["now"] - both["then"], **path)
    found["cause"] = _causes(found)
    news = list_news(warehouse, list(found["lead_id"]), since, until)
    of_lead = dict(list(news.groupby("lead_id")))
    versions = _versions(both, present, former)
    rows = [(row, of_lead.get(row["lead_id"], news[:0])) for row in found.to_dict("records")]
    told = pd.Series([_told(row, own, versions) for row, own in rows], found.index, dtype="object")
    found = found.assign(changed=[_changed(row, own, versions) for row, own in rows], steps=told)
    order = found["change"].abs().sort_values(ascending=False, kind="stable").index
    return found.loc[order, list(TYPES)].astype(TYPES).reset_index(drop=True)


def log_odds(p: pd.Series[float]) -> pd.Series[float]:
    """The log-odds of n probabilities in (0, 1)."""
    return pd.Series(np.log(p / (1 - p)), p.index)


def _path(
    warehouse: Warehouse, both: pd.DataFrame, since: datetime, until: datetime, present: Seeing, former: Seeing | None
) -> dict[str, pd.Series[float]]:
    """The steps of each lead; one that was not known at `since`, by what is stored now, has `corrected` alone."""
    known = _known(warehouse, list(both["lead_id"]), since)
    there = both[both["lead_id"].isin(known)]
    said, told = there["then"], there["now"]
    begun, last = _score(warehouse, present, there, since, until)
    again, agreed = _by_former(warehouse, present, former, there, since, said, begun)
    with arriving(warehouse, list(there["lead_id"]), since, until) as moments:
        stops = _score(warehouse, present, there, *moments.values())
    arrived = dict(zip(KINDS, np.diff([*stops, last], axis=0), strict=True))
    steps = {"model": begun - agreed, "agreement": agreed - again, "ageing": stops[0] - begun, **arrived}
    steps[CORRECTED] = steps[CORRECTED] + (again - said) + (told - last)
    whole = {CORRECTED: both["now"] - both["then"]}
    return {
        name: pd.Series(steps[name], there.index).reindex(both.index).fillna(whole.get(name, 0.0)) for name in STEPS
    }


def _by_former(
    warehouse: Warehouse,
    present: Seeing,
    former: Seeing | None,
    leads: pd.DataFrame,
    since: datetime,
    said: pd.Series[float],
    begun: pd.Series[float],
) -> tuple[pd.Series[float], pd.Series[float]]:
    """What the former model says of the leads at `since` by what is stored now: under its own points, and today's.

    Where it is the present one, or can no longer score, that is what `begun` and `said` are.
    """
    if leads.empty or _same(present, former):
        return begun, begun
    try:
        [again] = _score(warehouse, former, leads, since) if former else [said]
    except ModelError:
        return said, said
    if former is None or former.under.points_version == present.under.points_version:
        return again, again
    try:
        return again, _score(warehouse, Seeing(former.model, present.under), leads, since)[0]
    except ModelError:  # the new agreement asks otherwise: its part is within the model's
        return again, again


def _same(present: Seeing, former: Seeing | None) -> bool:
    return former is not None and former.model.version == present.model.version


def _score(warehouse: Warehouse, by: Seeing, leads: pd.DataFrame, *moments: datetime) -> list[pd.Series[float]]:
    """The log-odds of n leads at each of the moments, by the index of `leads`."""
    index = [leads[["lead_id"]].assign(as_of=pd.Timestamp(moment)) for moment in moments]
    found = log_odds(score_snapshots(warehouse, by.model, by.under, pd.concat(index)))
    return [found.iloc[place : place + len(leads)] for place in range(0, len(found), len(leads))] or [found] * len(
        index
    )


def _known(warehouse: Warehouse, leads: list[str], moment: datetime) -> set[str]:
    sql = f"SELECT lead_id FROM leads l WHERE {in_force('$moment', 'l')} AND list_contains($leads, lead_id)"
    return {lead for (lead,) in warehouse.rows(sql, {"moment": moment, "leads": leads})}


def _causes(found: pd.DataFrame) -> list[str]:
    """The largest step of each lead in the direction of its change."""
    sign = np.sign(found["change"].to_numpy())[:, None]
    return [STEPS[place] for place in (found[list(STEPS)].to_numpy() * sign).argmax(axis=1)]


def _versions(both: pd.DataFrame, present: Seeing, former: Seeing | None) -> dict[str, str]:
    """What a new model and its points are called."""
    before = str(both["model_version_then"].iloc[0]) if "model_version_then" in both else "another"
    gone = "" if former else ", which is gone: its points and data corrected since are part of this"
    return {
        "model": f"a new model: version {present.model.version} instead of {before}{gone}",
        "agreement": f"a new agreement: points count as {present.under.version} says",
    }


def _changed(row: dict[Hashable, Any], news: pd.DataFrame, versions: dict[str, str]) -> str:
    """One lead's change in words: from where to where, and its main cause with the events."""
    then, now = (100 / (1 + np.exp(-row[end])) for end in ("then", "now"))
    digits, way = int(round(then) == round(now)), "up" if row["change"] > 0 else "down"
    cause = in_words(row["cause"], news, versions)
    return f"{way} from {then:.{digits}f} % to {now:.{digits}f} %, mainly because of {cause}"


def _told(row: dict[Hashable, Any], news: pd.DataFrame, versions: dict[str, str]) -> tuple[tuple[float, str], ...]:
    """The steps that are not nothing, each with its words, the largest first."""
    steps = sorted((step for step in STEPS if abs(row[step]) >= NOTHING), key=lambda step: -abs(row[step]))
    return tuple((row[step], in_words(step, news, versions)) for step in steps)


def in_words(step: str, news: pd.DataFrame, versions: dict[str, str]) -> str:
    """A step in words, with the lead's own news of that kind (rows of `list_news`)."""
    if step not in OTHERS:
        return versions.get(step) or TITLES[step]
    own = news[news["kind"] == step]
    return f"{TITLES[step]}: {_listed(own) if len(own) else OTHERS[step]}"


def _listed(news: pd.DataFrame) -> str:
    """The newest NAMED events, equal ones of a day as one, and how many more there are."""
    days = news["happened"].dt.strftime(" on %Y-%m-%d").fillna("")
    texts = news["what"] + days + news["how"].map(HOW).where(days != "").fillna("")
    counts = texts.iloc[::-1].value_counts(sort=False)
    named = [f"{text} ({count} times)" if count > 1 else str(text) for text, count in counts.items()]
    more = int(counts.iloc[NAMED:].sum())
    return ", ".join([*named[:NAMED], *[f"{more} more"] * (more > 0)])
