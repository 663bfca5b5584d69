"""Criteria and levels are those of the agreement, however an export writes them; what is in none is named."""

from __future__ import annotations

from datetime import date

import pytest

from data.agreement.file import parse_agreement
from data.intake.words import Word
from serving.pages.ingest import ingest_report

AGREEMENT = """
name = "ours"
[criteria.budget]
levels = { over_20k = 30, "up to 20k" = 10, Approved = 50 }
[criteria.next_step]
yes = 20
[criteria.need]
yes = 20
answers = ["Need"]
"""
ANSWER = "lead_id,answered_at,criterion,state,level\n"


def load(days, rows, text=AGREEMENT):
    answers = ANSWER + "".join(f"L1,2026-02-{i + 1:02},{row}\n" for i, row in enumerate(rows))
    agreement = parse_agreement(text, date(2026, 1, 1), "ours")
    return days(leads="lead_id,created_at\nL1,2026-01-01\n", answers=answers, agreements=[agreement])


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("Budget,yes,over_20k", ("budget", "over_20k")),
        ("BUDGET,yes,OVER_20K", ("budget", "over_20k")),
        ("budget,yes,Over 20k", ("budget", "over_20k")),
        ("budget ,yes,over-20K", ("budget", "over_20k")),
        (" bUdGeT,yes,Up_To_20k", ("budget", "up to 20k")),
        ("budget,yes,approved", ("budget", "Approved")),
        ("budget,yes,APPROVED", ("budget", "Approved")),
        ("Next Step,yes,", ("next_step", None)),
        ("next-step,yes,", ("next_step", None)),
        ("NEXT_STEP,no,whatever", ("next_step", "whatever")),
        ("need,yes,", ("Need", None)),
        ("NEED,refused,", ("Need", None)),
        ("Budget,no,nothing", ("budget", "nothing")),
    ],
)
def test_words_are_matched_where_one_is_meant(days, given, stored):
    report = load(days, [given])
    assert report.quarantined == 0
    assert days.warehouse.rows("SELECT criterion, level FROM answers") == [stored]
    assert report.findings[-1].words == ()


def test_two_spellings_of_the_agreement_are_left_as_they_are(days):
    text = AGREEMENT.replace('["Need"]', '["Need", "need"]')
    load(days, ["Need,yes,", "need,yes,", "NEED,yes,"], text)
    assert {c for (c,) in days.warehouse.rows("SELECT criterion FROM answers")} == {"Need", "need", "NEED"}


def test_criteria_of_no_agreement_are_counted_and_named(days):
    report = load(
        days, ["bugdet,yes,a", "bugdet,no,", "Colour,yes,green", "budget,yes,over_20k", "Timing,yes,", "n3xt step,yes,"]
    )
    assert report.tables["answers"].stored == 6
    assert report.findings[-1].words == (
        Word("bugdet", 2, "budget"),
        Word("Colour", 1, ""),
        Word("Timing", 1, ""),
        Word("n3xt step", 1, "next_step"),
    )
    points = ingest_report(report).sections[0].points
    assert "WARNING: criterion 'bugdet' is in no agreement: 2 answers; do you mean budget?" in points
    assert "criterion 'Colour' is in no agreement: 1 answer" in points


def test_a_level_that_no_spelling_explains_is_held_back(days):
    assert load(days, ["Budget,yes,over 30k"]).quarantined == 1


CONTACTS = {
    "Besitzer": ("ann@x.example", "bob.b@y.example", ""),
    "owner": ("ANN@X.EXAMPLE", "n/a", "bob@mail.y.example"),
    "rappel": ("+33 1 99 00 12 34", "+33 (0)6.99.00.12", "le soir"),
    "reach": ("+4930990012345", "+1 (555) 010-9999", "ann@x.example"),
}
NONE = {
    "website": ("x.example", "y.example", "ann@x.example"),
    "delta": ("+12", "-3", "+1.5"),
    "since": ("2026-01-02", "2026-01-03", "2026-01-04"),
    "handle": ("@ann", "@bob", "a@b"),
    "customer": ("0012345678", "0012345679", "0012345680"),
}


def test_a_new_column_of_addresses_or_phone_numbers_looks_personal(days):
    columns = CONTACTS | NONE
    rows = [f"L{i},2026-01-01,{','.join(values)}" for i, values in enumerate(zip(*columns.values(), strict=True))]
    leads = "\n".join([f"lead_id,created_at,{','.join(columns)}", *rows])
    report = days(leads=leads)
    assert report.left_out == tuple(f"leads.{name}" for name in CONTACTS)
    assert {f"lead.{name}" for name in NONE} <= days.warehouse.columns("leads").keys()


def test_a_column_that_only_looks_personal_can_be_allowed(days):
    from data.settings import IngestSettings

    leads = "lead_id,created_at,email_domain_type,Mobile visits,first_name\nL1,2026-01-01,free,3,Kim\n"
    report = days(leads=leads)
    assert report.left_out == ("leads.email_domain_type", "leads.Mobile visits", "leads.first_name")
    [line] = [p for p in ingest_report(report).sections[0].points if "look personal" in p]
    assert "allow_columns in [ingest] of settings.toml" in line
    allowed = IngestSettings(allow_columns=("Email_Domain_Type", "mobile visits"))
    report = days(leads=leads, settings=allowed)
    assert report.left_out == ("leads.first_name",)
    assert {"lead.email_domain_type", "lead.Mobile visits"} <= days.warehouse.columns("leads").keys()
