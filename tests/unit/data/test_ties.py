"""Of what happened at one instant, the order in which rows were stored says nothing."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pytest

from data.cohorts import open_leads
from data.sql import ALIKE, WAYS
from tests.tables import table, warehouse_of

NOON, LATER = pd.Timestamp("2026-03-02 12:00"), datetime(2026, 4, 1)
LEADS = table("""
    lead  created_at
    L1    2026-01-01
""")


@pytest.mark.parametrize("reasons", [("spam", "too early"), ("too early", "spam"), ("spam", None), (None, "spam")])
def test_two_rejections_at_once_leave_a_lead_as_open_in_either_order(reasons: tuple[str | None, str | None]) -> None:
    decisions = pd.DataFrame(
        {"lead_id": "L1", "handed_off_at": NOON, "decided_at": NOON, "decision": "rejected", "reason": list(reasons)}
    )
    found = []
    for rows in (decisions, decisions.take([1, 0])):
        with warehouse_of(leads=LEADS, decisions=rows) as warehouse:
            found.append(len(open_leads(warehouse, LATER, 1, ("spam",))))
    assert found[0] == found[1]


@pytest.mark.parametrize("sql", [ALIKE, WAYS])
def test_two_merges_at_once_lead_to_one_person_in_either_order(sql: str) -> None:
    found = []
    for order in (("L2", "L3"), ("L3", "L2")):
        with warehouse_of(leads=LEADS) as warehouse:
            for into in order:
                warehouse.execute(
                    "INSERT INTO retractions (what, key, merged_into, known_at) VALUES ('merge', 'L1', $1, $2)",
                    [into, NOON],
                )
            found.append(warehouse.rows(f"FROM {sql} ORDER BY ALL"))
    assert found[0] == found[1]
