"""What was taken back is gone from then on; snapshots of the past see what was known then."""

from datetime import datetime, timedelta
from random import Random

import pandas as pd
import pytest

from data.agreement.file import default_agreement
from data.cohorts import Cohort, build_cohort, count_left_out, open_leads
from data.errors import UsageError
from data.intake.ingest import ingest
from data.intake.retraction import merge, retract_batch, retract_lead
from data.labels import label_outcomes
from data.permission import LEADS
from data.sql import in_force
from data.tables import TABLES
from data.warehouse import Warehouse
from features.matrix import build_matrix
from tests.tables import table, warehouse_of

MOMENT = datetime(2026, 3, 10)
DAY = timedelta(days=1)
BEFORE, AFTER = MOMENT, MOMENT + DAY


@pytest.fixture
def warehouse():
    with Warehouse.open(None) as opened:
        yield opened


@pytest.fixture
def load(warehouse, tmp_path):
    """Ingest CSV texts by table, loaded on a day of February 2026."""

    def loaded(day, backfill=True, timezone="UTC", **texts):
        folder = tmp_path / f"{day}{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        for name, text in texts.items():
            (folder / f"{name}.csv").write_text(text.replace(" ", "\n").replace("_at_", " "))
        at = datetime(2026, 2, 1) + day * DAY
        return ingest(warehouse, "canonical", folder, loaded_at=at, backfill=backfill, timezone=timezone)

    return loaded


def seen(warehouse, as_of, name, columns="*"):
    return warehouse.rows(f"SELECT {columns} FROM {name} e WHERE {in_force('$1')} ORDER BY ALL", [as_of])


def check_timeline(warehouse):
    """At no moment are two versions of a key in force, and no row ends before it begins."""
    for t in TABLES.values():
        named = f"AND {{}}.{t.event_id} IS NOT NULL" if t.event_id else ""
        same = " AND ".join(f"a.{k} IS NOT DISTINCT FROM b.{k}" for k in t.key)
        both = f"""SELECT count(*) FROM {t.name} a JOIN {t.name} b ON {same} AND a.rowid < b.rowid {named.format("a")}
            AND least(coalesce(a.superseded_at, 'infinity'), coalesce(b.superseded_at, 'infinity'))
            > greatest(a.known_at, b.known_at)"""
        assert warehouse.scalar(both) == 0, t.name
        assert warehouse.scalar(f"SELECT count(*) FROM {t.name} WHERE superseded_at < known_at") == 0


LEAD = "lead_id,created_at,title L1,2026-01-01,Buyer "
CLICKS = "lead_id,occurred_at,kind L1,2026-01-02_at_09:00,email_click L1,2026-01-03_at_09:00,email_click "


def test_a_batch_ends_and_what_it_replaced_counts_again(warehouse, load):
    load(0, leads=LEAD)
    wrong = load(1, backfill=False, leads="lead_id,created_at,title L1,2026-01-01,CEO L2,2026-01-01,CFO ")
    done = retract_batch(warehouse, wrong.batch_id, MOMENT)
    assert (done.rows, done.changed) == ({"leads": 2}, True)
    assert seen(warehouse, BEFORE, "leads", "lead_id, title") == [("L1", "CEO"), ("L2", "CFO")]
    assert seen(warehouse, AFTER, "leads", "lead_id, title") == [("L1", "Buyer")]
    assert not retract_batch(warehouse, wrong.batch_id, AFTER).changed
    check_timeline(warehouse)


@pytest.mark.parametrize("from_start", [False, True])
@pytest.mark.parametrize("known", ["", ",2026-01-05_at_00:00"])
def test_a_load_in_the_wrong_zone_is_loaded_again(warehouse, load, from_start, known):
    head = "lead_id,occurred_at,kind" + ",known_at" * bool(known)
    clicks = f"{head} L1,2026-01-02_at_09:00,email_click{known} L1,2026-01-03_at_09:00,email_click{known} "
    load(0, leads=LEAD)
    wrong = load(1, touches=clicks)
    before = seen(warehouse, BEFORE, "touches")
    done = retract_batch(warehouse, wrong.batch_id, MOMENT, from_start=from_start)
    assert done.rows == {"touches": 2}
    assert bool(done.notes) is not from_start
    assert seen(warehouse, AFTER, "touches") == []
    assert len(seen(warehouse, BEFORE, "touches")) == (0 if from_start else len(before))
    again = load(1, timezone="America/New_York", touches=clicks)
    assert (again.batch_id, again.tables["touches"].stored, again.tables["touches"].repeats) == (wrong.batch_id, 2, 0)
    times = [t for (t,) in seen(warehouse, AFTER, "touches", "occurred_at")]
    assert times == [datetime(2026, 1, 2, 14), datetime(2026, 1, 3, 14)]
    assert load(1, timezone="America/New_York", touches=clicks).tables["touches"].repeats == 2
    assert retract_batch(warehouse, wrong.batch_id, AFTER + DAY).rows == {"touches": 2}
    check_timeline(warehouse)


