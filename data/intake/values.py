"""How is a text read as a value? Empty words, times and numbers: only in forms that are declared, never by a guess."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import duckdb

from data.errors import ConfigError
from data.intake.keys import is_plain
from data.settings import IngestSettings
from data.sql import literal, quoted
from data.warehouse import Warehouse

OFFSET = r"Z| ?UTC|[+-](0\d|1[0-3])(:?[0-5]\d)?|[+-]14(:?00)?"
ISO_TIME = rf"\d{{4}}-\d\d-\d\d([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{{1,9}})?)?({OFFSET})?)?"
NUMBER = r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?"
CURRENCY = r"(?:[$€£¥₹]|[A-Z]{3})"
PARTS = r" '’\x{a0}\x{202f}"
BODIES = {
    mark: rf"(?:\d{{1,3}}(?:[{parts}{PARTS}]\d{{3}})+|\d+)(?:[{mark}]\d+)?" for mark, parts in ((".", ","), (",", "."))
}
STYLED = {
    mark: rf"([+-]?){CURRENCY}?[ \x{{a0}}]?([+-]?)({body})[ \x{{a0}}]?(?:%|{CURRENCY})?"
    for mark, body in BODIES.items()
}
"""A number in a declared style, by its decimal mark: thousands parted, a currency or a percent sign around it."""
CODE = "^[+-]?0[0-9]"
CONTACT = r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}|\+[1-9][\d ()/.-]{7,}"
"""An e-mail address, or a phone number with its country."""
NEARLY_ALL = 0.98
NAIVE = ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")
"""The types of times without a zone."""


@dataclass(frozen=True)
class Reading:
    """How the values of one mapping are read.

    zone: that of naive times, which the session has too. times, decimal: the mapping's form of times and its decimal
    mark, '' where it declares none.
    """

    settings: IngestSettings
    zone: str
    times: str = ""
    decimal: str = ""

    def declared(self, warehouse: Warehouse, times: str, decimal: str, where: str) -> Reading:
        """With what a mapping declares, else with the settings'; ConfigError where that would guess."""
        form, mark = times or self.settings.times, decimal or self.settings.decimal
        if mark not in ("", *STYLED):
            raise ConfigError(f"reading {where}", expected="decimal: . or ,", got=repr(mark), do="name one of them")
        if form:
            _check_form(warehouse, form, where)
        return replace(self, times=form, decimal=mark)

    @property
    def has_empty_times(self) -> bool:
        """Whether an empty word may be a time, such as 1900-01-01."""
        return any(word[:1].isdigit() for word in self.settings.empty_words)

    @property
    def accepted(self) -> str:
        """The forms of times that are accepted, in words."""
        iso = "2026-01-31, 2026-01-31 08:15 or 2026-01-31T08:15:00+01:00"
        return f"a time such as {iso}{f' or by the form {self.times}' if self.times else ''}"

    def emptied(self, text: str, form: str, kept: Iterable[str]) -> str:
        """SQL: the `form` of a text, NULL where the text is an empty word that is not among those `kept`."""
        return f"CASE WHEN NOT {self.is_empty(text, kept)} THEN {form} END"

    def is_empty(self, text: str, kept: Iterable[str] = ()) -> str:
        """SQL: whether the text is an empty word that is not among those `kept`."""
        left_out = {k.lower() for k in kept}
        return is_among(f"lower({text})", [w for w in self.settings.empty_words if w and w not in left_out])

    def moment(self, time: str, sql_type: str) -> str:
        """SQL: a time or day of that type in UTC, NULL where it is none that can be stored."""
        if self.zone == "UTC" and sql_type in NAIVE:  # the conversion gives the same, a hundred times slower
            return f"try_cast({time} AS TIMESTAMP)"
        return f"timezone('UTC', try_cast({time} AS TIMESTAMPTZ))"

    def time(self, text: str) -> str:
        """SQL: the text as a time in UTC, NULL where it has no accepted form; naive ones are of the session's zone."""
        iso = f"CASE WHEN regexp_full_match({text}, {literal(ISO_TIME)}) THEN try_cast({text} AS TIMESTAMPTZ) END"
        own = f"try_cast(try_strptime({text}, {literal(self.times)}) AS TIMESTAMPTZ)"
        return f"timezone('UTC', {f'coalesce({iso}, {own})' if self.times else iso})"

    def number(self, text: str) -> str:
        """SQL: the text as a number, NULL where it is none in the declared style, else as in 12.5 or 1e3."""
        if not self.decimal:
            return f"CASE WHEN regexp_full_match({text}, '{NUMBER}') THEN try_cast({text} AS DOUBLE) END"
        return f"CASE WHEN {_is_styled(text, self.decimal)} THEN {_unstyled(text, self.decimal)} END"


@dataclass(frozen=True)
class Texts:
    """A text column: the empty words that it keeps as values, whether its texts may be numbers, whether it has ids."""

    name: str
    kept: tuple[str, ...] = ()
    numeric: bool = False
    ids: bool = False


@dataclass(frozen=True)
class Seen:
    """What the texts of a column are: how many are no empty words, and so on.

    `padded` have spaces around them; `odd` ids are not stored as they are, or are guarded (data/intake/keys.py);
    `codes` have a leading zero; `long` have 16 digits and more, as ids; `contacts` are e-mail addresses and phone
    numbers; `styled` are numbers only in a style that is not declared; `pointed` are numbers with a point, and
    `thousands` those of them that may mean thousands.
    """

    filled: int
    empty: int
    padded: int = 0
    odd: int = 0
    numbers: int = 0
    codes: int = 0
    styled: int = 0
    pointed: int = 0
    thousands: int = 0
    long: int = 0
    contacts: int = 0

    @property
    def is_number(self) -> bool:
        """Whether nearly all are numbers, none is a code, and most are no longer than an amount."""
        return 0 < self.filled * NEARLY_ALL <= self.numbers and not self.codes and 2 * self.long <= self.numbers

    @property
    def is_contact(self) -> bool:
        """Whether most say how to reach a person."""
        return 2 * self.contacts > self.filled

    @property
    def looks_styled(self) -> bool:
        """Whether nearly all would be numbers in another style."""
        return self.styled > 0 and self.numbers + self.styled >= NEARLY_ALL * self.filled


