"""What do hand-offs drawn at random tell of everybody at the gate, where sales answers only about some?

Predictions are judged with the explored and the gated hand-offs as representatives of all, and policies valued over all
who came to the gate with what was expected of each (doubly robust). Below the gate both rest on explored leads; without
any, what is found holds for the gated population only, and a policy's value has bounds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.agreement.model import Costs
from data.errors import DataError
from models.judging import policy
from models.judging.policy import Estimate, brought, weights
from models.metrics.evaluation import Vector, log_losses
from models.rows.training_set import CLIP


@dataclass(frozen=True)
class Reach:
    """Of whom figures speak: how many hand-offs, how many of them explored, and what they weigh (Kish 1965)."""

    rows: int
    explored: int
    effective: float

    @property
    def everybody(self) -> bool:
        """The figures speak of all who came to the gate: leads were explored, effectively 100 rows at least."""
        return self.explored > 0 and self.effective >= policy.LEAST_EFFECTIVE

    @property
    def sentence(self) -> str:
        """Of whom the figures speak, as it is printed wherever it matters."""
        if not self.explored:
            return (
                "gated population only: no lead below the gate was explored, so these figures say "
                "nothing about leads that the rules hold back"
            )
        seen = f"{self.explored:,} of {self.rows:,} hand-offs were explored"
        seen += f", effective sample size {self.effective:,.0f}"
        if self.everybody:
            return f"everybody at the gate: {seen} (weights of at most {CLIP:.0f})"
        return f"too few to describe everybody at the gate ({policy.LEAST_EFFECTIVE:.0f} are needed): {seen}"


def reach(rows: pd.DataFrame) -> Reach:
    """Of whom n hand-offs with a column `propensity` speak."""
    handed = rows[rows["propensity"] > 0]
    return Reach(len(handed), int((handed["propensity"] < 1).sum()), policy.effective_size(weights(handed)))


def weighted_metrics(rows: pd.DataFrame, draws: int = 2000, seed: int = 0) -> pd.DataFrame:
    """How good p is for everybody at the gate: log_loss, brier and bias, each with value, low and high.

    rows: n hand-offs with y (0/1), p, propensity above 0 and group. Each stands for 1 / propensity leads, at most 20;
    self-normalised (Swaminathan & Joachims 2015); bootstrap of whole accounts. bias is calibration in the large: mean
    p less mean y, above 0 where p promises too much. `reach` says of whom this speaks.
    """
    y, p = rows["y"].to_numpy(float), rows["p"].to_numpy(float)
    scores = {"log_loss": log_losses(y, p), "brier": np.square(y - p), "bias": p - y}
    found = {name: policy.mean_of(rows, score, draws, seed) for name, score in scores.items()}
    table = {name: (e.mean, e.low, e.high) for name, e in found.items()}
    return pd.DataFrame.from_dict(table, orient="index", columns=["value", "low", "high"]).rename_axis("metric")


def robust_value(gate: pd.DataFrame, handed: Vector, draws: int = 2000, seed: int = 0) -> Estimate:
    """Doubly robust value of a policy, in money per lead at the gate (Dudík, Langford & Li 2011).

    gate: n leads, all who came to the gate, handed off or not, as `policy.priced` gives them, with `answered` (bool):
    y counts only where it is True, p and the policy must be made of each alike. What p expects on average, corrected by
    its mean error on the answered, self-normalised (Swaminathan & Joachims 2015) among those who were drawn
    (propensity below 1) and among the others: right on average where the weights or p are, if silence tells nothing.
    """
    return _robust(gate, handed, gate["waiting"].to_numpy(float), draws, seed)


def robust_gain(gate: pd.DataFrame, a: Vector, b: Vector, draws: int = 2000, seed: int = 0) -> Estimate:
    """Doubly robust value of policy a less that of b, paired: each draw of accounts is shared by both."""
    return _robust(gate, np.asarray(a, dtype=float) - b, np.zeros(len(gate)), draws, seed)


def bounds(logged: pd.DataFrame, handed: Vector, below: int, picked: int, costs: Costs) -> tuple[float, float]:
    """Least and greatest value of a policy that hands off `handed` of the logged and `picked` of `below` others.

    The others are leads below the gate that nobody handed off: all of them rejected, all accepted. The logged ones
    count by their weights. Chance is not in it. Raises DataError unless 0 <= picked <= below.
    """
    if not 0 <= picked <= below:
        wanted, do = f"to pick 0 to {below} of {below} leads", "count the leads below the gate first"
        raise DataError("bounding a policy's value", expected=wanted, got=str(picked), do=do)
    weight = weights(logged)
    known = weight @ policy.values(logged, handed) + (below - picked) * costs.waiting
    worst, best = (known + picked * (worth - costs.review) for worth in (costs.refusal, costs.acceptance))
    return float(worst / (weight.sum() + below)), float(best / (weight.sum() + below))


def _robust(gate: pd.DataFrame, handed: Vector, otherwise: Vector, draws: int, seed: int) -> Estimate:
    expected, answered = handed * brought(gate.assign(y=gate["p"])), handed * brought(gate)
    seen, drawn = weights(gate) * gate["answered"].to_numpy(float), gate["propensity"].to_numpy() < 1

    def total(times: Vector) -> Vector:
        found = times @ (otherwise + expected)
        for these in (drawn, ~drawn):
            off, all_of_them = times @ (seen * these * (answered - expected)), times @ (seen * these)
            found += (times @ these) * np.divide(off, all_of_them, out=np.zeros_like(off), where=all_of_them > 0)
        return np.asarray(found)

    return policy.estimate(gate.assign(propensity=1.0), total, draws, seed)
