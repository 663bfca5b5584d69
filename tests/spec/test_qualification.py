"""What was learned about a lead, and what the rules make of it."""

import math

from tests.tables import build_features, table

ANSWERS = table("""
    lead  answered_at  criterion  state    level
    L1    2026-03-01   need       yes      active
    L1    2026-03-04   need       no       -
    L2    2026-03-01   budget     refused  -
    L3    2026-01-01   timeframe  yes      within_90_days
""")


def test_the_last_answer_counts():
    """A later answer replaces an earlier one, with its level."""
    states = build_features("2026-03-02", ["need_state", "need_level"], answers=ANSWERS)
    assert states["L1"] == {"need_state": "yes", "need_level": "active"}
    states = build_features("2026-03-05", ["need_state", "need_level"], answers=ANSWERS)
    assert states["L1"] == {"need_state": "no", "need_level": "unknown"}


def test_the_four_states_are_told_apart():
    assert build_features("2026-03-05", ["budget_state"], answers=ANSWERS) == {
        "L1": "not_asked",
        "L2": "refused",
        "L3": "not_asked",
    }


def test_points_are_those_of_the_agreement():
    """need = yes, active: 25; need = no: -10; refused: 0; timeframe within 90 days: 25."""
    assert build_features("2026-03-02", ["rule_points"], answers=ANSWERS) == {"L1": 25, "L2": 0, "L3": 25}
    assert build_features("2026-03-05", ["rule_points"], answers=ANSWERS)["L1"] == -10


def test_an_answer_counts_while_it_is_fresh():
    """A timeframe counts for 120 days."""
    assert build_features("2026-04-30", ["timeframe_points"], answers=ANSWERS)["L3"] == 25
    assert build_features("2026-05-01", ["timeframe_points"], answers=ANSWERS)["L3"] == 0


def test_a_question_not_asked_this_time_takes_nothing_back():
    """A call form that records a state for every criterion does not wipe what an earlier call learned."""
    answers = table("""
        lead  answered_at  criterion  state      level
        L1    2026-03-01   budget     yes        approved
        L1    2026-03-03   budget     not_asked  -
    """)
    found = build_features("2026-03-05", ["budget_state", "budget_points"], answers=answers)
    assert found["L1"] == {"budget_state": "yes", "budget_points": 25}


def test_any_criterion_is_something_learned():
    """Also one that the agreement does not ask for."""
    answers = table("""
        lead  answered_at  criterion   state
        L1    2026-03-01   need        yes
        L1    2026-03-03   competitor  yes
        L2    2026-03-03   need        not_asked
    """)
    found = build_features("2026-03-05", ["days_since_answer", "answers_known"], answers=answers)
    assert found["L1"] == {"days_since_answer": 2, "answers_known": 1}
    assert math.isnan(found["L2"]["days_since_answer"])
