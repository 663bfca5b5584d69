"""What do boosted trees ask of raw columns? Their conditions put to what leads have, and their answers.

scikit-learn's predictor walks every tree for every lead and finds its numbers in as many places of memory; here each
condition is put to a whole column at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder

from models.fitting.columns import Column, Columns
from models.fitting.encoders import Steps, places_of_words
from models.metrics.evaluation import Vector

MISSING = 256
"""The level that stands for a missing or unknown one; scikit-learn allows 255."""
Node = dict[str, Any]
Tree = Any
"""A leaf's value; or the place of a condition, and the trees to its left and to its right."""


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
    never: bool
    """Whether a word that training never saw does."""

    def left(self, column: Column) -> Vector:
        """Which of n texts go left."""
        return np.asarray(column.looked_up(self.words, self.never))


class Forest:
    """scikit-learn's boosted trees as our pipelines hold them, their conditions put to the raw columns.

    `conditions` are those of all inner nodes with the raw column of each, `trees` what is made of them; a lead's
    log-odds are `intercept` and what it reaches in each tree.
    """

    def __init__(self, pipeline: Pipeline, columns: list[str]) -> None:
        """Read a pipeline of which `columns_read` says the columns."""
        model, encoder = pipeline[-1], pipeline[-2]
        names = [columns[place] for place in _order(model)]
        steps, words = _steps(encoder), _words(encoder, model, columns)
        self.intercept = float(model._baseline_prediction[0, 0])
        self.conditions: list[tuple[str, Limit | Among]] = []

        def condition(node: Node, bitsets: Vector) -> Limit | Among:
            name = names[node["feature_idx"]]
            if node["is_categorical"]:
                return _among(*words[name], _levels(model, node, bitsets))
            return _limit(*steps[name], node["num_threshold"], bool(node["missing_go_to_left"]))

        def planted(nodes: list[Node], bitsets: Vector, at: int = 0) -> Tree:
            node = nodes[at]
            if node["is_leaf"]:
                return node["value"]
            place = len(self.conditions)
            self.conditions.append((names[node["feature_idx"]], condition(node, bitsets)))
            return place, *(planted(nodes, bitsets, node[side]) for side in ("left", "right"))

        self.trees = [planted(_nodes(tree.nodes), tree.raw_left_cat_bitsets) for (tree,) in model._predictors]

    def log_odds(self, leads: Columns) -> Vector:
        """N log-odds, to the last bit as scikit-learn adds them up."""
        out = np.full(len(leads), self.intercept)
        for tree in self.trees:
            out += self._reached(tree, leads)
        return out

    def _reached(self, tree: Tree, leads: Columns) -> Any:
        """The value of the leaf that each lead comes to: n numbers, or one where the tree is a leaf alone."""
        if isinstance(tree, float):
            return tree
        at, *sides = tree
        name, condition = self.conditions[at]
        return np.where(condition.left(leads[name]), *(self._reached(side, leads) for side in sides))


def _steps(encode: ColumnTransformer) -> dict[str, tuple[Steps, int]]:
    """The step that encodes each number, and the number's place in it."""
    parts = [(step, names) for _, step, names in encode.transformers_ if isinstance(step, Steps)]
    return {name: (step, place) for step, names in parts for place, name in enumerate(names)}


def _limit(step: Steps, place: int, threshold: float, missing: bool) -> Limit:
    most = step.limit(place, threshold)
    return Limit(most, most > 0 if step.empty_[place] else missing)


def _among(places: dict[str, int], levels: Vector, left: Vector) -> Among:
    goes = left[levels].tolist()
    return Among({word: goes[place] for word, place in places.items()}, bool(left[MISSING]))


def _words(
    encode: ColumnTransformer, model: HistGradientBoostingClassifier, columns: list[str]
) -> dict[str, tuple[dict[str, int], Vector]]:
    """Per text column the place of each word, and the level that the trees read at each place."""
    if model.is_categorical_ is None:
        return {}
    parts = [(step, names) for _, step, names in encode.transformers_ if isinstance(step, OrdinalEncoder)]
    known = {name: places for step, names in parts for name, places in zip(names, places_of_words(step), strict=True)}
    texts = [name for name, category in zip(columns, model.is_categorical_, strict=True) if category]
    found = {}
    for name, seen in zip(texts, model._preprocessor.named_transformers_["encoder"].categories_, strict=True):
        level = {place: at for at, place in enumerate(seen.tolist())}
        places = range(1 + max(known[name].values()))
        found[name] = known[name], np.array([level.get(place, MISSING) for place in places])
    return found


def _order(model: HistGradientBoostingClassifier) -> Vector:
    """The places of the columns as the trees count them: scikit-learn puts categories first."""
    category = model.is_categorical_
    if category is None:
        return np.arange(model.n_features_in_)
    return np.concatenate([np.flatnonzero(category), np.flatnonzero(~category)])


def _nodes(nodes: Vector) -> list[Node]:
    """The fields of each node as Python's own, which are read faster."""
    return [dict(zip(nodes.dtype.names or (), node, strict=True)) for node in nodes.tolist()]


def _levels(model: HistGradientBoostingClassifier, node: Node, bitsets: Vector) -> Vector:
    """Which levels go left, the missing and unknown one last."""
    known = model._bin_mapper.bin_thresholds_[node["feature_idx"]].astype(int)
    left = np.full(MISSING + 1, bool(node["missing_go_to_left"]))
    left[known] = bitsets[node["bitset_idx"]][known // 32] >> (known % 32) & 1
    return left


def columns_read(pipeline: Pipeline) -> list[str] | None:
    """The feature that each column of the trees comes from; None where they or the encoding are none of ours."""
    encode = pipeline[-2] if len(pipeline) == 3 else None
    if not isinstance(pipeline[-1], HistGradientBoostingClassifier) or not isinstance(encode, ColumnTransformer):
        return None
    parts = [(step, names) for _, step, names in encode.transformers_ if not isinstance(step, str)]
    texts = [isinstance(step, OrdinalEncoder) for step, names in parts for _ in names]
    categories, trees = pipeline[-1].is_categorical_, pipeline[-1]._predictors
    ours = (
        all(isinstance(step, Steps) or (isinstance(step, OrdinalEncoder) and _puts_together(step)) for step, _ in parts)
        and texts == ([False] * len(texts) if categories is None else categories.tolist())
        and all(len(of_one_step) == 1 for of_one_step in trees)
    )
    return [name for _, names in parts for name in names] if ours else None


def _puts_together(step: OrdinalEncoder) -> bool:
    """Whether rare levels are one, as only then scikit-learn says which these are."""
    return step.min_frequency is not None or step.max_categories is not None
