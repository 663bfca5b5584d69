"""Ingest: what is stored, refused, or there already; and when it became known."""

from __future__ import annotations

import json
import os
from datetime import date, datetime, timedelta
from pathlib import Path
from textwrap import dedent

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from data.agreement.file import parse_agreement
from data.errors import ConfigError, DataError, UsageError
from data.intake.ingest import TableCount, ingest, quarantined, replay
from data.intake.values import look_at
from data.intake.versions import store
from data.sql import in_force
from data.warehouse import Warehouse

LOAD = datetime(2026, 6, 1)
PUBLIC = Path(__file__).parents[4] / "benchmarks/mappings"
LEADS = "lead_id,created_at\nL1,2026-01-01 09:00\nL2,2026-01-02 09:00\n"


@pytest.fixture
def warehouse():
    with Warehouse.open(None, threads=1) as warehouse:
        yield warehouse


@pytest.fixture
def load(warehouse, tmp_path):
    """Ingest tables given as CSV texts; leads L1 and L2 are there unless given."""

    def load(source="canonical", at=LOAD, **tables):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        options = {k: tables.pop(k) for k in ("backfill", "timezone", "mappings", "agreements") if k in tables}
        if source == "canonical":
            tables = {"leads": LEADS} | tables
        for name, content in tables.items():
            body = dedent(content).encode() if isinstance(content, str) else content
            (folder / f"{name}.csv").write_bytes(body)
        return ingest(warehouse, source, folder, loaded_at=at, **options)

    return load


def only_reason(warehouse):
    [reason] = quarantined(warehouse)["reason"]
    return reason


# -- what is refused, and why ---------------------------------------------------------------------------------------

TOUCH = "lead_id,occurred_at,kind"
CALL = "lead_id,called_at,disposition,duration_s"
TIME = "a time such as 2026-01-31, 2026-01-31 08:15 or 2026-01-31T08:15:00+01:00"
FUTURE = "a time no later than the load at 2026-06-01 00:00:00"
REFUSED = {
    "touches": [
        "lead_id,occurred_at,kind,direction,is_bot,asset,known_at",
        (",2026-01-03,chat,,,,", "lead_id: expected a value, got none"),
        ("L1,,chat,,,,", "occurred_at: expected a value, got none"),
        ("L1,yesterday,chat,,,,", f"occurred_at: expected {TIME}, got 'yesterday'"),
        ("L1,31.01.2026,chat,,,,", f"occurred_at: expected {TIME}, got '31.01.2026'"),
        ("L1,2026-02-30,chat,,,,", f"occurred_at: expected {TIME}, got '2026-02-30'"),
        ("L1,2026-06-01 00:01,chat,,,,", f"occurred_at: expected {FUTURE}, got '2026-06-01 00:01'"),
        ("L1,infinity,chat,,,,", f"occurred_at: expected {TIME}, got 'infinity'"),
        ("L9,2026-01-03,chat,,,,", "lead_id: expected a lead in the table leads, got 'L9'"),
        ("L1,2026-01-03,chat,sideways,,,", "direction: expected one of inbound, outbound, got 'sideways'"),
        ("L1,2026-01-03,chat,,perhaps,,", "is_bot: expected yes or no, got 'perhaps'"),
        ("L1,2026-01-03,chat,,,a\0b,", "asset: expected text, got a NUL byte in it"),
        (f"L1,2026-01-03,chat,,,{'x' * 1_000_001},", "asset: expected at most 1 MB of text, got 1000001 bytes"),
        ("L1,2026-01-03,chat,,,,soon", f"known_at: expected {TIME}, got 'soon'"),
        ("L1,2026-01-03,chat,,,,2027-01-01", f"known_at: expected {FUTURE}, got '2027-01-01'"),
        (
            "L1,2026-01-03,chat,,,,2026-01-02",
            "known_at: expected a time no earlier than occurred_at 2026-01-03 00:00:00, got '2026-01-02 00:00:00'",
        ),
    ],
    "calls": [
        CALL,
        ("L9,2026-01-03,busy,1", "lead_id: expected a lead in the table leads, got 'L9'"),
        ("L1,2026-01-04,busy,-1", "duration_s: expected at least 0, got '-1'"),
        ("L1,2026-01-05,busy,long", "duration_s: expected a number, got 'long'"),
        (
            "L9,yesterday,busy,-1",
            f"called_at: expected {TIME}, got 'yesterday'; duration_s: expected at least 0, got '-1'; "
            "lead_id: expected a lead in the table leads, got 'L9'",
        ),
    ],
    "opportunities": [
        "lead_id,opened_at,amount",
        ("L1,2026-01-03,1e400", "amount: expected a finite number, got '1e400'"),
        ("L1,2026-01-05,-inf", "amount: expected a number, got '-inf'"),
    ],
    "decisions": [
        "lead_id,handed_off_at,decision,decided_at",
        (
            "L1,2026-02-01,accepted,2026-02-02",
            "handed_off_at: expected a hand-off of this lead at that time, got '2026-02-01 00:00:00'",
        ),
    ],
}


