"""Which texts were not read as the values that they seem to be? Counted by column, with examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from data.agreement.model import Agreement
from data.intake.contract import Columns, kept_words
from data.intake.keys import GUARDED
from data.intake.values import CODE, Reading, Seen, examples, is_other_style
from data.sql import literal, quoted
from data.tables import Column, Table
from data.warehouse import Warehouse

Kind = Literal["empty", "no_number", "other_style", "thousands", "stays_text", "codes", "guarded"]


@dataclass(frozen=True)
class Noticed:
    """Texts of a column (`table.column`): how many of the `filled` ones, and the most frequent with their counts.

    `empty`: empty words, read as nothing (not among the `filled`). `no_number`: no numbers, of an extra column of
    numbers, stored as missing. `other_style`: numbers in a style that is not declared. `thousands`: read with a decimal
    point that may part thousands. `stays_text`: numbers in a column of texts. `codes`: with a
    leading zero, in an extra column of numbers. `guarded`: ids as Excel guards a text (`="007"`), read without that.
    """

    column: str
    kind: Kind
    count: int
    filled: int
    examples: tuple[tuple[str, int], ...]


def notice(
    warehouse: Warehouse,
    table: Table,
    columns: Columns,
    seen: dict[str, Seen],
    reading: Reading,
    agreements: Sequence[Agreement],
) -> list[Noticed]:
    """What there is to say of the relation `mapped`, whose text columns look as `seen`."""
    found = []
    taken = {columns.given[c.name][0]: c for c in columns.stored if c.name in columns.given}
    for name, about in seen.items():
        if name not in (*columns.personal, *columns.ignored):
            where = _conditions(reading, reading.is_empty("text", kept_words(table, name, agreements)))
            for kind, count in _kinds(table, taken.get(name), about, bool(reading.decimal)).items():
                shown = examples(warehouse, name, where[kind]) if count else ()
                found += [Noticed(f"{table.name}.{name}", kind, count, about.filled, shown)] * bool(count)
    return found + [g for c in columns.stored if c.id_of for g in _guarded(warehouse, table, c, columns, seen)]


def _guarded(
    warehouse: Warehouse, table: Table, column: Column, columns: Columns, seen: dict[str, Seen]
) -> list[Noticed]:
    """The ids of a column that Excel guards, if there are any."""
    name, _ = columns.given.get(column.name, ("", ""))
    if name not in seen or not seen[name].odd:
        return []
    # what it begins with is cheap to look at, and rules out most texts
    is_guarded = f"starts_with(text, '=') AND regexp_matches(text, {literal(GUARDED)})"
    text = f"(SELECT trim({quoted(name)}) AS text FROM mapped)"
    [(filled, count)] = warehouse.rows(f"SELECT count(text), count(*) FILTER ({is_guarded}) FROM {text}")
    shown = examples(warehouse, name, is_guarded) if count else ()
    return [Noticed(f"{table.name}.{name}", "guarded", count, filled, shown)] * bool(count)


def _kinds(table: Table, column: Column | None, seen: Seen, declared: bool) -> dict[Kind, int]:
    """How many texts of each kind; None is a column that is all empty yet; `declared`: the decimal style is."""
    if column is None:
        return {"empty": seen.empty}
    own = column.name in table.names
    number, text = column.type == "number", column.type == "text" and not own
    point_alone = number and not declared and seen.pointed == seen.thousands
    return {
        "empty": seen.empty,
        "no_number": (seen.filled - seen.numbers) * (number and not own),
        "other_style": seen.styled * (number or (text and seen.looks_styled)),
        "thousands": seen.thousands * point_alone,
        "stays_text": seen.numbers * (text and seen.is_number),
        "codes": seen.codes * (number and not own),
    }


def _conditions(reading: Reading, is_empty: str) -> dict[Kind, str]:
    """SQL over `text`: which ones are of each kind."""
    number = f"{reading.number('text')} IS NOT NULL"
    return {
        "empty": is_empty,
        "no_number": f"NOT ({number}) AND NOT {is_empty}",
        "other_style": f"NOT ({number}) AND {is_other_style('text')}",
        "thousands": "contains(text, '.')",
        "stays_text": number,
        "codes": f"regexp_matches(text, '{CODE}')",
    }
