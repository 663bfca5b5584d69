"""How old is a lead for exploration, and what do the published scores of earlier days say of its draws?"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

from data.agreement.file import default_agreement
from data.agreement.model import Exploration
from data.cohorts import handed_off
from data.settings import Settings
from data.warehouse import Warehouse
from data.workspace import Workspace, day_name
from features.matrix import build_matrix
from serving.publication import Publication
from serving.scoring import BESIDE, days_quiet, score_leads
from serving.sinks import partition
from tests.tables import table, warehouse_of

NOWHERE = Workspace(Path("nowhere"))
EXPLORING = default_agreement().model_copy(update={"exploration": Exploration(share=0.9, per_day=3, every_days=20)})


def test_a_leads_age_is_the_days_since_the_person_last_gave_a_sign():
    """Not what bots and we did, an unsubscribe, a call that reached nobody, or what is not known yet."""
    leads = table("""
        lead       created_at
        touch      2026-01-01
        bot        2026-01-01
        ours       2026-01-01
        left       2026-01-01
        answer     2026-01-01
        not_asked  2026-01-01
        reached    2026-01-01
        missed     2026-01-01
        late       2026-01-01
        newest     2026-01-01
    """)
    touches = table("""
        lead    occurred_at  known_at    kind            is_bot  direction
        touch   2026-02-19   2026-02-19  page_view       -       inbound
        bot     2026-02-19   2026-02-19  email_click     true    inbound
        ours    2026-02-19   2026-02-19  task_scheduled  -       outbound
        left    2026-02-19   2026-02-19  unsubscribe     -       inbound
        late    2026-02-19   2026-03-02  page_view       -       inbound
        newest  2026-02-09   2026-02-09  page_view       -       inbound
    """)
    calls = table("""
        lead     called_at   disposition
        reached  2026-02-19  connected
        missed   2026-02-19  voicemail
        newest   2026-02-24  not_interested
    """)
    answers = table("""
        lead       answered_at  criterion  state
        answer     2026-02-19   need       no
        not_asked  2026-02-19   need       not_asked
        newest     2026-02-14   budget     refused
    """)
    with warehouse_of(leads=leads, touches=touches, calls=calls, answers=answers) as warehouse:
        index = pd.DataFrame({"lead_id": leads["lead_id"], "as_of": pd.Timestamp("2026-03-01")})
        matrix = build_matrix(warehouse, index, default_agreement(), names=list(BESIDE))
    found = dict(zip(index["lead_id"], days_quiet(matrix).tolist(), strict=True))
    signs = {"touch": 10, "answer": 10, "reached": 10, "newest": 5}
    assert found == {lead: pytest.approx(signs.get(lead, 59), abs=1e-6) for lead in leads["lead_id"]}


def publish(warehouse: Warehouse, as_of: str, time_zone: str = "UTC") -> pd.DataFrame:
    """A day's scores without a model, stored as `leadready score` stores them; by lead."""
    moment = datetime.fromisoformat(as_of)
    scores = score_leads(warehouse, EXPLORING, None, moment, time_zone=time_zone).scores
    scores = scores.assign(model_status="rules only", stale="", changed=None)
    partition.finish(NOWHERE, warehouse)
    partition.write(NOWHERE, warehouse, Publication(scores, moment, day_name(moment, time_zone), Settings()))
    return scores.set_index("lead_id")[["route", "explored", "propensity", "draw"]]


@pytest.fixture
def newcomers() -> pd.DataFrame:
    return pd.DataFrame({"lead_id": [f"L{i:02}" for i in range(40)], "created_at": "2026-02-25"})


def test_a_draw_is_held_once_and_what_it_gave_stands_all_day(newcomers):
    with warehouse_of(leads=newcomers) as warehouse:
        morning, again = publish(warehouse, "2026-03-01 06:00"), publish(warehouse, "2026-03-01 06:00")
        noon, tomorrow = publish(warehouse, "2026-03-01 12:00"), publish(warehouse, "2026-03-02 06:00")
    pd.testing.assert_frame_equal(again, morning)
    pd.testing.assert_frame_equal(noon, morning)
    took_part = morning["draw"].notna()
    assert morning["explored"].sum() == 3
    assert (morning.loc[took_part, "propensity"].round(6) == round(3 / took_part.sum(), 6)).all()
    assert set(morning.loc[morning["explored"], "route"]) == {"hand_off"}
    assert not (took_part & tomorrow["draw"].notna()).any(), "whose draw was held, or lapsed, is not drawn again"
    assert tomorrow["draw"].notna().any(), "others have their turn"


@pytest.mark.slow
@pytest.mark.parametrize(("time_zone", "same"), [("UTC", False), ("America/New_York", True)])
def test_the_day_of_a_draw_is_that_of_the_company(newcomers, time_zone, same):
    """23:30 and 00:30 UTC are one evening in New York."""
    with warehouse_of(leads=newcomers) as warehouse:
        first, second = (publish(warehouse, at, time_zone) for at in ("2026-03-01 23:30", "2026-03-02 00:30"))
    assert (first["explored"].sum(), first["draw"].equals(second["draw"])) == (3, same)


def test_a_picked_lead_comes_back_as_a_hand_off_with_its_propensity(newcomers):
    with warehouse_of(leads=newcomers) as warehouse:
        morning = publish(warehouse, "2026-03-01 06:00")
        lead = morning.index[morning["explored"]][0]
        warehouse.execute(f"""INSERT INTO handoffs BY NAME SELECT '{lead}' AS lead_id,
            TIMESTAMP '2026-03-01 09:00' AS handed_off_at, TIMESTAMP '2026-03-01 09:00' AS known_at""")
        noon = publish(warehouse, "2026-03-01 12:00")
        propensity, explored = warehouse.rows(f"SELECT propensity, explored FROM ({handed_off(warehouse)})")[0]
    assert (propensity, explored) == (morning.loc[lead, "propensity"], True)
    assert tuple(noon.loc[lead, ["route", "explored", "propensity"]]) == ("with_sales", False, 0)
    assert noon["explored"].sum() == 2, "its place is not given away"