@pytest.mark.parametrize("table", REFUSED)
def test_rows_against_the_contract_are_refused_with_their_reasons(warehouse, load, table):
    header, *cases = REFUSED[table]
    report = load(**{table: "\n".join([header, *(row for row, _ in cases)])})
    assert report.tables[table] == TableCount(rows_in=len(cases), stored=0, quarantined=len(cases), repeats=0)
    assert list(quarantined(warehouse)["reason"]) == [reason for _, reason in cases]


def test_an_unknown_disposition_is_refused(warehouse, load):
    load(calls=f"{CALL}\nL1,2026-01-03,vanished,1\n")
    assert only_reason(warehouse).startswith("disposition: expected one of connected, callback, ")
    assert only_reason(warehouse).endswith(", got 'vanished'")


OLD = 'name = "old"\n[criteria.money]\nanswers = ["budget"]\nlevels = { planned = 10, approved = 50 }\n'
ANSWERS = """\
    lead_id,answered_at,criterion,state,level
    L1,2026-02-01,budget,yes,planned
    L1,2026-02-02,budget,yes,signed
    L1,2026-02-03,budget,no,signed
    L1,2026-02-04,colour,yes,green
    L1,2026-03-01,budget,yes,signed
    L1,2026-03-02,budget,yes,planned
    """


def test_a_level_that_the_agreement_of_its_day_does_not_name_is_refused(warehouse, load):
    """A no needs no level, other criteria are nobody's business, and correcting the agreement lets the row in."""
    old = parse_agreement(OLD, date(2026, 1, 1), "old")
    new = parse_agreement(OLD.replace("planned", "signed"), date(2026, 3, 1), "new")
    assert load(answers=ANSWERS, agreements=[old, new]).tables["answers"] == TableCount(6, 4, 2, 0)
    assert sorted(quarantined(warehouse)["reason"]) == [
        f"level: expected planned, approved (agreement {old.version}), got 'signed'",
        f"level: expected signed, approved (agreement {new.version}), got 'planned'",
    ]
    corrected = parse_agreement(OLD.replace("planned", "signed = 20, planned"), date(2026, 1, 1), "corrected")
    assert replay(warehouse, loaded_at=LOAD, agreements=[corrected, new]).tables["answers"] == TableCount(2, 1, 1, 0)


def test_a_decision_before_its_hand_off_is_refused(warehouse, load):
    load(
        handoffs="lead_id,handed_off_at\nL1,2026-02-01\nL2,2026-02-01\n",
        decisions="""\
            lead_id,handed_off_at,decision,decided_at
            L1,2026-02-01,accepted,2026-01-31
            L2,2026-02-01,accepted,2026-02-01
            """,
    )
    assert only_reason(warehouse) == (
        "decided_at: expected a time no earlier than handed_off_at 2026-02-01 00:00:00, got '2026-01-31 00:00:00'"
    )
    assert warehouse.rows("SELECT lead_id FROM decisions") == [("L2",)]


def test_a_refusal_needs_no_hand_off(warehouse, load):
    load(decisions="lead_id,decision,decided_at\nL1,rejected,2026-02-01\n")
    assert warehouse.rows("SELECT lead_id, handed_off_at FROM decisions") == [("L1", None)]


def test_a_refused_row_keeps_its_file_its_line_and_its_content(warehouse, load):
    report = load(calls=f"{CALL},notes\nL1,2026-01-03,busy,1,fine\nL1,2026-01-04,busy,-1,my secret\n")
    [row] = quarantined(warehouse).to_dict("records")
    assert (row["source"], row["table_name"], row["file"], row["line"]) == ("canonical", "calls", "calls.csv", 3)
    assert (row["batch_id"], row["loaded_at"]) == (report.batch_id, LOAD)
    assert json.loads(row["raw"]) | {"known_at": None} == {
        "lead_id": "L1",
        "called_at": "2026-01-04",
        "disposition": "busy",
        "duration_s": "-1",
        "notes": "my secret",
        "known_at": None,
    }


def test_personal_values_are_never_logged(load, caplog):
    caplog.set_level("DEBUG")
    load(calls=f"{CALL},notes\nL1,2026-01-04,busy,-1,my secret\nL1,broken secret\n")
    assert caplog.messages
    assert "secret" not in caplog.text


