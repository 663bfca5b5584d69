"""What does a company cost on Spark, and does a lost worker change anything? The same scoring, three times.

`python -m benchmarks.spark FOLDER --executors 2 --memory 2048` takes a company that `make bench BENCH="--keep FOLDER"`
left (or one that `--leads N` makes there), scores it on this machine, on a local cluster of so many executors with so
many MB each, and there again while an executor is killed in the middle of its work. Printed of each: wall, CPU and
the most memory that the largest process of a worker held, and by how much scores, features and routes differ.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.speed.prepare import AS_OF, LOADED, Place, put_model_into_use, write_company
from models.registry.client import Registry
from pipelines.jobs.ingest import ingest_batch
from pipelines.spark.engine import OnSpark
from pipelines.spark.session import folder_of
from serving.in_use import IN_USE, find_model, trained_under
from serving.scoring import Scored, score_leads

TICKS = os.sysconf("SC_CLK_TCK")
OURS, EXECUTOR = "pyspark.daemon", "CoarseGrainedExecutorBackend"
"""What is found in the command lines of a worker's Python processes, and of its JVM."""


class Watch(threading.Thread):
    """Looks at all processes below this one: their CPU seconds, and the most memory of one of each kind, in MB."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.cpu: dict[int, float] = {}
        self.before = {os.getpid(): spent(os.getpid())}
        self.most = {"Python of a worker": 0.0, "JVM of an executor": 0.0, "this process": 0.0}
        self.over = threading.Event()

    def run(self) -> None:
        """Look five times a second until it is over."""
        while not self.over.wait(0.2):
            for number in below(os.getpid()):
                self._look(number)

    def _look(self, number: int) -> None:
        try:
            used = spent(number)
            words = Path(f"/proc/{number}/cmdline").read_text()
            pages = int(Path(f"/proc/{number}/statm").read_text().split()[1])
        except OSError:
            return  # it is gone
        self.cpu[number] = used - self.before.get(number, 0.0)
        kind = "JVM of an executor" if EXECUTOR in words else "Python of a worker" if OURS in words else "this process"
        if kind != "this process" or number == os.getpid():
            self.most[kind] = max(self.most[kind], pages * os.sysconf("SC_PAGE_SIZE") / 1e6)


def spent(number: int) -> float:
    """The CPU seconds of a process so far; OSError where it is gone."""
    stat = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / TICKS


def below(number: int) -> list[int]:
    """A process and all that it started, and that these started."""
    listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parent = {int(pid): int(ppid) for pid, ppid in (line.split() for line in listed.splitlines())}
    found, new = {number}, {number}
    while new:
        new = {pid for pid, of in parent.items() if of in new} - found
        found |= new
    return sorted(found)


@contextmanager
def watched(name: str) -> Iterator[Watch]:
    """Watch a piece of work and print what it took."""
    watch, begun = Watch(), time.monotonic()
    watch.start()
    try:
        yield watch
    finally:
        watch.over.set()
    most = ", ".join(f"{kind} {mb:,.0f} MB" for kind, mb in watch.most.items() if mb)
    print(f"{name}: {time.monotonic() - begun:.0f} s, {sum(watch.cpu.values()):.0f} s of CPU; {most}", flush=True)


def executors_of(number: int) -> list[int]:
    """The executors that a process started."""

    def words(of: int) -> str:
        try:
            return Path(f"/proc/{of}/cmdline").read_text()
        except OSError:
            return ""  # it is gone

    return [of for of in below(number) if EXECUTOR in words(of)]


def kill_one(done: Path) -> None:
    """Kill an executor of this process once some shares are written."""
    while len(list(done.glob("*.parquet"))) < 6:
        time.sleep(0.2)
    [first, *_] = executors_of(os.getpid())
    os.kill(first, signal.SIGKILL)
    print(f"killed executor {first}", flush=True)


def difference(one: Scored, other: Scored) -> str:
    """The largest difference of a number, and how many other values differ."""
    widest, others = 0.0, 0
    for left, right in ((one.scores, other.scores), (one.matrix, other.matrix)):
        assert list(left) == list(right)
        assert len(left) == len(right)
        for column in left:
            a, b = left[column], right[column]
            if pd.api.types.is_float_dtype(a):
                others += int((a.isna() != b.isna()).sum())
                widest = max(widest, float(np.nanmax(np.abs(a.to_numpy() - b.to_numpy()), initial=0.0)))
            else:
                same = (a.astype(object) == b.astype(object)) | (a.isna() & b.isna())
                others += int((~same.astype(bool)).sum())
    return f"numbers differ by {widest:.1e} at most, {others} other values differ"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--leads", type=int, help="make a company of so many there first")
    parser.add_argument("--executors", type=int, default=2)
    parser.add_argument("--memory", type=int, default=2048, help="MB of an executor's JVM")
    parser.add_argument("--duckdb", default="1GB", help="what DuckDB may hold in a worker")
    given = parser.parse_args()
    place = Place(given.folder)
    if given.leads:
        write_company(place, given.leads, "3GB")
        ingest_batch(place.opened(), "canonical", str(place.raw), LOADED)
        put_model_into_use(place)
    opened = place.opened()
    model = find_model(Registry(opened.workspace), IN_USE)
    if model is None:
        sys.exit(f"no model is in use in {place.workspace.root}")
    under, agreement = trained_under(opened, model), opened.agreement_at(AS_OF)
    os.environ["LEADREADY_SPARK_MASTER"] = f"local-cluster[{given.executors},1,{given.memory}]"
    os.environ["PYSPARK_SUBMIT_ARGS"] = f"--conf spark.executor.memory={given.memory}m pyspark-shell"
    with opened.warehouse() as warehouse:
        with watched("one machine"):
            alone = score_leads(warehouse, agreement, model, AS_OF, under)
        print(f"{len(alone.scores):,} open leads", flush=True)
        for name, beside in (("Spark", None), ("Spark, an executor killed", kill_one)):
            with watched(name):
                if beside:
                    done = folder_of(opened.workspace) / "done"
                    threading.Thread(target=beside, args=(done,), daemon=True).start()
                engine = OnSpark(opened.workspace, given.duckdb)
                scored = score_leads(warehouse, agreement, model, AS_OF, under, look=engine.look)
            print(difference(alone, scored), flush=True)


if __name__ == "__main__":
    main()
