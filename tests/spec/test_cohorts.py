"""Who is looked at, when, and what sales decided about them."""

from datetime import datetime, timedelta

import pandas as pd

from data.cohorts import Cohort, build_cohort, count_left_out, open_leads
from data.labels import label_outcomes, to_target
from data.warehouse import Warehouse
from tests.tables import table, warehouse_of

HANDOFFS = table("""
    lead  handed_off_at
    L1    2026-03-01
    L2    2026-03-02
    L3    2026-03-03
    L4    2026-03-04
    L5    2026-03-20
""")
DECISIONS = table("""
    lead  handed_off_at  decision  decided_at        known_at
    L1    2026-03-01     accepted  2026-03-03 12:00  2026-03-03 12:00
    L2    2026-03-02     rejected  2026-03-05        2026-03-05
    L3    2026-03-03     accepted  2026-03-30        2026-03-30
    L5    2026-03-20     accepted  2026-03-21        2026-03-21
""")
LEADS = table("""
    lead  created_at
    L1    2026-02-27
    L2    2026-02-27
    L3    2026-02-27
    L4    2026-02-27
    L5    2026-02-27
    L6    2026-02-28
""")
TWO_WEEKS = timedelta(days=14)
MICROSECOND = timedelta(microseconds=1)


def outcomes(warehouse: Warehouse, cohort: Cohort, observed: datetime) -> dict[str, tuple[str, bool]]:
    snapshots = build_cohort(warehouse, cohort, observed)
    labelled = label_outcomes(warehouse, snapshots, TWO_WEEKS, observed)
    return {r.lead_id: (r.outcome, r.mature) for r in labelled.itertuples()}


def test_a_handoff_snapshot_sees_its_own_handoff_and_nothing_later():
    with warehouse_of(leads=LEADS, handoffs=HANDOFFS) as warehouse:
        cohort = build_cohort(warehouse, Cohort(anchor="handoff", delay_hours=4), datetime(2026, 3, 2))
    assert cohort["as_of"].tolist() == [datetime(2026, 3, 1, 4) + MICROSECOND]


def test_a_lead_decided_by_then_is_no_longer_looked_at():
    with warehouse_of(leads=LEADS, handoffs=HANDOFFS, decisions=DECISIONS) as warehouse:
        three_days_on = build_cohort(warehouse, Cohort(anchor="handoff", delay_hours=72), datetime(2026, 4, 30))
        created = build_cohort(warehouse, Cohort(anchor="created", delay_hours=5 * 24), datetime(2026, 4, 30))
    assert three_days_on["lead_id"].tolist() == ["L3", "L4"]
    assert created["lead_id"].tolist() == ["L2", "L3", "L4", "L5", "L6"]


def test_weekly_snapshots_are_mondays_until_the_decision():
    with warehouse_of(leads=LEADS[:1], handoffs=HANDOFFS[:1], decisions=DECISIONS[:1]) as warehouse:
        found = build_cohort(warehouse, Cohort(anchor="weekly"), datetime(2026, 4, 1))
    assert found["as_of"].tolist() == [datetime(2026, 3, 2) + MICROSECOND]


def test_there_are_four_outcomes():
    """L3 was accepted after the horizon: it expired. L4 was never answered. L5's horizon is open, but it is decided."""
    with warehouse_of(leads=LEADS, handoffs=HANDOFFS, decisions=DECISIONS) as warehouse:
        assert outcomes(warehouse, Cohort(), datetime(2026, 3, 25)) == {
            "L1": ("accepted", True),
            "L2": ("rejected", True),
            "L3": ("expired", True),
            "L4": ("expired", True),
            "L5": ("accepted", False),
        }
        assert outcomes(warehouse, Cohort(), datetime(2026, 3, 4, 12)) == {
            "L1": ("accepted", False),
            "L2": ("pending", False),
            "L3": ("pending", False),
            "L4": ("pending", False),
        }


def test_a_decision_counts_once_it_is_known():
    late = DECISIONS[:1].assign(known_at="2026-03-20")
    with warehouse_of(leads=LEADS, handoffs=HANDOFFS[:1], decisions=late) as warehouse:
        assert outcomes(warehouse, Cohort(), datetime(2026, 3, 18))["L1"] == ("expired", True)
        assert outcomes(warehouse, Cohort(), datetime(2026, 3, 21))["L1"] == ("accepted", True)


