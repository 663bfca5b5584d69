"""What did a publication rest on? Noted with it, so that it can be computed again and a difference has a name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from importlib.metadata import version
from typing import Any

import pandas as pd

from data.settings import Settings
from data.tables import PUBLICATIONS, SCORES
from data.warehouse import Warehouse

MATTERS = {"time_zone", "label", "freshness"}
"""The settings that scores depend on."""
NEXT = "SELECT 1 + coalesce(max(number), 0) FROM publications WHERE as_of <> $1"
TAKEN = """SELECT what, count(*) FROM retractions WHERE what IN ('forget', 'column') OR known_at < $1
    GROUP BY what ORDER BY what"""
"""What was taken back that a snapshot at $1 shows, by what: other retractions count from their own moment on."""


@dataclass(frozen=True)
class Basis:
    """What is noted with a publication.

    `leads`: how many had a score. `loaded_until`: the time of the last load. `taken_back`: retractions that show, by
    what. `settings`: those that scores depend on. `columns`: of the table scores. `release`: of leadready.
    """

    leads: int
    loaded_until: str
    taken_back: dict[str, int]
    settings: dict[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] = SCORES.names
    release: str = ""

    @property
    def loaded(self) -> datetime:
        """The time of the last load."""
        return datetime.fromisoformat(self.loaded_until)


def settings_noted(settings: Settings) -> dict[str, Any]:
    """The settings that scores depend on, as they are noted."""
    return settings.model_dump(mode="json", include=MATTERS)


def note_basis(warehouse: Warehouse, as_of: datetime, scores: pd.DataFrame, settings: Mapping[str, Any]) -> None:
    """Note the basis of the publication of `as_of`, within its transaction, and its number in the order of making.

    No clock is read: the same publication, made again as the last one, is noted in the same words.
    """
    loaded = warehouse.scalar("SELECT coalesce(max(loaded_at), TIMESTAMP '1970-01-01') FROM batches")
    basis = Basis(
        len(scores),
        loaded.isoformat(),
        taken_back(warehouse, as_of),
        dict(settings),
        SCORES.names,
        version("leadready"),
    )
    values = [warehouse.scalar(NEXT, [as_of]), json.dumps(asdict(basis)), as_of]
    warehouse.execute("UPDATE publications SET number = $1, basis = $2 WHERE as_of = $3", values)


def taken_back(warehouse: Warehouse, as_of: datetime) -> dict[str, int]:
    """How much was taken back, by what, that changes what a snapshot at `as_of` sees."""
    return dict(warehouse.rows(TAKEN, [as_of]))


def read_basis(warehouse: Warehouse, as_of: datetime) -> tuple[int, Basis] | None:
    """The number and the basis of a publication; None where it has none, as those of an older leadready."""
    warehouse.make(PUBLICATIONS)
    found = warehouse.rows("SELECT number, basis FROM publications WHERE as_of = $1 AND basis IS NOT NULL", [as_of])
    if not found:
        return None
    number, text = found[0]
    said = json.loads(text)
    return number, Basis(**{**said, "columns": tuple(said["columns"])})
