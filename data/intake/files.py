"""How do raw files and databases become relations? Every record once, with its file and its line.

A relation `raw_<name>` is a temporary view. Its columns are text (Parquet and PostgreSQL keep their own types), and
`_file` and `_line` say where a record stands: the line an editor shows (a header is line 1), the row in a Parquet file
or table. Records that cannot be read stand in `raw_rejects`.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from data.intake import databases, postgres, records
from data.intake.names import ENDINGS, column_name, ending, named_relation, relation_of
from data.intake.postgres import Follow, Followed, Found
from data.intake.records import Record, checked_columns, first_line, open_text, unreadable
from data.intake.simple import simple_lines
from data.postgres import Postgres, connected, is_postgres
from data.silence import SILENCE_S
from data.sql import literal, quoted
from data.warehouse import Warehouse

log = logging.getLogger(__name__)

OTHER = {".xlsx": "an Excel workbook", ".xls": "an Excel workbook", ".xlsm": "an Excel workbook", ".zip": "an archive"}
"""Endings of what CRMs export and that is not read: what such a file is."""
TO_DO = {"an Excel workbook": "save it as CSV UTF-8", "an archive": "unpack it"}
AS_UTF_8 = "export it again, or save it in Excel as CSV UTF-8"
KINDS = {
    rb"\xff\xfe|\xfe\xff|[^\0]\0[^\0]\0|\0[^\0]\0[^\0]": ("a text in UTF-16", AS_UTF_8),
    rb"\x1f\x8b": ("a gzip archive", "unpack it, or add .gz to its name"),
    rb"PK\x03\x04|\xd0\xcf\x11\xe0": ("an Excel workbook or an archive", "save it as CSV UTF-8, or unpack it"),
    rb"PAR1": ("a Parquet file", "rename it so that it ends in .parquet"),
    rb"%PDF": ("a PDF", "export it as CSV"),
}
"""How a file begins that is not text in UTF-8, in its first four bytes: what it is, and what to do."""
CHUNK = 20_000
OF_ALL_YEARS = ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "DATE")
FAR = """CASE WHEN {name} >= '10000-01-01'::{type} THEN 'infinity' WHEN {name} < '0001-01-01'::{type} THEN '-infinity'
    ELSE {name} END::{type}"""
"""A time of Parquet outside the years 1 to 9999 becomes an infinite one, which the contract holds back.

