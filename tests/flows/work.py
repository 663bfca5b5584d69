"""What the flow tests share: jobs in processes of their own, and the state of a workspace as a value to compare."""

from __future__ import annotations

import multiprocessing
import os
import pkgutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from data.errors import BusyError
from data.opened import open_workspace
from data.simulator.company import simulate, write
from data.warehouse import Warehouse
from data.workspace import Workspace
from serving.sinks.page import FACTS, PAGE

LOADED_AT = datetime(2026, 1, 10)
AS_OF = datetime(2025, 12, 15)
# processes are forked from one that has the slow imports behind it and no thread or file of ours
PROCESSES = multiprocessing.get_context("forkserver")
PRELOADED = ["pipelines.jobs.train", "models.registry.client", "mlflow.sklearn", "serving.scoring"]
PROCESSES.set_forkserver_preload(PRELOADED)


def write_company(folder: Path, leads: int, share: float = 1.0, spoiled: bool = False, seed: int = 1) -> Path:
    """A simulated company's files; of the events only the first `share`, and `spoiled` by rows that cannot be kept."""
    tables = simulate(leads=leads, seed=seed)
    whole = ("accounts", "leads", "truth")
    write({n: t if n in whole else t.head(round(len(t) * share)) for n, t in tables.items()}, folder)
    if spoiled:
        for name in ("leads", "touches", "calls"):
            lines = (folder / f"{name}.csv").read_text().splitlines()
            with (folder / f"{name}.csv").open("a") as file:
                file.write(lines[1].replace("2025-", "2025-13-") + "\n" + lines[2].replace("L0", "nobody") + "\n")
    return folder


def ingest(root: Path, source: Path) -> None:
    from pipelines.jobs.ingest import ingest_batch

    ingest_batch(open_workspace(root), "canonical", str(source), LOADED_AT)


def score(root: Path) -> None:
    from pipelines.jobs.score import score_open_leads

    score_open_leads(open_workspace(root), AS_OF)


def score_on(root: Path, own: Path) -> None:
    """Score one moment after the other until the workspace has a neighbour `stop`, and write them to `own`.

    Two of them share the moments: those of the one are between those of the other.
    """
    from pipelines.jobs.score import score_open_leads

    os.environ["LEADREADY_PUBLISH_URL"] = (root.parent / "url").read_text()
    moments = []
    while not (root.parent / "stop").exists():
        moments.append(AS_OF + timedelta(minutes=len(moments), seconds=30 * (own.name == "second")))
        score_open_leads(open_workspace(root), moments[-1])
    own.write_text("\n".join(map(str, moments)))


def monitor(root: Path) -> None:
    from pipelines.jobs.monitor import monitor_workspace

    monitor_workspace(open_workspace(root), AS_OF)


MERGED, KEPT, DELETED = "L0000003", "L0000005", "L0000007"
"""Leads of the company with rows in every table."""


def retract(root: Path) -> None:
    from data.intake.retraction import retract_batch

    with open_workspace(root).warehouse() as warehouse:
        first = warehouse.scalar("SELECT arg_min(batch_id, rows_in) FROM batches WHERE table_name = 'touches'")
        retract_batch(warehouse, first, LOADED_AT)


def merge(root: Path) -> None:
    from data.intake.retraction import merge as merge_leads

    with open_workspace(root).warehouse() as warehouse:
        merge_leads(warehouse, MERGED, KEPT, LOADED_AT)


def forget(root: Path, lead: str = KEPT) -> None:
    from pipelines.jobs.forget import forget_lead

    forget_lead(open_workspace(root), lead, LOADED_AT)


def train(root: Path) -> None:
    from pipelines.jobs.train import train_models

    train_models(open_workspace(root), AS_OF)


def back_up(root: Path, to: Path) -> None:
    from pipelines.jobs.backup import back_up as keep

    keep(open_workspace(root), to, LOADED_AT, replace=True)


def restore(root: Path, backup: Path) -> None:
    from pipelines.jobs.backup import restore as bring_back

    bring_back(root, backup, LOADED_AT, replace=True)


def migrate(warehouse: Path) -> None:
    with Warehouse.open(warehouse):
        pass


def tidy(root: Path) -> None:
    """In a process of its own: there a few scorings are enough for some of them to go."""
    from data import retention
    from pipelines.jobs.tidy import tidy as remove_old

    retention.KEPT = 2
    remove_old(open_workspace(root), AS_OF)


def hold(root: Path) -> None:
    """Hold the warehouse, as soon as whoever looks whether it is held (`_can_open`) lets go of it."""
    while True:
        try:
            with Warehouse.open(root / "warehouse.duckdb"):
                time.sleep(600)
                return
        except BusyError:
            time.sleep(0.02)


@contextmanager
def held(root: Path) -> Iterator[Callable[[], None]]:
    """Another process holds the warehouse until the block ends, or until what is given is called."""
    with _started("hold", (root,), None) as process:
        while _can_open(root):
            assert process.is_alive()
            time.sleep(0.05)

        def release() -> None:
            process.kill()
            process.join(60)

        yield release