def test_a_line_that_cannot_be_read_counts_as_a_refused_row_of_its_table(warehouse, load):
    report = load(touches=f"{TOUCH}\nL1,2026-01-03,page_view\nL1,2026-01-03\n".encode() + b"L1,2026-01-03,caf\xe9\n")
    assert report.tables["touches"] == TableCount(rows_in=3, stored=1, quarantined=2, repeats=0)
    assert report.files == {"leads.csv": 2, "touches.csv": 3}
    assert list(quarantined(warehouse)["raw"]) == ["L1,2026-01-03\n", "L1,2026-01-03,caf\\xe9\n"]


# -- how values are read --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_time", "zone", "stored"),
    [
        ("2026-01-03 09:00", "UTC", "2026-01-03 09:00:00"),
        ("2026-01-03T09:00:00.123456Z", "Europe/Amsterdam", "2026-01-03 09:00:00.123456"),
        ("2026-01-03T09:00:00+02:00", "UTC", "2026-01-03 07:00:00"),
        ("2026-01-03 09:00", "Europe/Amsterdam", "2026-01-03 08:00:00"),
        ("2026-05-03 09:00", "Europe/Amsterdam", "2026-05-03 07:00:00"),
        ("2026-01-03", "America/New_York", "2026-01-03 05:00:00"),
    ],
)
def test_naive_times_are_read_in_the_zone_and_all_are_stored_in_utc(warehouse, load, given_time, zone, stored):
    load(touches=f"{TOUCH}\nL1,{given_time},page_view\n", timezone=zone)
    assert warehouse.scalar("SELECT occurred_at::VARCHAR FROM touches") == stored
    assert warehouse.scalar("SELECT current_setting('TimeZone')") == "UTC"


def test_times_of_mixed_zones_in_one_column(warehouse, load):
    load(touches=f"{TOUCH}\nL1,2026-01-03 09:00,page_view\nL1,2026-01-03T09:00:00Z,chat\n", timezone="Asia/Tokyo")
    assert warehouse.rows("SELECT kind, hour(occurred_at) FROM touches ORDER BY kind") == [
        ("chat", 9),
        ("page_view", 0),
    ]


def test_letter_case_and_spaces_mean_nothing(warehouse, load):
    load(touches="Lead_ID,OCCURRED_AT,Kind,asset\n L1 ,2026-01-03, Page_View ,  \n")
    assert warehouse.rows("SELECT lead_id, kind, asset FROM touches") == [("L1", "page_view", None)]


# -- when it was known ----------------------------------------------------------------------------------------------


def test_known_at_is_the_sources_own_else_the_load(warehouse, load):
    load(touches=f"{TOUCH},known_at\nL1,2026-01-03,chat,2026-01-05\nL2,2026-01-03,chat,\n")
    assert warehouse.rows("SELECT known_at FROM touches ORDER BY lead_id") == [(datetime(2026, 1, 5),), (LOAD,)]


def test_a_backfill_takes_it_from_the_event_and_a_call_from_its_end(warehouse, load):
    load(
        accounts="account_id\nA1\n",
        touches=f"{TOUCH}\nL1,2026-01-03,chat\n",
        calls=f"{CALL}\nL1,2026-01-03 09:00,connected,90\n",
        backfill=True,
    )
    assert warehouse.scalar("SELECT known_at FROM accounts") == datetime(1970, 1, 1)
    assert warehouse.scalar("SELECT known_at FROM leads WHERE lead_id = 'L1'") == datetime(2026, 1, 1, 9)
    assert warehouse.scalar("SELECT known_at FROM touches") == datetime(2026, 1, 3)
    assert warehouse.scalar("SELECT known_at FROM calls") == datetime(2026, 1, 3, 9, 1, 30)


@pytest.mark.parametrize("duration", ["3601", "86400"])
def test_a_call_that_would_end_after_the_load_is_refused(warehouse, load, duration):
    load(calls=f"{CALL}\nL1,2026-05-31 23:00,connected,{duration}\n", backfill=True)
    assert only_reason(warehouse).startswith("known_at: expected a time")


CRM = """
-- reads: crm
-- mutable: stage, budget
SELECT id AS lead_id, created AS created_at, title, stage, try_cast(budget AS DOUBLE) AS budget, _file, _line
FROM raw_crm
"""


@pytest.fixture
def crm(load, tmp_path):
    """A user's own mapping with columns that the CRM overwrites."""
    folder = tmp_path / "mappings"
    (folder / "crm").mkdir(parents=True)
    (folder / "crm" / "leads.sql").write_text(CRM)

    def crm(rows, at, backfill=True):
        return load("crm", at, crm=f"id,created,title,stage,budget\n{rows}\n", backfill=backfill, mappings=folder)

    return crm


