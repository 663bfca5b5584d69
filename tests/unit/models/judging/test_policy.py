from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from data.agreement.model import Costs
from data.errors import DataError
from models.judging.policy import (
    Claim,
    Estimate,
    claim,
    effective_size,
    equal_volume_gain,
    equal_volume_pick,
    expected_gain,
    policy_gain,
    policy_value,
    priced,
    weights,
)
from models.metrics.evaluation import sigmoid
from tests.tables import table

COSTS = Costs(acceptance=1000, review=60, waiting=200, recyclable=0.9, trust=40)
YES, NO, HELD = 940, 80, 200
"""What an accepted, a refused and a held lead bring at these costs."""


def logged(text):
    """Hand-offs from a table; those of one letter in `group` are of one account."""
    frame = pd.DataFrame(table(text)).astype({"y": int, "p": float, "met": int, "propensity": float})
    return priced(frame, [COSTS] * len(frame))


def company(seed, leads=3000, share=0.05, below=0.5, signal=0.0, base=-0.2, accounts=None):
    """Every lead that came to a gate deaf to what sales likes; `seen` marks those that were handed off.

    p tells sales' answer by `signal`, above the gate and below it; 0 is a null world.
    """
    random = np.random.default_rng(seed)
    house = random.integers(0, accounts or leads, leads)
    z = 0.6 * random.normal(size=leads) + 0.8 * random.normal(size=accounts or leads)[house]
    met = random.random(leads) >= below
    everyone = pd.DataFrame(
        {
            "y": (random.random(leads) < sigmoid(base + signal * z)).astype(int),
            "p": sigmoid(z),
            "met": met,
            "group": house,
            "propensity": np.where(met, 1.0, share),
            "seen": met | (random.random(leads) < share),
        }
    )
    return priced(everyone, [COSTS] * leads)


def seen(everyone):
    return everyone[everyone["seen"]]


FOUR = """
    y  p    met  propensity  group
    1  0.9  0    0.25        a
    0  0.2  1    1           b
    1  0.8  1    1           c
    0  0.1  0    0.25        d
"""


def test_a_hand_off_pays_from_the_threshold_on():
    money = (COSTS.acceptance, COSTS.review, COSTS.waiting, COSTS.refusal)
    assert expected_gain(np.array([0.0, COSTS.threshold, 1.0]), *money) == pytest.approx([NO - HELD, 0, YES - HELD])


def test_a_row_stands_for_as_many_leads_as_its_chance_says_and_at_most_20():
    frame = logged(FOUR).assign(propensity=[0.25, 1, 0.05, 0.001])
    assert weights(frame) == pytest.approx([4, 1, 20, 20])


def test_effective_sample_size():
    assert effective_size(np.ones(7)) == pytest.approx(7)
    assert effective_size(np.array([4.0, 1.0, 1.0, 4.0])) == pytest.approx(100 / 34)
    assert effective_size(np.zeros(3)) == 0


def test_a_policys_value_is_the_mean_over_all_who_came_to_the_gate():
    frame = logged(FOUR)
    assert policy_value(frame, np.array([0, 1, 1, 0])).mean == pytest.approx((NO + YES + 8 * HELD) / 10)
    assert policy_value(frame, np.array([True, False, True, False])).mean == pytest.approx((5 * YES + 5 * HELD) / 10)
    assert policy_value(frame, np.zeros(4, bool)).mean == HELD


def test_each_row_is_valued_at_its_own_costs():
    dear = COSTS.model_copy(update={"acceptance": 5000})
    frame = priced(logged(FOUR), [dear, COSTS, COSTS, COSTS])
    assert policy_value(frame, np.ones(4)).mean == pytest.approx((4 * 4940 + NO + YES + 4 * NO) / 10)


def test_a_policy_gains_nothing_over_itself():
    frame = logged(FOUR)
    gain = policy_gain(frame, frame["met"].to_numpy(), frame["met"].to_numpy())
    assert (gain.mean, gain.low, gain.high, gain.error) == (0, 0, 0, 0)


