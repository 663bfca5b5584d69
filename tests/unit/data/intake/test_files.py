"""Raw files and databases as relations: every record once, with its file and its line."""

from __future__ import annotations

import csv
import gzip
import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import create_engine, text

from data.errors import DataError
from data.intake.databases import without_password
from data.intake.files import raw_relations
from data.intake.names import relation_of
from data.warehouse import Warehouse


@pytest.fixture(scope="module")
def warehouse():
    with Warehouse.open(None) as warehouse:
        yield warehouse


@pytest.fixture
def read(warehouse):
    """The rows of a path's raw_leads (without _file) and what could not be read, as (line, reason, raw)."""

    def read(path):
        with raw_relations(warehouse, path, {"raw_leads"}) as raw:
            rows = warehouse.rows("SELECT * EXCLUDE (_file) FROM raw_leads ORDER BY _file, _line") if raw.files else []
            return rows, warehouse.rows("SELECT line, reason, raw FROM raw_rejects ORDER BY line")

    return read


def written(folder: Path, content: bytes, name="leads.csv") -> Path:
    (folder / name).write_bytes(content)
    return folder / name


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        pytest.param(b"a,b\n1,2\n3,4\n", [(2, "1", "2"), (3, "3", "4")], id="plain"),
        pytest.param(b"a,b\n1,2", [(2, "1", "2")], id="no newline at the end"),
        pytest.param(b"a,b\r\n1,2\r\n3,4\r\n", [(2, "1", "2"), (3, "3", "4")], id="CRLF"),
        pytest.param(b"a,b\n1,2\r\n3,4\n", [(2, "1", "2"), (3, "3", "4")], id="mixed line ends"),
        pytest.param(b"a,b\r1,2\r3,4\r", [(2, "1", "2"), (3, "3", "4")], id="CR only"),
        pytest.param(b"\xef\xbb\xbfa,b\n1,2\n", [(2, "1", "2")], id="byte order mark"),
        pytest.param(b'a,b\n1,"x\ny"\n3,4\n', [(2, "1", "x\ny"), (4, "3", "4")], id="quoted newline"),
        pytest.param(b'a,b\n1,"say ""hi"", then"\n', [(2, "1", 'say "hi", then')], id="quoted quotes and commas"),
        pytest.param(b"a,b\n1,2\n\n\n3,4\n", [(2, "1", "2"), (5, "3", "4")], id="blank lines are counted"),
        pytest.param(b"\na,b\n1,2\n", [(3, "1", "2")], id="blank line before the header"),
        pytest.param(b"a,b\n1,x\x00y\n", [(2, "1", "x\0y")], id="NUL byte"),
        pytest.param(b'a,b\n1,""\n2,\n', [(2, "1", None), (3, "2", None)], id="empty is unknown"),
        pytest.param(b"a;b\n1;2,5\n", [(2, "1", "2,5")], id="semicolons"),
        pytest.param(b"a\tb\n1\t2\n", [(2, "1", "2")], id="tabs"),
        pytest.param(b"a|b\n1|2\n", [(2, "1", "2")], id="bars"),
        pytest.param(b"a\n1\n", [(2, "1")], id="one column"),
        pytest.param(b"a,b\n", [], id="header only"),
        pytest.param(b"a,\n1,2\n", [(2, "1", "2")], id="column without a name"),
        pytest.param(b"a,b\n1,caf\xc3\xa9 \xf0\x9f\x98\x80\n", [(2, "1", "café 😀")], id="UTF-8"),
    ],
)
def test_a_csv_file_reads_as_text_with_the_lines_an_editor_shows(read, tmp_path, content, rows):
    assert read(written(tmp_path, content)) == (rows, [])


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        pytest.param(b"3,4,5\n", "line: expected 2 fields, got 3", id="too many fields"),
        pytest.param(b"3\n", "line: expected 2 fields, got 1", id="too few fields"),
        pytest.param(b'3,"x"y\n', "line: expected CSV, got ',' expected after '\"'", id="text after a quote"),
        pytest.param(b"3,caf\xe9\n", "line: expected UTF-8, got byte 0xe9 at character 6", id="Latin-1"),
    ],
)
def test_a_line_that_cannot_be_read_is_set_aside_and_the_others_keep_their_lines(read, tmp_path, bad, reason):
    rows, rejects = read(written(tmp_path, b"a,b\n1,2\n" + bad + b"5,6\n" + bad + b"7,8\n"))
    assert rows == [(2, "1", "2"), (4, "5", "6"), (6, "7", "8")]
    raw = bad.decode("utf-8", "backslashreplace")
    assert rejects == [(3, reason, raw), (5, reason, raw)]