def versions(warehouse, columns='"lead.stage", "lead.budget"'):
    return warehouse.rows(f"SELECT known_at, superseded_at, {columns} FROM leads ORDER BY lead_id, known_at")


def test_a_backfill_knows_overwritten_columns_from_the_load_on_only(warehouse, crm):
    created, later = datetime(2026, 1, 1), LOAD + timedelta(days=1)
    assert crm("L1,2026-01-01,CFO,won,5", LOAD).stored == 1
    assert versions(warehouse) == [(created, LOAD, None, None), (LOAD, None, "won", 5.0)]
    assert crm("L1,2026-01-01,CFO,won,5", later).tables["leads"].repeats == 1
    assert crm("L1,2026-01-01,CFO,lost,5", later).stored == 1
    assert versions(warehouse)[1:] == [(LOAD, later, "won", 5.0), (later, None, "lost", 5.0)]


def test_a_backfill_without_anything_overwritten_is_one_version(warehouse, crm):
    crm("L1,2026-01-01,CFO,,\nL2,2026-06-01,CFO,won,", LOAD)
    assert [v[2:] for v in versions(warehouse)] == [(None, None), ("won", None)]


def test_a_daily_load_has_one_version_of_overwritten_columns(warehouse, crm):
    crm("L1,2026-01-01,CFO,won,5", LOAD, backfill=False)
    assert versions(warehouse) == [(LOAD, None, "won", 5.0)]


# -- twice, and again -----------------------------------------------------------------------------------------------


def test_the_same_files_twice_store_nothing(warehouse, load):
    tables = {
        "accounts": "account_id,country\nA1,\n",
        "touches": f"{TOUCH},asset\nL1,2026-01-03,chat,\n",
        "calls": f"{CALL}\nL1,2026-01-03,,\nL1,2026-01-03,busy,-1\n",
        "decisions": "lead_id,decision,decided_at\nL1,rejected,2026-02-01\n",
    }
    first = load(**tables)
    again = load(at=LOAD + timedelta(days=1), **tables)
    assert again.batch_id == first.batch_id
    assert again.stored == 0
    assert {n: c.repeats for n, c in again.tables.items()} == {n: c.stored for n, c in first.tables.items()}
    assert len(quarantined(warehouse)) == 1


def test_a_cumulative_export_stores_what_is_new(load):
    load(touches=f"{TOUCH}\nL1,2026-01-03,chat\nL2,2026-01-03,chat\n")
    report = load(touches=f"{TOUCH}\nL1,2026-01-03,chat\nL1,2026-01-04,chat\nL2,2026-01-03,chat\n")
    assert report.tables["touches"] == TableCount(rows_in=3, stored=1, quarantined=0, repeats=2)


def test_equal_events_at_one_instant_count_by_their_event_id(load):
    event = "L1,2026-01-03,chat"
    report = load(touches=f"{TOUCH},event_id\n{event},1\n{event},2\n{event},2\n{event},\n{event},\n")
    assert report.tables["touches"] == TableCount(rows_in=5, stored=3, quarantined=0, repeats=2)


def test_the_first_of_equal_events_stays(warehouse, load):
    load(touches=f"{TOUCH}\nL1,2026-01-03,chat\n")
    load(touches=f"{TOUCH}\nL1,2026-01-03,chat\n", at=LOAD + timedelta(days=1))
    assert warehouse.rows("SELECT known_at FROM touches") == [(LOAD,)]


def test_an_exact_repeat_inside_a_file_is_a_repeat(load):
    report = load(leads="lead_id,created_at,title\nL1,2026-01-01,\nL1,2026-01-01,\n")
    assert report.tables["leads"] == TableCount(rows_in=2, stored=1, quarantined=0, repeats=1)


def test_one_key_with_two_contents_at_one_time_is_a_conflict_that_names_both_lines(warehouse, load):
    report = load(leads="lead_id,created_at,title\nL2,2026-01-01,\nL1,2026-01-01,CFO\nL1,2026-01-01,CEO\n")
    assert report.tables["leads"] == TableCount(rows_in=3, stored=2, quarantined=1, repeats=0)
    assert only_reason(warehouse) == (
        "lead_id: expected one content known at 2026-06-01 00:00:00, got different content on line 4 of leads.csv"
        " and on line 3 of leads.csv"
    )


def test_a_conflict_with_a_stored_version_names_its_batch(warehouse, load):
    batch = load(handoffs="lead_id,handed_off_at,route\nL1,2026-02-01,a\n", backfill=True).batch_id
    load(handoffs="lead_id,handed_off_at,route\nL1,2026-02-01,b\n", backfill=True)
    assert only_reason(warehouse).endswith(f"got different content on line 2 of handoffs.csv and in batch {batch}")


