"""What colleagues at the same company tell about a lead."""

from tests.tables import build_features, table

LEADS = table("""
    lead  account  created_at
    L1    A1       2026-01-01
    L2    A1       2026-01-01
    L3    A1       2026-03-04
    L4    A2       2026-01-01
    L5    -        2026-01-01
""")
TOUCHES = table("""
    lead  occurred_at  kind
    L1    2026-03-01   page_view
    L1    2026-03-01   email_click
    L2    2026-03-02   page_view
""")


def test_colleagues_count_without_the_lead_itself():
    found = build_features("2026-03-03", ["other_contacts", "account_touches_30d"], leads=LEADS[:2], touches=TOUCHES)
    assert found["L1"] == {"other_contacts": 1, "account_touches_30d": 1}
    assert found["L2"] == {"other_contacts": 1, "account_touches_30d": 2}


def test_a_colleague_counts_once_known():
    found = build_features("2026-03-05", ["other_contacts", "other_active_contacts_30d"], leads=LEADS, touches=TOUCHES)
    assert found["L1"] == {"other_contacts": 2, "other_active_contacts_30d": 1}
    assert found["L3"] == {"other_contacts": 2, "other_active_contacts_30d": 2}


def test_a_lead_without_an_account_has_no_colleagues():
    assert build_features("2026-03-05", ["other_contacts"], leads=LEADS, touches=TOUCHES)["L5"] == 0
