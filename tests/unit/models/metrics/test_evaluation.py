import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from models.metrics.evaluation import (
    auc,
    calibration,
    calibration_error,
    decompose,
    evaluate,
    lift,
    log_losses,
    logit,
    sigmoid,
)

Y = np.array([0, 0, 1, 1, 0, 1, 0, 1, 1, 0])
P = np.array([0.1, 0.4, 0.35, 0.8, 0.4, 0.9, 0.2, 0.4, 0.6, 0.5])


def sample(rows, slope=1.0, shift=0.0, seed=0):
    random = np.random.default_rng(seed)
    z = random.normal(size=rows)
    y = (random.random(rows) < sigmoid(shift + slope * z)).astype(int)
    return y, sigmoid(z)


def test_scores_agree_with_scikit_learn():
    found = evaluate(Y, P)
    assert found["auc"] == pytest.approx(roc_auc_score(Y, P))
    assert found["log_loss"] == pytest.approx(log_loss(Y, P))
    assert found["brier"] == pytest.approx(brier_score_loss(Y, P))


def test_skill_of_the_base_rate_is_nothing():
    found = evaluate(Y, np.full(10, 0.5))
    assert found["log_loss_skill"] == pytest.approx(0)
    assert found["brier_skill"] == pytest.approx(0)
    assert found["auc"] == 0.5


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_ties_give_no_lift(share):
    assert lift(Y, np.full(10, 0.3), share) == pytest.approx(1.0)


def test_lift_of_the_right_order():
    assert lift(Y, Y.astype(float), 0.5) == pytest.approx(2.0)
    assert lift(Y, Y.astype(float), 0.1) == pytest.approx(2.0)


@pytest.mark.parametrize("outcome", [0, 1])
def test_one_outcome_alone_gives_nan_and_no_warning(outcome):
    found = evaluate(np.full(10, outcome), P)
    assert np.isnan([found[k] for k in ("auc", "pr_auc", "calibration_slope", "calibration_intercept")]).all()
    assert np.isfinite(found["log_loss"])


def test_certain_and_wrong_stays_finite():
    assert np.isfinite(evaluate(np.array([0, 1]), np.array([1.0, 0.0]))["log_loss"])


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 10)), min_size=1, max_size=60))
def test_the_parts_of_log_loss_add_up_and_none_is_negative(rows):
    y, p = (np.array(column) for column in zip(*rows, strict=True))
    miscalibration, discrimination, uncertainty = decompose(y, p / 10)
    assert miscalibration - discrimination + uncertainty == pytest.approx(log_losses(y, p / 10).mean(), abs=1e-9)
    assert min(miscalibration, discrimination, uncertainty) >= -1e-12


def test_the_parts_tell_what_is_wrong():
    """Three times too loud costs miscalibration and no discrimination; one value for all tells nothing apart."""
    y, p = sample(20_000)
    right, loud, blind = (evaluate(y, sigmoid(z)) for z in (logit(p), 3 * logit(p), np.zeros(len(y))))
    assert right["miscalibration"] < 0.005 < 0.1 < loud["miscalibration"]
    assert loud["discrimination"] == pytest.approx(right["discrimination"])
    assert blind["discrimination"] == pytest.approx(0, abs=1e-12)


def test_calibration_finds_slope_and_intercept():
    y, p = sample(40_000, slope=0.7)
    assert calibration(y, p)[0] == pytest.approx(0.7, abs=0.03)
    y, p = sample(40_000, shift=0.4)
    assert calibration(y, p)[1] == pytest.approx(0.4, abs=0.03)


def test_separated_outcomes_have_no_slope():
    assert np.isnan(calibration(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9]))[0])


def test_right_probabilities_stay_below_their_95_percent_value_95_percent_of_the_time():
    inside = [np.less(*calibration_error(*sample(400, seed=seed))) for seed in range(200)]
    assert 0.90 <= np.mean(inside) <= 0.99


def test_logit_and_sigmoid_are_inverse():
    assert np.allclose(sigmoid(logit(P)), P)


def test_auc_of_one_class_is_nan():
    assert np.isnan(auc(np.ones(3), np.arange(3)))
