"""The mappings of the benchmarks on the public data they were written for."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from data.intake.ingest import ingest
from data.tables import LEADS
from data.warehouse import Warehouse

pytestmark = pytest.mark.slow

SHARED = Path(os.environ.get("LEADREADY_SHARED_DATA", Path(__file__).parents[4].parent / "shared" / "data"))
MAPPINGS = Path(__file__).parents[4] / "benchmarks/mappings"
LOAD = datetime(2026, 1, 1)


def loaded(source):
    folder = SHARED / source
    if not folder.is_dir():
        pytest.skip("the public data sets are not here: set LEADREADY_SHARED_DATA")
    with Warehouse.open(None) as warehouse:
        report = ingest(warehouse, source, folder, loaded_at=LOAD, mappings=MAPPINGS)
        assert report.quarantined == 0
        yield warehouse


@pytest.fixture(scope="module")
def bpic2012():
    yield from loaded("bpic2012")


@pytest.fixture(scope="module")
def x_education():
    yield from loaded("x_education")


@pytest.fixture(scope="module")
def bank_marketing():
    yield from loaded("bank_marketing")


def counts(warehouse, *tables):
    return {t: warehouse.scalar(f"SELECT count(*) FROM {t}") for t in tables}


def decisions(warehouse):
    return dict(warehouse.rows("SELECT decision, count(*) FROM decisions GROUP BY decision"))


def test_bpic2012_has_the_published_counts(bpic2012):
    assert counts(bpic2012, "leads", "touches", "calls", "handoffs", "decisions", "opportunities") == {
        "leads": 8766,
        "touches": 45013,  # 2 forms a lead, 8,101 scheduled tasks, 19,380 sessions started
        "calls": 19380,
        "handoffs": 4871,
        "decisions": 8766,
        "opportunities": 3386,
    }
    assert decisions(bpic2012) == {"accepted": 3386, "rejected": 5380}


def test_bpic2012_calls_are_known_at_their_end_and_sessions_at_their_start(bpic2012):
    late = "SELECT count(*) FROM calls WHERE known_at <> called_at + to_microseconds((duration_s * 1e6)::BIGINT)"
    assert bpic2012.scalar(late) == 0
    assert bpic2012.scalar("SELECT count(*) FROM touches WHERE known_at <> occurred_at") == 0
    assert bpic2012.scalar("SELECT count(*) FROM calls WHERE disposition <> 'connected' OR duration_s < 0") == 0
    started = "SELECT count(*) FROM touches WHERE asset LIKE 'session_start: %' AND channel = 'phone'"
    assert bpic2012.scalar(started) == bpic2012.scalar("SELECT count(*) FROM calls")


def test_bpic2012_nothing_of_the_time_after_acceptance_is_a_touch_or_call(bpic2012):
    works = {"W_Afhandelen leads", "W_Completeren aanvraag"}
    assert {w for (w,) in bpic2012.rows("SELECT DISTINCT purpose FROM calls")} == works
    assets = {a for (a,) in bpic2012.rows("SELECT DISTINCT asset FROM touches WHERE asset IS NOT NULL")}
    assert assets == works | {f"session_start: {w}" for w in works}
    wins = bpic2012.scalar("SELECT count(*) FROM opportunities WHERE won")
    assert 0 < wins <= 1560


def test_bpic2012_a_refusal_before_the_hand_off_has_none(bpic2012):
    before = "SELECT count(*), count(decisions.handed_off_at) FROM decisions LEFT JOIN handoffs h USING (lead_id)"
    assert bpic2012.rows(f"{before} WHERE h.handed_off_at IS NULL OR decided_at < h.handed_off_at") == [(3895, 0)]
    assert bpic2012.scalar("SELECT count(*) FROM decisions WHERE decision = 'accepted' AND handed_off_at IS NULL") == 0


def test_bpic2012_resources_are_agents(bpic2012):
    assert bpic2012.scalar("SELECT count(*) FROM calls WHERE agent_id LIKE '%.%'") == 0
    assert bpic2012.extras(LEADS) == {"amount_requested": "DOUBLE"}


def test_bpic2012_the_same_log_twice_stores_nothing(bpic2012):
    report = ingest(bpic2012, "bpic2012", SHARED / "bpic2012", loaded_at=LOAD + timedelta(days=1), mappings=MAPPINGS)
    assert (report.stored, report.quarantined) == (0, 0)


def test_x_education_counts_and_columns(x_education):
    assert counts(x_education, "leads", "handoffs", "decisions") == dict.fromkeys(
        ["leads", "handoffs", "decisions"], 9240
    )
    assert decisions(x_education) == {"accepted": 3561, "rejected": 5679}
    extras = x_education.extras(LEADS)
    assert not {"Converted", "Lead Number", "Prospect ID", "Country"} & set(extras)
    assert {n for n, t in extras.items() if t == "DOUBLE"} == {
        "TotalVisits",
        "Total Time Spent on Website",
        "Page Views Per Visit",
        "Asymmetrique Activity Score",
        "Asymmetrique Profile Score",
    }


def test_x_education_select_is_not_an_answer(x_education):
    for column in ("source", "country", *map(LEADS.extra, x_education.extras(LEADS))):
        assert x_education.scalar(f"SELECT count(*) FROM leads WHERE \"{column}\"::VARCHAR = 'Select'") == 0


def test_x_education_time_follows_the_lead_number(x_education):
    first, last = x_education.rows("SELECT min(created_at), max(created_at) FROM leads")[0]
    assert first == datetime(2015, 1, 1)
    assert last == first + timedelta(hours=660737 - 579533)
    assert {p for (p,) in x_education.rows("SELECT DISTINCT permission FROM leads")} == {"all", "no_mail", "no_call"}


def test_bank_marketing_counts_and_columns(bank_marketing):
    tables = ["leads", "calls", "handoffs", "decisions"]
    assert counts(bank_marketing, *tables) == dict.fromkeys(tables, 32949)
    extras = bank_marketing.extras(LEADS)
    assert not {"duration", "campaign", "y"} & set(extras)
    assert {"previous_calls", "emp_var_rate", "pdays"} <= {n for n, t in extras.items() if t == "DOUBLE"}
    assert bank_marketing.rows('SELECT min("lead.previous_calls"), max("lead.pdays") < 999 FROM leads') == [(0.0, True)]


def test_bank_marketing_rows_are_the_clock_and_a_calls_length_is_known_at_its_end(bank_marketing):
    assert bank_marketing.rows("SELECT min(created_at), max(created_at) FROM leads") == [
        (datetime(2008, 5, 1), datetime(2008, 5, 1) + timedelta(minutes=30 * 32948))
    ]
    assert bank_marketing.scalar("SELECT count(*) FROM calls WHERE known_at <> called_at + to_seconds(duration_s)") == 0
    assert (
        bank_marketing.scalar("SELECT count(*) FROM decisions WHERE decided_at <> handed_off_at + INTERVAL 10 MINUTE")
        == 0
    )
