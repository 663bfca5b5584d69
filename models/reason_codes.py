"""How is a score said in plain words? Up to four reasons per lead, and what it lacks beside accepted leads."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from features.definition import Feature
from models.coalitions import Population
from models.evaluation import Vector
from models.explanation import Contributions, Explainer, blocks

MOST = 4
LEAST = 0.05
"""Log-odds below which a feature is not worth a sentence: a good percent of probability at one half."""
Lead = Mapping[Hashable, Any]
"""A row of the raw frame by column."""
Said = Callable[[Feature, Lead, float], str]


@dataclass(frozen=True)
class Named:
    """Per lead the feature to name within each concept: its place among the features (-1: none) and its move."""

    feature: Vector
    move: Vector


def reasons(explainer: Explainer, X: pd.DataFrame, found: Contributions | None = None) -> pd.DataFrame:
    """Why this score, compared with the explainer's background: reason_1 .. reason_4 and `reasons_checked`, by lead.

    The concepts come strongest first, for and against acceptance, each by one feature: of those whose move
    is steady over the refits the one that moves the log-odds most in the concept's direction. A concept without such a
    feature is left out. `reasons_checked` is False where there were no refits to check with. `found` are the
    contributions of the same rows where they are known already.
    """
    found = found or explainer.explain(X)

    def said(feature: Feature, lead: Lead, move: float) -> str:
        return f"{'for' if move > 0 else 'against'}: {say(feature, lead)}"

    codes = _codes(explainer, X, found.values.to_numpy(), said, [f"reason_{place}" for place in range(1, MOST + 1)])
    return codes.assign(reasons_checked=explainer.has_refits)


def missing(explainer: Explainer, X: pd.DataFrame, most: int = MOST) -> pd.DataFrame:
    """What is missing: missing_1 .. by lead, for an explainer whose background are accepted leads.

    Named like `reasons`, and only what lowers the score beside the average accepted lead, with that lead's value; a
    feature of which the lead has more of what the catalogue holds for good is no lack, whatever the model makes of it.
    It tells where they differ; it is no promise that changing it would help.
    """
    behind = np.minimum(explainer.explain(X).values.to_numpy(), 0.0)
    usual = explainer.population.baseline.to_dict("records")[0]

    def said(feature: Feature, lead: Lead, move: float) -> str:  # noqa: ARG001
        return f"{say(feature, lead)} (accepted leads: {say_value(feature, usual)})"

    columns = [f"missing_{place}" for place in range(1, most + 1)]
    return _codes(explainer, X, behind, said, columns, _lacks)


def named(moves: Vector, steady: Vector | None, concepts: Vector, concept_of: Vector) -> Named:
    """Which feature to name, n x concepts, from n x features moves and what is steady among them.

    `concepts` are n x k contributions; `concept_of` gives each feature's place among the concepts.
    """
    along = moves * np.sign(concepts)[:, concept_of]
    if steady is not None:
        along = np.where(steady, along, 0.0)
    feature = np.full(concepts.shape, -1)
    move = np.zeros(concepts.shape)
    for concept in range(concepts.shape[1]):
        members = np.flatnonzero(concept_of == concept)
        best = members[along[:, members].argmax(axis=1)]
        strength = along[np.arange(len(along)), best]
        feature[:, concept] = np.where(strength > LEAST, best, -1)
        move[:, concept] = strength * np.sign(concepts[:, concept])
    return Named(feature, move)


def _lacks(population: Population, X: pd.DataFrame) -> Vector:
    """Where a feature is not on the good side of the baseline, n x features; a missing value is on no side."""
    sign = np.array([{"+": 1.0, "-": -1.0, "": 0.0}[f.direction] for f in population.features])
    at = np.flatnonzero(sign)
    names = [population.names[place] for place in at]
    lacks = np.ones((len(X), len(sign)), dtype=bool)
    lacks[:, at] = ~(sign[at] * (X[names].to_numpy(float) - population.baseline[names].to_numpy(float)) > 0)
    return lacks


def _codes(
    explainer: Explainer, X: pd.DataFrame, concepts: Vector, said: Said, columns: list[str],
    allowed: Callable[[Population, pd.DataFrame], Vector] | None = None,
) -> pd.DataFrame:  # fmt: skip
    population = explainer.population
    lines: list[list[str | None]] = []
    for block in blocks(X):
        values = concepts[len(lines) : len(lines) + len(block)]
        moves = explainer.moves(block)
        if allowed:
            moves = np.where(allowed(population, block), moves, 0.0)
        told = named(moves, explainer.steady(block), values, population.concept_of)
        rows = zip(values, told.feature, told.move, block.to_dict("records"), strict=True)
        lines += [_lines(population.features, *row, said, len(columns)) for row in rows]
    return pd.DataFrame(lines, index=X.index, columns=columns, dtype=object)


def _lines(
    features: tuple[Feature, ...], concepts: Vector, chosen: Vector, moves: Vector, lead: Lead, said: Said, most: int
) -> list[str | None]:
    order = [c for c in np.argsort(-np.abs(concepts), kind="stable") if chosen[c] >= 0][:most]
    told: list[str | None] = [said(features[chosen[c]], lead, moves[c]) for c in order]
    return told + [None] * (most - len(told))


def say(feature: Feature, lead: Lead) -> str:
    """A lead's feature in the catalogue's words with its value, such as "days since the last touch: 61"."""
    about = feature.meaning.split(":")[0] if _is_answer(feature) else feature.meaning.replace(": ", ", ", 1)
    return f"{about}: {say_value(feature, lead)}"


def say_value(feature: Feature, lead: Lead) -> str:
    """The value of a feature of one lead, as people read it; what a missing one means where it is missing."""
    if _is_answer(feature):
        return _answer(feature.name.rsplit("_", 1)[0], lead)
    value = lead[feature.name]
    if feature.dtype == "text":
        unsaid = value == "unknown" and not feature.null.startswith("never:")
        return feature.null if unsaid else str(value).replace("_", " ")
    number = float(value)
    if np.isnan(number):
        return feature.null
    if feature.name.startswith("has_"):
        return "yes" if number else "no"
    if feature.meaning.startswith("share "):
        return f"{100 * number:.0f} %"
    return f"{number:,.0f}" if abs(number) >= 10 or number == round(number) else f"{number:.2g}"


def _is_answer(feature: Feature) -> bool:
    """Whether it tells what the lead answered: its state or level say the same thing in two columns."""
    return feature.over == "rules" and feature.name.endswith(("_state", "_level"))


def _answer(criterion: str, lead: Lead) -> str:
    parts = [str(lead[name]) for name in (f"{criterion}_state", f"{criterion}_level") if name in lead]
    return ", ".join(part.replace("_", " ") for part in parts if part != "unknown") or "not known"
