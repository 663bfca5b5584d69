"""How do grouped values become columns? Values per lead, or per lead and kind, are placed in one array per feature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.definition import ANY, Feature

Array = NDArray[Any]
Columns = dict[str, Array]


def place(feature: Feature, rid: Array, values: Array, size: int) -> Array:
    """The column of a feature: `values` at the rows `rid` (each once) of `size`, what is missing elsewhere."""
    if isinstance(values, np.ma.MaskedArray):
        known = ~np.ma.getmaskarray(values)
        rid, values = rid[known], values.data[known]
    if feature.missing == 0:
        column = np.zeros(size)  # cheaper than filling
    else:
        column = np.full(size, feature.missing, dtype=object if feature.dtype == "text" else np.float64)
    column[rid] = values if feature.scale == 1 else values / feature.scale
    return column


def merge_kinds(
    features: list[Feature], found: Mapping[str, Array], measures: list[str], kinds: list[str], size: int
) -> Columns:
    """The columns of features over kinds, from one row per lead and kind.

    `found` holds rid, code (the place in `kinds`, -1 for any other kind) and the measures under their numbers.
    """
    rows: dict[tuple[str, ...], Array] = {}
    columns: Columns = {}
    for feature in features:
        if feature.kinds not in rows:
            codes = [kinds.index(k) for k in feature.kinds if k != ANY[0]]
            wanted = np.ones(len(found["rid"]), bool) if feature.kinds == ANY else np.isin(found["code"], codes)
            rows[feature.kinds] = np.flatnonzero(wanted)
        chosen = rows[feature.kinds]
        rid, values = found["rid"][chosen], found[str(measures.index(feature.sql))][chosen]
        if feature.merge == "kind_of_min":
            rid, values = _kind_of_min(rid, values, found["code"][chosen], kinds)
        elif feature.merge == "days" or len(feature.kinds) > 1 or feature.kinds == ANY:
            rid, values = _merged(feature, rid, values, size)
        columns[feature.name] = place(feature, rid, values, size)
    return columns


def _merged(feature: Feature, rid: Array, values: Array, size: int) -> tuple[Array, Array]:
    """One number per lead: the rows of its kinds put together."""
    known = ~np.ma.getmaskarray(values)
    rid, values = rid[known], np.ma.getdata(values)[known]
    if feature.merge == "days":
        bits = np.zeros(size, np.int64)
        np.bitwise_or.at(bits, rid, values)
        merged: Array = np.bitwise_count(bits)
    elif feature.merge == "sum":
        merged = np.bincount(rid, weights=values, minlength=size)
    else:
        extreme, start = (np.minimum, np.inf) if feature.merge == "min" else (np.maximum, -np.inf)
        merged = np.full(size, start)
        extreme.at(merged, rid, values.astype(np.float64))
    present = np.flatnonzero(np.bincount(rid, minlength=size))
    return present, merged[present]


def _kind_of_min(rid: Array, values: Array, codes: Array, kinds: list[str]) -> tuple[Array, Array]:
    """For each lead the kind with the least value; of equal ones the first by name."""
    least = np.full(rid.max(initial=-1) + 1, np.inf)
    np.minimum.at(least, rid, values)
    ties = np.flatnonzero(values == least[rid])
    names = sorted(kinds)
    by_name = np.array([names.index(k) for k in kinds])[codes[ties]]
    first = np.full(len(least), len(names))
    np.minimum.at(first, rid[ties], by_name)
    found = np.flatnonzero(first < len(names))
    return found, np.array(names, dtype=object)[first[found]]
