"""Does an agreement contradict itself? What no single key shows: contradictions, unreachable parts, unknown names."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from data.agreement.conditions import ALWAYS, ORDERED, WORDS, Comparison, comparisons, number_in, parse_condition
from data.agreement.model import (
    MILLI,
    MOST_PROMISE_HOURS,
    ZONES,
    Agreement,
    Criterion,
    Exploration,
    Touch,
    Zones,
    find_scheme,
    milli,
)
from data.errors import ConfigError
from data.tables import ANSWER_STATES, PERMISSIONS, TOUCH_KINDS
from data.toml_errors import few, line_of, nearest, shown

Keys = tuple[str | int, ...]
Misfit = tuple[str, str, str]
"""What was expected, what was given and what to do."""
Fault = tuple[Keys, str, str, str]
"""The key that is wrong, and its misfit."""
COMPANY_TEXTS = ("industry", "employees_band", "revenue_band", "account_country")
TEXT_FACTS = (*COMPANY_TEXTS, "country", "source", "title", "seniority", "job_function", "permission")
NUMBER_FACTS = ("employees", "annual_revenue", "age_days")
FACTS = (*TEXT_FACTS, *NUMBER_FACTS)
"""What conditions know of a lead and its company, next to `lead.<column>` and `account.<column>` of a source."""
AXES = ("digital_points", "research_points")
RESERVED = (*FACTS, *AXES, *WORDS, "digital", "research", "rule", "before", "milli")
"""What no criterion can be called: words of conditions, and columns next to those of criteria."""


def check(agreement: Agreement, raw: Mapping[str, Any], text: str, what: str) -> None:
    """Raise ConfigError with file, line and key for the first contradiction, unreachable part or unknown name."""
    if fault := next(_faults(agreement, raw), None):
        keys, expected, got, do = fault
        where = f"reading {what}{line_of(text, keys)}, key {'.'.join(map(str, keys))}"
        raise ConfigError(where, expected=expected, got=got, do=do)


def _faults(agreement: Agreement, raw: Mapping[str, Any]) -> Iterator[Fault]:
    """Each check may rest on those before it: what comes after a fault means nothing."""
    yield from _faults_of_head(agreement, raw)
    spoken = spoken_of(agreement)
    for name, criterion in agreement.criteria.items():
        yield from _faults_of_criterion(name, criterion, name in spoken)
    yield from _faults_of_answers(agreement)
    yield from _faults_of_conditions(agreement)
    combinations, segments = agreement.combinations, agreement.values.segments
    named = {("combinations",): [c.name for c in combinations], ("values", "segments"): [s.name for s in segments]}
    for part, names in named.items():
        for i, name in enumerate(names):
            if name in names[:i]:
                yield (*part, i, "name"), "a name of its own", f"{shown(name)} again", "rename it"
    yield from _faults_of_zones(agreement.zones, most_points(agreement), "zones" in raw)
    yield from _faults_of_values(agreement)
    yield from _faults_of_promises(agreement)
    yield from _faults_of_exploration(agreement.exploration)
    order = agreement.calls.order or ()
    for at, name in enumerate(order):
        yield from _unknown(("calls", "order", at), "a criterion that is asked about", name, _asked(agreement))
        if name in order[:at]:
            yield ("calls", "order", at), "each criterion once", f"{shown(name)} again", "leave it out"
    for name, cost in agreement.calls.asking.items() if "asking" in raw.get("calls", {}) else ():
        yield from _unknown(("calls", "asking", name), "a criterion that is asked about", name, _asked(agreement))
        if cost < 0:
            yield ("calls", "asking", name), "a cost of 0 or more", shown(cost), "correct it"
    for name, persona in agreement.personas.items():
        for stage in persona.stages:
            yield from _unknown(("personas", name, "stages", stage), "a stage of [stages]", stage, agreement.stages)


def _asked(agreement: Agreement) -> list[str]:
    return [name for name, criterion in agreement.criteria.items() if criterion.asked]


def _unknown(key: Keys, what: str, name: str, known: Collection[str]) -> Iterator[Fault]:
    if name not in known:
        yield key, f"{what}: {few(name, known) or 'none'}", shown(name), nearest(name, known)


def most_points(agreement: Agreement) -> tuple[float, float]:
    """The most digital points, and points of phone and research, that a lead can have."""
    criteria = agreement.criteria.values()
    digital = sum(max(milli(t.limit), 0) for c in criteria for t in c.touches.values())
    research = sum(map(_most, criteria)) + sum(max(milli(c.points), 0) for c in agreement.combinations)
    return digital / MILLI, research / MILLI


def _most(criterion: Criterion) -> int:
    facts = [milli(f.points) for f in criterion.facts]
    return max(0, *map(milli, criterion.answer_points)) + max([0, *facts])


def spoken_of(agreement: Agreement) -> set[str]:
    """Every name that a condition of the agreement speaks of."""
    return {c.name for c in comparisons_of(agreement)}


def comparisons_of(agreement: Agreement) -> list[Comparison]:
    """Every comparison in a condition of the agreement."""
    return [c for _, when, _ in _conditions(agreement) for c in comparisons(parse_condition(when))]


def without_lost(agreement: Agreement, own: Mapping[str, Any]) -> Agreement:
    """The agreement without the scheme's combinations and stages that speak of what the file took away."""
    names = (*agreement.criteria, *AXES)

    def stands(when: str) -> bool:
        return not any(_misfit(c, agreement, names) for c in comparisons(parse_condition(when)))

    left = {
        "combinations": tuple(c for c in agreement.combinations if stands(c.when)),
        "stages": {name: when for name, when in agreement.stages.items() if stands(when)},
    }
    return agreement.model_copy(update={key: those for key, those in left.items() if key not in own})


