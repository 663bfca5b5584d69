"""What did the lead tell us? Per criterion the last known answer and its age, and the points of the rules."""

from __future__ import annotations

from data.agreement import Agreement
from features.definition import ANY, Direction, Feature
from features.rules import answer_points

NOT_ASKED = "never asked"


def features(agreement: Agreement) -> tuple[Feature, ...]:
    """All features of this concept for the criteria that the agreement names."""
    per_criterion = [f for name in agreement.criteria for f in _criterion(name)]
    return (*per_criterion, *_summary(tuple(agreement.criteria)), *_points(agreement))


def _criterion(name: str) -> list[Feature]:
    return [
        Feature(f"{name}_state", "qualification", "answers", "arg_min(state, age_days)",
                f"{name}: not asked, refused, no or yes", NOT_ASKED, dtype="text", kinds=(name,), merge="max",
                empty="not_asked"),
        Feature(f"{name}_level", "qualification", "answers", "arg_min_null(level, age_days)",
                f"{name}: the level named last", "never asked, or no level named", dtype="text",
                kinds=(name,), merge="max", empty=None),
        Feature(f"{name}_age_days", "qualification", "answers", "min(age_days)", f"{name}: days since the last answer",
                NOT_ASKED, kinds=(name,), merge="max", empty=None),
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
    points = answer_points(agreement)
    singles = [
        Feature(f"{name}_points", "qualification", "answers", points, f"{name}: points under the agreement",
                direction="+", kinds=(name,))
        for name in agreement.criteria
    ]  # fmt: skip
    total = Feature("rule_points", "qualification", "answers", points, "points under the agreement's rules",
                    direction="+", kinds=tuple(agreement.criteria))  # fmt: skip
    return [*singles, total]
