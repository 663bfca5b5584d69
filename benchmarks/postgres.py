"""What does PostgreSQL cost, as a multiple of the least that must be done there, and do all rows come back?

`.venv/bin/python -m benchmarks.postgres` starts a server of its own from the machine's binaries (`--url` names another
one, whose schemas `leadready` and `bench` are then dropped). Interleaved in one run, as ratios of the medians of wall
time: a publication of --leads scores against a bare binary COPY of the same rows into a table with the same key and
indexes (asked: 1.5 at most), and reading that table as a source against a bare ADBC read (asked: 2 at most). Then a
source of --leads touches is read in full and, after 1,000 new rows, on from its watermark.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from data.intake.files import raw_relations
from data.intake.ingest import ingest
from data.intake.watermarks import Extract
from data.postgres import Postgres, connected
from data.tables import PUBLICATIONS, SCORES
from data.warehouse import Warehouse
from data.workspace import Workspace
from serving.sinks import postgres as sink
from tests.server import running

FIRST = datetime(2026, 3, 2)
ROWS = """SELECT * REPLACE (
        CASE WHEN hash(i, $day) % 10 = 0 THEN (hash(i, $day) % 1000) / 1000.0 ELSE (hash(i) % 1000) / 1000.0 END
            AS probability) FROM (
    SELECT printf('L%09d', i) AS lead_id, $as_of::TIMESTAMP AS as_of, i, 0.5 AS probability,
        0.1 AS probability_low, 0.9 AS probability_high, ['inside', 'outside'][1 + (i % 5 = 0)::INT] AS support,
        (i % 60) / 1.7 AS digital_points, (i % 40)::DOUBLE AS research_points, 42.5 AS rule_points,
        ['qualified', 'nearly', 'not_yet', 'unfit'][1 + i % 4] AS zone, false AS urgent, 'budget, timeframe' AS missing,
        ['hand_off', 'tele_qualify', 'nurture', 'nurture', 'nurture'][1 + i % 5] AS route,
        printf('%d %% likely to be accepted; the rules rate it nearly, so call it in the meantime', i % 100)
            AS route_reason,
        'phone' AS contact, 'sales' AS team, 'user' AS persona, 'awareness' AS buying_stage,
        CASE WHEN i % 10 = 0 THEN 'for: seniority, given or read from the title: vp' END AS reason_1,
        CASE WHEN i % 10 = 0 THEN 'against: need (there is a problem that we solve): no answer yet' END AS reason_2,
        true AS reasons_checked, 0.39 AS log_odds_base, (hash(i, 1) % 99) / 99.0 AS contribution_fit,
        (hash(i, 2) % 99) / 99.0 AS contribution_engagement, (hash(i, 3) % 99) / 99.0 AS contribution_calls,
        (hash(i, 4) % 99) / 99.0 AS contribution_qualification, (hash(i, 5) % 99) / 99.0 AS contribution_account,
        (hash(i, 6) % 99) / 99.0 AS contribution_journey, (hash(i, 7) % 999) / 3.0 AS gain, 0.26 AS reach,
        'need' AS next_question, 0.14 AS threshold, false AS early, false AS explored, 0.0 AS propensity,
        1 AS exploration_seed, '2000-01-01-e4ba8b66/model-1' AS policy_version, '1' AS model_version,
        'in use' AS model_status, '2000-01-01-e4ba8b66' AS agreement_version, '0123456789ab' AS catalogue_version
    FROM range($leads) t(i))"""
TOUCHES = """CREATE TABLE bench.touches AS SELECT 'e' || i AS event_id, 'L1' AS lead_id,
    timestamptz '2026-01-01' + i * interval '1 second' AS occurred_at, 'page_view' AS kind,
    timestamptz '2026-01-01' + i * interval '1 second' AS updated_at FROM generate_series({}, {}) i"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--url", default="")
    arguments = parser.parse_args()
    with _server(arguments.url) as url, tempfile.TemporaryDirectory() as folder:
        space = Workspace(Path(folder) / "var")
        space.create()
        measure(space, url, arguments.leads, arguments.rounds)


def measure(space: Workspace, url: str, leads: int, rounds: int) -> None:
    """Writing and reading, `rounds` times in turn, then a watermark."""
    with Warehouse.open(space.warehouse, threads=2, memory="4GB") as warehouse:
        for table in (SCORES, PUBLICATIONS):
            warehouse.make(table)
        _fill(warehouse, 0, leads)
        first = _timed(lambda: _publish(warehouse, url))
        with _session(url) as session:
            session.run(
                "CREATE SCHEMA bench",
                "CREATE TABLE bench.bare (LIKE leadready.scores, PRIMARY KEY (lead_id, as_of))",
                "CREATE INDEX ON bench.bare (route, probability DESC)",
                "CREATE TABLE bench.same AS SELECT * FROM leadready.scores",
            )
            session.commit()
        spent: dict[str, list[float]] = {name: [] for name in ("publish", "copy", "read", "adbc")}
        for day in range(1, rounds + 1):
            _fill(warehouse, day, leads)
            rows = warehouse.batches(_stored(), [FIRST + timedelta(days=day)]).read_all()
            spent["publish"].append(_timed(lambda: _publish(warehouse, url)))
            spent["copy"].append(_timed(lambda rows=rows: _copy(url, rows)))  # type: ignore[misc]
            spent["adbc"].append(_timed(lambda: _read_bare(url)))
            spent["read"].append(_timed(lambda: _read(warehouse, url, "raw_bench_same")))
        seconds = {name: statistics.median(times) for name, times in spent.items()}
        said = ", ".join(f"{name} {of:.1f}" for name, of in seconds.items())
        print(f"{leads:,} scores; {rounds} rounds; wall seconds: {said}")
        write, read = seconds["publish"] / seconds["copy"], seconds["read"] / seconds["adbc"]
        print(f"publish / bare COPY with the same key and indexes: {write:.2f} (asked: 1.5 at most)")
        print(f"the first publication, all leads new: {first / seconds['copy']:.2f}")
        print(f"read as a source / bare ADBC read: {read:.2f} (asked: 2 at most)")
        differ = _count_differences(warehouse, url, FIRST + timedelta(days=rounds))
        print(f"rows that differ after the round trip: {differ:,}")
        _read_on(url, leads)


