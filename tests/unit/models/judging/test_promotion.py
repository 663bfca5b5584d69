from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchmarks.promotion_power import power
from models.judging.policy import Estimate
from models.judging.promotion import Champion, decide, let_wait, overtaken
from models.metrics.evaluation import sigmoid


def with_holdout(result, rows=600, signal=1.5, rules=0.5, chosen_noise=0.0, leaks=(), seed=0):
    """The same training with another test: the chosen model knows the truth, the rules a part of it."""
    random = np.random.default_rng(seed)
    z = random.normal(size=rows)
    y = (random.random(rows) < sigmoid(signal * z)).astype(int)
    holdout = pd.DataFrame(
        {
            "y": y,
            "group": np.arange(rows),
            "as_of": pd.Timestamp("2025-06-01") + pd.to_timedelta(np.arange(rows), unit="h"),
            "base_rate": 0.5,
            "rulebook": sigmoid(rules * z),
            result.chosen: sigmoid(signal * z + chosen_noise * random.normal(size=rows)),
        }
    )
    leakage = replace(result.leakage, suspects=leaks)
    return replace(result, holdout=holdout, leakage=leakage)


def champion(test, knows, until="2025-01-01"):
    later = test.holdout[test.holdout["as_of"] > pd.Timestamp(until)]
    return Champion(4, later[test.chosen if knows else "rulebook"], pd.Timestamp(until))


def test_the_first_champion_that_is_surely_ahead(result):
    found = decide(with_holdout(result), None)
    assert (found.promote, found.alias, found.provisional) == (True, "champion", False)
    assert found.reasons[0].startswith("better than the base rate: +")
    assert found.reasons[1].startswith("better than the rules: +")


def test_ahead_on_too_few_rows_is_provisional(result):
    found = decide(with_holdout(result, rows=60, rules=0.8, seed=4), None)
    assert (found.promote, found.alias, found.provisional) == (True, "champion", True)
    assert "provisional" in found.reasons[-1]


@pytest.mark.parametrize("behind", [{"chosen_noise": 4.0}, {"signal": 0.0, "chosen_noise": 1.0}])
def test_not_ahead_lets_the_rules_alone_route(result, behind):
    found = decide(with_holdout(result, **behind), None)
    assert (found.promote, found.alias) == (False, None)
    assert "rules alone route" in found.reasons[-1]


def test_not_ahead_lets_the_champion_go_on(result):
    test = with_holdout(result, chosen_noise=4.0)
    found = decide(test, champion(test, knows=True))
    assert (found.promote, found.alias, found.against) == (False, None, 4)
    assert found.reasons[-1] == "not ahead of what it has to beat: version 4 stays in use"


def test_a_champion_that_can_no_longer_score_is_no_bar_and_it_is_said(result):
    broken = Champion(4, fault="no pain_state")
    found = decide(with_holdout(result), broken)
    assert (found.promote, found.alias, found.against) == (True, "champion", 4)
    assert [v.other for v in found.verdicts] == ["base rate", "rules"]
    said = "version 4, the model in use, can no longer score (no pain_state)"
    assert found.reasons[-1] == f"{said}, so the new model was judged as if it were the first"
    for test in (with_holdout(result, chosen_noise=4.0), with_holdout(result, leaks=("n1",))):
        refused = decide(test, broken)
        assert (refused.alias, refused.reasons[-1]) == (None, said)


def test_who_was_overtaken_is_a_challenger_and_hears_by_whom(result):
    test = with_holdout(result)
    late = overtaken(decide(test, champion(test, knows=False)), 6, 5)
    assert (late.promote, late.alias, late.against) == (False, "challenger", 4)
    assert late.reasons[-1].startswith("judged while version 4 was in use, but version 5 is in use now: train again")
    assert (
        "judged while no model was in use, but version 5 is in use now"
        in overtaken(decide(test, None), 6, 5).reasons[-1]
    )