def _faults_of_head(agreement: Agreement, raw: Mapping[str, Any]) -> Iterator[Fault]:
    for key in ("effective_from", "version"):
        if key in raw:
            yield (key,), "no such key, because the file's name says the day", shown(raw[key]), "remove it"
    known = find_scheme(agreement.scheme)["criteria"] if agreement.scheme else {}
    if agreement.drop and not known:
        yield ("drop",), "a `scheme` to drop from", "none", "name the scheme, or remove `drop`"
    for name in agreement.drop:
        yield from _unknown(("drop",), f"criteria of {agreement.scheme}", name, known)


def _faults_of_criterion(name: str, criterion: Criterion, spoken: bool) -> Iterator[Fault]:
    key, touches = ("criteria", name), criterion.touches
    if not (name.isidentifier() and name.islower() and name.isascii() and len(name) <= 40):
        yield key, "a name of lower-case letters, digits and _", shown(name), "rename the criterion"
    if name in RESERVED:
        yield key, "a name that does not have another meaning", name, "rename the criterion"
    if not (criterion.facts or touches or any(criterion.answer_points) or spoken):
        something = "points for some answer, fact or touch, or a condition that uses it"
        do = "give `yes` or `levels` points, add facts or touches, or drop it"
        yield key, something, "none, or only zeros", do
    if criterion.asked and criterion.answers == ():
        yield (*key, "answers"), "a name under which answers arrive", "none", "leave the key out"
    weights: list[tuple[Keys, float]] = [(("facts", i), fact.points) for i, fact in enumerate(criterion.facts)]
    for part, points in [*weights, *((("touches", kind), touch.points) for kind, touch in touches.items())]:
        if points == 0:
            yield (*key, *part), "points other than 0", "0", "leave it out, or give it points"
    for kind, touch in touches.items():
        yield from _faults_of_touch((*key, "touches", kind), kind, touch)
    yield from _faults_of_levels(key, criterion)
    if criterion.required and _most(criterion) <= 0 and not any(t.points > 0 for t in touches.values()):
        got, do = "one that cannot: no lead would ever qualify", "give it points, or do not require it"
        yield (*key, "required"), "a criterion that can give points", got, do


def _faults_of_levels(key: Keys, criterion: Criterion) -> Iterator[Fault]:
    seen = {*ANSWER_STATES}
    for level in criterion.levels:
        if level.lower() in seen:
            other = "a level that differs from states and other levels by more than upper and lower case"
            yield (*key, "levels", level), other, shown(level), "rename it"
        seen.add(level.lower())
    for odd in criterion.amounts:
        yield from _unknown((*key, "amounts", odd), "levels", odd, criterion.levels)


