"""What a call tells, and when."""

import math

from tests.tables import build_features, table

CALLS = table("""
    lead  called_at         agent_id  disposition  duration_s
    L1    2026-03-01 09:00  ann       no_answer    20
    L1    2026-03-02 09:00  bob       connected    600
    L2    2026-03-02 09:00  ann       voicemail    30
""")


def test_an_open_call_is_not_known():
    """A call is known from its end: its length is no secret of the future."""
    assert build_features("2026-03-02 09:10", ["dials_total"], calls=CALLS)["L1"] == 1
    assert build_features("2026-03-02 09:10:00.000001", ["dials_total"], calls=CALLS)["L1"] == 2


def test_dials_are_not_connects():
    found = build_features("2026-03-05", ["dials_total", "connects_total", "connect_rate"], calls=CALLS)
    assert found["L1"] == {"dials_total": 2, "connects_total": 1, "connect_rate": 0.5}
    assert found["L2"] == {"dials_total": 1, "connects_total": 0, "connect_rate": 0}


def test_the_last_call_says_how_it_ended():
    found = build_features("2026-03-05", ["last_disposition", "last_agent", "hours_since_call"], calls=CALLS)
    assert found["L1"] == {"last_disposition": "connected", "last_agent": "bob", "hours_since_call": 63}


def test_an_agents_record_is_the_one_known_then():
    """Bob's acceptance of 4 March is known to others from then on."""
    decisions = table("""
        lead  handed_off_at  decision  decided_at
        L1    2026-03-03     accepted  2026-03-04
    """)
    calls = table("""
        lead  called_at   agent_id  disposition
        L1    2026-03-02  bob       connected
        L2    2026-03-02  bob       connected
    """)
    before = build_features("2026-03-04", ["agent_acceptance_rate"], calls=calls, decisions=decisions)
    after = build_features("2026-03-05", ["agent_acceptance_rate"], calls=calls, decisions=decisions)
    assert math.isnan(before["L2"])
    assert after["L2"] == 1.0


def test_the_record_is_that_of_the_agent_who_led_to_the_handoff():
    """Ann's call led to the hand-off; Bob called before sales decided, which is no merit of his."""
    decisions = table("""
        lead  handed_off_at     decision  decided_at
        L1    2026-03-02 09:00  accepted  2026-03-05
    """)
    calls = table("""
        lead  called_at         agent_id  disposition
        L1    2026-03-02 09:00  ann       connected
        L1    2026-03-04 09:00  bob       connected
        L2    2026-03-02 10:00  ann       connected
        L3    2026-03-02 10:00  bob       connected
    """)
    found = build_features("2026-03-06", ["agent_decided"], calls=calls, decisions=decisions)
    assert (found["L2"], found["L3"]) == (1, 0)
