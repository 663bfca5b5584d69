"""What does a check say? That all is fine, that a person should look, or that something is broken; and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from data.errors import BusyError, DataError, LeadreadyError
from data.opened import OpenWorkspace
from data.settings import patience
from data.warehouse import Warehouse
from data.workspace import Workspace

State = Literal["fine", "look", "broken"]
NAMED = 3
"""Of so many things that are wrong the names are told."""


@dataclass(frozen=True)
class Finding:
    """What one check found; `code`: the exit code that it asks for."""

    state: State
    says: str
    do: str = ""
    code: int = 0


@dataclass
class Visit:
    """The workspace that is looked at, at a moment in UTC. Nothing of it is changed."""

    opened: OpenWorkspace
    clock: datetime
    _busy: list[BusyError] = field(default_factory=list)

    @property
    def space(self) -> Workspace:
        """Where its things lie."""
        return self.opened.workspace

    @contextmanager
    def warehouse(self) -> Iterator[Warehouse]:
        """The warehouse as it is; it is waited for once, whatever number of checks need it."""
        if self._busy:
            raise self._busy[0]
        try:
            wait_s = patience(self.space.settings)
            with Warehouse.open(self.space.warehouse, wait_s=wait_s, as_it_is=True) as warehouse:
                yield warehouse
        except BusyError as error:
            self._busy.append(error)
            raise


def fine(says: str) -> Finding:
    """All is as it should be."""
    return Finding("fine", says)


def look(says: str, do: str) -> Finding:
    """Nothing is broken, and yet somebody should know."""
    return Finding("look", says, do)


def broken(says: str, do: str, kind: type[LeadreadyError] = DataError) -> Finding:
    """Something does not work; the kind gives the exit code."""
    return Finding("broken", says, do, kind.exit_code)


def from_error(error: LeadreadyError) -> Finding:
    """What an error says; a warehouse in use is no fault, and leaves things unknown."""
    says = f"{error.parts['what']}: {error.parts['got']}"
    return Finding("look" if isinstance(error, BusyError) else "broken", says, error.parts["do"], error.exit_code)


def named(things: Sequence[object]) -> str:
    """How many there are, and the first of them."""
    more = f" and {len(things) - NAMED:,} more" if len(things) > NAMED else ""
    return ", ".join(map(str, things[:NAMED])) + more
