"""What must hold for every candidate, whatever the columns look like."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from data.errors import ModelError
from features.catalogue import CONCEPTS, Feature
from models.fitting.candidates import CANDIDATES
from models.judging.leak_guard import find_leaks
from models.judging.training import TrainingSet
from models.metrics.evaluation import auc

few = settings(max_examples=7, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
candidates = pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda c: c.name)
shapes = {
    "counts": lambda random, n: random.poisson(2.0, n).astype(float),
    "gaps": lambda random, n: np.where(random.random(n) < 0.4, np.nan, random.normal(size=n)),
    "heavy": lambda random, n: random.standard_cauchy(n) * 1e6,
    "empty": lambda random, n: np.full(n, np.nan),
    "constant": lambda random, n: np.full(n, 0.1),
    "flag": lambda random, n: np.where(random.random(n) < 0.5, np.nan, 1.0),
    "words": lambda random, n: random.choice(["web", "event", "unknown"], n),
    "one word": lambda random, n: np.full(n, "unknown"),
    "many words": lambda random, n: np.array([f"w{i}" for i in random.integers(0, n, n)]),
}


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with threadpool_limits(limits=1):
        yield


def build(columns: list[str], rows: int, seed: int) -> TrainingSet:
    random = np.random.default_rng(seed)
    X = pd.DataFrame({f"{name} {i}": shapes[name](random, rows) for i, name in enumerate(columns)})
    X["rule_points"] = random.integers(0, 11, rows) * 10.0
    if not columns:
        X["rule_points"] = np.nan
    texts = {name for name in X.columns if not pd.api.types.is_numeric_dtype(X[name])}
    features = tuple(
        Feature(
            name,
            CONCEPTS[i % 6],
            "touches",
            "x",
            name,
            direction="+" if i % 2 else "",
            dtype="text" if name in texts else "number",
        )
        for i, name in enumerate(X.columns)
    )
    y = random.permutation(np.arange(rows) % 3 == 0).astype(int)
    as_of = pd.Series(pd.Timestamp("2025-01-01") + pd.to_timedelta(np.arange(rows), unit="h"))
    lead, met = pd.Series(np.arange(rows)), pd.Series(np.ones(rows))
    return TrainingSet(X, y, as_of, lead, timedelta(days=1), features, lead, met)


training_sets = st.builds(
    build,
    st.lists(st.sampled_from(sorted(shapes)), max_size=6),
    st.sampled_from([12, 40, 150]),
    st.integers(0, 2**16),
)


def fit(candidate, data, seed=1):
    return candidate.build(data.features, seed).fit(data.X, data.y)


@candidates
@few
@given(data=training_sets)
def test_probabilities_lie_in_0_1_and_add_up(candidate, data):
    p = fit(candidate, data).predict_proba(data.X)
    assert p.shape == (len(data.y), 2)
    assert ((p >= 0) & (p <= 1)).all()
    assert np.allclose(p.sum(axis=1), 1)


@pytest.mark.slow
@candidates
@few
@given(data=training_sets)
def test_order_of_rows_and_columns_and_size_of_batch_do_not_matter(candidate, data):
    model = fit(candidate, data)
    p = model.predict_proba(data.X)[:, 1]
    order = np.random.default_rng(0).permutation(len(p))
    mixed = model.predict_proba(data.X.iloc[order][list(reversed(data.X.columns))])[:, 1]
    assert np.allclose(mixed, p[order], rtol=0, atol=1e-12)
    single = np.concatenate([model.predict_proba(data.X.iloc[[row]])[:, 1] for row in range(3)])
    assert np.allclose(single, p[:3], rtol=0, atol=1e-12)


@pytest.mark.slow
@candidates
@few
@given(data=training_sets)
def test_one_seed_gives_one_model_to_the_bit(candidate, data):
    first, second = (fit(candidate, data, seed=5).predict_proba(data.X) for _ in range(2))
    assert np.array_equal(first, second)


@candidates
@few
@given(data=training_sets)
def test_values_that_go_missing_later_are_no_error(candidate, data):
    model = fit(candidate, data)
    numbers = [f.name for f in data.features if f.dtype == "number"]
    empty = data.X.assign(**dict.fromkeys(numbers, np.nan))
    texts = [f.name for f in data.features if f.dtype == "text"]
    assert np.isfinite(model.predict_proba(empty.assign(**dict.fromkeys(texts, "never seen")))).all()


@candidates
@few
@given(data=training_sets.filter(lambda d: d.X.shape[1] > 1))
def test_other_columns_are_refused(candidate, data):
    model = fit(candidate, data)
    for frame in (data.X.drop(columns=data.X.columns[0]), data.X.assign(other=1.0), data.X.assign(rule_points="x")):
        with pytest.raises(ModelError, match="checking the columns"):
            model.predict_proba(frame)


@candidates
def test_shuffled_outcomes_are_not_learned(candidate):
    data = build(["counts", "gaps", "heavy", "words"] * 2, 2400, seed=3)
    model = candidate.build(data.features, 1).fit(data.X[:1200], data.y[:1200])
    assert auc(data.y[1200:], model.predict_proba(data.X[1200:])[:, 1]) == pytest.approx(0.5, abs=0.06)


@few
@given(data=training_sets.filter(lambda d: len(d.y) > 100), noise=st.floats(0, 0.3), text=st.booleans())
def test_a_planted_answer_is_a_suspect(data, noise, text):
    answer = data.y + noise * np.random.default_rng(0).normal(size=len(data.y))
    planted = np.where(answer > 0.5, "late stage", "early stage") if text else answer
    feature = replace(data.features[0], name="planted", dtype="text" if text else "number", clock=False)
    found = find_leaks(replace(data, X=data.X.assign(planted=planted), features=(*data.features, feature)), 0.7)
    assert "planted" in found.blocking
