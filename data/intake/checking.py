"""What would a batch become? Columns used and not, the first rejected rows, and the words of its answers."""

from __future__ import annotations

import re
from collections.abc import Mapping as ByName
from collections.abc import Sequence
from dataclasses import dataclass

from data.intake.contract import KNOWN_AT, Columns
from data.intake.files import RawData
from data.intake.mapping import Mapping
from data.intake.quarantine import VALUE
from data.tables import TABLES, Table
from data.warehouse import Warehouse

SHORTENED = "regexp_replace(reason, ', got .*', '')"
OF_WORDS = re.compile(r"level: |\w+: expected one of ")
FIRST = "(file, line)"
REJECTED = f"""SELECT table_name, count(*), arg_min(reason, {FIRST}), arg_min(file, {FIRST}), arg_min(line, {FIRST})
    FROM (SELECT *, {SHORTENED} AS kind FROM quarantine WHERE batch_id = $1)
    GROUP BY table_name, kind ORDER BY table_name, count(*) DESC, kind"""
ANSWERS = """SELECT criterion, word, count(*) FROM (
        SELECT criterion, coalesce(level, state) AS word FROM answers WHERE superseded_at IS NULL
        UNION ALL SELECT lower(raw->>'criterion'), coalesce(raw->>'level', raw->>'state') || ' (rejected)'
            FROM quarantine WHERE batch_id = $1 AND table_name = 'answers' AND settings IS NOT NULL)
    GROUP BY ALL ORDER BY ALL"""


@dataclass(frozen=True)
class Rejected:
    """Rows that would be quarantined for one kind of reason: how many, and the first of them."""

    table: str
    rows: int
    reason: str
    file: str
    line: int


@dataclass(frozen=True)
class Checked:
    """What was looked at before it was taken back.

    `feeds`: file -> tables made of it; `unread`: file -> columns that no mapping reads; `extras`: columns kept as
    features, as `leads.stage`; `answers`: criterion -> level (or state) -> rows.
    """

    feeds: dict[str, tuple[str, ...]]
    unread: dict[str, tuple[str, ...]]
    extras: tuple[str, ...]
    rejected: tuple[Rejected, ...]
    answers: dict[str, dict[str, int]]


def look_closer(
    warehouse: Warehouse, batch_id: str, used: Sequence[Mapping], raw: RawData, columns: ByName[str, Columns]
) -> Checked:
    """What a batch did, inside its transaction."""
    readers = {f.name: [m for m in used if f.relation in m.reads] for f in raw.files}
    unread = {f.name: tuple(c for c in f.columns if not _is_read(c, readers[f.name], columns)) for f in raw.files}
    extras = tuple(f"{t}.{given}" for t, taken in columns.items() for given in _extras(TABLES[t], taken))
    answers: dict[str, dict[str, int]] = {}
    for criterion, level, rows in warehouse.rows(ANSWERS, [batch_id]):
        answers.setdefault(criterion, {})[level] = rows
    rejected = tuple(Rejected(t, n, _shown(r), *place) for t, n, r, *place in warehouse.rows(REJECTED, [batch_id]))
    feeds = {name: tuple(m.table.name for m in mappings) for name, mappings in readers.items()}
    return Checked(feeds, unread, extras, rejected, answers)


def _extras(table: Table, taken: Columns) -> list[str]:
    """The columns beyond the contract that are kept, as the mapping names them."""
    return [given for name, (given, _) in taken.given.items() if name not in (*table.names, KNOWN_AT.name)]


def _shown(reason: str) -> str:
    """The reason without its value, which may be personal; one that is to be a word of ours is needed to map it."""
    is_word = OF_WORDS.match(reason) and reason.count(": expected ") == 1
    return reason if is_word else VALUE.sub(" got a value that is not shown", reason)


def _is_read(column: str, mappings: Sequence[Mapping], columns: ByName[str, Columns]) -> bool:
    """Whether the SQL of one of them names the column, or gives one of this name."""
    named = rf'"{re.escape(column)}"|(?<![\w"]){re.escape(column)}(?![\w"])'
    named_in = any(re.search(named, re.sub("--[^\n]*", "", m.sql), re.IGNORECASE) for m in mappings)
    return named_in or any(column in _outcome(columns[m.table.name]) for m in mappings)


def _outcome(taken: Columns) -> set[str]:
    """The columns that a mapping's SELECT gave, whatever became of them."""
    return {*(name for name, _ in taken.given.values()), *taken.personal, *taken.ignored}
