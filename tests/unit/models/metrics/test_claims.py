import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.metrics.claims import Gain, Verdict, _weighted_aucs, paired_bootstrap, score_interval, standard_error
from models.metrics.evaluation import auc, evaluate, log_losses, sigmoid


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


@pytest.mark.parametrize("metric", ["log_loss", "brier", "auc"])
def test_the_standard_error_is_that_of_the_interval(metric):
    gain = paired_bootstrap(*world(), metric)
    assert gain.error == pytest.approx((gain.high - gain.low) / (2 * 1.96), rel=0.05)


@pytest.mark.parametrize("metric", ["log_loss", "brier", "auc"])
def test_a_score_lies_in_its_interval(metric):
    y, p, _, group = world()
    low, high = score_interval(y, p, group, metric, draws=500)
    score = auc(y, p) if metric == "auc" else evaluate(y, p)[metric]
    assert low < score < high


def test_what_would_do_by_hand():
    """2.802 standard errors are 80 % power: (2.802 * .01 / .014)^2 = 4.005 times the rows."""
    gain = Gain("log_loss", 0.014, -0.006, 0.034, 1000, 900, 0.01)
    assert gain.needed == 4006
    assert replace(gain, mean=0.0).needed is None
    assert replace(gain, mean=-0.014).needed is None
    assert replace(gain, mean=1.0).needed == 100


def test_what_would_do_does():
    """Tests of the size said to be needed for a true gain find it about 80 % of the time."""
    y, a, b, _ = pair(200_000)
    needed = replace(
        paired_bootstrap(*pair(1000, seed=1)), mean=float(np.mean(log_losses(y, b) - log_losses(y, a)))
    ).needed
    found = [paired_bootstrap(*pair(needed, seed=s), draws=300).sure for s in range(60)]
    assert 0.65 <= np.mean(found) <= 0.92


@pytest.mark.parametrize(("gain", "rows"), [(0.017, 2000), (0.044, 500), (0.087, 200)])
def test_the_smaller_the_gain_in_auc_the_more_rows(gain, rows):
    """Rows from simulations of another pair of models; the order of magnitude is that of any two related models."""
    spread = next(s for s in np.linspace(0.2, 3, 30) if _auc_gain(s) >= gain)
    found = replace(paired_bootstrap(*pair(2000, spread=spread, seed=1), metric="auc"), mean=gain).needed
    assert rows / 1.5 < found < rows * 1.5


def _auc_gain(spread):
    y, a, b, _ = pair(20_000, spread=spread)
    return auc(y, a) - auc(y, b)


def pair(rows, spread=0.5, seed=0):
    """Outcomes, a model of AUC about .75, and one that sees the same through noise."""
    random = np.random.default_rng(seed)
    z = 1.0 * random.normal(size=rows)
    y = (random.random(rows) < sigmoid(z)).astype(int)
    shrunk = 1 / (1 + spread**2)
    return y, sigmoid(z), sigmoid(shrunk * (z + spread * random.normal(size=rows))), pd.Series(np.arange(rows))


SURE = Gain("log_loss", 0.02, 0.01, 0.03, 500, 400, 0.005)
UNSURE = Gain("log_loss", 0.02, -0.01, 0.05, 500, 400, 0.015)


def test_a_claim_needs_certainty_and_labels():
    assert Verdict("rulebook", SURE, 900, 872).sentence == (
        "better than the rulebook: +0.0200 log loss, 95 % interval +0.0100 to +0.0300, 500 rows of 400 accounts"
    )
    few = Verdict("rulebook", SURE, 300, 872)
    assert not few.made
    assert few.sentence.startswith("not enough data to claim to be better than the rulebook: +0.0200 log loss")
    assert few.sentence.endswith("; 872 labels to train on (it had 300) would be enough")
    assert Verdict("rulebook", UNSURE, 900, 872).sentence.endswith("; about 2,209 test rows like these would be enough")
    both = Verdict("rulebook", UNSURE, 300, 872).sentence
    assert both.endswith("about 2,209 test rows like these and 872 labels to train on (it had 300) would be enough")


def test_a_sure_gain_on_a_handful_of_rows_is_no_claim():
    tiny = Verdict("base rate", replace(SURE, rows=60), 900, 300)
    assert not tiny.made
    assert tiny.sentence.endswith("about 100 test rows like these would be enough")


def test_no_gain_is_no_gain_and_chance_never_has_enough():
    assert Verdict("rulebook", replace(UNSURE, mean=-0.01), 900, 1).sentence.startswith(
        "no gain seen over the rulebook: -"
    )
    assert Verdict("rulebook", UNSURE, 900, None).sentence.endswith("ranks no better than chance")
    assert not Verdict("rulebook", SURE, 900, None).made


def test_a_null_world_makes_no_claim():
    """Predictions that know nothing against the base rate: at most 5 of 100 worlds claim."""
    made = 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        y = random.integers(0, 2, 300)
        p = sigmoid(0.2 * random.normal(size=300))
        gain = paired_bootstrap(y, p, np.full(300, 0.5), pd.Series(np.arange(300)), draws=300, seed=seed)
        made += Verdict("base rate", gain, 10_000, 500).made
    assert made <= 5
