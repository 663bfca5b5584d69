"""What do the rules say of a lead at a moment? The agreement compiled to one query: points, zone, persona, permission.

Points are whole thousandths inside, so the total is exactly the sum of the lines that `lines_sql` lists. The query
runs over a roster (rid, lead_id, as_of) and sees what was known before each `as_of`; docs/agreement.md is its meaning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import log

from data.agreement.checks import spoken_of
from data.agreement.model import MILLI, Agreement, Criterion, Fact, Touch, milli
from data.cohorts import BY_PERSONS
from data.sql import in_force, literal, quoted
from data.toml_errors import shown
from features.concepts import fit
from features.concepts.titles import titles_sql
from features.rules.condition_sql import condition_sql

COUNTED = f"({BY_PERSONS} OR e.kind = 'unsubscribe')"
"""Touches by persons; a wish to hear no more counts whoever sent it."""
AGE = "date_diff('microsecond', e.{at}, r.as_of) / 864e8"
FACT_SQL = {
    **{f.name: f.sql for f in fit.features()},
    "title": "l.title",
    "permission": "coalesce(l.permission, 'unknown')",
    "age_days": "date_diff('microsecond', l.created_at, r.as_of) / 864e8",
}
STANDING = (
    *("digital_points", "research_points", "rule_points", "zone", "urgent", "missing", "combinations"),
    *("team", "segment", "persona", "buying_stage", "may_call", "may_mail"),
)
"""The columns beside those of single criteria."""
NO_LINES = """SELECT NULL::BIGINT AS rid, '' AS axis, '' AS criterion, '' AS what, NULL::TIMESTAMP AS occurred_at,
    0 AS milli WHERE false"""


def rules_sql(agreement: Agreement, roster: str) -> str:
    """A SELECT of rid, the columns of each criterion, STANDING and what they are made of, for every row of `roster`.

    Per criterion `c`: c_points; where answers count also c_state, c_level and c_age_days of the last answer.
    """
    a = agreement
    rows = "SELECT * FROM known LEFT JOIN answered USING (rid) LEFT JOIN touched USING (rid)"
    for columns in _stages(a):
        rows = f"SELECT *, {', '.join(columns)} FROM ({rows})"
    return f"WITH {_sources(a, roster)} SELECT *, {', '.join(_standing(a))} FROM ({rows})"


def lines_sql(agreement: Agreement, roster: str) -> str:
    """A SELECT of rid, axis, criterion, what, occurred_at, milli: one line for all that gives or takes points."""
    a = agreement
    lines = [NO_LINES]
    for name, criterion in a.criteria.items():
        for kind, touch in criterion.touches.items():
            lines += _touch_lines(name, kind, touch, roster)
        if criterion.asked:
            lines.append(_answer_line(name))
        for i, fact in enumerate(criterion.facts):
            lines.append(_research_line(name, fact.when, milli(fact.points), f'"fact {name}" = {i}'))
    for i, c in enumerate(a.combinations):
        if c.points:
            lines.append(_research_line(c.name, c.when, milli(c.points), f'"holds {i}"'))
    return f"WITH standing AS MATERIALIZED ({rules_sql(a, roster)}) {' UNION ALL '.join(lines)}"


def _touch_lines(name: str, kind: str, touch: Touch, roster: str) -> tuple[str, str]:
    """Each touch of a kind, and what all of them together have too much."""
    over = f"{kind}: all together count {shown(touch.limit)} at most"
    each = f"""SELECT r.rid, 'digital', {literal(name)}, concat_ws(' ', {literal(kind)}, e.asset), e.occurred_at,
        {_touch_milli(touch, _share_left(touch.half_life_days))}
        FROM {_touches(roster)} AND e.kind = {literal(kind)}"""
    above = f"""SELECT rid, 'digital', {literal(name)}, {literal(over)}, NULL,
        {_capped(name, kind, touch)} - {_touch(name, kind)} AS over FROM standing WHERE over <> 0"""
    return each, above


def _answer_line(name: str) -> str:
    return f"""SELECT rid, 'research', {literal(name)}, concat_ws(' ', "{name}_state", "{name}_level",
        CASE WHEN "fresh {name}" = 'not_asked' THEN '(no longer fresh)' END), "answer {name}".at,
        "asked {name}" FROM standing WHERE "{name}_state" <> 'not_asked'"""


def _research_line(name: str, when: str, points: int, holds: str) -> str:
    what = literal(when or "always")
    return f"SELECT rid, 'research', {literal(name)}, {what}, NULL, {points} FROM standing WHERE {holds}"


def _touches(roster: str) -> str:
    return f"{roster} r JOIN touches e ON e.lead_id = r.lead_id AND e.known_at < r.as_of WHERE {COUNTED}"


def _sources(a: Agreement, roster: str) -> str:
    halves = sorted({t.half_life_days for c in a.criteria.values() for t in c.touches.values()})
    left = [f"{_share_left(half)} AS {_left(half)}" for half in halves]
    sums = [
        f"sum(CASE WHEN kind = {literal(kind)} THEN {_touch_milli(touch)} ELSE 0 END)"
        f" AS {quoted(f'touch {name}/{kind}')}"
        for name, c in a.criteria.items()
        for kind, touch in c.touches.items()
    ]
    last = [_last_answer(name, c) for name, c in a.criteria.items() if c.asked]
    return f"""titles AS ({titles_sql("leads")}),
        touched AS (SELECT {", ".join(["rid", *sums])}, max(kind = 'unsubscribe') AS unsubscribed_ever
            FROM (SELECT {", ".join(["r.rid", "e.kind", *left])} FROM {_touches(roster)}) GROUP BY rid),
        answered AS (SELECT {", ".join(["r.rid", *last])}, count(*) AS answers_known
            FROM {roster} r JOIN answers e ON e.lead_id = r.lead_id AND {in_force("r.as_of")}
            WHERE e.state <> 'not_asked' GROUP BY r.rid),
        known AS (SELECT {", ".join(["r.rid", *_facts(a)])}
            FROM {roster} r JOIN leads l ON l.lead_id = r.lead_id AND {in_force("r.as_of", "l")}
            LEFT JOIN accounts a ON a.account_id = l.account_id AND {in_force("r.as_of", "a")}
            LEFT JOIN titles t ON t.title = l.title)"""


def _facts(a: Agreement) -> list[str]:
    """The facts that the agreement speaks of, and the permission; extra columns (lead.Stage) are their own SQL."""
    spoken = sorted(spoken_of(a) | {"permission"})
    extras = {name: f"{name[0]}.{quoted(name.split('.', 1)[1])}" for name in spoken if "." in name}
    known = FACT_SQL | extras
    return [f"{known[name]} AS {quoted(f'fact of {name}')}" for name in spoken if name in known]


def _last_answer(name: str, c: Criterion) -> str:
    called = ", ".join(map(literal, c.answers or (name,)))
    return f"""arg_max(struct_pack(state := state, level := level, at := answered_at,
        age := {AGE.format(at="answered_at")}), (answered_at, criterion))
        FILTER (e.criterion IN ({called})) AS "answer {name}\""""


