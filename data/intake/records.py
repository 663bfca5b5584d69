"""What records does a text file hold? Each with the line it starts on, or with the reason why it cannot be read."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import itertools
import json
import re
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from data.errors import DataError
from data.intake.names import column_name

DELIMITERS = (",", ";", "\t", "|")
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\r?\n?', re.IGNORECASE)
"""A first line by which some programs say the delimiter."""
SAMPLE = 100
"""Records that show which delimiter a file uses."""
OWN_COLUMNS = ("_file", "_line", "_row", "_batch_id", "_loaded_at")
BLOCK = 1 << 22
LONGEST_LINE = 4_000_000
"""Characters; a longer record is quarantined with its beginning."""
KEPT_TEXT = 1_000_000
"""Of a record that cannot be read, so many characters are kept."""


@dataclass
class Record:
    """A numbered record: its values as text, or why there are none and its raw text."""

    line: int
    values: Sequence[str | None] = ()
    reason: str | None = None
    raw: str = ""


def unreadable(name: str, expected: str, got: str, do: str) -> DataError:
    """The error about a file or table that cannot be read."""
    return DataError(f"reading {name}", expected=expected, got=got, do=do)


def first_line(error: Exception) -> str:
    """What an error says, in one line; its kind where it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def scan(path: Path, digest: Any) -> int:
    """Read the bytes once, feeding `digest`; how many there are."""
    size = 0
    with open_bytes(path) as file:
        while block := file.read(BLOCK):
            digest.update(block)
            size += len(block)
    return size


def open_bytes(path: Path) -> IO[bytes]:
    """A file's bytes, unpacked where it is gzipped."""
    return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")  # type: ignore[return-value]


def open_text(path: Path) -> IO[str]:
    """A file's text without its byte order marks; bytes that are no UTF-8 come as surrogates."""
    file, marks = open_bytes(path), 0
    while file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8:
        marks += 1
    file.seek(marks * len(codecs.BOM_UTF8))
    return io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")


def header(path: Path, name: str) -> tuple[str, list[str], int]:
    """The delimiter, the columns and the line of a CSV file's header.

    The delimiter is the one that a first line `sep=;` names, else the one of `, ; tab |` by which most records have as
    many fields as the header. Raises DataError where there is no header, it is not UTF-8, a column comes twice, two
    delimiters fit, or the file seems to use another one.
    """
    said = _said_delimiter(path)
    if said and said not in DELIMITERS:
        raise unreadable(name, "sep= and one of , ; tab |", f"sep={said}", "export it with one of these delimiters")
    with _wide_fields():
        found = [_try_delimiter(path, name, d, bool(said)) for d in said or DELIMITERS]
    best = max(found, key=lambda f: (len(f.columns) > 1, f.fit, len(f.columns)))
    others = [f.delimiter for f in found if f is not best and len(f.columns) > 1 and f.fit == best.fit == 1]
    if others:
        got = f"records that {best.delimiter!r} and {others[0]!r} divide alike"
        raise unreadable(name, "one delimiter", got, "name it in a first line, such as sep=;")
    odd = [d for d in ":^~\x01\x1f" if d in best.columns[0]] if len(best.columns) == 1 else []
    if odd:
        got = f"one column {best.columns[0]!r}, which seems to be separated by {odd[0]!r}"
        raise unreadable(name, "columns separated by , ; tab or |", got, "export it with one of these delimiters")
    named = [column_name(c, i) for i, c in enumerate(best.columns, 1)]
    return best.delimiter, checked_columns(named, name), best.line


def checked_columns(columns: list[str], name: str) -> list[str]:
    """The columns; DataError where one comes twice (letter case aside) or has a name that leadready uses itself."""
    counts = Counter(c.lower() for c in columns)
    wrong = sorted({c for c, count in counts.items() if count > 1} | ({*OWN_COLUMNS} & {*counts}))
    if any("\0" in c for c in columns):
        raise unreadable(name, "names of columns", "a NUL byte in one", "export it again")
    if wrong:
        expected = f"every column once, and none called {', '.join(OWN_COLUMNS)}"
        got = f"{', '.join(wrong)} among {', '.join(columns)}"
        raise unreadable(name, expected, got, "rename or remove the column")
    return columns


def csv_records(file: IO[str], delimiter: str, width: int, after: int) -> Iterator[Record]:
    """The records of a CSV file after its header, which ends in line `after`.

    An unclosed quote costs the line it stands in, nothing more.
    """
    lines = _Lines(file)
    with _wide_fields():
        reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
        while lines.number < after:
            next(lines)
        while True:
            lines.taken.clear()
            first = lines.number + 1
            values: list[str] = []
            try:
                values = next(reader)
                reason = _wrong(lines.taken, values, width)
            except StopIteration:
                return
            except csv.Error as error:
                reason = lines.give_back(str(error))
            if values or reason:
                yield Record(first, [v or None for v in values], reason, _shown(lines.taken) if reason else "")


