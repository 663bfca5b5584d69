"""Which of the agreement's words is meant? Criteria and levels as answers spell them, and those of no agreement."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from data.agreement.model import Agreement
from data.sql import literal
from data.tables import Table
from data.toml_errors import close
from data.warehouse import Warehouse

APART = r"([^0-9])_|_([^0-9])"
"""What parts words means nothing but between two digits: `time_frame` is `timeframe`, and `1_10` is not `110`."""


@dataclass(frozen=True)
class Word:
    """A criterion of so many answers that is in no agreement, and the one that is perhaps meant ('' where none is)."""

    word: str
    answers: int
    meant: str


def in_our_words(table: Table, agreements: Sequence[Agreement]) -> str:
    """The relation `clocked`; answers get the agreements' spelling of criterion and level where only one is meant."""
    if table.name != "answers":
        return "clocked"
    levels: dict[str, set[str]] = {}
    for agreement in agreements:
        for answer, name in agreement.answer_names().items():
            levels.setdefault(answer, set()).update(agreement.criteria[name].levels)
    of_criteria = [f"WHEN {literal(of)} THEN {_spelled('level', words)}" for of, words in levels.items() if words]
    level = f"CASE criterion {' '.join(of_criteria)} ELSE level END" if of_criteria else "level"
    named = f"SELECT * REPLACE ({_spelled('criterion', levels)} AS criterion) FROM clocked"
    return f"(SELECT * REPLACE ({level} AS level) FROM ({named}))"


def _spelled(column: str, words: Iterable[str]) -> str:
    """The word that differs from what is given in letter case, spaces, dashes and underscores only; else as given."""
    by_form: dict[str, list[str]] = {}
    for word in sorted(words):
        by_form.setdefault(re.sub(APART, r"\1\2", re.sub(r"[\s_-]+", "_", word.strip().lower())), []).append(word)
    joined = f"regexp_replace(lower({column}), '[\\s_-]+', '_', 'g')"
    form = f"regexp_replace({joined}, '{APART}', '\\1\\2', 'g')"
    own = [f"WHEN {column} = {literal(word)} THEN {column}" for alike in by_form.values() for word in alike]
    meant = [f"WHEN {form} = {literal(f)} THEN {literal(alike[0])}" for f, alike in by_form.items() if len(alike) == 1]
    return f"CASE {' '.join([*own, *meant])} ELSE {column} END" if own else column


def find_words(warehouse: Warehouse, agreements: Sequence[Agreement]) -> tuple[Word, ...]:
    """The criteria of the answers in the relation `good` that no agreement names."""
    names = {name for agreement in agreements for name in agreement.answer_names()}
    known = ", ".join(map(literal, sorted(names))) or "''"
    counts = warehouse.rows(
        f"""SELECT criterion, count(*) FROM good WHERE criterion NOT IN ({known})
        GROUP BY criterion ORDER BY count(*) DESC, criterion"""
    )
    return tuple(Word(word, count, (close(word, names) or [""])[0]) for word, count in counts)
