from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rows.delay import known_by

DAY = pd.Timedelta(days=1)
START = pd.Timestamp("2025-01-01")
HORIZON = timedelta(days=30)
CUT = START + 100 * DAY


def _company(rng, rows, slower=1.0, silent=0.1, trend=0.0):
    """Hand-offs over 100 days; acceptances take `slower` times as long; the true rate moves by `trend` a day."""
    as_of = pd.Series(START + DAY * np.sort(rng.uniform(0, 100, rows)))
    rate = np.clip(0.5 + trend * (as_of - START) / DAY, 0.02, 0.98).to_numpy()
    accepted = rng.random(rows) < rate
    delay = rng.exponential(8, rows) * np.where(accepted, slower, 1)
    within = (delay < 30) & (rng.random(rows) >= silent)
    answered_at = (as_of + delay * DAY).where(within & (as_of + delay * DAY < CUT))
    return as_of, accepted & within, within, answered_at


def _rate(y, weight):
    return float(np.average(y, weights=weight))


def test_where_all_horizons_have_closed_every_row_counts_once():
    rng = np.random.default_rng(0)
    as_of, y, _, answered_at = _company(rng, 200)
    cut = CUT + 31 * DAY
    known, weight = known_by(y.astype(int), as_of, answered_at, HORIZON, cut)
    assert weight == pytest.approx(np.ones(200))
    assert (known == (y & answered_at.notna())).all()


@pytest.mark.parametrize("slower", [0.5, 1.0, 2.0])
def test_young_rows_weighted_stand_for_all_of_their_time(slower):
    """The rate within the horizon comes true, where unweighted young answers lean to whatever is said sooner."""
    rng = np.random.default_rng(1)
    as_of, y, _, answered_at = _company(rng, 40_000, slower)
    young = (as_of > CUT - HORIZON / 2).to_numpy()
    known, weight = known_by(y.astype(int), as_of, answered_at, HORIZON, CUT)
    assert _rate(known[young], weight[young]) == pytest.approx(y[young].mean(), abs=0.03)
    assert weight.sum() == pytest.approx(len(y))


def test_where_silence_says_nothing_the_answered_rows_alone_come_true():
    rng = np.random.default_rng(2)
    as_of, y, within, answered_at = _company(rng, 40_000, slower=2.0, trend=0.003)
    answered = answered_at.notna().to_numpy()
    young = answered & (as_of > CUT - HORIZON / 2).to_numpy()
    known, weight = known_by(y[answered].astype(int), as_of[answered], answered_at[answered], HORIZON, CUT)
    truth = y[within & (as_of > CUT - HORIZON / 2).to_numpy()].mean()
    assert _rate(known[young[answered]], weight[young[answered]]) == pytest.approx(truth, abs=0.03)
    assert abs(y[young].mean() - truth) > 0.05


@given(st.integers(0, 2**31), st.integers(1, 300), st.floats(0, 0.9))
def test_weights_are_never_negative_and_no_later_answer_is_seen(seed, rows, silent):
    rng = np.random.default_rng(seed)
    as_of, y, _, answered_at = _company(rng, rows, silent=silent)
    cut = START + 60 * DAY
    seen = (as_of <= cut).to_numpy()
    as_of, y, answered_at = as_of[seen], y[seen].astype(int), answered_at[seen]
    known, weight = known_by(y, as_of, answered_at, HORIZON, cut)
    assert (weight >= 0).all()
    hidden = answered_at.where(answered_at < cut)
    again = known_by(np.where(hidden.notna(), y, 0), as_of, hidden, HORIZON, cut)
    assert (known == again[0]).all()
    assert (weight == again[1]).all()


def test_too_few_closed_decisions_give_every_row_its_own_weight():
    as_of = pd.Series([START + 90 * DAY, START + 95 * DAY])
    known, weight = known_by(np.array([1, 0]), as_of, as_of + DAY, HORIZON, CUT)
    assert (known == [1, 0]).all()
    assert weight == pytest.approx([1, 1])


def test_an_age_at_which_nothing_is_decided_yet_says_nothing():
    """Sales never answers before day 10: younger hand-offs are all silent, and nothing stands for what is to come."""
    rng = np.random.default_rng(4)
    as_of, y, _, answered_at = _company(rng, 4000)
    answered_at = (answered_at + 10 * DAY).where(answered_at + 10 * DAY < CUT)
    weight = known_by(y.astype(int), as_of, answered_at, HORIZON, CUT)[1]
    age = (CUT - as_of) / DAY
    assert weight[age < 10].max() == 0
    assert 0 < weight[(age > 12) & (age < 30)].max() <= 20 * weight[age > 30].max()
