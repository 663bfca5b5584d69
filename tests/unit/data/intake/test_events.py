"""The same event again: a repeat is a repeat, a correction a version, and two events are two."""

from __future__ import annotations

from datetime import datetime, timedelta

import pandas as pd
import pytest

from data.agreement.file import default_agreement
from data.cohorts import open_leads
from data.sql import in_force
from features.matrix import build_matrix
from features.rules.standing import build_lines, build_rules, find_reheated
from serving.pages.ingest import ingest_report

LEADS = "lead_id,created_at\nL1,2026-01-01\nL2,2026-01-01\n"
TOUCH = "lead_id,occurred_at,kind,asset,is_bot,direction,event_id\n"
CALL = "lead_id,called_at,disposition,duration_s,agent_id,call_id\n"
CLICK = "L1,2026-05-01 09:00:00,email_click,a,,,e1"
DIAL = "L1,2026-05-01 09:00:00,busy,30,ann,c1"
CORRECTED = {
    "found to be a bot's": ("touches", TOUCH, CLICK, "L1,2026-05-01 09:00:00,email_click,a,true,,e1"),
    "another asset": ("touches", TOUCH, CLICK, "L1,2026-05-01 09:00:00,email_click,b,,,e1"),
    "another second": ("touches", TOUCH, CLICK, "L1,2026-05-01 09:00:01,email_click,a,,,e1"),
    "another day": ("touches", TOUCH, CLICK, "L1,2026-04-30 09:00:00,email_click,a,,,e1"),
    "another kind": ("touches", TOUCH, CLICK, "L1,2026-05-01 09:00:00,email_open,a,,,e1"),
    "ours": ("touches", TOUCH, CLICK, "L1,2026-05-01 09:00:00,email_click,a,,outbound,e1"),
    "an asset too few": ("touches", TOUCH, CLICK, "L1,2026-05-01 09:00:00,email_click,,,,e1"),
    "another lead's": ("touches", TOUCH, CLICK, "L2,2026-05-01 09:00:00,email_click,a,,,e1"),
    "a longer call": ("calls", CALL, DIAL, "L1,2026-05-01 09:00:00,busy,300,ann,c1"),
    "another end": ("calls", CALL, DIAL, "L1,2026-05-01 09:00:00,connected,30,ann,c1"),
    "another agent": ("calls", CALL, DIAL, "L1,2026-05-01 09:00:00,busy,30,bob,c1"),
    "another time": ("calls", CALL, DIAL, "L1,2026-05-01 11:00:00,busy,30,ann,c1"),
    "a call with another lead": ("calls", CALL, DIAL, "L2,2026-05-01 09:00:00,busy,30,ann,c1"),
}


def in_force_at(days, table, as_of):
    said = "* EXCLUDE (known_at, superseded_at, batch_id, retracted_at, copied_from)"
    return days.warehouse.rows(f"SELECT {said} FROM {table} e WHERE {in_force('$1')} ORDER BY ALL", [as_of])


@pytest.mark.parametrize("case", CORRECTED)
def test_a_later_row_of_the_same_id_is_a_correction(days, case):
    table, header, first, later = CORRECTED[case]
    days(leads=LEADS, **{table: header + first + "\n"})
    known = days.loaded_at
    before = in_force_at(days, table, known + timedelta(hours=1))
    report = days(**{table: header + later + "\n"})
    assert report.tables[table].stored == 1
    assert [f.events.corrected for f in report.findings] == [1]
    now = days.loaded_at + timedelta(hours=1)
    assert in_force_at(days, table, known + timedelta(hours=1)) == before
    [row] = in_force_at(days, table, now)
    assert [row] != before
    again = days(**{table: header + later + "\n"})
    assert (again.tables[table].stored, again.tables[table].repeats) == (0, 1)
    assert any("correct or move an earlier one" in point for point in ingest_report(report).sections[0].points)


