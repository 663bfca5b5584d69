"""Does the model decide better than the rules alone? The base tables of that chapter, from hand-offs it was tested on.

They are the champion's later rows: its probabilities come from a fit on earlier rows alone, so none knew its outcome.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from data.agreement import Agreement
from data.agreement_file import pick
from data.warehouse import Warehouse, in_force
from features.rules import build_rules
from models.policy import (
    MONEY,
    Estimate,
    agreed_pick,
    bounds,
    claim,
    equal_volume_pick,
    expected_gain,
    policy_gain,
    policy_value,
    priced,
    weights,
)

POLICIES = {
    "rules": "the rules alone",
    "policy": "rules and model, as agreed",
    "model": "the model, as many as the rules",
    "everybody": "everybody",
    "nobody": "nobody",
}
TESTED = {"lead_id": "str", "as_of": "datetime64[us]", "account": "str", "accepted": "int64", "probability": "float64",
          "zone": "str", "met": "bool", "propensity": "float64", "weight": "float64", "gain": "float64",
          "waiting": "float64", **dict.fromkeys(POLICIES, "float64")}  # fmt: skip
JUDGED = {"policy": "str", "value": "float64", "low": "float64", "high": "float64", "gain": "float64",
          "gain_low": "float64", "gain_high": "float64", "said": "str"}  # fmt: skip


def save_judgement(
    warehouse: Warehouse,
    folder: Path,
    as_of: datetime,
    agreements: Sequence[Agreement],
    tested: pd.DataFrame,
    vouched: bool,
) -> None:
    """Write the tables `tested` (a row per decided hand-off), `judged` (per policy) and `costs` (per segment).

    `tested`: lead_id, as_of, y, probability, propensity, group, as `Registry.holdout` gives them; or empty.
    `vouched`: the model may speak of leads below the gate.
    """
    now = pick(list(agreements), as_of)
    last = len(now.values.segments)
    costs = pd.DataFrame([{"segment": _segment(now, i), "others": i == last, **c.model_dump(), "refusal": c.refusal,
                           "threshold": c.threshold, "spare_threshold": c.spare_threshold}
                          for i, c in enumerate(now.values.costs())])  # fmt: skip
    frames = {"tested": _typed(TESTED), "judged": _typed(JUDGED), "costs": costs}
    if "lead_id" in tested and (tested["propensity"] > 0).any():
        rows = _decided(warehouse, now, tested, vouched)
        frames |= {"tested": rows[list(TESTED)].astype(TESTED), "judged": _judged(warehouse, now, as_of, rows)}
    for name, frame in frames.items():
        frame.to_parquet(folder / f"{name}.parquet", index=False)


def _decided(warehouse: Warehouse, agreement: Agreement, tested: pd.DataFrame, vouched: bool) -> pd.DataFrame:
    """The tested hand-offs with their zone under the agreement of today, their money, and who each policy hands off."""
    tested = tested[tested["propensity"] > 0].reset_index(drop=True)
    rules = build_rules(warehouse, tested, [agreement.model_copy(update={"effective_from": datetime.min.date()})])
    rows = tested.merge(rules, on=["lead_id", "as_of"], how="inner", validate="many_to_one")
    costs = agreement.values.costs()
    rows = rows.assign(p=rows["probability"], met=rows["zone"] == "qualified")
    rows = priced(rows, [costs[i] for i in rows["segment"]])
    agreed = agreed_pick(rows, rows["zone"], agreement.routing, vouched)
    return rows.assign(
        account=rows["group"], accepted=rows["y"], weight=weights(rows),
        gain=expected_gain(*(rows[name].to_numpy(float) for name in ("y", *MONEY))),
        rules=rows["met"], policy=agreed, model=equal_volume_pick(rows), everybody=1, nobody=0,
    )  # fmt: skip


def _judged(warehouse: Warehouse, agreement: Agreement, as_of: datetime, rows: pd.DataFrame) -> pd.DataFrame:
    told = claim(rows)
    out = []
    for name, words in POLICIES.items():
        value, gain = policy_value(rows, rows[name].to_numpy(float)), _over_rules(rows, name, told.gain)
        said = told.sentence if name == "model" else ""
        if name == "everybody" and told.gated_only:
            said = _unseen(warehouse, agreement, as_of, rows)
        out.append((words, value.mean, value.low, value.high, gain.mean, gain.low, gain.high, said))
    return pd.DataFrame(out, columns=list(JUDGED)).astype(JUDGED)


def _over_rules(rows: pd.DataFrame, name: str, at_equal_volume: Estimate) -> Estimate:
    if name == "model":
        return at_equal_volume
    return policy_gain(rows, rows[name].to_numpy(float), rows["rules"].to_numpy(float))


def _unseen(warehouse: Warehouse, agreement: Agreement, as_of: datetime, rows: pd.DataFrame) -> str:
    """Bounds for leads of the tested time that nobody handed off: all of them rejected, all accepted (METHODS 2)."""
    below = warehouse.scalar(
        f"""SELECT count(*) FROM leads l WHERE {in_force("$as_of::TIMESTAMP", "l")} AND NOT EXISTS
        (FROM handoffs e WHERE e.lead_id = l.lead_id AND {in_force("$as_of::TIMESTAMP")})
        AND created_at BETWEEN $first::TIMESTAMP AND $last::TIMESTAMP""",
        {"as_of": as_of, "first": rows["as_of"].min(), "last": rows["as_of"].max()},
    )  # fmt: skip
    if not below:
        return ""
    low, high = bounds(rows, np.ones(len(rows)), below, below, agreement.values)
    return (
        f"What sales would say of the {below:,} leads of that time that nobody handed off is unknown; "
        f"handing off everybody would be worth {low:,.0f} (all rejected) to {high:,.0f} (all accepted) per lead"
    )


def _segment(agreement: Agreement, place: int) -> str:
    names = [s.name for s in agreement.values.segments]
    return [*names, "all others" if names else "all"][place]


def _typed(columns: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series([], dtype=kind) for name, kind in columns.items()})