def _can_open(root: Path) -> bool:
    try:
        with Warehouse.open(root / "warehouse.duckdb"):
            return True
    except BusyError:
        return False


def state(root: Path, without: str = "") -> dict[str, Any]:
    """All rows of all tables in a fixed order (`without` a column), and every published file and link.

    Left out of `batches`, the record of what was loaded, are the loads that stored nothing.
    """
    kept = f"COLUMNS(lambda c: c <> '{without}')"
    with Warehouse.open(root / "warehouse.duckdb") as warehouse:
        names = [n for (n,) in warehouse.rows("SELECT table_name FROM duckdb_tables() WHERE NOT temporary ORDER BY 1")]
        tables: dict[str, Any] = {n: warehouse.rows(f"SELECT {kept} FROM {n} ORDER BY ALL") for n in names}
        tables["batches"] = warehouse.rows(f"SELECT {kept} FROM batches WHERE stored > 0 ORDER BY ALL")
    return tables | exports(root)


def exports(root: Path) -> dict[str, Any]:
    """Bytes of every published file, and the target of every link."""
    found = sorted(p for p in (root / "exports").rglob("*") if p.is_symlink() or p.is_file())
    return {str(p.relative_to(root)): os.readlink(p) if p.is_symlink() else p.read_bytes() for p in found}


def learned(root: Path) -> dict[str, Any]:
    """What the newest version is and how it scores, what is in use, and what is published; no ids, no times."""
    from models.registry.client import FINGERPRINT, Registry
    from pipelines.jobs.score import score_open_leads

    registry = Registry(Workspace(root))
    runs = registry.runs(most=999)
    newest = int(runs["version"].max())
    scores = score_open_leads(open_workspace(root), AS_OF, str(newest)).scores
    tags = {key: value for key, value in registry.load(newest).tags.items() if key != FINGERPRINT}
    own = scores.drop(columns=["model_version", "policy_version"]).to_csv()
    at_work = int((runs["status"] == "RUNNING").sum())
    return {"version": tags, "scores": own, "in use": registry.aliases(), "at work": at_work} | state(root)


def readers_see(root: Path) -> dict[str, Any]:
    """The published scores, as readers of the files find them, and all that the page reads."""
    files, page = root / "exports" / f"{AS_OF:%Y-%m-%d}", root / "page" / "now"
    seen = {file.name: file.read_bytes() for file in files.iterdir()}
    with duckdb.connect(page / PAGE, read_only=True) as opened:
        tables = [name for (name,) in opened.execute("SHOW TABLES").fetchall()]
        rows = {name: opened.execute(f"FROM {name} ORDER BY ALL").fetchall() for name in tables}
    return {"files": seen, "page": rows | {"facts": (page / FACTS).read_text()}}


def say(name: str, kills: int, hit: int) -> None:
    """A line of the table that `pytest -s` shows, once every rerun was compared."""
    print(f"\n{name:9} killed {kills:3} times, {hit:3} of them at work; rerun as undisturbed: {kills}")


def differences(found: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """The tables and files that differ."""
    return sorted(n for n in {*found, *expected} if found.get(n) != expected.get(n))


def run(job: str, *arguments: Path) -> float:
    """A job in a process of its own, undisturbed; the seconds it worked."""
    with _started(job, arguments, None) as process:
        begun = time.monotonic()
        process.join(300)
        assert process.exitcode == 0
        return time.monotonic() - begun


@contextmanager
def running(job: str, *arguments: Path) -> Iterator[None]:
    """A job in a process of its own beside the block, which ends by itself after it."""
    with _started(job, arguments, None) as process:
        yield
        process.join(300)
        assert process.exitcode == 0


def run_and_kill(job: str, *arguments: Path, after_s: float) -> bool:
    """SIGKILL a job in a process of its own so long after its start; whether it was still at work."""
    with _started(job, arguments, None) as process:
        process.join(after_s)
        process.kill()
        process.join(60)
        return process.exitcode == -signal.SIGKILL


def run_until(step: str, job: str, *arguments: Path) -> None:
    """A job in a process of its own that is killed where it would enter `step`, a function's dotted name."""
    with _started(job, arguments, step) as process:
        process.join(300)
        assert process.exitcode == -signal.SIGKILL, f"{job} never came to {step}"


@contextmanager
def _started(job: str, arguments: tuple[Path, ...], step: str | None) -> Any:
    """The process, once its job begins."""
    here, there = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=_work, args=(there, job, arguments, step))
    process.start()
    there.close()  # so that a process that dies at its start is noticed
    try:
        assert here.poll(60), "the process did not start"
        here.recv()
        yield process
    finally:
        process.kill()
        process.join(60)
        here.close()


def _work(ready: Any, job: str, arguments: tuple[Path, ...], step: str | None) -> None:
    if step:
        owner, _, name = step.rpartition(".")
        setattr(pkgutil.resolve_name(owner), name, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
    ready.send("begun")
    globals()[job](*arguments)
