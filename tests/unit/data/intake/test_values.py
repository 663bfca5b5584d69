"""How texts are read as times, numbers and nothing: in documented forms, and what is not read is held back or said."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.agreement.file import parse_agreement
from data.errors import ConfigError, DataError, UsageError
from data.intake.ingest import ingest, quarantined, replay
from data.settings import DEFAULT, IngestSettings, Settings
from data.toml_errors import parse_toml
from data.warehouse import Warehouse
from serving.pages.ingest import ingest_report
from tests.tables import table

LOAD = datetime(2026, 12, 1)
FORMS = "a time such as 2026-01-31, 2026-01-31 08:15 or 2026-01-31T08:15:00+01:00"


@pytest.fixture
def warehouse():
    with Warehouse.open(None, threads=1) as warehouse:
        yield warehouse


@pytest.fixture
def load(warehouse, tmp_path):
    """Ingest leads and other tables given as CSV texts; `header` makes a mapping of leads with that comment."""

    def load(header=None, at=LOAD, select="*", **given):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        (folder / "maps/crm").mkdir(parents=True)
        options = {k: given.pop(k) for k in ("backfill", "timezone", "agreements", "settings") if k in given}
        for name, content in given.items():
            (folder / f"{name}.csv").write_text(content)
            if header is not None:
                (folder / f"maps/crm/{name}.sql").write_text(f"{header}\nSELECT {select} FROM raw_{name}")
        source = {"source": "canonical"} if header is None else {"source": "crm", "mappings": folder / "maps"}
        return ingest(warehouse, path=folder, loaded_at=at, **source, **options)

    return load


def leads(*created, name="created_at"):
    return f"lead_id;{name}\n" + "".join(f"L{i};{text}\n" for i, text in enumerate(created))


def stored(warehouse, column="created_at"):
    return [text for (text,) in warehouse.rows(f"SELECT {column}::VARCHAR FROM leads ORDER BY lead_id")]


def said(report):
    """What the page says beyond the counts."""
    return [p for p in ingest_report(report).sections[0].points if p.startswith(("leads.", "accounts.", "answers."))]


# -- times ----------------------------------------------------------------------------------------------------------

READ = table("""
    text                          in UTC
    2026-01-07                    2026-01-06 23:00:00
    2026-01-07 08:15              2026-01-07 07:15:00
    2026-01-07T08:15              2026-01-07 07:15:00
    2026-01-07T08:15:59           2026-01-07 07:15:59
    2026-01-07 08:15:59.5         2026-01-07 07:15:59.5
    2026-01-07 08:15:59.123456    2026-01-07 07:15:59.123456
    2026-01-07 08:15:59.123456789  2026-01-07 07:15:59.123456
    2026-01-07T08:15Z             2026-01-07 08:15:00
    2026-01-07T08:15:00+02        2026-01-07 06:15:00
    2026-01-07T08:15:00+0530      2026-01-07 02:45:00
    2026-01-07T08:15:00-03:30     2026-01-07 11:45:00
    2026-01-07 08:15:00+14:00     2026-01-06 18:15:00
    2026-01-07 08:15:00-14        2026-01-07 22:15:00
    2026-01-07 08:15:00 UTC       2026-01-07 08:15:00
    2024-02-29                    2024-02-28 23:00:00
    1990-01-01T00:00Z             1990-01-01 00:00:00
