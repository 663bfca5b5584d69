"""What did the lead answer? Per criterion the last known answer and its age, and the points of the rules."""

from __future__ import annotations

from typing import Any

from data.agreement.model import Agreement, Criterion
from data.sql import literal, quoted
from features.definition import ANY, Direction, Feature, Part, answer_column
from features.measures import Count, Last, Measure, SinceLast


def features(agreement: Agreement) -> tuple[Feature, ...]:
    """All features of this concept for the criteria that the agreement names."""
    answers = [f for name, criterion in agreement.criteria.items() if criterion.asked for f in _answer(name, criterion)]
    return (*answers, *_summary(tuple(agreement.answer_names())), *_points(agreement))


def _answer(name: str, criterion: Criterion) -> list[Feature]:
    no_level = "never asked, or no level named"
    return [
        _part(name, criterion, "state", "not asked, refused, no or yes", dtype="text"),
        _part(name, criterion, "level", "the level named last", null=no_level, dtype="text"),
        _part(name, criterion, "age_days", "days since the last answer", null="never asked", unit="days"),
    ]


def _part(name: str, criterion: Criterion, part: Part, words: str, **more: Any) -> Feature:
    """Reasons call a criterion by the name and the meaning that the company gave it."""
    own = f"{name} ({criterion.meaning})" if criterion.meaning else name
    about = {"criterion": name, "part": part, "called": f"{own}, {words}" if part == "age_days" else own}
    return _ruled(answer_column(name, part), f"{name}: {words}", fresh_days=criterion.fresh_days, **about, **more)


def _ruled(name: str, meaning: str, **more: Any) -> Feature:
    return Feature(name, "qualification", "rules", quoted(name), meaning, **more)


def _summary(criteria: tuple[str, ...]) -> list[Feature]:
    def answers(name: str, value: Measure, meaning: str, null: str = "", direction: Direction = "") -> Feature:
        return Feature(name, "qualification", "answers", value, meaning, null, direction, kinds=criteria)

    def last(*states: str) -> Last:
        return Last(f"(state IN ({', '.join(map(literal, states))}))::INTEGER", across="sum")

    share, answered = "answers_known / nullif(answers_asked, 0)", "share of the criteria asked about that were answered"
    given = "answers in total, including repeats"
    learned, nothing = "days since anything was learned", "nothing was learned yet"
    return [
        answers("answers_known", last("yes", "no"), "criteria with a known answer"),
        answers("answers_yes", last("yes"), "criteria answered with yes", direction="+"),
        answers("answers_refused", last("refused"), "criteria that the lead would not talk about"),
        answers("answers_asked", last("yes", "no", "refused"), "criteria that were asked about"),
        Feature("answers_given", "qualification", "answers", Count(), given, kinds=ANY),
        Feature("answered_share", "qualification", "made", share, answered, "nothing was asked", unit="share"),
        Feature(
            "days_since_answer", "qualification", "answers", SinceLast(), learned, nothing, "-", kinds=ANY, unit="days"
        ),
    ]


def _points(agreement: Agreement) -> list[Feature]:
    """Points of answers are in the sum of phone and research, those of a criterion never asked in the digital one.

    Where a criterion has both, or facts alone, the sum of one axis is a little off; that of both is exact.
    """
    axes = [(name, c, "research" if c.asked else "digital") for name, c in agreement.criteria.items()]
    sums = {
        "digital": "points for what the lead did online",
        "research": "points for what was learned by phone and research",
        "rule": "points under the agreement, both axes together",
    }
    return [
        *(_part(name, c, "points", "points under the agreement", direction="+", axis=axis) for name, c, axis in axes),
        *(
            _ruled(f"{of}_points", meaning, direction="+", part="points", axis="both" if of == "rule" else of)
            for of, meaning in sums.items()
        ),
    ]