def test_the_same_rows_after_a_retraction_are_no_repeats_and_count_once(warehouse, load):
    """Also in snapshots of the past: a fresh row takes the place of the retracted one that was known at that time."""
    texts = {"leads": LEAD, "touches": CLICKS, "handoffs": "lead_id,handed_off_at L1,2026-01-04_at_10:00 "}
    wrong = load(0, **texts)
    retract_batch(warehouse, wrong.batch_id, MOMENT)
    assert open_leads(warehouse, AFTER, 60, ()).empty
    assert load(0, **texts).stored == 4
    for as_of in (BEFORE, AFTER):
        assert [len(seen(warehouse, as_of, name)) for name in texts] == [1, 2, 1]
    check_timeline(warehouse)


def test_a_later_version_stays_when_an_older_batch_goes(warehouse, load):
    load(0, leads=LEAD)
    middle = load(1, backfill=False, leads="lead_id,created_at,title L1,2026-01-01,CEO ")
    load(2, backfill=False, leads="lead_id,created_at,title L1,2026-01-01,CFO ")
    retract_batch(warehouse, middle.batch_id, MOMENT)
    assert seen(warehouse, AFTER, "leads", "title") == [("CFO",)]
    late = load(40, backfill=False, leads="lead_id,created_at,title,known_at L1,2026-01-01,COO,2026-03-09 ")
    assert late.stored == 1
    assert seen(warehouse, AFTER, "leads", "title") == [("COO",)]
    check_timeline(warehouse)


def test_rejected_rows_of_a_retracted_batch_go_too(warehouse, load):
    wrong = load(0, leads=LEAD, touches="lead_id,occurred_at,kind L9,2026-01-02,email_click ")
    assert retract_batch(warehouse, wrong.batch_id, MOMENT).rows == {"leads": 1, "quarantine": 1}
    assert warehouse.scalar("SELECT count(*) FROM quarantine") == 0
    with pytest.raises(UsageError, match=f"name one of {wrong.batch_id}"):
        retract_batch(warehouse, "nothing", MOMENT)


PERMISSIONS = {
    "its refusal stays": (["all", "none"], 1, "none"),
    "its consent goes": (["none", "all"], 1, "none"),
    "its consent goes under a later row without permission": (["no_mail", "", "all", ""], 2, "no_mail"),
    "an earlier consent holds": (["none", "all", ""], 2, "all"),
}


@pytest.mark.parametrize("case", PERMISSIONS)
def test_what_a_person_refused_outlives_a_retraction(warehouse, load, case):
    words, wrong, expected = PERMISSIONS[case]
    batches = [
        load(i, backfill=False, leads=f"lead_id,created_at,title,permission L1,2026-01-01,v{i},{word} ").batch_id
        for i, word in enumerate(words)
    ]
    now = "SELECT permission FROM {} l WHERE {}"
    before = warehouse.rows(now.format(LEADS, in_force("$1", "l")), [BEFORE])
    retract_batch(warehouse, batches[wrong], MOMENT)
    assert warehouse.rows(now.format(LEADS, in_force("$1", "l")), [BEFORE]) == before
    assert warehouse.rows(now.format(LEADS, in_force("$1", "l")), [AFTER]) == [(expected,)]