def test_who_is_asked_first_decides_by_the_same_reasons(result):
    better, leaky = decide(with_holdout(result), None), decide(with_holdout(result, leaks=("n1",)), None)
    waits = let_wait(better)
    assert (waits.promote, waits.alias, waits.waiting) == (False, "challenger", True)
    assert waits.reasons[:-1] == better.reasons
    assert "`leadready promote`" in waits.reasons[-1]
    assert let_wait(leaky) == leaky


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("same points", "all have the same points"),
        ("no more accepted", "leads with more points were not accepted more often"),
    ],
)
def test_rules_that_cannot_be_judged_are_no_bar_and_it_is_said_why(result, why, said):
    found = decide(replace(with_holdout(result, rules=1.5, chosen_noise=0.2), rules_unjudged=why), None)
    assert found.promote
    (told,) = [reason for reason in found.reasons if "cannot be judged" in reason]
    assert said in told


def test_a_leak_stops_even_the_best_and_says_how_to_allow_it(result):
    found = decide(with_holdout(result, leaks=("n1",)), None)
    assert (found.promote, found.alias) == (False, None)
    assert "n1 may know the answer" in found.reasons[0]
    assert 'allowed_columns = ["n1"]' in found.reasons[-1]


def test_an_allowed_leak_does_not_stop(result):
    test = with_holdout(result, leaks=("n1",))
    assert decide(replace(test, leakage=replace(test.leakage, allowed=("n1",))), None).promote


def test_a_challenger_surely_ahead_replaces_the_champion(result):
    test = with_holdout(result)
    found = decide(test, champion(test, knows=False))
    assert (found.promote, found.alias) == (True, "champion")


def test_an_equal_challenger_stays_one(result):
    test = with_holdout(result)
    found = decide(test, champion(test, knows=True))
    assert (found.promote, found.alias) == (False, "challenger")
    assert "not ahead of the champion" in found.reasons[-2]


def test_a_challenger_with_a_wrong_slope_stays_one(result):
    test = with_holdout(result)
    steep = test.holdout.assign(
        **{test.chosen: sigmoid(0.75 * np.log(test.holdout[test.chosen] / (1 - test.holdout[test.chosen])))}
    )
    found = decide(replace(test, holdout=steep), champion(test, knows=False))
    assert found.alias == "challenger"
    assert "calibration slope 1." in found.reasons[-1]


def test_rows_that_the_champion_trained_on_do_not_count(result):
    test = with_holdout(result)
    late = test.holdout["as_of"].iloc[-100]
    found = decide(test, champion(test, knows=False, until=late))
    assert (found.promote, found.alias) == (False, "challenger")
    assert "only 99 test rows" in found.reasons[-1]


def test_few_labels_for_its_parameters_make_the_first_champion_provisional(result):
    """AUC .8 and 500 labels: enough for 10 parameters, too few for 100."""
    test = with_holdout(result)
    assert not decide(test, None, parameters=8).provisional
    found = decide(test, None, parameters=100)
    assert (found.promote, found.provisional) == (True, True)
    assert "labels to train on (it had 500) would be enough" in found.reasons[0]


def worth(mean, error):
    return Estimate(mean, mean - 1.96 * error, mean + 1.96 * error, error)


@pytest.mark.parametrize(
    ("gain", "promoted"),
    [
        (worth(5, 10), True),
        (worth(0, 0), True),
        (worth(-5, 10), True),
        (worth(-12, 10), False),
        (worth(-30, 10), False),
    ],
)
def test_a_challenger_whose_hand_offs_are_worth_less_stays_one(result, gain, promoted):
    test = with_holdout(result)
    found = decide(test, champion(test, knows=False), policy_gain=gain)
    assert found.promote == promoted
    assert ("worth no less than the champion's" in found.reasons[-1]) == promoted


def test_what_was_compared_is_kept_with_the_decision(result):
    test = with_holdout(result)
    found = decide(test, champion(test, knows=False))
    assert [v.other for v in found.verdicts] == ["base rate", "rules", "champion"]
    assert found.verdicts[2].gain.rows == 600


def test_equal_challengers_are_not_promoted_and_better_ones_are():
    """A small form of benchmarks/promotion_power.py, which holds the gate with 100 trials of 5,000 rows."""
    found = power(trials=15, rows=5000, gain=0.03, alike=0.5, draws=200)
    assert found["equal"].sum() <= 1
    assert found["better"].mean() >= 0.8
    assert found["better_auc"].mean() == pytest.approx(0.03, abs=0.005)