DuckDB fails where it converts a time near its own limits."""
REJECTS = """CREATE OR REPLACE TEMP TABLE raw_rejects (
    relation VARCHAR, file VARCHAR, line BIGINT, reason VARCHAR, raw VARCHAR)"""


@dataclass
class RawFile:
    """One file or database table, and the temporary table it is read into: good records and unreadable ones.

    A Parquet file that is read `in_place` is a view instead: it must stay what it was by its `stamp` (`check`).
    """

    name: str
    relation: str
    table: str
    columns: tuple[str, ...] = ()
    rows: int = 0
    rejected: int = 0
    typed: bool = False
    in_place: Path | None = None
    stamp: tuple[int, ...] = ()

    def check(self) -> None:
        """Raise DataError where a file that is read where it lies is not the one any more whose bytes were hashed."""
        if self.in_place and not (self.in_place.exists() and _stamp(self.in_place) == self.stamp):
            expected, got = "a file that stays as it is while it is read", "one that was changed meanwhile"
            raise unreadable(self.name, expected, got, "run the same command again")


@dataclass(frozen=True)
class RawData:
    """What was read, what was there and not asked for, and a hash of the content.

    `absent`: relation -> optional columns that none of its files has; they are empty. `followed`: the tables of a
    database of which only new rows were read, or will be from now on.
    """

    files: tuple[RawFile, ...]
    unused: tuple[str, ...]
    digest: str
    absent: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    followed: tuple[Followed, ...] = ()

    @property
    def relations(self) -> set[str]:
        """The relations that are there."""
        return {f.relation for f in self.files}

    def check(self) -> None:
        """Raise DataError where a file that is read where it lies was changed (`RawFile.check`)."""
        for file in self.files:
            file.check()


@dataclass(frozen=True)
class OfDatabase:
    """What is asked of a database by relation: queries in place of tables, and how tables are read on.

    silence_s: a server that says nothing for so long is given up.
    """

    queries: Mapping[str, str] = field(default_factory=dict)
    follows: Mapping[str, Follow] = field(default_factory=dict)
    silence_s: float = SILENCE_S


@contextmanager
def raw_relations(
    warehouse: Warehouse,
    path: Path | str,
    wanted: Iterable[str],
    optional: Mapping[str, Sequence[str]] | None = None,
    asked: OfDatabase | None = None,
    in_place: bool = False,
) -> Iterator[RawData]:
    """Read the `wanted` relations (`raw_leads`, ...) of a file, a folder or a database URL; gone after the block.

    `optional` columns by relation are there, and empty, where no file has them. `asked` is for PostgreSQL alone.
    `in_place`: Parquet files are not copied, but read again by each query.
    Raises DataError where nothing is there, a file is empty or no text in UTF-8, or a database cannot be read.
    """
    warehouse.execute(REJECTS)
    reader = _Reader(warehouse, set(wanted), optional or {}, asked or OfDatabase(), in_place)
    try:
        reader.read(path)
        yield reader.finish()
    finally:
        for file in reader.files:
            kind = "VIEW" if file.in_place else "TABLE"
            warehouse.execute(f"DROP VIEW IF EXISTS {file.relation}; DROP {kind} IF EXISTS {file.table}")
        warehouse.execute("DROP TABLE IF EXISTS raw_rejects")


def relations_in(path: Path | str) -> dict[str, str]:
    """The relations that a file, a folder or a database URL holds, none of them read: name -> file or table.

    Raises DataError where there is none, or the database cannot be read.
    """
    if is_postgres(str(path)):
        with connected(str(path), postgres.refuse(str(path))) as session:
            return {name: found[0].name for name, found in postgres.found_in(session).items()}
    if "://" in str(path):
        with databases.opened(str(path)) as engine:
            return {named_relation(table): table for table in databases.table_names(engine)}
    path = Path(path)
    root = path if path.is_dir() else path.parent
    return {relation_of(p, root): p.relative_to(root).as_posix() for p in _known_files(path)}


@dataclass
class _Reader:
    """Reads one source into temporary tables, hashing what it reads."""

    warehouse: Warehouse
    wanted: set[str]
    optional: Mapping[str, Sequence[str]]
    asked: OfDatabase
    in_place: bool
    files: list[RawFile] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    followed: list[Followed] = field(default_factory=list)
    digest: Any = field(default_factory=hashlib.sha256)

    def read(self, path: Path | str) -> None:
        if is_postgres(str(path)):
            with connected(str(path), postgres.refuse(str(path)), self.asked.silence_s) as session:
                self._read_postgres(session)
            return
        if "://" in str(path):
            with databases.opened(str(path)) as engine:
                for table in databases.table_names(engine):
                    if self._wants(table, named_relation(table), f"table {table}"):
                        self._finish(self.files[-1], self._read_table(engine, table, self.files[-1]))
            return
        path = Path(path)
        root = path if path.is_dir() else path.parent
        for place in _known_files(path):
            name = place.relative_to(root).as_posix()
            if self._wants(name, relation_of(place, root), name):
                self._finish(self.files[-1], self._read_file(place, self.files[-1]))
        if path.is_dir():
            self.unused += [_left_out(p, path) for p in _others(path)]

    def finish(self) -> RawData:
        absent: dict[str, tuple[str, ...]] = {}
        for relation in dict.fromkeys(f.relation for f in self.files):
            parts = [f for f in self.files if f.relation == relation]
            found = {c.lower() for f in parts for c in f.columns}
            missing = tuple(dict.fromkeys(c for c in self.optional.get(relation, ()) if c.lower() not in found))
            absent |= {relation.removeprefix("raw_"): missing} if missing else {}
            empty = f"SELECT {', '.join(f'NULL::VARCHAR AS {quoted(c)}' for c in missing)} WHERE false"
            union = " UNION ALL BY NAME ".join([*(f"FROM {f.table}" for f in parts), *[empty] * bool(missing)])
            self.warehouse.execute(f"CREATE OR REPLACE TEMP VIEW {relation} AS {union}")
        read = tuple(self.files), tuple(self.unused), self.digest.hexdigest()
        return RawData(*read, absent, tuple(self.followed))

    def _wants(self, own: str, relation: str, shown: str) -> bool:
        """Whether the file or table is to be read, as the last of `files`; its `own` name is noted where it is not."""
        if relation in self.wanted:
            self.files.append(RawFile(shown, relation, f"raw_part_{len(self.files)}"))
        else:
            self.unused.append(own)
        return relation in self.wanted

    def _finish(self, file: RawFile, columns: Sequence[str]) -> None:
        file.columns = tuple(columns)
        file.rows = self.warehouse.scalar(f"SELECT count(*) FROM {file.table}")
        bad = "SELECT count(*) FROM raw_rejects WHERE relation = ? AND file = ?"
        file.rejected = self.warehouse.scalar(bad, [file.relation, file.name])
        log.info("read %s: %d records, %d unreadable", file.name, file.rows, file.rejected)

    def _read_file(self, path: Path, file: RawFile) -> Sequence[str]:
        try:
            file.stamp = _stamp(path)
            size = records.scan(path, self.digest)
            self.digest.update(file.relation.encode())
            if size == 0:
                raise unreadable(file.name, "a header and records", "an empty file", "export it again")
            if ending(path) == ".parquet":
                return self._read_parquet(path, file)
            _check_kind(path, file.name)
            return self._read_csv(path, file) if ".csv" in ending(path) else self._read_json(path, file)
        except (OSError, EOFError, zlib.error, duckdb.Error) as error:
            do = "export or copy it again"
            raise unreadable(file.name, "a file that can be read", first_line(error), do) from None

    def _read_parquet(self, path: Path, file: RawFile) -> list[str]:
        file.typed = True
        rows = f"FROM read_parquet({_one_path(path)}, file_row_number = true)"
        types = self.warehouse.columns(f"SELECT * EXCLUDE (file_row_number) {rows}")
        columns = checked_columns([column_name(n, i) for i, n in enumerate(types, 1)], file.name)
        read = [(FAR if t in OF_ALL_YEARS else "{name}").format(name=quoted(n), type=t) for n, t in types.items()]
        named = "".join(f", {value} AS {quoted(c)}" for value, c in zip(read, columns, strict=True))
        select = f"SELECT {literal(file.name)} AS _file, file_row_number + 1 AS _line{named} {rows}"
        if self.in_place:
            self.warehouse.rows(f"SELECT bit_xor(hash(COLUMNS(*))) {rows}")  # whether all of it can be read
            file.in_place = path
        self.warehouse.execute(f"CREATE TEMP {'VIEW' if self.in_place else 'TABLE'} {file.table} AS {select}")
        return columns

    def _read_csv(self, path: Path, file: RawFile) -> list[str]:
        delimiter, columns, after = records.header(path, file.name)
        if not (after == 1 and self._read_csv_fast(path, file, delimiter, columns)):
            log.info("reading %s line by line", file.name)
            with open_text(path) as text:
                self._store(file, columns, records.csv_records(text, delimiter, len(columns), after))
        return columns

    def _read_csv_fast(self, path: Path, file: RawFile, delimiter: str, columns: Sequence[str]) -> bool:
        """By DuckDB, which guesses where a file is not simple: True only where the bytes leave nothing to guess."""
        lines = simple_lines(path, delimiter, len(columns))
        if lines is None:
            return False
        types = ", ".join(f"{literal(c)}: 'VARCHAR'" for c in columns)
        try:
            self.warehouse.execute(
                f"""CREATE OR REPLACE TEMP TABLE {file.table} AS
                SELECT {literal(file.name)} AS _file, row_number() OVER () + 1 AS _line, *
                FROM read_csv({_one_path(path)}, auto_detect = false, columns = {{{types}}}, header = true,
                    delim = {literal(delimiter)}, quote = '"', escape = '"', max_line_size = {records.LONGEST_LINE})"""
            )
        except duckdb.Error:
            return False
        return bool(self.warehouse.scalar(f"SELECT count(*) FROM {file.table}") == lines - 1)

    def _read_json(self, path: Path, file: RawFile) -> list[str]:
        columns: list[str] = []
        with open_text(path) as text:
            self._store(file, columns, records.json_records(text, columns))
        if not columns:
            raise unreadable(file.name, "one JSON object in each line", "none", "export it as JSON lines")
        return columns

    def _read_postgres(self, session: Postgres) -> None:
        """Tables and queries that are wanted, all as they were at one moment."""
        session.run(postgres.AT_ONE_MOMENT)
        there = postgres.found_in(session)
        queries = {name: [postgres.a_query(name.removeprefix("raw_"), q)] for name, q in self.asked.queries.items()}
        taken: set[Found] = set()
        for relation, found in sorted((there | queries).items()):
            if relation in self.wanted:
                one = postgres.the_only(relation, found)
                taken.add(one)
                self._wants(one.name, relation, one.name)
                self._read_found(session, one, self.files[-1])
        tables = dict.fromkeys(one for found in there.values() for one in found)
        self.unused += [one.name.removeprefix("table ") for one in tables if one not in taken]

    def _read_found(self, session: Postgres, found: Found, file: RawFile) -> None:
        file.typed, follow = True, self.asked.follows.get(file.relation)
        done = postgres.read(session, self.warehouse, found, file.relation, file.table, follow)
        self.digest.update(f"{file.relation} {postgres.digest_of(self.warehouse, file.table)}".encode())
        self.followed += [done.followed] if done.followed else []
        self._finish(file, done.columns)

    def _read_table(self, engine: Any, table: str, file: RawFile) -> list[str]:
        self.digest.update(file.relation.encode())
        with databases.all_rows(engine, table) as rows:
            columns = checked_columns([column_name(n, i) for i, n in enumerate(rows.keys(), 1)], table)
            self._store(file, columns, records.table_records(rows, self.digest))
        return columns

    def _store(self, file: RawFile, columns: Sequence[str], found: Iterator[Record]) -> None:
        """Chunk by chunk; `columns` may grow while the records are read."""
        made = [*columns]
        types = "".join(f", {quoted(c)} VARCHAR" for c in made)
        self.warehouse.execute(f"CREATE OR REPLACE TEMP TABLE {file.table} (_file VARCHAR, _line BIGINT{types})")
        while chunk := list(itertools.islice(found, CHUNK)):
            for column in checked_columns([*columns], file.name)[len(made) :]:
                self.warehouse.execute(f"ALTER TABLE {file.table} ADD COLUMN {quoted(column)} VARCHAR")
            made = [*columns]
            if good := [r for r in chunk if r.reason is None]:
                values = zip(made, itertools.zip_longest(*(r.values for r in good)), strict=False)
                texts = {c: pa.array(v, pa.large_string()) for c, v in values}
                self._insert(file.table, {"_file": [file.name] * len(good), "_line": [r.line for r in good], **texts})
            if bad := [r for r in chunk if r.reason is not None]:
                said = {"line": [r.line for r in bad], "reason": [r.reason for r in bad], "raw": [r.raw for r in bad]}
                source = {"relation": [file.relation] * len(bad), "file": [file.name] * len(bad)}
                self._insert("raw_rejects", source | said)

    def _insert(self, table: str, columns: dict[str, Any]) -> None:
        """By name: columns of the table that are not given stay empty."""
        with self.warehouse.view("raw_chunk", pa.table(columns)) as chunk:
            self.warehouse.execute(f"INSERT INTO {table} BY NAME SELECT * FROM {chunk}")


def _stamp(path: Path) -> tuple[int, ...]:
    """What changes with a file's content."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _one_path(path: Path) -> str:
    """A path as SQL that DuckDB does not take for a pattern."""
    return literal(re.sub(r"([*?\[])", r"[\1]", str(path)))


