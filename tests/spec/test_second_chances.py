"""Rejected leads come back after the cool-off, hot ones with new signs are found again, misspelt words are named."""

from datetime import date, datetime

import pytest

from data.agreement.file import default_agreement, parse_agreement
from data.agreement.model import Reheat
from data.cohorts import handed_off, open_leads
from data.warehouse import Warehouse
from features.rules.standing import find_reheated, find_unseen
from tests.tables import table, warehouse_of

REJECTED = {
    "handoffs": table("""
        lead  handed_off_at
        L1    2026-01-01
        L2    2026-01-01
        L3    2026-01-01
        L4    2026-01-01
    """),
    "decisions": table("""
        lead  handed_off_at  decided_at  decision  reason
        L1    2026-01-01     2026-01-05  rejected  too_early
        L2    2026-01-01     2026-01-05  rejected  poor_fit
        L3    2026-01-01     2026-01-05  accepted  -
        L4    2026-01-01     2026-01-05  rejected  -
    """),
    "touches": table("""
        lead  occurred_at  kind         is_bot  direction
        L1    2026-01-02   page_view    false   inbound
        L4    2026-02-01   email_click  true    inbound
        L4    2026-02-02   email_open   false   outbound
        L4    2026-02-03   unsubscribe  false   inbound
    """),
}


@pytest.mark.parametrize(
    ("as_of", "never", "found"),
    [
        ("2026-03-05", (), []),
        ("2026-03-06", (), ["L1", "L2", "L4"]),
        ("2026-03-06", ("poor_fit",), ["L1", "L4"]),
    ],
)
def test_a_rejected_lead_comes_back_when_its_cool_off_is_over(as_of, never, found):
    """60 days from the rejection; never for reasons that the agreement names; an accepted lead does not come back."""
    with warehouse_of(**REJECTED) as warehouse:
        leads = open_leads(warehouse, datetime.fromisoformat(as_of), 60, never)
    assert leads["lead_id"].tolist() == found
    assert leads["cooling"].all(), "a bot, our own mail and an unsubscribe are no new signs"


def test_a_sign_since_the_rejection_puts_it_back_on_the_normal_way():
    new = table("""
        lead  answered_at  criterion  state
        L1    2026-01-04   need       yes
        L2    2026-01-06   need       yes
    """)
    with warehouse_of(**REJECTED, answers=new) as warehouse:
        leads = open_leads(warehouse, datetime(2026, 4, 1), 60, ()).set_index("lead_id")
    assert leads["cooling"].to_dict() == {"L1": True, "L2": False, "L4": True}


def test_a_lead_rejected_and_handed_off_again_waits_for_sales():
    again = table("""
        lead  handed_off_at
        L1    2026-01-01
        L1    2026-01-20
    """)
    decided = REJECTED["decisions"][:1]
    with warehouse_of(handoffs=again, decisions=decided) as warehouse:
        leads = open_leads(warehouse, datetime(2026, 1, 21), 60, ())
    assert leads["refused_at"].isna().all()


def test_without_a_cool_off_rejected_leads_stay_closed():
    with warehouse_of(**REJECTED) as warehouse:
        assert open_leads(warehouse, datetime(2026, 12, 1), 36_500, ()).empty


def test_reheated_leads_were_hot_went_quiet_and_are_back():
    """Hot: 3 pricing views, 18 points. On March 1: quiet from January 23 to February 22, back since."""
    touches = table("""
        lead   occurred_at  kind
        back   2026-01-20   pricing_view
        back   2026-01-21   pricing_view
        back   2026-01-22   pricing_view
        back   2026-02-27   page_view
        cold   2026-01-20   page_view
        cold   2026-02-27   page_view
        gone   2026-01-20   pricing_view
        gone   2026-01-21   pricing_view
        gone   2026-01-22   pricing_view
        never  2026-01-20   pricing_view
        never  2026-01-21   pricing_view
        never  2026-01-22   pricing_view
        never  2026-02-10   page_view
        never  2026-02-27   page_view
    """)
    agreement = default_agreement().model_copy(update={"reheat": Reheat(hot=15, quiet_days=30, new_days=7)})
    with warehouse_of(touches=touches) as warehouse:
        assert find_reheated(warehouse, agreement, datetime(2026, 3, 1)) == {"back"}
        assert find_reheated(warehouse, agreement, datetime(2026, 2, 20)) == set()