def _stages(a: Agreement) -> Iterator[list[str]]:
    """Columns made of those of the stages before: a stage of its own keeps DuckDB from writing each out again."""
    asked = {name: c for name, c in a.criteria.items() if c.asked}
    facts = {name: c.facts for name, c in a.criteria.items() if c.facts}
    yield [
        "coalesce(unsubscribed_ever, false) AS unsubscribed",
        *(column for name, c in asked.items() for column in _answer_columns(name, c)),
        *(_first_fact(a, name) for name in facts),
    ]
    yield [
        *(f'{_answer_milli(name, c)} AS "asked {name}"' for name, c in asked.items()),
        *(f'[{_milli(own)}]["fact {name}" + 1] AS "facts {name}"' for name, own in facts.items()),
        *(
            f'{_sum(_capped(name, *t) for t in c.touches.items())} AS "digital {name}"'
            for name, c in a.criteria.items()
        ),
    ]
    answers = {name: [f'"asked {name}"'] for name in asked}
    of_facts = {name: [f'coalesce("facts {name}", 0)'] for name in facts}
    yield [f'{_sum(answers.get(name, []) + of_facts.get(name, []))} AS "research {name}"' for name in a.criteria]
    yield [
        *(f'("digital {name}" + "research {name}") / {MILLI:.1f} AS "{name}_points"' for name in a.criteria),
        f"""({_sum(f'"digital {n}"' for n in a.criteria)}) AS "digital milli" """,
        f"""({_sum(f'"research {n}"' for n in a.criteria)}) AS "research before" """,
    ]
    yield [
        'NULL AS "no combination"',
        *(f'({condition_sql(a, c.when)}) AS "holds {i}"' for i, c in enumerate(a.combinations)),
    ]
    added = _sum(f'"holds {i}"::BIGINT * {milli(c.points)}' for i, c in enumerate(a.combinations))
    yield [
        f'"research before" + {added} AS "research milli"',
        f"""{_listed((f'"{n}_points" <= 0', n) for n, c in a.criteria.items() if c.required)} AS missing""",
    ]


def _first_fact(a: Agreement, name: str) -> str:
    """The place of the first fact of a criterion that holds."""
    cases = ((condition_sql(a, fact.when), str(i)) for i, fact in enumerate(a.criteria[name].facts))
    return f"{_first(cases)} AS {quoted(f'fact {name}')}"


def _milli(facts: Iterable[Fact]) -> str:
    return ", ".join(str(milli(fact.points)) for fact in facts)