TWO = {
    "two ids": ("touches", TOUCH, CLICK, CLICK.replace("e1", "e2")),
    "a call and its ids": ("calls", CALL, DIAL, DIAL.replace("c1", "c2")),
    "calls of one day without an id": ("calls", CALL, "L1,2026-05-01,busy,30,ann,", "L1,2026-05-01,connected,300,ann,"),
    "calls of one day and agent": ("calls", CALL, "L1,2026-05-01,busy,30,ann,", "L1,2026-05-01,busy,31,ann,"),
    "one without an id": ("touches", TOUCH, CLICK, "L1,2026-05-01 09:00:00,email_open,a,,,"),
    "the same number of two leads": ("touches", TOUCH, CLICK, "L2,2026-05-01 10:00:00,email_click,a,,,e1"),
}


@pytest.mark.parametrize("case", TWO)
@pytest.mark.parametrize("at_once", [True, False])
def test_two_events_are_two(days, case, at_once):
    table, header, *rows = TWO[case]
    days(leads=LEADS)
    for batch in ["\n".join(rows)] if at_once else rows:
        days(**{table: f"{header}{batch}\n"})
    assert len(in_force_at(days, table, days.loaded_at + timedelta(hours=1))) == 2


def test_without_an_id_the_whole_row_tells_events_apart_and_that_is_said(days):
    """A correction without an id counts twice: the report says how many may be one."""
    days(leads=LEADS, calls="lead_id,called_at,duration_s\nL1,2026-05-01 09:00,30\n")
    report = days(
        calls="lead_id,called_at,duration_s\nL1,2026-05-01 09:00,300\nL1,2026-05-01 09:00,30\nL2,2026-05-02,1\n"
    )
    [events] = [finding.events for finding in report.findings]
    assert (events.new, events.repeats, events.unnamed, events.alike, events.corrected) == (2, 1, 2, 1, 0)
    [line] = [p for p in ingest_report(report).sections[0].points if "without call_id" in p]
    assert line == (
        "calls without call_id, told apart by the whole row: 2; with the lead and time of a stored one, but different "
        "from it: 1 (a correction would count twice)"
    )


def test_versions_of_an_event_may_come_in_any_order(days):
    header = TOUCH.strip() + ",known_at\n"
    days(leads=LEADS, touches=f"{header}L1,2026-05-01,chat,c,,,e1,2026-05-04\n")
    days(touches=f"{header}L1,2026-05-01,chat,a,,,e1,2026-05-02\nL1,2026-05-01,chat,b,,,e1,2026-05-03\n")
    for day, asset in ((3, "a"), (4, "b"), (5, "c")):
        [row] = in_force_at(days, "touches", datetime(2026, 5, day))
        assert row[4] == asset
    assert in_force_at(days, "touches", datetime(2026, 5, 2)) == []


def test_two_contents_of_one_id_in_one_file_are_a_conflict(days):
    report = days(leads=LEADS, touches=f"{TOUCH}{CLICK}\n{CLICK.replace('email_click', 'email_open')}\n")
    assert (report.tables["touches"].stored, report.tables["touches"].quarantined) == (1, 1)


def test_every_reader_sees_the_version_in_force(days):
    """A click found to be a scanner's counted until that was known, and never after."""
    click = f"{TOUCH}L1,2026-06-01 09:00,pricing_view,a,,inbound,e1\nL1,2026-06-01 09:00,chat,a,,inbound,e2\n"
    call = f"{CALL}L1,2026-06-01 09:00,busy,30,ann,c1\n"
    days(leads=LEADS, touches=click, calls=call)
    before = days.loaded_at + timedelta(hours=1)
    days(touches=click.replace(",,", ",true,"), calls=call.replace("busy", "connected"))
    after = days.loaded_at + timedelta(hours=1)
    index = pd.DataFrame({"lead_id": "L1", "as_of": [before, after]})
    names = ["touches_total", "bot_touches_30d", "connects_total", "dials_total", "pricing_views_7d"]
    matrix = build_matrix(days.warehouse, index, default_agreement())
    counts = [tuple(row) for row in matrix[[n for n in names if n in matrix]].to_numpy()]
    assert counts[0][:4] == (2, 0, 0, 1)
    assert counts[1][:4] == (0, 2, 1, 1)
    points = build_rules(days.warehouse, index, [default_agreement()])["digital_points"]
    assert points[0] > points[1] == 0
    lines = build_lines(days.warehouse, index, [default_agreement()])
    assert set(lines.loc[lines["axis"] == "digital", "as_of"]) == {before}
    assert find_reheated(days.warehouse, default_agreement(), after) == set()


