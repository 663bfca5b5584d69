from dataclasses import replace

import pandas as pd
import pytest

from data.agreement.file import default_agreement
from data.agreement.model import Agreement
from models.judging.promotion import Champion, hand_off_gain
from tests.tables import table

UNTIL = pd.Timestamp("2026-01-31")
HOLDOUT = table("""
    at  lead_id  as_of       y  new   group  propensity
    7   late     2026-01-31  0  0.90  h0     1
    3   big      2026-02-01  1  0.05  h1     1
    9   refused  2026-02-02  0  0.05  h2     1
    4   drawn    2026-02-03  1  0.90  h3     0.25
    8   both     2026-02-04  1  0.90  h4     1
    5   missed   2026-02-05  1  0.05  h5     1
""")
HOLDOUT = HOLDOUT.astype({"at": int, "y": int, "new": float, "propensity": float, "as_of": "datetime64[us]"})
HOLDOUT = HOLDOUT.set_index("at")
BEFORE = pd.Series({5: 0.5, 8: 0.9, 4: 0.01, 9: 0.5, 3: 0.01})
"""The champion's probabilities, in an order of their own."""


def agree(combine: str) -> Agreement:
    """V = 1000, R = 140, c = 60, W = 200: from 14 % on; V = 5000 for big ones: from 2.5 % on."""
    big = {"segments": [{"name": "big", "when": "employees > 1000", "acceptance": 5000}]}
    return Agreement.model_validate(
        {**default_agreement().model_dump(), "values": big, "routing": {"combine": combine}}
    )


def gain(result, champion, combine="quadrant"):
    """Only the explored lead is below the gate, and only the big one has costs of its own; zones in another order."""
    agreement, test = agree(combine), HOLDOUT.iloc[::-1]
    zones = test[["lead_id", "as_of"]].assign(
        zone=["nearly" if lead == "drawn" else "qualified" for lead in test["lead_id"]],
        segment=[0 if lead == "big" else 1 for lead in test["lead_id"]],
        agreement_version=agreement.version,
    )
    return hand_off_gain(agreement, zones, replace(result, holdout=HOLDOUT, chosen="new"), champion)


@pytest.mark.parametrize(("combine", "total"), [("quadrant", 4740 + 120 - 740), ("model_only", 4120 + 4 * 740)])
def test_the_gain_of_a_few_hand_offs_by_hand(result, combine, total):
    """Per lead at the gate, 1 + 1 + 4 + 1 + 1 of them: the new one alone takes `big`, the old one `refused`, `missed`.

    Worth 5000 - 60 - 200 = 4740, 140 - 260 = -120 and 1000 - 260 = 740. Where the model alone decides, the new one
    takes `drawn` too, which stands for 4. `late` is no later than what the champion learned from.
    """
    assert gain(result, Champion(4, BEFORE, UNTIL), combine).mean == pytest.approx(total / 8)


def test_a_champion_that_cannot_score_is_compared_with_nothing(result):
    assert gain(result, Champion(4, fault="no pain_state")) is None


def test_without_a_row_later_than_the_champions_there_is_no_gain(result):
    assert gain(result, Champion(4, trained_until=HOLDOUT["as_of"].max())) is None
