"""Which leaves of boosted trees does a lead reach when some concepts are its own and the rest another lead's?

A leaf is reached where no condition on its path fails. So of a lead only the set of concepts with a failing condition
matters, a number of six bits, and the share of background rows whose failures a coalition makes good: everything else
is worked out once per leaf and looked up. That is interventional TreeSHAP (Lundberg et al. 2020) for groups of
features, without its walk per background row, and right for categorical splits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from models.explaining.coalitions import Population, shapley_weights
from models.explaining.criteria import Swap, whole
from models.fitting.columns import Columns
from models.fitting.forest import Forest, Tree
from models.metrics.evaluation import Vector

Path = tuple[tuple[int, bool], ...]
"""Inner nodes on the way to a leaf, and whether it lies to their left."""


@dataclass(frozen=True)
class Leaf:
    """What a leaf adds, and per feature on its path the conditions, as rows of `Wrong`."""

    value: float
    conditions: dict[int, list[int]]

    @cached_property
    def rows(self) -> list[int]:
        """All conditions."""
        return [row for rows in self.conditions.values() for row in rows]


class Leaves:
    """The leaves of boosted trees, and the conditions on the way to each; `names` are all features."""

    def __init__(self, forest: Forest, names: list[str]) -> None:
        place = {name: at for at, name in enumerate(names)}
        self.conditions, self.intercept = forest.conditions, forest.intercept
        self.feature = np.array([place[name] for name, _ in self.conditions], dtype=int)
        self.leaves = [Leaf(value, self._by_feature(path)) for tree in forest.trees for value, path in _paths(tree)]

    def wrong_then(self, swap: Swap, others: Wrong) -> dict[int, Vector]:
        """What `Wrong` says of what a swap changes, by row: of the leads of the swap, or one for all where it is that
        of the last of the others, the usual one."""
        nodes, then = len(self.conditions), dict[int, Vector]()
        for row, (name, condition) in enumerate(self.conditions):
            if name in swap.sums:
                left = condition.left(swap.sums[name])
                then |= {row: ~left, row + nodes: left}
            elif name in swap.criterion.columns:
                then |= {row: others[row][-1:], row + nodes: others[row + nodes][-1:]}
        return then

    @cached_property
    def by_row(self) -> dict[int, list[int]]:
        """The places of the leaves by the conditions on the way to them."""
        found: dict[int, list[int]] = {}
        for at, leaf in enumerate(self.leaves):
            for row in leaf.rows:
                found.setdefault(row, []).append(at)
        return found

    def _by_feature(self, path: Path) -> dict[int, list[int]]:
        rows: dict[int, list[int]] = {}
        for node, left in path:
            rows.setdefault(int(self.feature[node]), []).append(node + (0 if left else len(self.conditions)))
        return rows


class Wrong(dict[int, Vector]):
    """Which of n leads fail a condition: those of nodes that send them right, then of nodes that send them left.

    Each is found when it is first asked for.
    """

    def __init__(self, forest: Leaves, leads: Columns) -> None:
        super().__init__()
        self._conditions, self._leads = forest.conditions, leads

    def __missing__(self, row: int) -> Vector:
        """Both of a node, found once."""
        nodes = len(self._conditions)
        name, condition = self._conditions[row % nodes]
        left = condition.left(self._leads[name])
        self |= {row % nodes: ~left, row % nodes + nodes: left}
        return self[row]

    def all(self) -> Vector:
        """Every condition: 2 x nodes, by n leads."""
        every = [self[row] for row in range(2 * len(self._conditions))]
        return np.array(every, dtype=bool).reshape(-1, len(self._leads))

    def any(self, rows: list[int]) -> Vector:
        """Whether any of these conditions fails."""
        if len(rows) == 1:
            return self[rows[0]]
        return np.logical_or.reduce([self[row] for row in rows]) if rows else np.zeros(len(self._leads), dtype=bool)


class Trees:
    """The log-odds of a forest beside a population."""

    def __init__(self, forest: Leaves, population: Population) -> None:
        self._forest, self._population = forest, population
        self._value = np.array([leaf.value for leaf in forest.leaves])
        self._others = Wrong(forest, population.others)

    @cached_property
    def _background(self) -> Vector:
        return self._failing(self._others)[:, :-1]

    @cached_property
    def base(self) -> float:
        """The mean over the background."""
        return self._forest.intercept + float(self._value @ (self._background == 0).mean(axis=1))

    def contributions(self, leads: Columns) -> Vector:
        """One look-up per leaf and concept on the way to it."""
        out = np.zeros((len(self._population.concepts), len(leads)))
        for table, failing in zip(self._tables, self._failing(Wrong(self._forest, leads)), strict=True):
            at = failing.astype(np.intp)
            for concept in np.flatnonzero(table.any(axis=0)):
                out[concept] += _looked_up(table[:, concept], at)
        return out.T

    def moves(self, leads: Columns, swaps: Sequence[Swap] = (), only: Vector | None = None) -> Vector:
        """A lead leaves a leaf where others fail on the feature, and comes to one where that alone had failed.

        Of swaps only leaves with a condition on what is swapped are left or come to.
        """
        places = np.arange(len(self._population.features)) if only is None else only
        wrong, asked = Wrong(self._forest, leads), {feature: row for row, feature in enumerate(places.tolist())}
        out = np.zeros((len(places), len(leads)))
        for leaf in self._forest.leaves:
            if asked.keys().isdisjoint(leaf.conditions):
                continue
            fails = {f: wrong.any(rows).view(np.uint8) for f, rows in leaf.conditions.items()}
            failed = np.minimum(sum(fails.values()), 2)
            for feature in asked.keys() & leaf.conditions.keys():
                share = self._share(leaf.conditions[feature])
                # where none fails, where this one alone does, and elsewhere
                table = np.array([leaf.value * share, -(leaf.value * (1 - share)), 0.0])
                out[asked[feature]] += _looked_up(table, 2 * failed - fails[feature])
        names = [self._population.names[place] for place in places]
        return whole(out.T, names, swaps, (self._swapped(swap, wrong) for swap in swaps))

    def _swapped(self, swap: Swap, wrong: Wrong) -> Vector:
        then, at = self._forest.wrong_then(swap, self._others), swap.place
        out = np.zeros(len(swap.at))
        touched = {leaf for row in then for leaf in self._forest.by_row.get(row, ())}
        for leaf in [self._forest.leaves[place] for place in sorted(touched)]:
            kept = wrong.any([row for row in leaf.rows if row not in then])[at]
            changed = [then[row] for row in leaf.rows if row in then]
            out += leaf.value * np.logical_or.reduce(np.broadcast_arrays(kept, *changed))
            out -= leaf.value * wrong.any(leaf.rows)[at]
        return out

    def _share(self, rows: list[int]) -> float:
        """The share of the background that fails any of these conditions."""
        fails = self._others.any(rows)[:-1]
        return np.count_nonzero(fails) / len(fails)

    @cached_property
    def _tables(self) -> Vector:
        """Contributions per leaf and set of failing concepts: leaves x 2^k x k."""
        k = len(self._population.concepts)
        sets = np.arange(1 << k)
        disjoint = sets[:, None] & sets == 0
        made_good = np.array([(self._background & ~s == 0).mean(axis=1) for s in sets])
        shares = np.einsum("is,sf->sfi", shapley_weights(k), disjoint.astype(float)).reshape(1 << k, -1)
        return np.asarray((self._value[:, None] * (made_good.T @ shares)).reshape(-1, 1 << k, k))

    def _failing(self, wrong: Wrong) -> Vector:
        """Leaves x n: the concepts with a condition that fails, as bits."""
        bit = np.left_shift(1, self._population.concept_of[self._forest.feature]).astype(np.uint8)
        bits = wrong.all() * np.concatenate([bit, bit])[:, None]
        return np.array([np.bitwise_or.reduce(bits[leaf.rows], axis=0, dtype=np.uint8) for leaf in self._forest.leaves])


def _looked_up(table: Vector, at: Vector) -> Vector:
    """What stands at n places, the last for all beyond."""
    return np.asarray(table.take(at, mode="clip"))


def _paths(tree: Tree, path: Path = ()) -> Iterator[tuple[float, Path]]:
    if isinstance(tree, float):
        yield tree, path
    else:
        at, left, right = tree
        yield from _paths(right, (*path, (at, False)))
        yield from _paths(left, (*path, (at, True)))