def _publish(warehouse: Warehouse, url: str) -> None:
    with _session(url) as session:
        sink._publish(session, warehouse, "leadready", sink._Newest(*warehouse.rows(sink.NEWEST)[0]))


def _fill(warehouse: Warehouse, day: int, leads: int) -> None:
    """Scores of one day; those of a tenth of the leads differ from the day before."""
    as_of = FIRST + timedelta(days=day)
    warehouse.execute("DELETE FROM scores")
    rows = f"INSERT INTO scores BY NAME SELECT * EXCLUDE i FROM ({ROWS})"
    warehouse.execute(rows, {"day": day, "as_of": as_of, "leads": leads})
    warehouse.execute("DELETE FROM publications")
    values = [as_of, f"{as_of:%Y-%m-%d}-{day:016x}", f"{as_of:%Y-%m-%d}"]
    warehouse.execute("INSERT INTO publications (as_of, folder, day) VALUES ($1, $2, $3)", values)
    warehouse.make(sink.FAILURES)


def _stored() -> str:
    columns = [f"timezone('UTC', {c.name}) AS {c.name}" if c.type == "time" else c.name for c in SCORES.columns]
    return f"SELECT {', '.join(columns)} FROM scores WHERE as_of = $1"


def _copy(url: str, rows: Any) -> None:
    """The rows are in memory, and the table and its indexes are empty."""
    with _session(url) as session:
        session.load("bench", "bare", rows)
        session.commit()
    with _session(url) as session:
        session.run("TRUNCATE bench.bare")
        session.commit()


def _read_bare(url: str) -> None:
    with _session(url) as session, session.connection.cursor() as cursor:
        cursor.execute("SELECT * FROM bench.same")
        cursor.fetch_arrow_table()


def _read(warehouse: Warehouse, url: str, relation: str) -> None:
    with raw_relations(warehouse, url, {relation}):
        pass


def _count_differences(warehouse: Warehouse, url: str, as_of: datetime) -> int:
    """Rows of the one that are not in the other, both ways, all columns compared."""
    with raw_relations(warehouse, url, {"raw_leadready_scores"}):
        columns = [f"timezone('UTC', {c.name}) AS {c.name}" if c.type == "time" else c.name for c in SCORES.columns]
        back = f"SELECT {', '.join(columns)} FROM raw_leadready_scores"
        ours = f"SELECT {', '.join(SCORES.names)} FROM scores WHERE as_of = TIMESTAMP '{as_of}'"
        both = f"SELECT count(*) FROM (({back} EXCEPT ALL {ours}) UNION ALL ({ours} EXCEPT ALL {back}))"
        return int(warehouse.scalar(both))


def _read_on(url: str, rows: int) -> None:
    """What a source reads at first and after 1,000 new rows."""
    extract = Extract({}, {"touches": "updated_at"}, overlap_hours=0)
    loaded_at = datetime(2030, 1, 1)
    with _session(url) as session:
        lead = "SELECT 'L1' AS lead_id, timestamptz '2025-01-01' AS created_at"
        session.run(
            f"CREATE TABLE bench.leads AS {lead}", TOUCHES.format(1, rows), "CREATE INDEX ON bench.touches (updated_at)"
        )
        session.commit()
    source = f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3Dbench"
    with Warehouse.open(None, threads=2) as warehouse:
        for words in ("at first", "after 1,000 new rows"):
            begun = time.monotonic()
            done = ingest(warehouse, "canonical", source, loaded_at=loaded_at, extract=extract)
            loaded_at += timedelta(days=1)
            rows_read, count, seconds = done.followed[0].rows, done.tables["touches"], time.monotonic() - begun
            print(f"touches {words}: {rows_read:,} rows read, {count.stored:,} new, {seconds:.1f} s")
            with _session(url) as session:
                more = TOUCHES.format(rows + 1, rows + 1000)
                session.run(more.replace("CREATE TABLE bench.touches AS", "INSERT INTO bench.touches"))
                session.commit()


def _timed(work: Callable[[], None]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


@contextmanager
def _session(url: str) -> Iterator[Postgres]:
    with connected(url, lambda got: SystemExit(got)) as session:  # type: ignore[arg-type,return-value]
        yield session


@contextmanager
def _server(url: str) -> Iterator[str]:
    if url:
        with _session(url) as session:
            session.run("DROP SCHEMA IF EXISTS leadready CASCADE", "DROP SCHEMA IF EXISTS bench CASCADE")
            session.commit()
        yield url
        return
    with running() as server:
        yield server.url()


if __name__ == "__main__":
    main()