def test_a_lead_never_handed_off_is_unlabelled_not_negative():
    with warehouse_of(leads=LEADS, handoffs=HANDOFFS, decisions=DECISIONS) as warehouse:
        snapshots = build_cohort(warehouse, Cohort(anchor="created", delay_hours=1), datetime(2026, 4, 30))
        labelled = label_outcomes(warehouse, snapshots, timedelta(days=14), datetime(2026, 4, 30))
    target = dict(zip(labelled["lead_id"], to_target(labelled, "exclude", "exclude"), strict=True))
    assert pd.isna(target["L6"])
    assert pd.isna(target["L4"])
    assert target["L1"] == 1
    said = dict(zip(labelled["lead_id"], to_target(labelled, "not_accepted", "not_accepted"), strict=True))
    assert (said["L4"], said["L6"]) == (0, 0)


def test_open_leads_wait_for_a_decision():
    """A decided lead is open again when it is handed off again."""
    again = pd.concat([HANDOFFS, table("lead  handed_off_at\nL2  2026-03-10")])
    with warehouse_of(leads=LEADS, handoffs=again, decisions=DECISIONS) as warehouse:
        assert open_leads(warehouse, datetime(2026, 3, 8), 36_500, ())["lead_id"].tolist() == ["L3", "L4", "L5", "L6"]
        assert open_leads(warehouse, datetime(2026, 3, 11), 36_500, ())["lead_id"].tolist() == [
            "L2",
            "L3",
            "L4",
            "L5",
            "L6",
        ]
        assert open_leads(warehouse, datetime(2026, 2, 28), 36_500, ())["lead_id"].tolist() == [
            "L1",
            "L2",
            "L3",
            "L4",
            "L5",
        ]


def test_a_cohort_knows_nothing_that_was_known_later():
    """A hand-off and a decision of February that were typed in on 1 March."""
    late = {"known_at": "2026-03-01"}
    handoffs = table("lead  handed_off_at\nL1  2026-02-01\nL2  2026-02-02").assign(
        known_at=["2026-02-01", "2026-03-01"]
    )
    decisions = table("lead  handed_off_at  decision  decided_at\nL1  2026-02-01  accepted  2026-02-01 01:00").assign(
        **late
    )
    leads = table("lead  created_at\nL1  2026-01-01\nL2  2026-01-01")
    with warehouse_of(leads=leads, handoffs=handoffs, decisions=decisions) as warehouse:
        before = build_cohort(warehouse, Cohort(anchor="handoff", delay_hours=4), datetime(2026, 2, 20))
        after = build_cohort(warehouse, Cohort(anchor="handoff", delay_hours=4), datetime(2026, 3, 20))
    assert before["lead_id"].tolist() == ["L1"]
    assert after["lead_id"].tolist() == ["L2"]


def test_a_recycled_lead_is_looked_at_again_and_an_old_handoff_expires_once():
    handoffs = table("lead  handed_off_at\nL1  2026-02-02\nL1  2026-03-04\nL2  2026-02-02")
    decisions = table("lead  handed_off_at  decision  decided_at\nL1  2026-02-02  rejected  2026-02-03")
    leads = table("lead  created_at\nL1  2026-02-01\nL2  2026-02-01")
    with warehouse_of(leads=leads, handoffs=handoffs, decisions=decisions) as warehouse:
        snapshots = build_cohort(warehouse, Cohort(anchor="weekly"), datetime(2026, 4, 6, 1))
        labelled = label_outcomes(warehouse, snapshots, TWO_WEEKS, datetime(2026, 6, 1))
    monday = dict(
        zip(
            zip(labelled["lead_id"], labelled["as_of"].dt.date.astype(str), strict=True),
            labelled["outcome"],
            strict=True,
        )
    )
    assert ("L1", "2026-02-09") not in monday
    assert monday["L1", "2026-03-09"] == "expired"
    assert monday["L2", "2026-02-09"] == "expired"
    assert monday["L2", "2026-03-09"] == "never_handed_off"


def test_a_young_row_of_which_nobody_knows_what_silence_will_count_as_waits():
    """L1 was decided: where silence and no hand-off count differently, it counts once its horizon has closed."""
    with warehouse_of(leads=LEADS, handoffs=HANDOFFS, decisions=DECISIONS) as warehouse:
        snapshots = build_cohort(warehouse, Cohort(anchor="created", delay_hours=1), datetime(2026, 4, 30))
        early = label_outcomes(warehouse, snapshots, timedelta(days=365), datetime(2026, 4, 30))
        closed = label_outcomes(warehouse, snapshots, TWO_WEEKS, datetime(2026, 4, 30))
    assert set(early["outcome"]) == {"accepted", "rejected", "pending"}
    assert to_target(early, "exclude", "not_accepted").isna().all()
    assert to_target(closed, "exclude", "not_accepted").notna().any()
    assert to_target(early, "not_accepted", "not_accepted").notna().all()


