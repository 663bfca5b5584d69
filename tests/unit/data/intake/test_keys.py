"""Ids meet however a file writes them, and where they do not, the report says so."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.intake.ingest import ingest
from data.intake.keys import same_id
from data.settings import IngestSettings
from data.warehouse import Warehouse
from serving.pages.ingest import ingest_report

SAME = [
    ("42", "42.0"),
    ("42", "42.00"),
    ("42", "42,0"),
    ("-7", "-7.0"),
    ("10000000000000001", "10000000000000001.0"),
    ("A1", "\tA1"),
    ("00123", '="00123"'),
    ("42", '="42.0"'),
    ("A1", ' =" A1 " '),
    ("A1", '="="A1""'),
    ("00Q5g00000AbCdEEAV", '="00Q5g00000AbCdE"'),
    ("A1", "A1\u00a0"),
    ("A1", "\u2003A1\u3000"),
    ("A1", "\u200bA1"),
    ("A1", "A\u200d1\ufeff"),
    ("A1", "\u202aA1\u202c"),
    ("A1", "A1\u00ad"),
    ("A1", "\u0085A1\x1f"),
    ("Caf\u00e9", "Cafe\u0301"),
    ("\u00c5", "A\u030a"),
    ("\ud55c", "\u1112\u1161\u11ab"),
    ("ACME Corp", "ACME\u00a0Corp"),
    ("ACME Corp", "ACME  \t Corp"),
    ("001A0000006Vm9rIAC", "001A0000006Vm9r"),
    ("00Q5g00000AbCdEEAV", " 00Q5g00000AbCdE"),
    ("003xx000004TmiQAAS", "003xx000004TmiQ"),
    ("a0B1t00000xYzAbEAK", "a0B1t00000xYzAb"),
]
DIFFERENT = [
    ("42", "042"),
    ("42", '="042"'),
    ("A1", '"A1"'),
    ("A1", "=A1"),
    ("42", "4.2"),
    ("42", "42.000"),
    ("42", "42.5"),
    ("1000", "1,000"),
    ("a1", "A1"),
    ("A1", "A-1"),
    ("A1", "A 1"),
    ("A1", "\uff211"),
    ("001A0000006Vm9r", "001A0000006Vm9R"),
    ("001A0000006Vm9r", "001a0000006vm9r"),
    ("123456789012345", "123456789012345AAA"),
    ("1e5", "100000"),
    ("v1.0", "v1"),
]


@pytest.fixture(scope="module")
def form():
    with Warehouse.open(None, threads=1) as warehouse:
        yield lambda text: warehouse.scalar(f"SELECT {same_id('x')} FROM (SELECT $1::VARCHAR AS x)", [text])


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_id_written_in_two_ways(form, one, other):
    assert form(one) == form(other) == one


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_two_ids_stay_two(form, one, other):
    assert form(one) != form(other)


@given(st.text())
def test_the_form_of_an_id_is_its_own_form(text):
    """Also of whatever is no id: a second look changes nothing, and nothing becomes an empty id."""
    with Warehouse.open(None, threads=1) as warehouse:
        text = text.replace("\0", "")
        once = warehouse.scalar(f"SELECT {same_id('x')} FROM (SELECT $1::VARCHAR AS x)", [text])
        assert once != ""
        assert warehouse.scalar(f"SELECT {same_id('x')} FROM (SELECT $1::VARCHAR AS x)", [once]) == once


def test_every_id_column_has_one_form(days):
    """Accounts 42 and leads 42.0; leads of 15 characters and touches of 18; an event's id with a tab before it."""
    report = days(
        accounts="account_id,industry\n42,software\n",
        leads="lead_id,account_id,created_at\n00Q5g00000AbCdE,42.0,2026-01-01\n7.0,\u00a042,2026-01-01\n",
        touches="lead_id,occurred_at,kind,event_id\n00Q5g00000AbCdEEAV,2026-01-02,chat,9\n7,2026-01-03,chat,9.0\n",
        calls="lead_id,called_at,call_id\n\t7,2026-01-02,\u200bc1\n7,2026-01-02,c1\n",
        answers="lead_id,answered_at,criterion,state\n7.00,2026-01-02,need,yes\n",
        handoffs="lead_id,handed_off_at\n7,2026-01-03\n",
        decisions='lead_id,handed_off_at,decision,decided_at\n"7,0",2026-01-03,accepted,2026-01-03\n',
        opportunities="lead_id,opened_at\n7\u00ad,2026-01-04\n",
    )
    assert report.quarantined == 0
    assert {(s.table, s.unknown) for s in report.strangers} == {
        (name, 0) for name in ("leads", "touches", "calls", "answers", "handoffs", "decisions", "opportunities")
    }
    joined = "SELECT count(*) FROM leads JOIN accounts USING (account_id)"
    assert days.warehouse.scalar(joined) == 2
    assert days.warehouse.rows("SELECT DISTINCT event_id FROM touches") == [("9",)]
    assert report.tables["calls"].repeats == 1


