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
from data.cohorts import handed_off
from data.sql import in_force
from data.warehouse import Warehouse
from features.matrix import build_matrix
from features.rules.standing import build_rules, first_reached
from models.judging.trial import NEW, OLD, Answers, Estimate, cross_fit, estimate, kinds
from models.rows.training_set import TrainingSet
from serving.volume import Kept, Volume

SEED = 7
ABSENT = "not in the list"
"""Zone and route of a lead that only the other agreement keeps open."""
SEEN = pd.Timedelta(microseconds=1)
"""A hand-off's row in a training set is of so long after it."""

SENT = """SELECT lead_id, first_sent, drawn_at, decided_at FROM (
        SELECT lead_id, min(handed_off_at) AS first_sent, min(handed_off_at) FILTER (propensity < 1) AS drawn_at
        FROM ({handed_off}) h WHERE {h} GROUP BY lead_id)
    LEFT JOIN (SELECT lead_id, min(decided_at) AS decided_at FROM decisions d WHERE {d} GROUP BY lead_id)
    USING (lead_id)"""
NO_ANSWERS = pd.DataFrame({"y": [], "propensity": [], "group": [], "kind": []})
IN_FORCE = (
    f"SELECT lead_id, m.seen_at FROM m_moments_seen m JOIN leads l USING (lead_id) WHERE {in_force('m.seen_at', 'l')}"
)


@dataclass(frozen=True)
class Told:
    """What sales would have accepted (`models.judging.trial`): None where it cannot be told.

    untold: why nothing can be learned from sales' answers, if that is so. answered: the share of past hand-offs that
    sales answers in time.
    """

    answers: Answers
    weighted: Estimate | None = None
    corrected: Estimate | None = None
    untold: str = ""
    answered: float | None = None


@dataclass(frozen=True)
class Tried:
    """Two agreements side by side.

    scored: how many leads are open today under each; changed: whom they place elsewhere today (`changed_routes`).
    unseen: words of the draft that the data do not have. volume, kept: under each, from `since` to `as_of`.
    left_out: moments that tell nothing of a draft, by why. model: the version that the probabilities of today are of,
    if any.
    """

    old: Agreement
    new: Agreement
    since: datetime
    as_of: datetime
    scored: Mapping[str, int]
    routes: Mapping[str, Mapping[str, int]]
    changed: pd.DataFrame
    unseen: list[str]
    told: Told
    volume: Mapping[str, Volume]
    kept: Mapping[str, Kept]
    left_out: Mapping[str, int]
    model: int | None


def reached_moments(
    warehouse: Warehouse, agreements: Mapping[str, Agreement], since: datetime, as_of: datetime
) -> tuple[pd.DataFrame, dict[str, int]]:
    """When each agreement (OLD, NEW) first rated each lead qualified, from `since` to before `as_of`.

    Returns lead_id, as_of, agreement, kind (`models.judging.trial.kinds`), team, seen_at and sales_until, and how many
    such moments are left out: those of leads that had gone to sales by a draw (they would have under either agreement)
    or that sales had decided on (what was learned since may come from sales). seen_at: when the lead would have been
    handed off, as long after `as_of` as half of the hand-offs are made within; sales_until: up to when sales is seen
    then, so that the lead looks as nobody had handed it off.
    """
    sent = first_sent(warehouse, as_of)
    parts = []
    for name, agreement in agreements.items():
        found = first_reached(warehouse, [agreement.from_ever_on()], as_of)
        found = found.rename(columns={"qualified_at": "as_of"})[["lead_id", "as_of"]]
        parts.append(found[found["as_of"] >= since].assign(agreement=name))
    rows = pd.concat(parts, ignore_index=True).join(sent, on="lead_id")
    drawn, decided = rows["drawn_at"] < rows["as_of"], rows["decided_at"] < rows["as_of"]
    left_out = {"drawn": int(drawn.sum()), "decided": int((decided & ~drawn).sum())}
    rows = rows[~drawn & ~decided].reset_index(drop=True)
    took = (rows["first_sent"] - rows["as_of"])[(rows["agreement"] == OLD) & (rows["first_sent"] >= rows["as_of"])]
    later = rows["as_of"].to_numpy() + pd.Timedelta(took.median() if len(took) else 0).to_timedelta64()
    rows["seen_at"] = np.minimum(later, np.datetime64(as_of))
    with warehouse.view("m_moments_seen", rows[["lead_id", "seen_at"]]):
        there = warehouse.frame(IN_FORCE).assign(there=True)
    still = (
        rows[["lead_id", "seen_at"]].merge(there.drop_duplicates(), "left", ["lead_id", "seen_at"])["there"].eq(True)
    )
    rows["seen_at"] = rows["seen_at"].where(still, rows["as_of"])  # merged or deleted in between
    rows["sales_until"] = rows["first_sent"].where(rows["first_sent"] < rows["seen_at"], rows["seen_at"])
    rows = rows.drop(columns=[*sent]).merge(rated(warehouse, agreements, rows), "left", ["lead_id", "as_of"])
    own = np.where(rows["agreement"] == OLD, rows["team_old"], rows["team_new"])
    return rows.assign(team=own).drop(columns=["team_old", "team_new"]), left_out