def test_a_workspace_without_call_ids_gets_them(tmp_path):
    from data.warehouse import Warehouse

    path = tmp_path / "warehouse.duckdb"
    with Warehouse.open(path) as warehouse:
        warehouse.execute("ALTER TABLE calls DROP COLUMN call_id; DROP TABLE meta")
    with Warehouse.open(path) as warehouse:
        assert warehouse.columns("calls")["call_id"] == "VARCHAR"


@pytest.mark.parametrize(
    ("files", "options", "said"),
    [
        ({"touches": f"{TOUCH}{CLICK}\n"}, {}, {"leads": 2, "touches": 1}),
        ({"calls": f"{CALL}{DIAL}\n"}, {"backfill": True}, {}),
        ({"leads": "lead_id,created_at,known_at\nL1,2026-01-01,2026-01-01\n"}, {}, {}),
        ({"leads": "lead_id,created_at\nL1,2026-06-01 12:00\n"}, {}, {}),
        ({"leads": "lead_id,created_at,known_at\nL1,2026-01-01,2026-01-01\nL2,2026-01-01,\n"}, {}, {"leads": 1}),
        ({"handoffs": "lead_id,handed_off_at\nL1,2026-05-01\n"}, {}, {"leads": 2, "handoffs": 1}),
        ({"accounts": "account_id\nA1\n"}, {}, {"leads": 2}),
    ],
)
def test_history_that_is_known_from_now_on_only_is_said(days, files, options, said):
    """A first load without known_at and without --backfill; a later one with new rows of these days is a daily one."""
    report = days(**{"leads": LEADS} | files, **options)
    assert {f.table: f.from_now for f in report.findings if f.from_now} == said
    warned = [p for p in ingest_report(report).sections[0].points if "again with --backfill" in p]
    assert len(warned) == len(said)
    second = days(leads=LEADS + "L3,2026-05-30\n")
    assert [f.from_now for f in second.findings] == [0]


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("L1,2025-05-01,chat,\nL1,2025-05-02,chat,\nL1,2026-06-02,chat,\n", {}, 2),
        ("L1,2025-05-01,chat,\nL1,2026-06-01,chat,\nL1,2026-06-02,chat,\n", {}, 0),
        ("L1,2025-05-01,chat,\nL1,2025-05-02,chat,\n", {"backfill": True}, 0),
        ("L1,2026-01-05,form_start,e1\nL1,2026-06-02,chat,\n", {}, 0),  # a correction and a new one
        ("L1,2026-01-05,chat,e1\nL1,2026-01-06,chat,\nL1,2026-05-30,chat,\n", {}, 0),  # repeats and a new one
        ("L1,2025-05-01,chat,e9\n", {}, 1),
    ],
)
def test_history_in_a_later_load_is_said_where_most_of_what_is_new_is_old(days, text, options, said):
    head = "lead_id,occurred_at,kind,event_id\n"
    days(leads=LEADS, touches=f"{head}L1,2026-01-05,chat,e1\nL1,2026-01-06,chat,\n", backfill=True)
    report = days(touches=head + text, **options)
    assert [f.from_now for f in report.findings] == [said]


@pytest.mark.parametrize(
    ("deal", "undecided"),
    [
        ("Closed Lost,,", 1),
        ("closedwon,,", 1),
        ("Lost,,", 1),
        ("Proposal,2026-02-01,", 1),
        ("Closed Won,2026-02-01,true", 0),
        ("Closed Lost,,no", 0),
        ("Proposal,,", 0),
        (",,", 0),
    ],
)
def test_a_closed_deal_that_does_not_say_how_keeps_its_lead_closed_and_is_named(days, deal, undecided):
    deals = f"lead_id,opened_at,stage,closed_at,won\nL1,2026-01-05,{deal}\n"
    report = days(leads=LEADS, opportunities=deals, backfill=True)
    assert [f.undecided for f in report.findings] == [0, undecided]
    said = [p for p in ingest_report(report).sections[0].points if "without a word on whether they were won: 1" in p]
    assert len(said) == undecided
    assert ("L1" in set(open_leads(days.warehouse, days.loaded_at, 60, ())["lead_id"])) is deal.endswith("no")
