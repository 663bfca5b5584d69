"""Open leads are open: a deal closes a lead, and what a person refused holds until it is allowed anew."""

from datetime import datetime

import pandas as pd
import pytest

from data.agreement.file import default_agreement
from data.cohorts import count_closed, open_leads
from features.rules.standing import build_rules
from tests.tables import build_features, table, warehouse_of

LEADS = table("""
    lead   created_at
    none   2026-01-01
    won    2026-01-01
    lost   2026-01-01
    deal   2026-01-01
    again  2026-01-01
    taken  2026-01-01
    later  2026-01-01
    ended  2026-01-01
    fixed  2026-01-01
    poor   2026-01-01
    kept   2026-01-01
    open   2026-01-01
""")
DEALS = table("""
    lead   opened_at   closed_at   won    known_at
    won    2026-01-02  2026-01-10  true   2026-01-10
    lost   2026-01-02  2026-01-10  false  2026-01-10
    deal   2026-01-02  -           -      2026-01-02
    again  2026-01-02  2026-01-10  false  2026-01-10
    taken  2026-01-06  2026-01-10  false  2026-01-10
    later  2026-01-02  2026-01-10  true   2026-03-20
    ended  2026-01-02  2026-01-10  -      2026-01-10
    kept   2026-01-02  2026-01-10  true   2026-01-10
    kept   2026-01-03  2026-01-20  false  2026-01-20
    open   2026-01-03  -           -      2026-01-03
    open   2026-01-02  2026-01-20  false  2026-01-20
""")
FIXED = table("""
    lead   opened_at   closed_at   won    known_at    superseded_at
    fixed  2026-01-02  2026-01-10  true   2026-01-10  2026-01-20
    fixed  2026-01-02  2026-01-10  false  2026-01-20  -
""")
HANDOFFS = table("""
    lead   handed_off_at
    again  2026-02-01
    taken  2026-01-03
""")
DECISIONS = table("""
    lead   handed_off_at  decided_at  decision  reason
    taken  2026-01-03     2026-01-05  accepted  -
    poor   -              2026-01-05  rejected  Poor_fit
""")


@pytest.mark.parametrize(
    ("as_of", "found", "closed"),
    [
        (
            "2026-03-01",
            {"none", "again", "later"},
            {"accepted": 1, "in a deal": 3, "lost within the cool-off": 2, "rejected for good": 1, "won": 2},
        ),
        (
            "2026-03-21",  # the cool-off of 60 days is over, and the late deal is known
            {"none", "again", "lost", "fixed"},
            {"accepted": 1, "in a deal": 3, "rejected for good": 1, "won": 3},
        ),
    ],
)
def test_a_deal_closes_the_lead(as_of, found, closed):
    """Won for good, lost for the cool-off; a hand-off after it opens the lead again; an accepted one stays closed."""
    deals = pd.concat([DEALS, FIXED])
    with warehouse_of(leads=LEADS, opportunities=deals, handoffs=HANDOFFS, decisions=DECISIONS) as warehouse:
        moment, recycle = datetime.fromisoformat(as_of), (60, ("poor_fit",))
        leads = set(open_leads(warehouse, moment, *recycle)["lead_id"])
        counted = count_closed(warehouse, moment, *recycle)
    assert leads == found
    assert counted == closed
    assert len(leads) + sum(counted.values()) == len(LEADS)


SAID = {  # what versions say one after another -> whether the lead may be called and mailed
    "none": (False, False),
    "none -": (False, False),
    "none unknown": (False, False),
    "none - - unknown -": (False, False),
    "none all": (True, True),
    "none - all -": (True, True),
    "none all none -": (False, False),
    "all none": (False, False),
    "no_call -": (False, True),
    "no_mail -": (True, False),
    "no_call no_mail": (False, False),
    "no_mail - no_call -": (False, False),
    "none no_call": (False, False),
    "no_call all no_mail": (True, False),
    "- unknown": (True, True),
    "all -": (True, True),
    "unknown no_call unknown": (False, True),
}


@pytest.mark.parametrize("said", SAID)
def test_a_refusal_outlives_everything_but_a_later_consent(said):
    words = said.split()
    ends = [f"2026-01-{i + 2:02}" for i in range(1, len(words))] + ["-"]
    rows = [
        f"L1  2026-01-01  2026-01-{i + 2:02}  {end}  {word}"
        for i, (word, end) in enumerate(zip(words, ends, strict=True))
    ]
    leads = table("\n".join(["lead  created_at  known_at  superseded_at  permission", *rows]))
    with warehouse_of(leads=leads) as warehouse:
        index = leads[["lead_id"]].drop_duplicates().assign(as_of=datetime(2026, 2, 1))
        [row] = build_rules(warehouse, index, [default_agreement()]).to_dict("records")
    assert (row["may_call"], row["may_mail"]) == SAID[said]
    allowed = {(True, True): {"all", "unknown"}, (False, True): {"no_call"}, (True, False): {"no_mail"}}
    feature = build_features("2026-02-01", ["permission"], leads=leads)["L1"]
    assert feature in allowed.get(SAID[said], {"none"})


def test_an_older_row_that_comes_late_undoes_nothing():
    leads = table("""
        lead  created_at  known_at    superseded_at  permission
        L1    2026-01-01  2026-01-20  -              none
        L1    2026-01-01  2026-01-01  2026-01-20     all
    """)
    assert build_features("2026-02-01", ["permission"], leads=leads) == {"L1": "none"}
    assert build_features("2026-01-15", ["permission"], leads=leads) == {"L1": "all"}
