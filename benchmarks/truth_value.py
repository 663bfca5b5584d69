"""What are the hand-offs worth, and is anything claimed where nothing is there? Policies by the truth, and claims."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.truth_company import Company, company
from benchmarks.truth_learning import SEED, Lesson
from features.rules.standing import build_rules
from models.judging.policy import MONEY, agreed_pick, claim, equal_volume_pick, expected_gain, priced, weights
from models.judging.promotion import decide
from models.judging.training import train
from models.metrics.sample_size import effective_parameters

NULL_LEADS = 3500


def worth(of: Company, taught: Lesson) -> dict[str, float]:
    """What policies are worth by the truth on the later hand-offs, beside an oracle's who knows it.

    Explored hand-offs stand for the leads below the gate, by their propensities. In the value a lead that is held
    counts what holding it is worth; in the share of the gain only what handing off adds to that. The oracle knows what
    there is to know when it decides: not whom in sales the lead gets to.
    """
    logged = _later(of, taught)
    true, met = logged["true"].to_numpy(), logged["met"].to_numpy(float)
    gain = expected_gain(true, *(logged[name].to_numpy() for name in MONEY))
    # hundreds of explored labels were learned from: the agreement lets the model speak of leads below the gate
    agreed = agreed_pick(logged, logged["zone"], of.agreement.routing, vouched=True)
    ours = equal_volume_pick(logged.assign(p=np.where(agreed, logged["p"], -1.0))) * agreed
    oracle = equal_volume_pick(logged.assign(p=true)) * (gain > 0)
    picks = {"ours": ours, "rules": met, "oracle": oracle, "ours, no limit": agreed, "oracle, no limit": gain > 0}
    brought = {name: float(np.average(picked * gain, weights=weights(logged))) for name, picked in picks.items()}
    held = float(np.average(logged["waiting"], weights=weights(logged)))
    return {
        "policy value": (held + brought["ours"]) / (held + brought["oracle"]),
        "policy value of the rules": (held + brought["rules"]) / (held + brought["oracle"]),
        "gain over the rules": brought["ours"] - brought["rules"],
        "share of the gain": brought["ours"] / brought["oracle"],
        "rules' share of the gain": brought["rules"] / brought["oracle"],
        "share of the gain, no limit": brought["ours, no limit"] / brought["oracle, no limit"],
    }


def _later(of: Company, taught: Lesson) -> pd.DataFrame:
    """The later hand-offs as models.judging.policy takes them, with what is true of them and their zone."""
    data, at = of.data, taught.later
    rows = pd.DataFrame({"lead_id": data.lead_id, "as_of": data.as_of, "group": data.group,
                         "propensity": data.propensity, "y": data.y}).iloc[at].reset_index(drop=True)  # fmt: skip
    p = taught.learned.model.predict_proba(data.X.iloc[at])[:, 1]
    return _priced(of, rows.assign(p=p, true=of.truth["without_rep"].iloc[at].to_numpy()))


def _priced(of: Company, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with zone, whether the rules were met, and the agreement's money."""
    zone = build_rules(of.warehouse, rows, [of.agreement])["zone"].to_numpy()
    rows = rows.assign(zone=zone, met=zone == "qualified")
    return priced(rows, [of.agreement.values.costs()[-1]] * len(rows))


def claims_in_a_null_world(seed: int) -> dict[str, float]:
    """How much is claimed where decisions depend on nothing: of the model, and of its hand-offs."""
    with company("null", NULL_LEADS, seed) as null:
        result = train(null.data, seed=SEED, bags=0)
        parameters = effective_parameters(result.estimator, null.data.X)
        decision = decide(result, None, parameters)
        rows = result.holdout.reset_index(drop=True)
        policy = claim(_priced(null, rows.assign(p=rows[result.chosen])))
    said = [v.made for v in decision.verdicts] + [policy.made]
    return {"claims": float(any(said)), "first champion": float(decision.promote),
            "first champion without a doubt": float(decision.promote and not decision.provisional)}  # fmt: skip