def test_an_unclosed_quote_costs_its_line_only(read, tmp_path):
    rows, rejects = read(written(tmp_path, b'a,b\n1,"x\n3,4\n5,"y\nz"\n7,8\n'))
    assert rows == [(3, "3", "4"), (4, "5", "y\nz"), (6, "7", "8")]
    assert [(line, raw) for line, _, raw in rejects] == [(2, '1,"x\n')]


@pytest.mark.parametrize("quote", [b"", b'"'])
def test_a_line_of_50_megabytes_is_set_aside_with_its_beginning_and_its_length(read, tmp_path, quote):
    long = b"1," + quote + b"x" * 50_000_000 + quote
    rows, [(line, reason, raw)] = read(written(tmp_path, b"a,b\n1,2\n" + long + b"\n3,4\n"))
    assert rows == [(2, "1", "2"), (4, "3", "4")]
    assert (line, reason) == (3, f"line: expected at most 4000000 characters, got {len(long) + 1}")
    assert raw == long[:1_000_000].decode()


def test_reading_leaves_the_csv_module_as_it_was(read, tmp_path):
    before = csv.field_size_limit()
    read(written(tmp_path, b'a\n"x\ny"\n'))
    assert csv.field_size_limit() == before


def test_many_lines_read_in_order_whichever_way_they_are_read(read, tmp_path):
    """The fast way and the line-by-line way agree; one broken line makes the difference."""
    lines = [f"{i},value {i}" for i in range(25_000)]
    fast, _ = read(written(tmp_path, "\n".join(["a,b", *lines]).encode()))
    slow, rejects = read(written(tmp_path, "\n".join(["a,b", *lines, "broken"]).encode()))
    assert fast == slow
    assert fast == [(i + 2, str(i), f"value {i}") for i in range(25_000)]
    assert rejects == [(25_002, "line: expected 2 fields, got 1", "broken")]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_path_is_never_a_pattern(read, tmp_path, ending):
    for folder in ("[1]", "1"):
        (tmp_path / folder).mkdir()
        rows = duckdb.sql(f"SELECT '{folder}' AS a, 'x' AS b")
        getattr(rows, f"write_{ending}")(str(tmp_path / folder / f"leads.{ending}"))
    assert read(tmp_path / "[1]")[0][0][1:] == ("[1]", "x")


@pytest.mark.parametrize("name", ["leads.csv.gz", "leads.jsonl.gz"])
def test_gzip(read, tmp_path, name):
    content = b"a,b\n1,2\n" if "csv" in name else b'{"a": 1, "b": 2}\n'
    assert read(written(tmp_path, gzip.compress(content), name))[0][0][1:] == ("1", "2")


def test_json_lines(read, tmp_path):
    """Values as text, numbers as written, keys whenever they come, broken lines set aside."""
    path = written(
        tmp_path,
        b'{"a": 1, "b": 1e400}\n\n{"A": true, "c": {"d": null}}\n{broken\n[1]\n{"a": "\\ud800"}\n{"a": "", "b": NaN}\n',
        "leads.ndjson",
    )
    rows, rejects = read(path)
    assert rows == [(1, "1", "1e400", None), (3, "true", None, '{"d": null}'), (7, None, "NaN", None)]
    assert [(line, raw) for line, _, raw in rejects] == [(4, "{broken\n"), (5, "[1]\n"), (6, '{"a": "\\ud800"}\n')]
    assert all(r.startswith("line: expected a JSON object, got ") for _, r, _ in rejects)


def test_parquet_keeps_its_types(read, tmp_path):
    duckdb.sql("SELECT 'L' || range AS a, range / 2 AS b FROM range(2)").write_parquet(str(tmp_path / "leads.parquet"))
    assert read(tmp_path) == ([(1, "L0", 0.0), (2, "L1", 0.5)], [])


def test_files_of_one_name_are_one_relation(warehouse, tmp_path):
    """Dated files and the files of a sub-folder; columns are matched by name."""
    written(tmp_path, b"a,b\n1,2\n", "leads-2026-01.csv")
    written(tmp_path, b"b,c\n3,4\n", "leads_2026_02.csv")
    (tmp_path / "leads").mkdir()
    written(tmp_path / "leads", b"c\n5\n", "x.csv")
    with raw_relations(warehouse, tmp_path, {"raw_leads"}):
        assert warehouse.rows("SELECT _file, _line, a, b, c FROM raw_leads ORDER BY _file") == [
            ("leads-2026-01.csv", 2, "1", "2", None),
            ("leads/x.csv", 2, None, None, "5"),
            ("leads_2026_02.csv", 2, None, "3", "4"),
        ]