def test_a_deleted_lead_is_not_scored_whatever_rows_still_come(warehouse, load):
    texts = {"leads": f"{LEAD}L2,2026-01-01,CFO ", "touches": CLICKS}
    load(0, **texts)
    assert retract_lead(warehouse, " L1", MOMENT).changed
    assert not retract_lead(warehouse, "L1", AFTER).changed
    assert load(0, **texts).stored == 0
    assert load(50, backfill=False, **texts).stored == 0
    assert load(51, backfill=False, leads="lead_id,created_at,title L1,2026-01-01,CEO ").stored == 1
    assert list(open_leads(warehouse, BEFORE, 60, ())["lead_id"]) == ["L1", "L2"]
    assert list(open_leads(warehouse, AFTER + 90 * DAY, 60, ())["lead_id"]) == ["L2"]
    check_timeline(warehouse)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("opportunities", "lead_id,opened_at,stage,amount L1,2026-01-05,discovery,{} "),
        ("answers", "lead_id,answered_at,criterion,state,level L1,2026-01-05,budget,yes,{} "),
        ("touches", "lead_id,occurred_at,kind,event_id,asset L1,2026-01-05,page_view,e1,{} "),
        ("calls", "lead_id,called_at,disposition,call_id,duration_s L1,2026-01-05,connected,c1,{} "),
    ],
)
@pytest.mark.parametrize("gone", ["deleted", "merged"])
def test_versions_that_still_come_of_a_lead_that_is_gone_count_once_each(warehouse, load, name, text, gone):
    def come(day, value):
        return load(day, backfill=False, **{name: text.format(value)})

    load(0, leads=f"{LEAD}L2,2026-01-01,CFO ")
    assert [come(day, 100 * day).stored for day in (1, 2)] == [1, 1]
    retract_lead(warehouse, "L1", MOMENT) if gone == "deleted" else merge(warehouse, "L1", "L2", MOMENT)
    assert come(38, 200).repeats == 1
    assert come(39, 300).stored == 1
    assert come(40, 300).repeats == 1
    check_timeline(warehouse)


HANDED = {
    "leads": table("""
        lead  created_at
        A     2026-01-01
        B     2026-02-01
    """),
    "touches": table("""
        lead  occurred_at  kind         event_id
        A     2026-01-02   email_click  e1
        A     2026-01-03   email_click  -
        B     2026-02-02   email_click  e1
        B     2026-02-03   email_click  -
    """),
    "handoffs": table("""
        lead  handed_off_at
        A     2026-01-04
        A     2026-02-10
        B     2026-02-10
    """),
    "decisions": table("""
        lead  handed_off_at  decided_at  decision
        A     2026-01-04     2026-01-05  rejected
        A     2026-02-10     2026-02-11  accepted
        B     2026-02-10     2026-02-11  accepted
    """),
}


def outcomes(warehouse, observed, anchor="handoff"):
    cohort = build_cohort(warehouse, Cohort(anchor=anchor), observed)
    found = label_outcomes(warehouse, cohort, 14 * DAY, observed)
    return list(zip(found["lead_id"], found["as_of"].dt.strftime("%m-%d"), found["outcome"], strict=True))


def test_a_merge_hands_the_history_on_and_labels_once():
    with warehouse_of(**HANDED) as warehouse:
        past = warehouse.frame("SELECT lead_id, TIMESTAMP '2026-03-10' AS as_of FROM leads")
        before = build_matrix(warehouse, past, default_agreement())
        both = [("A", "02-10", "accepted"), ("B", "02-10", "accepted")]
        assert outcomes(warehouse, BEFORE) == [("A", "01-04", "rejected"), *both]
        done = merge(warehouse, "A", "B", MOMENT)
        assert done.rows == {"touches": 1, "handoffs": 1, "decisions": 1}
        pd.testing.assert_frame_equal(build_matrix(warehouse, past, default_agreement()), before)
        assert outcomes(warehouse, AFTER) == [("A", "01-04", "rejected"), ("B", "02-10", "accepted")]
        assert sum(count_left_out(warehouse, Cohort(), AFTER).values()) == 0
        assert list(seen(warehouse, AFTER, "touches", "lead_id, event_id")) == [("B", "e1"), ("B", None), ("B", None)]
        assert [lead for (lead,) in seen(warehouse, AFTER, "leads", "lead_id")] == ["B"]
        assert not merge(warehouse, "A", "B", AFTER).changed
        check_timeline(warehouse)


