import pickle
import warnings

import joblib
import numpy as np
import pytest
import skops.io
from hypothesis import given
from sklearn.utils.validation import check_is_fitted

from models.fitting.calibration import CALIBRATORS, PRIOR, Identity, Platt
from models.fitting.candidates import CANDIDATES, DEPLOYED
from models.fitting.deployed import Bounds, make_ready, trusted_types
from models.fitting.venn_abers import VennAbers
from models.metrics.evaluation import logit, sigmoid
from tests.unit.models.fitting.test_calibration import few, made, sample, scores

BUILD = {c.name: c.build for c in CANDIDATES}


def ready(data, calibrator="platt", name="logistic", **more):
    """A candidate fitted on the earlier rows and calibrated on the later; the trained candidate itself."""
    early = data.X.iloc[:300]
    fitted = BUILD[name](data.features, 1).fit(early, data.y[:300])
    z, y = logit(fitted.predict_proba(data.X.iloc[300:])[:, 1]), data.y[300:]
    return make_ready(fitted, CALIBRATORS[calibrator]().fit(z, y), z, y, **more)


@pytest.fixture(scope="module")
def model(data):
    bag = BUILD["logistic"](data.features, 2).fit(data.X[::2], data.y[::2])
    return ready(data, name="blend", background=data.X.head(25), bags=[bag])


def same(first, second, X):
    assert np.array_equal(first.predict_proba(X), second.predict_proba(X))
    assert np.array_equal(first.interval(X), second.interval(X))
    assert first.background.keys() == second.background.keys()
    for name, values in first.background.items():
        assert np.array_equal(values, second.background[name], equal_nan=values.dtype.kind == "f")
    assert np.array_equal(first.bags[0].predict_proba(X), second.bags[0].predict_proba(X))


def test_without_calibration_it_is_the_candidate(data):
    made = ready(data, "none")
    assert isinstance(made.calibrator, Identity)
    assert np.allclose(made.predict_proba(data.X), made.estimator.predict_proba(data.X), rtol=0, atol=1e-12)
    assert np.array_equal(made.predict(data.X), made.estimator.predict(data.X))
    assert made.classes_.tolist() == [0, 1]


def test_the_calibrator_acts_on_the_log_odds(data):
    made = ready(data)
    raw = made.raw_log_odds(data.X)
    assert isinstance(made.calibrator, Platt)
    assert np.array_equal(made.log_odds(data.X), made.calibrator.slope_ * raw + made.calibrator.intercept_)
    assert np.array_equal(made.predict_proba(data.X)[:, 1], sigmoid(made.log_odds(data.X)))


@pytest.mark.parametrize("calibrator", CALIBRATORS)
@pytest.mark.parametrize("shift", [0.0, -0.6, 9.0])
def test_the_interval_holds_the_probability(data, calibrator, shift):
    made = ready(data, calibrator).shifted(shift)
    low, high = made.interval(data.X)
    p = made.predict_proba(data.X)[:, 1]
    assert ((low >= 0) & (low <= p) & (p <= high) & (high <= 1)).all()
    assert (low < high).all()


def test_a_shift_moves_probability_and_interval_alike(data):
    made = ready(data)
    moved = made.shifted(-0.6).shifted(0.2)
    assert np.allclose(moved.log_odds(data.X), made.log_odds(data.X) - 0.4)
    bounds = [np.array(m.interval(data.X)) for m in (made, moved)]
    assert (bounds[1] <= bounds[0]).all()
    assert np.allclose(logit(bounds[1][1]), logit(bounds[0][1]) - 0.4)
    assert made.shift == 0


def test_few_rows_for_calibration_give_wide_bounds(data):
    fitted = BUILD["logistic"](data.features, 1).fit(data.X, data.y)
    z = logit(fitted.predict_proba(data.X)[:, 1])
    widths = [
        np.ptp(make_ready(fitted, Identity(), z[:n], data.y[:n]).interval(data.X), axis=0).mean() for n in (0, 20, 500)
    ]
    assert widths[0] > 0.5
    assert widths[0] > widths[1] > 2 * widths[2]


def held(bounds, stretch, seed):
    """The share of later leads whose true probability lies within the bounds."""
    z, _, truth = sample(2000, stretch, seed=seed)
    low, high = bounds.interval(z)
    return np.mean((low <= truth) & (truth <= high))


@pytest.mark.parametrize(("rows", "alone_at_most"), [(60, 0.6), (300, 0.4), (1000, 0.3), (5000, 0.2)])
def test_the_bounds_hold_the_truth_where_venn_abers_alone_does_not(rows, alone_at_most):
    """Over 100 draws they hold .94 and more; the mean of 20 varies by .03."""
    found = []
    for seed in range(20):
        z, y, _ = sample(rows, stretch=2.0, seed=seed)
        found.append([held(kind().fit(z, y), 2.0, 100 + seed) for kind in (Bounds, VennAbers)])
    both, alone = np.mean(found, axis=0)
    assert both > 0.85
    assert alone < alone_at_most


