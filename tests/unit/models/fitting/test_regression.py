"""The linear model keeps to the catalogue's directions, and pays nothing for empty columns."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from models.fitting.candidates import DEPLOYED, logistic
from tests.unit.models.leads import feature, make


def test_without_directions_it_is_the_regression_of_scikit_learn():
    data = make(rows=400, numbers=6, seed=2)
    free = tuple(feature(f.name, dtype=f.dtype) for f in data.features)
    fitted = logistic(free, 1, variance=3.0).fit(data.X, data.y)[-1]
    assert len(set(fitted.prior_)) == 1
    plain = LogisticRegression(C=fitted.prior_[0], tol=1e-10, max_iter=10_000).fit(fitted.encode(data.X), data.y)
    assert fitted.coef_ == pytest.approx(plain.coef_[0], abs=1e-4)
    assert fitted.intercept_ == pytest.approx(plain.intercept_[0], abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("candidate", DEPLOYED, ids=lambda c: c.name)
@given(seed=st.integers(0, 50))
def test_no_candidate_that_can_be_chosen_goes_against_a_direction(candidate, seed):
    """Outcomes that contradict every direction: more of what speaks for a lead never makes it less likely."""
    data = make(rows=150, numbers=4, texts=1, seed=seed)
    signs = ["+", "-", "+", "-"]
    bound = {f"n{j}": feature(f"n{j}", direction=signs[j]) for j in range(4)}
    features = tuple(bound.get(f.name, f) for f in data.features)
    y = (data.X["n0"].fillna(0) - data.X["n1"].fillna(0) < 0).astype(int).to_numpy()
    model, X = candidate.build(features, 1).fit(data.X, y), data.X.assign(**dict.fromkeys(bound, 1.0))
    for at, sign in enumerate(signs):
        p = [model.predict_proba(X.assign(**{f"n{at}": value}))[:, 1] for value in (-3.0, 0.0, 2.0, 9.0)]
        rises = np.diff(np.array(p), axis=0) * (1 if sign == "+" else -1)
        assert rises.min() >= -1e-12


def test_empty_columns_change_nothing():
    data = make(rows=300, numbers=5, seed=4)
    empty = tuple(feature(f"empty{j}") for j in range(60))
    X = data.X.assign(**{f.name: 0.0 if j % 2 else np.nan for j, f in enumerate(empty)})
    alone = logistic(data.features, 1).fit(data.X, data.y).predict_proba(data.X)
    among = logistic((*data.features, *empty), 1).fit(X, data.y).predict_proba(X)
    assert among == pytest.approx(alone, abs=1e-6)


def test_each_concept_has_the_same_share_of_the_prior():
    data = make(rows=300, numbers=6, texts=0, seed=5)
    concepts = ["fit", "engagement", "engagement", "engagement", "calls", "calls"]
    features = tuple(feature(f"n{j}", concept=concepts[j]) for j in range(6))
    fitted = logistic(features, 1, variance=3.0).fit(data.X[[f.name for f in features]], data.y)[-1]
    by_concept = {c: fitted.prior_[[fitted.concepts[n] == c for n in fitted.columns_]].sum() for c in set(concepts)}
    assert by_concept == pytest.approx(dict.fromkeys(concepts, 1.0))