def _known_files(path: Path) -> list[Path]:
    """The file itself, or those of a folder and of its sub-folders, in the order of their names."""
    if path.is_file() and ending(path):
        return [path]
    found = [p for p in sorted([*path.glob("*"), *path.glob("*/*")]) if p.is_file() and ending(p)]
    if not found:
        shown, expected = databases.without_password(str(path)), f"files ending in {', '.join(ENDINGS)}"
        raise unreadable(shown, expected, *_instead(path))
    return found


def _others(folder: Path) -> list[Path]:
    """What lies in a folder and is not read: files with other endings, and folders in its sub-folders."""
    found = sorted(p for p in (*folder.glob("*"), *folder.glob("*/*")) if not p.name.startswith("."))
    return [p for p in found if (not ending(p) if p.is_file() else p.parent != folder)]


def _left_out(path: Path, folder: Path) -> str:
    """The name of what is not read, and why."""
    name, kind = path.relative_to(folder).as_posix(), OTHER.get(path.suffix.lower())
    if kind:
        return f"{name} ({kind}: {_what_to_do(path)})"
    return f"{name}{' (a folder too deep to be read)' if path.is_dir() else ' (not a kind of file that is read)'}"


def _check_kind(path: Path, name: str) -> None:
    """Raise DataError where the first bytes show that a file is not text in UTF-8 but one of KINDS."""
    with records.open_bytes(path) as file:
        head = file.read(4)
    kind, do = next((said for start, said in KINDS.items() if re.match(start, head, re.DOTALL)), ("", ""))
    if kind:
        raise unreadable(name, "a text file in UTF-8", kind, do)


def _instead(path: Path) -> tuple[str, str]:
    """What is there in place of files that are read, and what to do."""
    if not path.exists():
        return "no such file or folder", "check the path"
    others = [p for p in ([path] if path.is_file() else sorted(path.glob("*"))) if p.suffix.lower() in OTHER]
    if others:
        kind = OTHER[others[0].suffix.lower()]
        return kind if path.is_file() else f"{others[0].name}, {kind}", _what_to_do(others[0])
    return "a folder without one" if path.is_dir() else "another file", "check the path"


def _what_to_do(path: Path) -> str:
    return TO_DO[OTHER[path.suffix.lower()]]