def test_a_hand_off_has_the_policy_of_the_score_it_followed():
    """Where the CRM brings none back; not one older than a week, nor one that said something else."""
    handoffs = table("""
        lead  handed_off_at        propensity
        L1    2026-01-03 09:00     -
        L2    2026-01-03 09:00     0.5
        L3    2026-01-12 09:00     -
        L4    2026-01-01 09:00     -
        L5    2026-01-03 09:00     -
    """)
    scores = """CREATE TABLE scores AS SELECT *, TIMESTAMP '2026-01-02' AS as_of, 'p1' AS policy_version,
        0.05 AS propensity, CASE lead_id WHEN 'L5' THEN 'nurture' ELSE 'hand_off' END AS route,
        false AS early, true AS explored, 1::BIGINT AS exploration_seed
        FROM (VALUES ('L1'), ('L2'), ('L3'), ('L4'), ('L5')) v(lead_id)"""
    with warehouse_of(handoffs=handoffs) as warehouse:
        plain = warehouse.rows(f"SELECT lead_id, propensity, explored FROM ({handed_off(warehouse)}) ORDER BY lead_id")
        warehouse.execute(scores)
        found = warehouse.rows(
            f"SELECT lead_id, propensity, policy_version, explored FROM ({handed_off(warehouse)}) ORDER BY lead_id"
        )
    assert plain == [
        ("L1", None, False),
        ("L2", 0.5, False),
        ("L3", None, False),
        ("L4", None, False),
        ("L5", None, False),
    ]
    assert found == [
        ("L1", 0.05, "p1", True),
        ("L2", 0.5, "p1", True),
        ("L3", None, None, False),
        ("L4", None, None, False),
        ("L5", None, None, False),
    ]


def test_words_that_no_lead_has_are_named():
    """A misspelt country or answer is no error, as it may come tomorrow; but a person should hear of it."""
    text = """
        name = "ours"
        criteria.pain = { yes = 50, answers = ["nead"] }
        permission.rules = [{ when = "country = Germany and source in (web, fair)", allow = "no_call" }]
    """
    agreement = parse_agreement(text, date(2020, 1, 1), "ours")
    leads = table("""
        lead  created_at  country  source
        L1    2026-01-01  DE       Web
    """)
    answers = table("""
        lead  answered_at  criterion  state
        L1    2026-01-04   need       yes
    """)
    with warehouse_of(leads=leads, answers=answers) as warehouse:
        assert find_unseen(warehouse, agreement) == [
            "no lead has country germany: there are de",
            "no lead has source fair: there are web",
            "no answer is called nead: try need",
            "no criterion of the agreement takes the answer need: try nead",
        ]
    with Warehouse.open(None) as empty:
        assert find_unseen(empty, agreement) == []


def test_levels_are_compared_both_ways():
    """A level that no answer has gives nobody points; one that the agreement lacks gives none either."""
    text = 'name = "ours"\n[criteria.money]\nanswers = ["budget"]\nlevels = { over_20k = 10, Over_50k = 60 }\n'
    answers = table("""
        lead  answered_at  criterion  state  level
        L1    2026-01-04   budget     yes    over_20_k
        L2    2026-01-04   budget     yes    Over_50k
        L3    2026-01-04   budget     no     nothing
        L3    2026-01-05   bugdet     no     -
    """)
    with warehouse_of(answers=answers) as warehouse:
        assert find_unseen(warehouse, parse_agreement(text, date(2020, 1, 1), "ours")) == [
            "no criterion of the agreement takes the answer bugdet: try budget",
            "no answer about budget has the level over_20k: try over_20_k",
            "no level of budget in the agreement is over_20_k: try over_20k",
        ]