def test_a_changed_row_becomes_the_version_in_force_when_it_is_known(warehouse, load):
    later = LOAD + timedelta(days=1)
    load(leads="lead_id,created_at,title\nL1,2026-01-01,CFO\n")
    load(leads="lead_id,created_at,title\nL1,2026-01-01,CEO\n", at=later)
    assert versions(warehouse, "title") == [(LOAD, later, "CFO"), (later, None, "CEO")]
    for as_of, title in [(later, "CFO"), (later + timedelta(seconds=1), "CEO")]:
        found = warehouse.rows(f"SELECT title FROM leads e WHERE {in_force('?::TIMESTAMP')}", [as_of, as_of])
        assert found == [(title,)]


def test_an_unchanged_row_is_a_repeat_at_a_later_load(warehouse, load):
    for day in range(3):
        load(leads="lead_id,created_at,title\nL1,2026-01-01,\n", at=LOAD + timedelta(days=day))
    assert versions(warehouse, "title") == [(LOAD, None, None)]


def test_an_older_version_that_comes_late_takes_its_place(warehouse, load):
    """Also where the newer versions say the same as one before it: what the source said last stays in force."""
    header = "lead_id,created_at,known_at,title\nL1,2026-01-01"
    for day, title in [(3, "CFO"), (1, "CFO"), (2, "CEO")]:
        load(leads=f"{header},2026-02-0{day},{title}\n")
    days = [datetime(2026, 2, d) for d in (1, 2, 3)]
    assert versions(warehouse, "title") == [
        (days[0], days[1], "CFO"),
        (days[1], days[2], "CEO"),
        (days[2], None, "CFO"),
    ]


DECISIONS = "lead_id,decided_at,known_at,decision,reason"


@given(data=st.data())
def test_versions_end_the_same_in_whatever_order_and_batches_they_come(tmp_path_factory, data):
    """Each until the next of its key; the key's second part is unknown, as a decision without a hand-off has it."""
    known = st.tuples(st.sampled_from(["L1", "L2"]), st.integers(1, 9))
    decided = data.draw(st.dictionaries(known, st.sampled_from(["price", "timing"]), min_size=1))
    rows = data.draw(
        st.permutations([f"{k},2026-01-05,2026-02-0{day},rejected,{d}" for (k, day), d in decided.items()])
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=2)))
    with Warehouse.open(None, threads=1) as warehouse:
        for start, end in zip([0, *cuts], [*cuts, len(rows)], strict=True):
            folder = tmp_path_factory.mktemp("batch")
            (folder / "leads.csv").write_text(LEADS)
            (folder / "decisions.csv").write_text("\n".join([DECISIONS, *rows[start:end]]))
            assert ingest(warehouse, "canonical", folder, loaded_at=LOAD).tables["decisions"].stored == end - start
        columns = "lead_id, day(known_at), reason, day(superseded_at)"
        stored = warehouse.rows(f"SELECT {columns} FROM decisions ORDER BY lead_id, known_at")
    expected = sorted((lead, day, decision) for (lead, day), decision in decided.items())
    following = [b[1] if a[0] == b[0] else None for a, b in zip(expected, [*expected[1:], (None,) * 3], strict=True)]
    assert stored == [(*row, end) for row, end in zip(expected, following, strict=True)]


# -- columns beyond the contract ------------------------------------------------------------------------------------


def test_extra_columns_of_leads_are_kept_numbers_as_numbers(warehouse, load):
    load(leads="lead_id,created_at,Visits,Zip,Plan,Nothing\nL1,2026-01-01,3,01234,pro,\nL2,2026-01-01,,99999,,\n")
    assert warehouse.rows('SELECT "lead.Visits", "lead.Zip", "lead.Plan" FROM leads ORDER BY lead_id') == [
        (3.0, "01234", "pro"),
        (None, "99999", None),
    ]
    assert "lead.Nothing" not in warehouse.columns("leads")


def test_extra_columns_with_personal_names_are_left_out(warehouse, load):
    names = ["Work E-Mail", "mobile_no", "First Name", "date_of_birth", "Street", "IBAN", "business_class", "ssn"]
    report = load(leads=f"lead_id,created_at,{','.join(names)}\nL1,2026-01-01,{','.join('x' * len(names))}\n")
    assert report.left_out == tuple(f"leads.{n}" for n in names if n != "business_class")
    assert [*warehouse.extras(__import__("data.tables").tables.LEADS)] == ["business_class"]


