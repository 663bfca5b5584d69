"""Is a policy of handing off better than the rules alone, in money and at equal volume?

`logged` is a frame with a row per hand-off whose outcome is known, as `priced` gives it: y (1 accepted, 0 rejected), p
(a probability made before the outcome, out of time), met (the rules say qualified), propensity (chance of being
handed off: 1 by the rules, less for explored leads), group (account), and in one currency acceptance, review, waiting
and refusal. A policy is an array of n, True (or 1) where it hands off and False (0) where it holds; a share between
hands off that share of such leads. Each row stands for 1 / propensity leads that came to the gate, at most 20.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.agreement.model import Agreement, Costs, Routing
from data.errors import DataError
from models.metrics.claims import POWER, spread
from models.metrics.evaluation import Vector
from models.rows.training_set import standing_for

LEAST_EFFECTIVE = 100.0
MONEY = ("acceptance", "review", "waiting", "refusal")
RULES, AGREED, EQUAL, EVERYBODY, NOBODY = "rules", "agreed", "equal_volume", "everybody", "nobody"
POLICIES = {
    RULES: "the rules alone",
    AGREED: "rules and model, as agreed",
    EQUAL: "the model, as many as the rules",
    EVERYBODY: "everybody",
    NOBODY: "nobody",
}  # the ways of deciding who is handed off, in words


@dataclass(frozen=True)
class Estimate:
    """An amount per lead at the gate, its 95 % interval and its standard error, in the currency of the costs."""

    mean: float
    low: float
    high: float
    error: float

    def __str__(self) -> str:
        return f"{self.mean:+,.2f} per lead at the gate (95 % interval {self.low:+,.2f} to {self.high:+,.2f})"


@dataclass(frozen=True)
class Claim:
    """What may be said of the model's pick of the rules' volume against the rules.

    effective: effective number of accounts that the two treat differently, or of all where that is smaller.
    gated_only: no lead below the gate was explored, so what the model would pick there is unseen.
    """

    gain: Estimate
    rows: int
    accounts: int
    effective: float
    gated_only: bool

    @property
    def made(self) -> bool:
        """The interval lies above 0, leads below the gate were explored, and the effective size is at least 100."""
        return not self.gated_only and self.gain.low > 0 and self.effective >= LEAST_EFFECTIVE

    @property
    def needed(self) -> int | None:
        """Hand-offs like these that would show a gain of this size at 80 % power; None where no gain was seen."""
        if not self.gain.mean > 0:
            return None
        more = max(1.0, (POWER * self.gain.error / self.gain.mean) ** 2, LEAST_EFFECTIVE / self.effective)
        return math.ceil(self.rows * more)

    @property
    def sentence(self) -> str:
        """The claim as reports print it."""
        seen = f"{self.rows:,} hand-offs of {self.accounts:,} accounts, effective sample size {self.effective:,.0f}"
        figures = f"{self.gain} at equal volume, {seen}"
        if self.gated_only:
            return f"no claim, gated population only: no lead below the gate was explored ({figures})"
        if self.made:
            return f"better than {POLICIES[RULES]}: {figures}"
        if self.needed is None:
            return f"no gain seen: {figures}"
        return f"not enough data to claim: {figures}; about {self.needed:,} hand-offs like these would be enough"


def priced(logged: pd.DataFrame, costs: Sequence[Costs]) -> pd.DataFrame:
    """`logged` with the money of each row's costs, n of them; DataError where a row cannot be valued."""
    right = logged["y"].isin([0, 1]) & logged["p"].between(0, 1) & logged["met"].notna() & logged["group"].notna()
    right &= logged["propensity"].between(0, 1, inclusive="right")
    if not len(logged) or not right.all():
        raise DataError(
            "valuing policies",
            expected="decided hand-offs with p, met, group and a propensity above 0",
            got=f"{(~right).sum()} other rows of {len(logged)}",
            do="leave out hand-offs without a decision, an earlier score or a stored propensity",
        )
    return logged.assign(met=logged["met"].astype(bool), **{name: [getattr(c, name) for c in costs] for name in MONEY})


