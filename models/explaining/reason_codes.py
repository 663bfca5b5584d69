"""How is a score said in plain words? Up to four reasons per lead, and what it lacks beside accepted leads."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from features.definition import Feature, Part, answer_column
from models.explaining.coalitions import Population
from models.explaining.criteria import criteria, is_answer, is_sum
from models.explaining.explanation import Contributions, Explainer, blocks
from models.metrics.evaluation import Vector

MOST = 4
LEAST = 0.05
"""Log-odds below which a feature is not worth a sentence: a good percent of probability at one half."""
LAST = 1e6
"""Log-odds that no move comes near: those that come last rank behind all others by it."""
DOABLE = ("engagement", "calls", "qualification")
"""The concepts that a rep or marketing can do something about; traits can be found out at most."""
ANSWER: tuple[Part, ...] = ("state", "level", "points")
"""What an answer is said by."""
NOTHING = ("unknown", "not_asked", "refused")
"""What stands in texts where nothing is known."""
Lead = Mapping[Hashable, Any]
"""A row of the raw frame by column."""
Said = Callable[[Feature, Lead, float], str]


def reasons(explainer: Explainer, X: pd.DataFrame, found: Contributions | None = None) -> pd.DataFrame:
    """Why this score, compared with the explainer's background: reason_1 .. reason_4 and `reasons_checked`, by lead.

    The concepts come strongest first, for and against acceptance, each by one feature: of those whose move is steady
    over the refits the one that moves the log-odds most in the concept's direction. An answer moves together with its
    points in the rules' sums (`Explainer.named_by`); a sum is named only where nothing it is made of can be. A concept
    without such a feature is left out. `reasons_checked` is False where there were no refits to check with. `found`
    are the contributions of the same rows where they are known already.
    """
    found = found or explainer.explain(X)

    def said(feature: Feature, lead: Lead, move: float) -> str:
        return f"{'for' if move > 0 else 'against'}: {say(feature, lead)}"

    codes = _codes(explainer, X, found.values.to_numpy(), said, "reason")
    return codes.assign(reasons_checked=explainer.has_refits)


def missing(explainer: Explainer, X: pd.DataFrame) -> pd.DataFrame:
    """What is missing: missing_1 .. missing_4 by lead, for an explainer whose background are accepted leads.

    Named like `reasons`, of what lowers the score beside the average accepted lead only what somebody can still find
    out or do: unknown traits, answers, calls and touches, these with that lead's value. A feature of which the lead has
    more of what the catalogue holds for good is no lack, whatever the model makes of it. It tells where they differ; it
    is no promise that changing it would help.
    """
    behind = np.minimum(explainer.explain(X).values.to_numpy(), 0.0)
    usual = explainer.population.baseline.to_dict("records")[0]

    def said(feature: Feature, lead: Lead, move: float) -> str:  # noqa: ARG001
        if feature.concept == "fit":
            return f"{say(feature, lead)}; find out"
        return f"{say(feature, lead)} (accepted leads: {say_value(feature, usual)})"

    return _codes(explainer, X, behind, said, "missing", _lacks)


def named(
    moves: Vector, steady: Vector | None, concepts: Vector, concept_of: Vector, after: Vector | None = None
) -> tuple[Vector, Vector]:
    """Which feature to name, n x concepts: its place among the features (-1: none) and its move, from n x features.

    `steady` marks the moves that may be named; `concepts` are n x k contributions; `concept_of` gives each feature's
    place among the concepts; features marked in `after` are named only where no other can be.
    """
    along = moves * np.sign(concepts)[:, concept_of]
    if steady is not None:
        along = np.where(steady, along, 0.0)
    first = (along > LEAST) & (True if after is None else ~after)
    rank, rows = np.where(first, along, along - LAST), np.arange(len(along))
    feature = np.full(concepts.shape, -1)
    for concept in range(concepts.shape[1]):
        members = np.flatnonzero(concept_of == concept)
        best = members[rank[:, members].argmax(axis=1)]
        feature[:, concept] = np.where(along[rows, best] > LEAST, best, -1)
    return feature, moves[rows[:, None], feature]


def _lacks(population: Population, X: pd.DataFrame) -> Vector:
    """What somebody can still find out or do, n x features."""
    points = {c.speaker: c.points for c in criteria(population.features) if c.points}
    usual = population.baseline.iloc[0]
    columns = [_lacking(feature, points.get(feature.name, feature.name), X, usual) for feature in population.features]
    sums = np.array([is_sum(feature) for feature in population.features])
    return np.column_stack(columns) & ~(sums & bool(points))


def _lacking(feature: Feature, judged_by: str, X: pd.DataFrame, usual: pd.Series) -> Vector:
    """An unknown trait; less than usual, or nothing, of what calls, marketing or questions can bring."""
    if feature.concept == "fit":
        return np.asarray(X[feature.name].isna() | (X[feature.name] == "unknown"))
    sign = 1.0 if judged_by != feature.name else _to_do(feature)
    if usual[feature.name] in NOTHING or pd.isna(usual[feature.name]) or not (sign or is_answer(feature)):
        return np.zeros(len(X), dtype=bool)
    return ~(sign * (X[judged_by].to_numpy(float) - float(usual[judged_by])) > 0) if sign else np.ones(len(X), bool)


def _to_do(feature: Feature) -> float:
    """The sign of what can be brought about, 0 where nothing can.

    Counts against acceptance cannot be undone; days since something can, by doing it again.
    """
    if feature.concept not in DOABLE or feature.over == "lead":
        return 0.0
    return {"+": 1.0, "-": -1.0 if feature.null else 0.0, "": 0.0}[feature.direction]


def _codes(
    explainer: Explainer,
    X: pd.DataFrame,
    concepts: Vector,
    said: Said,
    stem: str,
    allowed: Callable[[Population, pd.DataFrame], Vector] | None = None,
) -> pd.DataFrame:
    population = explainer.population
    lines: list[list[str | None]] = []
    after = np.array([is_sum(f) for f in population.features]) & bool(criteria(population.features))
    for block in blocks(X):
        values = concepts[len(lines) : len(lines) + len(block)]
        moves, steady = explainer.named_by(block)
        if allowed:
            moves = np.where(allowed(population, block), moves, 0.0)
        picked = named(moves, steady, values, population.concept_of, after)
        for sizes, chosen, moved, lead in zip(values, *picked, block.to_dict("records"), strict=True):
            order = [c for c in np.argsort(-np.abs(sizes), kind="stable") if chosen[c] >= 0][:MOST]
            told = [said(population.features[chosen[c]], lead, moved[c]) for c in order]
            lines.append([*told, *[None] * (MOST - len(told))])
    columns = [f"{stem}_{place}" for place in range(1, MOST + 1)]
    return pd.DataFrame(lines, index=X.index, columns=columns, dtype=object)


def say(feature: Feature, lead: Lead) -> str:
    """A lead's feature in the catalogue's or the agreement's words with its value: "days since the last touch: 61"."""
    return f"{feature.called or feature.meaning}: {say_value(feature, lead)}"