def test_unknown_columns_of_other_tables_are_ignored_and_said(load):
    assert load(touches=f"{TOUCH},colour\nL1,2026-01-03,chat,red\n").ignored == ("touches.colour",)


def test_what_a_copying_tool_adds_is_ignored(load):
    assert load(leads="lead_id,created_at,_synced\nL1,2026-01-01,x\n").ignored == ("leads._synced",)


def test_parquet_keeps_text_as_text(warehouse, tmp_path):
    rows = "SELECT 'L1' AS lead_id, DATE '2026-01-01' AS created_at, '12345' AS zip, 3 AS visits, TRUE AS asked"
    duckdb.sql(rows).write_parquet(str(tmp_path / "leads.parquet"))
    ingest(warehouse, "canonical", tmp_path, loaded_at=LOAD)
    assert warehouse.rows('SELECT created_at, "lead.zip", "lead.visits", "lead.asked" FROM leads') == [
        (datetime(2026, 1, 1), "12345", 3.0, 1.0)
    ]


def test_of_a_parquet_file_that_changes_while_it_is_read_nothing_is_stored(warehouse, tmp_path, monkeypatch):
    path = tmp_path / "leads.parquet"
    duckdb.sql("SELECT 'L1' AS lead_id, DATE '2026-01-01' AS created_at").write_parquet(str(path))

    def store_and_change(*given, **named):
        done = store(*given, **named)
        duckdb.sql("SELECT 'L2' AS lead_id, DATE '2026-01-02' AS created_at").write_parquet(str(path))
        return done

    monkeypatch.setattr("data.intake.ingest.store", store_and_change)
    with pytest.raises(DataError, match=r"reading leads\.parquet: expected a file that stays as it is"):
        ingest(warehouse, "canonical", path, loaded_at=LOAD)
    assert warehouse.rows("FROM leads") == []
    monkeypatch.undo()
    assert ingest(warehouse, "canonical", path, loaded_at=LOAD).stored == 1


CHANGES = {
    "deleted": lambda path: path.unlink(),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-40]),
    "with other columns": lambda path: duckdb.sql("SELECT 1 AS x").write_parquet(str(path)),
    "with other bytes": lambda path: path.write_bytes(path.read_bytes().replace(b"L1", b"L2")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_of_a_file_that_changes_before_it_is_read_through_no_other_fault_is_told(
    warehouse, tmp_path, monkeypatch, change
):
    path = tmp_path / "leads.parquet"
    duckdb.sql("SELECT 'L1' AS lead_id, DATE '2026-01-01' AS created_at").write_parquet(str(path))

    def change_and_look(*given):
        before = path.stat()
        CHANGES[change](path)
        if path.exists():  # as a copy that keeps the time does
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        return look_at(*given)

    monkeypatch.setattr("data.intake.ingest.look_at", change_and_look)
    with pytest.raises(DataError, match=r"reading leads\.parquet: expected a file that stays as it is"):
        ingest(warehouse, "canonical", path, loaded_at=LOAD)
    assert warehouse.rows("FROM leads") == []


def test_a_wide_parquet_file_is_loaded_as_any_other(warehouse, tmp_path):
    columns = ", ".join(f"'{at}' AS x{at}" for at in range(100))
    rows = f"SELECT 'L' || range AS lead_id, DATE '2026-01-01' AS created_at, {columns} FROM range(3)"
    duckdb.sql(rows).write_parquet(str(tmp_path / "leads.parquet"))
    report = ingest(warehouse, "canonical", tmp_path, loaded_at=LOAD)
    assert report.stored == 3
    assert warehouse.rows('SELECT DISTINCT "lead.x99" FROM leads') == [("99",)]


def test_a_damaged_parquet_file_is_said_before_anything_is_stored(warehouse, tmp_path):
    path = tmp_path / "leads.parquet"
    rows = "SELECT 'L' || range AS lead_id, DATE '2026-01-01' AS created_at, hash(range)::VARCHAR AS x FROM range(9999)"
    duckdb.sql(rows).write_parquet(str(path))
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 64] = bytes(64)
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"reading leads\.parquet: expected a file that can be read"):
        ingest(warehouse, "canonical", path, loaded_at=LOAD)


