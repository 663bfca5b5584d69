"""Where do things lie? The workspace: one folder that holds whatever runs produce."""

from __future__ import annotations

import os
import tomllib
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from data.errors import ConfigError
from data.whole import whole, writing

FORMAT = 1
"""Rises when an older leadready could no longer read the workspace."""


PRIVATE = 0o077
"""The umask of a process that has opened a workspace: what it writes is its owner's alone (0600, folders 0700)."""


class _Below:
    """A path below a workspace's root."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, space: Workspace, owner: type) -> Path:
        return space.root / self.name


@dataclass(frozen=True)
class Workspace:
    """Paths below one root; nothing is made before `create`."""

    root: Path

    warehouse = _Below("warehouse.duckdb")
    tracking = _Below("mlflow.db")
    artifacts = _Below("artifacts")
    agreements = _Below("agreements")
    mappings = _Below("mappings")
    reports = _Below("reports")
    exports = _Below("exports")
    page = _Below("page")
    inbox = _Below("inbox")
    runs = _Below("runs.jsonl")
    metrics = _Below("metrics.prom")
    notified = _Below("notified.json")
    logs = _Below("logs")
    settings = _Below("settings.toml")
    marker = _Below("workspace.toml")

    def create(self) -> None:
        """Make the folders and the marker; what is there already stays as it is."""
        self._check_name()
        with self._making():
            os.umask(PRIVATE)
            for folder in (self.root, self.artifacts, self.agreements, self.reports, self.exports):
                folder.mkdir(parents=True, exist_ok=True)
        self.add(self.marker, f"# This file marks the folder as a workspace of leadready.\nformat = {FORMAT}\n")

    def add(self, path: Path, text: str) -> bool:
        """Write a file of the workspace, whole or not at all, unless it is there already; whether it was written."""
        with self._making():
            if path.exists():
                return False
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole(path, unless_there=True) as making:
                making.write_text(text, encoding="utf-8")
        return True

    def _making(self) -> AbstractContextManager[None]:
        do = "free some space, or give a writable folder in --workspace or LEADREADY_HOME"
        return writing(f"making the workspace {self.root}", do)

    def check(self, *, reading: bool = False) -> None:
        """Raise ConfigError unless this is a workspace of our format that can be written, or for `reading` be read."""
        os.umask(PRIVATE)
        self._check_name()
        if wrong := self._wrong() or (None if reading else self._sealed()):
            expected, got, do = wrong
            raise ConfigError(f"opening the workspace {self.root}", expected=expected, got=got, do=do)

    def _check_name(self) -> None:
        """ConfigError where MLflow would keep models elsewhere: what follows a `?` is no part of a store's address."""
        path = str(self.root.resolve())
        if "?" in path or not path.isprintable():
            expected = "a path of letters, digits and other signs in UTF-8, without ?"
            do = "name another folder with --workspace or LEADREADY_HOME"
            raise ConfigError("opening the workspace", expected=expected, got=ascii(path), do=do)

    def _wrong(self) -> tuple[str, str, str] | None:
        """What was expected, what was found and what to do."""
        other = "or name another folder with --workspace or LEADREADY_HOME"
        try:
            found = tomllib.loads(self.marker.read_text(encoding="utf-8")).get("format")
        except (FileNotFoundError, NotADirectoryError):
            return "a folder made by `leadready init`", "no workspace.toml in it", f"run `leadready init`, {other}"
        except (ValueError, RecursionError, OSError) as error:
            found = f"an unreadable workspace.toml ({error})"
        if found != FORMAT:
            do = "use the version of leadready that made it, or start a new workspace with `leadready init`"
            return f"format {FORMAT}", str(found), do
        return None

    def _sealed(self) -> tuple[str, str, str] | None:
        """The same where it cannot be written."""
        if os.access(self.root, os.W_OK):
            return None
        other = "or name another folder with --workspace or LEADREADY_HOME"
        if os.statvfs(self.root).f_flag & os.ST_RDONLY:  # as the kernel makes one whose disk fails
            return "a writable folder", "a read-only file system", f"see why it is (`dmesg`) and mount it anew, {other}"
        return "a writable folder", "a read-only one", f"change its permissions, {other}"


def day_name(as_of: datetime, time_zone: str) -> str:
    """The calendar day of a moment (UTC) in that time zone: what the folders of a day are called."""
    return f"{as_of.replace(tzinfo=UTC).astimezone(ZoneInfo(time_zone)):%Y-%m-%d}"
