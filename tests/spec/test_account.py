"""What colleagues at the same company tell about a lead."""

from datetime import datetime

from data.agreement.file import default_agreement
from data.cohorts import open_leads
from features.matrix import build_matrix
from tests.tables import build_features, table, warehouse_of

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


def test_extra_columns_of_any_name_are_features():
    leads = LEADS.assign(**{'a "quoted" name': "x", "last_decision": 3, "rid": 4, "kind": "k"})
    names = ['lead.a "quoted" name', "lead.last_decision", "lead.rid", "lead.kind"]
    with warehouse_of(leads=leads, touches=TOUCHES) as warehouse:
        index = open_leads(warehouse, datetime(2026, 3, 5), 36_500, ())
        found = build_matrix(warehouse, index, default_agreement(), names=names)
    assert found[names].iloc[0].tolist() == ["x", 3, 4, "k"]


def test_one_touch_feature_over_every_kind_stands_alone():
    assert build_features("2026-03-03", ["last_event_days"], leads=LEADS[:1], touches=TOUCHES) == {"L1": 2}
