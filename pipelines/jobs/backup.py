"""How is a workspace kept elsewhere, and brought back? As one file, made while nobody writes into the warehouse."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from io import BytesIO
from pathlib import Path

from data.backup import About, Opener, pack, total, unpack
from data.errors import ConfigError, UsageError
from data.forgotten import Forgotten, list_forgotten, read_forgotten
from data.migrations import MIGRATIONS
from data.opened import OpenWorkspace, open_workspace
from data.settings import patience
from data.warehouse import Warehouse
from data.whole import HALF_MADE, put_back, whole, writing
from data.workspace import PRIVATE, Workspace
from pipelines.jobs.forget import forget_again

log = logging.getLogger(__name__)
LEFT_OUT = {
    "exports": "written anew from the scores when it is restored",
    "page": "written anew by the first scoring after that",
    "prefect": "Prefect's own records of runs",
}
"""Folders of a workspace that no backup holds, and why."""
ON_SERVER = "models are on the MLflow server that LEADREADY_MLFLOW names, and in no backup of a workspace"


@dataclass(frozen=True)
class Kept:
    """A backup that was made. sizes, counts: bytes and files by the first part of their paths; links: left out."""

    file: Path
    bytes: int
    sizes: dict[str, int]
    counts: dict[str, int]
    links: tuple[str, ...]


@dataclass(frozen=True)
class Restored:
    """What was restored. forgotten: people erased again; lost: hashes that could not be taken over; moved: addresses of
    files of models that were changed; days: those whose exports were written anew."""

    about: About
    forgotten: int
    lost: int
    moved: int
    days: int


def back_up(opened: OpenWorkspace, to: Path, clock: datetime, *, replace: bool = False) -> Kept:
    """Write a backup of the workspace to the file `to`, whole or not at all; `clock`: now, in UTC.

    Raises UsageError where `to` is a folder, lies in the workspace, or is there already and `replace` is not given,
    and BusyError where another process uses the warehouse for too long.
    """
    space = opened.workspace
    _check_place(space, to, replace)
    with opened.warehouse() as warehouse:
        links: list[str] = []
        paths = [*_worth_keeping(space, links)]
        size = sum(path.stat().st_size for path in paths if path.exists())
        _warn_of_space(to, size)
        files = {str(path.relative_to(space.root)): _opener(space, warehouse, path) for path in paths}
        about = About(clock.isoformat(), str(space.root.resolve()), version("leadready"), len(MIGRATIONS), size)
        do = "free some space or name another place; the workspace is as it was"
        with writing(f"writing the backup {to}", do, sqlite3.Error), whole(to, alone=True) as making:
            sizes = pack(making, about, files)
    of_part: dict[str, list[int]] = {}
    for name, count in sizes.items():
        of_part.setdefault(Path(name).parts[0], []).append(count)
    summed = {name: sum(found) for name, found in of_part.items()}
    counts = {name: len(found) for name, found in of_part.items()}
    return Kept(to, to.stat().st_size, summed, counts, tuple(links))


def _check_place(space: Workspace, to: Path, replace: bool) -> None:
    what, inside = f"backing up {space.root}", to.resolve().is_relative_to(space.root.resolve())
    if to.is_dir() or inside:
        got = "a folder" if to.is_dir() else "one in the workspace itself"
        do = "name a file elsewhere, such as /backups/leadready-2026-03-15.tar.zst"
        raise UsageError(what, expected="the name of a file outside the workspace", got=f"{to}, {got}", do=do)
    if to.exists() and not replace:
        do = "name another, or add --replace"
        raise UsageError(what, expected="the name of a new file", got=f"{to}, which is there", do=do)


def _warn_of_space(to: Path, size: int) -> None:
    """Files shrink in a backup, by how much is known afterwards: so it is tried, and a full disk leaves nothing."""
    place = next(folder for folder in to.absolute().parents if folder.exists())
    if (free := shutil.disk_usage(place).free) < size:
        said = "%s has %s free, and the files of the workspace are %s: the backup may not fit, though it is compressed"
        log.warning(said, place, total([free]), total([size]))


def _worth_keeping(space: Workspace, links: list[str]) -> Iterator[Path]:
    """The files of a backup: the stores first, MLflow's before the files that it names. `links` is added to."""
    stores = [path for path in (space.warehouse, space.tracking) if path.exists()]
    yield from stores
    for top in sorted(space.root.iterdir()):
        if top in stores or top.name in LEFT_OUT or _of_no_worth(space, top):
            continue
        if top.is_file():
            yield top
        for folder, below, names in os.walk(top):
            links += [str((Path(folder) / name).relative_to(space.root)) for name in below if _is_link(folder, name)]
            below[:] = sorted(name for name in below if not HALF_MADE.fullmatch(name))
            paths = [Path(folder) / name for name in sorted(names) if not HALF_MADE.fullmatch(name)]
            yield from (path for path in paths if path.is_file())


