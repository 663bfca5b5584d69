"""What do sales and marketing mean by "need = yes and timeframe <= 90 days"? Plain conditions, read into a small tree.

`name = value`, `!=`, `<`, `<=`, `>`, `>=`, `name in (a, b)`, `name contains word`, `name is known`, `name is unknown`,
joined by `and`, `or`, `not` and brackets. Texts compare without regard to case; words with spaces stand in quotes.
What is not known makes every comparison false. The empty condition always holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

ORDERED = ("<=", ">=", "<", ">")
COMPARED = ("=", "!=", *ORDERED)
SYMBOLS = (*COMPARED, "(", ")", ",")
UNITS = ("day", "days")
"""Words that may follow a number, for the reader."""
WORDS = ("and", "or", "not", "in", "is", "contains", "known", "unknown", *UNITS)
"""Words of the grammar, which cannot be names."""
TOKEN = re.compile(r"""\s*([<>!]=|[=<>(),]|"[^"]*"|'[^']*'|[^\s<>=!(),"']+)""")
LONGEST, DEEPEST = 1000, 20
"""Characters of a condition, and nested brackets and nots."""


@dataclass(frozen=True)
class Comparison:
    """`name` against `values`, kept as written, by an operator: = != < <= > >= in contains known unknown."""

    name: str
    operator: str
    values: tuple[str, ...] = ()

    @property
    def of_source(self) -> bool:
        """Whether it speaks of an extra column of a source: `lead.<column>` or `account.<column>`."""
        table, dot, _ = self.name.partition(".")
        return bool(dot) and table in ("lead", "account")


@dataclass(frozen=True)
class Joined:
    """All (`and`) or any (`or`) of the parts; `and` of none always holds."""

    word: str
    parts: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Not:
    """Where the part does not hold."""

    part: Condition


Condition = Comparison | Joined | Not
ALWAYS = Joined("and")


@lru_cache(maxsize=4096)
def parse_condition(text: str) -> Condition:
    """The tree of a condition; ValueError says where it stops making sense."""
    if len(text) > LONGEST:
        raise ValueError(f"longer than {LONGEST:,} characters")
    reader = _Reader(text)
    if not reader.tokens:
        return ALWAYS
    condition = reader.any_of()
    if reader.tokens:
        raise reader.odd("and, or, or the end")
    return condition


def comparisons(condition: Condition) -> Iterator[Comparison]:
    """Every comparison inside, from left to right."""
    if isinstance(condition, Comparison):
        yield condition
    else:
        for part in (condition.part,) if isinstance(condition, Not) else condition.parts:
            yield from comparisons(part)


def number_in(word: str) -> float | None:
    """The number that a value of a condition is: digits with or without sign and decimals."""
    return float(word) if re.fullmatch(r"[+-]?[0-9]{1,300}(\.[0-9]+)?", word) else None


def _unquoted(token: str) -> str:
    return token[1:-1] if token[0] in "\"'" else token


class _Reader:
    """Words of a condition, taken one after the other; quoted words keep their quotes and are never keywords."""

    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        self.last, self.depth, at = "", 0, 0
        while text[at:].strip():
            found = TOKEN.match(text, at)
            if not found:
                raise ValueError(f"{text[at:].strip()!r} is not understood (a quote that is not closed?)")
            self.tokens.append(found[1])
            at = found.end()

    def any_of(self) -> Condition:
        return self._joined("or", lambda: self._joined("and", self._single))

    def odd(self, wanted: str) -> ValueError:
        comes = repr(_unquoted(self.tokens[0])) if self.tokens else "the end"
        if self.last:
            return ValueError(f"after {self.last!r} comes {comes}, not {wanted}")
        return ValueError(f"it begins with {comes}, not with {wanted}")

    def _joined(self, word: str, part: Callable[[], Condition]) -> Condition:
        parts = [part()]
        while self._next_is(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Joined(word, tuple(parts))

    def _single(self) -> Condition:
        if not self._next_is("not", "("):
            return self._comparison()
        self.depth += 1
        if self.depth > DEEPEST:
            raise ValueError(f"more than {DEEPEST} nested brackets and nots")
        if self.last == "(":
            inner = self.any_of()
            self._expect("')'", ")")
        else:
            inner = Not(self._single())
        self.depth -= 1
        return inner

    def _comparison(self) -> Comparison:
        name = self._word("a name")
        if self._next_is("is"):
            return Comparison(name, self._expect("known or unknown", "known", "unknown"))
        if self._next_is("contains"):
            return Comparison(name, "contains", (self._word("a word"),))
        if self._next_is("in"):
            self._expect("'('", "(")
            values = [self._value()]
            while self._next_is(","):
                values.append(self._value())
            self._expect("')'", ")")
            return Comparison(name, "in", tuple(values))
        return Comparison(name, self._expect("=, !=, <, <=, >, >=, in, contains or is", *COMPARED), (self._value(),))

    def _value(self) -> str:
        word = self._word("a value")
        if number_in(word) is not None:
            self._next_is(*UNITS)
        return word

    def _word(self, wanted: str) -> str:
        if not self.tokens or self.tokens[0] in SYMBOLS:
            raise self.odd(wanted)
        self.last = _unquoted(self.tokens.pop(0))
        return self.last

    def _next_is(self, *words: str) -> bool:
        fits = bool(self.tokens) and self.tokens[0].lower() in words
        if fits:
            self.last = self.tokens.pop(0)
        return fits

    def _expect(self, wanted: str, *words: str) -> str:
        if not self._next_is(*words):
            raise self.odd(wanted)
        return self.last.lower()
