"""Which leads get to sales, and what does sales say? The gate, exploration, judgement, decisions and second chances."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.agreement.model import Exploration
from data.simulator.activity import late
from data.simulator.people import People
from data.simulator.truth import REPS, REPS_OF_A_RANK, probability, situations, terms
from data.simulator.words import BANT, NOTHING, Floats, Ints, Random, Texts
from data.simulator.worlds import World

RECYCLABLE = ("too_early", "no_budget")


def first_handoffs(rng: Random, who: People, world: World, learned: pd.DataFrame) -> pd.DataFrame:
    """The first hand-off of each lead that gets one: by the rules, or by exploration before the rules are met."""
    n, (private, drawing) = len(who.created), rng.spawn(2)
    gate = _gate(who, world, learned)
    if world.held_back or world.pushed:
        gate = _judged(private, who, world, learned, gate)
    gate = gate + rng.exponential(0.25, n) + 0.01
    explored = _explored(drawing, who, world)
    chosen = explored < gate
    at = np.where(chosen, explored, gate)
    frame = pd.DataFrame({"lead": np.arange(n), "at": at, "route": np.where(chosen, "exploration", "rules")})
    return _due(frame.assign(propensity=np.where(chosen, world.explored, 1.0)), who, world)


def decided(
    rng: Random, who: People, world: World, handed: pd.DataFrame, seen: pd.DataFrame, dials: pd.DataFrame
) -> pd.DataFrame:
    """The hand-offs with sales' decision and what it came from.

    Added are probability, decision (None: silence), decided_at, decided_late, reason, sales_rep, rep (its index), and
    warmth and dials before (data.simulator.truth.Situation).
    """
    n, lead, at = len(handed), handed["lead"].to_numpy(), handed["at"].to_numpy()
    rep = (who.rank[lead] + rng.integers(0, REPS_OF_A_RANK, n)) % REPS
    now = situations(seen, dials, lead, at)
    chance = probability(terms(who, world, now, rep).log_odds)
    accepted, silent = rng.random(n) < chance, rng.random(n) < world.silent
    reason = np.where(accepted, "qualified", _why_not(rng, who, world, lead, at))
    pace = np.where(accepted, 1, world.refusal_pace)
    return handed.assign(
        rep=rep,
        warmth=now.warmth,
        dials=now.dials,
        probability=chance,
        decision=np.where(silent, NOTHING, np.where(accepted, "accepted", "rejected")),
        decided_at=at + world.delay_least + pace * rng.lognormal(np.log(world.delay_median), world.delay_sigma, n),
        decided_late=late(rng, n, share=0.05, days=2.0),
        reason=reason,
        sales_rep=[f"rep_{r + 1}" for r in rep],
    )


def recycled(rng: Random, who: People, world: World, first: pd.DataFrame) -> pd.DataFrame:
    """Some that the rules handed off and sales refused for now come back one to three months later."""
    refused = (first["decision"] == "rejected") & first["reason"].isin(RECYCLABLE) & (first["route"] == "rules")
    back = first.loc[refused & (rng.random(len(first)) < 0.4), ["lead", "decided_at", "route", "propensity"]]
    return _due(back.assign(at=back.pop("decided_at") + rng.uniform(30, 90, len(back))), who, world)


def opportunities(rng: Random, who: People, world: World, handed: pd.DataFrame) -> pd.DataFrame:
    """One deal per acceptance, open or closed, as known at the world's end."""
    deal = handed.loc[handed["decision"] == "accepted", ["lead", "probability", "decided_at", "decided_late"]]
    n, account = len(deal), who.leads["account_id"].str[1:].to_numpy(dtype=np.int64)[deal["lead"]]
    opened = deal["decided_at"] + deal["decided_late"] + rng.exponential(2, n)
    closed = opened + rng.lognormal(np.log(45), 0.6, n)
    over, chance = closed < who.days, 0.5 * deal["probability"] if world.blind_acceptance is None else 0.3
    won = pd.Series(rng.random(n), deal.index) < chance
    staff = who.accounts["employees"].to_numpy()[account]
    amount = np.round(2000 * np.sqrt(staff) * rng.lognormal(0, 0.5, n), -2)
    stage = np.where(over, np.where(won, "won", "lost"), rng.choice(["discovery", "proposal"], n))
    earned = np.round(amount * rng.uniform(0.2, 0.5, n), 2)
    return deal.assign(
        opened_at=opened,
        closed_at=closed.where(over),
        known=closed.where(over, opened),
        stage=stage,
        amount=amount,
        margin=np.where(over & won, earned, np.nan),
        won=won.astype("boolean").where(over),
    )


