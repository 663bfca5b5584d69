"""How many points do the rules give? The agreement's points for the last answer to a criterion, as SQL."""

from __future__ import annotations

from data.agreement import Agreement, Criterion
from data.sources import literal

STATE = "arg_min(state, age_days)"
LEVEL = "arg_min_null(level, age_days)"


def answer_points(agreement: Agreement) -> str:
    """The SQL of one lead's points for one criterion (`kind`): the last answer's, while it is fresh; else 0."""
    cases = " ".join(f"WHEN {literal(name)} THEN {_points(c)}" for name, c in agreement.criteria.items())
    return f"CASE kind {cases} ELSE 0 END"


def _points(criterion: Criterion) -> str:
    levels = " ".join(f"WHEN {literal(level)} THEN {points:g}" for level, points in criterion.levels.items())
    yes = f"CASE {LEVEL} {levels} ELSE {criterion.yes:g} END" if levels else f"{criterion.yes:g}"
    return (
        f"CASE WHEN min(age_days) >= {criterion.fresh_days:g} THEN 0 WHEN {STATE} = 'yes' THEN {yes} "
        f"WHEN {STATE} = 'no' THEN {criterion.no:g} WHEN {STATE} = 'refused' THEN {criterion.refused:g} ELSE 0 END"
    )
