"""What careless exports hold: nothing of it is lost, counted twice or changed without a word."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.agreement.file import default_agreement
from data.errors import DataError
from data.intake.contract import PERSONAL
from data.intake.ingest import ingest, quarantined
from data.warehouse import Warehouse
from serving.pages.ingest import ingest_report

LEADS = "lead_id,created_at\nA,2026-01-01\nB,2026-01-01\n"
LOADED = datetime(2026, 6, 1)


def points(report):
    return "\n".join(ingest_report(report).sections[0].points)


@pytest.mark.parametrize(("backfill", "known"), [(True, datetime(2026, 1, 1)), (False, datetime(2026, 6, 2))])
def test_an_empty_word_as_known_at_says_nothing(days, backfill, known):
    days(leads="lead_id,created_at,known_at\nA,2026-01-01,n/a\n", backfill=backfill)
    assert days.warehouse.scalar("SELECT known_at FROM leads") == known


MOVES = {  # what lead the event is of, and from when on -> until when
    "the later lead first": ([("B", 20), ("A", 2)], {("A", 2): 20, ("B", 20): None}),
    "back again": ([("A", 2), ("B", 5), ("A", 9)], {("A", 2): 5, ("B", 5): 9, ("A", 9): None}),
    "back again, out of order": ([("A", 9), ("A", 2), ("B", 5)], {("A", 2): 5, ("B", 5): 9, ("A", 9): None}),
}


@pytest.mark.parametrize("case", MOVES)
def test_a_moved_event_is_of_one_lead_at_a_time_in_whatever_order_it_comes(days, case):
    given, right = MOVES[case]
    days(leads=LEADS)
    for lead, day in given:
        row = f"{lead},2026-02-01,chat,e1,2026-02-{day:02}"
        days(touches=f"lead_id,occurred_at,kind,event_id,known_at\n{row}\n")
    found = days.warehouse.rows("SELECT lead_id, known_at, superseded_at FROM touches")
    assert {(lead, known.day): until and until.day for lead, known, until in found} == right


@pytest.mark.parametrize(
    "rows", [("all", "none"), ("none", "all"), ("", "no_call", "none"), ("no_mail", "none", "all")]
)
def test_of_rows_that_contradict_each_other_the_refusal_counts(days, rows):
    lines = "".join(f"A,2026-01-01,{permission},2026-02-01\n" for permission in rows)
    report = days(leads=f"lead_id,created_at,permission,known_at\n{lines}")
    assert days.warehouse.rows("SELECT permission FROM leads") == [("none",)]
    assert report.quarantined == len(rows) - 1


REFUSED = {  # what stored rows of one moment say, load by load -> what counts
    "all none": "none",
    "none all": "none",
    "- no_call": "no_call",
    "no_mail no_call all": "none",
    "unknown no_mail -": "no_mail",
}


@pytest.mark.parametrize("said", REFUSED)
@pytest.mark.parametrize("title", ["Buyer", "CEO"])
def test_a_refusal_known_at_a_stored_moment_counts(days, said, title):
    head = "lead_id,created_at,permission,known_at,title\n"
    for i, word in enumerate(said.split()):
        report = days(leads=f"{head}A,2026-01-01,{word.strip('-')},2026-02-01,{title if i else 'Buyer'}\n")
    assert days.warehouse.rows("SELECT permission, title FROM leads") == [(REFUSED[said], "Buyer")]
    assert (report.stored, report.quarantined) == (0, 1)
    [reason] = days.warehouse.rows("SELECT reason FROM quarantine ORDER BY loaded_at DESC LIMIT 1")[0]
    assert ("what it refuses counts all the same" in reason) is (word in ("none", "no_call", "no_mail"))


E = "lead_id,occurred_at,kind,asset,event_id\n"
LATER_IDS = {  # stored without an id, then with -> rows stored in all, and what is said
    "the same": (
        "A,2026-02-01,chat,x,",
        "A,2026-02-01,chat,x,e1",
        1,
        "stored earlier without event_id that have one now: 1",
    ),
    "two ids": ("A,2026-02-01,chat,x,", "A,2026-02-01,chat,x,e1\nA,2026-02-01,chat,x,e2", 2, "have one now: 1"),
    "another asset": ("A,2026-02-01,chat,x,", "A,2026-02-01,chat,,e1", 2, "would count twice"),
    "another lead": ("A,2026-02-01,chat,x,", "B,2026-02-01,chat,x,e1", 2, ""),
    "ids that end": ("A,2026-02-01,chat,x,e1", "A,2026-02-01,chat,x,", 1, ""),
}


@pytest.mark.parametrize("case", LATER_IDS)
@pytest.mark.parametrize("backfill", [False, True])
def test_an_event_that_gains_its_id_is_the_same_event(days, case, backfill):
    first, later, rows, said = LATER_IDS[case]
    days(leads=LEADS, touches=f"{E}{first}\n", backfill=backfill)
    report = days(touches=f"{E}{later}\n", backfill=backfill)
    assert days.warehouse.scalar("SELECT count(*) FROM touches") == rows
    assert said in points(report) if said else "event_id" not in points(report)
    for text in (first, later):
        assert days(touches=f"{E}{text}\n", backfill=backfill).stored == 0


SHARED = [  # loads of rows (lead, known_at) of one event -> whose it is, and how many are held back
    ([[("A", ""), ("B", "")]], "A", 1),
    ([[("B", ""), ("A", ""), ("B", "")]], "B", 1),
    ([[("A", "2026-02-02"), ("B", "2026-02-02")]], "A", 1),
    ([[("A", "2026-02-02"), ("B", "2026-02-03")]], "B", 0),
    ([[("A", "2026-02-02")], [("B", "2026-02-02")]], "A", 1),
    ([[("A", "2026-02-02")], [("B", "2026-02-02"), ("A", "2026-02-02")]], "A", 1),
    ([[("A", "")], [("A", ""), ("B", "")]], "A", 1),
]


@pytest.mark.parametrize(("loads", "owner", "held"), SHARED)
def test_an_event_of_two_leads_at_one_moment_is_the_first_ones(days, loads, owner, held):
    days(leads=LEADS)
    for rows in loads:
        lines = "".join(f"{lead},2026-02-01,chat,e1,{known}\n" for lead, known in rows)
        days(touches=f"lead_id,occurred_at,kind,event_id,known_at\n{lines}")
    assert days.warehouse.rows("SELECT lead_id FROM touches WHERE superseded_at IS NULL") == [(owner,)]
    reasons = quarantined(days.warehouse)["reason"]
    assert len(reasons) == held
    assert all("event_id: expected one lead for an event known at" in reason for reason in reasons)


@pytest.mark.parametrize("at_once", [True, False])
def test_numbers_within_each_lead_are_no_shared_events(days, at_once):
    """Two first events at one moment are two where the first of a third lead was at another."""
    loads = ["C,2026-02-03,chat,1\n", "A,2026-02-01,chat,1\nB,2026-02-01,chat,1\n"]
    days(leads=f"{LEADS}C,2026-01-01\n")
    for rows in ["".join(loads)] if at_once else loads:
        assert days(touches=f"lead_id,occurred_at,kind,event_id\n{rows}").quarantined == 0
    assert days.warehouse.scalar("SELECT count(*) FROM touches WHERE superseded_at IS NULL") == 3


def test_words_may_be_parted_otherwise_but_not_digits(days):
    rows = "".join(f"A,2026-02-0{i},{c},yes\n" for i, c in enumerate(["Time Frame", "time_frame", "bud-get", "1_0"], 1))
    answers = f"lead_id,answered_at,criterion,state\n{rows}"
    report = days(leads=LEADS, answers=answers, agreements=[default_agreement()])
    found = days.warehouse.rows("SELECT criterion FROM answers ORDER BY answered_at")
    assert [c for (c,) in found] == ["timeframe", "timeframe", "budget", "1_0"]
    assert "criterion '1_0' is in no agreement" in points(report)


def test_codes_in_a_column_of_numbers_are_said(days):
    days(leads="lead_id,created_at,zip\nA,2026-01-01,90210\n")
    report = days(leads="lead_id,created_at,zip\nB,2026-01-01,02139\n")
    assert "leads.zip holds numbers, but 1 of 1 begin with a zero, like codes ('02139': 1)" in points(report)


def test_a_column_of_long_ids_is_text(days):
    report = days(leads="lead_id,created_at,ad\nA,2026-01-01,23850000000000001\nB,2026-01-01,238500000000000\n")
    assert report.quarantined == 1  # half of them are amounts
    report = days(leads="lead_id,created_at,other\nA,2026-01-01,23850000000000001\nB,2026-01-02,23850000000000002\n")
    assert report.quarantined == 0
    assert days.warehouse.scalar('SELECT min("lead.other") FROM leads') == "23850000000000001"


JSON = {  # a line -> why it is held back, or nothing
    '{"lead_id ": "A", " created_at": "2026-01-01", "": "x"}': "",
    '{"lead_id": "A", "created_at": "2026-01-01", "Source": "a", "source": "b"}': "a key twice",
    '{"lead_id": "A", "created_at": "2026-01-01", "source": "a", "source": "b"}': "a key twice",
}


@pytest.mark.parametrize("line", JSON)
def test_keys_of_json_are_names_of_columns(tmp_path, line):
    (tmp_path / "leads.jsonl").write_text('{"lead_id": "B", "created_at": "2026-01-01"}\n' + line)
    with Warehouse.open(None, threads=1) as warehouse:
        ingest(warehouse, "canonical", tmp_path, loaded_at=LOADED)
        held = " ".join(quarantined(warehouse)["reason"])
        stored = warehouse.scalar("SELECT count(*) FROM leads")
    assert JSON[line] in held
    assert stored == (1 if JSON[line] else 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"lead_id": "A", "created_at": "2026-01-01", "_line": 3}', "none called _file, _line"),
        ('[{"lead_id": "A", "created_at": "2026-01-01"}]', "one JSON object in each line"),
    ],
)
def test_a_json_file_of_another_form_is_refused_plainly(tmp_path, text, said):
    (tmp_path / "leads.jsonl").write_text(text)
    with Warehouse.open(None, threads=1) as warehouse, pytest.raises(DataError, match=said):
        ingest(warehouse, "canonical", tmp_path, loaded_at=LOADED)


def test_ids_that_excel_guards_are_read_and_counted(days):
    leads = 'lead_id,created_at,account_id\n="00123",2026-01-01,"=""7"""\n00124,2026-01-01,="7"\n'
    report = days(leads=leads, touches="lead_id,occurred_at,kind\n00123,2026-02-01,chat\n", accounts="account_id\n7\n")
    assert (report.stored, report.quarantined) == (4, 0)
    assert [s.unknown for s in report.strangers] == [0, 0]
    assert "leads.lead_id: 1 of 2 are wrapped by Excel in = and quotes ('=\"00123\"': 1): read" in points(report)
    assert "leads.account_id: 2 of 2 are wrapped by Excel" in points(report)