""")


def test_a_time_in_iso_form_is_read_in_the_zone_of_its_batch(warehouse, load):
    load(leads=leads(*READ["text"]), timezone="Europe/Berlin")
    texts = dict(warehouse.rows("SELECT lead_id, created_at::VARCHAR FROM leads"))
    assert [texts[f"L{i}"] for i in range(len(READ))] == list(READ["in UTC"])


GUESSED = """
1/7/26 8:15|26-01-07|7.1.2026|2026/01/07|20260107|2026-1-7|2026-01-07 8:15|2026-01-07 08|2026-01-07T08:15:00 BST
2026-01-07 08:15:00 AST|2026-01-07 08:15 EST|2026-01-07 08:15:00 Europe/Berlin|2026-01-07 08:15:00+25:00
2026-01-07 08:15:00+14:30|2026-01-07 08:15:00-15|2026-01-07 08:15:00+1|2026-01-07T08:15:00+01:60|epoch|infinity
-infinity|today|now|0000-00-00|0000-00-00 00:00:00|44-03-15 (BC)|2026-01-07 (BC)|2025-02-29|2026-04-31|2026-13-01
2026-01-07 24:00|2026-01-07 23:59:60|2026-01-07 25:00|+2026-01-07|-2026-01-07|12026-01-07|1736236800|1736236800000
45664.34|7 Jan 2026|January 7, 2026|2026-01-07 08:15 PM|2026-01-07T08:15:00,5|2026-W02-3|2026-007|2026-01|2026
08:15|2026-01-07  08:15|2026-01-07TT08:15|2026-01-07T|2026-01-07Z|２０２６-01-07|2026–01–07|(2026-01-07)|true|Wed
"""


def test_a_time_in_any_other_form_is_held_back_with_that_form_and_those_that_are_accepted(warehouse, load):
    texts = GUESSED.strip().replace("\n", "|").split("|")
    load(leads=leads(*texts, "2026-01-07"))
    assert list(quarantined(warehouse)["reason"]) == [f"created_at: expected {FORMS}, got '{t}'" for t in texts]
    assert stored(warehouse) == ["2026-01-07 00:00:00"]


def test_a_time_before_all_plausible_ones_is_held_back(warehouse, load):
    texts = "1900-01-01|1970-01-01|1970-01-01T00:00:00Z|1989-12-31 23:59:59|1601-01-01|1899-12-30|0001-01-01|1753-01-01"
    texts = [*texts.split("|"), "0026-01-07", "1980-01-01"]
    load(leads=leads(*texts))
    early = [f"created_at: expected a time from 1990-01-01 on, got '{t}'" for t in texts]
    assert list(quarantined(warehouse)["reason"]) == early


def test_the_plausible_range_is_a_setting_and_holds_for_typed_times_and_for_optional_ones(warehouse, tmp_path):
    settings = IngestSettings(earliest=date(2025, 1, 1))
    days = "DATE '2023-01-01' + (n * 365)::INTEGER AS created_at, NULL::TIMESTAMP AS known_at"
    rows = f"SELECT 'L' || n AS lead_id, {days} FROM range(4) t(n)"
    duckdb.sql(rows).write_parquet(str(tmp_path / "leads.parquet"))
    deals = "SELECT 'L3' AS lead_id, TIMESTAMP '2026-01-01' AS opened_at, TIMESTAMP '1900-01-01' AS closed_at"
    duckdb.sql(deals).write_parquet(str(tmp_path / "opportunities.parquet"))
    ingest(warehouse, "canonical", tmp_path, loaded_at=LOAD, settings=settings)
    assert stored(warehouse, "lead_id") == ["L3"]
    late = "expected a time from 2025-01-01 on, got"
    assert list(quarantined(warehouse)["reason"]) == [
        f"created_at: {late} '2023-01-01'",
        f"created_at: {late} '2024-01-01'",
        f"created_at: {late} '2024-12-31'",
        f"closed_at: {late} '1900-01-01 00:00:00'",
    ]


@pytest.mark.parametrize("sql", ["1736236800", "TIME '08:15'", "{'day': 7}", "[1]", "TRUE", "1.5::DOUBLE"])
def test_a_typed_column_that_is_no_time_is_held_back(warehouse, tmp_path, sql):
    duckdb.sql(f"SELECT 'L1' AS lead_id, {sql} AS created_at").write_parquet(str(tmp_path / "leads.parquet"))
    assert ingest(warehouse, "canonical", tmp_path, loaded_at=LOAD).quarantined == 1


DECLARED = table("""
    form                text                 in UTC
    %d.%m.%Y %H:%M      31.01.2026 08:15     2026-01-31 07:15:00
    %d.%m.%Y %H:%M      1.2.2026 9:05        2026-02-01 08:05:00
    %d.%m.%Y, %H:%M:%S  07.01.2026, 08:15:09  2026-01-07 07:15:09
    %m/%d/%Y            1/7/2026             2026-01-06 23:00:00
    %d/%m/%Y            1/7/2026             2026-06-30 22:00:00
    %m/%d/%y %H:%M      1/7/26 8:15          2026-01-07 07:15:00
    %m/%d/%Y %I:%M %p   1/7/2026 8:15 PM     2026-01-07 19:15:00
    %Y%m%d              20260107             2026-01-06 23:00:00
    %d-%b-%Y            07-Jan-2026          2026-01-06 23:00:00
    %Y/%m/%d %H:%M %z   2026/01/07 08:15 +02:00  2026-01-07 06:15:00
    %d.%m.%Y            2026-01-07T08:15Z    2026-01-07 08:15:00
