"""A refit comes back to the bit from what differs from its model; what has another form is not packed."""

import json

import numpy as np
import pytest
import skops.io
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as of_numpy
from sklearn.linear_model import LogisticRegression

from models.fitting.candidates import CANDIDATES, DEPLOYED
from models.fitting.deployed import ReadyModel, make_ready, trusted_types
from models.fitting.refits import _is_leaf, _same, _walk, pack, unpack
from models.metrics.evaluation import logit

BUILD = {c.name: c.build for c in CANDIDATES}
NAMES = [c.name for c in DEPLOYED]


def fitted(data, name, rows=slice(None)):
    return BUILD[name](data.features, 1).fit(data.X[rows], data.y[rows])


def leaves(value):
    return [holder[key] for holder, key in _walk([value], 0) if _is_leaf(holder[key])]


def alike(one, other):
    pairs = zip(leaves(one), leaves(other), strict=True)
    return all(type(a) is type(b) and _same(a, b) for a, b in pairs)


@pytest.mark.parametrize("name", NAMES)
def test_a_refit_comes_back_to_the_bit(data, name):
    model, refit = fitted(data, name), fitted(data, name, slice(None, None, 3))
    packed = pack(refit, model)
    assert packed is not None
    back = unpack(json.loads(json.dumps({"said": packed["said"]})) | {"arrays": packed["arrays"]}, model)
    assert alike(back, refit)
    assert np.array_equal(back.predict_proba(data.X), refit.predict_proba(data.X))
    assert not np.array_equal(back.predict_proba(data.X), model.predict_proba(data.X))
    assert not np.shares_memory(back.predict_proba(data.X), model.predict_proba(data.X))


def test_the_model_stays_as_it_is(data):
    model, refit = fitted(data, "blend"), fitted(data, "blend", slice(None, 200))
    before = model.predict_proba(data.X)
    unpack(pack(refit, model), model)
    assert np.array_equal(model.predict_proba(data.X), before)


def test_what_has_another_form_is_not_packed(data):
    model = fitted(data, "blend")
    assert pack(fitted(data, "logistic"), model) is None
    fewer = BUILD["blend"](data.features[1:], 1).fit(data.X, data.y)
    found = pack(fewer, model)
    assert found is None or alike(unpack(found, model), fewer)


def test_beside_another_model_it_is_refused(data):
    model, refit = fitted(data, "blend"), fitted(data, "blend", slice(None, 200))
    with pytest.raises(ValueError, match="beside another model"):
        unpack(pack(refit, model), LogisticRegression())


def test_masks_and_sets_are_nothing_it_knows():
    for strange in (np.ma.masked_array([1.0, 2.0], [True, False]), {1, 2}, b"bytes", object()):
        assert pack([strange], [strange]) is None


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_model_holds_its_refits_as_arrays(data, name):
    early = fitted(data, name, slice(None, 300))
    z = logit(early.predict_proba(data.X[300:])[:, 1])
    bags = [fitted(data, name, slice(start, None, 2)) for start in (0, 1)]
    model = make_ready(early, None, z, data.y[300:], background=data.X.head(20), bags=bags)
    file = skops.io.dumps(model)
    back = skops.io.loads(file, trusted=sorted(trusted_types(name)))
    assert all(alike(one, other) for one, other in zip(back.bags, bags, strict=True))
    whole = ReadyModel.__new__(ReadyModel)  # as it was kept before refits were packed
    whole.__setstate__(model.__dict__)
    assert all(one is other for one, other in zip(whole.bags, bags, strict=True))


NUMBERS = st.one_of(
    of_numpy.arrays(
        st.sampled_from([np.float64, np.float32, np.int64, np.uint8, np.bool_]), of_numpy.array_shapes(max_dims=3)
    ).flatmap(lambda array: st.sampled_from([array, np.asfortranarray(array), array[::-1]])),
    st.floats().map(np.float64),
    st.integers(-9, 9).map(np.int64),
)
PLAIN = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text())
LEAVES = st.one_of(
    NUMBERS,
    PLAIN,
    st.lists(PLAIN),
    st.dictionaries(st.text(), PLAIN),
    st.lists(PLAIN).map(lambda values: np.array([*values, None], dtype=object)[:-1]),
    st.builds(slice, st.integers(0, 5), st.integers(0, 5)),
)


@given(st.lists(st.tuples(LEAVES, LEAVES)))
def test_whatever_leaves_differ_they_come_back(pairs):
    refit, model = ({"of": [{"own": pair[at], "never plain": np.zeros(0)} for pair in pairs]} for at in (0, 1))
    packed = pack(refit, model)
    assert packed is not None
    assert alike(unpack(packed, model), refit)
