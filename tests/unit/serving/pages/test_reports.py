"""What is said of a batch, a scoring, a lead and the agreements: one report each, for people and for machines."""

from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from data.agreement.file import default_agreement
from data.freshness import Age, Freshness
from data.intake.ingest import IngestReport, TableCount
from data.tables import SCORES
from serving.pages.agreements import agreements_report, standing_report
from serving.pages.ingest import ingest_report
from serving.pages.scores import NO_MODEL, OUTSIDE, lead_report, scoring_report
from serving.pages.sections import listed
from serving.pages.terminal import as_lines
from tests.tables import table

AS_OF = datetime(2026, 3, 1)
BANT = default_agreement()
STANDING = pd.DataFrame(
    {
        "lead_id": ["L1", "L2"],
        "as_of": pd.Timestamp(AS_OF),
        "agreement_version": "v1",
        "digital_points": [12.5, 0.0],
        "research_points": [30.0, 0.0],
        "missing": ["", "budget"],
        "combinations": "",
        "urgent": [True, False],
        "persona": None,
        "buying_stage": None,
        "team": ["north", None],
        "segment": "0",
        "zone": ["nearly", "not_yet"],
    }
)
LINES = table("""
    lead_id  as_of       axis      criterion  what            occurred_at       points  agreement_version
    L1       2026-03-01  digital   email      clicked e-mail  2026-02-27 09:30  12.5    v1
    L1       2026-03-01  research  budget     approved        -                 30      v1
""").astype({"occurred_at": "datetime64[us]", "points": float})
FOUND = {
    "version": 3,
    "trained_until": pd.Timestamp("2026-02-01"),
    "provisional": True,
    "probability": 0.25,
    "probability_low": 0.1,
    "probability_high": 0.5,
    "support": "outside",
    "missing": ["ask for the budget"],
    "why": pd.Series(
        {
            "log_odds_base": -1.5,
            "contribution_calls": 0.25,
            "contribution_fit": 0.5,
            "contribution_account": float("nan"),
            "reason_1": "a clicked e-mail",
            "reason_2": None,
            "reason_3": None,
            "reason_4": None,
        }
    ),
}


def test_a_batch_is_counted_by_table_and_says_what_was_left_out():
    done = IngestReport("b1", {"leads": TableCount(5, 3, 1, 1)}, {"leads.csv": 5}, ignored=("shoe_size",))
    report = ingest_report(done)
    assert as_lines(report) == [
        "table  rows_in  stored  quarantined  repeats",
        "leads        5       3            1        1",
        "read leads.csv: 5 records",
        "rejected rows, now in quarantine: 1 (`leadready quarantine list` shows why)",
        "ignored columns that no table has: shoe_size",
    ]
    counts = {"table": "leads", "rows_in": 5, "stored": 3, "quarantined": 1, "repeats": 1}
    facts = {"batch_id": "b1", "files": {"leads.csv": 5}, "tables": [counts]}
    names = {"unused": (), "left_out": (), "ignored": ("shoe_size",), "absent": {}}
    assert report.facts == facts | names | {"noticed": [], "findings": [], "strangers": [], "followed": []}


def test_a_scoring_names_the_leads_to_look_at_first_and_counts_the_others():
    scores = table("""
        lead_id  probability  support  digital_points  research_points  rule_points  zone       route     route_reason
        L1       0.2          inside   1               0                1            not_yet    nurture   cold
        L2       0.4          inside   1               2                3            qualified  hand_off  ready
        L3       0.9          inside   1               2                3            qualified  blocked   no
        L4       0.6          inside   1               2                3            qualified  hand_off  ready
    """).astype({"probability": float, "rule_points": float})
    scores = scores.assign(probability_low=scores["probability"] - 0.1, probability_high=scores["probability"] + 0.1)
    scores = scores.reindex(columns=list(dict.fromkeys([*scores.columns, *SCORES.names]))).assign(
        as_of=AS_OF, contact="none", urgent=False
    )
    capacity = pd.DataFrame({"team": ["north"], "limit": [2], "worth": [1 / 3]})
    fresh = Freshness(AS_OF, (Age("calls", AS_OF - timedelta(days=9), 9, 5),), 1_200)
    report = scoring_report(scores, capacity, None, fresh, most=2)
    top, calls, routes, places = report.sections
    assert [row["lead_id"] for row in top.rows] == ["L4", "L2"]
    assert calls.rows == []
    assert list(top.rows[0].items())[1:5] == [
        ("probability", 0.6),
        ("probability_low", 0.5),
        ("probability_high", 0.7),
        ("support", "inside"),
    ]
    assert {(row["route"], row["zone"]): row["leads"] for row in routes.rows}["hand_off", "qualified"] == 2
    assert places.rows == [{"team": "north", "limit": 2, "worth": 0.3333}]
    assert as_lines(report)[-3:] == [
        "newest call: 9 days old (2026-02-20 00:00 UTC), which is stale (limit: 5 days): check that new calls still "
        "come in",
        "not used: 1,200 rows that became known at 2026-03-01 00:00 UTC or later",
        "4 open leads scored as of 2026-03-01 00:00:00 UTC; not exported: a day's export shows its latest scoring by "
        "the champion",
    ]
    assert report.facts["fresh"]["calls"]["stale"]
    assert report.facts["folder"] is None
    published = scoring_report(scores, capacity, Path("exports/2026-03-01"), fresh)
    assert as_lines(published)[-1].endswith("UTC; written to exports/2026-03-01")
    waits = scoring_report(scores, capacity, None, fresh, waiting=3)
    assert as_lines(waits)[-1].startswith("version 3 is better than what is in use, by its training, and waits for you")
    assert waits.facts["waiting"] == 3
    assert published.facts["top"][2]["lead_id"] == "L1"


