"""How does a plain condition become SQL? Over the columns of `features.rules.points`; true or false, never unknown."""

from __future__ import annotations

from data.agreement.checks import AXES, NUMBER_FACTS
from data.agreement.conditions import ORDERED, Comparison, Condition, Joined, Not, number_in, parse_condition
from data.agreement.model import MILLI, Agreement, Criterion
from data.sql import literal, quoted
from data.tables import ANSWER_STATES

AXIS_MILLI = {"digital_points": '"digital milli"', "research_points": '"research before"'}
"""The points of an axis that a condition sees, in thousandths: those of research before combinations add theirs."""


def condition_sql(agreement: Agreement, text: str) -> str:
    """A condition over the columns inside `rules_sql`, as SQL that is true or false and never unknown."""
    return _tree_sql(agreement, parse_condition(text))


def _tree_sql(a: Agreement, condition: Condition) -> str:
    if isinstance(condition, Not):
        return f"NOT ({_tree_sql(a, condition.part)})"
    if isinstance(condition, Joined):
        parts = [f"({_tree_sql(a, p)})" for p in condition.parts]
        return f" {condition.word} ".join(parts) or "true"
    if condition.name in a.criteria:
        return _about_answer(a.criteria[condition.name], condition)
    return _about_fact(condition)


def _about_answer(criterion: Criterion, it: Comparison) -> str:
    state, level = f'"fresh {it.name}"', f'lower("{it.name}_level")'
    if it.operator in ("known", "unknown"):
        return f"{state} {'' if it.operator == 'known' else 'NOT '}IN ('yes', 'no')"
    if it.operator in ORDERED:
        amounts = " ".join(f"WHEN {_lower(n)} THEN {v!r}" for n, v in criterion.amounts.items())
        amount = f"CASE {level} {amounts} END"
        return f"coalesce({state} = 'yes' AND {amount} {it.operator} {number_in(it.values[0])!r}, false)"

    def same(value: str) -> str:
        if value.lower() in ANSWER_STATES:
            return f"{state} = {literal(value.lower())}"
        return f"coalesce({state} = 'yes' AND {level} = {_lower(value)}, false)"

    return f"{'NOT ' * (it.operator == '!=')}({' OR '.join(map(same, it.values))})"


def _about_fact(it: Comparison) -> str:
    column = f"{AXIS_MILLI[it.name]} / {MILLI:.1f}" if it.name in AXES else quoted(f"fact of {it.name}")
    if it.operator in ("known", "unknown"):
        missing = f"{column} IS NULL" if it.name != "permission" else f"{column} = 'unknown'"
        return missing if it.operator == "unknown" else f"NOT ({missing})"
    if it.operator == "contains":
        return f"coalesce(contains(lower({column}::VARCHAR), {_lower(it.values[0])}), false)"
    return "(" + " OR ".join(f"coalesce({_compared(it, column, v)}, false)" for v in it.values) + ")"


def _compared(it: Comparison, column: str, value: str) -> str:
    """As numbers where the fact is a number; an extra column is what its source brought."""
    operator, number = "=" if it.operator == "in" else it.operator, number_in(value)
    as_numbers = f"nullif(TRY_CAST({column} AS DOUBLE), 'nan') {operator} {number!r}"
    as_texts = f"lower({column}::VARCHAR) {operator} {_lower(value)}"
    if it.name in (*NUMBER_FACTS, *AXES) or operator in ORDERED:
        return as_numbers
    if "." in it.name and number is not None:
        return f"CASE typeof({column}) WHEN 'DOUBLE' THEN {as_numbers} ELSE {as_texts} END"
    return as_texts


def _lower(text: str) -> str:
    """In SQL, as DuckDB and Python do not agree on the small form of every letter."""
    return f"lower({literal(text)})"
