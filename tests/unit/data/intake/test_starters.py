"""The starter mappings of the CRMs, each on its sample: the same company in five layouts (tests/starters.py)."""

import re
import shutil
from datetime import datetime

import pandas as pd
import pytest
from sqlalchemy import create_engine

from data.agreement.file import default_agreement
from data.errors import DataError
from data.intake.ingest import ingest, quarantined
from data.intake.mapping import CANONICAL, STARTERS, known_sources, load_mappings
from data.intake.names import declared_relation, relation_of
from data.tables import TABLES
from data.warehouse import Warehouse
from tests.starters import SAMPLES, files

FIRST, SECOND = datetime(2026, 1, 5, 18, 30), datetime(2026, 1, 6, 18, 30)
SOURCES = tuple(SAMPLES)
STORED = {"accounts": 12, "leads": 30, "touches": 15, "handoffs": 10, "decisions": 7, "opportunities": 3}
EXTRAS = {"hubspot": {"source_detail", "Company size"}, "hubspot-warehouse": {"source_detail"}}
PERMISSIONS = {
    "hubspot": {"no_mail": 2, "unknown": 28},
    "hubspot-warehouse": {"no_mail": 2, "unknown": 28},
    "salesforce": {"no_mail": 1, "no_call": 1, "none": 1, "unknown": 27},
    "salesforce-warehouse": {"no_mail": 1, "no_call": 1, "none": 1, "unknown": 27},
    "dynamics": {"no_mail": 1, "none": 1, "unknown": 28},
}
DISPOSITIONS = {"connected": 8, "no_answer": 4, "voicemail": 4, "busy": 4}
BY_OUTCOME = dict.fromkeys(SOURCES, DISPOSITIONS) | {"dynamics": {"unknown": 17, "voicemail": 4}}


def load(warehouse, source, folder=None, at=FIRST, **options):
    options = {"mappings": STARTERS, "agreements": [default_agreement()], **options}
    return ingest(warehouse, source, folder or STARTERS / source / "sample", loaded_at=at, **options)


def counted(warehouse, column, table):
    where = "WHERE superseded_at IS NULL"
    return dict(warehouse.rows(f"SELECT {column}, count(*) FROM {table} {where} GROUP BY ALL"))


@pytest.fixture(scope="module", params=SOURCES)
def loaded(request):
    with Warehouse.open(None) as warehouse:
        yield request.param, warehouse, load(warehouse, request.param, backfill=True)


def test_every_starter_has_a_readme_and_a_sample_as_it_is_made():
    assert set(known_sources(STARTERS)) - {CANONICAL} == set(SOURCES)
    assert {p: p.read_text() for p in files()} == files()
    assert set(STARTERS.glob("*/sample/*")) == {p for p in files() if p.parent.name == "sample"}
    assert all((STARTERS / source / "README.md").exists() for source in SOURCES)


def test_a_sample_has_the_companys_counts(loaded):
    source, warehouse, report = loaded
    assert {name: report.tables[name].stored for name in STORED} == STORED
    assert counted(warehouse, "decision", "decisions") == {"accepted": 3, "rejected": 4}
    assert counted(warehouse, "disposition", "calls") == BY_OUTCOME[source]
    assert counted(warehouse, "permission", "leads") == PERMISSIONS[source]
    refusals = {} if source == "dynamics" else {("budget", "refused", None): 1}  # no option says so
    words = counted(warehouse, "(criterion, state, level)", "answers")
    assert words == {("need", "yes", "active"): 10, ("budget", "yes", "approved"): 10} | refusals


def test_only_what_nobody_mapped_is_rejected(loaded):
    """An outcome of the portal's own, and a level of no agreement."""
    source, warehouse, report = loaded
    reasons = [re.sub(".*, got ", "", r) for r in quarantined(warehouse)["reason"]]
    outcome = {"hubspot-warehouse": "'0b1a7c52-0000-4000-8000-000000000001'"}.get(source, "'Ringing bell'")
    level = "'Some day'" if source == "dynamics" else "'some_day'"
    assert sorted(reasons) == sorted([level] if source == "dynamics" else [level, outcome])
    assert report.unused == ()


