import time

import numpy as np
import pandas as pd
import pytest

from models.claims import _weighted_aucs, paired_bootstrap, standard_error
from models.evaluation import auc, sigmoid


def world(rows=600, accounts=200, seed=0):
    random = np.random.default_rng(seed)
    z = random.normal(size=rows)
    y = (random.random(rows) < sigmoid(1.5 * z)).astype(int)
    noisy = sigmoid(1.5 * z + 1.5 * random.normal(size=rows))
    return y, sigmoid(1.5 * z), noisy, pd.Series(random.integers(0, accounts, rows))


@pytest.mark.parametrize("metric", ["log_loss", "brier", "auc"])
def test_the_better_prediction_is_surely_ahead(metric):
    gain = paired_bootstrap(*world(), metric, draws=500)
    assert gain.sure
    assert gain.low < gain.mean < gain.high


@pytest.mark.parametrize("metric", ["log_loss", "brier", "auc"])
def test_a_prediction_is_not_ahead_of_itself(metric):
    y, p, _, group = world()
    gain = paired_bootstrap(y, p, p, group, metric, draws=200)
    assert (gain.mean, gain.low, gain.high) == (0, 0, 0)
    assert not gain.sure


def test_copies_of_a_row_in_one_account_add_no_certainty():
    y, a, b, _ = world(rows=150)
    once = paired_bootstrap(y, a, b, pd.Series(np.arange(150)), draws=1000)
    copies = paired_bootstrap(
        *(np.repeat(v, 9) for v in (y, a, b)), pd.Series(np.repeat(np.arange(150), 9)), draws=1000
    )
    assert copies.high - copies.low == pytest.approx(once.high - once.low, rel=0.01)


def test_weighted_auc_is_the_auc_of_repeated_rows():
    y, p, _, group = world(rows=60, accounts=10)
    p = np.round(p, 1)
    weights = np.random.default_rng(1).integers(0, 4, size=(5, 10))
    found = _weighted_aucs(y, p, group.to_numpy(), weights)
    for value, weight in zip(found, weights, strict=True):
        repeats = weight[group]
        assert value == pytest.approx(auc(np.repeat(y, repeats), np.repeat(p, repeats)))


def test_one_outcome_alone_has_no_auc():
    gain = paired_bootstrap(np.ones(5), np.arange(5) / 5, np.arange(5) / 5, pd.Series(range(5)), "auc", draws=20)
    assert np.isnan([gain.mean, gain.low, gain.high]).all()


def test_2000_draws_on_1500_rows_take_seconds():
    start = time.perf_counter()
    paired_bootstrap(*world(rows=1500, accounts=1200), "auc")
    assert time.perf_counter() - start < 10


def test_standard_error_of_single_rows_is_the_usual_one():
    values = np.random.default_rng(0).normal(size=500)
    assert standard_error(values, pd.Series(range(500))) == pytest.approx(values.std() / np.sqrt(500))
