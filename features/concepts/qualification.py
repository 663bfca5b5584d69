"""What did the lead tell us? Per criterion the last known answer and its age, and the points of the rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from data.agreement.model import Agreement
from data.sql import quoted
from features.definition import ANY, Direction, Feature, Part, answer_column
from features.measures import Count, LastIn, Measure, SinceLast

NOT_ASKED = "never asked"
UNASKED = "nothing was asked"
NO_LEVEL = "never asked, or no level named"


def features(agreement: Agreement) -> tuple[Feature, ...]:
    """All features of this concept for the criteria that the agreement names."""
    per_criterion = [f for name, c in agreement.criteria.items() if c.asked for f in _criterion(name)]
    return (*per_criterion, *_summary(tuple(agreement.answer_names())), *_points(agreement))


def _criterion(name: str) -> list[Feature]:
    return [
        _part(name, "state", "not asked, refused, no or yes", null=NOT_ASKED, dtype="text", empty="not_asked"),
        _part(name, "level", "the level named last", null=NO_LEVEL, dtype="text", empty=None),
        _part(name, "age_days", "days since the last answer", null=NOT_ASKED, empty=None),
    ]


def _part(criterion: str, part: Part, meaning: str, **facts: Any) -> Feature:
    name = answer_column(criterion, part)
    return _ruled(name, f"{criterion}: {meaning}", criterion=criterion, part=part, **facts)


def _ruled(name: str, meaning: str, **facts: Any) -> Feature:
    return Feature(name, "qualification", "rules", quoted(name), meaning, **facts)


def _summary(criteria: tuple[str, ...]) -> list[Feature]:
    def known(name: str, states: tuple[str, ...], meaning: str, direction: Direction = "") -> Feature:
        return _answers(name, LastIn("state", states), meaning, criteria, direction)

    share, meaning = "answers_known / nullif(answers_asked, 0)", "share of the criteria asked that were answered"
    since = _answers("days_since_answer", SinceLast(), "days since anything was learned", criteria, "-")
    return [
        known("answers_known", ("yes", "no"), "criteria of which the answer is known"),
        known("answers_yes", ("yes",), "criteria answered with yes", "+"),
        known("answers_refused", ("refused",), "criteria the lead would not speak about"),
        known("answers_asked", ("yes", "no", "refused"), "criteria that were asked"),
        _answers("answers_given", Count(), "answers in all, repeats counted", ANY),
        Feature("answered_share", "qualification", "made", share, meaning, UNASKED, empty=None, unit="share"),
        replace(since, null="nothing was learned yet", empty=None),
    ]


def _answers(name: str, value: Measure, meaning: str, kinds: tuple[str, ...], direction: Direction = "") -> Feature:
    return Feature(name, "qualification", "answers", value, meaning, direction=direction, kinds=kinds)


def _points(agreement: Agreement) -> list[Feature]:
    """Points of answers are in the sum of phone and research, those of a criterion never asked in the digital one.

    Where a criterion has both, or facts alone, the sum of one axis is a little off; that of both is exact.
    """
    axes = {name: "research" if c.asked else "digital" for name, c in agreement.criteria.items()}
    single = {"meaning": "points under the agreement", "direction": "+"}
    total = {"direction": "+", "part": "points"}
    return [
        *(_part(name, "points", axis=axis, **single) for name, axis in axes.items()),
        _ruled("digital_points", "points of what the lead did online", axis="digital", **total),
        _ruled("research_points", "points of what was learned by phone and research", axis="research", **total),
        _ruled("rule_points", "points under the agreement's rules, both axes", axis="both", **total),
    ]