@pytest.mark.parametrize(
    ("path", "relation"),
    [
        ("in/leads.csv", "raw_leads"),
        ("in/Leads.CSV.gz", "raw_leads"),
        ("in/leads-2026-01-31T10.csv", "raw_leads"),
        ("in/leads_20260131.jsonl", "raw_leads"),
        ("in/my leads.csv", "raw_my_leads"),
        ("in/leads2.csv", "raw_leads2"),
        ("in/touches/part-0.parquet", "raw_touches"),
    ],
)
def test_a_file_names_its_relation(path, relation):
    assert relation_of(Path(path), Path("in")) == relation


def test_a_sqlite_database(read, tmp_path):
    url = f"sqlite:///{tmp_path / 'crm.db'}"
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE leads (lead_id TEXT, size REAL, at TEXT, ok BOOLEAN)"))
        connection.execute(text("INSERT INTO leads VALUES ('L1', 2.5, '2026-01-01 09:00', 1), ('L2', NULL, '', 0)"))
        connection.execute(text("CREATE TABLE other (x TEXT)"))
    engine.dispose()
    assert read(url) == ([(1, "L1", "2.5", "2026-01-01 09:00", "1"), (2, "L2", None, None, "0")], [])


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql+psycopg://someone:secret@127.0.0.1:1/x?connect_timeout=1", "postgresql+psycopg://127.0.0.1:1/x"),
        ("postgresql+psycopg://127.0.0.1:1/x?user=someone&password=secret", "postgresql+psycopg://127.0.0.1:1/x"),
        ("sqlite://ann:secret@h/x", "sqlite://h/x"),
        ("postgresql://ann:some@one:secret@db/x", "postgresql://db/x"),
        ("postgresql://ann:some?one@secret@db/x", "postgresql://..."),
        ("postgresql://ann:some#one@db/x", "postgresql://..."),
        ("postgresql+psycopg://ann:secret/crm", "postgresql+psycopg://..."),
        ("postgresql+psycopg://ann:se/cret/crm", "postgresql+psycopg://..."),
        ("jdbc:sqlserver://db;user=ann;password=secret", "jdbc:sqlserver://db"),
        ("jdbc:db2://db:50000/x:user=ann;password=secret", "jdbc:db2://..."),
        ("mssql+pyodbc://db/crm;PWD=secret", "mssql+pyodbc://db/crm"),
        ("postgresql:ann:secret@db", "..."),
        ("jdbc:oracle:thin:ann/secret@//db:1521/x", "..."),
        ("ann:secret@db://x", "..."),
    ],
)
def test_a_database_that_cannot_be_read_shows_no_user_and_no_password(read, url, shown):
    with pytest.raises(DataError, match=f"reading {re.escape(shown)}: ") as error:
        read(url)
    assert not re.search("some|one|secret|ann|connect_timeout", str(error.value))


@pytest.mark.parametrize(
    "path",
    [
        "exports/ann@home",
        "C:/exports/leads.csv",
        "leads;2026#1?.csv",
        "sqlite:///C:/crm.db",
        "sqlite:///:memory:",
        "postgresql://[::1]:5432/crm",
        "https://db:8123",
    ],
)
def test_a_path_without_secrets_is_shown_as_it_is(path):
    assert without_password(path) == path


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "reading leads.csv: expected a header and records, got an empty file", id="empty"),
        pytest.param(b"\n\n", "reading leads.csv: expected a header, got blank lines only", id="blank"),
        pytest.param(b"a:b\n1:2\n", "got one column 'a:b', which seems to be separated by ':'", id="wrong delimiter"),
        pytest.param(b"a,A\n1,2\n", "expected every column once", id="a column twice"),
        pytest.param(b"_line,a\n1,2\n", "none called _file, _line", id="a column of ours"),
        *(
            pytest.param(
                "a,b\n1,2\n".encode(form), "in UTF-16; export it again, or save it in Excel as CSV UTF-8", id=form
            )
            for form in ("utf-16", "utf-16-le", "utf-16-be")
        ),
        pytest.param(gzip.compress(b"a,b\n1,2\n"), "got a gzip archive; unpack it, or add .gz to its name", id="gzip"),
        pytest.param(b"PK\x03\x04...", "got an Excel workbook or an archive; save it as CSV UTF-8", id="Excel"),
        pytest.param(b"PAR1...", "got a Parquet file; rename it so that it ends in .parquet", id="Parquet"),
        pytest.param(b"caf\xe9,b\n1,2\n", "can't decode byte 0xe9 in position 3", id="header in Latin-1"),
    ],
)
def test_a_file_that_cannot_be_read_at_all_is_said_to_be_so(read, tmp_path, content, message):
    with pytest.raises(DataError) as error:
        read(written(tmp_path, content))
    assert message in str(error.value)


