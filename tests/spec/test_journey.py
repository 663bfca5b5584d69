"""What sales has done with the lead, and how busy it is."""

import math

import pandas as pd

from data.agreement.file import default_agreement
from data.cohorts import Cohort, build_cohort
from features.matrix import build_matrix
from tests.tables import build_features, table, warehouse_of

HANDOFFS = table("""
    lead  handed_off_at  route
    L1    2026-03-01     rules
    L1    2026-03-10     -
    L2    2026-03-10     rules
""")
DECISIONS = table("""
    lead  handed_off_at  decision  decided_at  known_at    superseded_at  reason
    L1    2026-03-01     rejected  2026-03-02  2026-03-02  -              price
    L2    2026-03-10     accepted  2026-03-11  2026-03-11  2026-03-15     -
    L2    2026-03-10     rejected  2026-03-11  2026-03-15  -              -
""")


def test_the_last_handoff_speaks_even_where_it_says_nothing():
    """Its route is missing, not that of the one before; the last rejection's reason likewise."""
    again = table("""
        lead  handed_off_at  decision  decided_at  reason
        L1    2026-03-01     rejected  2026-03-02  price
        L1    2026-03-10     rejected  2026-03-12  -
    """)
    names = ["last_handoff_route", "last_reject_reason"]
    before = build_features("2026-03-09", names, handoffs=HANDOFFS, decisions=again)
    after = build_features("2026-03-13", names, handoffs=HANDOFFS, decisions=again)
    assert before["L1"] == {"last_handoff_route": "rules", "last_reject_reason": "price"}
    assert after["L1"] == {"last_handoff_route": "unknown", "last_reject_reason": "unknown"}


def test_the_share_accepted_lately_is_never_negative():
    """A correction changes the decision it corrects, in the days in which that one counts, and nothing after them."""
    names = ["sales_decided_7d", "sales_acceptance_7d"]

    def lately(as_of: str) -> tuple[float, float]:
        found = build_features(as_of, names, handoffs=HANDOFFS, decisions=DECISIONS)["L1"]
        return found["sales_decided_7d"], found["sales_acceptance_7d"]

    assert lately("2026-03-12") == (1, 1.0)
    assert lately("2026-03-16") == (1, 0.0)
    assert lately("2026-03-17 23:59:59.999999") == (1, 0.0)
    decided, share = lately("2026-03-18")
    assert decided == 0
    assert math.isnan(share)


def test_a_handoff_without_an_answer_waits_for_thirty_days():
    def waiting(as_of: str) -> float:
        return build_features(as_of, ["sales_waiting"], handoffs=HANDOFFS[2:])["L2"]

    assert [waiting(day) for day in ("2026-03-10", "2026-03-11", "2026-04-09", "2026-04-10")] == [0, 1, 1, 0]


def test_a_snapshot_at_a_handoff_does_not_see_the_handoff():
    """Four hours later it does; earlier ones of the lead are seen either way."""
    names = ["handoffs_before", "hours_since_handoff", "rejected_before", "sales_waiting"]
    with warehouse_of(handoffs=HANDOFFS, decisions=DECISIONS) as warehouse:

        def seen(delay_hours: float) -> pd.DataFrame:
            cohort = build_cohort(warehouse, Cohort(delay_hours=delay_hours), pd.Timestamp("2026-04-01"))
            found = build_matrix(warehouse, cohort, default_agreement(), names=names)
            return found.set_index([cohort["lead_id"], cohort["handed_off_at"].dt.strftime("%d")])[names]

        at_once, later = seen(0), seen(4)
    assert at_once["handoffs_before"].to_dict() == {("L1", "01"): 0, ("L1", "10"): 1, ("L2", "10"): 0}
    assert at_once["sales_waiting"].to_dict() == {("L1", "01"): 0, ("L1", "10"): 0, ("L2", "10"): 0}
    assert round(at_once.loc[("L1", "10"), "hours_since_handoff"], 6) == 9 * 24
    assert at_once.loc[("L1", "10"), "rejected_before"] == 1
    assert later["handoffs_before"].to_dict() == {("L1", "01"): 1, ("L1", "10"): 2, ("L2", "10"): 1}
