"""What would another agreement have done? The leads it would have qualified, sales' answers to such, places, promises.

Everything is laid over what was recorded. What the other agreement would have changed afterwards (calls that were no
longer made because a lead had gone to sales, answers nobody asked for) is not there to be seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from data.agreement.model import Agreement
from data.agreement.promises import due_at, promise_of, promised_hours
from data.cohorts import handed_off
from data.sql import in_force
from data.warehouse import Warehouse
from features.matrix import build_matrix
from features.rules.standing import build_rules, first_reached
from models.judging.trial import NEW, NEW_ONLY, OLD, Answers, Estimate, cross_fit, estimate, kinds
from models.rows.training_set import TrainingSet

SEED = 7

SENT = """SELECT lead_id, min(handed_off_at) AS first_sent, min(handed_off_at) FILTER (propensity < 1) AS drawn_at
    FROM ({handed_off}) h WHERE {known} GROUP BY lead_id"""
NO_ANSWERS = pd.DataFrame({"y": [], "propensity": [], "group": [], "kind": []})
ANSWERED = f"""SELECT h.lead_id, h.handed_off_at, min(d.decided_at) AS answered_at FROM handoffs h
    LEFT JOIN decisions d ON d.lead_id = h.lead_id AND d.decided_at >= h.handed_off_at AND {in_force("$as_of", "d")}
    WHERE {in_force("$as_of", "h")} AND h.handed_off_at >= $since GROUP BY ALL ORDER BY ALL"""


@dataclass(frozen=True)
class Volume:
    """How many leads a day an agreement qualifies, against its places.

    places: hand-offs a day of all teams, None without a limit. late: leads that would not have found a place on their
    day; longest: the most days one would have waited; left: those still waiting at the end.
    """

    leads: int
    days: int
    busiest: int
    places: int | None
    late: int
    longest: int
    left: int


@dataclass(frozen=True)
class Kept:
    """How often sales would have kept an agreement's promises, as it answered: hand-offs in `due` were over."""

    promised: int
    kept: int
    due: int


@dataclass(frozen=True)
class Told:
    """What sales would have accepted (`models.judging.trial`): None where it cannot be told.

    untold: why nothing can be learned from sales' answers, if that is so.
    """

    answers: Answers
    weighted: Estimate | None = None
    robust: Estimate | None = None
    untold: str = ""


@dataclass(frozen=True)
class Tried:
    """Two agreements side by side.

    scored: how many leads are open today under each; capacity: what there is room for (`score_leads`); changed: whom
    they place elsewhere today (`changed_routes`). volume, kept: under each, from `since` to `as_of`. by_draw: moments
    left out. model: the version that the probabilities of today are of, if any.
    """

    old: Agreement
    new: Agreement
    since: datetime
    as_of: datetime
    scored: Mapping[str, int]
    routes: Mapping[str, Mapping[str, int]]
    changed: pd.DataFrame
    told: Told
    volume: Mapping[str, Volume]
    kept: Mapping[str, Kept]
    by_draw: int
    model: int | None


def reached_moments(
    warehouse: Warehouse, agreements: Mapping[str, Agreement], since: datetime, as_of: datetime
) -> tuple[pd.DataFrame, int]:
    """When each agreement (OLD, NEW) first rated each lead qualified, from `since` to before `as_of`.

    Returns lead_id, as_of, agreement, kind (`models.judging.trial.kinds`), seen_at and sales_until, and how many such
    moments are left out because the lead had gone to sales by a draw before: it would have under either agreement.
    seen_at: when it would have been handed off, as long after `as_of` as half of the hand-offs are made within;
    sales_until: up to when sales is seen then, so that the lead looks as nobody had handed it off.
    """
    sent = warehouse.frame(SENT.format(handed_off=handed_off(warehouse), known=in_force("$1", "h")), [as_of])
    parts = []
    for name, agreement in agreements.items():
        found = first_reached(warehouse, [agreement.from_ever_on()], as_of)
        found = found.rename(columns={"qualified_at": "as_of"})[["lead_id", "as_of"]]
        parts.append(found[found["as_of"] >= since].assign(agreement=name))
    rows = pd.concat(parts, ignore_index=True).merge(sent, "left", "lead_id")
    drawn = rows["drawn_at"] < rows["as_of"]
    rows = rows[~drawn].reset_index(drop=True)
    took = (rows["first_sent"] - rows["as_of"])[(rows["agreement"] == OLD) & (rows["first_sent"] >= rows["as_of"])]
    later = rows["as_of"].to_numpy() + pd.Timedelta(took.median() if len(took) else 0).to_timedelta64()
    seen_at = pd.Series(np.minimum(later, np.datetime64(as_of)), rows.index)
    until = rows["first_sent"].where(rows["first_sent"] < seen_at, seen_at)
    rows = rows.assign(seen_at=seen_at, sales_until=until, kind=met_by(warehouse, agreements, rows))
    return rows.drop(columns=sent.columns[1:]), int(drawn.sum())


def met_by(warehouse: Warehouse, agreements: Mapping[str, Agreement], index: pd.DataFrame) -> np.ndarray:
    """The kind of each moment of `index` (lead_id, as_of): who of the two agreements rates the lead qualified."""
    rows = index[["lead_id", "as_of"]].drop_duplicates(ignore_index=True)
    met = {
        name: build_rules(warehouse, rows, [a.from_ever_on()])["zone"] == "qualified" for name, a in agreements.items()
    }
    of = rows.assign(kind=kinds(met[OLD].to_numpy(), met[NEW].to_numpy()))
    return index[["lead_id", "as_of"]].merge(of, "left", ["lead_id", "as_of"])["kind"].to_numpy()


