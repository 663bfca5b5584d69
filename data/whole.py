"""How is something written whole or not at all? Beside its place, and moved there in one step; and who waits for whom.

Killed at any moment, a process leaves what was there before or what it wrote, never a part.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from data.errors import ConfigError

HALF_MADE = re.compile(r"\..+\.(making|old|[0-9a-f]{32})")
"""What a file or folder is called while `whole` makes it or puts it in its place."""
PART = 1 << 20
"""Bytes that are copied at a time."""


@contextmanager
def writing(what: str, do: str, *more: type[Exception]) -> Iterator[None]:
    """ConfigError where files cannot be written, or an error of the kinds `more` comes.

    `what` was being done, `do` is what helps.
    """
    kinds: tuple[type[Exception], ...] = (OSError, *more)
    try:
        yield
    except kinds as error:
        got = (getattr(error, "strerror", None) or str(error)).partition("\n")[0]
        needed = "enough memory" if got.startswith("Out of Memory") else "a writable folder with free space"
        raise ConfigError(what, expected=needed, got=got, do=do) from None


@contextmanager
def whole(path: Path, *, unless_there: bool = False, alone: bool = False) -> Iterator[Path]:
    """A path beside `path` at which the block makes a file, a link or a folder, which then takes its place.

    `unless_there`: a file that another process has put there by then stays. `alone`: no other process writes here, so
    that whatever a killed one left is removed; folders need it, for one is replaced in two steps, the second of which
    is made up for by the next call.
    """
    making, old = (path.with_name(f".{path.name}.{word}") for word in ("making" if alone else uuid.uuid4().hex, "old"))
    path.parent.mkdir(parents=True, exist_ok=True)
    if alone:
        put_back(path)
        remove(making, old)
    try:
        yield making
        if unless_there:
            _link(making, path)
        elif making.is_dir() and path.is_dir() and not making.is_symlink():
            path.rename(old)
            making.rename(path)
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.replace(making, path)
    finally:
        with suppress(OSError):
            remove(making)


def put_back(path: Path) -> None:
    """Where a process was killed between the two steps in which a folder is replaced: what was there is there again."""
    old = path.with_name(f".{path.name}.old")
    if old.exists() and not path.exists():
        old.rename(path)


def point(link: Path, target: str) -> None:
    """Make `link` point to `target` in one step."""
    with whole(link, alone=True) as making:
        making.symlink_to(target)


def _link(made: Path, path: Path) -> None:
    try:
        os.link(made, path)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        if not path.exists():
            os.replace(made, path)


def remove(*paths: Path) -> None:
    """Remove files, links and folders where they are there."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def copied(file: BinaryIO, to: Path) -> tuple[int, str]:
    """Write all that is left to read of an open file to `to`, and onto the disk: bytes and SHA-256."""
    hashed, count = hashlib.sha256(), 0
    with to.open("wb") as made:
        while part := file.read(PART):
            hashed.update(part)
            count += made.write(part)
        made.flush()
        os.fsync(made.fileno())
    return count, hashed.hexdigest()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """While this holds, no other process holds the lock `path`: a file, which the kernel releases when one dies."""
    import fcntl

    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def shared(path: Path, first: Callable[[], None]) -> Iterator[None]:
    """Hold the lock `path` together with others; where nobody else holds it, `first` is done before anybody may."""
    import fcntl

    with path.open("a") as lock:
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            first()
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield
