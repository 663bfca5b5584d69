"""What sales' answers tell of an agreement nobody has signed yet: by hand, and where the truth is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.fitting.deployed import BEYOND_SAMPLING
from models.judging.trial import BOTH, NEW, NEW_ONLY, OLD, OLD_ONLY, count_answers, cross_fit, estimate, kinds
from tests.unit.models.leads import make


def moments(**counts: int) -> pd.DataFrame:
    """So many leads of each kind, those of both kinds under both agreements."""
    rows = []
    for kind, agreements in ((BOTH, (OLD, NEW)), (OLD_ONLY, (OLD,)), (NEW_ONLY, (NEW,))):
        for i in range(counts.get(kind.replace(" ", "_"), 0)):
            rows += [
                {"lead_id": f"{kind} {i}", "agreement": agreement, "kind": kind, "p": np.nan}
                for agreement in agreements
            ]
    return pd.DataFrame(rows)


def answers(kind: str, count: int, accepted: float, propensity: float = 1.0, p: float = np.nan) -> pd.DataFrame:
    """So many answered hand-offs of a kind, each of an account of its own; the first share of them accepted."""
    y = (np.arange(count) < round(accepted * count)).astype(int)
    group = [f"{kind} {propensity} {i}" for i in range(count)]
    return pd.DataFrame({"y": y, "propensity": propensity, "group": group, "kind": kind, "p": p})


def test_a_moment_is_of_the_kind_of_those_who_call_it_qualified() -> None:
    old, new = np.array([True, True, False, False]), np.array([True, False, True, False])
    assert list(kinds(old, new)) == [BOTH, OLD_ONLY, NEW_ONLY, ""]


def test_counts_say_what_there_is_to_tell_by() -> None:
    chosen = answers(NEW_ONLY, 200, 0.6)  # by a model, a person, or who knows: they do not stand for the others
    log = pd.concat([answers(BOTH, 150, 0.5), answers(NEW_ONLY, 30, 0.2, 0.05), chosen, answers("", 9, 0.5)])
    found = count_answers(moments(both=40, new_only=10), log)
    assert found.leads == {BOTH: 40, OLD_ONLY: 0, NEW_ONLY: 10}
    assert found.answered == {BOTH: 150, OLD_ONLY: 0, NEW_ONLY: 230}
    assert found.explored == {BOTH: 0, OLD_ONLY: 0, NEW_ONLY: 30}
    assert found.effective == pytest.approx({BOTH: 150, OLD_ONLY: 0, NEW_ONLY: 30})
    assert found.few == (NEW_ONLY,)
    assert found.blind  # 10 of the draft's 50 leads


def test_an_account_with_many_answers_counts_as_one() -> None:
    log = answers(BOTH, 150, 0.5).assign(group="one account")
    assert count_answers(moments(both=40), log).effective[BOTH] == pytest.approx(1)


def test_few_unknown_leads_widen_the_interval_and_no_more() -> None:
    log = pd.concat([answers(BOTH, 400, 0.5), answers(OLD_ONLY, 400, 0.25)])
    reached = moments(both=96, old_only=20, new_only=4)
    found = count_answers(reached, log)
    assert found.few == (NEW_ONLY,)
    assert not found.blind
    with_them, without = estimate(reached, log, found.few), estimate(moments(both=96, old_only=20), log, ())
    assert with_them.old == without.old
    assert with_them.new.low == pytest.approx(without.new.low)
    assert with_them.new.high == pytest.approx(without.new.high + 4)
    assert with_them.new.mean == pytest.approx(without.new.mean + 2)
    assert with_them.change.high == pytest.approx(without.change.high + 4)


def test_shares_are_carried_to_the_leads_of_their_kind() -> None:
    log = pd.concat([answers(BOTH, 200, 0.5), answers(OLD_ONLY, 200, 0.25), answers(NEW_ONLY, 120, 0.75, 0.05)])
    found = estimate(moments(both=100, old_only=40, new_only=20), log, ())
    assert found.old.mean == pytest.approx(100 * 0.5 + 40 * 0.25)
    assert found.new.mean == pytest.approx(100 * 0.5 + 20 * 0.75)
    assert found.change.mean == pytest.approx(20 * 0.75 - 40 * 0.25)
    assert found.change.low < found.change.mean < found.change.high
    # what both agreements share is not uncertain in the change
    assert found.change.high - found.change.low < found.old.high - found.old.low + 1


def test_an_explored_answer_stands_for_those_that_were_not_drawn() -> None:
    log = pd.concat([answers(NEW_ONLY, 60, 1.0, 0.1), answers(NEW_ONLY, 60, 0.0, 1.0)])
    assert estimate(moments(new_only=10), log, ()).new.mean == pytest.approx(10 * 600 / 660)


def test_the_model_is_corrected_by_its_errors() -> None:
    """It expects .2 too much of everybody; each lead keeps its place."""
    log = answers(NEW_ONLY, 200, 0.5, 0.05, p=0.7)
    reached = moments(new_only=2).assign(p=[0.9, 0.3])
    found = estimate(reached, log, ()).new
    assert found.mean == pytest.approx(0.9 + 0.3 - 2 * 0.2)
    plain = estimate(reached.assign(p=np.nan), log.assign(p=np.nan), ()).new
    assert found.high - found.low == pytest.approx(BEYOND_SAMPLING * (plain.high - plain.low))


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_of_rows_changes_nothing(seed: int) -> None:
    log = pd.concat([answers(BOTH, 200, 0.5), answers(OLD_ONLY, 150, 0.25)], ignore_index=True)
    reached = moments(both=100, old_only=40)
    shuffled = estimate(reached.sample(frac=1, random_state=seed), log.sample(frac=1, random_state=seed), ())
    straight = estimate(reached, log, ())
    assert shuffled.old.mean == pytest.approx(straight.old.mean)
    assert shuffled.change.low == pytest.approx(straight.change.low, rel=0.1)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng, held, truth = np.random.default_rng(5), 0, 100 * 0.4 - 60 * 0.3
    reached = moments(new_only=100, old_only=60)
    for _ in range(100):
        log = pd.concat([answers(NEW_ONLY, 150, 0.0, 0.05), answers(OLD_ONLY, 150, 0.0)], ignore_index=True)
        log["y"] = (rng.random(300) < np.where(log["kind"] == NEW_ONLY, 0.4, 0.3)).astype(int)
        change = estimate(reached, log, (), draws=400).change
        held += change.low <= truth <= change.high
    assert 88 <= held <= 100


def test_no_model_has_seen_the_account_it_is_asked_about() -> None:
    """A column that names the account gives its outcome away to whoever saw the account, and to nobody else."""
    number = pd.Series(np.random.default_rng(3).permutation(600) % 120)
    accepted = np.random.default_rng(4).random(120) < 0.5
    data = make(rows=600)
    X = data.X.assign(**dict.fromkeys(data.X.select_dtypes("number"), 0.0)).assign(n1=number.astype(float))
    data = replace(data, X=X, group=number.astype(str) + " account", y=accepted[number].astype(int))
    p, beside = cross_fit(data, "shallow", data.X, data.group, seed=1)
    assert np.isfinite(p).all()
    assert p == pytest.approx(beside)
    unknown = pd.Series("never answered", data.group.index)
    assert np.isfinite(cross_fit(data, "shallow", data.X, unknown, seed=1)[1]).all()
    right = ((p > 0.5) == data.y).mean()
    assert right < 0.6  # a model that knew the accounts would be right in all
