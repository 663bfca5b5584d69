import numpy as np
import pandas as pd
import pytest

from data.errors import DataError
from models.judging.policy import brought, policy_gain, policy_value
from models.judging.selective import bounds, reach, robust_gain, robust_value, weighted_metrics
from models.metrics.evaluation import log_losses, logit, sigmoid
from tests.unit.models.judging.test_policy import COSTS, FOUR, HELD, NO, YES, company, logged


def test_the_explored_stand_for_those_below_the_gate():
    """Below the gate sales refuses more than p says: unweighted the hand-offs hide it."""
    random = np.random.default_rng(0)
    everyone = company(0, leads=10_000, share=0.2, signal=3)
    everyone["p"] = sigmoid(3 * logit(everyone["p"]) - 0.2)
    true_p = np.where(everyone["met"], everyone["p"], 0.5 * everyone["p"])
    everyone["y"] = (random.random(len(everyone)) < true_p).astype(int)
    some = everyone[everyone["seen"]]
    found = weighted_metrics(some, draws=200)
    bias, loss = float((everyone["p"] - everyone["y"]).mean()), log_losses(everyone["y"], everyone["p"]).mean()
    assert found.loc["bias", "low"] < bias < found.loc["bias", "high"]
    assert found.loc["log_loss", "low"] < loss < found.loc["log_loss", "high"]
    plain = weighted_metrics(some.assign(propensity=1.0), draws=200)
    assert plain.loc["bias", "high"] < bias


def test_without_weights_they_are_the_usual_figures():
    frame = logged(FOUR).assign(propensity=1.0)
    found = weighted_metrics(frame, draws=50)["value"]
    assert found["brier"] == pytest.approx(np.mean((frame["y"] - frame["p"]) ** 2))
    assert found["log_loss"] == pytest.approx(log_losses(frame["y"].to_numpy(), frame["p"].to_numpy()).mean())


def test_of_whom_the_figures_speak():
    gated = pd.DataFrame({"propensity": np.ones(300)})
    assert reach(gated).sentence.startswith("gated population only: no lead below the gate was explored")
    assert reach(gated).explored == 0
    some = pd.concat([gated, pd.DataFrame({"propensity": np.full(40, 0.1)})])
    assert reach(some).everybody
    assert reach(some).sentence.startswith("everybody at the gate: 40 of 340 hand-offs were explored, effective")
    assert reach(some.iloc[295:305]).sentence.startswith("too few to describe everybody at the gate (100 are needed)")


@pytest.mark.parametrize("seed", range(10))
def test_bounds_hold_the_truth(seed):
    """The value of a policy over all leads lies within what the gated ones and mere counts allow."""
    everyone = company(seed, leads=800, signal=1)
    picked = everyone["p"].to_numpy() > 0.6
    met = everyone["met"].to_numpy()
    truth = policy_value(everyone.assign(propensity=1.0), picked, draws=10).mean
    low, high = bounds(everyone[met], picked[met], int(np.sum(~met)), int(np.sum(picked & ~met)), COSTS)
    assert low < truth < high


def test_bounds_by_hand():
    frame = logged(FOUR).iloc[1:3]
    assert bounds(frame, np.array([0, 1]), below=8, picked=0, costs=COSTS) == pytest.approx((274, 274))
    low, high = bounds(frame, np.array([0, 1]), below=8, picked=3, costs=COSTS)
    assert (low, high) == pytest.approx(((HELD + YES + 3 * NO + 5 * HELD) / 10, (HELD + YES + 3 * YES + 5 * HELD) / 10))


def test_more_than_all_below_the_gate_cannot_be_picked():
    with pytest.raises(DataError, match="0 to 2 of 2 leads, got 3"):
        bounds(logged(FOUR), np.ones(4), below=2, picked=3, costs=COSTS)


