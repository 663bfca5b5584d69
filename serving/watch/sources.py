"""Is what comes in whole? Freshness, volume, rows held back and keys that meet nobody, of each table and source."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from data.freshness import Limits, measure_freshness
from data.intake.findings import find_strangers
from data.settings import Settings
from data.sql import in_force
from data.tables import EVENTS, LEADS, TABLES
from data.warehouse import Warehouse
from serving.watch.finding import Finding, Tier

BROKEN = 3.0
"""Data that are so many times as old as their limit are broken: nothing can be said of today."""
LEAST = 20
"""Of fewer rows no share is told: one row that is wrong among three is no fault of a source."""
HALF = 0.5
"""From this share on, what is held back or meets nobody is broken."""
WEEKS = 8
"""A week is compared with so many before it."""
FAR = 2.5
"""It stands out where it has so many times fewer rows than the third least of them, or more than the largest."""
SIGMAS = 4.0
"""And where that is beyond so many standard deviations of a count."""
LOADS = 5
"""Of a source that was loaded so often it is known how often it comes."""
WEEK = timedelta(days=7)
RETIRED = timedelta(days=90)
"""A source that has not come for so long is no longer waited for."""
GAPS = """WITH loads AS (SELECT DISTINCT source, loaded_at::DATE AS day FROM batches
        WHERE loaded_at < $as_of AND source <> 'replay'),
    gaps AS (SELECT source, day, day - lag(day) OVER (PARTITION BY source ORDER BY day) AS gap FROM loads)
    SELECT source, count(*) AS loads, max(day)::TIMESTAMP AS last, median(gap) AS usual FROM gaps
    GROUP BY source ORDER BY source"""
VOLUME = """SELECT coalesce(kind, 'none') AS kind,
    date_diff('microsecond', happened, $as_of::TIMESTAMP) // 604800000000 AS week, count(*) AS n
    FROM (SELECT {kind} AS kind, {happened} AS happened FROM {table} e WHERE {known} AND {happened} < $as_of)
    WHERE happened > $as_of::TIMESTAMP - to_days(7 * {weeks}) GROUP BY ALL ORDER BY ALL"""
HELD = """WITH came AS (SELECT table_name, sum(rows_in) AS n FROM batches
        WHERE loaded_at < $as_of AND loaded_at >= $since AND source <> 'replay' GROUP BY table_name),
    held AS (SELECT table_name, count(*) AS n FROM quarantine
        WHERE loaded_at < $as_of AND loaded_at >= $since GROUP BY table_name)
    SELECT table_name, came.n, coalesce(held.n, 0) FROM came LEFT JOIN held USING (table_name) ORDER BY table_name"""
"""Of what came in, what is in quarantine now: rows that were replayed or discarded are settled."""


def watch_sources(warehouse: Warehouse, as_of: datetime, settings: Settings) -> list[Finding]:
    """What is to be said of what had come in before `as_of`."""
    return [
        *_fresh(warehouse, as_of, settings.freshness),
        *_loads(warehouse, as_of),
        *_volume(warehouse, as_of),
        *_held_back(warehouse, as_of, settings.monitor.quarantine_share),
        *_unmatched(warehouse, as_of, settings.ingest.unknown_share),
    ]


def _fresh(warehouse: Warehouse, as_of: datetime, limits: Limits) -> Iterator[Finding]:
    for age in measure_freshness(warehouse, as_of, limits).ages:
        if age.days is None:
            yield Finding("freshness", age.table, "note", f"no {age.table} are known")
            continue
        tier: Tier = "block" if age.days > BROKEN * age.limit_days else "act" if age.stale else "fine"
        says = f"the newest of the {age.table} is {age.days:.1f} days old; it may be {age.limit_days:g}"
        do = f"find out why no {age.table} come in: is the export running, does the daily run ingest it?"
        yield Finding("freshness", age.table, tier, says, age.days, age.limit_days, do if age.stale else "")


def _loads(warehouse: Warehouse, as_of: datetime) -> Iterator[Finding]:
    for source, loads, last, usual in warehouse.rows(GAPS, {"as_of": as_of}):
        days = (as_of - last) / timedelta(days=1)
        if as_of - last > RETIRED:
            said = f"{source} has not come for {days:.0f} days, so it is no longer waited for"
            yield Finding("loads", source, "note" if days < 2 * RETIRED.days else "fine", said, days)
            continue
        if loads < LOADS:
            says = f"{source} was loaded on {loads} days so far: how often it comes is known from {LOADS} on"
            yield Finding("loads", source, "fine", says, days)
            continue
        limit = max(2.0, 3 * float(usual)) + 1
        late = days > limit
        says = f"{source} was last loaded {days:.1f} days ago; it usually comes every {float(usual):g} days"
        do = f"look at `leadready runs` whether {source} could be ingested" if late else ""
        yield Finding("loads", source, "act" if late else "fine", says, days, limit, do)


def _volume(warehouse: Warehouse, as_of: datetime) -> Iterator[Finding]:
    for name in ("leads", *EVENTS):
        table = TABLES[name]
        if name in ("handoffs", "decisions"):  # few, and judged by what they say
            continue
        values = {"table": name, "kind": table.kind or "'rows'", "happened": table.occurred_at, "weeks": WEEKS + 1}
        rows = warehouse.rows(VOLUME.format(known=in_force("$as_of"), **values), {"as_of": as_of})
        weeks: dict[str, list[int]] = {}
        for kind, week, n in rows:
            weeks.setdefault(kind, [0] * (WEEKS + 1))[week] = n
        if table.kind:
            weeks["rows"] = [sum(of[w] for of in weeks.values()) for w in range(WEEKS + 1)]
        for kind, (now, *before) in weeks.items():
            yield _compared(name if kind == "rows" else f"{name}, {kind}", now, before)


def _compared(about: str, now: int, before: list[int]) -> Finding:
    least, largest = sorted(before)[2], max(before)  # two weeks may be holidays, or the fault itself
    low, high = least / FAR, largest * FAR
    few = now < low and least - now > SIGMAS * max(least, 1) ** 0.5
    many = now > high and now - largest > SIGMAS * max(largest, 1) ** 0.5 and least > 0
    says = f"{now:,} in the last 7 days; {least:,} to {largest:,} in six of the {WEEKS} weeks before"
    if few or many:
        do = "compare the last files with those before: was something counted twice, left out, or named otherwise?"
        return Finding("volume", about, "act", says, now, low if few else high, do)
    return Finding("volume", about, "fine", says, now)


def _held_back(warehouse: Warehouse, as_of: datetime, most: float) -> Iterator[Finding]:
    for table, came, held in warehouse.rows(HELD, {"as_of": as_of, "since": as_of - WEEK}):
        share = int(held) / int(came) if came else 0.0
        tier = _share(share, int(came), most)
        says = f"of {int(came):,} rows of {table} that came in 7 days {int(held):,} are held back"
        do = "see `leadready quarantine list` for the reasons; correct the source or the mapping, then replay"
        yield Finding("held back", table, tier, says, share, most, do if tier != "fine" else "")


def _share(share: float, rows: int, most: float) -> Tier:
    """How bad it is that this share of so many rows is no good."""
    if rows < LEAST:
        return "note" if share > most else "fine"
    return "block" if share > HALF else "act" if share > most else "fine"


def _unmatched(warehouse: Warehouse, as_of: datetime, most: float) -> Iterator[Finding]:
    for name in EVENTS:
        rows = f"""(SELECT lead_id FROM {name} WHERE known_at < TIMESTAMP '{as_of}'
            AND known_at >= TIMESTAMP '{as_of - WEEK}' AND superseded_at IS NULL)"""
        found = find_strangers(warehouse, name, rows, LEADS, most)
        if not found.rows:
            continue
        share = found.unknown / found.rows
        tier = _share(share, found.rows, most)
        says = f"of {found.rows:,} rows of {name} that became known in 7 days {found.unknown:,} name a lead that is not"
        says += " there" + f" ({found.alike:,} would, but for letter case or leading zeros)" * bool(found.alike)
        do = "load the leads before their events, and compare how both sources write ids" if tier != "fine" else ""
        yield Finding("unmatched", name, tier, says, share, most, do)
