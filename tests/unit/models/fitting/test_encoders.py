import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from data.errors import ModelError
from models.fitting.candidates import COMMON
from models.fitting.encoders import ColumnGuard, Numbers, OneHot, Ordinal, Points, Steps

FRAME = pd.DataFrame({"clicks": [1.0, np.nan, 3.0], "dials": [0.0, 1.0, 2.0], "source": ["web", "unknown", "web"]})


@pytest.fixture
def guard():
    return ColumnGuard().fit(FRAME)


def test_columns_come_back_in_the_order_of_training(guard):
    out = guard.transform(FRAME[["source", "dials", "clicks"]])
    pd.testing.assert_frame_equal(out, FRAME)


def test_whole_numbers_become_float64(guard):
    assert (guard.transform(FRAME.fillna(0).astype({"clicks": "int64"})).dtypes[:2] == "float64").all()


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (FRAME.drop(columns="dials"), "missing dials"),
        (FRAME.assign(extra=1.0), "unexpected extra"),
        (FRAME.assign(dials="x"), r"wrong type dials \(text, was number\)"),
        (FRAME.assign(dials=np.inf), "infinite numbers in dials"),
        (FRAME.assign(source=["web", None, "web"]), "missing texts in source"),
        (FRAME[["clicks", "clicks", "dials", "source"]], "repeated clicks"),
        (FRAME.to_numpy(), "a ndarray without column names"),
        (FRAME.rename(columns={"clicks": "click"}), "missing clicks; unexpected click"),
    ],
)
def test_another_frame_is_refused_with_the_difference(guard, frame, said):
    with pytest.raises(ModelError, match=f"expected the 3 columns of training.*got {said}; build the matrix"):
        guard.transform(frame)


def test_a_long_difference_is_cut():
    guard = ColumnGuard().fit(pd.DataFrame({f"n{i:02}": [0.0] for i in range(30)}))
    with pytest.raises(ModelError, match="n09 and 20 more"):
        guard.transform(pd.DataFrame(index=[0]))


def test_numbers_are_tamed_and_complete():
    random = np.random.default_rng(0)
    X = pd.DataFrame({"a": random.exponential(1e6, 200), "b": random.normal(size=200), "c": 7.0, "d": np.nan})
    X.loc[:49, "b"] = np.nan
    out = Numbers().fit_transform(X)
    assert out.shape == (200, 5)
    assert np.isfinite(out).all()
    assert np.abs(out).max() <= 5
    assert np.allclose(out[:, [2, 3]], 0)
    assert len(np.unique(out[:, 4])) == 2


def test_columns_missing_together_share_one_flag():
    X = pd.DataFrame({"a": np.arange(40.0), "b": np.arange(40.0)})
    X.loc[:19] = np.nan
    assert Numbers().fit_transform(X).shape[1] == 3


def test_missing_values_too_few_to_tell_get_no_flag():
    X = pd.DataFrame({"a": np.arange(40.0)})
    X.loc[:3] = np.nan
    assert Numbers().fit_transform(X).shape[1] == 1


def test_an_empty_column_becomes_zero_and_stays_so():
    X = pd.DataFrame({"a": [1.0, np.nan], "b": [np.nan, np.nan]})
    step = Steps().fit(X)
    assert np.array_equal(step.transform(X), [[1, 0], [np.nan, 0]], equal_nan=True)
    assert step.transform(X.fillna(9))[0, 1] == 0


def test_points_count_in_tenths_of_their_spread_and_missing_ones_as_none():
    X = pd.DataFrame({"rule_points": [0.0, 10.0, 20.0, np.nan, 1e9]})
    points = Points().fit(X[:3])
    assert points.transform(X)[:, 0] == pytest.approx([-12.247, 0, 12.247, -12.247, 50], abs=1e-3)
    assert Points().fit(X[:1]).transform(X)[:, 0] == pytest.approx(0)


def test_many_values_become_as_many_quantiles_and_missing_ones_stay():
    X = pd.DataFrame({"a": [*np.arange(1000.0), np.nan], "b": [1.0] * 1001})
    stepped = Steps(most=10).fit(X).transform(X)
    assert np.unique(stepped[:-1, 0]) == pytest.approx(np.arange(99.0, 1000, 100), abs=1)
    assert (stepped[:-1, 0] >= X["a"][:-1]).all()
    assert np.isnan(stepped[-1, 0])
    assert (stepped[:, 1] == 1).all()
    assert Steps(most=10).fit(X).transform(pd.DataFrame({"a": [-5.0, 5e9], "b": [1.0, 1.0]}))[:, 0].tolist() == [
        99,
        999,
    ]


@pytest.mark.parametrize("dtype", ["str", "object", "category"])
@pytest.mark.parametrize(
    ("ours", "theirs", "unknown"),
    [
        (OneHot, OneHotEncoder, {"handle_unknown": "infrequent_if_exist", "sparse_output": False}),
        (Ordinal, OrdinalEncoder, {"handle_unknown": "use_encoded_value", "unknown_value": np.nan}),
    ],
)
@given(st.lists(st.tuples(*[st.sampled_from("abcdefé-\0")] * 2), min_size=1, max_size=60), st.randoms())
def test_texts_are_encoded_as_scikit_learn_does_row_by_row(ours, theirs, unknown, dtype, rows, random):
    seen = pd.DataFrame({"source": [*"aaabbbccccd"], "title": [*"bbbbbbbbbbb"]})
    X = pd.DataFrame(rows, columns=["source", "title"], index=random.sample(range(1000), len(rows))).astype(dtype)
    few = COMMON | {"min_frequency": 3}
    wanted = theirs(**few, **unknown).fit(seen).transform(X.astype(object))
    np.testing.assert_array_equal(ours(**few, **unknown).fit(seen).transform(X), wanted)
