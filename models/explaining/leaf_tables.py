"""Which leaves of boosted trees does a lead reach when some concepts are its own and the rest another lead's?

A leaf is reached where no condition on its path fails. So of a lead only the set of concepts with a failing condition
matters, a number of six bits, and the share of background rows whose failures a coalition makes good: everything else
is worked out once per leaf and looked up. That is interventional TreeSHAP (Lundberg et al. 2020) for groups of
features, without its walk per background row, and right for categorical splits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder

from models.explaining.coalitions import Population, shapley_weights
from models.explaining.columns import NEVER, Column, Columns, places_of_words
from models.explaining.criteria import Swap, whole
from models.fitting.encoders import Steps
from models.metrics.evaluation import Vector

MISSING = 256
"""The level that stands for a missing or unknown one; scikit-learn allows 255."""
Path = tuple[tuple[int, bool], ...]
"""Inner nodes on the way to a leaf, and whether it lies to their left."""


@dataclass(frozen=True)
class Limit:
    """A condition on a number: it goes left up to `most`, and where it is missing if so said."""

    most: float
    missing: bool

    def left(self, column: Column) -> Vector:
        """Which of n numbers go left."""
        return np.asarray(~(column > self.most) if self.missing else column <= self.most)


@dataclass(frozen=True)
class Among:
    """A condition on a text: which words go left."""

    words: Mapping[str, bool]

    def left(self, column: Column) -> Vector:
        """Which of n texts go left."""
        return np.asarray(column.looked_up(self.words))


@dataclass(frozen=True)
class Leaf:
    """What a leaf adds, and per feature on its path the conditions, as rows of `Forest.wrong`."""

    value: float
    conditions: dict[int, list[int]]

    @cached_property
    def rows(self) -> list[int]:
        """All conditions."""
        return [row for rows in self.conditions.values() for row in rows]


class Forest:
    """scikit-learn's boosted trees as our pipeline holds them, their conditions put to the raw columns.

    `columns` are the features of the columns that it encodes, `names` all features.
    """

    def __init__(self, pipeline: Pipeline, columns: list[str], names: list[str]) -> None:
        nodes, levels, leaves = _read(pipeline[-1])
        place = {name: at for at, name in enumerate(names)}
        self.conditions = _conditions(pipeline, columns, nodes, levels)
        self.feature = np.array([place[name] for name, _ in self.conditions], dtype=int)
        self.leaves = [Leaf(value, self._by_feature(path)) for value, path in leaves]
        self.intercept = float(pipeline[-1]._baseline_prediction[0, 0])

    def wrong(self, leads: Columns) -> Vector:
        """Nodes that send a lead to the right, then nodes that send it to the left: 2 x nodes, by n leads."""
        left = np.empty((len(self.conditions), len(leads)), dtype=bool)
        for row, (name, condition) in zip(left, self.conditions, strict=True):
            row[:] = condition.left(leads[name])
        return np.concatenate([~left, left])

    def wrong_then(self, swap: Swap, usual: Vector) -> dict[int, Vector]:
        """The same of what a swap changes, by row: of the leads of the swap, or one for all where it is the usual."""
        nodes, then = len(self.conditions), dict[int, Vector]()
        for row, (name, condition) in enumerate(self.conditions):
            if name in swap.sums:
                left = condition.left(swap.sums[name])
                then |= {row: ~left, row + nodes: left}
            elif name in swap.criterion.columns:
                then |= {row: usual[row], row + nodes: usual[row + nodes]}
        return then

    def _by_feature(self, path: Path) -> dict[int, list[int]]:
        rows: dict[int, list[int]] = {}
        for node, left in path:
            rows.setdefault(int(self.feature[node]), []).append(node + (0 if left else len(self.conditions)))
        return rows


class Trees:
    """The log-odds of a forest beside a population."""

    def __init__(self, forest: Forest, population: Population) -> None:
        self._forest, self._population = forest, population
        self._value = np.array([leaf.value for leaf in forest.leaves])
        compared = forest.wrong(population.others)
        others, self._usual = compared[:, :-1], compared[:, -1:]
        self._shares = [_shares(others, leaf) for leaf in forest.leaves]
        self._background = failing = self._failing(others)
        self.base = forest.intercept + float(self._value @ (failing == 0).mean(axis=1))

    def contributions(self, leads: Columns) -> Vector:
        """One look-up per leaf."""
        out = np.zeros((len(leads), len(self._population.concepts)))
        for table, failing in zip(self._tables, self._failing(self._forest.wrong(leads)), strict=True):
            out += table[failing]
        return out

    def moves(self, leads: Columns, swaps: Sequence[Swap] = ()) -> Vector:
        """A lead leaves a leaf where others fail on the feature, and comes to one where that alone had failed.

        Of swaps only leaves with a condition on what is swapped are left or come to.
        """
        wrong = self._forest.wrong(leads)
        out = np.zeros((len(self._population.features), len(leads)))
        for leaf, shares in zip(self._forest.leaves, self._shares, strict=True):
            fails = {feature: _any(wrong, rows) for feature, rows in leaf.conditions.items()}
            failed = sum((fail.view(np.uint8) for fail in fails.values()), start=np.zeros(len(leads), dtype=np.uint8))
            reached, once = failed == 0, failed == 1
            for feature, share in shares.items():
                out[feature] += (leaf.value * share) * reached
                out[feature] -= (leaf.value * (1 - share)) * (fails[feature] & once)
        return whole(out.T, self._population.names, swaps, (self._swapped(swap, wrong) for swap in swaps))

    def _swapped(self, swap: Swap, wrong: Vector) -> Vector:
        then, at = self._forest.wrong_then(swap, self._usual), swap.place
        out = np.zeros(len(swap.at))
        for leaf in self._forest.leaves:
            changed = [then[row] for row in leaf.rows if row in then]
            if changed:
                kept = _any(wrong, [row for row in leaf.rows if row not in then])[at]
                out += leaf.value * np.logical_or.reduce(np.broadcast_arrays(kept, *changed))
                out -= leaf.value * _any(wrong, leaf.rows)[at]
        return out

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
        """Leaves x n: the concepts with a condition that fails, as bits, from what `Forest.wrong` gives."""
        bit = np.left_shift(1, self._population.concept_of[self._forest.feature]).astype(np.uint8)
        bits = wrong * np.concatenate([bit, bit])[:, None]
        return np.array([np.bitwise_or.reduce(bits[leaf.rows], axis=0, dtype=np.uint8) for leaf in self._forest.leaves])


def _shares(others: Vector, leaf: Leaf) -> dict[int, float]:
    """Per feature on its path the share of the others that fail on it."""
    return {f: np.count_nonzero(_any(others, rows)) / others.shape[1] for f, rows in leaf.conditions.items()}


def _any(wrong: Vector, rows: list[int]) -> Vector:
    """Whether any of these conditions fails, by lead."""
    if len(rows) == 1:
        return np.asarray(wrong[rows[0]])
    return np.logical_or.reduce([wrong[row] for row in rows]) if rows else np.zeros(wrong.shape[1], dtype=bool)


def _conditions(
    pipeline: Pipeline, columns: list[str], nodes: Vector, levels: list[Vector | None]
) -> list[tuple[str, Limit | Among]]:
    """What each inner node asks of which raw column."""
    steps, words = _steps(pipeline[-2]), _words(pipeline[-2], pipeline[-1], columns)
    names = [columns[place] for place in _order(pipeline[-1])[nodes["feature_idx"]]]
    return [
        (name, _limit(*steps[name], node) if left is None else _among(*words[name], left))
        for name, node, left in zip(names, nodes, levels, strict=True)
    ]


def _steps(encode: ColumnTransformer) -> dict[str, tuple[Steps, int]]:
    """The step that encodes each number, and the number's place in it."""
    parts = [(step, names) for _, step, names in encode.transformers_ if isinstance(step, Steps)]
    return {name: (step, place) for step, names in parts for place, name in enumerate(names)}


