"""What is old enough to go? As `[retention]` of the settings says, table by table; nothing unless it says so."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from data.opened import OpenWorkspace
from data.retention import drop_batches, drop_exports, drop_quarantined, drop_watched, shrink, thin_scores, versions_of
from data.warehouse import Warehouse
from data.whole import locked, remove, whole, writing
from data.workspace import Workspace

log = logging.getLogger(__name__)
IN_WAREHOUSE: dict[str, Callable[[Warehouse, datetime], int]] = {
    "scores": thin_scores,
    "exports": drop_exports,
    "quarantine": drop_quarantined,
    "batches": drop_batches,
    "monitoring": drop_watched,
}
DAY = re.compile(r"(lists-|monitor-|)(\d{4,}-\d\d-\d\d)(?:\.html)?")


@dataclass(frozen=True)
class Tidied:
    """What went, by what it was, in rows, files or runs; and by how many bytes the workspace is smaller."""

    gone: dict[str, int]
    freed: int
    kept: tuple[str, ...]

    def __str__(self) -> str:
        told = ", ".join(f"{count:,} of {name}" for name, count in self.gone.items() if count)
        return f"{told or 'nothing'} removed, {max(self.freed, 0) / 1e6:,.1f} MB less"


def tidy(opened: OpenWorkspace, clock: datetime) -> Tidied:
    """Remove what is older than the settings keep, by `clock` (UTC), and give back the room; what went.

    Whatever it is killed at, the next one completes it. Raises BusyError where the warehouse is in use for too long.
    """
    from serving.sinks import files

    space, days = opened.workspace, opened.settings.retention
    limits = {name: clock - timedelta(days=of) for name, of in days.by_name().items() if of}
    size, gone = _size(space), dict[str, int]()
    with opened.warehouse() as warehouse:
        with warehouse.transaction():
            gone |= {name: go(warehouse, limits[name]) for name, go in IN_WAREHOUSE.items() if name in limits}
        if gone:
            files.finish(space, warehouse)
        scored = versions_of(warehouse)
    with writing(f"removing what is old in {space.root}", "fix this and run the same command again"):
        if "reports" in limits:
            gone["reports"] = _drop_reports(space, limits["reports"])
        if "runs" in limits:
            gone["runs"] = _drop_runs(space, limits["runs"])
    if "trainings" in limits:
        from models.registry.client import Registry

        gone["trainings"] = Registry(space).drop_runs(limits["trainings"], scored)
    shrink(space.warehouse, opened.settings.compute.wait_s)
    kept = tuple(name for name in days.by_name() if name not in limits)
    done = Tidied(gone, size - _size(space), kept)
    log.info("%s", done)
    return done


def _drop_reports(space: Workspace, before: datetime) -> int:
    """Remove the reports and lists of days before, but the newest of each kind; how many folders."""
    dated = {path: found[2] for path in space.reports.iterdir() if (found := DAY.fullmatch(path.name))}
    newest = {max(group) for group in _by_kind(list(dated))}
    old = [p for p, day in dated.items() if day < f"{before:%Y-%m-%d}" and p not in newest]
    remove(*old)
    return len(old)


def _by_kind(paths: list[Path]) -> list[list[Path]]:
    kinds: dict[str, list[Path]] = {}
    for path in paths:
        kinds.setdefault(DAY.fullmatch(path.name)[1], []).append(path)  # type: ignore[index]
    return [sorted(group) for group in kinds.values()]


def _drop_runs(space: Workspace, before: datetime) -> int:
    """Remove lines of runs.jsonl and logs of runs that began before; how many lines and files."""
    old = [path for path in space.logs.glob("????-??-??T??????.??????-*.log") if path.name[:10] < f"{before:%Y-%m-%d}"]
    count = len(old)
    if space.runs.exists():
        with locked(space.runs.with_suffix(".lock")):
            lines = space.runs.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
            kept = [line for line in lines if _began(line) >= f"{before:%Y-%m-%d}"]
            count += len(lines) - len(kept)
            if len(kept) < len(lines):
                with whole(space.runs, alone=True) as making:
                    making.write_text("".join(kept), encoding="utf-8")
    remove(*old)
    return count


def _began(line: str) -> str:
    """When a run began; a line that cannot be read is kept, as a person may want to see it."""
    try:
        return str(json.loads(line)["started"])
    except (ValueError, KeyError, TypeError):
        return "9999"


def _size(space: Workspace) -> int:
    total = 0
    for path in space.root.rglob("*"):
        with suppress(FileNotFoundError):  # of Prefect or the page, at work
            total += path.lstat().st_size
    return total