def look_at(warehouse: Warehouse, texts: Iterable[Texts], reading: Reading) -> dict[str, Seen]:
    """What is in some text columns of `mapped`. All columns of one kind go through one query, however many they are."""
    groups: dict[tuple[Any, ...], list[Texts]] = {}
    for column in texts:
        groups.setdefault((column.kept, column.numeric), []).append(column)
    return {name: seen for group in groups.values() for name, seen in _look(warehouse, group, reading)}


def _look(warehouse: Warehouse, columns: list[Texts], reading: Reading) -> list[tuple[str, Seen]]:
    """Of columns that differ in name and `ids` only."""
    counts = ", ".join(["count(nullif(text, ''))", *(f"count(*) FILTER ({c})" for c in _facts(columns[0], reading))])
    found = warehouse.rows(f"SELECT name, {counts} FROM ({' UNION ALL '.join(map(_texts, columns))}) GROUP BY name")
    seen = {name: Seen(rows - empty, empty, *facts) for name, rows, empty, *facts in found}
    return [(c.name, seen.get(c.name, Seen(0, 0))) for c in columns]


def _texts(column: Texts) -> str:
    """SQL of the texts of a column. By UNPIVOT those of a Parquet file's dictionary would not be trimmed once each."""
    given = quoted(column.name)
    odd = f"NOT {is_plain(f'trim({given})')}" if column.ids else "FALSE"
    return (
        f"SELECT {literal(column.name)} AS name, trim({given}) AS text, {given} <> trim({given}) AS padded,"
        f" {odd} AS odd FROM mapped"
    )


def examples(warehouse: Warehouse, name: str, where: str) -> tuple[tuple[str, int], ...]:
    """The three most frequent texts of a column of `mapped` for which `where` (over `text`) holds, with counts."""
    found = warehouse.rows(
        f"""SELECT left(text, 40), count(*) AS n FROM (SELECT trim({quoted(name)}) AS text FROM mapped)
        WHERE text <> '' AND {where} GROUP BY ALL ORDER BY n DESC, 1 LIMIT 3"""
    )
    return tuple((text, n) for text, n in found)


def is_among(text: str, words: Iterable[str]) -> str:
    """SQL: whether the text is one of these words, NULL where there is none.

    A map, as of a list DuckDB makes as many expressions, and plans those of wide tables for minutes; and it looks up
    each different text of a Parquet file's dictionary once.
    """
    listed = ", ".join(f"{literal(w)}: TRUE" for w in dict.fromkeys(words))
    return f"map_contains(MAP {{{listed}}}, {text})" if listed else f"({text} IS NULL AND NULL)"


def is_other_style(text: str) -> str:
    """SQL: whether the text is a number in one of the styles that can be declared."""
    return f"({' OR '.join(_is_styled(text, mark) for mark in STYLED)})"


def _facts(kind: Texts, reading: Reading) -> list[str]:
    """SQL conditions for the fields of Seen after `filled`, in their order."""
    facts = [reading.is_empty("text", kind.kept), "padded", "odd"]
    number = f"{reading.number('text')} IS NOT NULL"
    numbers = [
        number,
        f"regexp_matches(text, '{CODE}')",
        f"NOT ({number}) AND {is_other_style('text')}",
        f"{number} AND contains(text, '.')",
        rf"{number} AND regexp_full_match(text, '[+-]?[1-9]\d{{0,2}}\.\d{{3}}')",
        r"regexp_full_match(text, '\d{16,}')",
        f"regexp_full_match(text, {literal(CONTACT)})",
    ]
    return [*facts, *numbers] if kind.numeric else facts


def _is_styled(text: str, mark: str) -> str:
    return f"regexp_full_match({text}, {literal(STYLED[mark])})"


def _unstyled(text: str, mark: str) -> str:
    digits = rf"regexp_replace(regexp_replace({text}, {literal(STYLED[mark])}, '\1\2\3'), '[^0-9{mark}+-]', '', 'g')"
    return f"try_cast(replace({digits}, '{mark}', '.') AS DOUBLE)"


def _check_form(warehouse: Warehouse, form: str, where: str) -> None:
    """A form must name no zone, which would be guessed, and must not read an ISO time as another one."""
    probe = datetime(2033, 2, 1, 4, 5, 6)
    written = f"strftime(TIMESTAMP '{probe}', {literal(form)})"
    do = "write one such as %d.%m.%Y %H:%M (docs/mappings.md)"
    try:
        other = f"try_cast({written} AS TIMESTAMP)::DATE <> DATE '{probe.date()}'"
        guesses = warehouse.scalar(f"SELECT {other} AND regexp_full_match({written}, {literal(ISO_TIME)})")
    except duckdb.Error as error:
        raise ConfigError(
            f"reading {where}", expected="a form of times", got=str(error).splitlines()[0], do=do
        ) from None
    if "%Z" in form or guesses:
        expected = "a form of times without %Z, and not one like ISO with other parts"
        raise ConfigError(f"reading {where}", expected=expected, got=form, do=do)