def at_the_gate_of(everyone, told=1.0):
    """The same leads explored anew, again and again: half of the hand-offs have an answer."""
    random, chance = np.random.default_rng(1), everyone["propensity"].to_numpy()
    everyone = everyone.assign(propensity=np.where(chance < 1, told * chance, 1))
    for _ in range(60):
        yield everyone.assign(answered=(random.random(len(everyone)) < chance) & (random.random(len(everyone)) < 0.5))


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("right", "told"), [(False, 1.0), (True, 0.3)], ids=["p is wrong", "propensities are wrong"])
def test_the_doubly_robust_value_needs_one_of_the_two_to_be_right(seed, right, told):
    """Inverse propensity needs propensities; expectations alone need p."""
    everyone = company(seed, leads=2000, share=0.2, signal=3)
    truth = sigmoid(3 * logit(everyone["p"]) - 0.2) * np.where(everyone["met"], 1, 0.4)
    y = (np.random.default_rng(seed).random(len(everyone)) < truth).astype(int)
    everyone = everyone.assign(y=y, p=truth if right else 0.8 - 0.5 * truth)
    a, b = everyone["p"].to_numpy() > 0.4, everyone["met"].to_numpy()
    known = everyone.assign(propensity=1.0)
    value, gain = policy_value(known, a, draws=1).mean, policy_gain(known, a, b, draws=1).mean
    worlds = list(at_the_gate_of(everyone, told))
    found = np.array([(robust_value(w, a, draws=1).mean, robust_gain(w, a, b, draws=1).mean) for w in worlds])
    noise = found.std(axis=0) / np.sqrt(len(worlds))
    assert (np.abs(found.mean(axis=0) - (value, gain)) < 4 * noise + 1).all(), "1 of about 300: y is one draw from p"
    naive = [policy_value(w[w["answered"]], a[w["answered"]], draws=1).mean for w in worlds]
    if not right:
        naive = [(known["waiting"] + a * (brought(known.assign(y=known["p"])))).mean()]
    assert abs(np.mean(naive) - value) > 10 * noise[0], "what needs the wrong one of the two is off"


def test_the_doubly_robust_value_by_hand():
    """Of three below the gate one was drawn and accepted where .5 was expected; of two above it one is unanswered."""
    gate = logged("""
        y  p    met  propensity  group
        1  0.5  0    0.25        a
        0  0.2  0    0.25        b
        0  0.4  0    0.25        c
        0  0.6  1    1           d
        0  0.7  1    1           e
    """).assign(answered=[True, False, False, True, False])
    gain = YES - NO
    everybody = NO + gain * ((0.5 + 0.2 + 0.4 + 3 * 0.5) + (0.6 + 0.7 - 2 * 0.6)) / 5
    assert robust_value(gate, np.ones(5)).mean == pytest.approx(everybody)
    assert robust_value(gate, np.zeros(5), draws=10).mean == HELD
    rules = gate["met"].to_numpy()
    below = (3 * (NO - HELD) + gain * (0.5 + 0.2 + 0.4 + 3 * 0.5)) / 5
    assert robust_gain(gate, np.ones(5), rules).mean == pytest.approx(below)


def test_where_nobody_below_the_gate_answered_p_stands_alone_there():
    gate = logged(FOUR).assign(answered=[False, True, True, False])
    found = robust_value(gate, np.array([1, 0, 0, 1]), draws=20)
    assert found.mean == pytest.approx((2 * HELD + NO + 0.9 * (YES - NO) + NO + 0.1 * (YES - NO)) / 4)


@pytest.mark.slow
def test_the_doubly_robust_interval_holds_the_truth():
    """Leads of one company, three to an account that answer alike."""
    whole = company(0, 200_000, signal=1, accounts=66_667)
    truth = policy_value(whole.assign(propensity=1.0), np.ones(200_000), draws=2).mean
    worlds = [company(seed, 1200, share=0.2, signal=1, accounts=400) for seed in range(150)]
    found = [robust_value(w.assign(answered=w["seen"]), np.ones(1200), draws=200) for w in worlds]
    assert 0.90 <= np.mean([e.low < truth < e.high for e in found]) <= 0.985
