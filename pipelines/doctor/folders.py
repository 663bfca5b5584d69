"""Are the files of a workspace in order? Who may read them, what was left half done, settings, agreements, runs."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from data.errors import ConfigError
from data.warehouse import COPY
from data.whole import HALF_MADE, remove
from data.workspace import PRIVATE, Workspace
from pipelines.doctor.finding import Finding, Visit, broken, fine, look, named

OLD = timedelta(hours=1)
"""Half-made things of less than that may be somebody's at work."""
DAYS = timedelta(days=7)
"""So long a run that failed or was killed is told of."""


def check_permissions(visit: Visit) -> Finding:
    """Nobody but the owner reads or writes: there is personal data."""
    if strangers := [path for path, about in _everything(visit.space) if about.st_uid != os.geteuid()]:
        says = f"{len(strangers):,} files of another user: {named(_below(visit.space, strangers))}"
        return broken(says, f"run leadready as the owner, or: chown -R {os.geteuid()} {visit.space.root}", ConfigError)
    if found := _open_to_others(visit.space):
        says = f"{len(found):,} files or folders that others may read or write: {named(_below(visit.space, found))}"
        return look(says, "run `leadready doctor --mend`")
    return fine("only its owner reads and writes the workspace")


def mend_permissions(visit: Visit) -> None:
    """Take from others what they may do."""
    for path in _open_to_others(visit.space):
        with suppress(FileNotFoundError):
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~PRIVATE)


def _open_to_others(space: Workspace) -> list[Path]:
    return [p for p, about in _everything(space) if not stat.S_ISLNK(about.st_mode) and about.st_mode & PRIVATE]


def _everything(space: Workspace) -> list[tuple[Path, os.stat_result]]:
    """The folder itself and all in it, each with what it is; Prefect's own things are Prefect's.

    What another process removes meanwhile is left out.
    """
    paths = [space.root]
    for folder, folders, files in os.walk(space.root):
        if folder == str(space.root) and "prefect" in folders:
            folders.remove("prefect")
        paths += [Path(folder, name) for name in (*folders, *files)]
    return _there(paths)


def _there(paths: Iterable[Path]) -> list[tuple[Path, os.stat_result]]:
    found = []
    for path in paths:
        with suppress(FileNotFoundError):
            found.append((path, path.lstat()))
    return found


def _below(space: Workspace, paths: list[Path]) -> list[str]:
    return [str(path.relative_to(space.root)) for path in paths]


def check_leftovers(visit: Visit) -> Finding:
    """What runs that were killed left half made, in the workspace and beside it."""
    if found := _left(visit):
        return look(
            f"{len(found)} things left half made: {named([p.name for p in found])}", "run `leadready doctor --mend`"
        )
    if copies := [*visit.space.root.glob(COPY.format(name=visit.space.warehouse.name, to="*"))]:
        return look(f"{copies[0].name}, a copy from before a migration", "delete it once you are content")
    return fine("nothing half made lies about")


def mend_leftovers(visit: Visit) -> None:
    """Remove them; what was moved out of its place and not replaced goes back there."""
    for path in _left(visit):
        own = path.with_name(path.name.removeprefix(".").removesuffix(".old"))
        if path.name.endswith(".old") and not own.exists():
            path.rename(own)
        else:
            remove(path)


def _left(visit: Visit) -> list[Path]:
    root = visit.space.root.resolve()
    beside = [root.with_name(f".{root.name}.{word}") for word in ("making", "old")]
    old = (visit.clock - OLD).replace(tzinfo=UTC).timestamp()
    found = [*_everything(visit.space), *_there(beside)]
    return [path for path, about in found if HALF_MADE.fullmatch(path.name) and about.st_mtime < old]


def check_locks(visit: Visit) -> Finding:
    """Whether somebody is at work on models; the kernel lets go of the locks of a process that died."""
    at_work = [lock.name for end in (".lock", ".moving") if _is_held(lock := visit.space.tracking.with_suffix(end))]
    if at_work:
        return look(f"{' and '.join(at_work)} held by a process", "nothing, if a training or promotion is at work")
    return fine("no lock is held")


def _is_held(lock: Path) -> bool:
    if not lock.exists():
        return False
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def check_settings(visit: Visit) -> Finding:
    """Whether settings.toml can be read; what is wrong in it is raised."""
    visit.opened.settings  # noqa: B018 - read here
    return fine(
        f"{visit.space.settings.name} can be read" if visit.space.settings.exists() else "settings as by default"
    )


def check_agreements(visit: Visit) -> Finding:
    """Whether every agreement can be read, and which is in force; what is wrong in one is raised."""
    found = visit.opened.agreement_at(visit.clock)
    return fine(f"{len(visit.opened.agreements)} can be read; {found.version} is in force")


def check_runs(visit: Visit) -> Finding:
    """Whether the last run of each kind came to its end."""
    from pipelines.runs import read_runs

    last: dict[str, dict[str, object]] = {}
    for run in read_runs(visit.space):
        last.setdefault(str(run["run"]), run)
    since = visit.clock - DAYS
    ill = [r for r in last.values() if r["outcome"] != "done" and datetime.fromisoformat(str(r["started"])) >= since]
    if ill:
        told = [f"{run['run']} of {str(run['started'])[:16]}: {run['outcome']}" for run in ill]
        return look(named(told), f"look into {visit.space.root / str(ill[0]['log'])}, and run it again")
    return fine(f"the last run of each kind came to its end ({named(sorted(last))})" if last else "nothing ran yet")