def at_the_gate(rows: pd.DataFrame, standing: pd.DataFrame, agreements: Sequence[Agreement]) -> pd.DataFrame:
    """Those of `rows` that could have been drawn (propensity above 0), with zone, agreement_version and their money.

    rows: as `logged`, but met and money, with lead_id and as_of. `standing`: what `build_rules` says of them under
    `agreements`. May be empty.
    """
    found = rows[rows["propensity"] > 0].merge(standing, on=["lead_id", "as_of"], validate="many_to_one")
    found = found.assign(met=found["zone"] == "qualified")
    agreed = {a.version: a.values.costs() for a in agreements}
    costs = [agreed[of][i] for of, i in zip(found["agreement_version"], found["segment"], strict=True)]
    return priced(found, costs) if costs else found


def expected_gain(
    p: Vector, acceptance: Vector | float, review: Vector | float, waiting: Vector | float, refusal: Vector | float
) -> Vector:
    """What handing off brings over holding, pV + (1-p)R - c - W; with outcomes for p, what it brought."""
    return np.asarray(p * acceptance + (1 - p) * refusal - review - waiting)


def brought(logged: pd.DataFrame) -> Vector:
    """What handing each of n off brought over holding it."""
    return expected_gain(*(logged[name].to_numpy(float) for name in ("y", *MONEY)))


def weights(logged: pd.DataFrame) -> Vector:
    """How many leads at the gate each row stands for: 1 / propensity, at most 20."""
    return standing_for(logged["propensity"].to_numpy(float))


def effective_size(weight: Vector) -> float:
    """Rows of equal weight that would tell as much: (sum w)^2 / sum w^2 (Kish 1965); 0 for none."""
    return float(weight.sum() ** 2 / np.square(weight).sum()) if weight.any() else 0.0


def policy_value(logged: pd.DataFrame, handed: Vector, draws: int = 2000, seed: int = 0) -> Estimate:
    """Value of a policy: yV + (1-y)R - c where it hands off, W where it holds.

    Weighted mean, self-normalised inverse propensity (Swaminathan & Joachims 2015); bootstrap of whole accounts.
    """
    return mean_of(logged, values(logged, handed), draws, seed)


def policy_gain(logged: pd.DataFrame, a: Vector, b: Vector, draws: int = 2000, seed: int = 0) -> Estimate:
    """Value of policy a less that of b, paired: each draw of accounts is shared by both."""
    return mean_of(logged, values(logged, a) - values(logged, b), draws, seed)


def equal_volume_pick(logged: pd.DataFrame) -> Vector:
    """The model's policy of the rules' volume: highest p first, tied ones by the rules first, the last in part."""
    order, weight = _order(logged), weights(logged)
    taken = _taken(weight[order], logged["met"].to_numpy()[order])
    return np.asarray(taken[np.argsort(order)] / weight)


def equal_volume_gain(logged: pd.DataFrame, draws: int = 2000, seed: int = 0) -> Estimate:
    """Value of the model's pick less that of the rules' own pick of the same volume.

    Each draw of accounts picks anew: volumes stay equal, and where the model's pick ends is as uncertain as it is.
    """
    best_first = logged.iloc[_order(logged)]
    met, gain = best_first["met"].to_numpy(), brought(best_first)
    return estimate(best_first, lambda weight: (_taken(weight, met) - weight * met) @ gain, draws, seed)


def claim(logged: pd.DataFrame, draws: int = 2000, seed: int = 0) -> Claim:
    """Judge the model's pick against the rules at equal volume."""
    effective = effective_accounts(logged, np.abs(equal_volume_pick(logged) - logged["met"].to_numpy()))
    gain = equal_volume_gain(logged, draws, seed)
    return Claim(gain, len(logged), logged["group"].nunique(), effective, not explored(logged).any())


def explored(logged: pd.DataFrame) -> Vector:
    """Which hand-offs were drawn at random below the gate."""
    return np.asarray(~logged["met"].to_numpy() & (logged["propensity"].to_numpy() < 1))


def effective_accounts(logged: pd.DataFrame, differing: Vector) -> float:
    """Effective number of accounts, of all or of those that two policies treat differently, whichever is less."""
    weight, account = weights(logged), pd.factorize(logged["group"])[0]
    return min(effective_size(np.bincount(account, weights=w)) for w in (weight, weight * differing))


