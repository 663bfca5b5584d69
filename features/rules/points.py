"""What do the rules say of a lead at a moment? The agreement compiled to one query: points, zone, persona, permission.

Points are whole thousandths inside, so the total is exactly the sum of the lines that `lines_sql` lists. The query
runs over a roster (rid, lead_id, as_of) and sees what was known before each `as_of`; docs/agreement.md is its meaning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import log

from data.agreement.checks import spoken_of
from data.agreement.model import MILLI, Agreement, Criterion, Touch, milli
from data.cohorts import BY_PERSONS
from data.permission import LEADS
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
SUPPOSED_TYPE = 'STRUCT(state VARCHAR, "level" VARCHAR, "at" TIMESTAMP, age DOUBLE)'


def rules_sql(agreement: Agreement, roster: str, supposed: str = "") -> str:
    """A SELECT of rid, the columns of each criterion, STANDING and what they are made of, for every row of `roster`.

    Per criterion `c`: c_points; where answers count also c_state, c_level and c_age_days of the last answer.
    `supposed` names a table of what-ifs, any number for each rid: the result then has a row for each of them, with the
    table's columns beside. Its column `supposed c` stands for each criterion `c` that is asked; where it is not NULL it
    takes the place of the last answer (`SUPPOSED_TYPE`).
    """
    rows = "SELECT * FROM known LEFT JOIN answered USING (rid) LEFT JOIN touched USING (rid)"
    if supposed:
        asked = (name for name, c in agreement.criteria.items() if c.asked)
        put = ", ".join(f'coalesce("supposed {c}", "answer {c}") AS "answer {c}"' for c in asked)
        rows = f"SELECT * REPLACE ({put}) FROM {supposed} JOIN ({rows}) USING (rid)"
    for columns in filter(None, (*_stages(agreement), _standing(agreement))):
        rows = f"SELECT *, {', '.join(columns)} FROM ({rows})"
    return f"WITH {_sources(agreement, roster)} {rows}"


def lines_sql(agreement: Agreement, roster: str) -> str:
    """A SELECT of rid, axis, criterion, what, occurred_at, milli: one line for all that gives or takes points."""
    lines = [
        f"SELECT rid, '{axis}', {literal(name)}, {what}, {at}, {points} FROM {rows}"
        for axis, name, what, at, points, rows in _lines(agreement)
    ]
    touches = f"""SELECT rid, 'digital' AS axis, criterion, concat_ws(' ', kind, asset) AS what, occurred_at, milli
        FROM ({_touches(agreement, roster)}) WHERE number >= 0"""
    return f"WITH standing AS MATERIALIZED ({rules_sql(agreement, roster)}) {' UNION ALL '.join([touches, *lines])}"


def _lines(a: Agreement) -> Iterator[tuple[str, ...]]:
    """Axis, criterion, what, occurred_at and milli of each line but those of touches, and the rows it is made of."""
    for name, c in a.criteria.items():
        for kind, touch in c.touches.items():
            over = literal(f"{kind}: together they count {shown(touch.limit)} at most")
            cut = f"{_capped(name, kind, touch)} - {_given(name, kind)} AS over"
            yield "digital", name, over, "NULL", cut, "standing WHERE over <> 0"
        if c.asked:
            stale = f"""CASE WHEN "fresh {name}" = 'not_asked' THEN '(no longer fresh)' END"""
            what = f"""concat_ws(' ', "{name}_state", "{name}_level", {stale})"""
            known = f"""standing WHERE "{name}_state" <> 'not_asked'"""
            yield "research", name, what, f'"answer {name}".at', f'"asked {name}"', known
        for i, fact in enumerate(c.facts):
            what, points = literal(fact.when or "always"), str(milli(fact.points))
            yield "research", name, what, "NULL", points, f'standing WHERE "fact {name}" = {i}'
    for i, both in enumerate(a.combinations):
        if both.points:
            what, points = literal(both.when or "always"), str(milli(both.points))
            yield "research", both.name, what, "NULL", points, f'standing WHERE "holds {i}"'


def _touches(a: Agreement, roster: str) -> str:
    """A SELECT of what each touch gives to each criterion: rid, number, criterion, kind, asset, occurred_at, milli.

    `number` is the place of criterion and kind among those of the agreement. A wish to hear no more is there once more,
    as number -1. Milli is a whole number as DOUBLE: sums are exact in any order, and cheaper than those of integers.
    """
    gives = [(name, kind, milli(t.points), log(2) / t.half_life_days) for name, kind, t in _numbered(a)]
    rules = [("", "unsubscribe", 0, 0.0), *gives]
    values = ", ".join(
        f"({literal(kind)}, {number}, {literal(name)}, {points}, {rate!r}::DOUBLE)"
        for number, (name, kind, points, rate) in enumerate(rules, -1)
    )
    age = AGE.format(at="occurred_at")
    return f"""SELECT r.rid, t.number, t.criterion, e.kind, e.asset, e.occurred_at,
            floor(t.points * exp(-greatest({age}, 0) * t.rate) + 0.5) AS milli
        FROM {roster} r JOIN touches e ON e.lead_id = r.lead_id AND {in_force("r.as_of")}
        JOIN (VALUES {values}) t(kind, number, criterion, points, rate) ON t.kind = e.kind WHERE {COUNTED}"""


def _numbered(a: Agreement) -> list[tuple[str, str, Touch]]:
    """Criterion and kind of all touches that count, in a fixed order."""
    return [(name, kind, touch) for name, c in a.criteria.items() for kind, touch in c.touches.items()]


def _sources(a: Agreement, roster: str) -> str:
    sums = [
        f"sum(milli) FILTER (number = {number}) AS {_touch(name, kind)}"
        for number, (name, kind, _) in enumerate(_numbered(a))
    ]
    last = [_last_answer(name, c) for name, c in a.criteria.items() if c.asked]
    return f"""titles AS ({titles_sql("leads")}),
        touched AS (SELECT {", ".join(["rid", *sums])}, bool_or(number = -1) AS unsubscribed_ever
            FROM ({_touches(a, roster)}) GROUP BY rid),
        answered AS (SELECT {", ".join(["r.rid", *last])}
            FROM {roster} r JOIN answers e ON e.lead_id = r.lead_id AND {in_force("r.as_of")}
            WHERE e.state <> 'not_asked' GROUP BY r.rid),
        known AS (SELECT {", ".join(["r.rid", *_facts(a)])}
            FROM {roster} r JOIN {LEADS} l ON l.lead_id = r.lead_id AND {in_force("r.as_of", "l")}
            LEFT JOIN accounts a ON a.account_id = l.account_id AND {in_force("r.as_of", "a")}
            LEFT JOIN titles t ON t.title = l.title)"""


def _facts(a: Agreement) -> list[str]:
    """The facts that the agreement speaks of, and the permission; extra columns (lead.Stage) are their own SQL."""
    spoken = sorted(spoken_of(a) | {"permission"})
    extras = {name: f"{name[0]}.{quoted(name)}" for name in spoken if "." in name}
    known = FACT_SQL | extras
    return [f"{known[name]} AS {quoted(f'fact of {name}')}" for name in spoken if name in known]


def _last_answer(name: str, c: Criterion) -> str:
    called = ", ".join(map(literal, c.answers or (name,)))
    return f"""arg_max(struct_pack(state := state, level := level, at := answered_at,
        age := {AGE.format(at="answered_at")}), (answered_at, criterion, state, level))
        FILTER (e.criterion IN ({called})) AS "answer {name}\""""


