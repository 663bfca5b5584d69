"""What does monitoring do? It looks at everything, keeps what it found, and says it to people and to machines."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from data.errors import BrokenDataError
from data.opened import OpenWorkspace
from data.tables import DISTRIBUTIONS, WATCHED
from data.warehouse import Warehouse
from data.whole import whole, writing
from data.workspace import day_name
from pipelines.jobs.notify import Event, notify
from serving.pages.page import as_page
from serving.pages.sections import Report
from serving.pages.watch import TIER_WORDS, TITLES, as_metrics, watch_report
from serving.published import published
from serving.watch.drift import watch_drift
from serving.watch.finding import Finding, Tier, worst
from serving.watch.outcomes import by_month, handed_off_and_judged, watch_acceptance, watch_work
from serving.watch.sources import watch_sources

log = logging.getLogger(__name__)
HISTORY_DAYS = 28
MOST_TOLD = 10
NOT_SCORED = "The daily run does not score until this is mended; the last good scores stay.\n"
KEPT = """SELECT * REPLACE (nullif(value, 'nan') AS value, nullif(alarm_at, 'nan') AS alarm_at) FROM new_watched"""
HISTORY = """SELECT as_of, kind, about, tier, says FROM watched
    WHERE tier <> 'fine' AND as_of <= $as_of AND as_of > $as_of - to_days($days) ORDER BY as_of DESC, kind, about"""


@dataclass(frozen=True)
class Monitoring:
    """What was found at a moment, and the files that say it. newest: nobody looked at a later moment."""

    as_of: datetime
    findings: Sequence[Finding]
    report: Report
    page: Path
    metrics: Path
    newest: bool

    @property
    def tier(self) -> Tier:
        """The worst of it."""
        return worst(self.findings)


def find_broken(opened: OpenWorkspace, as_of: datetime) -> list[Finding]:
    """What came in and is so broken that nothing should be scored on it; none where the settings say to score."""
    if not opened.settings.monitor.blocks:
        return []
    with opened.warehouse() as warehouse:
        return [f for f in watch_sources(warehouse, as_of, opened.settings) if f.tier == "block"]


def refuse(broken: Sequence[Finding]) -> None:
    """Raise BrokenDataError."""
    got = "; ".join(f"{f.key}: {f.says}" for f in broken)
    do = f"{broken[0].do}; the last good scores stay (`blocks = false` under [monitor] scores all the same)"
    raise BrokenDataError("looking at what came in before scoring", expected="whole data", got=got, do=do)


def monitor_workspace(opened: OpenWorkspace, as_of: datetime) -> Monitoring:
    """Look at sources, drift, outcomes and work as of a moment, keep it, write the page and the metrics file."""
    settings = opened.settings
    with opened.warehouse() as warehouse:
        for table in (WATCHED, DISTRIBUTIONS):
            warehouse.make(table)
        agreement, rate = opened.agreement_at(as_of), settings.monitor.false_alarms / 3
        judged, unscored = handed_off_and_judged(warehouse, as_of, opened.agreements, agreement, settings)
        findings = [
            *watch_sources(warehouse, as_of, settings),
            *watch_drift(warehouse, as_of, settings.time_zone, rate),
            *watch_acceptance(judged, rate, unscored),
            *watch_work(warehouse, as_of, opened.agreements, agreement, rate),
        ]
        latest = warehouse.scalar("SELECT max(as_of) FROM watched")
        _keep(warehouse, as_of, findings)
        before = warehouse.frame(HISTORY, {"as_of": as_of, "days": HISTORY_DAYS})
        counts = _counts(warehouse, as_of)
    report = watch_report(as_of, findings, by_month(judged) if len(judged) else [], before, settings.time_zone)
    page = opened.workspace.reports / f"monitor-{day_name(as_of, settings.time_zone)}.html"
    with writing(f"writing {page}", "free some space and run `leadready monitor` again; nothing is lost"):
        _write(page, as_page(report))
        newest = latest is None or as_of >= latest
        own = settings.monitor.metrics
        metrics = opened.workspace.root / own if own else opened.workspace.metrics
        if newest:  # who looks at the past says nothing of today
            _write(metrics, as_metrics(as_of, findings, counts))
            metrics.chmod(0o644)
    done = Monitoring(as_of, findings, report, page, metrics, newest)
    log.info("looked at %d things as of %s: %s", len(findings), as_of, done.tier)
    return done


def alarms(opened: OpenWorkspace, done: Monitoring, clock: datetime) -> int:
    """Tell people of alarms that they have not heard of; how many messages were taken. The past is not told."""
    if not done.newest:
        return 0
    where = f"All of it: {done.page.absolute()}"
    events = [
        Event(
            f"{f.key} on {done.as_of:%Y-%m-%d}" if f.kind == "overdue" else f.key,
            f"{TIER_WORDS[f.tier]}: {f.key}",
            f"{f.says}.\nWhat to do: {f.do}.\n{NOT_SCORED * (f.tier == 'block')}\n{where}",
        )
        for f in done.findings
        if f.alarm
    ]
    moved = [f for f in done.findings if f.kind == "drift" and f.tier == "note" and f.limit == f.limit]
    if moved:
        listed = "".join(f"- {f.about}: {f.says}\n" for f in moved[:MOST_TOLD])
        more = f"and {len(moved) - MOST_TOLD} more\n" if len(moved) > MOST_TOLD else ""
        events.append(
            Event("drift: features", f"worth a look: {len(moved)} features drift", f"{listed}{more}\n{where}")
        )
    of = opened.settings.notify
    return notify(opened.workspace, of, events, clock, of=lambda key: key.partition(": ")[0] in TITLES)


def _keep(warehouse: Warehouse, as_of: datetime, findings: Sequence[Finding]) -> None:
    rows = [(as_of, f.kind, f.about, f.tier, f.value, f.limit, f.says) for f in findings]
    with (
        warehouse.transaction(),
        warehouse.view("new_watched", pd.DataFrame(rows, columns=list(WATCHED.names))),
    ):
        warehouse.execute("DELETE FROM watched WHERE as_of = $1", [as_of])
        warehouse.insert("watched", KEPT)


def _counts(warehouse: Warehouse, as_of: datetime) -> dict[str, float]:
    """What the metrics file says of the last scoring: when it was, and its leads by route."""
    moments = published(warehouse, as_of)
    if not moments:
        return {}
    sql = "SELECT route, count(*) FROM scores WHERE as_of = $1 GROUP BY route ORDER BY route"
    routes = {f'leadready_open_leads{{route="{route}"}}': float(n) for route, n in warehouse.rows(sql, [moments[0]])}
    return routes | {"leadready_last_scoring_timestamp_seconds": (moments[0] - datetime(1970, 1, 1)).total_seconds()}


def _write(path: Path, text: str) -> None:
    with whole(path) as making:
        making.write_text(text, encoding="utf-8")
