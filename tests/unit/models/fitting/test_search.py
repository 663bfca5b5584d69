"""A search changes a candidate's settings only where earlier rows clearly say so, and the same way every time."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

import models.fitting.search
from models.fitting.candidates import CANDIDATES, Candidate, Range, with_settings
from models.fitting.learning import compare, fit, make_model
from models.fitting.search import search
from models.judging.training import train
from tests.unit.models.leads import make

NAMED = {c.name: c for c in CANDIDATES}
SEARCHED = [c for c in CANDIDATES if c.space]
DATA = make(rows=300, numbers=3, texts=1)
EARLIER = np.arange(180)  # two folds test its last 120 rows, six times the pattern of `tips`


class Tipster(ClassifierMixin, BaseEstimator):
    """Believes the column `n0`, +1 for acceptance and -1 against it, by `trust`; 0 says nothing."""

    def __init__(self, trust: float = 0.0) -> None:
        self.trust = trust

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.array([0, 1])
        return self

    def predict_proba(self, X):
        p = 0.5 + self.trust * X["n0"].to_numpy()
        return np.column_stack([1 - p, p])


TIPSTER = Candidate("tipster", "", lambda features, seed: Tipster(), space={"trust": Range(-0.2, 0.2)})


def tips(right: int, wrong: int):
    """Of every 20 rows so many with a tip that is right, and so many with one that is wrong."""
    place = np.arange(len(DATA.y)) % 20
    says = np.where(place < right, 1, np.where(place < right + wrong, -1, 0)) * (2 * DATA.y - 1)
    return replace(DATA, X=DATA.X.assign(n0=says.astype(float)))


GOOD = tips(8, 2)


def run(*candidates, data=GOOD, trials=8, minutes=10.0, seed=1):
    return search(data, EARLIER, seed=seed, folds=2, trials=trials, minutes=minutes, candidates=candidates)


@pytest.fixture(scope="module")
def found():
    return run(NAMED["base_rate"], TIPSTER)


def test_the_first_trial_is_the_defaults(found):
    assert list(found.trials["trial"]) == list(range(9))
    assert found.trials.at[0, "trust"] == 0
    assert found.trials.at[0, "log_loss"] == pytest.approx(np.log(2))


def test_a_trial_is_a_comparison_with_its_settings(found):
    for trial in (3, 7):
        changed = with_settings({"tipster": {"trust": found.trials.at[trial, "trust"]}}, [TIPSTER])
        losses = compare(GOOD, EARLIER, 2, 1, changed).losses(GOOD.y)["tipster"]
        assert found.trials.at[trial, "log_loss"] == losses.mean()
        assert found.trials.at[trial, "ahead"] == pytest.approx(np.log(2) - losses.mean())


def test_what_is_clearly_better_is_used(found):
    best = found.trials.loc[found.trials["log_loss"].idxmin()]
    assert found.settings == {"tipster": {"trust": best["trust"]}}
    assert best["ahead"] > best["standard_error"] > 0
    assert list(found.trials["used"]) == list(found.trials["trial"] == best["trial"])
    assert "ahead by more than one standard error" in found.notes["tipster"]
    assert found.candidates[0] is NAMED["base_rate"]
    assert found.candidates[1].build(GOOD.features, 1).trust == best["trust"] > 0


def test_what_is_hardly_better_is_not_used():
    careful = replace(TIPSTER, space={"trust": Range(-0.05, 0.05)})
    found = run(careful, data=tips(6, 5))
    assert found.trials["log_loss"].min() < found.trials.at[0, "log_loss"]
    assert found.settings == {}
    assert found.candidates == (careful,)
    assert found.notes["tipster"].startswith("the defaults stay: trust ")
    assert "ahead by no more than one standard error" in found.notes["tipster"]
    assert list(np.flatnonzero(found.trials["used"])) == [0]


def test_the_same_seed_tries_the_same(found):
    pd.testing.assert_frame_equal(run(TIPSTER).trials, found.trials, check_exact=True)
    assert run(TIPSTER, seed=2, trials=1).trials.at[1, "trust"] != found.trials.at[1, "trust"]


def test_later_rows_are_not_looked_at(found):
    later = np.arange(len(DATA.y)) >= 180
    other = replace(GOOD, y=np.where(later, 1 - GOOD.y, GOOD.y), X=GOOD.X.assign(n0=GOOD.X["n0"].mask(later, 0.1)))
    pd.testing.assert_frame_equal(run(TIPSTER, data=other).trials, found.trials, check_exact=True)


def test_a_search_that_time_ends_says_so():
    found = run(TIPSTER, minutes=1e-9)
    assert 1 <= len(found.trials) <= 2
    ended = f"time ended it after {len(found.trials) - 1} of 8 trials, so it is not repeatable"
    assert found.notes["tipster"].endswith(ended)


def test_without_features_there_is_nothing_to_search():
    found = run(NAMED["logistic"], data=replace(DATA, X=DATA.X[[]], features=()))
    assert (len(found.trials), found.settings, found.candidates) == (0, {}, (NAMED["logistic"],))


@pytest.mark.parametrize("candidate", SEARCHED, ids=lambda c: c.name)
@pytest.mark.parametrize("features", [1, 14, 2000])
def test_defaults_lie_within_the_space(candidate: Candidate, features):
    some = tuple(replace(DATA.features[0], name=f"f{i}") for i in range(features))
    known = candidate.build(some, 1).get_params()
    assert all(span.low <= known[name] <= span.high for name, span in candidate.space.items())


def test_a_pooled_candidate_changes_with_its_members():
    changed = {c.name: c for c in with_settings({"logistic": {"model__C": 0.25}})}
    parts = dict(changed["blend"].build(DATA.features, 1).estimators)
    assert parts["logistic"][-1].C == changed["logistic"].build(DATA.features, 1)[-1].C == 0.25
    assert parts["boosting"].get_params()["model__max_iter"] == 150
    assert [name for name in NAMED if changed[name] is not NAMED[name]] == ["logistic", "blend"]
    assert (
        pickle.loads(pickle.dumps(tuple(changed.values())))[-1].build(DATA.features, 1).estimators[0][1][-1].C == 0.25
    )


def test_every_fit_of_a_model_has_the_settings_found():
    changed = with_settings({"logistic": {"model__C": 0.25}})
    past = compare(DATA, EARLIER, 2, 1, changed)
    model, _ = make_model(DATA, "logistic", EARLIER, DATA.now, past, 1, bags=2, candidates=changed)
    assert [each[-1].C for each in (model.estimator, *model.bags)] == [0.25] * 3
    assert fit("logistic", DATA, EARLIER, DATA.now, 1)[-1].C != 0.25
    assert not past.p["logistic"].equals(compare(DATA, EARLIER, 2, 1).p["logistic"])


def test_a_training_searches_where_it_is_told_to():
    found = train(DATA, seed=1, folds=1, bags=0, search_trials=1)
    plain = train(DATA, seed=1, folds=1, bags=0)
    assert plain.search is None
    assert set(found.search.trials["candidate"]) == {c.name for c in SEARCHED}
    same = [c for c in NAMED if {c, *NAMED[c].members}.isdisjoint(found.search.settings)]
    pd.testing.assert_frame_equal(found.fold_metrics.loc[same], plain.fold_metrics.loc[same], check_exact=True)


def test_optuna_is_imported_only_where_a_search_runs():
    """At the top of a module it would cost every command two seconds."""
    rooms = ("data", "features", "models", "serving", "pipelines")
    root = Path(models.fitting.search.__file__).parents[2]
    lines = [
        (p.name, line) for room in rooms for p in (root / room).rglob("*.py") for line in p.read_text().split("\n")
    ]
    assert {name for name, line in lines if "import optuna" in line} == {"search.py"}
    assert not hasattr(models.fitting.search, "optuna")
