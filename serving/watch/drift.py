"""Do leads and scores look as they did? Today's spread of each feature against that of four weeks ago.

The leads of a company change all the time, so a shift is an alarm only where it is beyond what sampling makes, and
beyond what this feature ever moved in four weeks before (by half).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from data.warehouse import Warehouse
from data.workspace import day_name
from models.metrics.drift import bin_words, shift
from serving.published import published
from serving.watch.finding import Finding, Tier, chance

APART = timedelta(days=28)
NEAR = timedelta(days=4)
"""A scoring so far from four weeks ago will do."""
LOOKED_BACK = timedelta(days=120)
RECENT = timedelta(days=14)
"""What was found in the last two weeks is no experience yet: it may be the same shift."""
LEAST_DAYS = 28
"""Below so many days of experience nothing is called drift."""
BEYOND = 1.5
PAST = """SELECT about, max(value) AS most, count(DISTINCT as_of::DATE) AS days FROM watched
    WHERE kind = 'drift' AND value IS NOT NULL AND as_of < $last AND as_of >= $first GROUP BY about"""
MODEL = "SELECT min(model_version) FROM scores WHERE as_of = $1"
SHARES = """SELECT count(*) FILTER (support = 'outside') / nullif(count(support), 0) AS outside,
    count(*) FILTER (probability >= threshold) / nullif(count(probability), 0) AS above
    FROM scores WHERE as_of = $as_of"""
OUTSIDE = 0.35
"""The share of leads outside what the model learned from, beyond which too little can be said of them."""


def watch_drift(warehouse: Warehouse, as_of: datetime, time_zone: str, false_alarms: float) -> list[Finding]:
    """What is to be said of the last scoring up to `as_of`; one note where there is none to compare it with."""
    moments = published(warehouse, as_of)
    if not moments:
        return [Finding("drift", "all", "note", "nothing has been scored yet")]
    last = moments[0]
    near = [m for m in moments if abs(last - APART - m) <= NEAR]
    findings = [_outside(warehouse, last)]
    if not near:
        said = f"no scoring of four weeks before {day_name(last, time_zone)} is there to compare it with"
        return [*findings, Finding("drift", "all", "note", said)]
    earlier = min(near, key=lambda m: abs(last - APART - m))
    now, before = _counts(warehouse, last), _counts(warehouse, earlier)
    both = sorted(now.keys() & before.keys())
    model, model_then = (warehouse.scalar(MODEL, [moment]) for moment in (last, earlier))
    if model != model_then:  # its scores are others, and so are the features it looks at
        findings.append(Finding("drift", "all", "fine", f"model {model} scores now, {model_then} did four weeks ago"))
        both = [of for of in both if of[1] != "probability"]
    alpha = chance(false_alarms, len(both))
    given = {"last": last - RECENT, "first": last - LOOKED_BACK}
    known = {about: (most, days) for about, most, days in warehouse.rows(PAST, given)}
    return [*findings, *(_moved(of, before[of], now[of], alpha, known.get(f"{of[1]}, {of[0]} leads")) for of in both)]


def _counts(warehouse: Warehouse, as_of: datetime) -> dict[tuple[str, str], dict[str, int]]:
    """The counts by bin, of which leads and feature."""
    sql = "SELECT leads, feature, bin, counted FROM distributions WHERE as_of = $1 ORDER BY ALL"
    found: dict[tuple[str, str], dict[str, int]] = {}
    for leads, feature, name, counted in warehouse.rows(sql, [as_of]):
        found.setdefault((leads, feature), {})[name] = counted
    return found


def _moved(
    of: tuple[str, str],
    before: Mapping[str, int],
    now: Mapping[str, int],
    alpha: float,
    known: tuple[float, int] | None,
) -> Finding:
    leads, feature = of
    about = f"{feature}, {leads} leads"
    index, limit = shift(before, now, alpha)
    most, days = known or (0.0, 0)
    if days < LEAST_DAYS:
        return Finding("drift", about, "fine", f"{days} of {LEAST_DAYS} days seen that say what is usual", index)
    limit = max(limit, BEYOND * most)
    tier: Tier = "note" if index > limit else "fine"
    if feature == "probability" and tier == "note":
        tier = "act"
    says = f"moved by {index:.2f} in four weeks, alarm beyond {limit:.2f}; {_most_changed(before, now)}"
    do = f"look where {feature} comes from; if the change is real, `leadready train` and compare" * (tier != "fine")
    return Finding("drift", about, tier, says, index, limit, do)


def _most_changed(before: Mapping[str, int], now: Mapping[str, int]) -> str:
    """The bin whose share changed most, in words."""
    total_before, total_now = sum(before.values()), sum(now.values())
    shares = {n: (before.get(n, 0) / total_before, now.get(n, 0) / total_now) for n in {*before, *now}}
    name = max(sorted(shares), key=lambda n: abs(shares[n][1] - shares[n][0]))
    was, is_now = shares[name]
    return f"{bin_words(name)}: {100 * was:.0f} % then, {100 * is_now:.0f} % now"


def _outside(warehouse: Warehouse, as_of: datetime) -> Finding:
    [(outside, _)] = warehouse.rows(SHARES, {"as_of": as_of})
    if outside is None:
        return Finding("outside", "all leads", "fine", "no model scores, so none is outside what it learned from")
    far = outside > OUTSIDE
    says = f"{100 * outside:.0f} % of the leads are unlike all that were handed off; {100 * OUTSIDE:.0f} % may be"
    do = "let `exploration` in the agreement reach them, so that sales answers about such leads too" if far else ""
    return Finding("outside", "all leads", "note" if far else "fine", says, float(outside), OUTSIDE, do)
