import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import ModelError
from models.fitting.calibration import (
    CALIBRATORS,
    LATEST,
    MOVES,
    Platt,
    choose_calibrator,
    recent_shift,
)
from models.fitting.venn_abers import VennAbers
from models.metrics.evaluation import calibration, sigmoid

few = settings(max_examples=40, deadline=None)
made = st.tuples(st.integers(1, 60), st.integers(0, 2), st.floats(0, 1), st.integers(0, 2**16))


def sample(rows, stretch=1.0, shift=0.0, seed=0):
    """Log-odds that say `stretch` times the true ones plus `shift`, the outcomes and the true probabilities."""
    random = np.random.default_rng(seed)
    truth = random.normal(-0.4, 1.0, rows)
    return truth * stretch + shift, (random.random(rows) < sigmoid(truth)).astype(int), sigmoid(truth)


def scores(drawn):
    """Few rounded log-odds with ties, and outcomes of any share."""
    rows, digits, share, seed = drawn
    random = np.random.default_rng(seed)
    z = np.round(2 * random.normal(size=rows), digits)
    return z, (random.random(rows) < share).astype(int)


def error_against_truth(z, truth, bins=10):
    """Mean distance between probability and truth over bins of equal size."""
    parts = np.array_split(np.argsort(z, kind="stable"), bins)
    return np.average([abs(np.mean(sigmoid(z[at]) - truth[at])) for at in parts], weights=[len(at) for at in parts])


@pytest.mark.parametrize("kind", CALIBRATORS.values())
@few
@given(made)
def test_calibrated_log_odds_are_finite_and_never_fall(kind, drawn):
    grid = np.linspace(-30, 30, 301)
    found = kind().fit(*scores(drawn)).transform(grid)
    assert np.isfinite(found).all()
    assert (np.diff(found) >= -1e-9).all()


@few
@given(made)
def test_the_order_of_rows_does_not_matter(drawn):
    z, y = scores(drawn)
    order = np.random.default_rng(0).permutation(len(z))
    grid = np.linspace(-5, 5, 11) + 0.003
    assert np.allclose(Platt().fit(z[order], y[order]).transform(grid), Platt().fit(z, y).transform(grid), atol=1e-6)


@pytest.mark.parametrize("stretch", [0.5, 1.0, 2.0])
def test_over_and_underconfidence_are_mended(stretch):
    z, y, _ = sample(5000, stretch, shift=0.5)
    z_later, y_later, truth = sample(20_000, stretch, shift=0.5, seed=1)
    mended = Platt().fit(z, y).transform(z_later)
    assert calibration(y_later, sigmoid(mended))[0] == pytest.approx(1, abs=0.12)
    assert error_against_truth(mended, truth) < 0.02


def test_few_rows_or_one_outcome_change_little():
    z = np.array([-1.0, 0.0, 1.0])
    assert np.abs(Platt().fit(z, np.array([0, 0, 1])).transform(z) - z).max() < 1.0
    assert np.abs(Platt().fit(np.full(40, 0.3), np.ones(40)).transform(z)).max() < 6
    assert np.allclose(Platt().fit(np.empty(0), np.empty(0)).transform(z), z)


def test_scores_that_rank_backwards_become_the_base_rate():
    z, y, _ = sample(3000)
    assert np.allclose(sigmoid(Platt().fit(-z, y).transform(z)), y.mean(), atol=0.001)


def fold_of(rows):
    return np.arange(rows) * 4 // rows


def test_a_slope_that_is_far_off_is_put_right():
    z, y, _ = sample(3000, stretch=2.5)
    name, reason = choose_calibrator(z, y, fold_of(3000))
    assert name == "platt"
    assert "on 2,250 later rows" in reason
    assert choose_calibrator(z, y, np.zeros(3000))[0] == "none", "nothing is later than a single fold"


def test_right_scores_are_left_alone():
    names = [choose_calibrator(*sample(1000, seed=seed)[:2], fold_of(1000))[0] for seed in range(20)]
    assert names.count("none") >= 18


@pytest.mark.parametrize("before", [0, 5000])
def test_the_intercept_update_mends_a_break(before):
    """150 labels after acceptance fell by .6 log-odds: the mean error against the truth comes below .04."""
    unmoved, moved = [], []
    for seed in range(100):
        rows = [sample(150, shift=0.6, seed=seed), sample(before, seed=3000 + seed)]
        z, y = (np.concatenate([then[at], now[at]]) for now, then in [rows] for at in (0, 1))
        z_later, _, truth = sample(3000, shift=0.6, seed=1000 + seed)
        unmoved.append(error_against_truth(z_later, truth))
        moved.append(error_against_truth(z_later + recent_shift(z, y).shift, truth))
    assert np.mean(unmoved) > 0.1
    assert np.mean(moved) < 0.04