@pytest.mark.parametrize(
    "name", ["tel", "tél.", "cell", "dob", "handynr", "comments", "kommentar", "mail", "geb.-datum"]
)
def test_more_names_look_personal(name):
    assert PERSONAL.search(name.replace("é", "e"))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns", "date"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
@pytest.mark.parametrize("table", ["leads", "calls"])
def test_times_beyond_all_calendars_are_held_back(tmp_path, unit, zone, table):
    most = 2**31 - 1 if unit == "date" else (2**63 - 1) // {"s": 10**6, "ms": 10**3}.get(unit, 1)
    values = [most, most - 1, 1 - most, 5 - most, most // 2, -most // 2]
    numbers = pa.array(values, pa.int32() if unit == "date" else pa.int64())
    times = numbers.cast(pa.date32() if unit == "date" else pa.timestamp(unit, zone))
    at = "created_at" if table == "leads" else "called_at"
    columns = {"lead_id": ["A"] * len(values), at: times, "duration_s": [60] * len(values)}
    pq.write_table(pa.table(columns), tmp_path / f"{table}.parquet")
    with Warehouse.open(None, threads=1) as warehouse:
        options = {"loaded_at": LOADED, "timezone": zone or "UTC"}
        for backfill in (False, True):
            assert ingest(warehouse, "canonical", tmp_path, backfill=backfill, **options).stored == 0
        reasons = quarantined(warehouse)["reason"]
    assert len(reasons) == len(values)
    assert reasons.str.contains(f"{at}: expected a time (?:no later than|from)").all()


@pytest.mark.parametrize("kind", [pa.timestamp("us"), pa.timestamp("s", "UTC"), pa.date32()])
def test_an_extra_time_beyond_all_calendars_is_held_back_and_the_word_is_a_text(tmp_path, kind):
    far = (2**31 - 1) if kind == pa.date32() else 2**62 // (1 if kind == pa.timestamp("us") else 10**6)
    seen = pa.array([far, 0], pa.int32() if kind == pa.date32() else pa.int64()).cast(kind)
    made = pa.array([datetime(2026, 1, 1)] * 2)
    pq.write_table(
        pa.table({"lead_id": ["A", "B"], "created_at": made, "seen": seen, "brand": ["x", "infinity"]}),
        tmp_path / "leads.parquet",
    )
    with Warehouse.open(None, threads=1) as warehouse:
        assert ingest(warehouse, "canonical", tmp_path, loaded_at=LOADED, backfill=True).stored == 1
        assert "lead.seen: expected a time of the years 1 to 9999" in quarantined(warehouse)["reason"][0]
        assert warehouse.scalar('SELECT "lead.brand" FROM leads') == "infinity"
