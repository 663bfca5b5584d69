"""What does a command work with? A workspace opened once: its settings, its agreements and its warehouse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from data.agreement.file import all_versions, pick
from data.agreement.model import Agreement
from data.settings import Settings, read_settings
from data.warehouse import Warehouse
from data.workspace import Workspace


@dataclass(frozen=True)
class OpenWorkspace:
    """Settings and agreements as they were when first asked for: read once, whoever of a command asks next."""

    workspace: Workspace

    @cached_property
    def settings(self) -> Settings:
        """What settings.toml says; ConfigError names the key that is wrong."""
        return read_settings(self.workspace.settings)

    @cached_property
    def agreements(self) -> list[Agreement]:
        """Every version, the earliest first; ConfigError where one is wrong."""
        return all_versions(self.workspace.agreements)

    def agreement_at(self, moment: datetime) -> Agreement:
        """The agreement in force then; ConfigError where there is none."""
        return pick(self.agreements, moment, self.workspace.agreements)

    @contextmanager
    def warehouse(self) -> Iterator[Warehouse]:
        """The warehouse under the compute settings.

        DuckDB lets one process in: take it for as long as rows are read or written, not while models are fitted.
        Where another process has it this one waits, and says for whom; BusyError where that takes too long.
        """
        own, path = self.settings.compute, self.workspace.warehouse
        with Warehouse.open(path, threads=own.threads, memory=own.memory, wait_s=own.wait_s) as warehouse:
            yield warehouse


def open_workspace(root: Path, *, reading: bool = False) -> OpenWorkspace:
    """The workspace in that folder; ConfigError unless it is one of our format that can be written, or read."""
    workspace = Workspace(root)
    workspace.check(reading=reading)
    return OpenWorkspace(workspace)
