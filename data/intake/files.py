"""How do raw files and databases become relations? Every record once, with its file and its line.

A relation `raw_<name>` is a temporary view. Its columns are text (Parquet keeps its own types), and `_file` and
`_line` say where a record stands: the line an editor shows (a header is line 1), the row in a Parquet file or table.
Records that cannot be read stand in `raw_rejects`.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import duckdb
import pyarrow as pa

from data.errors import DataError
from data.intake.records import (
    LONGEST_LINE,
    Record,
    Shape,
    checked_columns,
    csv_records,
    header,
    json_records,
    open_text,
    scan,
    table_records,
)
from data.warehouse import Warehouse

log = logging.getLogger(__name__)

ENDINGS = (".csv", ".csv.gz", ".parquet", ".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")
CHUNK = 20_000
REJECTS = """CREATE OR REPLACE TEMP TABLE raw_rejects (
    relation VARCHAR, file VARCHAR, line BIGINT, reason VARCHAR, raw VARCHAR)"""


@dataclass(frozen=True)
class RawFile:
    """One file or database table as read: `rows` good records, `rejected` unreadable ones."""

    name: str
    relation: str
    columns: tuple[str, ...]
    rows: int
    rejected: int = 0
    typed: bool = False


@dataclass(frozen=True)
class RawData:
    """What was read, what was there and not asked for, and a hash of the content."""

    files: tuple[RawFile, ...]
    unused: tuple[str, ...]
    digest: str

    @property
    def relations(self) -> set[str]:
        """The relations that are there."""
        return {f.relation for f in self.files}


@contextmanager
def raw_relations(warehouse: Warehouse, path: Path | str, wanted: Iterable[str]) -> Iterator[RawData]:
    """Read the `wanted` relations (`raw_leads`, ...) of a file, a folder or a database URL; gone after the block.

    Raises DataError where nothing is there, a file is empty or no text in UTF-8, or a database cannot be read.
    """
    warehouse.execute(REJECTS)
    reader = _Reader(warehouse, set(wanted))
    try:
        reader.read(path)
        yield reader.finish()
    finally:
        reader.drop()


def relation_of(path: Path, root: Path) -> str:
    """The relation a file belongs to: its folder's name below `root`, else its stem without a trailing date or number.

    >>> relation_of(Path("in/touches-2026-01.csv"), Path("in")), relation_of(Path("in/calls/7.parquet"), Path("in"))
    ('raw_touches', 'raw_calls')
    """
    if path.parent != root and path.parent.parent == root:
        return _relation(path.parent.name)
    stem = path.name.lower().removesuffix(_ending(path))
    return _relation(re.sub(r"[-_.]\d[-_.\dtz]*$", "", stem))


def without_password(path: str) -> str:
    """A path as it may be shown; of a database URL no user, no password and no options, which may hold both.

    Where it is not plain which part is which, only the kind of database is shown, or nothing.

    >>> without_password("postgresql://ann:secret@db:5432/crm"), without_password("mssql://db/crm;PWD=secret")
    ('postgresql://db:5432/crm', 'mssql://db/crm')
    >>> without_password("postgresql://ann:secret/crm"), without_password("postgresql:ann:secret@db")
    ('postgresql://...', '...')
    """
    kind, is_url, rest = path.partition("://")
    if "@" in kind and ":" in path:
        return "..."
    if not is_url:
        return path
    address, *options = re.split("[?;#]", rest)
    place = address.rpartition("@")[2]
    # an @ among the options: a password with a ? ; or #; a port that is none: a password whose host was forgotten
    plain = "@" not in "".join(options) and re.fullmatch(r"(\[[^]]*\]|[^:/=]*)(:\d*)?(/[^=]*)?", place)
    return f"{kind}://{place if plain else '...'}"


def quoted(name: str) -> str:
    """A column name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A text as SQL."""
    return "'" + value.replace("'", "''") + "'"


def _relation(name: str) -> str:
    return "raw_" + re.sub(r"\W+", "_", name.lower())


@dataclass
class _Reader:
    """Reads one source into temporary tables, hashing what it reads."""

    warehouse: Warehouse
    wanted: set[str]
    files: list[RawFile] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    digest: Any = field(default_factory=hashlib.sha256)

    def read(self, path: Path | str) -> None:
        if "://" in str(path):
            return self._read_database(str(path))
        path = Path(path)
        root = path if path.is_dir() else path.parent
        for file in _known_files(path):
            name, relation = file.relative_to(root).as_posix(), relation_of(file, root)
            if relation in self.wanted:
                self._read_file(file, name, relation)
            else:
                self.unused.append(name)
        return None

    def finish(self) -> RawData:
        for relation in {f.relation for f in self.files}:
            tables = [p for p, f in zip(self.parts, self.files, strict=True) if f.relation == relation]
            union = " UNION ALL BY NAME ".join(f"SELECT * FROM {t}" for t in tables)
            self.warehouse.execute(f"CREATE OR REPLACE TEMP VIEW {relation} AS {union}")
        return RawData(tuple(self.files), tuple(self.unused), self.digest.hexdigest())

    def drop(self) -> None:
        for relation in {f.relation for f in self.files}:
            self.warehouse.execute(f"DROP VIEW IF EXISTS {relation}")
        for part in self.parts:
            self.warehouse.execute(f"DROP TABLE IF EXISTS {part}")
        self.warehouse.execute("DROP TABLE IF EXISTS raw_rejects")

    def _read_file(self, path: Path, name: str, relation: str) -> None:
        part = self._part()
        try:
            shape = scan(path, self.digest)
            self.digest.update(relation.encode())
            if shape.size == 0:
                raise _unreadable(name, "a header and records", "an empty file", "export it again")
            if path.suffix == ".parquet":
                columns = self._read_parquet(path, name, part)
            elif _ending(path).startswith(".csv"):
                columns = self._read_csv(path, name, relation, part, shape)
            else:
                columns = self._read_json(path, name, relation, part)
        except (OSError, EOFError, zlib.error, duckdb.Error) as error:
            raise _unreadable(name, "a file that can be read", _first_line(error), "export or copy it again") from None
        self._add(name, relation, part, columns, typed=path.suffix == ".parquet")

    def _part(self) -> str:
        self.parts.append(f"raw_part_{len(self.parts)}")
        return self.parts[-1]

    def _add(self, name: str, relation: str, part: str, columns: Sequence[str], typed: bool = False) -> None:
        rows = self.warehouse.scalar(f"SELECT count(*) FROM {part}")
        rejected = self.warehouse.scalar(
            "SELECT count(*) FROM raw_rejects WHERE relation = ? AND file = ?", [relation, name]
        )
        log.info("read %s: %d records, %d unreadable", name, rows, rejected)
        self.files.append(RawFile(name, relation, tuple(columns), rows, rejected, typed))

    def _read_parquet(self, path: Path, name: str, part: str) -> list[str]:
        self.warehouse.execute(
            f"CREATE OR REPLACE TEMP TABLE {part} AS SELECT {literal(name)} AS _file, file_row_number + 1 AS _line,"
            f" * EXCLUDE (file_row_number) FROM read_parquet({_one_path(path)}, file_row_number = true)"
        )
        return checked_columns(list(self.warehouse.columns(part))[2:], name)

    def _read_csv(self, path: Path, name: str, relation: str, part: str, shape: Shape) -> list[str]:
        delimiter, columns, first_line = header(path, name)
        if not (
            first_line == 1
            and shape.even
            and self._read_csv_fast(path, name, part, delimiter, columns, shape.lines - 1)
        ):
            log.info("reading %s line by line", name)
            with open_text(path) as file:
                self._store(name, relation, part, columns, csv_records(file, delimiter, len(columns)))
        return columns

    def _read_csv_fast(
        self, path: Path, name: str, part: str, delimiter: str, columns: Sequence[str], records: int
    ) -> bool:
        """By DuckDB, which may refuse or lose a record: True only where it read one record from each line."""
        types = ", ".join(f"{literal(c)}: 'VARCHAR'" for c in columns)
        try:
            self.warehouse.execute(
                f"CREATE OR REPLACE TEMP TABLE {part} AS SELECT {literal(name)} AS _file,"
                f" row_number() OVER () + 1 AS _line, * FROM read_csv({_one_path(path)}, auto_detect = false,"
                f" columns = {{{types}}}, header = true, delim = {literal(delimiter)}, quote = '\"', escape = '\"',"
                f" max_line_size = {LONGEST_LINE})"
            )
        except duckdb.Error:
            return False
        return bool(self.warehouse.scalar(f"SELECT count(*) FROM {part}") == records)

    def _read_json(self, path: Path, name: str, relation: str, part: str) -> list[str]:
        columns: list[str] = []
        with open_text(path) as file:
            self._store(name, relation, part, columns, json_records(file, columns))
        return checked_columns(columns, name)

    def _read_database(self, url: str) -> None:
        from sqlalchemy import create_engine, inspect
        from sqlalchemy.exc import SQLAlchemyError

        try:
            engine = create_engine(url)
        except (SQLAlchemyError, ImportError, ValueError) as error:  # ValueError: a port that is no number
            raise _no_database(url, error) from None
        try:
            for table in inspect(engine).get_table_names():
                self._read_table(engine, table)
        except (SQLAlchemyError, ImportError) as error:
            raise _no_database(url, error) from None
        finally:
            engine.dispose()

    def _read_table(self, engine: Any, table: str) -> None:
        relation = _relation(table)
        if relation not in self.wanted:
            self.unused.append(table)
            return
        part = self._part()
        self.digest.update(relation.encode())
        with engine.connect().execution_options(stream_results=True) as connection:
            result = connection.exec_driver_sql(f"SELECT * FROM {engine.dialect.identifier_preparer.quote(table)}")
            columns = checked_columns(list(result.keys()), table)
            self._store(f"table {table}", relation, part, columns, table_records(result, self.digest))
        self._add(f"table {table}", relation, part, columns)

    def _store(self, name: str, relation: str, part: str, columns: Sequence[str], records: Iterator[Record]) -> None:
        """Chunk by chunk; `columns` may grow while the records are read."""
        made = [*columns]
        types = "".join(f", {quoted(c)} VARCHAR" for c in made)
        self.warehouse.execute(f"CREATE OR REPLACE TEMP TABLE {part} (_file VARCHAR, _line BIGINT{types})")
        while chunk := list(itertools.islice(records, CHUNK)):
            for column in columns[len(made) :]:
                self.warehouse.execute(f"ALTER TABLE {part} ADD COLUMN {quoted(column)} VARCHAR")
            made = [*columns]
            good = [r for r in chunk if r.reason is None]
            if good:
                values = zip(made, itertools.zip_longest(*(r.values for r in good)), strict=False)
                texts = {c: pa.array(v, pa.large_string()) for c, v in values}
                self._insert(part, {"_file": [name] * len(good), "_line": [r.line for r in good], **texts})
            if bad := [r for r in chunk if r.reason is not None]:
                said = {"line": [r.line for r in bad], "reason": [r.reason for r in bad], "raw": [r.raw for r in bad]}
                self._insert("raw_rejects", {"relation": [relation] * len(bad), "file": [name] * len(bad), **said})

    def _insert(self, table: str, columns: dict[str, Any]) -> None:
        """By name: columns of the table that are not given stay empty."""
        with self.warehouse.view("raw_chunk", pa.table(columns)) as chunk:
            self.warehouse.execute(f"INSERT INTO {table} BY NAME SELECT * FROM {chunk}")


def _one_path(path: Path) -> str:
    """A path as SQL that DuckDB does not take for a pattern."""
    return literal(re.sub(r"([*?\[])", r"[\1]", str(path)))


def _ending(path: Path) -> str:
    return next((e for e in ENDINGS if path.name.lower().endswith(e)), "")


def _known_files(path: Path) -> list[Path]:
    """The file itself, or those of a folder and of its sub-folders, in the order of their names."""
    if path.is_file() and _ending(path):
        return [path]
    found = [p for p in sorted([*path.glob("*"), *path.glob("*/*")]) if p.is_file() and _ending(p)]
    if not found:
        got = "no such file or folder" if not path.exists() else "a folder without one" if path.is_dir() else "another"
        raise _unreadable(without_password(str(path)), f"files ending in {', '.join(ENDINGS)}", got, "check the path")
    return found


def _no_database(url: str, error: Exception) -> DataError:
    do = "check its address, that it is up, and that this user may read it"
    got = _without_secrets(_first_line(error), url)
    return _unreadable(without_password(url), "a database that can be read", got, do)


def _without_secrets(text: str, url: str) -> str:
    """A driver's message without the words of the URL that are not shown: some repeat the user or more."""
    known, all_words = (set(re.split(r"[/:@?&=;#,]+", u)) for u in (without_password(url), url))
    hidden = sorted({w for word in all_words - known - {""} for w in (word, unquote(word))}, key=len, reverse=True)
    return re.sub("|".join(rf"(?<!\w){re.escape(w)}(?!\w)" for w in hidden), "...", text) if hidden else text


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _unreadable(name: str, expected: str, got: str, do: str) -> DataError:
    return DataError(f"reading {name}", expected=expected, got=got, do=do)