def test_drift_moves_the_intercept_by_the_last_three_tenths():
    z, y, _ = sample(20_000, shift=0.3)
    z[:14_000] = 0.0  # what is older counts no more
    found = recent_shift(z, y)
    assert np.mean(sigmoid(z + found.shift)[14_000:]) == pytest.approx(y[14_000:].mean(), abs=0.001)
    assert found.sentence.startswith("of the latest 6,000 labels")
    assert f"the intercept moves by {found.shift:+.2f}" in found.sentence


def test_a_break_is_told_after_the_drift():
    z, y, _ = sample(5000)
    y[-150:] = 0
    found = recent_shift(z, y)
    assert "; after that, of the latest 150 labels 0.0% were accepted" in found.sentence
    assert found.shift < -1


def test_bursts_are_no_break_where_there_have_always_been_bursts():
    """The same last labels: after a quiet history they tell of a break, after weeks of all or nothing they do not."""
    z, y = np.zeros(20 * LATEST), np.tile([0, 1], 10 * LATEST)
    y[-LATEST:] = np.arange(LATEST) % 3 == 0
    assert "; after that" in recent_shift(z, y).sentence
    y[:-LATEST] = np.repeat(np.arange(19) % 2, LATEST)
    assert "; after that" not in recent_shift(z, y).sentence


def test_a_break_is_looked_for_in_as_many_labels_as_are_worth_150():
    z, y, _ = sample(5000)
    y[-300:] = 0
    weight = np.ones(5000)
    weight[-300:] = np.tile([1.0, 0.01], 150)  # half of them count for next to nothing
    found = recent_shift(z, y, weight)
    assert "; after that, of the latest 296 labels" in found.sentence
    assert found.shift < -2.3  # what is looked at is no history of bursts


def test_a_trend_does_not_hide_a_break():
    """A history that the model has followed badly for long is no history of bursts."""
    heard = 0
    for seed in range(20):
        z, y, _ = sample(5000, seed=seed)
        p = sigmoid(z + np.linspace(0.75, -0.75, 5000) - 0.6 * (np.arange(5000) >= 4850))
        y = (np.random.default_rng(seed).random(5000) < p).astype(int)
        heard += "; after that" in recent_shift(z, y).sentence
    assert heard > 15


def test_few_labels_hardly_move_the_intercept():
    one = recent_shift(np.zeros(1), np.ones(1))
    assert 0 < one.shift < MOVES**2
    assert one.variance == pytest.approx(MOVES**2, rel=0.05)
    none = recent_shift(np.empty(0), np.empty(0))
    assert (none.shift, none.variance) == (0, MOVES**2)


def test_rows_move_the_intercept_by_what_their_weights_are_worth():
    z, y, _ = sample(1000, shift=0.6)
    weight = np.repeat([1.0, 0.0], [800, 200])
    assert recent_shift(z, y, weight).shift == pytest.approx(recent_shift(z[:800], y[:800]).shift)
    uneven = np.tile([1.9, 0.1], 500)
    assert recent_shift(z, y, uneven).variance > recent_shift(z, y).variance


def test_a_model_that_fits_moves_less_than_its_labels_seem_to_ask_for():
    moved = np.array([recent_shift(*sample(150, seed=seed)[:2]).shift for seed in range(400)])
    assert abs(moved.mean()) < 0.02
    assert moved.std() < 0.17  # maximum likelihood: .19


@few
@given(made)
def test_the_shift_is_bounded_for_any_rows(drawn):
    z, y = scores(drawn)
    found = recent_shift(z, y, np.random.default_rng(len(y)).uniform(0.2, 3.0, len(y)))
    assert abs(found.shift) <= 2 * MOVES**2 * len(y)
    assert 0 < found.variance <= MOVES**2


@pytest.mark.parametrize(
    ("z", "y", "weight"),
    [
        ([0.0, np.nan], [0, 1], None),
        ([0.0], [0, 1], None),
        ([0.0, 1.0], [0, 2], None),
        ([0.0, 1.0], [0, 1], [-1, 1]),
        ([0.0, 1.0], [0, 1], [0, 0]),
        ([0.0, 1.0], [0, 1], [1, np.inf]),
        ([0.0, 1.0], [0, 1], [1]),
    ],
)
def test_rows_that_do_not_fit_are_refused(z, y, weight):
    fits = (recent_shift,) if weight else (Platt().fit, VennAbers().fit, recent_shift)
    for fit in fits:
        with pytest.raises(ModelError, match="calibrating probabilities: expected finite log-odds"):
            fit(z, y, *([weight] if weight else []))