@pytest.mark.parametrize("name", ["leads.csv.gz", "leads.parquet"])
def test_a_broken_container(read, tmp_path, name):
    with pytest.raises(DataError, match=f"reading {name}: expected a file that can be read"):
        read(written(tmp_path, b"this is neither", name))


@pytest.mark.parametrize(
    ("path", "got"), [("nowhere", "no such file or folder"), (".", "a folder without one"), ("notes.txt", "another")]
)
def test_a_path_without_known_files(read, tmp_path, path, got):
    written(tmp_path, b"x", "notes.txt")
    with pytest.raises(DataError, match=f"expected files ending in .csv.*, got {got}"):
        read(tmp_path / path)


def test_nothing_is_left_behind(warehouse, tmp_path):
    written(tmp_path, b"a,b\n1,2\n")
    with raw_relations(warehouse, tmp_path, {"raw_leads"}):
        pass
    assert warehouse.rows("SELECT table_name FROM duckdb_tables() WHERE temporary") == []
    assert warehouse.rows("SELECT view_name FROM duckdb_views() WHERE temporary AND NOT internal") == []


NOT_READ = "not a kind of file that is read"


def test_what_lies_in_a_folder_and_is_not_read_is_named(warehouse, tmp_path):
    """Copies, folders in sub-folders; not what the system hides."""
    for name in ("leads.csv", "leads.csv.bak", "sub/notes.txt", "sub/deep/leads.csv", ".DS_Store", "touches.CSV.gz"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"a\n1\n" if name.endswith("v") else b"")
    with raw_relations(warehouse, tmp_path, {"raw_leads"}) as raw:
        named = {name.partition(" (")[0]: name.partition(" (")[2].rstrip(")") for name in raw.unused}
    assert named == {
        "leads.csv.bak": NOT_READ,
        "sub/notes.txt": NOT_READ,
        "sub/deep": "a folder too deep to be read",
        "touches.CSV.gz": "",
    }


HEADERS = [
    "\u200blead_id",
    "\ufefflead_id",
    "lead\ufeff_id",
    "\u00a0lead_id\u2003",
    "lead_id\u00ad",
    "\u202alead_id\u202c",
]


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("kind", ["csv", "quoted.csv", "jsonl", "parquet", "sqlite"])
def test_what_cannot_be_seen_in_the_name_of_a_column_means_nothing(warehouse, tmp_path, name, kind):
    at, path = "created\u200d_at ", tmp_path / f"leads.{kind.removeprefix('quoted.')}"
    if kind.endswith("csv"):
        mark = '"' if kind.startswith("quoted") else ""
        path.write_text(f"{mark}{name}{mark},{mark}{at}{mark}\nL1,2026-01-01\n", encoding="utf-8")
    elif kind == "jsonl":
        path.write_text(json.dumps({name: "L1", at: "2026-01-01"}, ensure_ascii=False), encoding="utf-8")
    elif kind == "parquet":
        pq.write_table(pa.table({name: ["L1"], at: ["2026-01-01"]}), path)
    else:
        with closing(sqlite3.connect(path)) as base:
            base.execute(f'CREATE TABLE leads ("{name}" TEXT, "{at}" TEXT)')
            base.execute("INSERT INTO leads VALUES ('L1', '2026-01-01')")
            base.commit()
    with raw_relations(warehouse, f"sqlite:///{path}" if kind == "sqlite" else tmp_path, {"raw_leads"}):
        assert warehouse.rows("SELECT lead_id, created_at FROM raw_leads") == [("L1", "2026-01-01")]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("All Leads.xlsx", "got an Excel workbook; save it as CSV UTF-8"),
        ("report.XLS", "got an Excel workbook; save it as CSV UTF-8"),
        ("WE_00D000000000001EAA_1.ZIP", "got an archive; unpack it"),
        ("leads.docx", "got another file; check the path"),
    ],
)
def test_what_is_exported_and_not_read_is_named(warehouse, tmp_path, name, said):
    """Alone it is an error; beside files that are read it is named among those that nobody asked for."""
    (tmp_path / name).write_bytes(b"PK")
    with pytest.raises(DataError, match=said), raw_relations(warehouse, tmp_path / name, {"raw_leads"}):
        pass
    written(tmp_path, b"a\n1\n", "leads.csv")
    with raw_relations(warehouse, tmp_path, {"raw_leads"}) as raw:
        assert raw.unused == (f"{name} ({said[4:].replace('; ', ': ') if 'docx' not in name else NOT_READ})",)