def json_records(file: IO[str], columns: list[str]) -> Iterator[Record]:
    """The records of a JSON lines file, all values as text; `columns` grows with each new key."""
    place = {c.lower(): i for i, c in enumerate(columns)}
    lines = _Lines(file)
    for line in lines:
        reason: str | None = _wrong_text(line)
        values: list[str | None] = [None] * len(columns)
        if reason is None and line.strip():
            try:
                for key, value in _json_object(line).items():
                    if key.lower() not in place:
                        place[key.lower()] = len(columns)
                        columns.append(key)
                        values.append(None)
                    values[place[key.lower()]] = value
            except (ValueError, RecursionError) as error:
                reason = f"line: expected a JSON object, got {str(error)[:80]}"
        if line.strip():
            yield Record(lines.number, values, reason, _shown([line]) if reason else "")
        lines.taken.clear()


def table_records(rows: Any, digest: Any) -> Iterator[Record]:
    """The rows of a database cursor as text, counted from 1."""
    for number, row in enumerate(rows, 1):
        values = [_as_text(v) for v in row]
        digest.update(repr(values).encode("utf-8", "replace"))
        yield Record(number, values)


class _Cut(str):
    """The beginning of a line that is longer than LONGEST_LINE."""

    length: int


class _Lines:
    """Physical lines with their number; lines taken for a record can be given back."""

    def __init__(self, file: IO[str]) -> None:
        self.file = file
        self.number = 0
        self.taken: list[str] = []
        self.waiting: deque[str] = deque()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if sum(map(len, self.taken)) > LONGEST_LINE:
            raise csv.Error("an unclosed quote")
        line = self.waiting.popleft() if self.waiting else self._read()
        if not line:
            raise StopIteration
        self.number += 1
        self.taken.append(line)
        return line

    def give_back(self, reason: str) -> str:
        """Keep the first line of a broken record and read the others again; the reason for the quarantine."""
        self.waiting.extendleft(reversed(self.taken[1:]))
        self.number -= len(self.taken) - 1
        del self.taken[1:]
        return _wrong_text(self.taken[0]) or f"line: expected CSV, got {reason}"

    def _read(self) -> str:
        line = self.file.readline(LONGEST_LINE)
        if len(line) < LONGEST_LINE or line.endswith("\n"):
            return line
        cut = _Cut(line[:KEPT_TEXT])
        cut.length = len(line)
        while not line.endswith(("\n", "\r")) and (line := self.file.readline(LONGEST_LINE)):
            cut.length += len(line)
        return cut


def _wrong(lines: list[str], values: list[str], width: int) -> str | None:
    found = next((r for r in map(_wrong_text, lines) if r), None)
    if found is None and values and len(values) != width:
        return f"line: expected {width} fields, got {len(values)}"
    return found


def _shown(lines: list[str]) -> str:
    """The raw text, bytes that are no UTF-8 written as \\xe9."""
    return "".join(lines)[:KEPT_TEXT].encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _wrong_text(line: str) -> str | None:
    if isinstance(line, _Cut):
        return f"line: expected at most {LONGEST_LINE} characters, got {line.length}"
    if line.isascii():
        return None
    try:
        line.encode()
    except UnicodeEncodeError as error:
        return f"line: expected UTF-8, got byte 0x{ord(line[error.start]) & 0xFF:02x} at character {error.start + 1}"
    return None


@dataclass(frozen=True)
class _Trial:
    """What a delimiter makes of a file: the header, the line it ends in, the share of records that fit it."""

    delimiter: str
    columns: list[str]
    line: int
    fit: float


def _said_delimiter(path: Path) -> str:
    """The one that a first line `sep=;` names, or nothing."""
    with open_text(path) as file:
        said = SEPARATOR_LINE.fullmatch(file.readline(10))
    return said[1] if said else ""


def _try_delimiter(path: Path, name: str, delimiter: str, skip: bool) -> _Trial:
    """How the first records look by a delimiter; `skip`: the first line is none of them."""
    try:
        with open_text(path) as file:
            lines = iter(lambda: file.readline(LONGEST_LINE), "")
            reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
            if skip:
                next(reader)
            columns = next((r for r in reader if r), None)
            line, widths = reader.line_num, _widths(reader)
        for column in columns or ():
            column.encode("utf-8", "surrogateescape").decode()
    except (UnicodeDecodeError, csv.Error) as error:
        raise unreadable(name, "a header of column names in UTF-8", str(error), "export it as CSV in UTF-8") from None
    if columns is None:
        raise unreadable(name, "a header", "blank lines only", "export it again")
    fit = widths.count(len(columns)) / len(widths) if widths else 0
    return _Trial(delimiter, columns, line, fit)


def _widths(reader: Iterator[list[str]]) -> list[int]:
    """How many fields the next records have, until one cannot be read."""
    widths: list[int] = []
    with suppress(csv.Error):
        widths.extend(len(r) for r in itertools.islice(reader, SAMPLE) if r)
    return widths


@contextmanager
def _wide_fields() -> Iterator[None]:
    """The csv module's limit is the process's: raised while a file is read."""
    before = csv.field_size_limit(2 * LONGEST_LINE)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, whose keys must differ."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key twice")
    return found


def _json_object(line: str) -> dict[str, str | None]:
    found = json.loads(line, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_once)
    if not isinstance(found, dict):
        raise ValueError(f"a {type(found).__name__}")
    texts = {column_name(k, i): _as_text(v) for i, (k, v) in enumerate(found.items(), 1)}
    if len({k.lower() for k in texts}) < len(found):
        raise ValueError("a key twice")
    if "\\u" in line:
        for text in (*texts, *texts.values()):
            (text or "").encode()
    return texts


def _as_text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
