"""Does sales answer as was expected, and is all on time? Over hand-offs whose label is mature, promises and calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from data.agreement.model import Agreement
from data.agreement.promises import promised
from data.cohorts import Cohort, build_cohort
from data.labels import label_outcomes, to_target
from data.settings import Settings
from data.sql import in_force
from data.tables import CONNECTED
from data.warehouse import Warehouse
from features.catalogue import build_catalogue
from features.matrix import build_matrix
from features.rules.standing import build_rules
from serving.published import published
from serving.scoring import SIGNS, days_quiet
from serving.volume import promises_kept
from serving.watch.finding import Finding, chance

WINDOWS = (14, 28, 90)
"""Days before the newest mature hand-off, over which expected and real acceptance are compared."""
LEAST = 20
"""Below so many hand-offs nothing is said."""
KEPT = 0.8
"""The share of promises kept, below which somebody should act."""
MONTHS = 12
SCORED = """SELECT h.lead_id, h.as_of, s.probability FROM now_handed h
    ASOF JOIN (FROM scores SEMI JOIN now_handed USING (lead_id)) s
    ON s.lead_id = h.lead_id AND h.handed_off_at >= s.as_of
    WHERE h.handed_off_at < s.as_of + INTERVAL 7 DAY AND s.probability IS NOT NULL ORDER BY h.lead_id, h.as_of"""
"""A snapshot has the id of then (`build_cohort`), so a lead that was merged since meets the scores under its own."""
UNANSWERED = f"""SELECT lead_id, handed_off_at, handed_off_at + INTERVAL 1 MICROSECOND AS as_of
    FROM handoffs h WHERE {in_force("$as_of", "h")} AND handed_off_at >= $since AND NOT EXISTS (FROM decisions d
        WHERE d.lead_id = h.lead_id AND d.decided_at >= h.handed_off_at AND d.known_at < $as_of)
    ORDER BY lead_id, handed_off_at"""
ASKED = """WITH reached AS (SELECT lead_id, called_at FROM calls e
        WHERE {known} AND disposition IN {connected} AND called_at < $as_of AND called_at >= $as_of - INTERVAL 12 WEEK),
    told AS (SELECT DISTINCT r.lead_id, r.called_at, a.criterion FROM reached r JOIN answers a
        ON a.lead_id = r.lead_id AND a.state <> 'not_asked' AND a.superseded_at IS NULL AND a.known_at < $as_of
        AND a.answered_at >= r.called_at - INTERVAL 1 HOUR AND a.answered_at < r.called_at + INTERVAL 1 DAY),
    counted AS (SELECT NULL AS criterion, called_at FROM reached UNION ALL SELECT criterion, called_at FROM told)
    SELECT criterion, count(*) FILTER (called_at >= $as_of - INTERVAL 4 WEEK) AS now,
        count(*) FILTER (called_at < $as_of - INTERVAL 4 WEEK) AS before
    FROM counted GROUP BY criterion ORDER BY criterion"""
"""Answers to each criterion; without one, the calls that reached somebody."""
EXPLORED = """SELECT count(DISTINCT (lead_id, draw)) FROM scores
    WHERE explored AND as_of <= $as_of AND as_of > $as_of - INTERVAL 28 DAY"""
ABOVE = """WITH days AS (SELECT as_of, lead_id FROM scores WHERE probability >= threshold
        AND route NOT IN ('blocked', 'with_sales') AND as_of <= $as_of AND as_of >= $first),
    since AS (SELECT lead_id, min(as_of) AS since FROM days GROUP BY lead_id)
    SELECT count(*) FILTER (since > $first), (SELECT count(*) FROM days WHERE as_of = $as_of) FROM since"""
FOUR_WEEKS = timedelta(days=28)


def handed_off_and_judged(
    warehouse: Warehouse, as_of: datetime, agreements: Sequence[Agreement], agreement: Agreement, settings: Settings
) -> tuple[pd.DataFrame, int]:
    """The mature hand-offs of a year: as_of (of the hand-off), y, p, zone, age (band), month.

    And how many others of the newest 90 days are not among them, as no model had scored them in the 7 days before.
    """
    snapshots = build_cohort(warehouse, Cohort(anchor="handoff"), as_of)
    since = as_of - settings.horizon - timedelta(days=31 * MONTHS)
    snapshots = snapshots[snapshots["as_of"] >= since].reset_index(drop=True)
    none = pd.DataFrame(columns=["as_of", "y", "p", "zone", "age", "month"])
    if snapshots.empty:
        return none, 0
    labelled = label_outcomes(warehouse, snapshots, settings.horizon, as_of)
    target = to_target(labelled, settings.label.expired, settings.label.never_handed_off)
    rows = labelled.assign(y=target)[labelled["mature"] & target.notna()].reset_index(drop=True)
    with warehouse.view("now_handed", rows[["lead_id", "as_of", "handed_off_at"]]):
        scored = warehouse.frame(SCORED)
    every, rows = rows, rows.merge(scored, on=["lead_id", "as_of"]).rename(columns={"probability": "p"})
    newest = every["as_of"].max() - timedelta(days=WINDOWS[-1])
    unscored = int((every["as_of"] > newest).sum() - (rows["as_of"] > newest).sum())
    if rows.empty:
        return none, unscored
    names, catalogue = ["days_since_created", *SIGNS], build_catalogue(agreement, warehouse)
    matrix = build_matrix(warehouse, rows[["lead_id", "as_of"]], agreement, features=catalogue, names=names)
    band = np.searchsorted(agreement.exploration.bands, days_quiet(matrix).to_numpy(), side="right")
    rows = rows.assign(age=[age_words(agreement.exploration.bands)[b] for b in band])
    zones = build_rules(warehouse, rows[["lead_id", "as_of"]], list(agreements))[["lead_id", "as_of", "zone"]]
    rows = rows.merge(zones, on=["lead_id", "as_of"], how="left")
    return rows.assign(month=rows["handed_off_at"].dt.strftime("%Y-%m"))[none.columns], unscored


def age_words(bands: Sequence[float]) -> list[str]:
    """The age bands in words, the youngest first."""
    ends = [0, *bands]
    return [f"{a:g} to {b:g} days quiet" for a, b in zip(ends, bands, strict=False)] + [f"{ends[-1]:g} days and more"]


def watch_acceptance(judged: pd.DataFrame, false_alarms: float, unscored: int = 0) -> list[Finding]:
    """Expected against real acceptance of mature hand-offs: all, each zone and each age, over several windows.

    unscored: how many of the last ones are not among them.
    """
    left = f"; {unscored:,} of the last {WINDOWS[-1]} days are left out, as no model had scored them" * bool(unscored)
    if judged.empty:
        said = "no hand-off that a model had scored is old enough for its label"
        return [Finding("acceptance", "all hand-offs", "fine", f"{said}{left}")]
    newest = judged["as_of"].max()
    parts: dict[str, pd.DataFrame] = {"all hand-offs": judged}
    parts |= {f"zone {zone}": rows for zone, rows in judged.groupby("zone")}
    parts |= {str(age): rows for age, rows in judged.groupby("age")}
    alpha = chance(false_alarms, len(parts) * len(WINDOWS))
    first, *others = (_judge(about, rows, newest, alpha) for about, rows in parts.items())
    return [replace(first, says=f"{first.says}{left}"), *others]


def _judge(about: str, judged: pd.DataFrame, newest: pd.Timestamp, alpha: float) -> Finding:
    """The window in which acceptance is farthest from what was expected."""
    limit, found = float(norm.isf(alpha / 2)), []
    for days in WINDOWS:
        rows = judged[judged["as_of"] > newest - timedelta(days=days)]
        if len(rows) < LEAST:
            continue
        expected, real = rows["p"].sum(), rows["y"].sum()
        z = (real - expected) / np.sqrt(max((rows["p"] * (1 - rows["p"])).sum(), 1e-9))
        found.append((abs(z), z, days, len(rows), expected, real))
    if not found:
        return Finding("acceptance", about, "fine", f"fewer than {LEAST} hand-offs in {WINDOWS[-1]} days: too few")
    size, z, days, n, expected, real = max(found)
    says = f"of {n:,} hand-offs within {days} days sales accepted {int(real):,}; {expected:.0f} were expected"
    if size <= limit:
        return Finding("acceptance", about, "fine", says, float(z), limit)
    do = "ask sales what changed; then `leadready train`, which moves the level to recent answers"
    return Finding("acceptance", about, "act", says, float(z), limit, do)


def watch_work(
    warehouse: Warehouse, as_of: datetime, agreements: Sequence[Agreement], agreement: Agreement, false_alarms: float
) -> Iterator[Finding]:
    """Promises, questions asked, exploration, and whether more leads are worth a hand-off than sales can take."""
    yield _promises(warehouse, as_of, agreement)
    yield _overdue(warehouse, as_of, agreements)
    yield from _asked(warehouse, as_of, agreement, false_alarms)
    moments = published(warehouse, as_of)
    if moments:
        yield _exploration(warehouse, moments[0], agreement)
        yield _outrun(warehouse, moments, agreement)


def _promises(warehouse: Warehouse, as_of: datetime, agreement: Agreement) -> Finding:
    kept = promises_kept(warehouse, agreement, as_of - FOUR_WEEKS, as_of)
    if kept.due < LEAST:
        return Finding("promises", "sales", "fine", f"{kept.due} promises fell due in 28 days: too few to judge by")
    share = kept.kept / kept.due
    says = f"sales kept {kept.kept:,} of {kept.due:,} promises that fell due in 28 days"
    bad = share < KEPT
    do = 'see "answer overdue" on the page and the promise in the report; agree on fewer hand-offs or more hours'
    return Finding("promises", "sales", "act" if bad else "fine", says, share, KEPT, do if bad else "")


def _overdue(warehouse: Warehouse, as_of: datetime, agreements: Sequence[Agreement]) -> Finding:
    """Promises that were broken within the last day, so that each is told once."""
    handed = warehouse.frame(UNANSWERED, {"as_of": as_of, "since": as_of - timedelta(days=60)})
    zones = handed.merge(
        build_rules(warehouse, handed[["lead_id", "as_of"]], list(agreements)), on=["lead_id", "as_of"]
    )
    due = promised(zones, agreements)["due_at"]
    broken = int(((due < as_of) & (due >= as_of - timedelta(days=1))).sum())
    says = f"hand-offs whose promised time to answer ended within the last day without an answer: {broken:,}"
    do = 'see "answer overdue" on the page for leads and teams, and do what the agreement says of a breach'
    return Finding("overdue", "sales", "act" if broken else "fine", says, broken, 1, do if broken else "")


def _asked(warehouse: Warehouse, as_of: datetime, agreement: Agreement, false_alarms: float) -> Iterator[Finding]:
    sql = ASKED.format(known=in_force("$as_of"), connected=CONNECTED)
    rows = {criterion: (int(now), int(before)) for criterion, now, before in warehouse.rows(sql, {"as_of": as_of})}
    calls_now, calls_before = rows.get(None, (0, 0))
    asked = [name for name, criterion in agreement.criteria.items() if criterion.asked]
    limit = float(norm.isf(chance(false_alarms, len(asked)) / 2))
    for name in asked:
        now, before = rows.get(name, (0, 0))
        if min(calls_now, calls_before) < LEAST:
            said = (
                f"{calls_now} calls reached somebody in 4 weeks and {calls_before} in the 8 before: too few to compare"
            )
            yield Finding("asked", name, "fine", said)
            continue
        if not now and not before:
            said = (
                f"{name} was answered in none of {calls_now + calls_before:,} calls that reached somebody in 12 weeks"
            )
            do = f"ask about {name}, or take it out of the agreement"
            yield Finding("asked", name, "note", said, do=do)
            continue
        pooled = (now + before) / (calls_now + calls_before)
        error = np.sqrt(max(pooled * (1 - pooled), 1e-9) * (1 / calls_now + 1 / calls_before))
        z = (now / calls_now - before / calls_before) / error
        says = f"{name} was answered in {100 * now / calls_now:.0f} % of the calls that reached somebody in 4 weeks,"
        says += f" {100 * before / calls_before:.0f} % in the 8 weeks before"
        far = z < -limit
        do = f"ask the reps whether they still ask about {name}, and whether it reaches the CRM" if far else ""
        yield Finding("asked", name, "note" if far else "fine", says, float(z), -limit, do)


def _exploration(warehouse: Warehouse, as_of: datetime, agreement: Agreement) -> Finding:
    explored = warehouse.scalar(EXPLORED, {"as_of": as_of})
    if not any(agreement.exploration.by_band):
        said = "the agreement explores no leads, so nobody learns of those that the rules hold back"
        return Finding("exploration", "leads below the gate", "fine", said)
    says = f"{int(explored):,} leads below the gate were picked at random in 28 days"
    none = not explored
    do = "see [exploration] in the agreement: has it a share and places a day, and are leads below the gate left?"
    return Finding(
        "exploration", "leads below the gate", "note" if none else "fine", says, float(explored), 1, do * none
    )


def _outrun(warehouse: Warehouse, moments: Sequence[datetime], agreement: Agreement) -> Finding:
    """moments: the scorings, the latest first."""
    about, as_of = "leads above p*", moments[0]
    places = sum(team.hand_offs_per_day for team in agreement.capacity.teams.values())
    earlier = [moment for moment in moments if moment <= as_of - FOUR_WEEKS]
    if not places or not earlier:
        said = "no team has a limit" if not places else "too early to tell: no scoring is four weeks old"
        return Finding("volume above p*", about, "fine", said)
    [(new, standing)] = warehouse.rows(ABOVE, {"as_of": as_of, "first": earlier[0]})
    days = (as_of - earlier[0]) / timedelta(days=1)
    limit = days * places
    says = f"{int(new):,} more leads came to be worth a hand-off in {days:.0f} days ({int(standing):,} are today);"
    says += f" sales takes {places} a day, {limit:,.0f} in that time"
    do = "agree on more places or a higher value of waiting; look whether scores are inflated (drift, acceptance)"
    far = new > limit
    return Finding("volume above p*", about, "act" if far else "fine", says, float(new), limit, do if far else "")


def by_month(judged: pd.DataFrame) -> list[dict[str, Any]]:
    """Hand-offs, expected and real acceptances of each month and band of probability, for people."""
    bands = pd.cut(
        judged["p"].astype(float),
        [0, 0.3, 0.5, 0.7, 1.0],
        labels=["below 30 %", "30-50 %", "50-70 %", "70 %+"],
        include_lowest=True,
    )
    found = judged.assign(band=bands).groupby(["month", "band"], observed=True)
    return [
        {"month": month, "likely": band, "hand-offs": len(r), "expected": f"{100 * r['p'].mean():.0f} %"}
        | {"accepted": f"{100 * r['y'].mean():.0f} %"}
        for (month, band), r in found
    ]
