"""What became known between two moments, of what kind is it, and what does a snapshot between two kinds see?"""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pytest

from data.agreement.file import default_agreement
from data.news import KINDS, arriving, list_news
from data.sql import in_force
from features.matrix import build_matrix
from tests.tables import table, warehouse_of

SINCE, UNTIL = datetime(2026, 3, 1, 5), datetime(2026, 3, 2, 5)
LEADS = table("""
    lead  account  created_at  known_at          superseded_at     title  permission
    L1    A        2026-01-01  2026-01-01        2026-03-01 12:00  Buyer  -
    L1    A        2026-01-01  2026-03-01 12:00  2026-03-01 13:00  Clerk  no_mail
    L1    A        2026-01-01  2026-03-01 13:00  -                 CFO    unknown
    L2    A        2026-01-01  2026-01-01        -                 -      -
""")
ACCOUNTS = table("""
    account  industry   known_at          superseded_at
    A        software   2026-01-01        2026-03-01 09:00
    A        logistics  2026-03-01 09:00  -
""")
TOUCHES = table("""
    lead  event_id  occurred_at       known_at          superseded_at     kind         is_bot
    L1    old       2026-02-20 09:00  2026-02-20 09:00  -                 page_view    -
    L1    new       2026-03-01 09:00  2026-03-01 09:00  -                 chat         -
    L1    late      2026-02-25 09:00  2026-03-01 09:00  -                 email_click  -
    L1    scan      2026-02-21 09:00  2026-02-21 09:00  2026-03-01 10:00  email_open   -
    L1    scan      2026-02-21 09:00  2026-03-01 10:00  -                 email_open   true
    L1    gone      2026-02-22 09:00  2026-02-22 09:00  2026-03-01 11:00  ad_click     -
    L1    bot       2026-03-01 10:00  2026-03-01 10:00  -                 page_view    true
    L1    brief     2026-03-01 08:00  2026-03-01 08:00  2026-03-01 09:00  chat         -
    L1    later     2026-03-01 08:00  2026-03-02 05:00  -                 chat         -
    L1    twin      2026-02-10 09:00  2026-03-01 06:00  -                 form_submit  -
    L2    its       2026-03-01 09:00  2026-03-01 09:00  -                 chat         -
""")
CALLS = table("""
    lead  call_id  called_at         known_at          superseded_at     disposition
    L1    c1       2026-02-20 10:00  2026-02-20 10:05  2026-03-01 10:00  no_answer
    L1    c1       2026-02-20 10:00  2026-03-01 10:00  -                 connected
    L1    c2       2026-03-01 10:00  2026-03-01 10:05  -                 voicemail
""")
ANSWERS = table("""
    lead  criterion  answered_at       state  level
    L1    timeframe  2026-03-01 10:00  yes    within_90_days
""")
DECISIONS = table("""
    lead  handed_off_at  decision  decided_at        reason
    L1    2026-02-28     rejected  2026-03-01 11:00  no_budget
""")
HANDOFFS = table("""
    lead  handed_off_at     known_at
    L1    2026-02-28 00:00  2026-02-28 00:00
""")
ALL = {"leads": LEADS, "accounts": ACCOUNTS, "touches": TOUCHES, "calls": CALLS, "answers": ANSWERS}
ALL |= {"decisions": DECISIONS, "handoffs": HANDOFFS}
EXPECTED = """
    kind       how      what                            happened
    corrected  changed  touch by a bot                  2026-02-21 09:00
    corrected  changed  call (connected)                2026-02-20 10:00
    corrected  gone     ad click                        2026-02-22 09:00
    corrected  late     email click                     2026-02-25 09:00
    corrected  merged   form submit                     2026-02-10 09:00
    touches    new      chat                            2026-03-01 09:00
    answers    new      call (voicemail)                2026-03-01 10:00
    answers    new      timeframe: yes (within 90 days)  2026-03-01 10:00
    traits     changed  title, permission               -
    traits     changed  industry                        -
    sales      new      rejected by sales (no budget)   2026-03-01 11:00
"""


def test_news_are_told_by_kind():
    """Not what came and went, a bot's touch that is new, what is known from UNTIL on, or what other leads did."""
    with warehouse_of(**ALL) as warehouse:
        warehouse.execute("UPDATE touches SET copied_from = 'L9' WHERE event_id = 'twin'")
        found = list_news(warehouse, ["L1"], SINCE, UNTIL)
    assert set(found["lead_id"]) == {"L1"}
    told = [
        (kind, how, what, None if pd.isna(at) else f"{at:%Y-%m-%d %H:%M}")
        for kind, how, what, at in found[["kind", "how", "what", "happened"]].itertuples(index=False)
    ]
    assert sorted(told, key=str) == sorted(table(EXPECTED).itertuples(index=False, name=None), key=str)


STAGES = table("""
    after      touches            calls         answers  decisions  title
    -          gone,old,scan      c1 no_answer  0        0          Buyer
    corrected  late,old,scan,twin  c1 connected  0       0          Buyer
    touches    bot,late,new,old,scan,twin  c1 connected  0  0       Buyer
    answers    bot,late,new,old,scan,twin  c1 connected,c2 voicemail  1  0  Buyer
    traits     bot,late,new,old,scan,twin  c1 connected,c2 voicemail  1  0  CFO
    sales      bot,late,new,old,scan,twin  c1 connected,c2 voicemail  1  1  CFO
""")


@pytest.mark.parametrize("row", STAGES.to_dict("records"), ids=lambda row: row["after"] or "nothing")
def test_news_arrive_kind_by_kind(row):
    listed = (
        "SELECT coalesce(string_agg({what}, ',' ORDER BY {what}), '') FROM {table} e WHERE {force} AND lead_id = 'L1'"
    )
    with warehouse_of(**ALL) as warehouse, arriving(warehouse, ["L1"], SINCE, UNTIL) as moments:
        assert [*moments] == ["", *KINDS[:-1]]
        moment = moments.get(row["after"] or "", UNTIL)

        def seen(name, what):
            return warehouse.scalar(listed.format(what=what, table=name, force=in_force("$1")), [moment])

        found = {
            "touches": seen("touches", "event_id"),
            "calls": seen("calls", "call_id || ' ' || disposition"),
            "title": seen("leads", "title"),
        }
        counts = {"answers": seen("answers", "criterion"), "decisions": seen("decisions", "decision")}
        assert found | {name: str(int(bool(text))) for name, text in counts.items()} == {
            k: v for k, v in row.items() if k != "after"
        }


def test_the_last_stage_is_the_world_as_it_is():
    """Column by column, a refusal in a version that came and went included; and the stored tables are back."""
    index = pd.DataFrame({"lead_id": ["L1", "L2"], "as_of": pd.Timestamp(UNTIL)})
    with warehouse_of(**ALL) as warehouse:
        real = build_matrix(warehouse, index, default_agreement())
        with arriving(warehouse, ["L1", "L2"], SINCE, UNTIL):
            staged = build_matrix(warehouse, index, default_agreement())
        again = build_matrix(warehouse, index, default_agreement())
    pd.testing.assert_frame_equal(staged, real)
    pd.testing.assert_frame_equal(again, real)