def agreed_pick(priced_rows: pd.DataFrame, zone: pd.Series, routing: Routing, vouched: bool | Vector) -> Vector:
    """Whom the agreement hands off, without limits of capacity: n booleans from p, zone and each row's costs.

    `vouched`: the model may speak of leads below the gate (of all or of each of n), so that it may hand off far above
    the threshold there.
    """
    acceptance, review, waiting, refusal = (priced_rows[name].to_numpy(float) for name in MONEY)
    above = priced_rows["p"].to_numpy(float) - (waiting + review - refusal) / (acceptance - refusal)
    met, fit = (zone == "qualified").to_numpy(), (zone != "unfit").to_numpy()
    high, far = above >= 0, above >= routing.beyond_rules
    cases = {"quadrant": high & met | (far & fit & vouched), "and": high & met, "model_only": high, "rules_only": met}
    return np.asarray(cases[routing.combine])


def pick_by_policy(logged: pd.DataFrame, agreements: Sequence[Agreement], vouched: bool | Vector) -> dict[str, Vector]:
    """Whom each of POLICIES (but NOBODY) hands off, of rows of `at_the_gate`; `vouched` as in `agreed_pick`."""
    agreed, vouched = np.zeros(len(logged)), np.broadcast_to(vouched, len(logged))
    for a in agreements:
        at = (logged["agreement_version"] == a.version).to_numpy()
        agreed[at] = agreed_pick(logged[at], logged["zone"][at], a.routing, vouched[at])
    rules, everybody = logged["met"].to_numpy(float), np.ones(len(logged))
    return {RULES: rules, AGREED: agreed, EQUAL: equal_volume_pick(logged), EVERYBODY: everybody}


def value_picks(logged: pd.DataFrame, picks: Mapping[str, Vector], equal: Claim, seed: int = 0) -> pd.DataFrame:
    """A row per policy: its value and its gain over the rules per lead at the gate, each with its interval.

    effective: the number of accounts treated differently from the rules, below 100 of which nothing is claimed.
    `equal`: the claim, with the gain of EQUAL.
    """
    rules, rows = picks[RULES], []
    for policy, picked in picks.items():
        value = policy_value(logged, picked, seed=seed)
        gain = equal.gain if policy == EQUAL else policy_gain(logged, picked, rules, seed=seed)
        row = {"policy": policy, "words": POLICIES[policy], "value": value.mean, "low": value.low, "high": value.high}
        row |= {"gain": gain.mean, "gain_low": gain.low, "gain_high": gain.high}
        rows.append(row | {"effective": effective_accounts(logged, np.abs(picked - rules))})
    return pd.DataFrame(rows)


def values(logged: pd.DataFrame, handed: Vector) -> Vector:
    """What each of n leads brought where a policy handed it off, and what waiting is worth where it did not."""
    return np.asarray(logged["waiting"].to_numpy(float) + handed * brought(logged))


def _order(logged: pd.DataFrame) -> Vector:
    return np.lexsort((~logged["met"].to_numpy(), -logged["p"].to_numpy(float)))


def _taken(weight: Vector, met: Vector) -> Vector:
    """How much of each weight the model takes from the front until it has the rules' volume; along the last axis.

    Both sums run in one order, and whole weights stay as they are: who ranks like the rules differs by exactly 0.
    """
    total, volume = np.cumsum(weight, axis=-1), np.cumsum(weight * met, axis=-1)[..., -1:]
    return np.where(total <= volume, weight, np.diff(np.minimum(total, volume), axis=-1, prepend=0))


def mean_of(logged: pd.DataFrame, value: Vector, draws: int, seed: int) -> Estimate:
    """The weighted mean of a value of each of n rows."""
    return estimate(logged, lambda weight: weight @ value, draws, seed)


def estimate(logged: pd.DataFrame, total: Callable[[Vector], Vector], draws: int, seed: int) -> Estimate:
    """A weighted mean with its percentile interval, whole accounts drawn; `total` is its sum at draws x n weights."""
    weight, (codes, names) = weights(logged), pd.factorize(logged["group"])

    def mean(times: Vector) -> Vector:
        drawn = weight * times[:, codes]
        return np.asarray(total(drawn) / drawn.sum(axis=1))

    return Estimate(float(mean(np.ones((1, len(names))))[0]), *spread(mean, len(names), len(weight), draws, seed))
