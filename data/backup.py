"""What is in a backup, and is it as it was made? One file: a tar under zstd that ends with the hashes of its parts."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

import pyarrow as pa

from data.errors import ConfigError, DataError
from data.whole import copied

FORMAT = 1
"""Rises when an older leadready could no longer restore it."""
ABOUT, HASHES = "about.json", "hashes.json"
"""The first part and the last. Between them are the files of the workspace, below FILES."""
FILES = "workspace"


@dataclass(frozen=True)
class About:
    """What a backup says of itself first. made_at: UTC, ISO 8601; size: bytes of its files; schema: of the tables."""

    made_at: str
    workspace: str
    release: str
    schema: int
    size: int
    format: int = FORMAT


Opener = Callable[[], AbstractContextManager[BinaryIO]]
"""Opens a file of the workspace to be read; FileNotFoundError where it is gone."""


def pack(making: Path, about: About, files: Mapping[str, Opener]) -> dict[str, int]:
    """Write a backup of files, by their paths below the workspace; the bytes of each. Only its owner may read it.

    A file that grows meanwhile is kept as long as it was when it was opened; one that is gone by then is left out.
    """
    sizes: dict[str, int] = {}
    hashes: dict[str, str] = {}
    os.close(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with (
        pa.CompressedOutputStream(str(making), "zstd") as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        _add(tar, ABOUT, _as_json(asdict(about)))
        for name, opener in files.items():
            with suppress(FileNotFoundError), opener() as part:
                sizes[name], hashes[name] = _add(tar, f"{FILES}/{name}", part)
        _add(tar, HASHES, _as_json(hashes))
    with making.open("rb") as file:
        os.fsync(file.fileno())
    return sizes


def unpack(backup: Path, into: Path) -> About:
    """Write the files of a backup below `into`, which is there and empty.

    Raises DataError where the file is no backup, is cut off or was changed, and ConfigError where a newer leadready
    made it or there is no room.
    """
    with _parts(backup) as parts:
        about = _about(backup, next(parts, None))
        if about.size > (free := shutil.disk_usage(into).free):
            what, expected = f"restoring {backup}", f"room for {about.size / 1e6:,.1f} MB in {into.parent}"
            do = "free some space or restore into another folder"
            raise ConfigError(what, expected=expected, got=f"{free / 1e6:,.1f} MB", do=do)
        found, said = {}, None
        for name, part in parts:
            if name == HASHES:
                said = json.load(part)
                continue
            place = into / _inside(backup, name)
            place.parent.mkdir(parents=True, exist_ok=True)
            _, found[name.removeprefix(f"{FILES}/")] = copied(part, place)
    if said is None:
        raise _broken(backup, "a file that ends too early")
    if wrong := sorted(name for name in {*found, *said} if found.get(name) != said.get(name)):
        raise _broken(backup, f"{len(wrong)} files that are not as they were kept, {wrong[0]} among them")
    return about


@contextmanager
def _parts(backup: Path) -> Iterator[Iterator[tuple[str, BinaryIO]]]:
    """The parts one after the other, each to be read before the next; whatever is wrong with the file is DataError."""
    try:
        backup.open("rb").close()
    except OSError as error:
        do, got = "name the file that `leadready backup` wrote", str(error.strerror)
        raise ConfigError(f"restoring {backup}", expected="a backup that can be read", got=got, do=do) from None
    try:
        with pa.CompressedInputStream(str(backup), "zstd") as packed, tarfile.open(fileobj=packed, mode="r|") as tar:
            yield ((member.name, cast("BinaryIO", part)) for member in tar if (part := tar.extractfile(member)))
    except (tarfile.TarError, pa.ArrowException, ValueError, EOFError, KeyError, TypeError) as error:
        raise _broken(backup, f"a file that cannot be read ({str(error).partition(chr(10))[0]})") from None
    except OSError as error:
        if error.errno is not None:  # the disk's; those of the compression have no number
            raise
        raise _broken(backup, f"a file that cannot be read ({str(error).partition(chr(10))[0]})") from None


def _about(backup: Path, first: tuple[str, BinaryIO] | None) -> About:
    if first is None or first[0] != ABOUT:
        raise _broken(backup, "a file of another kind")
    said = json.load(first[1])
    if said.get("format") != FORMAT:
        expected, do = f"one of format {FORMAT}", "restore it with the leadready that made it, or a newer one"
        raise ConfigError(f"restoring {backup}", expected=expected, got=f"format {said.get('format')}", do=do)
    return About(**{field.name: said[field.name] for field in fields(About)})


def _inside(backup: Path, name: str) -> Path:
    """The path below the workspace; DataError for one that leads elsewhere."""
    path = PurePosixPath(name)
    if path.parts[0] != FILES or path.is_absolute() or ".." in path.parts or len(path.parts) < 2:
        raise _broken(backup, f"the file {name!a}, which belongs to no workspace")
    return Path(*path.parts[1:])


def _add(tar: tarfile.TarFile, name: str, file: BinaryIO) -> tuple[int, str]:
    """Add a file from where it stands to its end as it is now; bytes and SHA-256."""
    member, begin = tarfile.TarInfo(name), file.tell()
    member.size, member.mode = file.seek(0, os.SEEK_END) - begin, 0o600
    file.seek(begin)
    hashing = _Hashing(file)
    tar.addfile(member, hashing)  # type: ignore[arg-type]  # it is read, and nothing else
    return member.size, hashing.digest.hexdigest()


class _Hashing:
    """A file that hashes what is read of it."""

    def __init__(self, file: BinaryIO) -> None:
        self.digest, self._file = hashlib.sha256(), file

    def read(self, size: int) -> bytes:
        part = self._file.read(size)
        self.digest.update(part)
        return part


def _as_json(said: Any) -> io.BytesIO:
    return io.BytesIO(json.dumps(said, indent=1).encode())


def _broken(backup: Path, got: str) -> DataError:
    expected, do = "a backup as `leadready backup` made it", "use another one; nothing was changed"
    return DataError(f"restoring {backup}", expected=expected, got=got, do=do)


def total(sizes: Iterable[int]) -> str:
    """Bytes as people read them."""
    return f"{sum(sizes) / 1e6:,.1f} MB"