@pytest.mark.parametrize("merged", [datetime(2026, 1, 4, 12), datetime(2026, 1, 10), MOMENT])
def test_a_decision_counts_whenever_the_leads_are_merged(warehouse, load, merged):
    """Before or after it, within the horizon or later, and under whichever of the two the source gives it."""
    load(-27, leads="lead_id,created_at A,2026-01-01 B,2026-01-02 ", handoffs="lead_id,handed_off_at A,2026-01-04 ")
    merge(warehouse, "A", "B", merged)
    head = "lead_id,handed_off_at,decision,decided_at"
    for lead in "AB":
        assert load(-20, decisions=f"{head} {lead},2026-01-04,accepted,2026-01-06 ").quarantined == 0
        assert outcomes(warehouse, AFTER) == [("A", "01-04", "accepted")]
    check_timeline(warehouse)


def test_rows_that_come_later_for_a_merged_lead_go_to_the_other(warehouse, load):
    texts = {"leads": f"{LEAD}L2,2026-01-01,CFO ", "touches": CLICKS}
    load(0, **texts)
    merge(warehouse, "L1", "L2", MOMENT)
    assert load(0, **texts).stored == 0
    assert load(50, backfill=False, **texts).stored == 0
    later = "lead_id,occurred_at,kind L1,2026-03-20,email_reply L2,2026-03-20,chat "
    assert load(60, backfill=False, touches=later).stored == 2
    now = datetime(2026, 6, 1)
    assert [k for (k,) in seen(warehouse, now, "touches", "kind")] == [
        "chat",
        "email_click",
        "email_click",
        "email_reply",
    ]
    assert {lead for (lead,) in seen(warehouse, now, "touches", "lead_id")} == {"L2"}
    assert list(open_leads(warehouse, now, 60, ())["lead_id"]) == ["L2"]
    check_timeline(warehouse)


def test_merges_in_a_row_end_at_the_last_lead(warehouse, load):
    load(0, leads=f"{LEAD}L2,2026-01-01,CFO L3,2026-01-01,COO ", touches=CLICKS)
    merge(warehouse, "L1", "L2", MOMENT)
    merge(warehouse, "L2", "L3", AFTER)
    for moment, lead in ((BEFORE, "L1"), (AFTER, "L2"), (AFTER + DAY, "L3")):
        assert seen(warehouse, moment, "touches", "lead_id") == [(lead,)] * 2
    load(60, backfill=False, touches="lead_id,occurred_at,kind L1,2026-03-20,chat ")
    assert seen(warehouse, datetime(2026, 6, 1), "touches", "lead_id") == [("L3",)] * 3
    assert not merge(warehouse, "L1", "L3", MOMENT + 9 * DAY).changed
    for wrong in (("L3", "L1"), ("L1", "L1"), ("L9", "L1")):
        with pytest.raises(UsageError):
            merge(warehouse, *wrong, AFTER)
    check_timeline(warehouse)


@pytest.mark.parametrize(
    ("mine", "other", "expected"),
    [("all", "none", "none"), ("no_call", "no_mail", "none"), ("", "no_mail", "no_mail"), ("all", "", "all")],
)
def test_a_refusal_is_the_persons_under_whichever_lead(warehouse, load, mine, other, expected):
    load(0, leads=f"lead_id,created_at,title,permission B,2026-01-01,b,{mine} A,2026-01-01,a, ", backfill=False)
    load(1, leads=f"lead_id,created_at,title,permission A,2026-01-01,c,{other} ", backfill=False)
    merge(warehouse, "A", "B", MOMENT)
    now = f"SELECT lead_id, permission FROM {LEADS} l WHERE {in_force('$1', 'l')}"
    assert warehouse.rows(now, [AFTER]) == [("B", expected or None)]
    check_timeline(warehouse)


def test_a_batch_of_a_merged_lead_is_retracted_under_both(warehouse, load):
    load(0, leads=f"{LEAD}L2,2026-01-01,CFO ")
    wrong = load(1, touches=CLICKS)
    merge(warehouse, "L1", "L2", MOMENT)
    retract_batch(warehouse, wrong.batch_id, AFTER)
    assert seen(warehouse, AFTER, "touches", "lead_id") == [("L2",)] * 2
    assert seen(warehouse, AFTER + DAY, "touches") == []
    check_timeline(warehouse)


