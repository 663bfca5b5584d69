import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.references_odoo import Frequencies

pytestmark = pytest.mark.slow

COLUMNS = ("source", "country")
few = settings(max_examples=30, deadline=None)


def world(rows: int, seed: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Rows of two texts and a number, both outcomes, and whole weights of which some are 0."""
    random = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "source": random.choice(["web", "event", "unknown"], rows),
            "country": random.choice(["DE", "FR", "NL", "unknown"], rows),
            "employees": random.normal(size=rows),
        }
    )
    y = random.permutation(np.arange(rows) % 3 == 0).astype(int)
    return X, y, np.where(y == 1, 1, random.integers(0, 4, rows))


worlds = st.builds(world, st.integers(6, 60), st.integers(0, 2**16))


def fitted(X, y, weight=None) -> Frequencies:
    return Frequencies(COLUMNS).fit(X, y, sample_weight=weight)


def p(model, X) -> np.ndarray:
    return model.predict_proba(X)[:, 1]


def test_the_formula_by_hand():
    """3 won of 5. Of the won 2 web, 1 event; of the lost 1 web, 1 not set: K is 2, N is 3 and 1."""
    X = pd.DataFrame({"source": ["web", "web", "event", "web", "unknown"]})
    y = np.array([1, 1, 1, 0, 0])
    model = Frequencies(("source",)).fit(X, y)
    web_won, web_lost = 3 / 5 * 2.1 / 3.2, 2 / 5 * 1.1 / 1.2
    event_won, event_lost = 3 / 5 * 1.1 / 3.2, 2 / 5 * 0.1 / 1.2
    expected = [web_won / (web_won + web_lost), event_won / (event_won + event_lost), 3 / 5, 3 / 5]
    asked = pd.DataFrame({"source": ["web", "event", "unknown", "never seen"]})
    assert p(model, asked) == pytest.approx(expected, abs=1e-12)


def test_several_fields_multiply():
    X = pd.DataFrame({"source": ["web", "web", "event", "event"], "country": ["DE", "FR", "DE", "DE"]})
    y = np.array([1, 1, 0, 1])
    odds = 3 / 1 * (2.1 / 3.2) / (0.1 / 1.2) * (2.1 / 3.2) / (1.1 / 1.2)
    assert p(fitted(X, y), X)[0] == pytest.approx(odds / (1 + odds))


@few
@given(data=worlds)
def test_probabilities_lie_strictly_between_0_and_1_and_add_up(data):
    X, y, weight = data
    both = fitted(X, y, weight).predict_proba(X)
    assert both.shape == (len(X), 2)
    assert ((both > 0) & (both < 1)).all()
    assert np.allclose(both.sum(axis=1), 1)


def test_many_fields_that_agree_stay_between_0_and_1():
    y = np.repeat([0, 1], 5000)
    X = pd.DataFrame({f"t{j}": np.where(y == 1, "yes", "no") for j in range(20)})
    found = p(Frequencies(tuple(X)).fit(X, y), X)
    assert set(found.round(6)) == {0.0001, 0.9999}


@few
@given(data=worlds, seed=st.integers(0, 99))
def test_the_order_of_rows_and_columns_decides_nothing(data, seed):
    X, y, weight = data
    order = np.random.default_rng(seed).permutation(len(X))
    mixed = fitted(X.iloc[order][["employees", "country", "source"]], y[order], weight[order])
    assert np.allclose(p(mixed, X), p(fitted(X, y, weight), X), rtol=0, atol=1e-12)


@few
@given(data=worlds)
def test_a_field_nobody_filled_in_changes_nothing(data):
    X, y, _ = data
    more = X.assign(empty="unknown")
    with_empty = Frequencies((*COLUMNS, "empty")).fit(more, y)
    assert np.array_equal(p(with_empty, more), p(fitted(X, y), X))


@few
@given(data=worlds)
def test_a_lead_without_the_field_is_scored_as_if_there_were_no_such_field(data):
    X, y, _ = data
    without = Frequencies(("source",)).fit(X, y)
    for country in ("unknown", "never seen", None):
        assert np.allclose(p(fitted(X, y), X.assign(country=country)), p(without, X), rtol=0, atol=1e-12)


@few
@given(data=worlds)
def test_a_weight_counts_a_row_so_many_times(data):
    X, y, weight = data
    repeated = np.repeat(np.arange(len(X)), weight)
    again = fitted(X.iloc[repeated], y[repeated])
    assert np.allclose(p(fitted(X, y, weight), X), p(again, X), rtol=0, atol=1e-12)


def test_numbers_are_not_looked_at():
    X, y, _ = world(60, 1)
    assert np.array_equal(p(fitted(X, y), X.assign(employees=9.0)), p(fitted(X, y), X))


def test_without_any_field_everyone_gets_the_share_of_won():
    X, y, _ = world(30, 2)
    assert np.allclose(p(Frequencies(()).fit(X, y), X), y.mean())


def test_a_field_that_tells_is_used():
    X, y, _ = world(60, 3)
    telling = fitted(X.assign(source=np.where(y == 1, "event", "web")), y)
    asked = pd.DataFrame({"source": ["event", "web"], "country": "unknown"})
    assert p(telling, asked)[0] > 0.9 > 0.1 > p(telling, asked)[1]
