"""How is a score said in plain words? Up to four reasons per lead, and what it lacks beside accepted leads."""

from __future__ import annotations

from calendar import day_name
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from features.definition import Feature, Part, answer_column
from models.explaining.coalitions import Population
from models.explaining.criteria import criteria, is_answer, is_sum
from models.explaining.directions import SIGNS, standings
from models.explaining.explanation import Contributions, Explainer, blocks
from models.metrics.evaluation import Vector

MOST = 4
LEAST = 0.05
"""Log-odds below which a feature is not worth a sentence: a good percent of probability at one half."""
HOURS = 48
"""From so many hours on people count days."""
LAST = 1e6
"""Log-odds that no move comes near: those that come last rank behind all others by it."""
DOABLE = ("engagement", "calls", "qualification")
"""The concepts that a rep or marketing can do something about; traits can be found out at most."""
ANSWER: tuple[Part, ...] = ("state", "level", "points", "age_days")
"""What an answer is said by."""
NOTHING = ("unknown", "not_asked", "refused")
"""What stands in texts where nothing is known."""
STATES = {"not_asked": "no answer yet", "refused": "would not say"}
"""How states of an answer are said that do not say it themselves."""
NAN = float("nan")
"""The one that stands for all: as a key no other equals it."""
Lead = Mapping[Hashable, Any]
"""What of a row of the raw frame is read, by column."""
Said = Callable[[Feature, Lead, float], str]
Allowed = Callable[[Population, pd.DataFrame], Vector]


def reasons(explainer: Explainer, X: pd.DataFrame, found: Contributions | None = None) -> pd.DataFrame:
    """Why this score, compared with the explainer's background: reason_1 .. reason_4 and `reasons_checked`, by lead.

    The concepts come strongest first, for and against acceptance, each by one feature: of those whose move is steady
    over the refits the one that moves the log-odds most in the concept's direction. An answer moves together with its
    points in the rules' sums (`Explainer.named_by`); a sum is named only where nothing it is made of can be. A concept
    without such a feature is left out, and none is named against its direction (`directions.standings`): what is better
    than usual is never against acceptance, what is worse never for it. `reasons_checked` is False where there were no
    refits to check with. `found` are the contributions of the same rows where they are known already.
    """
    found = found or explainer.explain(X)
    usual = explainer.population.baseline.to_dict("records")[0]

    def said(feature: Feature, lead: Lead, move: float) -> str:
        return f"{'for' if move > 0 else 'against'}: {say(feature, lead)}{_beside(feature, lead, usual)}"

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


def against_direction(explainer: Explainer, X: pd.DataFrame, held: bool = True) -> float:
    """The share of the reasons of n leads that contradict their feature's direction; NaN where there is no reason.

    0 is asked of `reasons`. Not `held`: of those that would be given if nothing kept them to it.
    """
    concepts, population = explainer.explain(X).values.to_numpy(), explainer.population
    given = wrong = 0
    for rows, _, feature, moves in _picked(explainer, X, concepts, held=held):
        stands = standings(population.features, rows, population.baseline)
        found = feature >= 0
        given += int(found.sum())
        wrong += int((found & (np.take_along_axis(stands, feature, axis=1) * moves < 0)).sum())
    return wrong / given if given else float("nan")


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
        if not len(members):
            continue
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
    return 0.0 if feature.direction == "-" and not feature.null else SIGNS[feature.direction]


def _codes(
    explainer: Explainer,
    X: pd.DataFrame,
    concepts: Vector,
    said: Said,
    stem: str,
    allowed: Allowed | None = None,
) -> pd.DataFrame:
    parts = [np.empty((0, MOST), dtype=object)]
    for block, sizes, chosen, moved in _picked(explainer, X, concepts, allowed):
        order = np.argsort(np.where(chosen >= 0, -np.abs(sizes), np.inf), axis=1, kind="stable")[:, :MOST]
        first, moves = (np.take_along_axis(each, order, axis=1) for each in (chosen, moved))
        parts.append(_told(explainer.population.features, block, first, moves, said))
    columns = [f"{stem}_{place}" for place in range(1, MOST + 1)]
    return pd.DataFrame(np.concatenate(parts), index=X.index, columns=columns, dtype=object)


def _told(features: tuple[Feature, ...], block: pd.DataFrame, chosen: Vector, moves: Vector, said: Said) -> Vector:
    """The sentences, n x MOST, of the features chosen for n leads (-1: None); what reads the same is made once."""
    texts = np.full((len(block), MOST), None, dtype=object)
    for place in np.unique(chosen[chosen >= 0]):
        feature, (row, rank) = features[place], np.nonzero(chosen == place)
        names = [name for name in _read_for(feature) if name in block]
        cells = [[NAN if value != value else value for value in block[name].iloc[row].tolist()] for name in names]
        keys, made = list(zip(moves[row, rank] > 0, *cells, strict=True)), dict[tuple[Any, ...], str]()
        for at, key in enumerate(keys):
            if key not in made:
                made[key] = said(feature, dict(zip(names, key[1:], strict=True)), float(moves[row[at], rank[at]]))
        texts[row, rank] = [made[key] for key in keys]
    return texts