@few
@given(made)
def test_the_bounds_hold_the_venn_abers_pair_and_platts_line(drawn):
    z, y = scores(drawn)
    grid = np.linspace(-9, 9, 37)
    low, high = Bounds().fit(z, y).interval(grid)
    p0, p1 = VennAbers().fit(z, y).interval(grid)
    p = sigmoid(Platt().fit(z, y).transform(grid))
    assert (low <= p).all()
    assert (p <= high).all()
    assert (low <= p0)[p0 > 0].all()
    assert (high >= p1)[p1 < 1].all()
    assert (low > 0).all()
    assert (high < 1).all()


@few
@given(made)
def test_the_order_of_rows_does_not_move_the_bounds(drawn):
    z, y = scores(drawn)
    order = np.random.default_rng(0).permutation(len(z))
    grid = np.linspace(-5, 5, 11) + 0.003
    found = [Bounds().fit(*rows).interval(grid) for rows in ((z[order], y[order]), (z, y))]
    assert np.allclose(*found, atol=1e-6)


def test_the_band_is_the_spread_of_the_posterior():
    """Slope and intercept drawn from the posterior itself (by importance, from a wide normal) spread as far."""
    z, y, _ = sample(40)
    band = Bounds().fit(z, y)
    random = np.random.default_rng(0)
    middle, spread = np.array([band.platt_.slope_, band.platt_.intercept_]), 2 * np.sqrt(np.diag(band.covariance_))
    drawn = middle + spread * random.normal(size=(10_000, 2))
    at = drawn @ np.array([z, np.ones(len(z))])
    log_density = (y * at - np.logaddexp(0, at)).sum(axis=1) - PRIOR / 2 * ((drawn - [1, 0]) ** 2).sum(axis=1)
    log_density += (((drawn - middle) / spread) ** 2).sum(axis=1) / 2
    weight = np.exp(log_density - log_density.max())
    assert np.allclose(np.cov(drawn.T, aweights=weight), band.covariance_, rtol=0.1)


def test_it_survives_pickling_and_hashes_alike(model, data):
    again = pickle.loads(pickle.dumps(model))
    same(model, again, data.X)
    assert joblib.hash(again) == joblib.hash(pickle.loads(pickle.dumps(again)))
    check_is_fitted(model)


@pytest.mark.parametrize("calibrator", CALIBRATORS)
def test_skops_loads_it_with_our_names_alone(data, calibrator):
    made = ready(
        data, calibrator, background=data.X.head(3), bags=[BUILD["logistic"](data.features, 1).fit(data.X, data.y)]
    )
    kept, trusted = skops.io.dumps(made), trusted_types("blend")
    assert set(skops.io.get_untrusted_types(data=kept)) <= trusted
    same(made, skops.io.loads(kept, trusted=list(trusted)), data.X)


@pytest.mark.parametrize("name", [c.name for c in DEPLOYED])
def test_every_candidate_declares_what_it_is_made_of(data, name):
    """One that did not could be chosen and then not be kept."""
    found = set(skops.io.get_untrusted_types(data=skops.io.dumps(ready(data, name=name))))
    assert found <= trusted_types(name)
    assert trusted_types(name) - found <= trusted_types(""), "and nothing else"


def test_mlflow_gives_it_back_to_the_bit(model, data, tmp_path):
    with warnings.catch_warnings():  # about type hints of MLflow's own, raised by importing mlflow.pyfunc
        warnings.filterwarnings("ignore", ".*Any type hint is inferred as AnyType", UserWarning)
        import mlflow.pyfunc
        import mlflow.sklearn

    mlflow.sklearn.save_model(
        model,
        str(tmp_path / "model"),
        serialization_format="skops",
        skops_trusted_types=list(trusted_types("blend")),
        pip_requirements=["scikit-learn"],
        pyfunc_predict_fn="predict_proba",
    )
    same(model, mlflow.sklearn.load_model(str(tmp_path / "model")), data.X)


def test_a_shift_that_is_hardly_known_widens_the_bounds():
    rng = np.random.default_rng(0)
    z = rng.normal(size=5000)
    bounds = Bounds().fit(z, (rng.random(5000) < sigmoid(z)).astype(int))
    (low, high), (lower, higher) = bounds.interval(z), bounds.interval(z, 1 / 30)
    assert (lower <= low).all()
    assert (higher >= high).all()
    assert (higher - lower).mean() > 2 * (high - low).mean()