def test_a_gain_is_the_difference_of_two_values():
    frame = seen(company(0, signal=1))
    a, b = frame["p"].to_numpy() > 0.5, frame["met"].to_numpy()
    values = [policy_value(frame, handed, draws=50).mean for handed in (a, b)]
    assert policy_gain(frame, a, b, draws=50).mean == pytest.approx(values[0] - values[1])


def test_copies_of_a_row_in_one_account_add_no_certainty():
    frame = seen(company(0, leads=400))
    copies = frame.loc[frame.index.repeat(5)]
    once, again = (policy_value(f, f["met"].to_numpy()) for f in (frame, copies))
    assert (again.low, again.high) == pytest.approx((once.low, once.high), rel=0.02)


@pytest.mark.parametrize(
    ("column", "value"), [("y", np.nan), ("p", 1.1), ("propensity", 0), ("propensity", np.nan), ("group", None)]
)
def test_a_row_that_cannot_be_valued_is_an_error(column, value):
    frame = logged(FOUR).astype({"group": object})
    frame[column] = frame[column].where(frame.index > 0, value)
    with pytest.raises(
        DataError, match=r"valuing policies: expected decided hand-offs .* got 1 other rows of 4; leave"
    ):
        priced(frame, [COSTS] * 4)


def test_no_rows_are_an_error():
    with pytest.raises(DataError, match="of 0"):
        priced(logged(FOUR).iloc[:0], [])


def test_exploration_shows_the_whole_gate_and_a_plain_mean_does_not():
    """Refused more below the gate: the weighted value is right, the mean of the logged is far off."""
    everyone = company(1, leads=10_000)
    refused = ~everyone["met"] & (np.random.default_rng(2).random(len(everyone)) < 0.7)
    everyone["y"] = everyone["y"].where(~refused, 0)
    frame, all_of_them = seen(everyone), np.ones(len(everyone))
    truth = policy_value(everyone.assign(propensity=1.0), all_of_them, draws=10).mean
    weighted = policy_value(frame, all_of_them[: len(frame)], draws=500)
    plain = policy_value(frame.assign(propensity=1.0), all_of_them[: len(frame)], draws=500)
    assert weighted.low < truth < weighted.high
    assert not plain.low < truth < plain.high


@pytest.mark.slow
@pytest.mark.parametrize("accounts", [None, 60])
def test_95_of_100_intervals_hold_the_truth(accounts):
    """One lead an account, or ten leads of each that answer alike."""
    truth = policy_value(company(0, 200_000, signal=1, accounts=accounts and 20_000), np.ones(200_000), draws=2).mean
    worlds = [company(s, 600, share=0.2, signal=1, accounts=accounts) for s in range(150)]
    found = [policy_value(f, np.ones(len(f)), draws=200) for f in map(seen, worlds)]
    assert 0.90 <= np.mean([e.low < truth < e.high for e in found]) <= 0.985


@pytest.mark.slow
def test_the_interval_of_the_gain_at_equal_volume_holds_the_truth():
    """The gain of the model's pick from all leads, whose answers are known here."""
    whole = company(0, 200_000, signal=1).assign(propensity=1.0)
    truth = equal_volume_gain(whole, draws=2).mean
    found = [equal_volume_gain(seen(company(s, 1200, share=0.2, signal=1)), draws=200) for s in range(150)]
    assert 0.90 <= np.mean([e.low < truth < e.high for e in found]) <= 0.985


@pytest.mark.parametrize("seed", range(5))
def test_equal_volume_is_equal(seed):
    frame = seen(company(seed, leads=500, share=0.07))
    pick, weight = equal_volume_pick(frame), weights(frame)
    assert weight @ pick == pytest.approx(weight @ frame["met"])
    assert np.sum((pick > 1e-9) & (pick < 1 - 1e-9)) <= 1
    assert frame["p"][pick > 0.5].min() >= frame["p"][pick < 0.5].max()


def test_the_model_takes_part_of_the_last_where_it_stands_for_more_leads_than_are_left():
    assert equal_volume_pick(logged(FOUR)) == pytest.approx([0.5, 0, 0, 0])


def test_tied_leads_are_the_rules_first():
    """A model that tells nothing picks as the rules do, and gains exactly nothing."""
    frame = seen(company(3, share=0.07)).assign(p=0.4)
    assert (equal_volume_pick(frame) == frame["met"]).all()
    gain = equal_volume_gain(frame, draws=50)
    assert (gain.mean, gain.low, gain.high) == (0, 0, 0)