def first_sent(warehouse: Warehouse, as_of: datetime) -> pd.DataFrame:
    """By lead_id its first hand-off, its first by a draw, and sales' first decision (NaT: none), known at `as_of`."""
    known = {name: in_force("$1", name) for name in ("h", "d")}
    found = warehouse.frame(SENT.format(handed_off=handed_off(warehouse), **known), [as_of])
    return found.set_index("lead_id")


def rated(warehouse: Warehouse, agreements: Mapping[str, Agreement], index: pd.DataFrame) -> pd.DataFrame:
    """What both agreements make of each moment of `index` (lead_id, as_of), once: kind, team_old, team_new."""
    rows = index[["lead_id", "as_of"]].drop_duplicates(ignore_index=True)
    of = {name: build_rules(warehouse, rows, [a.from_ever_on()]) for name, a in agreements.items()}
    both = of[OLD].merge(of[NEW], on=["lead_id", "as_of"], suffixes=("_old", "_new"))
    kind = kinds((both["zone_old"] == "qualified").to_numpy(), (both["zone_new"] == "qualified").to_numpy())
    return both[["lead_id", "as_of", "team_old", "team_new"]].assign(kind=kind)


def answered_handoffs(
    warehouse: Warehouse, agreements: Mapping[str, Agreement], data: TrainingSet, since: datetime
) -> pd.DataFrame:
    """Leads' first hand-offs in `data` from `since` on whose horizon has closed, by their place in it.

    One that comes back after a refusal tells nothing of leads that have just become qualified. As
    `models.judging.trial.count_answers` takes them, with lead_id, as_of and y.
    """
    again = data.lead_id.map(first_sent(warehouse, data.now)["first_sent"]) < data.as_of - SEEN
    usable = data.mature & (data.as_of >= since).to_numpy() & (data.propensity > 0).to_numpy() & ~again.to_numpy()
    rows = data.table(np.flatnonzero(usable), "lead_id", "as_of", "y", "propensity", "group")
    found = rows.reset_index().merge(rated(warehouse, agreements, rows), "left", ["lead_id", "as_of"])
    return found.set_index("index").rename_axis(None).assign(kind=lambda f: f["kind"].fillna(""))


def estimates(
    warehouse: Warehouse,
    seen_under: Agreement,
    data: TrainingSet,
    reached: pd.DataFrame,
    answers: pd.DataFrame,
    few: tuple[str, ...],
    candidate: str,
) -> tuple[Estimate, Estimate]:
    """The weighted and the corrected estimate (`models.judging.trial`); data and leads are seen under one agreement."""
    names = list(data.X.columns)
    index = reached[["lead_id", "seen_at", "sales_until"]].rename(columns={"seen_at": "as_of"})
    matrix = build_matrix(warehouse, index, seen_under, names=names)
    p, of_reached = cross_fit(data, candidate, matrix[names], matrix["house"], SEED)
    weighted = estimate(reached.assign(p=np.nan), answers.assign(p=np.nan), few)
    return weighted, estimate(reached.assign(p=of_reached), answers.assign(p=p[answers.index]), few)


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
    filled = both[names].astype(object).fillna(ABSENT)
    moved = (filled["zone_old"] != filled["zone_new"]) | (filled["route_old"] != filled["route_new"])
    return pd.concat([both[["lead_id", "probability"]], filled], axis=1)[moved].reset_index(drop=True)
