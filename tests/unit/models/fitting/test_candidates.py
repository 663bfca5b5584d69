import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder

from models.fitting.candidates import CANDIDATES, TREE_ROWS, Weighted, boosting, digital_only, logistic, pool
from models.fitting.encoders import ColumnGuard, Steps
from models.fitting.forest import columns_read
from models.fitting.learning import choose
from models.metrics.evaluation import log_losses
from tests.unit.models.leads import feature, make

NAMED = {c.name: c for c in CANDIDATES}


def test_the_baselines_are_compared_and_never_deployed():
    baselines = {c.name for c in CANDIDATES if not c.deployed}
    assert baselines >= {"base_rate", "rulebook", "digital_only"}
    losses = pd.DataFrame({c.name: [float(c.deployed)] * 10 for c in CANDIDATES})
    assert choose(losses, np.arange(10), np.ones(10))[0] not in baselines, "though they are far ahead"


@pytest.mark.parametrize("name", NAMED)
def test_a_candidate_can_be_cloned_and_set(name, data):
    model = NAMED[name].build(data.features, 7)
    again = clone(model)
    assert repr(again.get_params()) == repr(model.get_params())
    assert not [a for a in vars(again) if a.endswith("_") and not a.startswith("_")]


def test_trees_say_of_many_rows_what_scikit_learn_says(data):
    trees = boosting(data.features, 7).fit(data.X, data.y)
    rows = trees[:-1].transform(data.X)
    many = np.resize(rows, (2 * TREE_ROWS + 7, rows.shape[1]))
    wanted = HistGradientBoostingClassifier.predict_proba(trees[-1], many)
    np.testing.assert_array_equal(trees[-1].predict_proba(many), wanted)


def test_trees_and_regressions_say_of_raw_columns_what_scikit_learn_says_of_encoded_ones(data):
    """To the last bit: also of what training never saw, of what is missing, and of one lead."""
    odd = data.X.copy()
    numbers, texts = (list(data.X.select_dtypes(kind)) for kind in ("number", "str"))
    assert texts
    for at, value in enumerate((np.nan, -0.0, 1e308, -1e308)):
        odd.loc[odd.index[at], numbers] = value
    odd.loc[odd.index[5:9], texts] = "never seen"
    for build in (boosting, logistic):
        model = build(data.features, 7).fit(data.X, data.y)
        for X in (data.X, odd, odd.head(1), odd.head(0)):
            wanted = Pipeline.predict_proba(model, X) if len(X) else np.empty((0, 2))
            np.testing.assert_array_equal(model.predict_proba(X), wanted)


def test_what_is_not_built_as_ours_is_asked_as_scikit_learn_does(data):
    """Words encoded one by one, without rare ones; categories that are none of the texts; a step between."""
    numbers, texts = (list(data.X.select_dtypes(kind)) for kind in ("number", "str"))
    known = {"handle_unknown": "use_encoded_value", "unknown_value": np.nan}
    wanted = boosting(data.features, 7).fit(data.X, data.y)
    steps = next(name for _, step, name in wanted[-2].transformers_ if isinstance(step, Steps))
    category = [True] + [False] * (len(steps) + len(texts) - 1)
    for encoder, more in (
        (OrdinalEncoder(**known), {}),
        (OrdinalEncoder(**known, min_frequency=5), {}),
        (
            OrdinalEncoder(**known, min_frequency=5),
            {"categorical_features": category},
        ),
    ):
        encode = ColumnTransformer([("numbers", Steps(), steps), ("texts", encoder, texts)])
        X = data.X[[*steps, *texts]].assign(**{steps[0]: data.X[steps[0]].rank(method="dense") % 7})
        trees = HistGradientBoostingClassifier(max_iter=5, **more)
        model = Weighted([("columns", ColumnGuard()), ("encode", encode), ("model", trees)]).fit(X, data.y)
        assert columns_read(model) is None
        np.testing.assert_array_equal(model.predict_proba(X), Pipeline.predict_proba(model, X))
    line = logistic(data.features, 7)
    turn = FunctionTransformer(lambda X: X.assign(**{numbers[0]: -X[numbers[0]]}))
    turned = Weighted([line.steps[0], ("turn", turn), line.steps[-1]])
    turned.fit(data.X, data.y)
    np.testing.assert_array_equal(turned.predict_proba(data.X), Pipeline.predict_proba(turned, data.X))