def _limit(step: Steps, place: int, node: Vector) -> Limit:
    most = step.limit(place, float(node["num_threshold"]))
    return Limit(most, bool(most > 0) if step.empty_[place] else bool(node["missing_go_to_left"]))


def _among(places: dict[str, int], levels: Vector, left: Vector) -> Among:
    goes = left[np.where(np.isnan(levels), MISSING, levels).astype(int)]
    return Among({word: goes[place] for word, place in places.items()})


def _words(
    encode: ColumnTransformer, model: HistGradientBoostingClassifier, columns: list[str]
) -> dict[str, tuple[dict[str, int], Vector]]:
    """Per text column the place of each word, NEVER's behind all, and the level that the trees read at each place."""
    parts = [(step, names) for _, step, names in encode.transformers_ if isinstance(step, OrdinalEncoder)]
    known = {name: places for step, names in parts for name, places in zip(names, places_of_words(step), strict=True)}
    ends = {name: 1 + max(places.values()) for name, places in known.items()}
    asked = np.zeros((1 + max(ends.values(), default=0), len(columns)))
    for name, end in ends.items():
        asked[:, columns.index(name)] = np.where(np.arange(len(asked)) < end, np.arange(len(asked)), np.nan)
    read, order = model._preprocess_X(asked, reset=False), _order(model).tolist()
    at = {name: order.index(columns.index(name)) for name in known}
    return {name: ({**places, NEVER: len(asked) - 1}, read[:, at[name]]) for name, places in known.items()}


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