def answered_handoffs(
    warehouse: Warehouse, agreements: Mapping[str, Agreement], data: TrainingSet, since: datetime
) -> pd.DataFrame:
    """The hand-offs of `data` from `since` on whose horizon has closed, by their place in it.

    As `models.judging.trial.count_answers` takes them, with lead_id, as_of and y.
    """
    usable = data.mature & (data.as_of >= since).to_numpy() & (data.propensity > 0).to_numpy()
    rows = data.table(np.flatnonzero(usable), "lead_id", "as_of", "y", "propensity", "group")
    return rows.assign(kind=met_by(warehouse, agreements, rows))


def estimates(
    warehouse: Warehouse,
    seen_under: Agreement,
    data: TrainingSet,
    reached: pd.DataFrame,
    answers: pd.DataFrame,
    few: tuple[str, ...],
    candidate: str,
) -> tuple[Estimate, Estimate]:
    """The weighted and the robust estimate (`models.judging.trial`); `data` and the leads are seen under one agreement.

    The model is asked of leads that the new agreement alone qualifies; of the others sales' answers to hand-offs made
    at such moments say more.
    """
    weighted = estimate(reached.assign(p=0.0), answers.assign(p=0.0), few)
    asked = reached["kind"] == NEW_ONLY
    if not asked.any() or NEW_ONLY in few:
        return weighted, weighted
    index = reached.loc[asked, ["lead_id", "seen_at", "sales_until"]].rename(columns={"seen_at": "as_of"})
    matrix = build_matrix(warehouse, index, seen_under, names=list(data.X.columns))
    p, of_asked = cross_fit(data, candidate, matrix[list(data.X.columns)], matrix["house"], SEED)
    told = answers.assign(p=np.where(answers["kind"] == NEW_ONLY, p[answers.index], 0.0))
    expected = pd.Series(0.0, reached.index)
    expected[asked] = of_asked
    return weighted, estimate(reached.assign(p=expected), told, few)


def volume(moments: pd.Series, agreement: Agreement, since: datetime, as_of: datetime) -> Volume:
    """The leads that come to be qualified at `moments`, by calendar day (UTC), and how they would have had to wait.

    Who finds no place waits for the next day with a free one, first come first served.
    """
    days = pd.date_range(pd.Timestamp(since).normalize(), pd.Timestamp(as_of).normalize(), freq="D")
    counts = moments.dt.normalize().value_counts().reindex(days, fill_value=0).to_numpy()
    teams = agreement.capacity.teams
    places = sum(team.hand_offs_per_day for team in teams.values()) if teams else None
    if places is None:
        return Volume(len(moments), len(days), int(counts.max()), None, 0, 0, 0)
    came, went = np.cumsum(counts), np.zeros(len(days), dtype=int)
    for day in range(len(days)):
        before = went[day - 1] if day else 0
        went[day] = before + min(places, came[day] - before)
    number = np.arange(1, came[-1] + 1)
    arrived, placed = np.searchsorted(came, number), np.searchsorted(went, number)
    waited = placed - arrived
    return Volume(
        leads=len(moments),
        days=len(days),
        busiest=int(counts.max()),
        places=places,
        late=int((waited > 0).sum()),
        longest=int(waited.max(initial=0)),
        left=int(came[-1] - went[-1]),
    )


def promises_kept(warehouse: Warehouse, agreement: Agreement, since: datetime, as_of: datetime) -> Kept:
    """Of the hand-offs from `since` on, how many the agreement would have promised, and whether sales kept it."""
    rows = warehouse.frame(ANSWERED, {"since": since, "as_of": as_of})
    index = rows.rename(columns={"handed_off_at": "as_of"})[["lead_id", "as_of"]]
    standing = build_rules(warehouse, index, [agreement.from_ever_on()])
    hours = promised_hours(promise_of(standing["zone"], standing["urgent"], agreement), agreement)
    due = due_at(rows["handed_off_at"], hours, agreement.working_time)
    kept, over = rows["answered_at"] <= due, due < as_of
    return Kept(int(hours.notna().sum()), int(kept.sum()), int((kept | over).sum()))


def months_before(as_of: datetime, months: int) -> datetime:
    """The moment so many months earlier."""
    return (pd.Timestamp(as_of) - pd.DateOffset(months=months)).to_pydatetime()


def changed_routes(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Leads that two scorings of a moment place in other zones or routes: lead_id, probability, and both of each.

    A lead that is in one of them only has no zone and route in the other.
    """
    columns = ["lead_id", "probability", "zone", "route"]
    both = old[columns].merge(new[columns], "outer", "lead_id", suffixes=("_old", "_new"))
    both = both.assign(probability=both["probability_old"].fillna(both["probability_new"]))
    names = ["zone_old", "zone_new", "route_old", "route_new"]
    filled = both[names].astype(object).fillna("not in the list")
    moved = (filled["zone_old"] != filled["zone_new"]) | (filled["route_old"] != filled["route_new"])
    return pd.concat([both[["lead_id", "probability"]], filled], axis=1)[moved].reset_index(drop=True)
