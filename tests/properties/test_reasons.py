"""What must hold for the reasons of every model that can go into use: none against its direction."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from features.definition import Feature
from models.explaining.explanation import Explainer
from models.explaining.reason_codes import against_direction, reasons
from models.fitting.candidates import DEPLOYED

ROWS = 150
NUMBERS = {
    "clicks": Feature("clicks", "engagement", "touches", "1", "clicks", direction="+", none="no click yet"),
    "unsubscribes": Feature("unsubscribes", "engagement", "touches", "1", "unsubscribes", direction="-"),
    "visit_days": Feature("visit_days", "journey", "touches", "1", "days since a visit", "no visit", "-", unit="days"),
    "talk_share": Feature("talk_share", "calls", "made", "1", "share talked", "no call", "+", unit="share"),
    "rule_points": Feature(
        "rule_points", "account", "rules", "1", "points of all", direction="+", part="points", axis="both"
    ),
}
SIGNS = {"+": 1, "-": -1}


def company(seed: int, gaps: float) -> pd.DataFrame:
    """Leads whose numbers have gaps where they may be missing."""
    random = np.random.default_rng(seed)
    X = pd.DataFrame({name: random.poisson(random.choice([0.3, 2.0]), ROWS).astype(float) for name in NUMBERS})
    for name, feature in NUMBERS.items():
        X.loc[random.random(ROWS) < gaps * bool(feature.null), name] = np.nan
    return X


def contradicts(reason: str, lead: pd.Series, usual: pd.Series) -> bool:
    """By hand: for it though worse than usual, or against it though better; what is missing is the worst."""
    (feature,) = [f for f in NUMBERS.values() if f.meaning in reason or (f.none and f.none in reason)]
    own, other = (
        -np.inf if np.isnan(v) else SIGNS[feature.direction] * v for v in (lead[feature.name], usual[feature.name])
    )
    return own < other if reason.startswith("for: ") else own > other


@pytest.mark.slow
@pytest.mark.parametrize("candidate", DEPLOYED, ids=lambda c: c.name)
@settings(max_examples=7, deadline=None)
@given(seed=st.integers(0, 2**16), gaps=st.sampled_from([0.2, 0.6]), wrong=st.booleans())
def test_no_reason_contradicts_its_direction(candidate, seed, gaps, wrong):
    """Whatever was learned: noise, or (`wrong`) that those of whom nothing is known are accepted."""
    X, random = company(seed, gaps), np.random.default_rng(seed)
    worth = X.isna().sum(axis=1) * wrong + random.normal(size=ROWS)
    y = (worth > worth.median()).astype(int).to_numpy()
    with threadpool_limits(limits=1):
        model = candidate.build(tuple(NUMBERS.values()), 1).fit(X, y)
        explainer = Explainer(model, X.head(60), tuple(NUMBERS.values()))
        told = reasons(explainer, X).filter(like="reason_")
        assert against_direction(explainer, X) in (0, pytest.approx(float("nan"), nan_ok=True))
    usual = explainer.population.baseline.iloc[0]
    given = [(text, lead) for (lead, _), text in told.stack().items() if isinstance(text, str)]
    assert [(text, lead) for text, lead in given if contradicts(text, X.loc[lead], usual)] == []


def test_a_model_alone_would_say_it_the_wrong_way_round():
    """What holds reasons to their direction is needed: a regression's flag of what is missing knows no bound."""
    X = company(3, 0.6)
    y = X["visit_days"].isna().astype(int).to_numpy()
    for candidate in (c for c in DEPLOYED if "logistic" in (c.name, *c.members)):
        model = candidate.build(tuple(NUMBERS.values()), 1).fit(X, y)
        assert against_direction(Explainer(model, X, tuple(NUMBERS.values())), X, held=False) > 0.1