def _is_link(folder: str, name: str) -> bool:
    return (Path(folder) / name).is_symlink()


def _of_no_worth(space: Workspace, path: Path) -> bool:
    """Locks, what stores have in files beside them, half-made things, and copies from before a migration."""
    locks = [space.tracking.with_suffix(end).name for end in (".lock", ".moving")]
    locks.append(space.runs.with_suffix(".lock").name)
    beside = path.name.startswith((f"{space.warehouse.name}.", f"{space.tracking.name}-"))
    return path.name in locks or beside or bool(HALF_MADE.fullmatch(path.name))


def _opener(space: Workspace, warehouse: Warehouse, path: Path) -> Opener:
    from models.registry.moved import snapshot

    if path == space.warehouse:
        return lambda: nullcontext(warehouse.file(path))
    if path == space.tracking:
        return lambda: BytesIO(snapshot(path))
    return lambda: path.open("rb")


def restore(
    root: Path, backup: Path, clock: datetime, *, replace: bool = False, forgotten: Path | None = None
) -> Restored:
    """Make the workspace `root` from a backup, whole or not at all; `clock`: now, in UTC.

    Whoever was forgotten in the workspace that it replaces, or is on the list `forgotten`, stays forgotten. Raises
    UsageError where the folder is not empty and `replace` is not given, ConfigError where it is no workspace or its
    list cannot be read, DataError where the backup is not whole.
    """
    os.umask(PRIVATE)
    target = Workspace(root.resolve())
    known = [read_forgotten(forgotten)] if forgotten else []
    put_back(target.root)
    with ExitStack() as holding:
        if target.root.exists() and (not target.root.is_dir() or any(target.root.iterdir())):
            _check_replaceable(target, replace)
            known += holding.enter_context(_holding(target, bool(forgotten)))
        do = "free some space or restore into another folder; nothing was changed"
        with writing(f"restoring {backup}", do, sqlite3.Error), whole(target.root, alone=True) as making:
            making.mkdir(parents=True)
            return _restored(backup, making, target, known, clock)


def _restored(backup: Path, making: Path, target: Workspace, known: list[Forgotten], clock: datetime) -> Restored:
    from models.registry.kept import NAME
    from models.registry.moved import move_to
    from serving.sinks import files

    about, space, moved = unpack(backup, making), Workspace(making), 0
    if space.tracking.exists():
        moved = move_to(space.tracking, NAME, target.artifacts.as_uri())
    space.create()
    opened = open_workspace(making)
    again, lost = forget_again(opened, known, clock)
    with opened.warehouse() as warehouse:
        files.finish(space, warehouse)
        days = len(files.published_days(warehouse))
    return Restored(about, again, lost, moved, days)


def _check_replaceable(target: Workspace, replace: bool) -> None:
    what, got = f"restoring into {target.root}", "a folder that is not empty"
    if not replace:
        do = "name a new folder with --workspace, or add --replace: what is there is then lost"
        raise UsageError(what, expected="a folder that is not there or is empty", got=got, do=do)
    if not target.marker.is_file():
        do = "move it away, or name another folder with --workspace"
        raise ConfigError(what, expected="a workspace to replace", got=f"{got} and no workspace", do=do)


@contextmanager
def _holding(target: Workspace, named: bool) -> Iterator[list[Forgotten]]:
    """While this holds nobody writes into the workspace that is replaced; it gives the list of whom that forgot.

    `named`: another list was given, so that one which cannot be read here stops nothing.
    """
    with ExitStack() as holding:
        try:
            if not target.warehouse.is_file():
                do = "ingest again"
                raise ConfigError(f"opening {target.warehouse}", expected="a warehouse", got="no such file", do=do)
            open_it = Warehouse.open(target.warehouse, wait_s=patience(target.settings), as_it_is=True)
            known = [list_forgotten(holding.enter_context(open_it))]
        except ConfigError as error:
            if not named:
                raise ConfigError(
                    f"restoring into {target.root}",
                    expected="a warehouse that says who was forgotten since the backup was made",
                    got=error.parts["got"],
                    do="give that list with --forgotten, or move the workspace away: then those people come back",
                ) from error
            log.warning("the warehouse that is replaced cannot be read; who was forgotten is taken from the list alone")
            known = []
        yield known