def _explored(rng: Random, who: People, world: World) -> Floats:
    """When each lead would first be picked below the gate; infinity where it never is.

    As `serving/exploration.py` draws them: a chance of `world.explored` every 90 days, from a random day on.
    """
    every = float(Exploration().every_days)
    first = who.created + every * rng.random(len(who.created))
    turns = first[:, None] + np.arange(0, who.days, every)
    return np.asarray(np.where(rng.random(turns.shape) < world.explored, turns, np.inf).min(axis=1))


def _clear(learned: pd.DataFrame) -> pd.DataFrame:
    clear: pd.DataFrame = learned[learned["state"].isin(["yes", "no"])]
    return clear.sort_values(["lead", "known", "at"], kind="stable")


def _gate(who: People, world: World, learned: pd.DataFrame) -> Floats:
    """When the answers known first meet need and enough of BANT; infinity where they never do."""
    clear = _clear(learned)
    yes = pd.DataFrame(
        {c: (clear["state"] == "yes").astype(float).where(clear["criterion"] == c) for c in BANT}, clear.index
    )
    yes = yes.groupby(clear["lead"]).ffill().fillna(0)
    stricter = world.change.criteria if world.change else world.criteria
    enough = np.where(world.changed(clear["known"].to_numpy(), who.days), stricter, world.criteria)
    return _earliest(clear[(yes["need"] == 1) & (yes.sum(axis=1) >= enough)], who)


def _earliest(rows: pd.DataFrame, who: People) -> Floats:
    first = rows.groupby("lead")["known"].min().reindex(range(len(who.created)))
    return first.fillna(np.inf).to_numpy(dtype=float)


def _judged(rng: Random, who: People, world: World, learned: pd.DataFrame, gate: Floats) -> Floats:
    """The gate as agents keep it: those who seem least serious stay behind, those who seem most so go early."""
    clear = _clear(learned)
    first_yes = _earliest(clear[clear["state"] == "yes"], who)
    met, short = np.isfinite(gate), ~np.isfinite(gate) & np.isfinite(first_yes)
    moment = np.minimum(np.where(met, gate, first_yes), who.days)
    lead = np.arange(len(gate))
    sensed = who.hidden + 1.5 * who.urgency(lead, moment) + rng.normal(0, 0.5, len(gate))
    kept = met & (sensed < _quantile(sensed[met], world.held_back))
    pushed = short & (sensed > _quantile(sensed[short], 1 - world.pushed))
    return np.select([kept, pushed], [np.full(len(gate), np.inf), first_yes], gate)


def _quantile(values: Floats, share: float) -> float:
    return float(np.quantile(values, share)) if values.size else 0.0


def _due(handed: pd.DataFrame, who: People, world: World) -> pd.DataFrame:
    due = handed[handed["at"] < who.days].reset_index(drop=True)
    version = np.where(world.changed(due["at"].to_numpy(), who.days), "bant-2", "bant-1")
    return due.assign(policy_version=version.astype(object))


def _why_not(rng: Random, who: People, world: World, lead: Ints, at: Floats) -> Texts:
    """The reason that a refusal would be given."""
    anything = rng.choice(["too_early", "no_budget", "poor_fit", "not_reached"], len(lead))
    level = who.true_levels(lead, at)
    causes = [at >= who.bought[lead], level["need"] < 2, who.fit[lead] < 0, level["budget"] == 0]
    honest = np.bool_(world.blind_acceptance is None) & (rng.random(len(lead)) < 0.8)
    words = ["bought_elsewhere", "too_early", "poor_fit", "no_budget"]
    return np.select([honest & cause for cause in causes], words, anything).astype(object)