""")


@pytest.mark.parametrize(("form", "text", "utc"), DECLARED.values.tolist())
@pytest.mark.parametrize("by", ["mapping", "settings"])
def test_a_declared_form_is_read_beside_iso(warehouse, load, form, text, utc, by):
    own = {"header": f"-- times: {form}"} if by == "mapping" else {"settings": IngestSettings(times=form)}
    load(leads=leads(text), timezone="Europe/Berlin", **own)
    assert stored(warehouse) == [utc]


@pytest.mark.parametrize(
    ("form", "text", "reason"),
    [
        ("%d.%m.%Y", "1/7/2026", f"expected {FORMS} or by the form %d.%m.%Y, got '1/7/2026'"),
        ("%d.%m.%Y", "32.01.2026", f"expected {FORMS} or by the form %d.%m.%Y, got '32.01.2026'"),
        ("%d.%m.%Y", "07.01.26", "expected a time from 1990-01-01 on, got '07.01.26'"),
        ("%d.%m.", "07.01.", "expected a time from 1990-01-01 on, got '07.01.'"),
        ("%m/%d/%Y", "1/7/26", "expected a time from 1990-01-01 on, got '1/7/26'"),
        ("%d.%m.%Y", "01.01.2027", "expected a time no later than the load at 2026-12-01 00:00:00, got '01.01.2027'"),
    ],
)
def test_a_declared_form_does_not_guess_either(warehouse, load, form, text, reason):
    load(f"-- times: {form}", leads=leads(text))
    assert list(quarantined(warehouse)["reason"]) == [f"created_at: {reason}"]


@pytest.mark.parametrize(
    "header",
    ["-- times: %Q", "-- times: %d.%m.%Y %Z", "-- times: %Y-%d-%m", "-- times: %Y-%d-%m %H:%M", "-- decimal: ;"],
)
def test_a_declaration_that_would_guess_is_refused(load, header):
    with pytest.raises(ConfigError, match=r"reading settings.toml and the mapping leads of crm: expected"):
        load(header, leads=leads("2026-01-07"))


@pytest.mark.parametrize("zone", ["BST", "AST", "IST", "+02:00", "Berlin", "", "../etc/passwd"])
def test_a_zone_that_would_be_guessed_is_refused(load, zone):
    with pytest.raises(UsageError, match="expected a time zone such as Europe/Berlin"):
        load(leads=leads("2026-01-07"), timezone=zone)


CLOCKS = table("""
    zone              local             in UTC
    Europe/Berlin     2026-10-25 01:59  2026-10-24 23:59:00
    Europe/Berlin     2026-10-25 02:00  2026-10-25 01:00:00
    Europe/Berlin     2026-10-25 02:30  2026-10-25 01:30:00
    Europe/Berlin     2026-10-25 03:00  2026-10-25 02:00:00
    Europe/Berlin     2026-03-29 01:59  2026-03-29 00:59:00
    Europe/Berlin     2026-03-29 02:30  2026-03-29 01:30:00
    Europe/Berlin     2026-03-29 03:30  2026-03-29 01:30:00
    America/New_York  2026-11-01 00:59  2026-11-01 04:59:00
    America/New_York  2026-11-01 01:30  2026-11-01 06:30:00
    America/New_York  2026-11-01 02:00  2026-11-01 07:00:00
    America/New_York  2026-03-08 02:30  2026-03-08 07:30:00
    America/New_York  2026-03-08 03:30  2026-03-08 07:30:00
