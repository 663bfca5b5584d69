"""One verdict on a CSV file, whichever way it is read: the fast way is taken only where the bytes prove it safe."""

from __future__ import annotations

import random
from itertools import product

import pytest

from data.errors import DataError
from data.intake import records
from data.intake.files import raw_relations
from data.intake.simple import simple_lines
from data.warehouse import Warehouse

COLUMNS = ["lead_id", "created_at", "title", "country", "note"]
VALUES = [
    "L7",
    "2025-01-02",
    "Head of Sales",
    "DE",
    "",
    "12,5",
    'say "hi"',
    " padded ",
    "café",
    "a;b",
    "x|y",
    "\t",
    "5 m",
]


def field(value: str, delimiter: str, always: bool) -> str:
    wanted = always or any(c in value for c in (delimiter, '"', "\n", "\r"))
    return '"' + value.replace('"', '""') + '"' if wanted else value


def plain(rng: random.Random, delimiter: str, end: str) -> str:
    """A clean file; fields are quoted where they have to be, or always."""
    always = rng.random() < 0.3
    rows = [COLUMNS, *([f"L{i}", *rng.choices(VALUES, k=4)] for i in range(rng.randint(1, 12)))]
    return end.join(delimiter.join(field(v, delimiter, always) for v in row) for row in rows) + end


def insert(text: str) -> object:
    def at_random(rng: random.Random, content: str, delimiter: str) -> str:
        place = rng.randint(content.index("\n") if "\n" in content else 0, len(content))
        return content[:place] + text.replace("D", delimiter) + content[place:]

    return at_random


def drop(rng: random.Random, content: str, delimiter: str) -> str:
    places = [i for i, c in enumerate(content) if c in (delimiter, '"', "\n")]
    place = rng.choice(places)
    return content[:place] + content[place + 1 :]


MUTATIONS = {
    "none": lambda rng, content, delimiter: content,
    "a delimiter more": insert("D"),
    "one character less": drop,
    "a quote more": insert('"'),
    "two quotes": insert('""'),
    "a quoted field amid another": insert('D"a" D'),
    "a space before a quote": lambda rng, content, delimiter: content.replace(f'{delimiter}"', f'{delimiter} "'),
    "spaces after delimiters": lambda rng, content, delimiter: content.replace(delimiter, f"{delimiter} "),
    "a carriage return": insert("\r"),
    "a line end": insert("\n"),
    "two line ends": insert("\r\n\r\n"),
    "NUL": insert("\0"),
    "a tab": insert("\t"),
    "a byte that is no UTF-8": insert("\udce9"),
    "a byte order mark amid": insert("\ufeff"),
    "a byte order mark": lambda rng, content, delimiter: "\ufeff" + content,
    "two byte order marks": lambda rng, content, delimiter: "\ufeff\ufeff" + content,
    "a line sep=": lambda rng, content, delimiter: f"sep={delimiter}\r\n{content}",
    "no end of the last line": lambda rng, content, delimiter: content.rstrip("\r\n"),
    "delimiters at the ends": lambda rng, content, delimiter: content.replace("\n", delimiter + "\n"),
    "delimiters at the ends of records": lambda rng, content, delimiter: content.replace("\nL", f"{delimiter}\nL"),
    "a field that ends in a backslash": insert("\\"),
    "a comment": insert("#"),
    "a line and paragraph separator": insert("\u2028\x85\x0b\x0c"),
    "a long field": insert("x" * 200_000),
    "header only": lambda rng, content, delimiter: content.splitlines(keepends=True)[0],
    "blank lines at both ends": lambda rng, content, delimiter: f"\n{content}\n\n",
    "spaces only": insert("\n  \n"),
}


def corpus() -> list[tuple[str, bytes]]:
    """Two mutations each; every pair of kinds, in turn with every delimiter and line end."""
    files, rng = [], random.Random(13)
    styles = list(product(records.DELIMITERS, ["\n", "\r\n", "\n", "\r"]))
    for i, (one, other) in enumerate(product(MUTATIONS, repeat=2)):
        delimiter, end = styles[i % len(styles)]
        content = MUTATIONS[other](rng, MUTATIONS[one](rng, plain(rng, delimiter, end), delimiter), delimiter)
        files.append((f"{one}, {other} ({delimiter!r}, {end!r})", content.encode("utf-8", "surrogateescape")))
    return files


def line_by_line(path):
    """What the slow reader says: the columns, the records and what it sets aside."""
    delimiter, columns, after = records.header(path, path.name)
    with records.open_text(path) as text:
        found = list(records.csv_records(text, delimiter, len(columns), after))
    good = [(r.line, *r.values) for r in found if r.reason is None]
    return columns, good, [(r.line, r.reason, r.raw) for r in found if r.reason is not None]


