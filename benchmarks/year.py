"""A year in an hour: a company's days one after another in one workspace, with what goes wrong in a year.

`python -m benchmarks.year [days] [leads]` loads, scores, monitors and tidies day by day and trains every week; touches
come late, rows are corrected, leads merged, persons erased (as in benchmarks.replay). On 30 days something breaks: a
job is killed, runs twice, gets a broken file or a file again, or a day passes without any run and is made up for. From
two thirds of the year on page views are counted three times, from five sixths on sales rejects most of what it
accepted. Printed: whether each day has its scores once, how memory and files grow, which alarms rose before and after
what was planted, and whether past scores can be computed again.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from benchmarks.replay import BEGIN, DAY, LOADED, SCORED, Company, Found, due_days, promote, replay_all, write_agreement
from data.errors import ModelError
from data.opened import open_workspace
from data.simulator.company import simulate
from data.workspace import Workspace
from models.registry.client import Registry
from pipelines.jobs.monitor import monitor_workspace
from pipelines.jobs.schedule import missed_days
from pipelines.jobs.score import score_open_leads
from pipelines.jobs.start import init_workspace
from pipelines.jobs.tidy import tidy
from pipelines.jobs.train import train_models
from serving.sinks.files import published_days

HISTORY = 300
"""Days of the company's life before the first one that is scored."""
FAULTS = 30
KINDS = ("score killed", "ingest killed", "scored twice", "file twice", "broken rows", "no run", "train killed")
SETTINGS = """[training]
folds = 2
[retention]
quarantine_days = 60
reports_days = 60
runs_days = 60
exports_days = 90
"""
TRAININGS_DAYS = 60
"""So long trainings are kept, as by `trainings_days`; MLflow dates them by a clock that knows nothing of these days."""
REPLAYED_DAYS = 25
"""So many days are computed again, whole: 200 of their scores are compared."""
SPAWN = multiprocessing.get_context("spawn")


@dataclass
class Year:
    """What a year came to. alarms: day -> keys of what monitoring raised; size: day -> MB of memory and of files."""

    days: int
    clicks_from: int
    refused_from: int
    faults: Counter[str] = field(default_factory=Counter)
    killed: Counter[str] = field(default_factory=Counter)
    alarms: dict[int, list[str]] = field(default_factory=dict)
    size: dict[int, tuple[float, float]] = field(default_factory=dict)

    def lines(self, opened_days: list[str], twice: int, replayed: Found) -> list[str]:
        """For people."""
        wanted = [f"{BEGIN + d * DAY:%Y-%m-%d}" for d in range(self.days)]
        drift = [d for d, keys in self.alarms.items() if any(k.startswith("drift: ") for k in keys)]
        fell = [d for d, keys in self.alarms.items() if any(k.startswith("acceptance: ") for k in keys)]
        kinds = Counter(k.partition(": ")[0] for d, keys in self.alarms.items() if d < self.clicks_from for k in keys)
        begun = self._episodes(self.clicks_from)
        months = [d for d in self.size if d % 30 == 0 or d == max(self.size)]
        return [
            f"{self.days} days: {len(opened_days)} have scores, {len(set(wanted) - set(opened_days))} have none, "
            f"{twice} leads are scored twice at a moment",
            f"faults: {dict(self.faults)}; killed at work: {dict(self.killed)}",
            "memory and files in MB: "
            + ", ".join(f"day {d}: {self.size[d][0]:.0f}, {self.size[d][1]:.0f}" for d in months),
            f"page views counted three times from day {self.clicks_from} on: first drift "
            f"{next((d - self.clicks_from for d in drift if d >= self.clicks_from), None)} days later",
            f"most hand-offs rejected from day {self.refused_from} on: first alarm of acceptance "
            f"{next((d - self.refused_from for d in fell if d >= self.refused_from), None)} days later",
            f"alarms begun in the {self.clicks_from} days before that: {dict(begun)}; days with one: {dict(kinds)}",
            *replayed.lines()[3:],
        ]

    def _episodes(self, before: int) -> Counter[str]:
        """How many alarms began, by kind: one that was there the day before goes on."""
        found: Counter[str] = Counter()
        for day, keys in self.alarms.items():
            if day < before:
                found.update(k.partition(": ")[0] for k in set(keys) - set(self.alarms.get(day - 1, ())))
        return found


def job(name: str, root: Path, *words: object) -> None:
    """One job in a process of its own."""
    opened = open_workspace(root)
    if name == "score":
        score_open_leads(opened, words[0])  # type: ignore[arg-type]
    elif name == "train":
        train_models(opened, words[0])  # type: ignore[arg-type]
    else:
        from pipelines.jobs.ingest import ingest_batch

        ingest_batch(opened, "canonical", str(words[0]), words[1])  # type: ignore[arg-type]


def killed(after_s: float, name: str, root: Path, *words: object) -> bool:
    """SIGKILL a job so long after it began to work; whether it was still at work."""
    process = SPAWN.Process(target=job, args=(name, root, *words))
    process.start()
    time.sleep(4 + after_s)  # imports
    process.kill()
    process.join()
    return process.exitcode != 0


