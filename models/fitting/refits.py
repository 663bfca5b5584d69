"""How are refits of a model kept small? As what differs from it: a few arrays and a text for each.

A refit has the model's form, and skops writes each of its thousands of arrays as a file of its own: eight refits of
boosted trees took seven seconds to write and 50 MB. Here the model lends its form, and what differs lies side by side.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from itertools import zip_longest
from typing import Any

import numpy as np

PLAIN = {type(None), bool, int, float, str}
OURS = ("sklearn.", "models.")
"""Objects of these packages are no more than their attributes,"""
UNUSED = ("numpy.random.", "sklearn._loss.")
"""but for these, which decide no prediction: generators of random numbers, and what a fit minimised."""
Packed = dict[str, Any]
"""`said`: JSON of the places that differ, in the order of a walk, and what they hold; `arrays`: by type, end to end."""


def pack(refit: Any, model: Any) -> Packed | None:
    """What to keep of a fitted estimator beside another; None where it does not have the other's form."""
    places: list[list[Any]] = []
    arrays: dict[str, list[np.ndarray]] = {}
    for at, (own, usual) in enumerate(zip_longest(_walk([refit], 0), _walk([model], 0))):
        if own is None or usual is None or own[1] != usual[1]:
            return None
        (holder, key), value = own, own[0][own[1]]
        other = usual[0][key]
        if not (_is_leaf(value) and _is_leaf(other)):
            if type(value) is not type(other) or not _is_known(value):
                return None
        elif not _same(value, other):
            told = _told(value, arrays)
            if told is None or isinstance(holder, tuple):
                return None
            places.append([at, *told])
    kinds = list(arrays)
    said = json.dumps([[at, kinds.index(kind) if kind in arrays else kind, what] for at, kind, what in places])
    return {"said": said, "arrays": [np.concatenate(arrays[kind]) for kind in kinds]}


def unpack(packed: Packed, model: Any) -> Any:
    """The refit that was packed beside this model; ValueError where it was another model."""
    refit, arrays, used = [deepcopy(model)], packed["arrays"], [0] * len(packed["arrays"])
    said = {at: (kind, what) for at, kind, what in json.loads(packed["said"])}
    for at, (holder, key) in enumerate(list(_walk(refit, 0))):
        kind, what = said.pop(at, ("", None))
        if kind == "plain":
            holder[key] = what
        elif kind == "slice":
            holder[key] = slice(*what)
        elif kind == "objects":
            holder[key] = np.empty(len(what), dtype=object)
            holder[key][:] = what
        elif kind != "":
            size = int(np.prod(what["shape"], dtype=int))
            part = arrays[kind][used[kind] : used[kind] + size]
            used[kind] += size
            whole = part.reshape(what["shape"], order=what["order"]).copy(order=what["order"])
            holder[key] = whole[()] if what["scalar"] else whole
    if said or used != [len(array) for array in arrays]:
        raise ValueError("a refit was packed beside another model")
    return refit[0]


def _walk(holder: Any, key: Any) -> Iterator[tuple[Any, Any]]:
    """Everything in a value, depth first, as what holds it and its key there."""
    yield holder, key
    inner = _inner(holder[key])
    keys = sorted(inner, key=str) if isinstance(inner, dict) else range(len(inner or ()))
    for each in keys:
        yield from _walk(inner, each)


def _inner(value: Any) -> Any:
    """What holds the parts of a value; None where it is not looked into."""
    if _is_leaf(value):
        return None
    if isinstance(value, (dict, list, tuple)):
        return value
    of = type(value).__module__
    return getattr(value, "__dict__", None) if of.startswith(OURS) and not of.startswith(UNUSED) else None


def _is_known(value: Any) -> bool:
    """Whether all that matters of a value is told by its type and its parts."""
    return _is_leaf(value) or _inner(value) is not None or callable(value) or type(value).__module__.startswith(UNUSED)


def _is_leaf(value: Any) -> bool:
    return type(value) in {np.ndarray, slice} or isinstance(value, np.generic) or _is_plain(value)


def _is_plain(value: Any) -> bool:
    """What JSON gives back as it was, of one level."""
    if type(value) is dict:
        return all(type(name) is str and type(each) in PLAIN for name, each in value.items())
    return all(type(each) in PLAIN for each in (value if type(value) is list else [value]))


def _same(one: Any, other: Any) -> bool:
    if not isinstance(one, (np.ndarray, np.generic)):
        return repr(one) == repr(other)
    if type(one) is not type(other) or one.dtype != other.dtype or one.shape != other.shape:
        return False
    return repr(one.tolist()) == repr(other.tolist()) if one.dtype == object else one.tobytes() == other.tobytes()


def _told(value: Any, arrays: dict[str, list[np.ndarray]]) -> tuple[str, Any] | None:
    """The kind of a leaf and what is said of it; the numbers of an array go to those of its type."""
    if _is_plain(value):
        return "plain", value
    if isinstance(value, slice):
        ends = [value.start, value.stop, value.step]
        return ("slice", ends) if _is_plain(ends) else None
    whole = np.asarray(value)
    if whole.dtype == object:
        return ("objects", whole.tolist()) if whole.ndim == 1 and _is_plain(whole.tolist()) else None
    by_column = whole.flags.f_contiguous and not whole.flags.c_contiguous
    kind = str(whole.dtype.descr)
    arrays.setdefault(kind, []).append(whole.ravel("F" if by_column else "C"))
    order, scalar = "F" if by_column else "C", isinstance(value, np.generic)
    return kind, {"shape": whole.shape, "order": order, "scalar": scalar}
