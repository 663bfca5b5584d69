"""Every way of explaining a model says the same as asking it for every crossing, and adds up."""

from copy import deepcopy
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from benchmarks.truth_reasons import fidelity
from data.errors import ModelError
from models.explaining.coalitions import Population, shapley
from models.explaining.explanation import Explainer, importance, partial_effect
from models.explaining.leaf_tables import Trees
from models.explaining.views import Frames, look_into
from models.fitting.calibration import Platt
from models.fitting.candidates import CANDIDATES, LogitMean, _by_type, _guarded, boosting
from models.fitting.columns import Columns
from models.fitting.deployed import make_ready
from models.fitting.encoders import Numbers
from models.metrics.evaluation import logit
from tests.unit.models.leads import make

OURS = [c.name for c in CANDIDATES if c.name not in ("base_rate", "rulebook")]


@pytest.fixture(scope="module")
def leads():
    return make(rows=600, numbers=5, seed=3)


@pytest.fixture(scope="module")
def fitted(leads):
    return {c.name: c.build(leads.features, 5).fit(leads.X, leads.y) for c in CANDIDATES}


def torn(X, seed=0):
    """Rows with values that training never saw: missing everywhere, unknown texts, far out."""
    random, X = np.random.default_rng(seed), X.copy()
    for name in X:
        hit = random.random(len(X)) < 0.3
        if X[name].dtype == float:
            X[name] = X[name].mask(hit, random.choice([np.nan, -3.0, 300.0]))
        else:
            X[name] = X[name].mask(hit, random.choice(["unknown", "never seen"]))
    return X


