"""What should a person know of a batch? Keys that do not meet, words of no agreement, history that is not there."""

from __future__ import annotations

from dataclasses import dataclass

from data.intake.keys import alike
from data.intake.versions import Stored
from data.intake.words import Word
from data.tables import Table
from data.warehouse import Warehouse

HISTORY = "INTERVAL 1 DAY"
"""What happened longer before the first load, which made it known, is history."""
LATE = "INTERVAL 7 DAY"
"""What happened longer before a later load is history; what a weekly load brings is not."""
UNDECIDED = r"won IS NULL AND (closed_at IS NOT NULL OR regexp_matches(stage, '(?i)closed|\b(won|lost)\b'))"
"""A deal that is closed by its date or its stage ("Closed Lost", "closedwon"), and does not say whether it was won."""


@dataclass(frozen=True)
class Strangers:
    """Of `rows` rows of a table (leads: of all) that name an account or a lead, `unknown` name one that is not there.

    `alike` of these would meet one but for letter case or leading zeros. `many`: beyond the limit of the settings.
    """

    table: str
    of: str
    rows: int
    unknown: int
    alike: int
    many: bool


@dataclass(frozen=True)
class Finding:
    """What is to be said of a table's rows in a batch.

    `events` is what became of events (see `Stored`), None in other tables. `from_now`: rows that are known from the
    load on only and happened long before: of a table's first load, and of a later one whose new rows are mostly such.
    `undecided`: closed deals that do not say whether they were won.
    """

    table: str
    events: Stored | None = None
    words: tuple[Word, ...] = ()
    from_now: int = 0
    undecided: int = 0


def find_strangers(warehouse: Warehouse, table: str, rows: str, of: Table, most: float) -> Strangers:
    """Which of `rows` (SQL of a relation) name something that the table `of` does not hold."""
    (key,) = of.key
    given = f"(SELECT {key} AS id FROM {rows} WHERE {key} IS NOT NULL)"
    strangers = f"{given} ANTI JOIN (SELECT {key} AS id FROM {of.name}) USING (id)"
    total, unknown = warehouse.rows(f"SELECT (SELECT count(*) FROM {given}), (SELECT count(*) FROM {strangers})")[0]
    near = f"SELECT count(*) FROM {strangers} WHERE {alike('id')} IN (SELECT {alike(key)} FROM {of.name})"
    return Strangers(table, of.name, total, unknown, warehouse.scalar(near) if unknown else 0, unknown > most * total)


def count_from_now(warehouse: Warehouse, table: Table, load: str) -> int:
    """How many rows of the relation `good` are history that is known from the load (SQL) on only."""
    if not table.occurred_at or warehouse.scalar(f"SELECT count(*) FROM (FROM {table.name} LIMIT 1)"):
        return 0
    old = f"_clock = 'load' AND {table.occurred_at} < {load} - {HISTORY}"
    return int(warehouse.scalar(f"SELECT count(*) FROM good WHERE {old}"))


def count_late(warehouse: Warehouse, table: Table, batch_id: str, load: str) -> int:
    """How many of a batch's new rows are history that is known from the load (SQL) on only; 0 unless most of them are.

    A row is new if its key was not known before the load: corrections and new versions are not new.
    """
    if not table.occurred_at:
        return 0
    named = f"e.{table.event_id} IS NOT NULL AND" if table.event_id else ""
    same = " AND ".join(f"e.{k} IS NOT DISTINCT FROM t.{k}" for k in table.key)
    new, old = warehouse.rows(
        f"""SELECT count(*), count(*) FILTER ({table.occurred_at} < {load} - {LATE}) FROM {table.name} t
        WHERE batch_id = $1 AND known_at = {load} AND copied_from IS NULL
        AND NOT EXISTS (FROM {table.name} e WHERE {named} {same} AND e.known_at < t.known_at)""",
        [batch_id],
    )[0]
    return int(old) if 2 * old > new else 0


def count_undecided(warehouse: Warehouse) -> int:
    """How many deals of the relation `good` are closed and do not say whether they were won."""
    return int(warehouse.scalar(f"SELECT count(*) FROM good WHERE {UNDECIDED}"))