def test_pooled_predictions_are_those_of_the_blend(data):
    parts = [NAMED[name].build(data.features, 1).fit(data.X, data.y) for name in NAMED["blend"].members]
    blend = NAMED["blend"].build(data.features, 1).fit(data.X, data.y)
    expected = pool([part.predict_proba(data.X)[:, 1] for part in parts])
    assert np.array_equal(blend.predict_proba(data.X)[:, 1], expected)


def test_digital_only_looks_at_engagement_alone(data):
    model = digital_only(data.features, 1).fit(data.X, data.y)
    engagement = [f.name for f in data.features if f.concept == "engagement"]
    changed = data.X.assign(**{f.name: 3.0 for f in data.features if f.dtype == "number" and f.name not in engagement})
    assert np.array_equal(model.predict_proba(data.X), model.predict_proba(changed))


def test_digital_only_without_engagement_is_the_base_rate(data):
    features = tuple(f for f in data.features if f.concept != "engagement")
    X = data.X[[f.name for f in features]]
    assert np.allclose(digital_only(features, 1).fit(X, data.y).predict_proba(X)[:, 1], data.y.mean())


def test_boosting_keeps_the_expected_direction(data):
    model = boosting(data.features, 1).fit(data.X, data.y)
    p = [model.predict_proba(data.X.assign(n1=float(clicks)))[:, 1] for clicks in range(8)]
    assert (np.diff(p, axis=0) >= -1e-12).all()


@pytest.mark.parametrize("build", [logistic, boosting])
def test_a_level_never_seen_is_no_error(build, data):
    p = build(data.features, 1).fit(data.X, data.y).predict_proba(data.X.assign(t0="never seen"))
    assert np.isfinite(p).all()


def test_more_levels_than_trees_can_bin_are_put_together():
    data = make(rows=4000, numbers=1, texts=1)
    X = data.X.assign(t0=[f"level {i % 390}" for i in range(4000)])
    assert np.isfinite(boosting(data.features, 1).fit(X, data.y).predict_proba(X)).all()


@pytest.mark.parametrize(("name", "most"), [("logistic_firm", 0.15), ("logistic", 0.2), ("logistic_loose", 0.25)])
def test_noise_does_not_shake_logistic_regression(name, most):
    """Without any signal, 200 rows and 57 columns leave probabilities near the base rate, even in sample."""
    data = make(rows=200, numbers=60, texts=0, signal=0.0)
    features = tuple(feature(f"n{j}") for j in range(3, 60))
    X = data.X[[f.name for f in features]]
    p = NAMED[name].build(features, 1).fit(X, data.y).predict_proba(X)[:, 1]
    assert np.std(p) < most


def test_with_few_labels_logistic_regression_holds_to_the_rules_points():
    """Where only the points tell, 60 labels and 40 columns of noise still give about what the points alone would."""
    random = np.random.default_rng(5)
    losses = {name: [] for name in ("rulebook", "logistic", "base_rate")}
    for seed in range(20):
        data = make(1060, numbers=40, texts=0, seed=100 + seed, signal=0.0)
        z = 0.08 * (data.X["rule_points"] - 50)
        y = (random.random(1060) < 1 / (1 + np.exp(-z))).astype(int)
        for name, found in losses.items():
            model = NAMED[name].build(data.features, 1).fit(data.X[:60], y[:60])
            found.append(log_losses(y[60:], model.predict_proba(data.X[60:])[:, 1]).mean())
    mean = {name: np.mean(found) for name, found in losses.items()}
    assert mean["logistic"] < (mean["rulebook"] + mean["base_rate"]) / 2