""")


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("end", ["", 'L99;"broken\n'], ids=["fast reader", "line by line"])
@pytest.mark.parametrize("form", ["text", "declared", "typed"])
def test_the_doubled_hour_is_the_second_one_and_the_missing_one_is_an_hour_later(warehouse, load, zone, end, form):
    """In a whole file, by both readers, for texts, declared forms and times that a mapping made."""
    rows = CLOCKS[CLOCKS["zone"] == zone]
    header = {"text": None, "declared": "-- times: %d.%m.%Y %H:%M", "typed": ""}[form]
    texts = [datetime.fromisoformat(t).strftime("%d.%m.%Y %H:%M") if form == "declared" else t for t in rows["local"]]
    select = "* REPLACE (created_at::TIMESTAMP AS created_at)" if form == "typed" else "*"
    load(header, select=select, leads=leads(*texts) + end, timezone=zone)
    assert sorted(stored(warehouse)) == sorted(rows["in UTC"])


# -- words for nothing ----------------------------------------------------------------------------------------------

WORDS = "[not provided]|\\N|NULL|None|nan|N/A|#N/A|-|--|Select|(none)|[[Unknown]]|undefined|not provided|<NA>|NaT|nil"
WORDS += "|(blank)|#REF!|--None--|Please Select|(not set)|unknown|n.a.|?|[null]|  n/a  "


def test_words_for_nothing_are_nothing_in_keys_columns_and_extras_and_are_counted(warehouse, load):
    words = WORDS.split("|")
    rows = "".join(f"L{i};2026-01-07;{w};{w};{w};{i}\n" for i, w in enumerate(words))
    report = load(leads=f"lead_id;created_at;account_id;title;plan;visits\n{rows}L99;2026-01-07;A;Buyer;pro;9\n")
    assert warehouse.rows("SELECT count(*), count(account_id), count(title) FROM leads") == [(len(words) + 1, 1, 1)]
    assert {n.column: (n.kind, n.count, n.filled) for n in report.noticed} == {
        f"leads.{name}": ("empty", len(words), 1) for name in ("account_id", "title", "plan")
    }
    assert said(report)[0] == f"leads.account_id: {len(words)} read as missing ('#N/A': 1, '#REF!': 1, '(blank)': 1)"


def test_words_for_nothing_leave_numbers_times_and_flags_empty(warehouse, load):
    report = load(
        leads="lead_id;created_at\nL1;2026-01-07\n",
        accounts="account_id;employees;score\nA;n/a;1\nB;NULL;-\nC;12;2\n",
        opportunities="lead_id;opened_at;closed_at;won\nL1;2026-01-07;\\N;-\n",
    )
    assert report.quarantined == 0
    assert warehouse.rows("SELECT account_id, employees FROM accounts ORDER BY ALL") == [
        ("A", None),
        ("B", None),
        ("C", 12),
    ]
    assert warehouse.rows("SELECT closed_at, won FROM opportunities") == [(None, None)]
    assert said(report) == [
        "accounts.employees: 2 read as missing ('NULL': 1, 'n/a': 1)",
        "accounts.score: 1 read as missing ('-': 1)",
    ]


@pytest.mark.parametrize("word", ["NULL", "n/a", "(none)"])
def test_a_required_value_that_is_a_word_for_nothing_is_held_back_with_it(warehouse, load, word):
    load(leads=f"lead_id;created_at\n{word};2026-01-07\nL1;{word}\n")
    assert list(quarantined(warehouse)["reason"]) == [
        f"lead_id: expected a value, got '{word}'",
        f"created_at: expected {FORMS}, got '{word}'",
    ]


def test_a_word_that_the_contract_or_the_agreement_takes_is_a_value(warehouse, load):
    text = 'name = "ours"\n[criteria.stage]\nmeaning = "stage"\nlevels = { "undefined" = 50, select = 60 }\n'
    agreement = parse_agreement(text, date(2020, 1, 1), "agreement")
    report = load(
        leads="lead_id;created_at;permission\nL1;2026-01-07;None\nL2;2026-01-07;Unknown\nL3;2026-01-07;n/a\n",
        calls="lead_id;called_at;disposition\nL1;2026-01-07;unknown\n",
        answers="lead_id;answered_at;criterion;state;level\nL1;2026-01-07;stage;yes;undefined\nL2;2026-01-07;stage;yes;select\n"
        "L3;2026-01-07;stage;yes;none\n",
        agreements=[agreement],
    )
    assert [*stored(warehouse, "permission")] == ["none", "unknown", None]
    assert warehouse.rows("SELECT disposition FROM calls") == [("unknown",)]
    assert warehouse.rows("SELECT level FROM answers ORDER BY lead_id") == [("undefined",), ("select",), (None,)]
    assert report.quarantined == 0
    assert [n.column for n in report.noticed] == ["leads.permission", "answers.level"]


def test_personal_texts_are_kept_as_they_are_and_never_shown(warehouse, load):
    report = load(leads="lead_id;created_at;name;email\nL1;2026-01-07;None;n/a\n")
    assert warehouse.rows("SELECT name, email FROM leads") == [("None", "n/a")]
    assert report.noticed == ()


def test_the_words_are_a_setting(warehouse, load):
    settings = IngestSettings(empty_words=("Ohne", "0000-00-00"))
    load(leads="lead_id;created_at;title\nL1;2026-01-07;ohne\nL2;2026-01-07;n/a\n", settings=settings)
    assert stored(warehouse, "title") == [None, "n/a"]


def test_the_written_settings_are_the_defaults():
    assert Settings.model_validate(parse_toml(DEFAULT, "settings.toml")) == Settings()


# -- numbers --------------------------------------------------------------------------------------------------------


def extra(*texts):
    return "lead_id;created_at;x\n" + "".join(f"L{i:03};2026-01-07;{t}\n" for i, t in enumerate(texts))


def held(warehouse):
    """The stored values of the one extra column, and its type."""
    [(name, sql_type)] = [(n, t) for n, t in warehouse.columns("leads").items() if n.endswith("x")]
    return [v for (v,) in warehouse.rows(f'SELECT "{name}" FROM leads ORDER BY lead_id')], sql_type


@pytest.mark.parametrize("text", ["3", "-3", "+3", "0", "0.5", ".5", "5.", "1e3", "1.5E-3", "123456789012"])
def test_a_plain_number_is_one(warehouse, load, text):
    load(leads=extra(text, "7"))
    assert held(warehouse) == ([float(text), 7.0], "DOUBLE")


@pytest.mark.parametrize("text", ["1_000", "0x1F", "12 5", "1..5", "--5", "five", "1e", "5-6", "٣", "1/2", "inf"])
def test_what_only_resembles_a_number_is_text(warehouse, load, text):
    load(leads=extra(text, "7"))
    assert held(warehouse) == ([text, "7"], "VARCHAR")


def test_a_column_is_a_number_when_nearly_all_are_and_the_others_are_named_and_missing(warehouse, load):
    report = load(leads=extra(*map(str, range(1, 99)), "many", "many", "n/a"))
    values, sql_type = held(warehouse)
    assert (sql_type, values[97:]) == ("DOUBLE", [98.0, None, None, None])
    assert said(report) == [
        "leads.x: 1 read as missing ('n/a': 1)",
        "leads.x holds numbers, but 2 of 100 are not ('many': 2): stored as missing",
    ]


def test_one_code_with_a_leading_zero_makes_a_column_of_codes(warehouse, load):
    load(leads=extra(*map(str, range(10000, 10099)), "01067"))
    assert held(warehouse)[1] == "VARCHAR"


def test_a_column_of_numbers_that_becomes_text_later_is_said(warehouse, load):
    load(leads=extra("3", "4"))
    report = load(leads=extra("many", "few"), at=LOAD + timedelta(days=1))
    assert said(report) == [
        "leads.x holds numbers, but 2 of 2 are not ('few': 1, 'many': 1): stored as missing"
        "; if the column means something else now, give it another name in a mapping"
    ]
    assert report.quarantined == 0


def test_a_column_of_text_that_becomes_numbers_later_is_said(warehouse, load):
    load(leads=extra("many", "few"))
    report = load(leads=extra("3", "4"), at=LOAD + timedelta(days=1))
    assert said(report) == [
        "leads.x is kept as text, as its first load or its mapping had it, although 2 of 2 are numbers"
        " ('3': 1, '4': 1): to have numbers, cast it in a mapping under another name"
    ]


def test_numbers_that_a_mapping_gives_as_text_are_said_or_are_numbers_once_a_style_is_declared(warehouse, load):
    assert "leads.x is kept as text" in said(load("", leads=extra("3", "4")))[0]
    load("-- decimal: .", leads=extra("3", "4").replace(";x\n", ";y\n"))
    assert "DOUBLE" in [t for n, t in warehouse.columns("leads").items() if n.endswith("y")]


STYLES = table("""
    mark  text         number
    ,     12,5         12.5
    ,     1.500        1500
    ,     1.234.567,8  1234567.8
    ,     5%           5
    ,     5,5 %        5.5
    ,     € 1.200      1200
    ,     1.200,50 €   1200.5
    ,     -3,5         -3.5
    ,     1 200,5      1200.5
    ,     1’200,5      1200.5
    ,     7            7
    ,     EUR 12,5     12.5
    .     12.5         12.5
    .     1,500        1500
    .     1,234,567.8  1234567.8
    .     5%           5
    .     $1,200.50    1200.5
    .     -$5          -5
    .     USD 1,200    1200
    .     1,200 CHF    1200
    .     £0.5         0.5
    .     1'200.5      1200.5