def decided(text: str, observed: datetime = datetime(2026, 4, 30)) -> list[tuple[str, str]]:
    """Outcome and day of the answer of L1, handed off on 1 March, for these decisions."""
    decisions = table(text).assign(lead_id="L1", handed_off_at="2026-03-01")
    with warehouse_of(leads=LEADS, handoffs=HANDOFFS[:1], decisions=decisions) as warehouse:
        found = label_outcomes(warehouse, build_cohort(warehouse, Cohort(), observed), TWO_WEEKS, observed)
    return [(r.outcome, f"{r.answered_at:%m-%d}" if pd.notna(r.answered_at) else "-") for r in found.itertuples()]


def test_the_decision_in_force_when_the_horizon_closes_counts():
    changed_in_time = """
        decided_at  decision
        2026-03-03  rejected
        2026-03-10  accepted
    """
    changed_too_late = """
        decided_at  decision
        2026-03-03  rejected
        2026-03-20  accepted
    """
    assert decided(changed_in_time) == [("accepted", "03-10")]
    assert decided(changed_too_late) == [("rejected", "03-03")]


def test_a_row_corrected_within_the_horizon_counts_as_corrected_and_later_as_it_was():
    in_time = """
        decided_at  decision  known_at    superseded_at
        2026-03-03  rejected  2026-03-03  2026-03-08
        2026-03-03  accepted  2026-03-08  -
    """
    too_late = """
        decided_at  decision  known_at    superseded_at
        2026-03-03  rejected  2026-03-03  2026-03-28
        2026-03-03  accepted  2026-03-28  -
    """
    assert decided(in_time) == [("accepted", "03-08")]
    assert decided(too_late) == [("rejected", "03-03")]


def test_a_decision_at_the_instant_of_the_hand_off_counts():
    """A CRM that keeps dates alone gives both the same one."""
    assert decided("decided_at  decision\n2026-03-01  accepted") == [("accepted", "03-01")]


def test_the_horizon_begins_with_the_hand_off():
    """Half-open: a decision fourteen days later to the instant is one too late."""
    assert decided("decided_at  decision\n2026-03-15  accepted") == [("expired", "-")]
    assert decided("decided_at  decision\n2026-03-14 23:59:59  accepted") == [("accepted", "03-14")]


def test_every_hand_off_is_accounted_for():
    """L1's workflow fired twice and sales answered the second; L2 was decided before; nobody knew L3 yet."""
    handoffs = table("""
        lead  handed_off_at
        L1    2026-03-01 09:00
        L1    2026-03-01 09:05
        L1    2026-03-09 09:00
        L2    2026-03-02 09:00
        L3    2026-03-03 09:00
    """)
    decisions = table("""
        lead  handed_off_at     decision  decided_at
        L1    2026-03-01 09:05  rejected  2026-03-04
        L2    2026-03-02 09:00  accepted  2026-03-02 08:00
    """)
    leads = table("lead  created_at\nL1  2026-02-01\nL2  2026-02-01\nL3  2026-03-20")
    observed = datetime(2026, 4, 30)
    with warehouse_of(leads=leads, handoffs=handoffs, decisions=decisions) as warehouse:
        snapshots = build_cohort(warehouse, Cohort(), observed)
        found = label_outcomes(warehouse, snapshots, TWO_WEEKS, observed)
        left_out = count_left_out(warehouse, Cohort(), observed)
    assert found["outcome"].tolist() == ["rejected", "expired"]
    assert left_out == {"decided_before": 1, "handed_off_twice": 1, "lead_not_known_then": 1}
    assert len(found) + sum(left_out.values()) == len(handoffs)


def test_a_second_hand_off_after_a_decision_or_a_day_later_is_one_of_its_own():
    handoffs = table("""
        lead  handed_off_at
        L1    2026-03-01 09:00
        L1    2026-03-01 15:00
        L2    2026-03-01 09:00
        L2    2026-03-02 09:00
    """)
    decisions = table("lead  handed_off_at  decision  decided_at\nL1  2026-03-01 09:00  rejected  2026-03-01 12:00")
    with warehouse_of(leads=LEADS, handoffs=handoffs, decisions=decisions) as warehouse:
        assert len(build_cohort(warehouse, Cohort(), datetime(2026, 4, 30))) == 4