def _stages(a: Agreement) -> Iterator[list[str]]:
    """Columns made of those of the stages before: a stage of its own keeps DuckDB from writing each out again."""
    criteria, combinations = a.criteria.items(), list(enumerate(a.combinations))
    facts = {
        name: [(condition_sql(a, f.when), str(i)) for i, f in enumerate(c.facts)] for name, c in criteria if c.facts
    }
    yield [
        "coalesce(unsubscribed_ever, false) AS unsubscribed",
        *(column for name, c in criteria if c.asked for column in _answer_columns(name, c)),
        *(f'{_first(cases)} AS "fact {name}"' for name, cases in facts.items()),
    ]
    points = {name: ", ".join(str(milli(fact.points)) for fact in c.facts) for name, c in criteria}
    yield [
        *(f'{_answer_milli(name, c)} AS "asked {name}"' for name, c in criteria if c.asked),
        *(f'[{points[name]}]["fact {name}" + 1] AS "facts {name}"' for name in facts),
        *(f'{_sum(_capped(name, *touch) for touch in c.touches.items())} AS "digital {name}"' for name, c in criteria),
    ]
    known = {n: [f'"asked {n}"'] * c.asked + [f'coalesce("facts {n}", 0)'] * bool(c.facts) for n, c in criteria}
    yield [f'{_sum(parts)} AS "research {name}"' for name, parts in known.items()]
    yield [
        *(f'("digital {name}" + "research {name}") / {MILLI:.1f} AS "{name}_points"' for name in a.criteria),
        f"""({_sum(f'"digital {name}"' for name in a.criteria)}) AS "digital milli" """,
        f"""({_sum(f'"research {name}"' for name in a.criteria)}) AS "research before" """,
    ]
    yield [f'({condition_sql(a, c.when)}) AS "holds {i}"' for i, c in combinations]
    added = _sum(f'"holds {i}"::BIGINT * {milli(c.points)}' for i, c in combinations)
    yield [
        f'"research before" + {added} AS "research milli"',
        f"""{_listed((f'"{name}_points" <= 0', name) for name, c in criteria if c.required)} AS missing""",
    ]


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
    yes = f'CASE "{name}_level" {levels} ELSE {milli(c.yes)} END' if levels else str(milli(c.yes))
    return f"""CASE "fresh {name}" WHEN 'yes' THEN {yes} WHEN 'no' THEN {milli(c.no)}
        WHEN 'refused' THEN {milli(c.refused)} ELSE 0 END"""


def _touch(name: str, kind: str) -> str:
    return quoted(f"touch {name}/{kind}")


def _given(name: str, kind: str) -> str:
    return f"coalesce({_touch(name, kind)}, 0)::BIGINT"


def _capped(name: str, kind: str, touch: Touch) -> str:
    return f"{'least' if touch.points > 0 else 'greatest'}({_given(name, kind)}, {milli(touch.limit)})"


def _zone(a: Agreement) -> str:
    """The cell of the two bands, each the number of limits that the points of its axis reach."""

    def band(axis: str, limits: Iterable[float]) -> str:
        return _sum(f'("{axis} milli" >= {milli(limit)})::INTEGER' for limit in limits)

    digital, research = band("digital", a.zones.digital), band("research", a.zones.research)
    flat = ", ".join(literal(zone) for row in a.zones.matrix for zone in row)
    cell = f"[{flat}][1 + ({research}) * {len(a.zones.digital) + 1} + {digital}]"
    held = f"CASE WHEN {cell} = 'qualified' AND missing <> '' THEN 'nearly' ELSE {cell} END"
    return _first(((f'"holds {i}"', literal(c.zone)) for i, c in enumerate(a.combinations) if c.zone), held)


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
