"""When is a lead qualified under each of two agreements, and would their promises have been kept?"""

from datetime import date, datetime

import pandas as pd

from data.agreement.file import parse_agreement
from data.agreement.model import Agreement
from models.judging.trial import BOTH, NEW, NEW_ONLY, OLD, OLD_ONLY
from serving.trial import reached_moments
from serving.volume import Kept, promises_kept
from tests.tables import table, warehouse_of

SINCE, AS_OF = datetime(2026, 3, 1), datetime(2026, 4, 1)
LEADS = table("""
    lead  created_at
    L1    2026-02-01
    L2    2026-02-01
    L3    2026-02-01
    L4    2026-02-01
    L5    2026-03-20
""")
ANSWERS = table("""
    lead  criterion  state  level  answered_at
    L1    need       yes    -      2026-03-02 10:00
    L1    budget     yes    -      2026-03-04 10:00
    L2    need       yes    -      2026-03-02 10:00
    L3    budget     yes    -      2026-03-02 10:00
    L4    need       yes    -      2026-02-10 10:00
    L4    budget     yes    -      2026-03-10 10:00
""")


def agreement(needed: int, need: int = 10, hours: float = 24) -> Agreement:
    """So many points qualify; need gives so many, budget 10."""
    text = f"""
    name = "ours"
    [criteria]
    need = {{ yes = {need} }}
    budget = {{ yes = 10 }}
    [zones]
    research = [5, {needed}]
    matrix = [["not_yet"], ["nearly"], ["qualified"]]
    [promises]
    qualified = {{ hours = {hours} }}
    """
    return parse_agreement(text, date(2026, 1, 1), "an agreement")


def reached(old: Agreement, new: Agreement, **tables: pd.DataFrame) -> tuple[dict, dict[str, int]]:
    """(lead, agreement) -> (day and time of the moment, its kind), and what is left out."""
    with warehouse_of(leads=LEADS, answers=ANSWERS, **tables) as warehouse:
        rows, left_out = reached_moments(warehouse, {OLD: old, NEW: new}, SINCE, AS_OF)
    return {(r.lead_id, r.agreement): (f"{r.as_of:%d %H:%M}", r.kind) for r in rows.itertuples()}, left_out


def test_the_first_moment_under_each_agreement_and_who_else_calls_it_qualified() -> None:
    """One answer is enough today, two would be; L4 was qualified before the time that is looked at."""
    found, left_out = reached(agreement(10), agreement(20))
    assert found == {
        ("L1", OLD): ("02 10:00", OLD_ONLY),
        ("L1", NEW): ("04 10:00", BOTH),
        ("L2", OLD): ("02 10:00", OLD_ONLY),
        ("L3", OLD): ("02 10:00", OLD_ONLY),
        ("L4", NEW): ("10 10:00", BOTH),
    }
    assert left_out == {"drawn": 0, "decided": 0}


def test_a_looser_draft_qualifies_earlier() -> None:
    found, _ = reached(agreement(20), agreement(10))
    assert found["L1", NEW] == ("02 10:00", NEW_ONLY)
    assert found["L1", OLD] == ("04 10:00", BOTH)


def test_what_is_learned_after_sales_decided_tells_nothing_of_a_draft() -> None:
    handoffs = table("""
        lead  handed_off_at     propensity
        L1    2026-03-02 11:00  1
        L4    2026-03-05 11:00  .05
    """)
    decisions = table("""
        lead  handed_off_at     decision  decided_at
        L1    2026-03-02 11:00  accepted  2026-03-03 11:00
    """)
    found, left_out = reached(agreement(10), agreement(20), handoffs=handoffs, decisions=decisions)
    assert ("L1", OLD) in found
    assert ("L1", NEW) not in found
    assert ("L4", NEW) not in found  # it had gone to sales by a draw
    assert left_out == {"drawn": 1, "decided": 1}


def test_a_lead_is_looked_at_when_hand_offs_are_made_and_as_if_nobody_had_made_one() -> None:
    handoffs = table("""
        lead  handed_off_at
        L1    2026-03-02 13:00
        L2    2026-03-02 15:00
        L3    2026-03-02 14:00
    """)
    with warehouse_of(leads=LEADS, answers=ANSWERS, handoffs=handoffs) as warehouse:
        rows, _ = reached_moments(warehouse, {OLD: agreement(10), NEW: agreement(20)}, SINCE, AS_OF)
    of = rows.set_index(["lead_id", "agreement"])
    # half of the hand-offs are made within four hours
    assert of.loc[("L2", OLD), "seen_at"].hour == 14
    assert of.loc[("L2", OLD), "sales_until"] == of.loc[("L2", OLD), "seen_at"]
    assert of.loc[("L1", NEW), "sales_until"] == datetime(2026, 3, 2, 13)


def test_promises_are_judged_by_the_first_decision_on_that_hand_off() -> None:
    """L1 was answered within a day, L2 only at its second hand-off, L3 too late, and L5 was unknown at the time."""
    handoffs = table("""
        lead  handed_off_at
        L1    2026-03-02 10:00
        L2    2026-03-03 10:00
        L2    2026-03-13 10:00
        L3    2026-03-02 10:00
        L5    2026-03-10 10:00
        L4    2026-03-31 18:00
    """)
    decisions = table("""
        lead  handed_off_at     decision  decided_at
        L1    2026-03-02 10:00  accepted  2026-03-03 09:00
        L2    2026-03-13 10:00  accepted  2026-03-13 12:00
        L3    2026-03-02 10:00  rejected  2026-03-05 12:00
    """)
    with warehouse_of(leads=LEADS, answers=ANSWERS, handoffs=handoffs, decisions=decisions) as warehouse:
        day = promises_kept(warehouse, agreement(10), SINCE, AS_OF)
        early = promises_kept(warehouse, agreement(10), SINCE, datetime(2026, 3, 3, 9, 30))
        week = promises_kept(warehouse, agreement(10, hours=168), SINCE, AS_OF)
    assert early == Kept(promised=2, kept=0, due=0, unknown=0)  # one was answered before the time of both is over
    # the answers of 10:00 count at a hand-off of 10:00; L4's promise runs
    assert day == Kept(promised=5, kept=2, due=4, unknown=1)
    assert week == Kept(promised=5, kept=3, due=4, unknown=1)