""")


@pytest.mark.parametrize("mark", [",", "."])
@pytest.mark.parametrize("by", ["mapping", "settings"])
def test_a_declared_decimal_style_is_read(warehouse, load, mark, by):
    rows = STYLES[STYLES["mark"] == mark]
    own = {"header": f"-- decimal: {mark}"} if by == "mapping" else {"settings": IngestSettings(decimal=mark)}
    accounts = "account_id;employees\n" + "".join(f"A{i};{t}\n" for i, t in enumerate(rows["text"]) if "-" not in t)
    report = load(leads=extra(*rows["text"]), accounts=accounts, **own)
    assert held(warehouse) == ([float(n) for n in rows["number"]], "DOUBLE")
    assert (report.quarantined, said(report)) == (0, [])


@pytest.mark.parametrize(
    ("mark", "text"),
    [
        (",", "12.5"),
        (",", "1.50"),
        (",", "1,5,5"),
        (".", "12,5"),
        (".", "1,50"),
        (".", "1.5.5"),
        (",", "1.2345"),
        (".", "1,23,456"),
        (",", "5 Stück"),
        (".", "a5"),
    ],
)
def test_a_number_in_another_style_than_declared_is_no_number(warehouse, load, mark, text):
    load(f"-- decimal: {mark}", leads=leads("2026-01-07"), accounts=f"account_id;employees\nA;{text}\n")
    assert list(quarantined(warehouse)["reason"]) == [f"employees: expected a number, got '{text}'"]


@pytest.mark.parametrize(
    "text", ["12,5", "5%", "1.234.567", "€ 1,200", "1,200", "$5", "1 200", "12,5 %", "CHF 3", "1'000", "-1,5"]
)
def test_a_column_that_looks_like_numbers_of_another_style_is_named(warehouse, load, text):
    report = load(leads=extra(text, text, "7"), accounts=f"account_id;employees\nA;{text.strip('-')}\n")
    assert held(warehouse) == ([text, text, "7"], "VARCHAR")
    assert said(report) == [
        f"accounts.employees: 1 of 1 look like numbers in another style ({text.strip('-')!r}: 1): declare it,"
        " as in `-- decimal: ,` (docs/mappings.md)",
        f"leads.x: 2 of 3 look like numbers in another style ({text!r}: 2): declare it,"
        " as in `-- decimal: ,` (docs/mappings.md)",
    ]


def test_points_that_may_part_thousands_are_named(warehouse, load):
    report = load(leads=extra("1.500", "12.000", "900"), accounts="account_id;employees\nA;1.200\nB;7\n")
    assert held(warehouse)[0] == [1.5, 12.0, 900.0]
    assert [text.partition(" (")[0] for text in said(report)] == [
        "accounts.employees: 1 of 2 were read with a decimal point",
        "leads.x: 2 of 3 were read with a decimal point",
    ]
    assert said(load(leads=extra("1.5", "1.500"), at=LOAD + timedelta(days=1))) == []


def test_a_replay_reads_texts_as_their_mapping_declared_and_typed_values_as_they_were(warehouse, load):
    """A number that a mapping cast is not read again in the style of its texts: 12.125 is not 12125."""
    select = "*, 12.125::DOUBLE AS cast_x, TIMESTAMP '2026-01-02 03:04:05' AS known_at"
    load("-- times: %d.%m.%Y\n-- decimal: ,", select=select, leads=extra("1.500,5").replace("2026-01-07", "31.12.2026"))
    assert "no later than the load" in quarantined(warehouse)["reason"][0]
    replayed = replay(warehouse, loaded_at=datetime(2027, 1, 1))
    assert "known_at: expected a time no earlier than" in quarantined(warehouse)["reason"][0], replayed
    load(
        "-- times: %d.%m.%Y\n-- decimal: ,",
        select="*, 12.125::DOUBLE AS cast_x",
        leads=extra("2,5").replace("2026-01-07", "30.12.2026"),
    )
    assert replay(warehouse, loaded_at=datetime(2027, 1, 1)).stored == 1
    [values] = warehouse.rows("SELECT * FROM leads")
    assert {2.5, 12.125, datetime(2026, 12, 30)} <= set(values)


# -- wide files -----------------------------------------------------------------------------------------------------


def test_a_file_of_too_many_columns_is_refused_and_says_how_many_may_come(load):
    names = ";".join(f"x{i}" for i in range(2000))
    with pytest.raises(DataError, match="expected at most 500 columns, got 2002; leave out in a mapping"):
        load(leads=f"lead_id;created_at;{names}\nL1;2026-01-07;{';'.join('1' * 2000)}\n")


def test_a_wide_file_is_read_whole(warehouse, load):
    names = [f"x{i}" for i in range(498)]
    report = load(leads=f"lead_id;created_at;{';'.join(names)}\nL1;2026-01-07;{';'.join(['1', 'n/a'] * 249)}\n")
    assert report.tables["leads"].stored == 1
    assert len(report.noticed) == 249
    assert ingest_report(report).sections[0].points[-1] == "219 more remarks on columns; `--json` lists them"


@pytest.mark.parametrize(("words", "known", "held"), [("1900-01-01", [LOAD], 0), ("null", [], 1)])
def test_a_placeholder_that_comes_as_a_day_is_empty_where_the_settings_say_so(warehouse, tmp_path, words, known, held):
    first, none = date(2026, 1, 2), date(1900, 1, 1)
    rows = {"lead_id": ["A", "A"], "created_at": [first, first], "known_at": [first, none]}
    pq.write_table(pa.table(rows), tmp_path / "leads.parquet")
    ingest(warehouse, "canonical", tmp_path, loaded_at=LOAD, settings=IngestSettings(empty_words=(words,)))
    found = [at for (at,) in warehouse.rows("SELECT known_at FROM leads ORDER BY 1")]
    assert found == [datetime(2026, 1, 2), *known]
    assert len(quarantined(warehouse)) == held
