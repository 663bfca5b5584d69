"""Is the default policy better than the agreement's rules alone? On simulated companies, whose truth is known.

Per seed one company learns until --from, then its open leads are routed on every first and fifteenth until the year's
end, by the default policy and by the rules alone, each within the agreement's capacity. The truth values both: a
hand-off is worth pV + (1-p)R - c, a lead that is held W. Volumes are made equal by taking the best-ranked of the side
that hands off more. Printed: the gain per hand-off with its 95 % interval over accounts, and what `policy.claim`
says from the logged hand-offs alone, as a company would see it. In --world null decisions depend on nothing: no gain is
there to be found.
"""

from __future__ import annotations

import argparse
import tempfile
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from data.agreement.file import default_agreement
from data.agreement.model import Agreement
from data.intake.ingest import ingest
from data.settings import Settings
from data.simulator.company import simulate, write
from data.warehouse import Warehouse
from features.catalogue import catalogue_version
from features.rules.standing import build_rules
from models.judging.policy import claim, expected_gain, priced
from models.judging.training import TrainingResult, train
from models.registry.client import LoadedModel
from models.rows.dataset import build_training_set
from serving.scoring import CATALOGUE_TAG, score_leads


def main() -> None:
    """Simulate, learn, route and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--leads", type=int, default=3000)
    parser.add_argument("--world", default="default")
    parser.add_argument("--from", dest="start", default="2025-09-15")
    arguments = parser.parse_args()
    gains = []
    for seed in range(1, arguments.seeds + 1):
        found, said = run(arguments.leads, seed, arguments.world, datetime.fromisoformat(arguments.start))
        gains.append(found.assign(group=found["group"] + f" of {seed}", seed=seed))
        print(f"seed {seed}: {describe(gains[-1])}\n        from its own log: {said}", flush=True)
    print(f"all seeds: {describe(pd.concat(gains))}")


def run(leads: int, seed: int, world: str, start: datetime) -> tuple[pd.DataFrame, str]:
    """One company: the swapped hand-offs by the truth, and the claim from the log."""
    days = [datetime(2025, month, day) for month in range(start.month, 13) for day in (1, 15)]
    days = [day for day in days if day >= start]
    tables = simulate(leads=leads, seed=seed, world=world, moments=days)
    truth = tables.pop("truth_at").set_index(["lead_id", "as_of"])["probability"]
    agreement = default_agreement()
    with tempfile.TemporaryDirectory() as folder, Warehouse.open(None, threads=2) as warehouse:
        write(tables, Path(folder))
        ingest(warehouse, "canonical", folder, loaded_at=datetime(2026, 6, 1))
        data, _ = build_training_set(warehouse, Settings(), agreement, start)
        result = train(data, seed=7)
        explored = int(data.explored.sum())
        tags = {CATALOGUE_TAG: catalogue_version(result.features), "explored_labels": str(explored)}
        model = LoadedModel(result.estimator, 1, tuple(result.example.columns), tags)
        routed = pd.concat([_swapped(warehouse, agreement, model, day, truth) for day in days])
        account = warehouse.frame("SELECT DISTINCT lead_id, coalesce(account_id, lead_id) AS group FROM leads")
        said = _claim(warehouse, agreement, result)
    return routed.merge(account, on="lead_id"), said


def _swapped(
    warehouse: Warehouse, agreement: Agreement, model: LoadedModel, day: datetime, truth: pd.Series
) -> pd.DataFrame:
    """Hand-offs of one side only, at equal volume: lead_id, gain (negative where the rules alone handed it off)."""
    ours = score_leads(warehouse, agreement, model, day).scores
    alone = agreement.model_copy(update={"routing": agreement.routing.model_copy(update={"combine": "rules_only"})})
    rules = score_leads(warehouse, alone, model, day, agreement).scores
    sides = []
    for scores, order in ((ours, ["probability"]), (rules, ["urgent", "rule_points"])):
        handed = scores[scores["route"] == "hand_off"].sort_values([*order, "lead_id"], ascending=False)
        sides.append(handed["lead_id"].tolist())
    volume = min(map(len, sides))
    first, second = ({*side[:volume]} for side in sides)
    rows = pd.DataFrame({"lead_id": [*(first - second), *(second - first)]})
    sign = np.repeat([1.0, -1.0], [len(first - second), len(second - first)])
    costs = agreement.values
    p = truth.reindex(pd.MultiIndex.from_product([rows["lead_id"], [pd.Timestamp(day)]])).to_numpy()
    worth = expected_gain(p, costs.acceptance, costs.review, costs.waiting, costs.refusal)
    return rows.assign(gain=sign * worth, p=p, ours=sign > 0, day=day, volume=volume)


def _claim(warehouse: Warehouse, agreement: Agreement, result: TrainingResult) -> str:
    tested = result.holdout
    met = build_rules(warehouse, tested[["lead_id", "as_of"]], [agreement])["zone"] == "qualified"
    logged = tested.assign(p=tested[result.chosen], met=met.to_numpy()).reset_index(drop=True)
    return claim(priced(logged, [agreement.values] * len(logged))).sentence


def describe(found: pd.DataFrame, draws: int = 2000) -> str:
    """Mean gain per hand-off with its interval, accounts drawn whole."""
    if found.empty:
        return "both sides hand off the same leads"
    handed = found.drop_duplicates(["seed", "day"])["volume"].sum()
    per_account = found.groupby("group")["gain"].sum().to_numpy()
    rng = np.random.default_rng(0)
    times = rng.multinomial(len(per_account), np.full(len(per_account), 1 / len(per_account)), size=draws)
    low, high = np.quantile(times @ per_account / handed, [0.025, 0.975])
    shares = found.groupby("ours")["p"].mean()
    return (
        f"{found['gain'].sum() / handed:+.1f} per hand-off (95 % interval {low:+.1f} to {high:+.1f}), {handed:.0f} "
        f"hand-offs, {len(found) / 2:.0f} exchanged: true acceptance {shares.get(True, np.nan):.3f} against "
        f"{shares.get(False, np.nan):.3f}"
    )


if __name__ == "__main__":
    main()
