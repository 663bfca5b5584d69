"""What to do next with a lead? The route from the model's probability beside the rules' zone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.agreement import Agreement

REASONS = {
    "blocked": "the lead gave no permission to be contacted",
    "with_sales": "handed off already, sales has not answered yet",
    "hand_off": "the model and the rules both say ready",
    "tele_qualify": "the model says ready, the rules still miss answers",
    "manager_check": "the rules say ready, the model does not: a manager should look",
    "nurture": "neither the model nor the rules say ready",
    "no_call": "worth a call, but the lead may not be called",
    "rules_hand_off": "the rules say ready; there is no model to ask",
    "rules_tele_qualify": "the rules are nearly met; there is no model to ask",
    "rules_nurture": "the rules are not met; there is no model to ask",
}


def choose_routes(leads: pd.DataFrame, agreement: Agreement) -> pd.DataFrame:
    """Zone, route and the reason in plain words for each lead.

    `leads` needs the columns probability (NaN where no model is in use), rule_points, permission and with_sales (0/1).
    Returns zone, route and route_reason on the same index. Without a probability the rules alone route. Where the
    rules fall short the model alone hands nobody off: it has only seen how sales answers those that met the rules.
    """
    zone = leads["rule_points"].map(agreement.zone)
    keys = np.where(leads["probability"].isna(), _by_rules(zone), _by_both(leads["probability"], zone, agreement))
    calls = np.isin(keys, ["tele_qualify", "rules_tele_qualify"])
    keys = np.where(calls & (leads["permission"] == "no_call"), "no_call", keys)
    keys = np.where(leads["with_sales"] > 0, "with_sales", keys)
    keys = np.where(leads["permission"] == "none", "blocked", keys)
    routes = {"no_call": "nurture"}
    return pd.DataFrame(
        {
            "zone": zone,
            "route": [routes.get(k, k.removeprefix("rules_")) for k in keys],
            "route_reason": [REASONS[k] for k in keys],
        },
        index=leads.index,
    )


def _by_rules(zone: pd.Series[str]) -> np.ndarray:
    names = {"qualified": "rules_hand_off", "nearly": "rules_tele_qualify", "not_yet": "rules_nurture"}
    return zone.map(names).to_numpy(dtype=object)


def _by_both(probability: pd.Series[float], zone: pd.Series[str], agreement: Agreement) -> np.ndarray:
    high, met = probability >= agreement.values.threshold, zone == "qualified"
    names = ["hand_off", "tele_qualify", "manager_check"]
    return np.select([high & met, high, met], names, "nurture").astype(object)