def live(root: Path, days: int, leads: int, seed: int) -> list[str]:
    """The year, and what came of it."""
    rng, space = np.random.default_rng(seed), Workspace(root / "var")
    init_workspace(space)
    write_agreement(space, "2000-01-01", "")
    space.settings.write_text(SETTINGS)
    (root / "files").mkdir()
    year = Year(days, days * 2 // 3, days * 5 // 6)
    tables = simulate(leads * (days + HISTORY) // 365, seed, BEGIN - HISTORY * DAY, days + HISTORY)
    company = Company(
        open_workspace(space.root), planted(due_days(tables, rng), year, rng), root / "files", rng, sys.maxsize
    )
    faults = dict(
        zip(rng.choice(np.arange(5, days), FAULTS * days // 365, replace=False).tolist(), KINDS * FAULTS, strict=False)
    )
    begun: dict[int, datetime] = {}
    for day in range(days):
        at, fault = BEGIN + day * DAY, faults.get(day, "")
        year.faults.update([fault] * bool(fault))
        company.morning(day)
        if fault == "no run":
            continue
        if fault in ("file twice", "ingest killed", "broken rows"):
            again(company, year, day, fault, at + LOADED + timedelta(minutes=20))
        if day % 7 == 0:
            weekly(company, year, at + LOADED + timedelta(minutes=30), fault)
        with company.opened.warehouse() as warehouse:
            there = published_days(warehouse)
        for moment in missed_days(company.opened.settings, there, at + SCORED)[0]:
            score_open_leads(company.opened, moment)
        if fault == "score killed":
            year.killed.update([fault] * killed(float(rng.uniform(0, 4)), "score", space.root, at + SCORED))
        for _ in range(1 + (fault == "scored twice")):
            score_open_leads(company.opened, at + SCORED)
        done = monitor_workspace(company.opened, at + SCORED + timedelta(minutes=5))
        year.alarms[day] = [f.key for f in done.findings if f.tier != "fine" and f.limit == f.limit]
        tidy(company.opened, at + SCORED + timedelta(minutes=10))
        begun[day] = datetime.now(UTC).replace(tzinfo=None)
        if day >= TRAININGS_DAYS:
            Registry(space).drop_runs(begun.get(day - TRAININGS_DAYS, begun[0]))
        year.size[day] = memory(), sum(p.lstat().st_size for p in space.root.rglob("*")) / 1e6
        print(f"day {day}: {fault or 'as usual'}; {year.size[day]}; {year.alarms[day]}", file=sys.stderr, flush=True)
    with company.opened.warehouse() as warehouse:
        there = published_days(warehouse)
        twice = warehouse.scalar(
            "SELECT count(*) FROM (SELECT 1 FROM scores GROUP BY as_of, lead_id HAVING count(*) > 1)"
        )
    replayed = Found()
    replay_all(company.opened, rng, replayed, 200, REPLAYED_DAYS)
    return year.lines(there, twice, replayed)


def planted(tables: dict[str, pd.DataFrame], year: Year, rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    """The tables with what is to be noticed."""
    touches, decisions = tables["touches"], tables["decisions"]
    views = touches[(touches["kind"] == "page_view") & (touches["due"] >= year.clicks_from)]
    more = [views.assign(event_id=views["event_id"] + f"-{n}") for n in (1, 2)]
    turned = (decisions["due"] >= year.refused_from) & (rng.random(len(decisions)) < 0.8)
    refused = decisions.assign(decision=decisions["decision"].mask(turned, "rejected"))
    return tables | {"touches": pd.concat([touches, *more], ignore_index=True), "decisions": refused}


def again(company: Company, year: Year, day: int, fault: str, known_by: datetime) -> None:
    """The day's file again: in a process that is killed, or with rows that cannot be kept."""
    folder = max((p for p in company.folder.iterdir() if p.name.startswith(f"{day}-")), key=lambda p: p.name)
    if fault == "broken rows":
        lines = (folder / "touches.csv").read_text().splitlines()
        broken = [lines[0], *(line.replace("2025-", "2025-13-").replace("2026-", "2026-13-") for line in lines[1:20])]
        folder = company.folder / f"{day}-broken"
        folder.mkdir()
        (folder / "touches.csv").write_text("\n".join(broken) + "\n")
    if fault == "ingest killed":
        year.killed.update([fault] * killed(0.2, "ingest", company.opened.workspace.root, folder, known_by))
    job("ingest", company.opened.workspace.root, folder, known_by)


def weekly(company: Company, year: Year, moment: datetime, fault: str) -> None:
    """Train, as the weekly run does; the first model goes into use whatever its merits."""
    if fault == "train killed":
        year.killed.update([fault] * killed(5, "train", company.opened.workspace.root, moment))
    try:
        training = train_models(company.opened, moment)
    except ModelError as error:  # too few labels yet
        print(error, file=sys.stderr)
        return
    if training.version.version == 1:
        promote(company.opened, 1, moment)


def memory() -> float:
    """MB that this process holds."""
    with open(f"/proc/{os.getpid()}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    with TemporaryDirectory() as scratch:
        print("\n".join(live(Path(scratch), *(given or [365]), *([1000] if len(given) < 2 else []), seed=5)))
