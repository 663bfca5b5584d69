"""A lead unlike those that the model learned from is outside, and its bounds say so."""

import numpy as np
import pandas as pd
import pytest

from models.fitting.calibration import Platt
from models.fitting.candidates import logistic
from models.fitting.deployed import make_ready
from models.fitting.support import Support
from models.metrics.evaluation import logit
from tests.unit.models.leads import make


@pytest.fixture(scope="module")
def data():
    return make(rows=1200, numbers=6, seed=3)


@pytest.fixture(scope="module")
def regression(data):
    return logistic(data.features, 1).fit(data.X[:800], data.y[:800])


@pytest.fixture(scope="module")
def support(data, regression):
    return Support(regression).fit(data.X[:800])


def strange(X):
    return X.assign(n0=40.0, n1=0.0, n2=40.0)


def test_leads_like_those_of_training_are_inside(data, support):
    outside, variance = support.outside(data.X[800:])
    assert outside.mean() < 0.1
    assert (variance[~outside] == 0).all()


def test_leads_that_no_handoff_was_like_are_outside_and_less_is_known_of_them(data, support):
    outside, variance = support.outside(strange(data.X[800:]))
    assert outside.all()
    assert variance.min() > 0.01


def test_a_row_of_training_is_judged_as_if_it_were_left_out(data, regression):
    """By hand: the leverage against the other rows alone."""
    fitted = Support(regression).fit(data.X[:800])
    concept, places = next(iter(fitted.places_.items()))
    rows = regression[-1].encode(regression[:-1].transform(data.X[:800]))[:, places]
    alone = [x @ np.linalg.inv(np.eye(len(x)) + rows.T @ rows - np.outer(x, x)) @ x for x in rows]
    assert fitted.limits_[concept] == pytest.approx(np.quantile(alone, 0.99))


def test_outside_the_bounds_widen_by_what_is_not_known_of_the_coefficients(data, regression, support):
    z = logit(regression.predict_proba(data.X[:800])[:, 1])
    calibrated = Platt().fit(z, data.y[:800])
    with_support = make_ready(regression, calibrated, z, data.y[:800], support=support)
    without, X = make_ready(regression, calibrated, z, data.y[:800]), strange(data.X[800:])
    found, before = with_support.assess(X), without.assess(X)
    assert (found["support"] == "outside").all()
    assert (before["support"] == "inside").all()
    assert (found["probability"] == before["probability"]).all()
    lower, higher = (found[end] - before[end] for end in ("probability_low", "probability_high"))
    assert (lower.max() <= 0, higher.min() >= 0) == (True, True)
    assert (lower < -0.01).mean() > 0.9
    assert (higher > 0.01).mean() > 0.8


def test_a_column_that_is_the_same_for_all_and_was_never_so_is_named(data, support):
    today = data.X[800:].assign(n3=99.0, n5=1.0, n0=np.nan)
    assert support.never_so(today) == ["n3"], "n5 lies in the range, n0 was missing at times too"
    assert support.never_so(today.assign(n5=np.nan)) == ["n3", "n5"]
    assert support.never_so(today.head(1)) == [], "one lead is no constant"


def test_weights_count_as_repeats(data, regression):
    doubled = pd.concat([data.X[:800]] * 2)
    twice = Support(regression).fit(doubled).covariance_
    by_weight = Support(regression).fit(data.X[:800], sample_weight=np.full(800, 2.0)).covariance_
    assert by_weight == pytest.approx(twice, rel=1e-6)