def _read_for(feature: Feature) -> list[str]:
    """The columns that a sentence about a feature is made from."""
    answer = [answer_column(feature.criterion, part) for part in ANSWER] if feature.criterion else []
    return list(dict.fromkeys([feature.name, *answer]))


def _picked(
    explainer: Explainer, X: pd.DataFrame, concepts: Vector, allowed: Allowed | None = None, held: bool = True
) -> Iterator[tuple[pd.DataFrame, Vector, Vector, Vector]]:
    """Block by block the rows, their contributions, and the feature named for each concept with its move."""
    population, start = explainer.population, 0
    after = np.array([is_sum(f) for f in population.features]) & bool(criteria(population.features))
    for block in blocks(X):
        values, start = concepts[start : start + len(block)], start + len(block)
        moves, steady = explainer.named_by(block, LEAST)
        # of the features that move any lead so far that they could be named, and of one where none does
        some = np.flatnonzero(np.max(np.abs(moves), axis=0, initial=0.0) > LEAST)
        some = some if len(some) else np.arange(1)
        moves, steady = moves[:, some], None if steady is None else steady[:, some]
        if allowed:
            moves = np.where(allowed(population, block)[:, some], moves, 0.0)
        if held:
            asked = [population.features[place] for place in some]
            stands = standings(population.features, block, population.baseline, asked)
            moves = np.where(moves * stands < 0, 0.0, moves)
        feature, moved = named(moves, steady, values, population.concept_of[some], after[some])
        yield block, values, np.where(feature >= 0, some[feature], -1), moved


def say(feature: Feature, lead: Lead) -> str:
    """A lead's feature in the catalogue's or the agreement's words with its value: "days since the last touch: 61".

    What the catalogue has a phrase for where there is none is said by that alone: "nobody has called yet".
    """
    value = say_value(feature, lead)
    return value if value == feature.none else f"{feature.called or feature.meaning}: {value}"


def _beside(feature: Feature, lead: Lead, usual: Lead) -> str:
    """What a number usually is, where it reads on from `say`."""
    own, other = say_value(feature, lead), say_value(feature, usual)
    numbered = feature.dtype == "number" and feature.unit != "yes or no"
    return f" (usually {other})" if numbered and own not in (other, feature.none) else ""


def say_value(feature: Feature, lead: Lead) -> str:
    """The value of a feature of one lead, as people read it; what a missing one means where it is missing."""
    if is_answer(feature):
        return _answer(feature, lead)
    value = lead[feature.name]
    if pd.isna(value) or (value == "unknown" and feature.null):
        return feature.null
    if feature.dtype == "text":
        return str(value).replace("_", " ")
    if feature.unit == "yes or no":
        return "yes" if value else "no"
    if value == 0 and not feature.null and feature.over != "lead":
        return feature.none or "none"
    return f"{100 * value:.0f} %" if feature.unit == "share" else _measured(feature, float(value))


def _measured(feature: Feature, number: float) -> str:
    if feature.unit == "weekday":
        return day_name[round(number) - 1]
    if feature.unit == "hours":
        return _many(round(number), "hour") if number < HOURS else _many(round(number / 24), "day")
    if feature.unit == "days":
        return "less than 1" if number < 1 else _number(round(number))
    return _many(number, "point") if feature.part == "points" and feature.criterion else _number(number)


def _many(number: float, one: str) -> str:
    said = _number(number)
    return f"{said} {one}{'s' * (said not in ('1', '-1'))}"


def _number(number: float) -> str:
    """As many digits as a person takes in: 0.46, 61, 1,204, 40.1 million."""
    if 0 < abs(number) < 0.01:
        return "almost 0"
    for unit, word in ((1e9, "billion"), (1e6, "million")):
        if abs(number) >= unit:
            return f"{number / unit:,.1f}".removesuffix(".0") + f" {word}"
    return f"{number:,.0f}" if abs(number) >= 10 or number == round(number) else f"{number:.2g}"


def _answer(feature: Feature, lead: Lead) -> str:
    """The answer with the points it gives, or how long ago it was told if it counts no more."""
    state, level, points, age = (lead.get(answer_column(feature.criterion, part)) for part in ANSWER)
    known = [str(part).replace("_", " ") for part in (state, level) if part not in (None, "unknown", "none", *STATES)]
    levelled = known[1:] if known[:1] == ["yes"] else known
    parts = levelled or known or [STATES.get(str(state), "not known")]
    days = float("nan") if age is None else float(age)
    stale = days > feature.fresh_days
    if stale:
        parts = [*parts, f"{'told ' * bool(known)}{_many(round(days), 'day')} ago, too old to count"]
    if points:
        parts = [*parts, _many(float(points), "point") + " from elsewhere" * (stale or not known)]
    return ", ".join(parts)
