import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.fitting.candidates import CANDIDATES
from models.metrics.evaluation import auc, log_losses, sigmoid
from models.metrics.sample_size import cox_snell, effective_parameters, riley_rows

BUILD = {c.name: c.build for c in CANDIDATES}


@pytest.mark.parametrize(("parameters", "rows"), [(20, 872), (40, 1744), (80, 3488)])
def test_an_auc_of_75_at_a_base_rate_of_467(parameters, rows):
    assert riley_rows(parameters, 0.75, 0.467) == rows


def test_few_parameters_still_need_the_base_rate():
    """The third criterion: (1.96 / .05)^2 * .25 = 384.2."""
    assert riley_rows(1, 0.75, 0.5) == 385


@pytest.mark.parametrize(("expected", "rate"), [(0.5, 0.4), (0.3, 0.4), (float("nan"), 0.4), (0.7, 0.0), (0.7, 1.0)])
def test_a_model_that_ranks_no_better_than_chance_never_has_enough(expected, rate):
    assert riley_rows(20, expected, rate) is None


@given(st.floats(1, 200), st.floats(0.51, 0.99), st.floats(0.02, 0.98))
def test_more_parameters_need_more_labels_and_a_telling_model_needs_fewer(parameters, expected, rate):
    rows = riley_rows(parameters, expected, rate)
    assert rows <= riley_rows(2 * parameters, expected, rate)
    assert rows >= riley_rows(parameters, min(expected + 0.005, 0.995), rate) or expected > 0.9


@pytest.mark.parametrize(("expected", "rate"), [(0.6, 0.5), (0.75, 0.3), (0.85, 0.1)])
def test_r2_is_that_of_leads_drawn_so(expected, rate):
    """Binormal log-odds, drawn: their AUC is the one asked for, and -2 log likelihood gives R^2."""
    random = np.random.default_rng(0)
    y = (random.random(400_000) < rate).astype(int)
    explained, most = cox_snell(expected, rate)
    apart = np.sqrt(2) * _quantile(expected)
    z = np.log(rate / (1 - rate)) + apart * (random.normal(size=len(y)) + apart * y) - apart**2 / 2
    assert auc(y, z) == pytest.approx(expected, abs=0.005)
    alone = log_losses(y, np.full(len(y), rate)).mean()
    assert 1 - np.exp(-2 * (alone - log_losses(y, sigmoid(z)).mean())) == pytest.approx(explained, abs=0.005)
    assert 1 - np.exp(-2 * alone) == pytest.approx(most, abs=0.005)


def _quantile(p):
    from statistics import NormalDist

    return NormalDist().inv_cdf(p)


def test_a_regression_that_is_hardly_held_back_has_the_rank_of_its_columns_as_parameters(data):
    free, held, firm = (_regression(data, variance) for variance in (1e8, 1.0, 1e-6))
    encoded = free[-1].encode(data.X)[:, free[-1].coef_ != 0]
    rank = np.linalg.matrix_rank(encoded - encoded.mean(axis=0))
    assert effective_parameters(free, data.X) == pytest.approx(rank, abs=0.1)
    assert 1 < effective_parameters(held, data.X) < effective_parameters(free, data.X)
    assert effective_parameters(firm, data.X) < 0.1


def _regression(data, variance):
    return BUILD["logistic"](data.features, 1).set_params(model__variance=variance).fit(data.X, data.y)


def test_trees_count_their_leaves_by_the_learning_rate_and_a_blend_the_mean(data):
    trees, regression, blend = (
        effective_parameters(BUILD[name](data.features, 1).fit(data.X, data.y), data.X)
        for name in ("shallow", "logistic", "blend")
    )
    assert trees == pytest.approx(150 * 0.05 * 2)
    assert blend == pytest.approx((trees + regression) / 2)
