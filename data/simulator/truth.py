"""What is true? Each hand-off's log-odds of acceptance, term by term, and the exact share of every concept in it.

A term belongs to the concept that a sales rep would name:

- fit: how well account and person suit, and what only people sense of them;
- engagement: warmth (recent touches by a person) and the urgency that shows in them;
- qualification: need, budget, authority, timeframe, and that the account has bought elsewhere;
- journey: whom in sales it got to; calls and account have terms in the strange world only.

The calendar (a trend, a break) belongs to no lead and is part of `base`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.simulator.people import People
from data.simulator.words import Floats, Ints
from data.simulator.worlds import World

CONCEPTS = ("fit", "engagement", "calls", "qualification", "account", "journey")
"""Those of features.definition, which this room cannot import."""
REPS = 6
REPS_OF_A_RANK = 3
WARMTH_HALVES_DAYS = 14


@dataclass(frozen=True)
class Situation:
    """Hand-offs, made or imagined, one element each: the lead (index), when (days), and what was done before."""

    lead: Ints
    at: Floats
    warmth: Floats
    dials: Floats


@dataclass(frozen=True)
class Pair:
    """An interaction: the product of a term of one concept and a term of another."""

    one: str
    x: Floats
    other: str
    y: Floats


@dataclass(frozen=True)
class Terms:
    """The log-odds of situations: `base` + the sum of what each concept adds alone + the products of pairs."""

    base: Floats
    alone: dict[str, Floats]
    pairs: tuple[Pair, ...] = ()

    @property
    def log_odds(self) -> Floats:
        """The sum, one element a situation."""
        return self.base + sum(self.alone.values()) + sum((p.x * p.y for p in self.pairs), np.zeros_like(self.base))


def situations(seen: pd.DataFrame, dials: pd.DataFrame, lead: Ints, at: Floats) -> Situation:
    """Each lead at its time, with warmth and dials until then; `dials` are those made before sales took over."""
    by_people = seen.loc[~seen["bot"], ["lead", "at"]]
    decayed = _sum_before(by_people, lead, at, lambda age: 0.5 ** (age / WARMTH_HALVES_DAYS))
    return Situation(lead, at, np.log1p(decayed), _sum_before(dials, lead, at, np.ones_like))


def terms(who: People, world: World, now: Situation, rep: Ints | None = None) -> Terms:
    """The truth about the situations. `rep` (0 to 5) is who in sales gets each; without it no rep is counted."""
    if world.blind_acceptance is not None:
        odds = world.blind_acceptance / (1 - world.blind_acceptance)
        return Terms(np.full(len(now.lead), np.log(odds)), {c: np.zeros(len(now.lead)) for c in CONCEPTS})
    level, urgency, fit = who.true_levels(now.lead, now.at), who.urgency(now.lead, now.at), who.fit[now.lead]
    active, power = level["need"] == 2, level["authority"] == 2
    asked = 0.6 * active + 0.4 * (level["need"] > 0) + 0.3 * level["budget"] + 0.35 * level["authority"]
    asked += 0.15 * level["timeframe"] + 0.5 * (active & power)
    alone = {
        "fit": 0.8 * fit + world.hidden * who.hidden[now.lead],
        "engagement": 0.7 * urgency + 0.5 * now.warmth,
        "calls": np.zeros(len(fit)),
        "qualification": asked + world.bought_effect * (now.at >= who.bought[now.lead]),
        "account": np.zeros(len(fit)),
        "journey": np.zeros(len(fit)) if rep is None else _leniency(world, rep),
    }
    turned = _humps(who, now)
    alone = {c: term + world.humps * turned.get(c, 0.0) for c, term in alone.items()}
    pairs = (Pair("fit", 0.5 * fit, "qualification", active.astype(float)), *_interactions(who, world, now))
    return Terms(world.base + world.shift(now.at, who.days), alone, pairs)


def probability(log_odds: Floats) -> Floats:
    """The chance of acceptance that these log-odds mean."""
    return np.asarray(1 / (1 + np.exp(-log_odds)))


def contributions(of: Terms, among: Terms) -> dict[str, Floats]:
    """`base` and each concept's exact Shapley value (Shapley 1953) on the log-odds; together they are `of.log_odds`.

    The value of a set of concepts is the mean log-odds with these as they are and the others drawn, jointly, from
    `among`. A term alone so gives itself less its mean. A product xy of two concepts gives, in the two orders in which
    they can come in, (x E[y] - E[xy]) and (xy - x E[y]), or (xy - E[x] y) and (E[x] y - E[xy]); the mean of the two
    orders is each one's share.
    """
    shares = {c: term - among.alone[c].mean() for c, term in of.alone.items()}
    base = of.base + sum(term.mean() for term in among.alone.values())
    for pair, others in zip(of.pairs, among.pairs, strict=True):
        x, y, both = others.x.mean(), others.y.mean(), (others.x * others.y).mean()
        joint = pair.x * pair.y
        shares[pair.one] = shares[pair.one] + (pair.x * y - both + joint - x * pair.y) / 2
        shares[pair.other] = shares[pair.other] + (joint - pair.x * y + x * pair.y - both) / 2
        base = base + both
    return {"base": base, **{c: shares[c] for c in CONCEPTS}}


def truth_of(of: Terms, among: Terms) -> pd.DataFrame:
    """probability, base and a column a concept, one row a situation."""
    return pd.DataFrame({"probability": probability(of.log_odds), **contributions(of, among)})


def truth_at(who: People, world: World, now: Situation, among: Terms) -> pd.DataFrame:
    """The same, were each handed off now, on average over the reps who could get it.

    The mean is of probabilities; what it does to the log-odds is counted under journey, where the reps are.
    """
    of, mean = terms(who, world, now), probability_at(who, world, now)
    shares = contributions(of, among)
    shares["journey"] = shares["journey"] + np.log(mean / (1 - mean)) - of.log_odds
    return pd.DataFrame({"probability": mean, **shares})


def probability_at(who: People, world: World, now: Situation) -> Floats:
    """The chance of acceptance of each situation, on average over the reps who could get it."""
    log_odds, rank = terms(who, world, now).log_odds, who.rank[now.lead]
    lenient = [_leniency(world, (rank + turn) % REPS) for turn in range(REPS_OF_A_RANK)]
    return np.asarray(np.mean([probability(log_odds + term) for term in lenient], axis=0))


def _leniency(world: World, rep: Ints) -> Floats:
    """What a rep adds, from the strictest (0) to the most lenient (5)."""
    return np.asarray((world.blind_acceptance is None) * 0.3 * (rep / (REPS - 1) * 2 - 1))


def _humps(who: People, now: Situation) -> dict[str, Floats]:
    """Effects that turn: many touches annoy, the middle ranks buy best, dials wear out, one or two colleagues help."""
    return {
        "engagement": -0.6 * np.maximum(now.warmth - 1.8, 0) ** 2,
        "fit": np.where(np.isin(who.rank[now.lead], [1, 2]), 0.9, 0.0),
        "calls": -0.3 * np.maximum(now.dials - 3, 0),
        "account": np.where(np.isin(who.colleagues[now.lead], [1, 2]), 0.8, 0.0),
    }


def _interactions(who: People, world: World, now: Situation) -> tuple[Pair, ...]:
    """Strong ones: warmth makes up for poor fit, urgency counts with those who decide, dials pay where money is."""
    level, urgent = who.true_levels(now.lead, now.at), who.urgency(now.lead, now.at) > 0.5
    decides, often = np.where(level["authority"] == 2, 1.0, -1.0), np.where(now.dials > 2, 0.4, -0.4)
    w = world.interactions
    return (
        Pair("fit", -0.9 * w * who.fit[now.lead], "engagement", now.warmth - 1.2),
        Pair("qualification", w * decides, "engagement", np.where(urgent, 1.0, -1.0)),
        Pair("qualification", w * (level["budget"].astype(np.float64) - 1), "calls", often),
    )


def _sum_before(rows: pd.DataFrame, lead: Ints, at: Floats, weight: Callable[[Floats], Floats]) -> Floats:
    """Per situation the sum of its lead's earlier rows, each weighed by a function of its age in days."""
    pairs = pd.DataFrame({"lead": lead, "now": at, "row": np.arange(len(lead))})
    pairs = rows[["lead", "at"]].merge(pairs, on="lead")
    age = (pairs["now"] - pairs["at"]).to_numpy()
    before = age >= 0
    weights = weight(age[before])
    return np.asarray(np.bincount(pairs["row"].to_numpy()[before], weights, len(lead)), dtype=np.float64)