def say_value(feature: Feature, lead: Lead) -> str:
    """The value of a feature of one lead, as people read it; what a missing one means where it is missing."""
    if is_answer(feature):
        return _answer(feature.criterion, lead)
    value = lead[feature.name]
    if pd.isna(value) or (value == "unknown" and feature.null):
        return feature.null
    if feature.dtype == "text":
        return str(value).replace("_", " ")
    if feature.unit == "yes or no":
        return "yes" if value else "no"
    return f"{100 * value:.0f} %" if feature.unit == "share" else _number(float(value))


def _number(number: float) -> str:
    """As many digits as a person takes in: 0.46, 61, 1,204, 40.1 million."""
    for unit, word in ((1e9, "billion"), (1e6, "million")):
        if abs(number) >= unit:
            return f"{number / unit:,.1f}".removesuffix(".0") + f" {word}"
    return f"{number:,.0f}" if abs(number) >= 10 or number == round(number) else f"{number:.2g}"


def _answer(criterion: str, lead: Lead) -> str:
    """The answer with the points it gives; points of facts stand alone."""
    state, level, points = (answer_column(criterion, part) for part in ANSWER)
    parts = [str(lead[name]) for name in (state, level) if name in lead]
    said = [part.replace("_", " ") for part in parts if part not in ("unknown", "none")] or ["not known"]
    given = float(lead.get(points, 0.0))
    return ", ".join(said + [f"{_number(given)} points"] * bool(given or ("yes" in parts and points in lead)))