def as_read(warehouse, path):
    """What the product says, by whichever reader."""
    with raw_relations(warehouse, path, {"raw_leads"}) as raw:
        rows = warehouse.rows("SELECT * EXCLUDE (_file) FROM raw_leads ORDER BY _line")
        return (
            list(raw.files[0].columns),
            rows,
            warehouse.rows("SELECT line, reason, raw FROM raw_rejects ORDER BY line"),
        )


def verdict(read, *arguments):
    try:
        return read(*arguments)
    except DataError as error:
        return str(error)


@pytest.mark.slow
def test_no_file_of_a_corpus_of_mutations_is_read_in_two_ways(tmp_path):
    path, fast, wrong = tmp_path / "leads.csv", 0, []
    with Warehouse.open(None, threads=1) as warehouse:
        for name, content in corpus():
            path.write_bytes(content)
            slow = verdict(line_by_line, path)
            wrong += [name] * (slow != verdict(as_read, warehouse, path))
            if not isinstance(slow, str):
                delimiter, columns, _ = records.header(path, path.name)
                fast += simple_lines(path, delimiter, len(columns)) is not None
    assert wrong == []
    assert len(corpus()) >= 600
    assert fast >= 60, "the fast way has to be tried too"


SHIFTED = [
    pytest.param("L2,2025-01-02,Head of Sales, EMEA,DE,", 6, id="a comma in a title"),
    pytest.param('L2,2025-01-02,"a" ,DE,x', None, id="a space after a quote"),
    pytest.param('L2,2025-01-02,"a"b,DE,x', None, id="text after a quote"),
    pytest.param("L2,2025-01-02,a,DE", 4, id="a field less"),
    pytest.param("L2,2025-01-02,a,DE,x,", 6, id="a delimiter at the end"),
    pytest.param("L2;2025-01-02;a;DE;x", 1, id="another delimiter"),
    pytest.param(",,,,,", 6, id="delimiters only"),
]


@pytest.mark.parametrize(("line", "fields"), SHIFTED)
def test_a_record_whose_fields_are_shifted_is_never_stored(tmp_path, line, fields):
    path = tmp_path / "leads.csv"
    path.write_text("\n".join([",".join(COLUMNS), "L1,2025-01-01,a,DE,x", line, "L3,2025-01-03,a,DE,x"]))
    with Warehouse.open(None, threads=1) as warehouse:
        _, rows, [(number, reason, raw)] = as_read(warehouse, path)
    assert [row[0] for row in rows] == [2, 4]
    assert (number, raw) == (3, line + "\n")
    assert reason == (
        f"line: expected 5 fields, got {fields}" if fields else "line: expected CSV, got ',' expected after '\"'"
    )


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        pytest.param("sep=;\nlead_id;title\nL1;a,b\n", [(3, "L1", "a,b")], id="a line sep="),
        pytest.param('"sep=|"\r\nlead_id|title\r\nL1|a\r\n', [(3, "L1", "a")], id="a quoted line sep="),
        pytest.param("\ufeffSEP=\t\nlead_id\ttitle\nL1\ta\n", [(3, "L1", "a")], id="after a byte order mark"),
        pytest.param("sep=,\nlead_id,a;b\nL1,x;y\n", [(3, "L1", "x;y")], id="where two would fit"),
        pytest.param(
            "lead_id;name, first, last, of lead\nL1;Doe\nL2;Roe\n",
            [(2, "L1", "Doe"), (3, "L2", "Roe")],
            id="commas in a name",
        ),
        pytest.param("lead_id\ttitle, or role; as given\nL1\ta\n", [(2, "L1", "a")], id="both in a name"),
        pytest.param("lead_id;a,b\nL1;12\nL2;1,5\n", [(2, "L1", "12"), (3, "L2", "1,5")], id="some decimal commas"),
        pytest.param("\ufeff\ufefflead_id,title\nL1,a\n", [(2, "L1", "a")], id="two byte order marks"),
        pytest.param('\ufeff\ufeff"lead_id","title"\n"L1","a"\n', [(2, "L1", "a")], id="two marks before a quote"),
        pytest.param('lead_id, title\nL1, "a, b"\n', [(2, "L1", "a, b")], id="a space before a quoted field"),
    ],
)
def test_the_delimiter_is_the_one_by_which_the_records_fit_the_header(tmp_path, content, rows):
    (tmp_path / "leads.csv").write_bytes(content.encode())
    with Warehouse.open(None, threads=1) as warehouse:
        columns, found, rejects = as_read(warehouse, tmp_path / "leads.csv")
    assert (columns[0], found, rejects) == ("lead_id", rows, [])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "lead_id;amount, net\nL1;12,5\n",
            "expected one delimiter, got records that ',' and ';' divide alike; name it",
        ),
        ("sep=:\nlead_id:title\nL1:a\n", "expected sep= and one of , ; tab |, got sep=:"),
    ],
)
def test_a_delimiter_in_doubt_is_asked_for(tmp_path, content, message):
    (tmp_path / "leads.csv").write_text(content)
    with Warehouse.open(None, threads=1) as warehouse:
        assert message in verdict(as_read, warehouse, tmp_path / "leads.csv")