def _faults_of_touch(key: Keys, kind: str, touch: Touch) -> Iterator[Fault]:
    yield from _unknown(key, "a kind of touch", kind, TOUCH_KINDS)
    points, cap = touch.points, touch.cap
    if cap is not None and (cap * points <= 0 or abs(cap) < abs(points)):
        least = f"at least the {shown(points)} points of one touch, with the same sign"
        yield (*key, "cap"), least, shown(cap), "raise it, or leave it out"


def _faults_of_answers(agreement: Agreement) -> Iterator[Fault]:
    seen: dict[str, str] = {}
    explicit_last = sorted(agreement.criteria.items(), key=lambda named: named[1].answers is not None)
    for name, criterion in explicit_last:
        for answer in criterion.answers or (name,) if criterion.asked else ():
            if answer in seen:
                key, got = ("criteria", name, "answers"), f"{shown(answer)}, which {seen[answer]} reads too"
                yield key, "an answer that counts once", got, "remove it from one of them"
            seen[answer] = name


def _conditions(agreement: Agreement) -> Iterator[tuple[Keys, str, tuple[str, ...]]]:
    """Every condition with its key and the names beyond facts that it may use."""
    everything = (*agreement.criteria, *AXES)
    for name, criterion in agreement.criteria.items():
        for i, fact in enumerate(criterion.facts):
            yield ("criteria", name, "facts", i, "when"), fact.when, ()
    for i, combination in enumerate(agreement.combinations):
        yield ("combinations", i, "when"), combination.when, everything
    for i, segment in enumerate(agreement.values.segments):
        yield ("values", "segments", i, "when"), segment.when, ()
    for i, rule in enumerate(agreement.permission.rules):
        yield ("permission", "rules", i, "when"), rule.when, ()
    for name, team in agreement.capacity.teams.items():
        yield ("capacity", "teams", name, "when"), team.when, everything
    for name, when in agreement.stages.items():
        yield ("stages", name), when, everything
    for name, persona in agreement.personas.items():
        yield ("personas", name, "when"), persona.when, everything


def _faults_of_conditions(agreement: Agreement) -> Iterator[Fault]:
    """Each fits what it speaks of, and is reached: where the first that holds counts, none before it always holds."""
    always: dict[Keys, str] = {}
    for key, when, names in _conditions(agreement):
        misfits = (_misfit(c, agreement, names) for c in comparisons(parse_condition(when)))
        yield from ((key, *misfit) for misfit in misfits if misfit)
        owner = key if key[0] == "stages" else key[:-1]
        if owner[:-1] in always:
            expected = f"nothing after {always[owner[:-1]]}, which always holds"
            yield key, expected, f"{owner[-1]}, which is never reached", "put the one without a condition last"
        if parse_condition(when) == ALWAYS and key[0] not in ("combinations", "permission"):
            always[owner[:-1]] = ".".join(map(str, owner))


def _misfit(it: Comparison, agreement: Agreement, names: tuple[str, ...]) -> Misfit | None:
    """Where a comparison does not fit what it speaks of: a fact, a column of a source, or one of `names`."""
    known = (*FACTS, *names)
    numeric = it.name in (*NUMBER_FACTS, *AXES)
    text = it.of_source or (it.name in TEXT_FACTS and it.name != "permission")
    if it.name not in known and not it.of_source:
        return f"a fact{' or criterion' if names else ''}: {few(it.name, known)}", it.name, nearest(it.name, known)
    if it.operator == "contains" and not text:
        return "a text such as title before contains", it.name, "compare it with ="
    if it.name in agreement.criteria:
        return _misfit_answer(it, agreement.criteria[it.name])
    if it.operator in ORDERED and it.name in TEXT_FACTS:
        return f"= or in after {it.name}, which is a text", it.operator, "correct the comparison"
    allowed = PERMISSIONS if it.name == "permission" else ()
    for value in it.values:
        if (numeric or it.operator in ORDERED) and number_in(value) is None:
            return f"a number to compare {it.name} with", value, "write a number"
        if allowed and value.lower() not in allowed:
            return f"a permission: {few(value, allowed)}", value, nearest(value, allowed)
    return None


