import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evaluation import log_losses, logit, sigmoid
from models.policy import policy_value
from models.selective import reach, robust_claim, robust_value, weighted_metrics
from tests.unit.models.test_policy import FOUR, NO, YES, company, logged

GOOD, BAD = "good", "bad"


def gate(seed, leads=400, share=0.2, model=GOOD):
    """Everybody at the gate with their answer, and what sales would say with the probability `truth`."""
    everyone = company(seed, leads, share=share, signal=3)
    truth = sigmoid(3 * logit(everyone["p"]) - 0.2)
    return everyone.assign(p=truth if model == GOOD else 0.95)


def draws_of(everyone, times, told=1.0):
    """The same leads, explored anew: each time the hand-offs that are logged, and the others."""
    random = np.random.default_rng(1)
    chance = everyone["propensity"].to_numpy()
    everyone = everyone.assign(propensity=np.where(chance < 1, told * chance, 1))
    for _ in range(times):
        seen = random.random(len(everyone)) < chance
        yield everyone[seen], everyone[~seen], seen


def values(everyone, handed, times=100, told=1.0):
    """By either method and draw, the value of a policy; and the truth, from the answers of all."""
    truth = policy_value(everyone.assign(propensity=1.0), handed, draws=1).mean
    found = [
        (policy_value(some, handed[seen], draws=1).mean,
         robust_value(some, handed[seen], others, handed[~seen], draws=1).mean)
        for some, others, seen in draws_of(everyone, times, told)
    ]  # fmt: skip
    return truth, np.array(found)


def off_by(found, truth):
    """How far the mean is off beyond what chance explains."""
    return max(0.0, abs(found.mean() - truth) - 4 * found.std() / np.sqrt(len(found)))


@given(st.integers(0, 10_000), st.sampled_from([GOOD, BAD]), st.floats(0.1, 0.5))
def test_both_are_right_on_average_whatever_the_model_of_answers(seed, model, share):
    """Inverse propensity, being self-normalised, may be off by a hair; the doubly robust value is not off at all."""
    everyone = gate(seed, share=share, model=model)
    handed = np.random.default_rng(seed).random(len(everyone)) < 0.5
    truth, found = values(everyone, handed)
    assert off_by(found[:, 0], truth) < 0.01 * truth
    assert off_by(found[:, 1], truth) == 0


@pytest.mark.parametrize("seed", range(2))
def test_a_good_model_of_answers_takes_the_chance_out(seed):
    everyone = gate(seed, share=0.1)
    _, found = values(everyone, np.ones(len(everyone)))
    assert found[:, 1].std() < 0.9 * found[:, 0].std()


def test_a_good_model_mends_wrong_propensities_which_inverse_propensity_cannot():
    """All propensities below the gate are logged at half of what they were, and sales likes those leads less."""
    everyone = gate(0, leads=4000)
    held_back = ~everyone["met"].to_numpy()
    p = np.where(held_back, 0.25, 0.6)
    y = (np.random.default_rng(0).random(len(everyone)) < p).astype(int)
    truth, found = values(everyone.assign(p=p, y=y), np.ones(len(everyone)), times=60, told=0.5)
    assert abs(found[:, 1].mean() - truth) < abs(found[:, 0].mean() - truth) / 3


def test_the_doubly_robust_value_by_hand():
    """Handing off everybody: p expects .5 of each; two logged answers, standing for 4 and 1 leads, mend it."""
    frame = logged(FOUR).iloc[:2].assign(p=0.5)
    held = frame.assign(y=np.nan, propensity=np.nan)
    expected = (YES + NO) / 2
    found = robust_value(frame, np.ones(2), held, np.ones(2))
    assert found.mean == pytest.approx((4 * expected + 4 * (YES - expected) + (NO - expected)) / 4)


def test_holding_everybody_is_worth_what_waiting_is():
    frame = logged(FOUR)
    assert robust_value(frame, np.zeros(4), frame, np.zeros(4), draws=10).mean == 200


def test_a_policy_that_differs_below_an_unexplored_gate_is_no_claim():
    everyone = gate(0)
    met = everyone["met"].to_numpy()
    gated, held = everyone[met], everyone[~met]
    all_of_them, none = (np.full(int(n), v) for n, v in (((~met).sum(), 1), ((~met).sum(), 0)))
    same = np.ones(met.sum())
    found = robust_claim(gated, same, same, held, all_of_them, none, draws=50)
    assert not found.made
    assert found.sentence.startswith("no claim, gated population only: no lead below the gate was explored")


def test_a_policy_that_differs_above_the_gate_needs_no_exploration():
    everyone = gate(0, leads=3000)
    met = everyone["met"].to_numpy()
    gated, held = everyone[met], everyone[~met]
    none = np.zeros((~met).sum())
    found = robust_claim(gated, np.ones(met.sum()), np.zeros(met.sum()), held, none, none, other="nobody", draws=200)
    assert found.made
    assert found.sentence.startswith("better than nobody: +")
    assert "by the doubly robust estimate" in found.sentence


def test_the_explored_stand_for_those_below_the_gate():
    """Below the gate sales refuses more than p says: unweighted the hand-offs hide it."""
    random = np.random.default_rng(0)
    everyone = gate(0, leads=10_000)
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
    assert reach(gated.drop(columns="propensity")).explored == 0
    assert reach(pd.DataFrame({"y": [0, 1]})).sentence == reach(gated).sentence
    some = pd.concat([gated, pd.DataFrame({"propensity": np.full(40, 0.1)})])
    assert reach(some).everybody
    assert reach(some).sentence.startswith("everybody at the gate: 40 of 340 hand-offs were explored, effective")
    assert reach(some.iloc[295:305]).sentence.startswith("too few to speak of everybody at the gate (100 are needed)")