def test_events_are_stored_in_order_whatever_order_they_come_in(warehouse, tmp_path):
    """And the rows of a file in order, which need no sorting, are stored as those of any other."""
    leads = "SELECT 'L' || range AS lead_id, DATE '2026-01-01' AS created_at FROM range(3)"
    touches = """SELECT 'L' || lead AS lead_id, TIMESTAMP '2026-01-02' + to_hours(hour::INT) AS occurred_at,
        'chat' AS kind, 't' || (3 * hour + lead) AS event_id FROM range(3) a(lead), range(9) b(hour) ORDER BY"""
    stored = []
    for number, order in enumerate(("lead, hour", "hour, lead", "lead DESC, hour")):
        folder = tmp_path / str(number)
        folder.mkdir()
        duckdb.sql(leads).write_parquet(str(folder / "leads.parquet"))
        duckdb.sql(f"{touches} {order}").write_parquet(str(folder / "touches.parquet"))
        with Warehouse.open(None, threads=1) as own:
            ingest(own, "canonical", folder, loaded_at=LOAD)
            stored.append(own.rows("SELECT lead_id, occurred_at, event_id FROM touches"))
    assert stored[0] == stored[1] == stored[2] == sorted(stored[0])


# -- trying again ---------------------------------------------------------------------------------------------------


def test_a_replay_stores_what_passes_now_and_keeps_the_rest(warehouse, load):
    load(touches=f"{TOUCH}\nL9,2026-01-03,chat\nL8,2026-01-03,chat\nL1,2026-01-03\n")
    load(leads="lead_id,created_at\nL9,2026-01-01\n")
    later = LOAD + timedelta(days=2)
    report = replay(warehouse, loaded_at=later)
    assert report.tables == {"touches": TableCount(rows_in=2, stored=1, quarantined=1, repeats=0)}
    assert warehouse.rows("SELECT lead_id, known_at FROM touches") == [("L9", later)]
    left = quarantined(warehouse)
    assert sorted(zip(left["line"], left["file"], left["loaded_at"], strict=True)) == [
        (3, "touches.csv", LOAD),
        (4, "touches.csv", LOAD),
    ]


def test_a_replay_reads_rows_as_their_batch_was_read(warehouse, load):
    load(touches=f"{TOUCH}\nL9,2026-01-03 09:00,chat\n", backfill=True, timezone="Asia/Tokyo")
    load(leads="lead_id,created_at\nL9,2026-01-01\n")
    replay(warehouse, loaded_at=LOAD)
    assert warehouse.rows("SELECT occurred_at, known_at FROM touches") == [(datetime(2026, 1, 3),) * 2]
    assert warehouse.scalar("SELECT current_setting('TimeZone')") == "UTC"
    assert quarantined(warehouse).empty


def test_a_replay_of_mapped_rows_needs_no_file(warehouse, crm, tmp_path):
    crm("L1,2026-07-01,CFO,won,5", LOAD)
    (tmp_path / "mappings" / "crm" / "leads.sql").unlink()
    assert replay(warehouse, loaded_at=datetime(2026, 8, 1)).stored == 1
    assert versions(warehouse) == [
        (datetime(2026, 7, 1), datetime(2026, 8, 1), None, None),
        (datetime(2026, 8, 1), None, "won", 5.0),
    ]


def test_a_conflict_does_not_pass_because_time_does(warehouse, load):
    load(leads="lead_id,created_at,title\nL1,2026-01-01,CFO\nL1,2026-01-01,CEO\n")
    report = replay(warehouse, loaded_at=LOAD + timedelta(days=1))
    assert (report.stored, report.quarantined) == (0, 1)


def test_a_text_that_is_too_long_is_kept_shortened_and_not_replayed(warehouse, load):
    load(touches=f"{TOUCH},asset\nL1,2026-01-03,chat,{'x' * 1_500_000}\n")
    assert replay(warehouse, loaded_at=LOAD).tables == {}
    [raw] = quarantined(warehouse)["raw"]
    assert len(json.loads(raw)["asset"]) == 1_000_000


def test_a_replay_of_many_sources_and_of_what_can_never_pass(warehouse, load):
    """Rows read in different ways, new extra columns, a NUL byte and a name that needs quotes."""
    for zone in ("UTC", "Asia/Tokyo"):
        load(leads=f'lead_id,created_at,"a/""{zone}~"\n{zone},2026-07-01 09:00,5\n', timezone=zone)
    load(touches=f"{TOUCH},asset\nL9,2026-01-03,chat,a\0b\n")
    warehouse.execute('ALTER TABLE leads DROP COLUMN "lead.a/""Asia/Tokyo~"')
    assert replay(warehouse, loaded_at=datetime(2026, 8, 1)).stored == 2
    columns = 'hour(created_at), "lead.a/""UTC~", "lead.a/""Asia/Tokyo~"'
    found = warehouse.rows(f"SELECT {columns} FROM leads WHERE lead_id IN ('UTC', 'Asia/Tokyo') ORDER BY lead_id")
    assert found == [(0, None, 5.0), (9, 5.0, None)]
    assert only_reason(warehouse).startswith("asset: expected text, got a NUL byte in it")