def _misfit_answer(it: Comparison, criterion: Criterion) -> Misfit | None:
    known = (*ANSWER_STATES, *criterion.levels)
    if not criterion.asked:
        do = "compare its facts or digital_points instead"
        return f"a criterion that has answers, {it.name} has none", f"{it.name} {it.operator}", do
    for value in it.values:
        if it.operator in ORDERED:
            if not criterion.amounts or number_in(value) is None:
                do = "give each level a number in `amounts`, or compare with ="
                return f"criteria.{it.name}.amounts and a number, for {it.operator}", value, do
        elif value.lower() not in (k.lower() for k in known):
            return f"a state or level of {it.name}: {few(value, known)}", value, nearest(value, known)
    return None


def _faults_of_zones(zones: Zones, most: tuple[float, float], own: bool) -> Iterator[Fault]:
    key, matrix = ("zones", "matrix"), zones.matrix
    rows, columns = len(zones.research) + 1, len(zones.digital) + 1
    if len(matrix) != rows or any(len(row) != columns for row in matrix):
        shape = f"{len(matrix)} x {' or '.join(sorted({str(len(r)) for r in matrix})) or 0}"
        expected = f"{rows} rows (bands of research) of {columns} zones (bands of digital)"
        yield key, expected, shape, "add or remove rows and zones, or thresholds"
    research = "research" if zones.qualified is None else "qualified"
    for axis, points, reach in (("digital", zones.digital, most[0]), (research, zones.research, most[1])):
        if any(a >= b for a, b in itertools.pairwise(points)):
            given = ", ".join(map(shown, points))
            yield ("zones", axis), "points that rise from band to band", given, "put them in order"
        if points and points[-1] > reach:
            do = "lower it, or give answers or touches more points" + ("" if own else "; write [zones] of your own")
            yield ("zones", axis), f"at most the {shown(reach)} points that a lead can reach", shown(points[-1]), do
    rank = [[ZONES.index(z) for z in row] for row in matrix]
    falls = any(a > b for row in rank for a, b in itertools.pairwise(row))
    if falls or any(a > b for up, down in itertools.pairwise(rank) for a, b in zip(up, down, strict=True)):
        yield key, "more points never to mean a lower zone", "a zone that falls", "put the zones in order"
    if not any("qualified" in row for row in matrix):
        yield key, "points from which a lead is qualified", "none", "use the zone qualified in the matrix"


def _faults_of_values(agreement: Agreement) -> Iterator[Fault]:
    segments = agreement.values.segments
    for i, costs in enumerate(agreement.values.costs()):
        key: Keys = ("values", "segments", i) if i < len(segments) else ("values",)
        if costs.acceptance <= costs.refusal:
            expected = f"acceptance above the {shown(round(costs.refusal, 3))} of a rejected lead"
            yield key, expected, shown(costs.acceptance), "change acceptance, waiting, recyclable or trust"
        if not 0 < costs.threshold < 1:
            expected, got = "costs that make a threshold p* between 0 and 1", f"{costs.threshold:.3f}"
            yield key, expected, got, "change acceptance, review, waiting, recyclable or trust"


def _faults_of_promises(agreement: Agreement) -> Iterator[Fault]:
    """Work ends after it begins, and every promise is due within the years that one may take."""
    work = agreement.working_time
    if work is None:
        return
    if work.weekly_hours <= 0:
        yield ("working_time", "to"), f"a time after `from`, {work.opens}", work.closes, "correct one of them"
    most = int(work.weekly_hours * MOST_PROMISE_HOURS / (7 * 24))
    for name, promise in agreement.promises.items():
        if promise.hours > most:
            expected = f"at most {most} hours, which take ten years of [working_time]"
            yield ("promises", name, "hours"), expected, shown(promise.hours), "lower it, or widen [working_time]"


def _faults_of_exploration(quota: Exploration) -> Iterator[Fault]:
    bands, shares, key = quota.bands, quota.shares, "exploration"
    if any(a >= b for a, b in itertools.pairwise(bands)):
        yield (key, "bands"), "ages that rise from band to band", ", ".join(map(shown, bands)), "put them in order"
    if shares and len(shares) != len(bands) + 1:
        expected = f"{len(bands) + 1} shares, one more than `bands`"
        yield (key, "shares"), expected, str(len(shares)), "add or remove shares, or write one `share` for all"
    if shares and quota.share:
        got, do = "both", "remove `share`, which holds for all bands, or `shares`"
        yield (key, "shares"), "`share` or `shares`", got, do
