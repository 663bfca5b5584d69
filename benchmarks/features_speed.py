"""How much do the matrix and the rules cost, as a multiple of the least that any job over the touches must do?

Ingests a generated company (`generate.py`) of --leads leads and --touches touches in lead order into a warehouse, then
times, interleaved in one run and by CPU, the floor (a scan of all touch columns and one trivial aggregate per lead)
the whole matrix of every lead at one as_of, and the points, zone and all else that the rules say of it. Prints the
ratios (asked: at most 20, and 5 for the rules) and the peak memory.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from datetime import datetime
from pathlib import Path

import pandas as pd
from generate import generate

from data.agreement.file import default_agreement
from data.intake.ingest import ingest
from data.warehouse import Warehouse
from features.catalogue import build_catalogue
from features.matrix import build_matrix
from features.rules.standing import build_rules

FLOOR = """SELECT sum(touches), bit_xor(read) FROM (SELECT lead_id, count(*) AS touches, bit_xor(hash(occurred_at, kind,
    channel, asset, direction, is_bot, event_id, known_at, superseded_at, batch_id)) AS read FROM touches
    GROUP BY lead_id)"""
"""Counting per lead; the hash makes DuckDB read every column, where a mere count would be answered from statistics."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=100_000)
    parser.add_argument("--touches", type=int, default=3_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rules", action="store_true", help="the rules alone, without the matrix")
    parser.add_argument("--keep", type=Path, help="folder to keep the generated files and the warehouse in")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        measure(folder, arguments.leads, arguments.touches, arguments.rounds, arguments.rules)


def measure(folder: Path, leads: int, touches: int, rounds: int, rules_alone: bool) -> None:
    """Time floor, matrix and rules, interleaved, `rounds` times."""
    database = folder / "warehouse.duckdb"
    if not database.exists():
        _load(folder, database, leads, touches)
    with Warehouse.open(database, threads=2) as warehouse:
        as_of = warehouse.scalar("SELECT quantile_disc(known_at, 0.95) FROM touches USING SAMPLE 10000")
        index = warehouse.frame("SELECT lead_id FROM leads WHERE known_at < $1", [as_of])
        index = index.assign(as_of=pd.Timestamp(as_of))
        agreement = default_agreement()
        features = build_catalogue(agreement, warehouse)
        work = {
            "floor": lambda: warehouse.rows(FLOOR),
            "rules": lambda: build_rules(warehouse, index, [agreement]),
            "matrix": lambda: build_matrix(warehouse, index, agreement, features=features),
        }
        if rules_alone:
            del work["matrix"]
        spent: dict[str, list[float]] = {name: [] for name in work}
        for name in [*work] * rounds:
            spent[name].append(cpu(work[name]))
    seconds = {name: statistics.median(times) for name, times in spent.items()}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{len(index):,} leads, {touches:,} touches, {len(features)} features, 2 threads, as of {as_of:%Y-%m-%d}")
    asked = {"rules": 5, "matrix": 20}
    for name in seconds.keys() - {"floor"}:
        ratio = f"{seconds[name] / seconds['floor']:.1f} x the floor of {seconds['floor']:.2f} s"
        print(f"{name} {seconds[name]:.2f} s CPU: {ratio} (asked: {asked[name]} at most)")
    print(f"peak memory of the process, ingest included: {peak:.2f} GiB")


def cpu(work: object) -> float:
    """CPU seconds of this process, all threads, that `work()` takes."""
    started = time.process_time()
    work()  # type: ignore[operator]
    return time.process_time() - started


def _load(folder: Path, database: Path, leads: int, touches: int) -> None:
    raw = folder / "raw"
    generate(raw, leads, touches, calls=touches // 6, seed=1)
    started = time.process_time()
    with Warehouse.open(database, threads=2, memory="4GB") as warehouse:
        report = ingest(warehouse, "canonical", raw, loaded_at=datetime.now())
    spent = time.process_time() - started
    print(f"ingested {report.stored:,} rows ({report.quarantined} quarantined) in {spent:.1f} s CPU")


if __name__ == "__main__":
    main()