def test_ties_within_a_side_keep_their_order():
    frame = logged("""
        y  p    met  propensity  group
        1  0.2  1    1           a
        0  0.5  0    1           b
        1  0.5  0    1           c
        1  0.5  1    1           d
    """)
    assert equal_volume_pick(frame).tolist() == [0, 1, 0, 1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "world",
    [{"leads": 1000, "share": 0.15}, {"leads": 600, "share": 0.05, "below": 0.2, "base": 1.0}],
    ids=["many explored", "few explored, most accepted"],
)
def test_a_null_world_is_silent(world):
    """p knows nothing of the answer: no more than 5 of 100 worlds claim.

    In the second, a few lucky explored leads look like a find: without a least effective sample size of the swapped
    rows 16 of 100 would claim.
    """
    found = [claim(seen(company(s, **world)), draws=200, seed=s) for s in range(200)]
    assert np.mean([c.made for c in found]) <= 0.05
    assert all(c.sentence.startswith(("no gain seen", "not enough data to claim")) for c in found if not c.made)


def test_a_telling_model_is_claimed_to_be_better():
    found = [claim(seen(company(s, 5000, signal=1.2)), draws=200) for s in range(20)]
    assert np.mean([c.made for c in found]) >= 0.9
    sentence = next(c.sentence for c in found if c.made)
    assert sentence.startswith("better than the rules alone: +")
    assert "hand-offs of" in sentence
    assert "gated" not in sentence


def test_what_would_do_by_hand():
    """2.8 standard errors are 80 % power: (2.802 * 10 / 14)^2 = 4.005 times the rows; never fewer than there are."""
    found = Claim(Estimate(14, -6, 34, 10), rows=1000, accounts=900, effective=150, gated_only=False)
    assert found.needed == 4006
    assert found.sentence == (
        "not enough data to claim: +14.00 per lead at the gate (95 % interval -6.00 to +34.00) at equal volume, "
        "1,000 hand-offs of 900 accounts, effective sample size 150; about 4,006 hand-offs like these would be enough"
    )
    assert replace(found, gain=Estimate(50, 30, 70, 10), effective=25).needed == 4000
    assert replace(found, gain=Estimate(50, -1, 70, 10)).needed == 1000


def test_a_sure_gain_on_too_few_effective_rows_is_not_claimed():
    found = Claim(Estimate(50, 30, 70, 10), rows=1000, accounts=900, effective=99.9, gated_only=False)
    assert not found.made
    assert replace(found, effective=100.0).made


def test_what_would_do_does():
    """Worlds of the size said to be needed for their gain claim it about 80 % of the time."""
    truth = equal_volume_gain(company(0, 100_000, signal=0.4).assign(propensity=1.0), draws=2).mean
    small = claim(seen(company(0, 1000, share=0.2)), draws=400)
    needed = replace(small, gain=replace(small.gain, mean=truth)).needed
    worlds = [company(s, round(1000 * needed / small.rows), share=0.2, signal=0.4) for s in range(60)]
    assert 0.65 <= np.mean([claim(seen(w), draws=200).made for w in worlds]) <= 0.95


def test_where_the_rules_are_ahead_no_gain_is_seen():
    everyone = company(0, signal=1)
    found = claim(seen(everyone.assign(p=1 - everyone["p"])), draws=200)
    assert not found.made
    assert found.needed is None
    assert found.sentence.startswith("no gain seen: -")


def test_without_exploration_nothing_below_the_gate_is_seen():
    """Only hand-offs by the rules were logged: nothing can be swapped, and the sentence says so."""
    found = claim(seen(company(0, signal=1).query("met")), draws=50)
    assert found.gated_only
    assert not found.made
    assert found.sentence.startswith("no claim, gated population only: no lead below the gate was explored (+0.00")


def test_leads_below_the_gate_chosen_by_hand_are_no_exploration():
    frame = seen(company(0, signal=1)).assign(propensity=1.0)
    found = claim(frame, draws=50)
    assert found.gain.low > 0
    assert not found.made
