"""Which route does a lead take?"""

import numpy as np
import pandas as pd
import pytest

from data.agreement import Values, default_agreement
from serving.routing import REASONS, choose_routes

AGREEMENT = default_agreement()
P_STAR = AGREEMENT.values.threshold


def route(probability: float, points: float, permission: str = "all", with_sales: int = 0) -> tuple[str, str]:
    lead = pd.DataFrame(
        {"probability": [probability], "rule_points": [points], "permission": permission, "with_sales": with_sales}
    )
    found = choose_routes(lead, AGREEMENT).iloc[0]
    assert found["route_reason"] in REASONS.values()
    return found["zone"], found["route"]


@pytest.mark.parametrize(
    ("values", "threshold"),
    [
        (Values(), 0.14),
        (Values(recyclable=0), 0.29),
        (Values(waiting=100), 0.12),
        (Values(acceptance=500, review=100, waiting=50, recyclable=0.5, trust=0), 0.26),
    ],
)
def test_the_threshold_follows_from_the_costs(values: Values, threshold: float) -> None:
    """METHODS 5: V = 1000, c = 60, t = 40, W = 200, and its variants; the last by hand: 125 / 475."""
    assert values.threshold == pytest.approx(threshold, abs=0.005)


@pytest.mark.parametrize(
    ("probability", "points", "zone", "expected"),
    [
        (P_STAR, 45, "qualified", "hand_off"),
        (P_STAR, 44, "nearly", "tele_qualify"),
        (0.99, 0, "not_yet", "tele_qualify"),
        (P_STAR - 1e-9, 45, "qualified", "manager_check"),
        (P_STAR - 1e-9, 25, "nearly", "nurture"),
        (np.nan, 45, "qualified", "hand_off"),
        (np.nan, 25, "nearly", "tele_qualify"),
        (np.nan, 24, "not_yet", "nurture"),
    ],
)
def test_model_beside_rules(probability: float, points: float, zone: str, expected: str) -> None:
    assert route(probability, points) == (zone, expected)


@pytest.mark.parametrize("probability", [0.01, 0.9, np.nan])
@pytest.mark.parametrize("points", [-10, 30, 90])
def test_permission_and_pending_answers_come_first(probability: float, points: float) -> None:
    assert route(probability, points, permission="none")[1] == "blocked"
    assert route(probability, points, permission="none", with_sales=1)[1] == "blocked"
    assert route(probability, points, with_sales=1)[1] == "with_sales"
    assert route(probability, points, permission="no_call")[1] != "tele_qualify"