def test_an_empty_quarantine_replays_to_nothing(warehouse):
    assert replay(warehouse, loaded_at=LOAD).tables == {}


# -- what stops a whole batch ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tables", "kind", "message"),
    [
        pytest.param(
            {"touches": "lead_id,occured_at,kind\nL1,2026-01-03,chat\n"},
            DataError,
            "reading touches.csv: expected the columns lead_id, occurred_at, kind, got lead_id, occured_at, kind;"
            " missing: - occurred_at (+ occured_at is similar); rename the columns",
            id="missing column",
        ),
        pytest.param(
            {"calls": "x\n1\n"},
            DataError,
            "reading calls.csv: expected the columns lead_id, called_at, got x; missing: - lead_id, - called_at;",
            id="wrong file",
        ),
        pytest.param({"touches": ""}, DataError, "reading touches.csv: expected a header and records", id="empty file"),
        pytest.param({"at": datetime.fromisoformat("2026-01-01T00:00+01:00")}, UsageError, "without a zone", id="zone"),
        pytest.param(
            {"timezone": "Mars/Base"}, UsageError, "time zone such as Europe/Berlin, got 'Mars/Base'", id="tz"
        ),
        pytest.param(
            {"source": "crm5"},
            UsageError,
            "expected one of the sources canonical, got 'crm5'",
            id="unknown source",
        ),
        pytest.param(
            {"source": "bpic2012", "leads": LEADS, "mappings": PUBLIC},
            DataError,
            "ingesting bpic2012: expected a file, folder or table named events, got leads.csv",
            id="another source's files",
        ),
        pytest.param(
            {"source": "bpic2012", "events": "a,b\n1,2\n", "mappings": PUBLIC},
            DataError,
            "mapping leads of bpic2012: expected a SELECT with _file and _line that runs on these files, got Binder",
            id="columns a mapping needs",
        ),
    ],
)
def test_what_is_wrong_with_the_whole_stores_nothing(warehouse, load, tables, kind, message):
    with pytest.raises(kind) as error:
        load(**tables)
    assert message in str(error.value)
    assert warehouse.scalar("SELECT count(*) FROM leads") == 0
    assert warehouse.scalar("SELECT count(*) FROM batches") == 0
    assert warehouse.scalar("SELECT current_setting('TimeZone')") == "UTC"


def test_a_mapping_that_lacks_one_of_its_files(load, tmp_path):
    (tmp_path / "mappings" / "crm").mkdir(parents=True)
    (tmp_path / "mappings" / "crm" / "leads.sql").write_text("SELECT * FROM raw_people JOIN raw_firms USING (id)")
    with pytest.raises(DataError, match=r"expected a file, folder or table named firms, got people\.csv"):
        load("crm", people="id\n1\n", mappings=tmp_path / "mappings")


def test_a_mapping_for_no_table(load, tmp_path):
    (tmp_path / "mappings" / "crm").mkdir(parents=True)
    (tmp_path / "mappings" / "crm" / "lead.sql").write_text("SELECT 1")
    with pytest.raises(ConfigError, match=r"mapping lead.sql: expected a file named like one of the tables accounts, "):
        load("crm", leads=LEADS, mappings=tmp_path / "mappings")


def test_a_header_alone_is_a_batch_without_rows(load):
    assert load(touches=f"{TOUCH}\n").tables["touches"] == TableCount(0, 0, 0, 0)


def test_files_no_mapping_reads_are_said(warehouse, load):
    assert load(readme="a\n1\n").unused == ("readme.csv",)


def test_every_batch_is_recorded(warehouse, load):
    report = load()
    assert warehouse.rows("SELECT * FROM batches") == [(report.batch_id, "canonical", "leads", LOAD, 2, 2, 0, 0)]


def test_a_database_is_a_source(warehouse, tmp_path):
    url = f"sqlite:///{tmp_path / 'crm.db'}"
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE leads (lead_id TEXT, created_at TEXT, visits REAL)"))
        connection.execute(text("INSERT INTO leads VALUES ('L1', '2026-01-01 09:00', 2.5), (NULL, '', NULL)"))
    engine.dispose()
    report = ingest(warehouse, "canonical", url, loaded_at=LOAD)
    assert report.tables["leads"] == TableCount(rows_in=2, stored=1, quarantined=1, repeats=0)
    assert warehouse.rows('SELECT lead_id, created_at, "lead.visits" FROM leads') == [
        ("L1", datetime(2026, 1, 1, 9), 2.5)
    ]
    assert ingest(warehouse, "canonical", url, loaded_at=LOAD).batch_id == report.batch_id
