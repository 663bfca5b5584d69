"""The rules a second time, written from docs/agreement.md alone: plain Python over rows, one lead and moment at a time.

Slow and simple on purpose. It shares nothing with features/rules but the parsed agreement and the title patterns.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from data.agreement.model import Agreement, Criterion, Touch
from data.warehouse import Warehouse
from features.concepts.fit import EMPLOYEES, REVENUE
from features.concepts.titles import FUNCTION, SENIORITY

Row = dict[str, Any]
MICRO = timedelta(microseconds=1)
DAY = 86_400_000_000
"""Microseconds of a day."""
STATES = ("not_asked", "refused", "no", "yes")
ALLOWS = {"all": (True, True), "no_call": (False, True), "no_mail": (True, False), "none": (False, False)}
"""What a permission allows: to call, to mail."""


@dataclass(frozen=True)
class Line:
    """One thing that gave or took points."""

    axis: str
    criterion: str
    occurred_at: datetime | None
    milli: int


@dataclass
class Company:
    """The stored rows, by lead; accounts by account."""

    leads: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    accounts: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    answers: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    touches: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def read(cls, warehouse: Warehouse) -> Company:
        """All rows of the warehouse, versions and late ones too."""
        company = cls()
        for table, key in (("leads", "lead_id"), ("accounts", "account_id"), ("answers", "lead_id"),
                           ("touches", "lead_id")):  # fmt: skip
            names, kept = list(warehouse.columns(table)), getattr(company, table)
            for values in warehouse.rows(f"SELECT * FROM {table}"):
                row = dict(zip(names, values, strict=True))
                kept[row[key]].append(row)
        return company


def standing(company: Company, lead_id: str, as_of: datetime, agreement: Agreement) -> tuple[Row, list[Line]] | None:
    """What the rules say of the lead then, and the lines that add up to its points; None where it is not known yet."""
    lead = _in_force(company.leads.get(lead_id, ()), as_of)
    if lead is None:
        return None
    account = _in_force(company.accounts.get(lead["account_id"], ()), as_of)
    lead = lead | {"permission": _permission(company.leads[lead_id], as_of) or lead["permission"]}
    facts = _facts(lead, account, as_of)
    touches = [t for t in company.touches.get(lead_id, ()) if _holds_at(t, as_of)]
    answers = [a for a in company.answers.get(lead_id, ()) if _holds_at(a, as_of) and a["state"] != "not_asked"]

    lines: list[Line] = []
    states: dict[str, tuple[str, str | None]] = {}
    for name, criterion in agreement.criteria.items():
        states[name], line = _answered(name, criterion, answers, as_of)
        lines += [*line, *_fact_lines(name, criterion, facts), *_touch_lines(name, criterion, touches, as_of)]
    sums = {axis: sum(line.milli for line in lines if line.axis == axis) for axis in ("digital", "research")}
    given = {name: sum(line.milli for line in lines if line.criterion == name) for name in agreement.criteria}

    def holds(condition: str) -> bool:
        def known(name: str, operator: str, values: list[str]) -> bool:
            if name in agreement.criteria:
                return _about_criterion(agreement.criteria[name], states[name], operator, values)
            if name in ("digital_points", "research_points"):
                return _about_fact(sums[name.removesuffix("_points")] / 1000, operator, values)
            return facts(name, operator, values)

        return _true(condition, known)

    def first(cases: Iterable[tuple[Any, str]]) -> Any:
        return next((name for name, condition in cases if holds(condition)), None)

    together = [c for c in agreement.combinations if holds(c.when)]
    lines += [Line("research", "", None, _milli(c.points)) for c in together]
    research = sums["research"] + sum(_milli(c.points) for c in together)
    missing = [name for name, c in agreement.criteria.items() if c.required and given[name] <= 0]
    segments = agreement.values.segments
    may_call, may_mail = _contact(agreement, facts, touches)
    found = {
        "digital_points": sums["digital"] / 1000,
        "research_points": research / 1000,
        "rule_points": (sums["digital"] + research) / 1000,
        "zone": _zone(agreement, sums["digital"], research, missing, [c.zone for c in together]),
        "urgent": any(c.urgent for c in together),
        "missing": ", ".join(missing),
        "combinations": ", ".join(c.name for c in together),
        "team": first((name, team.when) for name, team in agreement.capacity.teams.items()),
        "segment": next((i for i, s in enumerate(segments) if _true(s.when, facts)), len(segments)),
        "persona": first((name, persona.when) for name, persona in agreement.personas.items()),
        "buying_stage": first(agreement.stages.items()),
        "may_call": may_call,
        "may_mail": may_mail,
        "agreement_version": agreement.version,
    }
    return found, [line for line in lines if line.milli]


# What is seen


def _holds_at(row: Row, as_of: datetime) -> bool:
    return row["known_at"] < as_of and (row["superseded_at"] is None or row["superseded_at"] >= as_of)


def _permission(versions: list[Row], as_of: datetime) -> str | None:
    """What was refused since the last `all`."""
    refused: set[str] = set()
    for row in sorted((v for v in versions if v["known_at"] < as_of), key=lambda v: v["known_at"]):
        word = row["permission"]
        refused = set() if word == "all" else refused | ({"no_call", "no_mail"} if word == "none" else {word})
    refused &= {"no_call", "no_mail"}
    return "none" if len(refused) == 2 else next(iter(refused), None)


def _in_force(rows: Iterable[Row], as_of: datetime) -> Row | None:
    seen = [row for row in rows if _holds_at(row, as_of)]
    assert len(seen) <= 1, f"two versions in force at {as_of}: {seen}"
    return seen[0] if seen else None


def _age_us(as_of: datetime, happened: datetime) -> int:
    return (as_of - happened) // MICRO


def _milli(points: float) -> int:
    return round(points * 1000)


# Facts


def _facts(lead: Row, account: Row | None, as_of: datetime) -> Callable[[str, str, list[str]], bool]:
    company = account or {}
    employees, revenue = company.get("employees"), company.get("annual_revenue")
    values = {
        "industry": company.get("industry"),
        "account_country": company.get("country"),
        "employees": employees,
        "annual_revenue": revenue,
        "country": lead["country"],
        "source": lead["source"],
        "title": lead["title"],
        "seniority": _given_or_read(lead["seniority"], lead["title"], SENIORITY),
        "job_function": _given_or_read(lead["job_function"], lead["title"], FUNCTION),
        "employees_band": _band(employees, EMPLOYEES, "5000+"),
        "revenue_band": _band(revenue, REVENUE, "over 1B"),
        "permission": lead["permission"] or "unknown",
        "age_days": _age_us(as_of, lead["created_at"]) / DAY,
    }

    def compare(name: str, operator: str, others: list[str]) -> bool:
        if name == "permission" and operator.startswith("is"):
            return (values[name] == "unknown") == (operator == "is unknown")
        if name in values:
            return _about_fact(values[name], operator, others)
        value = {"lead": lead, "account": company}[name.partition(".")[0]].get(name)
        if operator == "in":
            return any(compare(name, "=", [other]) for other in others)
        if isinstance(value, str) and operator in ("<", "<=", ">", ">="):
            value = _number(value)
        elif isinstance(value, float) and others and _number(others[0]) is None:
            value = str(value)
        return _about_fact(value, operator, others)

    return compare


def _given_or_read(given: str | None, title: str | None, patterns: Iterable[tuple[str, str]]) -> str | None:
    if given is not None:
        return given.lower()
    found = (name for pattern, name in patterns if re.search(pattern, (title or "").lower(), re.ASCII))
    return next(found, None)


def _band(value: float | None, bands: Iterable[tuple[float, str]], above: str) -> str | None:
    return None if value is None else next((name for limit, name in bands if value < limit), above)


def _number(text: str) -> float | None:
    return float(text) if NUMBER.fullmatch(text) else None


# Conditions

TOKEN = re.compile(
    r"""\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<sign><=|>=|!=|[<>=(),])"""
    r"""|(?P<word>[^\s<>=!(),"'][^\s<>=!(),]*))"""
)
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
KEYWORDS = ("and", "or", "not", "in", "is", "contains")
Token = tuple[str, str]
"""(`keyword` (in lower case), `sign`, `word` or `quoted`; what it says)."""
Known = Callable[[str, str, list[str]], bool]
"""Tells of one comparison: its name, operator and values."""
Test = Callable[[Known], bool]


def _true(condition: str, known: Known) -> bool:
    return _parsed(condition)(known)


@cache
def _parsed(condition: str) -> Test:
    tokens = _tokens(condition)
    if not tokens:
        return lambda known: True
    test, rest = _any(tokens)
    assert not rest, f"{condition}: {rest} is left over"
    return test


def _tokens(text: str) -> list[Token]:
    text, position, tokens = text.rstrip(), 0, []
    while position < len(text):
        found = TOKEN.match(text, position)
        assert found, f"{text!r} cannot be read from {position} on"
        kind, said = str(found.lastgroup), str(found.group(str(found.lastgroup)))
        if kind == "word" and said.lower() in KEYWORDS:
            kind, said = "keyword", said.lower()
        tokens.append(("quoted" if kind in ("double", "single") else kind, said))
        position = found.end()
    return tokens


def _any(tokens: list[Token]) -> tuple[Test, list[Token]]:
    return _joined(tokens, "or", _all, any)


def _all(tokens: list[Token]) -> tuple[Test, list[Token]]:
    return _joined(tokens, "and", _one, all)


def _joined(
    tokens: list[Token],
    word: str,
    part: Callable[[list[Token]], tuple[Test, list[Token]]],
    fold: Callable[[Iterable[bool]], bool],
) -> tuple[Test, list[Token]]:
    test, tokens = part(tokens)
    tests = [test]
    while tokens[:1] == [("keyword", word)]:
        test, tokens = part(tokens[1:])
        tests.append(test)
    return (lambda known: fold(test(known) for test in tests)), tokens


def _one(tokens: list[Token]) -> tuple[Test, list[Token]]:
    if tokens[0] == ("keyword", "not"):
        test, rest = _one(tokens[1:])
        return (lambda known: not test(known)), rest
    if tokens[0] == ("sign", "("):
        test, rest = _any(tokens[1:])
        assert rest[0] == ("sign", ")"), rest
        return test, rest[1:]
    (_, name), (_, operator), *rest = tokens
    values: list[str] = []
    if operator == "is":
        operator, rest = f"is {rest[0][1].lower()}", rest[1:]
    elif operator == "in":
        assert rest[0] == ("sign", "("), rest
        while rest[0] != ("sign", ")"):
            value, rest = _value(rest[1:])
            values.append(value)
        rest = rest[1:]
    else:
        value, rest = _value(rest)
        values.append(value)
    return (lambda known: known(name, operator, values)), rest


def _value(tokens: list[Token]) -> tuple[str, list[Token]]:
    """A value as it is written; `days` after a number is for the reader."""
    (kind, said), *rest = tokens
    unit = kind == "word" and _number(said) is not None and rest and rest[0][0] == "word"
    if unit and rest[0][1].lower() in ("day", "days"):
        rest = rest[1:]
    return said, rest


def _about_fact(value: Any, operator: str, others: list[str]) -> bool:
    """A comparison with a fact: false where it is unknown."""
    if operator.startswith("is"):
        return (value is not None) == (operator == "is known")
    if value is None:
        return False
    if isinstance(value, float):
        return _compare(value, operator, [_number(other) for other in others])
    if operator == "contains":
        return others[0].lower() in value.lower()
    return _compare(value.lower(), operator, [other.lower() for other in others])


def _compare(value: Any, operator: str, others: list[Any]) -> bool:
    first = others[0]
    match operator:
        case "=" | "in":
            return value in others
        case "!=":
            return bool(value != first)
        case "<":
            return bool(value < first)
        case "<=":
            return bool(value <= first)
        case ">":
            return bool(value > first)
        case ">=":
            return bool(value >= first)
    raise AssertionError(operator)


def _about_criterion(criterion: Criterion, answer: tuple[str, str | None], operator: str, others: list[str]) -> bool:
    """A comparison with a criterion that is asked."""
    state, level = answer
    if operator in ("is known", "is unknown"):
        return (state in ("yes", "no")) == (operator == "is known")
    if operator in ("=", "in", "!="):
        words = [other.lower() for other in others]
        same = any(state == w if w in STATES else state == "yes" and (level or "").lower() == w for w in words)
        return same != (operator == "!=")
    amounts = {name.lower(): amount for name, amount in criterion.amounts.items()}
    amount = amounts.get((level or "").lower()) if state == "yes" else None
    return amount is not None and _compare(amount, operator, [_number(other) for other in others])


# Points


def _asked(c: Criterion) -> bool:
    """Whether answers give points, or nothing else could."""
    return any((c.yes, c.no, c.refused, c.levels)) or not (c.facts or c.touches)


def _answered(
    name: str, criterion: Criterion, answers: list[Row], as_of: datetime
) -> tuple[tuple[str, str | None], list[Line]]:
    """(state, level) as conditions see it, and the line of the answer that counts."""
    if not _asked(criterion):
        return ("not_asked", None), []
    mine = [a for a in answers if a["criterion"] in (criterion.answers or (name,))]
    if not mine:
        return ("not_asked", None), []
    counts = max(mine, key=lambda a: (a["answered_at"], a["criterion"]))
    if not _age_us(as_of, counts["answered_at"]) / DAY < criterion.fresh_days:
        return ("not_asked", None), []
    state, level = counts["state"], counts["level"]
    points = {"no": criterion.no, "refused": criterion.refused, "yes": criterion.levels.get(level, criterion.yes)}
    return (state, level), [Line("research", name, counts["answered_at"], _milli(points[state]))]


def _fact_lines(name: str, criterion: Criterion, facts: Known) -> list[Line]:
    points = next((fact.points for fact in criterion.facts if _true(fact.when, facts)), 0)
    return [Line("research", name, None, _milli(points))]


def _touch_lines(name: str, criterion: Criterion, touches: list[Row], as_of: datetime) -> Iterator[Line]:
    for kind, touch in criterion.touches.items():
        mine = [t for t in touches if t["kind"] == kind and (kind == "unsubscribe" or _by_person(t))]
        lines = [Line("digital", name, t["occurred_at"], _left(touch, _age_us(as_of, t["occurred_at"]))) for t in mine]
        yield from lines
        total, cap = sum(line.milli for line in lines), _milli(touch.limit)
        cut = min(total, cap) if touch.points > 0 else max(total, cap)
        yield Line("digital", name, None, cut - total)


def _by_person(touch: Row) -> bool:
    return touch["is_bot"] is not True and touch["direction"] != "outbound"


def _left(touch: Touch, age_us: int) -> int:
    """Thousandths that a touch of that age gives; in doubles, in the order in which the document writes it."""
    age_days = max(age_us, 0) / DAY
    return math.floor(_milli(touch.points) * math.exp(-age_days * (math.log(2) / touch.half_life_days)) + 0.5)


# Zone and contact


def _zone(agreement: Agreement, digital: int, research: int, missing: list[str], forced: list[Any]) -> str:
    zones = agreement.zones
    row = sum(research >= _milli(threshold) for threshold in zones.research)
    column = sum(digital >= _milli(threshold) for threshold in zones.digital)
    zone: str = zones.matrix[row][column]
    if zone == "qualified" and missing:
        zone = "nearly"
    return next((z for z in forced if z is not None), zone)


def _contact(agreement: Agreement, facts: Known, touches: list[Row]) -> tuple[bool, bool]:
    permission = agreement.permission
    given = next((word for word in ALLOWS if facts("permission", "=", [word])), permission.unknown)
    limits = [ALLOWS[given], *(ALLOWS[rule.allow] for rule in permission.rules if _true(rule.when, facts))]
    gone = any(t["kind"] == "unsubscribe" for t in touches)
    return all(call for call, _ in limits), all(mail for _, mail in limits) and not gone