def test_hand_offs_and_decisions_are_those_of_the_story(loaded):
    """Every third lead at 10:00 on its fifth day; an answer after two or three days at 15:00."""
    _, warehouse, _ = loaded
    late = warehouse.rows("SELECT DISTINCT handed_off_at::TIME::VARCHAR FROM handoffs")
    assert {t for (t,) in late} <= {"10:00:00", "18:30:00"}  # without a date a hand-off counts from its load
    lags = (
        "SELECT decision, date_diff('day', handed_off_at, decided_at), count(*) FROM decisions GROUP BY ALL ORDER BY 1"
    )
    assert warehouse.rows(lags) == [("accepted", 2, 3), ("rejected", 3, 4)]
    assert counted(warehouse, "won", "opportunities") == {True: 1, False: 1, None: 1}
    open_deals = "SELECT count(*) FROM opportunities WHERE won IS NULL AND closed_at IS NOT NULL"
    assert warehouse.scalar(open_deals) == 0


def test_nothing_that_sales_fills_in_becomes_a_feature(loaded):
    source, warehouse, _ = loaded
    own = {f"{name}" for t in ("leads", "accounts") for name in warehouse.extras(TABLES[t])}
    assert {name.split(".")[-1] for name in own} == EXTRAS.get(source, set())


def test_the_next_day_the_same_files_are_repeats(loaded):
    """What no source dates keeps the date of its first load."""
    source, warehouse, first = loaded
    again = load(warehouse, source, at=SECOND)
    assert again.stored == 0
    assert {n: c.repeats for n, c in again.tables.items()} == {n: c.stored for n, c in first.tables.items()}


@pytest.fixture
def warehouse():
    with Warehouse.open(None, threads=1) as opened:
        yield opened


@pytest.fixture
def changed(tmp_path):
    """A copy of a sample with texts of one file replaced."""

    def change(source, file, *pairs):
        shutil.copytree(STARTERS / source / "sample", tmp_path, dirs_exist_ok=True)
        (path,) = tmp_path.glob(file)
        text = path.read_text()
        for old, new in pairs:
            assert old in text
            text = text.replace(old, new)
        path.write_text(text)
        return tmp_path

    return change


def test_a_rejection_without_a_date_counts_from_the_load_that_showed_it(warehouse, changed):
    folder = changed("hubspot", "*contacts*", ("Date unqualified", "Some other date"))
    load(warehouse, "hubspot", folder, backfill=True)
    rejected = "SELECT DISTINCT decided_at, known_at FROM decisions WHERE decision = 'rejected'"
    assert warehouse.rows(rejected) == [(FIRST, FIRST)]
    assert load(warehouse, "hubspot", folder, SECOND).stored == 0


def test_a_day_without_a_time_comes_after_all_else_of_it(warehouse):
    """Lead 27 of Salesforce was converted on a day; nothing says when."""
    load(warehouse, "salesforce")
    (at,) = warehouse.rows("SELECT decided_at FROM decisions WHERE lead_id LIKE '%27AAA'")[0]
    assert str(at) == "2025-12-05 23:59:59.999999"


def test_a_name_that_two_leads_have_is_no_key(warehouse, changed):
    """In Dynamics lists name leads: what could be of either is rejected, and said."""
    folder = changed("dynamics", "All Leads*", ("Sample Person 4,", "Sample Person 2,"))
    assert load(warehouse, "dynamics", folder, backfill=True).tables["calls"].quarantined == 2  # of 2 and of 4


@pytest.mark.parametrize("source", ["hubspot-warehouse", "salesforce-warehouse"])
def test_synced_tables_are_read_from_a_database(warehouse, tmp_path, source):
    url = f"sqlite:///{tmp_path / 'crm.db'}"
    engine = create_engine(url)
    for path in (STARTERS / source / "sample").glob("*.csv"):
        pd.read_csv(path).to_sql(path.stem, engine, index=False)
    engine.dispose()
    report = load(warehouse, source, url, backfill=True)
    assert {name: report.tables[name].stored for name in STORED} == STORED
    assert counted(warehouse, "permission", "leads") == PERMISSIONS[source]


def test_columns_that_may_be_absent_are_named(warehouse):
    absent = load(warehouse, "salesforce").absent
    assert absent["task"] == ("Type", "CallType", "Description")
    assert absent["lead"] == ("Authority__c",)


def test_a_column_that_must_be_there_is_named_beside_those_that_are(warehouse, changed):
    folder = changed("hubspot", "*contacts*", ("Record ID", "Contact ID"))
    with pytest.raises(DataError, match=r'"Record ID" not found.*they have .*Contact ID.*`-- optional:`'):
        load(warehouse, "hubspot", folder)