def _standing(a: Agreement) -> list[str]:
    """The columns of STANDING but `missing`, which a stage has made."""
    combinations = list(enumerate(a.combinations))
    segments = [(condition_sql(a, s.when), str(i)) for i, s in enumerate(a.values.segments)]

    def named(conditions: Mapping[str, str]) -> str:
        return _first((condition_sql(a, when), literal(name)) for name, when in conditions.items())

    return [
        f'"digital milli" / {MILLI:.1f} AS digital_points',
        f'"research milli" / {MILLI:.1f} AS research_points',
        f'("digital milli" + "research milli") / {MILLI:.1f} AS rule_points',
        f"""{_listed((f'"holds {i}"', c.name) for i, c in combinations)} AS combinations""",
        f"""{" OR ".join(f'"holds {i}"' for i, c in combinations if c.urgent) or "false"} AS urgent""",
        f"{_zone(a)} AS zone",
        f"{named({name: t.when for name, t in a.capacity.teams.items()})} AS team",
        f"{_first(segments, str(len(segments)))} AS segment",
        f"{named({name: p.when for name, p in a.personas.items()})} AS persona",
        f"{named(a.stages)} AS buying_stage",
        f"{_allowed(a, 'call')} AS may_call",
        f"NOT unsubscribed AND {_allowed(a, 'mail')} AS may_mail",
    ]


def _answer_columns(name: str, c: Criterion) -> list[str]:
    answer = f'"answer {name}"'
    return [
        f"""coalesce({answer}.state, 'not_asked') AS "{name}_state" """,
        f'{answer}.level AS "{name}_level"',
        f'{answer}.age AS "{name}_age_days"',
        f"""CASE WHEN {answer}.age < {c.fresh_days!r} THEN {answer}.state ELSE 'not_asked' END AS "fresh {name}" """,
    ]


def _answer_milli(name: str, c: Criterion) -> str:
    levels = " ".join(f"WHEN {literal(level)} THEN {milli(points)}" for level, points in c.levels.items())
    yes = f'CASE "{name}_level" {levels} ELSE {milli(c.yes)} END' if levels else f"{milli(c.yes)}"
    return f"""CASE "fresh {name}" WHEN 'yes' THEN {yes} WHEN 'no' THEN {milli(c.no)}
        WHEN 'refused' THEN {milli(c.refused)} ELSE 0 END"""


def _touch_milli(touch: Touch, left: str | None = None) -> str:
    """Whole numbers as DOUBLE: their sum is exact whatever the order, and cheaper than that of integers."""
    return f"floor({milli(touch.points)} * {left or _left(touch.half_life_days)} + 0.5)"


def _left(half_life_days: float) -> str:
    return quoted(f"left of {float(half_life_days)!r}")


def _share_left(half_life_days: float) -> str:
    return f"exp(-greatest({AGE.format(at='occurred_at')}, 0) * {log(2) / half_life_days!r})"


def _touch(name: str, kind: str) -> str:
    return f"coalesce({quoted(f'touch {name}/{kind}')}, 0)::BIGINT"


def _capped(name: str, kind: str, touch: Touch) -> str:
    return f"{'least' if touch.points > 0 else 'greatest'}({_touch(name, kind)}, {milli(touch.limit)})"


def _zone(a: Agreement) -> str:
    zones = a.zones
    digital, research = _reached("digital", zones.digital), _reached("research", zones.research)
    flat = ", ".join(literal(z) for row in zones.matrix for z in row)
    cell = f"[{flat}][1 + ({research}) * {len(zones.digital) + 1} + {digital}]"
    required = any(c.required for c in a.criteria.values())
    held = f"CASE WHEN {cell} = 'qualified' AND missing <> '' THEN 'nearly' ELSE {cell} END" if required else cell
    return _first(((f'"holds {i}"', literal(c.zone)) for i, c in enumerate(a.combinations) if c.zone), held)


def _reached(axis: str, limits: Iterable[float]) -> str:
    """How many of the limits the points of an axis reach."""
    return _sum(f'("{axis} milli" >= {milli(limit)})::INTEGER' for limit in limits)


def _allowed(a: Agreement, channel: str) -> str:
    barring = (f"no_{channel}", "none")
    own = f"""CASE "fact of permission" WHEN 'unknown' THEN {literal(a.permission.unknown)}
        ELSE "fact of permission" END NOT IN {barring}"""
    rules = [f"NOT ({condition_sql(a, rule.when)})" for rule in a.permission.rules if rule.allow in barring]
    return " AND ".join([own, *rules])


def _sum(parts: Iterable[str]) -> str:
    return " + ".join(parts) or "0"


def _first(cases: Iterable[tuple[str, str]], otherwise: str = "NULL") -> str:
    whens = " ".join(f"WHEN {condition} THEN {value}" for condition, value in cases)
    return f"CASE {whens} ELSE {otherwise} END" if whens else otherwise


def _listed(cases: Iterable[tuple[str, str]]) -> str:
    named = ", ".join(f"CASE WHEN {condition} THEN {literal(name)} END" for condition, name in cases)
    return f"concat_ws(', ', {named})" if named else "''"
