from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from data.errors import ModelError
from models.fitting.candidates import CANDIDATES, rulebook
from models.fitting.learning import choose, choosing_losses, compare
from models.judging.training import rules_unjudged, train
from models.rows.training_set import data_hash
from tests.unit.models.leads import make


def test_every_candidate_is_measured_on_folds_and_once_on_later_rows(result, data):
    names = [c.name for c in CANDIDATES]
    assert sorted(set(result.fold_metrics.index.get_level_values("candidate"))) == sorted(names)
    assert set(result.holdout_metrics.index) == set(names)
    assert set(result.holdout) == {"y", "group", "as_of", "lead_id", "propensity", *names}
    assert np.array_equal(result.holdout["y"], data.y[result.holdout.index])
    assert result.holdout["as_of"].min() == result.test_rows.first > result.train_rows.last
    assert result.train_rows.rows + result.test_rows.rows + result.purged == result.all_rows.rows == 500


def test_what_is_shown_of_the_folds_is_what_chooses(data):
    past = compare(data, np.arange(len(data.y)), folds=3, seed=1, candidates=CANDIDATES[:2])
    shown, chooses = (
        choosing_losses(past.metrics(data.y, data.stands_for)),
        past.late.losses(data.y).mul(data.stands_for[past.late.p.index], axis=0).sum()
        / data.stands_for[past.late.p.index].sum(),
    )
    assert set(past.late.fold) == {2, 3}
    assert shown[chooses.index].to_numpy() == pytest.approx(chooses.to_numpy())


def test_signal_is_found_and_beats_the_base_rate(result):
    assert result.chosen in {c.name for c in CANDIDATES if c.deployed}
    losses = result.holdout_metrics["log_loss"]
    assert losses[result.chosen] < losses["base_rate"]
    assert not result.rules_unjudged
    assert result.leakage.blocking == ()


@pytest.mark.parametrize(
    ("points", "why"),
    [
        ([0, 10, 20, 30, 0, 10], ""),
        ([30, 20, 10, 0, 0, 10], "no more accepted"),
        ([10, 10, 10, 10, 0, 10], "same points"),
        ([0, 10, 20, 30, 10, 10], "same points"),
        ([np.nan, np.nan, 0, 0, 0, np.nan], "same points"),
        (None, "same points"),
    ],
)
def test_why_the_rules_cannot_be_judged_is_told_apart(points, why):
    """Four leads to learn from, of which the last two were accepted, and two to test on."""
    X = pd.DataFrame({"other": range(6)} if points is None else {"rule_points": np.array(points, dtype=float)})
    train, test = np.arange(4), np.arange(4, 6)
    p = rulebook().fit(X.iloc[train], np.array([0, 0, 1, 1])).predict_proba(X.iloc[test])[:, 1]
    assert rules_unjudged(X, train, test, pd.Series(p)) == why


def test_the_deployed_model_has_seen_all_rows(result, data):
    again = {c.name: c for c in CANDIDATES}[result.chosen].build(data.features, 1).fit(data.X, data.y)
    assert np.array_equal(again.predict_proba(data.X), result.estimator.estimator.predict_proba(data.X))


@pytest.mark.slow
def test_the_same_data_and_seed_give_the_same_model(result, data):
    again = train(data, seed=1)
    assert (again.model_hash, again.data_hash) == (result.model_hash, result.data_hash)
    pd.testing.assert_frame_equal(again.holdout, result.holdout, check_exact=True)


def test_the_data_hash_sees_values_order_outcomes_and_times(data):
    others = [
        replace(data, X=data.X.assign(n1=data.X["n1"] + 1e-9)),
        replace(data, y=1 - data.y),
        replace(data, as_of=data.as_of + timedelta(microseconds=1)),
        replace(data, X=data.X[::-1].reset_index(drop=True)),
        replace(data, group=data.group[::-1].reset_index(drop=True)),
        replace(data, horizon=data.horizon + timedelta(days=1)),
    ]
    assert len({data_hash(data), *(data_hash(other) for other in others)}) == 7


@pytest.mark.slow
def test_shuffled_outcomes_are_not_learned(data):
    found = train(replace(data, y=np.random.default_rng(3).permutation(data.y)), seed=1)
    assert found.holdout_metrics.loc[found.chosen, "auc"] == pytest.approx(0.5, abs=0.12)


@pytest.mark.slow
def test_a_planted_answer_stops_at_the_leak_report(data):
    planted = data.X["n3"] * 0 + data.y
    found = train(replace(data, X=data.X.assign(n3=planted)), seed=1)
    assert set(found.leakage.blocking) == {"n3", "model_auc"}


@pytest.mark.parametrize(("accepted", "counts"), [(39, "39 accepted and 461 rejected"), (0, "0 accepted and 500")])
def test_too_few_of_an_outcome_is_refused_with_the_counts(data, accepted, counts):
    y = (np.arange(500) < accepted).astype(int)
    with pytest.raises(ModelError, match=f"at least 40 accepted and 40 rejected.*got {counts}.*ingest more decisions"):
        train(replace(data, y=y), seed=1)


def test_parts_that_do_not_fit_are_refused(data):
    with pytest.raises(ModelError, match="one feature definition per column"):
        train(replace(data, features=data.features[1:]), seed=1)


def test_too_short_a_span_is_refused():
    with pytest.raises(ModelError, match="longer span of time"):
        train(make(days=10), seed=1)


def losses(**means):
    random = np.random.default_rng(0)
    noise = random.normal(size=200)
    return pd.DataFrame({name: mean + 0.2 * noise + 0.05 * random.normal(size=200) for name, mean in means.items()})


@pytest.mark.parametrize(
    ("boosting", "expected", "said"),
    [
        (0.5995, "blend_loose", "stays the default"),
        (0.55, "boosting", "more than 2 standard errors"),
        (0.65, "blend_loose", "lowest mean"),
    ],
)
def test_the_best_blend_stays_unless_another_is_clearly_ahead(boosting, expected, said):
    found = losses(base_rate=0.1, logistic=0.7, boosting=boosting, blend=0.7, blend_loose=0.6)
    chosen, reason = choose(found, np.arange(200), np.ones(200))
    assert chosen == expected
    assert said in reason


def test_rows_count_by_the_leads_they_stand_for():
    """Ahead on the rows that stand for twenty leads each, behind on all others."""
    few = np.arange(200) < 20
    found = losses(boosting=0.6, blend=0.6)
    found["boosting"] += np.where(few, -0.2, 0.1)
    assert choose(found, np.arange(200), np.ones(200))[0] == "blend"
    assert choose(found, np.arange(200), np.where(few, 20.0, 1.0))[0] == "boosting"
