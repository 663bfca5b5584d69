"""What do hand-offs drawn at random tell of everybody at the gate, where sales answers only about some?

Two ways beside `models.policy`'s inverse propensity: predictions judged with the explored and the gated hand-offs as
representatives of all, and policies valued with a model of the answers as well (doubly robust). Below the gate both
rest on explored leads; without any, what is found holds for the gated population only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.evaluation import Vector, log_losses
from models.policy import (
    CLIP,
    LEAST_EFFECTIVE,
    MONEY,
    Claim,
    Estimate,
    effective_accounts,
    effective_size,
    estimate,
    expected_gain,
    explored,
    weights,
)

GATED_ONLY = "gated population only: no lead below the gate was explored"


@dataclass(frozen=True)
class Reach:
    """Of whom figures speak: how many hand-offs, how many of them explored, and what they weigh (Kish 1965)."""

    rows: int
    explored: int
    effective: float

    @property
    def everybody(self) -> bool:
        """The figures speak of all who came to the gate: leads were explored, effectively 100 rows at least."""
        return self.explored > 0 and self.effective >= LEAST_EFFECTIVE

    @property
    def sentence(self) -> str:
        """Of whom the figures speak, as it is printed wherever it matters."""
        if not self.explored:
            return f"{GATED_ONLY}, so nothing here speaks of leads that the rules hold back"
        seen = (
            f"{self.explored:,} of {self.rows:,} hand-offs were explored, effective sample size {self.effective:,.0f}"
        )
        if self.everybody:
            return f"everybody at the gate: {seen} (weights of at most {CLIP:.0f})"
        return f"too few to speak of everybody at the gate ({LEAST_EFFECTIVE:.0f} are needed): {seen}"


def reach(rows: pd.DataFrame) -> Reach:
    """Of whom n hand-offs with a column `propensity` speak; without that column nobody was explored."""
    if "propensity" not in rows:
        return Reach(len(rows), 0, float(len(rows)))
    handed = rows[rows["propensity"] > 0]
    return Reach(len(handed), int((handed["propensity"] < 1).sum()), effective_size(weights(handed)))


def weighted_metrics(rows: pd.DataFrame, draws: int = 2000, seed: int = 0) -> pd.DataFrame:
    """How good p is for everybody at the gate: log_loss, brier and bias, each with value, low and high.

    rows: n hand-offs with y (0/1), p, propensity above 0 and group. Each stands for 1 / propensity leads, at most 20;
    self-normalised (Swaminathan & Joachims 2015); bootstrap of whole accounts. bias is calibration in the large: mean
    p less mean y, above 0 where p promises too much. `reach` says of whom this speaks.
    """
    y, p = rows["y"].to_numpy(float), rows["p"].to_numpy(float)
    scores = {"log_loss": log_losses(y, p), "brier": np.square(y - p), "bias": p - y}
    found = {name: estimate(rows, _summed(score), draws, seed) for name, score in scores.items()}
    table = {name: (e.mean, e.low, e.high) for name, e in found.items()}
    return pd.DataFrame.from_dict(table, orient="index", columns=["value", "low", "high"]).rename_axis("metric")


def robust_value(
    logged: pd.DataFrame, handed: Vector, held: pd.DataFrame, picked: Vector, draws: int = 2000, seed: int = 0
) -> Estimate:
    """Doubly robust value of a policy, in money per lead at the gate (Dudík, Langford & Li 2011).

    logged: hand-offs as `policy.priced` gives them; held: the m other leads at the gate, with p, met, group and the
    columns of money (y and propensity are not read). `handed` and `picked` say whom of either the policy hands off.
    The mean over all leads of what p expects of the policy, mended by the weighted errors of p on the logged hand-offs
    that it repeats: right on average where either p or the propensities are. Where a lead of `held` could not have
    been handed off at all (propensity 0) it rests on p alone.
    """
    rows = _everybody(logged, held)
    waiting = rows["waiting"].to_numpy(float)
    return estimate(rows, _summed(waiting + _robust(logged, handed, held, picked)), draws, seed)


def robust_claim(
    logged: pd.DataFrame, a: Vector, b: Vector, held: pd.DataFrame, held_a: Vector, held_b: Vector,
    other: str = "the rules alone", draws: int = 2000, seed: int = 0,
) -> Claim:  # fmt: skip
    """Judge policy a against policy b, called `other`, by the doubly robust difference of their values.

    Where the two differ below the gate and no lead was explored there, nothing is claimed.
    """
    a, b, held_a, held_b = (np.asarray(policy, dtype=float) for policy in (a, b, held_a, held_b))
    rows = _everybody(logged, held)
    gain = estimate(rows, _summed(_robust(logged, a - b, held, held_a - held_b)), draws, seed)
    differ, met = np.concatenate([a != b, held_a != held_b]), rows["met"].to_numpy(bool)
    effective = effective_accounts(logged, np.abs(a - b))
    unseen = bool((differ & ~met).any()) and not explored(logged).any()
    accounts = logged["group"].nunique()
    return Claim(gain, len(logged), accounts, effective, unseen, "by the doubly robust estimate", other)


def _summed(values: Vector) -> Callable[[Vector], Vector]:
    return lambda weight: np.asarray(weight @ values, dtype=float)


def _everybody(logged: pd.DataFrame, held: pd.DataFrame) -> pd.DataFrame:
    columns = ["p", "met", "group", *MONEY]
    return pd.concat([logged[columns], held[columns]], ignore_index=True).assign(propensity=1.0)


def _robust(logged: pd.DataFrame, handed: Vector, held: pd.DataFrame, picked: Vector) -> Vector:
    """Per lead what the policy's hand-offs bring over holding: as p expects, and mended where they were logged."""
    expected, said = _gains(logged, "p"), _gains(logged, "y")
    mended = handed * (expected + weights(logged) * (said - expected))
    return np.concatenate([mended, picked * _gains(held, "p")])


def _gains(rows: pd.DataFrame, by: str) -> Vector:
    return expected_gain(*(rows[name].to_numpy(float) for name in (by, *MONEY)))