def test_a_lead_is_shown_with_its_sum_line_by_line():
    report = standing_report(STANDING, LINES, BANT)
    first, second = (section.notes for section in report.sections)
    assert first == [
        f"L1 at 2026-03-01 00:00 UTC under the agreement {BANT.name} (v1)",
        "The rules rate it nearly qualified with 42 points.",
        "urgent; team: north",
        "Digital points:",
        "  email",
        "   12.500  2026-02-27 09:30  clicked e-mail",
        "   12.500  in total, band 1 of 3; band 2 begins at 15",
        "Points from phone and research:",
        "  budget: money is there or planned",
        "   30.000                    approved",
        "   30.000  in total, band 2 of 3; band 3 begins at 45",
    ]
    assert second[1:3] == [
        "The rules rate it not yet qualified with 0 points.",
        "required but without points: budget",
    ]
    assert [len(lead["lines"]) for lead in report.facts] == [2, 0]
    assert report.facts[0]["lines"][0]["occurred_at"] == "2026-02-27T09:30:00.000"


def test_what_the_model_makes_of_a_lead_adds_up():
    report = lead_report(STANDING[:1], LINES, FOUND, BANT, AS_OF)
    model, rules = report.sections
    assert rules.notes == standing_report(STANDING[:1], LINES, BANT).sections[0].notes
    assert model.notes == [
        "L1: 25 % likely to be accepted, though few leads like it were ever handed off (a hand-off pays off above "
        "14 %); the rules rate it nearly qualified.",
        "Of leads with a score like this, between 10 % and 50 % are accepted on average, as far as the data show; "
        "a single lead may differ.",
        OUTSIDE,
        "Model version 3 (provisional), trained on hand-offs up to 2026-02-01.",
        "Reasons, compared with the average hand-off:",
        "  a clicked e-mail",
        "What it lacks, compared with the average accepted lead:",
        "  ask for the budget",
        "How the score adds up, in log-odds:",
        "   -1.500  the average hand-off",
        "   +0.500  fit",
        "   +0.250  calls",
        "   -0.750  this lead: 25 %",
    ]
    assert report.facts["model"]["why"]["reason_1"] == "a clicked e-mail"


def test_a_lead_like_those_handed_off_is_not_marked():
    inside = lead_report(STANDING[:1], LINES, {**FOUND, "support": "inside"}, BANT, AS_OF).sections[0].notes
    assert inside[0] == (
        "L1: 25 % likely to be accepted (a hand-off pays off above 14 %); the rules rate it nearly qualified."
    )
    assert OUTSIDE not in inside


def test_without_a_model_the_rules_alone_speak():
    report = lead_report(STANDING[:1], LINES, None, BANT, AS_OF)
    assert as_lines(report)[:2] == [NO_MODEL, ""]
    assert report.facts["model"] == {}


def test_agreements_are_a_row_each_and_none_is_told():
    report = agreements_report([BANT], ["kind = 'fax'"])
    (row,) = report.facts["agreements"]
    assert row["criteria"] == ", ".join(BANT.criteria)
    assert row["p*"] == round(BANT.values.threshold, 3)
    assert as_lines(report)[-2:] == [
        "no contradictions found",
        "perhaps misspelt, or not in the data yet: kind = 'fax'",
    ]
    assert as_lines(agreements_report([], [])) == ["no agreement found: run `leadready init`"]


def test_a_plain_table_is_its_own_facts_unless_they_say_more():
    rows = [{"name": "a", "n": 1}]
    assert as_lines(listed(rows, "1 found")) == ["name  n", "a     1", "1 found"]
    assert listed(rows).facts == rows
    assert listed((), "nothing", facts={"n": 0}).facts == {"n": 0}
    assert as_lines(listed(())) == []
