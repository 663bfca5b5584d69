"""Which leaves of boosted trees does a lead reach when some concepts are its own and the rest another lead's?

A leaf is reached where no condition on its path fails. So of a lead only the set of concepts with a failing condition
matters, a number of six bits, and the share of background rows whose failures a coalition makes good: everything else
is worked out once per leaf and looked up. That is interventional TreeSHAP (Lundberg et al. 2020) for groups of
features, without its walk per background row, and right for categorical splits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline

from models.explaining.coalitions import Population, shapley_weights
from models.metrics.evaluation import Vector

MISSING = 256
"""The level that stands for a missing or unknown one; scikit-learn allows 255."""
Path = tuple[tuple[int, bool], ...]
"""Inner nodes on the way to a leaf, and whether it lies to their left."""


@dataclass(frozen=True)
class Leaf:
    """What a leaf adds, and per feature on its path the conditions, as rows of `Trees._wrong`."""

    value: float
    conditions: dict[int, list[int]]


class Trees:
    """The log-odds of our boosting pipeline: scikit-learn's trees on encoded columns, one per feature."""

    def __init__(self, pipeline: Pipeline, columns: list[str], population: Population) -> None:
        self._encode, self._model = pipeline[:-1], pipeline[-1]
        self._population = population
        self._nodes, self._levels, leaves = _read(self._model)
        feature = [population.names.index(name) for name in np.array(columns, dtype=object)[_order(self._model)]]
        self._column, self._feature = self._nodes["feature_idx"], np.array(feature)[self._nodes["feature_idx"]]
        self._leaves = [Leaf(value, self._by_feature(path)) for value, path in leaves]
        self._value = np.array([leaf.value for leaf in self._leaves])
        self._others = self._wrong(population.background[population.names])
        self._background = failing = self._failing(self._others)
        self._intercept = float(self._model._baseline_prediction[0, 0])
        self.base = self._intercept + float(self._value @ (failing == 0).mean(axis=1))

    def contributions(self, X: pd.DataFrame) -> Vector:
        """One look-up per leaf."""
        out = np.zeros((len(X), len(self._population.concepts)))
        for table, failing in zip(self._tables, self._failing(self._wrong(X)), strict=True):
            out += table[failing]
        return out

    def moves(self, X: pd.DataFrame) -> Vector:
        """A lead leaves a leaf where others fail on the feature, and comes to one where that alone had failed."""
        wrong, others = self._wrong(X), self._others
        out = np.zeros((len(self._population.features), len(X)))
        for leaf in self._leaves:
            fails = {feature: wrong[rows].any(axis=0) for feature, rows in leaf.conditions.items()}
            failed = sum(fails.values(), start=np.zeros(len(X), dtype=int))
            for feature, rows in leaf.conditions.items():
                fail = others[rows].any(axis=0).mean()
                alone = fails[feature] & (failed == 1)
                out[feature] += leaf.value * (fail * (failed == 0) - (1 - fail) * alone)
        return out.T

    @cached_property
    def _tables(self) -> Vector:
        """Contributions per leaf and set of failing concepts: leaves x 2^k x k."""
        k = len(self._population.concepts)
        sets = np.arange(1 << k)
        disjoint = sets[:, None] & sets == 0
        made_good = np.array([(self._background & ~s == 0).mean(axis=1) for s in sets])
        shares = np.einsum("is,sf->sfi", shapley_weights(k), disjoint.astype(float)).reshape(1 << k, -1)
        return np.asarray((self._value[:, None] * (made_good.T @ shares)).reshape(-1, 1 << k, k))

    def _failing(self, wrong: Vector) -> Vector:
        """Leaves x n: the concepts with a condition that fails, as bits, from what `_wrong` gives."""
        bit = np.left_shift(1, self._population.concept_of[self._feature]).astype(np.uint8)
        bits = wrong * np.concatenate([bit, bit])[:, None]
        rows = ([row for rows in leaf.conditions.values() for row in rows] for leaf in self._leaves)
        return np.array([np.bitwise_or.reduce(bits[at], axis=0, dtype=np.uint8) for at in rows])

    def _wrong(self, X: pd.DataFrame) -> Vector:
        """Nodes that send a lead to the right, then nodes that send it to the left: 2 x nodes, by n leads."""
        values = np.asfortranarray(self._model._preprocess_X(self._encode.transform(X), reset=False))
        left = np.empty((len(self._nodes), len(X)), dtype=bool)
        for row, column, node, levels in zip(left, self._column, self._nodes, self._levels, strict=True):
            row[:] = _goes_left(values[:, column], node, levels)
        return np.concatenate([~left, left])

    def _by_feature(self, path: Path) -> dict[int, list[int]]:
        rows: dict[int, list[int]] = {}
        for node, left in path:
            rows.setdefault(int(self._feature[node]), []).append(node + (0 if left else len(self._nodes)))
        return rows


def _goes_left(values: Vector, node: Vector, levels: Vector | None) -> Vector:
    if levels is not None:
        return np.asarray(levels[np.where(np.isnan(values), MISSING, values).astype(int)])
    return ~(values > node["num_threshold"]) if node["missing_go_to_left"] else values <= node["num_threshold"]


def _order(model: HistGradientBoostingClassifier) -> Vector:
    """The places of the columns as the trees count them: scikit-learn puts categories first."""
    category = model.is_categorical_
    if category is None:
        return np.arange(model.n_features_in_)
    return np.concatenate([np.flatnonzero(category), np.flatnonzero(~category)])


def _read(model: HistGradientBoostingClassifier) -> tuple[Vector, list[Vector | None], list[tuple[float, Path]]]:
    """All inner nodes, the levels that go left at each (None for numbers), and per leaf its value and its path."""
    nodes: list[Vector] = []
    levels: list[Vector | None] = []
    leaves: list[tuple[float, Path]] = []
    for (tree,) in model._predictors:
        inner = np.flatnonzero(tree.nodes["is_leaf"] == 0)
        place = dict(zip(inner.tolist(), range(len(levels), len(levels) + len(inner)), strict=True))
        nodes.append(tree.nodes[inner])
        levels += [_levels(model, node, tree.raw_left_cat_bitsets) for node in tree.nodes[inner]]
        leaves += list(_paths(tree.nodes, place))
    return np.concatenate(nodes), levels, leaves


def _levels(model: HistGradientBoostingClassifier, node: Vector, bitsets: Vector) -> Vector | None:
    if not node["is_categorical"]:
        return None
    known = model._bin_mapper.bin_thresholds_[node["feature_idx"]].astype(int)
    left = np.full(MISSING + 1, bool(node["missing_go_to_left"]))
    left[known] = bitsets[node["bitset_idx"]][known // 32] >> (known % 32) & 1
    return left


def _paths(nodes: Vector, place: dict[int, int], at: int = 0, path: Path = ()) -> Iterator[tuple[float, Path]]:
    if nodes[at]["is_leaf"]:
        yield float(nodes[at]["value"]), path
    else:
        for side in ("right", "left"):
            yield from _paths(nodes, place, int(nodes[at][side]), (*path, (place[at], side == "left")))
