"""How do grouped values become columns? Values per lead, or per lead and kind, are placed in one array per feature."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from features.definition import ANY, Feature
from features.measures import Array, Measure, merge_latest, merge_parts

Columns = dict[str, Array]


def place(feature: Feature, rid: Array, parts: Array, size: int) -> Array:
    """The column of a feature: what `parts` come to at the rows `rid` (each once) of `size`, missing elsewhere."""
    if isinstance(parts, np.ma.MaskedArray):
        known = ~np.ma.getmaskarray(parts)
        rid, parts = rid[known], parts.data[known]
    if feature.missing == 0:
        column = np.zeros(size)  # cheaper than filling
    else:
        column = np.full(size, feature.missing, dtype=object if feature.dtype == "text" else np.float64)
    column[rid] = feature.value.value(parts) if isinstance(feature.value, Measure) else parts
    return column


def merge_kinds(
    features: list[Feature], found: Mapping[str, Array], aggregates: list[str], kinds: list[str], size: int
) -> Columns:
    """The columns of features over kinds, from one row per lead and kind.

    `found` holds rid, code (the place in `kinds`, -1 for any other kind) and the aggregates under their numbers.
    """
    rows = {of: _rows_of(of, found["code"], kinds) for of in {f.kinds for f in features}}
    columns: Columns = {}
    for feature in features:
        chosen = rows[feature.kinds]
        rid, parts = found["rid"][chosen], found[str(aggregates.index(feature.sql))][chosen]
        how = feature.value.across or feature.value.merge if isinstance(feature.value, Measure) else "sum"
        if how == "latest":
            names = sorted(kinds)
            ranks = np.array([names.index(k) for k in kinds])[found["code"][chosen]]
            rid, newest = merge_latest(rid, ranks, parts, size)
            parts = np.array(names, dtype=object)[newest.astype(int)]
        elif len(feature.kinds) > 1 or feature.kinds == ANY:
            rid, parts = merge_parts(how, rid, parts, size)
        columns[feature.name] = place(feature, rid, parts, size)
    return columns


def _rows_of(wanted: tuple[str, ...], codes: Array, kinds: list[str]) -> Array:
    if wanted == ANY:
        return np.arange(len(codes))
    return np.flatnonzero(np.isin(codes, [kinds.index(kind) for kind in wanted]))
