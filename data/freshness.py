"""How fresh is what a command works with? The age of the newest touch and call, and how many rows came too late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import Field

from data.sql import in_force
from data.tables import TABLES
from data.toml_errors import StrictModel
from data.warehouse import Warehouse


class Limits(StrictModel):
    """From which age on the newest row of a table is stale, in days."""

    touches_days: float = Field(default=3, gt=0, le=3650)
    calls_days: float = Field(default=5, gt=0, le=3650)


@dataclass(frozen=True)
class Age:
    """The newest event of a table: when it happened and its age in days (None: no row is known), and the limit."""

    table: str
    newest: datetime | None
    days: float | None
    limit_days: float

    @property
    def stale(self) -> bool:
        """Whether it is older than the limit; a table without rows has nothing that could be stale."""
        return self.days is not None and self.days > self.limit_days


@dataclass(frozen=True)
class Freshness:
    """How old the newest events known before `as_of` are, and how many rows of all tables became known since."""

    as_of: datetime
    ages: tuple[Age, ...]
    known_later: int

    @property
    def stale(self) -> tuple[Age, ...]:
        """The tables whose newest event is too old."""
        return tuple(age for age in self.ages if age.stale)


def measure_freshness(warehouse: Warehouse, as_of: datetime, limits: Limits) -> Freshness:
    """Of what was known before `as_of`, the age of the newest touch and call by when they happened."""
    ages = (_age(warehouse, "touches", as_of, limits.touches_days), _age(warehouse, "calls", as_of, limits.calls_days))
    counts = " UNION ALL ".join(f"SELECT count(*) AS n FROM {name} WHERE known_at >= $as_of" for name in TABLES)
    return Freshness(as_of, ages, int(warehouse.scalar(f"SELECT sum(n) FROM ({counts})", {"as_of": as_of})))


def _age(warehouse: Warehouse, table: str, as_of: datetime, limit_days: float) -> Age:
    happened = TABLES[table].occurred_at
    typed = " AND call_id NOT LIKE 'page-%' IS NOT FALSE" * (table == "calls")  # by people: says nothing of the source
    sql = f"SELECT max({happened}) FROM {table} e WHERE {in_force('$as_of')}{typed}"
    newest = warehouse.scalar(sql, {"as_of": as_of})
    days = max((as_of - newest) / timedelta(days=1), 0.0) if newest else None
    return Age(table, newest, days, limit_days)