@pytest.mark.parametrize("source", SOURCES)
def test_a_mapping_says_what_to_confirm(source):
    """Who hands over, accepts and rejects is never chosen in silence."""
    texts = {m.table.name: m.sql for m in load_mappings(source, STARTERS)}
    assert set(texts) == set(TABLES)
    assert all("CONFIRM" in texts[name] for name in ("handoffs", "decisions", "answers", "calls", "leads"))


@pytest.mark.parametrize(
    ("name", "relation"),
    [
        ("hubspot-crm-exports-all-contacts-2026-01-05.csv", "raw_hubspot_crm_exports_all_contacts"),
        ("hubspot-crm-exports-all-contacts-2026-01-05 (1).csv", "raw_hubspot_crm_exports_all_contacts"),
        ("All Leads 1-14-2026 9-30-15 AM.csv", "raw_all_leads"),
        ("All Leads 14.01.2026 09-30-15.csv", "raw_all_leads"),
        ("LeadHistory.csv", "raw_leadhistory"),
        ("Budget__c.csv", "raw_budget__c"),
    ],
)
def test_a_file_and_the_declaration_of_its_name_meet(tmp_path, name, relation):
    assert relation_of(tmp_path / name, tmp_path) == relation == declared_relation(name)


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ("range_start('25-50')", "25"),
        ("range_start('1,001 – 5,000')", "1001"),
        ("range_start('10,000+')", "10000"),
        ("range_start('1,000')", "1000"),
        ("range_start('250')", "250"),
        ("range_start('12,5')", "12,5"),
        ("range_start('1.500')", "1.500"),
        ("range_start('many')", "many"),
        ("end_of_day('2026-01-04')", "2026-01-04 23:59:59.999999+01"),
        ("end_of_day('2026-01-05')", "2026-01-05 19:30:00+01"),
        ("end_of_day('2026-01-05 08:15')", "2026-01-05 08:15"),
        ("end_of_day('2026-13-05')", "2026-13-05"),
        ("end_of_day('01/05/2026')", "01/05/2026"),
        ("end_of_day(NULL)", None),
        ("is_yes('TRUE') AND is_yes('1') AND is_yes('Yes') AND is_yes(true)", "true"),
        ("is_yes('0') OR is_yes('no') OR is_yes(NULL) OR is_yes('')", "false"),
        ("loaded_at()", "2026-01-05 19:30:00+01"),
    ],
)
def test_what_mappings_may_call(warehouse, tmp_path, call, value):
    """As the load at 18:30 UTC reads it in Berlin."""
    (tmp_path / "own").mkdir()
    (tmp_path / "contacts.csv").write_text("Id\n1\n")
    sql = (
        f"SELECT Id AS lead_id, '2026-01-01' AS created_at, ({call})::VARCHAR AS title, _file, _line FROM raw_contacts"
    )
    (tmp_path / "own" / "leads.sql").write_text(sql)
    load(warehouse, "own", tmp_path / "contacts.csv", mappings=tmp_path, timezone="Europe/Berlin")
    assert warehouse.rows("SELECT title FROM leads") == [(value,)]


def test_a_check_stores_nothing_and_says_what_would_be(warehouse):
    before = warehouse.rows("SELECT table_name, column_name FROM duckdb_columns() ORDER BY ALL")
    report = load(warehouse, "hubspot", check=True)
    checked = report.checked
    assert report.stored == 118
    assert warehouse.rows("SELECT table_name, column_name FROM duckdb_columns() ORDER BY ALL") == before
    assert not any(warehouse.scalar(f"SELECT count(*) FROM {t}") for t in (*TABLES, "batches", "quarantine"))
    contacts, companies = (f"hubspot-crm-exports-all-{x}-2026-01-05.csv" for x in ("contacts", "companies"))
    assert checked.feeds[contacts] == ("leads", "touches", "answers", "handoffs", "decisions")
    assert checked.unread[contacts] == ("First Name", "Email", "Lifecycle Stage", "Number of Pageviews")
    assert checked.unread[companies] == ("Company name",)
    assert {e.split(".")[-1] for e in checked.extras} == {"source_detail", "Company size"}
    assert [(r.table, r.rows, r.line) for r in checked.rejected] == [("answers", 1, 9), ("calls", 1, 22)]
    assert checked.answers["timeframe"] == {"some_day (rejected)": 1}
    assert checked.answers["budget"] == {"approved": 10, "refused": 1}
    assert load(warehouse, "hubspot").stored == 118