@given(st.integers(1, 4), st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_shapley_is_the_mean_over_all_orders_of_joining(players, random):
    worths = np.array([random.uniform(-1, 1) for _ in range(1 << players)])
    gains = np.zeros(players)
    orders = list(permutations(range(players)))
    for order in orders:
        coalition = 0
        for player in order:
            gains[player] += worths[coalition | 1 << player] - worths[coalition]
            coalition |= 1 << player
    assert shapley(worths[:, None])[0] == pytest.approx(gains / len(orders), abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", OURS)
def test_a_fast_view_says_what_asking_for_every_crossing_says(leads, fitted, name):
    population = Population(torn(leads.X.sample(4, random_state=1), 1).reset_index(drop=True), leads.features)
    X = Columns(torn(leads.X.head(6)))
    fast, slow = look_into(fitted[name], population), Frames(fitted[name], population)
    assert not isinstance(fast, Frames)
    assert fast.base == pytest.approx(slow.base, abs=1e-9)
    assert fast.moves(X) == pytest.approx(slow.moves(X), abs=1e-9)
    asked = np.array(list(slow.mixed(X)))
    assert fast.contributions(X) == pytest.approx(shapley(asked.mean(axis=2)), abs=1e-9)


@pytest.mark.parametrize(("name", "concept"), [("rulebook", "qualification"), ("base_rate", "")])
def test_a_model_that_names_its_columns_is_asked_only_for_crossings_of_these(leads, fitted, name, concept):
    """A pool of one reads everything, for all that is known of it: with or without short cuts, the same."""
    population = Population(leads.X.sample(4, random_state=1).reset_index(drop=True), leads.features)
    X = Columns(torn(leads.X.head(6)))
    whole = LogitMean([("alone", fitted[name])]).fit(leads.X, leads.y)
    short, long = look_into(fitted[name], population), look_into(whole, population)
    read = 1 << population.concepts.index(concept) if concept else 0
    assert (short._read, long._read) == (read, (1 << len(population.concepts)) - 1)
    assert short.contributions(X) == pytest.approx(long.contributions(X), abs=1e-12)


DEEP = {"max_leaf_nodes": 40, "min_samples_leaf": 3, "max_iter": 20}


@pytest.mark.parametrize("settings", [DEEP, {"max_iter": 1, "max_depth": 1}, {"min_samples_leaf": 400}])
def test_trees_of_any_shape_are_read_right(leads, settings):
    """Deep ones with a feature more than once on a path, a single stump, and trees that never split."""
    model = boosting(leads.features, 5)
    model[-1].set_params(**settings)
    model.fit(leads.X, leads.y)
    population = Population(leads.X.head(4), leads.features)
    X = Columns(torn(leads.X.tail(8)))
    fast, slow = look_into(model, population), Frames(model, population)
    assert isinstance(fast, Trees)
    assert fast.contributions(X) == pytest.approx(slow.contributions(X), abs=1e-9)
    assert fast.moves(X) == pytest.approx(slow.moves(X), abs=1e-9)


@pytest.mark.parametrize("name", [c.name for c in CANDIDATES])
def test_contributions_add_up_and_name_the_leads(leads, fitted, name):
    found = Explainer(fitted[name], leads.X.head(50), leads.features).explain(torn(leads.X).iloc[::-1])
    total = found.base + found.values.sum(axis=1).to_numpy()
    assert total == pytest.approx(found.log_odds, abs=1e-9)
    assert found.values.index.equals(leads.X.index[::-1])
    p = fitted[name].predict_proba(torn(leads.X).iloc[::-1])[:, 1]
    assert found.log_odds == pytest.approx(logit(p), abs=1e-9)


def test_a_calibrated_model_is_explained_as_it_is_calibrated(leads, fitted):
    """Against the definition: mean calibrated log-odds of all crossings."""
    z = logit(fitted["blend"].predict_proba(leads.X)[:, 1])
    z = z + 0.1 * np.random.default_rng(0).normal(size=len(z))  # out of time, no score is met again to the last bit
    ready = make_ready(fitted["blend"], Platt().fit(z, leads.y), z, leads.y).shifted(0.3)
    background = leads.X.head(5)
    found = Explainer(ready, background, leads.features).explain(leads.X.tail(5))
    asked = Explainer(Unknown(ready), background, leads.features).explain(leads.X.tail(5))
    assert found.values.to_numpy() == pytest.approx(asked.values.to_numpy(), abs=1e-9)
    assert found.base == pytest.approx(asked.base, abs=1e-9)
    assert found.log_odds == pytest.approx(ready.log_odds(leads.X.tail(5)), abs=1e-9)


class Unknown:
    """A model of which only predictions are known."""

    def __init__(self, model):
        self.model = model

    def predict_proba(self, X):
        return self.model.predict_proba(X)


@pytest.mark.slow
def test_a_move_is_the_change_of_the_log_odds(leads, fitted):
    z = logit(fitted["boosting"].predict_proba(leads.X)[:, 1])
    ready = make_ready(fitted["boosting"], Platt().fit(z, leads.y), z, leads.y)
    explainer, X = Explainer(ready, leads.X, leads.features), leads.X.head(20)
    place = explainer.population.names.index("rule_points")
    others = leads.X["rule_points"]
    moved = np.mean([ready.log_odds(X.assign(rule_points=points)) for points in others], axis=0)
    assert explainer.moves(X)[:, place] == pytest.approx(ready.log_odds(X) - moved, abs=1e-9)


def test_a_model_of_ones_own_is_explained_too(leads):
    encode = _by_type(leads.features, Numbers(), OneHotEncoder(handle_unknown="ignore", sparse_output=False))
    forest = _guarded(("encode", encode), ("model", RandomForestClassifier(10, min_samples_leaf=20, random_state=1)))
    forest.fit(leads.X, leads.y)
    explainer = Explainer(forest, leads.X, leads.features)
    found = explainer.explain(leads.X.head(3))
    assert len(explainer.population.background) == 25
    assert found.base + found.values.sum(axis=1).to_numpy() == pytest.approx(found.log_odds, abs=1e-9)


def test_boosting_on_an_encoding_of_ones_own_is_not_read_as_ours(leads):
    encode = _by_type(leads.features, Numbers(), OneHotEncoder(handle_unknown="ignore", sparse_output=False))
    model = Pipeline([("encode", encode), ("model", HistGradientBoostingClassifier(max_iter=3))])
    model.fit(leads.X, leads.y)
    assert isinstance(look_into(model, Population(leads.X.head(3), leads.features)), Frames)


def test_a_score_beyond_all_doubt_is_explained_as_far_as_it_goes(leads, fitted):
    """The model cuts its probability off at 10^-12; its parts go on."""
    sure, X = deepcopy(fitted["logistic"]), leads.X.head(3).assign(rule_points=1e5)
    sure[-1].coef_ *= 50
    found = Explainer(sure, leads.X, leads.features).explain(X)
    assert (found.log_odds > 30).all()


def test_parts_that_do_not_add_up_are_an_error(leads, fitted):
    explainer = Explainer(fitted["boosting"], leads.X.head(20), leads.features)
    explainer._view._forest.leaves.pop()
    explainer._view._value = explainer._view._value[:-1]
    explainer._view._background = explainer._view._background[:-1]
    with pytest.raises(ModelError, match="add up to the log-odds"):
        explainer.explain(leads.X)


@pytest.mark.parametrize("name", ["blend", "rulebook"])
def test_beside_other_leads_a_model_says_what_one_read_anew_says(leads, fitted, name):
    """Also where the first had none of their words; the first is not changed by it."""
    first = Explainer(fitted[name], leads.X.head(20), leads.features, [fitted["shallow"], fitted["logistic"]])
    X, before = torn(leads.X.tail(9)), first.named_by(leads.X.tail(9))[0]
    again = Explainer(fitted[name], torn(leads.X.tail(30)), leads.features, [fitted["shallow"], fitted["logistic"]])
    other = first.beside(torn(leads.X.tail(30)))
    assert (other.explain(X).values == again.explain(X).values).all(axis=None)
    assert [(a == b).all() for a, b in zip(other.named_by(X), again.named_by(X), strict=True)] == [True, True]
    assert (first.named_by(leads.X.tail(9))[0] == before).all()


def test_a_background_without_a_column_is_an_error(leads, fitted):
    with pytest.raises(ModelError, match="without n3"):
        Explainer(fitted["logistic"], leads.X.drop(columns="n3"), leads.features)


def concepts_of_a_known_truth(seed, rows=400):
    """True contributions of very different size, and a good explainer's noisy view of them."""
    random = np.random.default_rng(seed)
    truth = pd.DataFrame(random.normal(size=(rows, 4)) * [2.0, 1.0, 0.6, 0.4], columns=["fit", "calls", "account", "x"])
    return truth.assign(x=0.0), truth.drop(columns="x") + 0.2 * random.normal(size=(rows, 3))


@pytest.mark.parametrize("seed", range(3))
def test_fidelity_tells_a_good_explainer_from_broken_ones(seed):
    truth, good = concepts_of_a_known_truth(seed)
    assert fidelity(truth, truth) == pytest.approx(1)
    assert fidelity(good, truth) >= 0.65
    shuffled = good.set_axis([*good.columns[1:], good.columns[0]], axis=1)
    largest = good.abs().eq(good.abs().max(axis=1), axis=0)
    all_on_one = largest.astype(float).mul(good.sum(axis=1), axis=0)
    only_fit = good.assign(fit=good.sum(axis=1), calls=0.0, account=0.0)
    for broken in (shuffled, all_on_one, only_fit, -good, good[["fit"]]):
        assert fidelity(broken, truth) < 0.65


def test_importance_finds_what_decides(leads, fitted):
    found = importance(Explainer(fitted["boosting"], leads.X, leads.features), leads.X)
    assert found["feature"].iloc[0] == "rule_points"
    assert found["move"].is_monotonic_decreasing
    assert len(found) == len(leads.features)


@pytest.mark.parametrize("name", ["rule_points", "n0", "t0"])
def test_partial_effects_cover_the_leads(leads, fitted, name):
    explainer = Explainer(fitted["blend"], leads.X.head(30), leads.features)
    effect = partial_effect(explainer, leads.X, name)
    assert effect["share"].sum() == pytest.approx(1)
    at = effect["value"].iloc[0]
    asked = explainer.log_odds(leads.X.head(30).assign(**{name: at})).mean()
    assert effect["log_odds"].iloc[0] == pytest.approx(asked)
    assert effect["value"].isna().any() == (name == "n0")
