"""What did the lead tell us? Per criterion the last known answer and its age, and the points of the rules."""

from __future__ import annotations

from typing import Literal

from data.agreement.model import Agreement
from features.definition import ANY, Direction, Feature

NOT_ASKED = "never asked"


def features(agreement: Agreement) -> tuple[Feature, ...]:
    """All features of this concept for the criteria that the agreement names."""
    per_criterion = [f for name, c in agreement.criteria.items() if c.asked for f in _criterion(name)]
    return (*per_criterion, *_summary(tuple(agreement.answer_names())), *_points(agreement))


def _criterion(name: str) -> list[Feature]:
    return [
        _ruled(f"{name}_state", f"{name}: not asked, refused, no or yes", NOT_ASKED, dtype="text", empty="not_asked"),
        _ruled(f"{name}_level", f"{name}: the level named last", "never asked, or no level named", dtype="text",
               empty=None),
        _ruled(f"{name}_age_days", f"{name}: days since the last answer", NOT_ASKED, empty=None),
    ]  # fmt: skip


def _summary(criteria: tuple[str, ...]) -> list[Feature]:
    def known(name: str, states: str, meaning: str, direction: Direction) -> Feature:
        sql = f"(arg_min(state, age_days) IN ({states}))::INTEGER"
        return Feature(name, "qualification", "answers", sql, meaning, direction=direction, kinds=criteria)

    return [
        known("answers_known", "'yes', 'no'", "criteria of which the answer is known", ""),
        known("answers_yes", "'yes'", "criteria answered with yes", "+"),
        known("answers_refused", "'refused'", "criteria the lead would not speak about", ""),
        known("answers_asked", "'yes', 'no', 'refused'", "criteria that were asked", ""),
        Feature("answers_given", "qualification", "answers", "count(*)", "answers in all, repeats counted", kinds=ANY),
        Feature("answered_share", "qualification", "made", "answers_known / nullif(answers_asked, 0)",
                "share of the criteria asked that were answered", "nothing was asked", empty=None),
        Feature("days_since_answer", "qualification", "answers", "min(age_days)", "days since anything was learned",
                "nothing was learned yet", "-", kinds=criteria, merge="min", empty=None),
    ]  # fmt: skip


def _points(agreement: Agreement) -> list[Feature]:
    singles = [
        _ruled(f"{name}_points", f"{name}: points under the agreement", direction="+") for name in agreement.criteria
    ]
    return [
        *singles,
        _ruled("digital_points", "points of what the lead did online", direction="+"),
        _ruled("research_points", "points of what was learned by phone and research", direction="+"),
        _ruled("rule_points", "points under the agreement's rules, both axes", direction="+"),
    ]


def _ruled(
    name: str,
    meaning: str,
    null: str = "never: none means 0",
    direction: Direction = "",
    dtype: Literal["number", "text"] = "number",
    empty: float | str | None = 0,
) -> Feature:
    return Feature(name, "qualification", "rules", f'"{name}"', meaning, null, direction, dtype, empty=empty)