LEADS = "lead_id,account_id,created_at\n" + "".join(f"l{i},a{i},2026-01-01\n" for i in range(20))


@pytest.mark.parametrize(
    ("accounts", "unknown", "alike", "many"),
    [
        ([f"a{i}" for i in range(20)], 0, 0, False),
        ([f"a{i}" for i in range(19)], 1, 0, False),
        ([f"a{i}" for i in range(18)], 2, 0, True),
        ([f"A{i}" for i in range(20)], 20, 20, True),
        ([f"00a{i}" for i in range(20)], 20, 20, True),
        ([f"x{i}" for i in range(20)], 20, 0, True),
    ],
)
def test_leads_whose_account_is_unknown_are_counted(days, caplog, accounts, unknown, alike, many):
    """Whichever of the two comes later; beyond 5 % it is a warning."""
    days(leads=LEADS)
    report = days(accounts="account_id\n" + "\n".join(accounts) + "\n")
    [found] = report.strangers
    assert (found.table, found.rows, found.unknown, found.alike, found.many) == ("leads", 20, unknown, alike, many)
    assert ("name accounts that are not there" in caplog.text) == many
    [line] = [p for p in ingest_report(report).sections[0].points if "whose account" in p or "every account" in p]
    if not unknown:
        assert line == "tables in which every account or lead is known, with their rows: leads (20)"
        return
    assert line.startswith(f"leads whose account is unknown: {unknown} of 20 ({unknown / 20:.1%})")
    assert ("would match but for letter case or leading zeros" in line) == bool(alike)
    assert ("WARNING" in line) == many


def test_events_of_unknown_leads_are_counted_and_held_back(days):
    touches = (
        "lead_id,occurred_at,kind\n" + "".join(f"L{i},2026-01-02,chat\n" for i in range(10)) + "l1,2026-01-02,chat\n"
    )
    report = days(leads=LEADS, touches=touches)
    assert report.tables["touches"].quarantined == 10
    [found] = report.strangers
    assert (found.table, found.of, found.rows, found.unknown, found.alike) == ("touches", "leads", 11, 10, 10)


def test_the_limit_is_a_setting_and_without_accounts_there_is_nothing_to_meet(days):
    report = days(
        leads=LEADS, touches="lead_id,occurred_at,kind\nx,2026-01-02,chat\n", settings=IngestSettings(unknown_share=1)
    )
    assert [(s.table, s.many) for s in report.strangers] == [("touches", False)]


def test_ids_of_typed_files_meet_too(tmp_path):
    import pandas as pd

    pd.DataFrame({"lead_id": [1.0, 2.0], "created_at": "2026-01-01", "account_id": [42.0, None]}).to_parquet(
        tmp_path / "leads.parquet"
    )
    pd.DataFrame({"account_id": [42]}).to_parquet(tmp_path / "accounts.parquet")
    with Warehouse.open(None) as warehouse:
        report = ingest(warehouse, "canonical", tmp_path, loaded_at=datetime(2026, 5, 1))
    assert [(s.rows, s.unknown) for s in report.strangers] == [(1, 0)]
