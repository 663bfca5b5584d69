"""What do the tables of this world's company hold, and what is true of its leads?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd

from data.simulator.articles.law import truth
from data.simulator.articles.people import REPS, People, Vector, times
from data.simulator.articles.year import lived
from data.tables import TABLES

REASONS = ("no_need", "no_money", "wrong_person", "too_early", "no_answer")


def simulate(
    leads: int, seed: int, start: datetime, days: int, moments: Sequence[datetime] = (), explored: float = 0.05
) -> dict[str, pd.DataFrame]:
    """The canonical tables of a company of the world `articles`, and its truth: as data.simulator.company.simulate.

    The world moves by days: what is true at a moment, or at a hand-off, is what was true at the midnight before it;
    after the last day nothing changes. explored: the chance of a lead below the gate to be handed off on its turn,
    which comes every 90 days, on a day that differs from lead to lead.
    """
    rng, begin = np.random.default_rng(seed), pd.Timestamp(start).as_unit("us")
    who, when = People(rng, leads, begin, days), [pd.Timestamp(m).as_unit("us") for m in moments]
    rows, asked = lived(rng, who, begin, days, when, explored)
    handed = rows["handoffs"].sort_values(["at", "lead"], ignore_index=True)
    rows["leads"] = who.leads.assign(at=who.created, lead=range(leads)).sort_values("at")
    rows["touches"] = finished(rng, pd.concat([rows["touches"], brought_in(who)]), "e{:08d}")
    rows["calls"] = numbered(rows["calls"], "c{:08d}")
    rows["decisions"] = decisions(rng, who, handed)
    rows["opportunities"] = opportunities(rng, who, rows["decisions"], days)
    rows["handoffs"] = by_the_rules(handed, explored)
    tables = {n: who.accounts if n == "accounts" else canonical(n, rows[n], who, begin, days) for n in TABLES}
    tables["truth"] = tables["handoffs"][["lead_id", "handed_off_at"]].join(truth(handed, handed))
    if when:
        asked["lead_id"] = who.leads["lead_id"].to_numpy()[asked["lead"]]
        tables["truth_at"] = asked[["lead_id", "as_of"]].join(truth(asked, handed))
    return tables


def _late(rng: np.random.Generator, n: int, share: float) -> Vector:
    """Days until rows are known: for most at once."""
    return np.where(rng.random(n) < share, rng.uniform(0, 3, n), 0)


def brought_in(who: People) -> pd.DataFrame:
    """The touches by which the leads came in."""
    came = pd.DataFrame({"lead": range(len(who.created)), "at": who.created, "known": who.created})
    return came.assign(kind="form_submit", channel="web", asset="start", direction="inbound", is_bot=None)


def finished(rng: np.random.Generator, touches: pd.DataFrame, number: str) -> pd.DataFrame:
    """Touches in order, with numbers; some come late and some twice."""
    touches = touches.sort_values(["at", "lead", "kind"], ignore_index=True)
    touches["event_id"] = touches.index.map(number.format)
    touches["is_bot"] = touches["is_bot"].astype("boolean")
    touches["known"] += _late(rng, len(touches), 0.03)
    return pd.concat([touches, touches[rng.random(len(touches)) < 0.012]]).sort_values("at", kind="stable")


def numbered(calls: pd.DataFrame, number: str) -> pd.DataFrame:
    """Calls with their numbers and the names of who called."""
    ids = [number.format(i) for i in range(len(calls))]
    return calls.assign(call_id=ids, agent_id="caller_" + calls["agent_id"].astype(str))


def by_the_rules(handed: pd.DataFrame, explored: float) -> pd.DataFrame:
    """Hand-offs with the chance that each had and the rules that made it."""
    propensity = np.where(handed["route"] == "rules", 1, explored)
    return handed.assign(propensity=propensity, policy_version="need-and-40")


def decisions(rng: np.random.Generator, who: People, handed: pd.DataFrame) -> pd.DataFrame:
    """Sales' answers; seven of ten reasons for a refusal are honest."""
    rows = handed[np.isfinite(handed["answered"])]
    account, n, accepted = who.account[rows["lead"]], len(rows), rows["accepted"]
    honest = np.select([rows["wish"] < 0.3, who.money[account] < -0.5, rows["rank"] < 0.4], REASONS[:3], "too_early")
    honest = np.where(who.bought[account] < rows["at"], "bought_elsewhere", honest)
    reason = np.where(rng.random(n) < 0.3, rng.choice(REASONS, n), honest)
    decided: pd.DataFrame = rows.assign(handed_off_at=rows["at"], at=rows["answered"])
    decided["decision"] = np.where(accepted, "accepted", "rejected")
    decided["reason"] = np.where(accepted, "fits", reason)
    decided["sales_rep"] = [f"seller_{rep}" for rep in who.team[account] * REPS + rows["rep"]]
    return decided.assign(known=rows["answered"] + _late(rng, n, 0.1))


def opportunities(rng: np.random.Generator, who: People, decided: pd.DataFrame, days: int) -> pd.DataFrame:
    """Deals of two thirds of the accepted leads; a deal is known when it is closed, or else opened."""
    rows = decided[(decided["decision"] == "accepted") & (rng.random(len(decided)) < 0.65)]
    n, money = len(rows), who.money[who.account[rows["lead"]]]
    opened, amount = rows["at"] + rng.exponential(6, n), (1e4 * np.exp(0.4 * money + rng.normal(0, 0.6, n))).round(-2)
    closed, won = (
        opened + rng.lognormal(3.8, 0.6, n),
        rng.random(n) < np.clip(0.1 + 0.3 * rows["wish"] + 0.08 * money, 0, 1),
    )
    over = closed < days
    deals = pd.DataFrame({"lead": rows["lead"], "at": opened, "amount": amount, "closed_at": closed.where(over)})
    deals["stage"] = np.where(over, np.where(won, "won", "lost"), "offer")
    deals["margin"] = np.where(won & over, 0.35 * amount, np.nan)
    return deals.assign(won=won.astype("boolean").where(over), known=closed.where(over, opened))


def canonical(name: str, rows: pd.DataFrame, who: People, start: pd.Timestamp, days: int) -> pd.DataFrame:
    """The table's columns and known_at, of what was known before the end; days become times."""
    table, rows = TABLES[name], rows.assign(known_at=rows.get("known", rows["at"]))
    rows = rows[rows["known_at"] < days].reset_index(drop=True)
    rows[table.occurred_at], rows["lead_id"] = rows["at"], who.leads["lead_id"].to_numpy()[rows["lead"]]
    for column in ("known_at", *(c.name for c in table.columns if c.type == "time")):
        rows[column] = times(start, rows[column].to_numpy())
    return rows.reindex(columns=[*table.names, "known_at"]).astype(
        {c.name: "str" for c in table.columns if c.type == "text"}
    )
