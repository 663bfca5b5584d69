import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from models.fitting.rules_baseline import Rulebook


def world(slope, rows=400):
    random = np.random.default_rng(0)
    points = random.integers(0, 11, rows) * 10.0
    y = (random.random(rows) < 1 / (1 + np.exp(-slope * (points - 50) / 25))).astype(int)
    return pd.DataFrame({"rule_points": points, "other": 1.0}), y


def test_it_is_a_logistic_regression_on_the_points():
    X, y = world(1.0)
    plain = LogisticRegression(C=np.inf).fit(X[["rule_points"]].to_numpy() / 100, y)
    expected = plain.predict_proba(X[["rule_points"]].to_numpy() / 100)
    assert np.allclose(Rulebook().fit(X, y).predict_proba(X), expected, atol=0.005)


def test_more_points_never_lower_the_probability():
    """Points that speak against acceptance are not rewarded backwards: the base rate remains, and it is judgeable."""
    X, y = world(-1.0)
    model = Rulebook().fit(X, y)
    assert model.slope_ == 0
    assert model.judgeable_
    assert np.allclose(model.predict_proba(X)[:, 1], y.mean())


@pytest.mark.parametrize("points", [np.nan, 0.0, 70.0])
def test_without_points_that_differ_the_rules_cannot_be_judged(points):
    X, y = world(1.0)
    model = Rulebook().fit(X.assign(rule_points=points), y)
    assert not model.judgeable_
    assert np.allclose(model.predict_proba(X.assign(rule_points=points))[:, 1], y.mean())


def test_a_lead_without_points_counts_as_zero():
    X, y = world(1.0)
    model = Rulebook().fit(X, y)
    two = pd.DataFrame({"rule_points": [np.nan, 0.0]})
    assert model.predict_proba(two)[0, 1] == model.predict_proba(two)[1, 1] < y.mean()