def test_a_retraction_from_the_start_lets_the_version_before_count_on(warehouse, load):
    load(0, leads=LEAD)
    wrong = load(1, backfill=False, leads="lead_id,created_at,title L1,2026-01-01,CEO ")
    retract_batch(warehouse, wrong.batch_id, MOMENT, from_start=True)
    assert seen(warehouse, BEFORE, "leads", "title") == seen(warehouse, AFTER, "leads", "title") == [("Buyer",)]


@pytest.mark.parametrize("seed", range(4))
def test_a_moved_event_is_of_the_lead_before_when_its_load_is_retracted(warehouse, load, seed):
    """Forty events move between three leads while loads are retracted; each is of the last lead not retracted then."""
    random, leads, retracted = Random(seed), "ABC", {}
    moves = [{event: random.choice(leads) for event in range(40) if random.random() < 0.6} for _ in range(6)]
    load(-1, leads="lead_id,created_at " + "".join(f"{lead},2026-01-01 " for lead in leads))
    stored: list[dict[int, str]] = []
    batches, past = [], {}

    def right(event):
        return next((s[event] for i, s in reversed([*enumerate(stored)]) if event in s and i not in retracted), None)

    for day in range(0, 18, 2):
        if (stored and random.random() < 0.4) or len(stored) == len(moves):
            gone = random.randrange(len(stored))
            retract_batch(warehouse, batches[gone], datetime(2026, 2, 1) + day * DAY)
            retracted.setdefault(gone, day)
        else:
            rows = moves[len(stored)]
            new = {event: lead for event, lead in rows.items() if right(event) != lead}
            lines = "".join(f"{lead},2026-01-02,chat,e{event} " for event, lead in rows.items())
            done = load(day, backfill=False, touches=f"lead_id,occurred_at,kind,event_id {lines}")
            assert done.tables["touches"].stored == len(new)
            stored.append(new)
            batches.append(done.batch_id)
        past[datetime(2026, 2, 2) + day * DAY] = sorted(
            (f"e{event}", lead) for event in range(40) if (lead := right(event))
        )
        for as_of, expected in past.items():
            assert seen(warehouse, as_of, "touches", "event_id, lead_id") == expected
    check_timeline(warehouse)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [3, 8, 108])
def test_whatever_is_loaded_merged_and_retracted_the_past_stays_and_nothing_counts_twice(warehouse, load, seed):
    random, batches, past, gone = Random(seed), [], {}, []
    load(-1, leads="lead_id,created_at " + "".join(f"{lead},2026-01-01 " for lead in "ABCD"))
    named = "lead_id, coalesce(event_id, asset)"
    for day in range(0, 20, 2):
        at, act = datetime(2026, 2, 1) + day * DAY, random.random()
        if batches and act < 0.3:
            retract_batch(warehouse, random.choice(batches), at)
        elif act < 0.45 and len(gone) < 2:
            lead, into = random.sample([lead for lead in "ABCD" if lead not in gone], 2)
            merge(warehouse, lead, into, at)
            gone.append(lead)
        else:
            events = [f"{random.choice('ABCD')},2026-01-02,chat,,e{i} " for i in range(9) if random.random() < 0.6]
            events += [f"{random.choice('ABCD')},2026-01-02,chat,a{i}, " for i in range(5) if random.random() < 0.6]
            sent = [f"{lead},2026-01-0{i} " for i in range(1, 5) for lead in "ABCD" if random.random() < 0.4]
            files = {"touches": "lead_id,occurred_at,kind,asset,event_id " + "".join(events)}
            files["handoffs"] = "lead_id,handed_off_at " + "".join(sent)
            batches.append(load(day, backfill=False, **files).batch_id)
        for as_of in (*past, at + DAY):
            found = (
                seen(warehouse, as_of, "touches", named),
                seen(warehouse, as_of, "handoffs", "lead_id, handed_off_at"),
            )
            assert found == past.setdefault(as_of, found)
            ids = [event for _, event in found[0] if event.startswith("e")]
            assert all(len(rows) == len({*rows}) for rows in (*found, ids))
        assert not {lead for rows in past[at + DAY] for lead, _ in rows} & {*gone}
    check_timeline(warehouse)
