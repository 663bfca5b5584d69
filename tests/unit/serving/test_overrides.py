"""What a person decides holds until its day, before all but the hard limits."""

from __future__ import annotations

from datetime import datetime, timedelta

import pandas as pd
import pytest

from data.agreement.file import default_agreement
from data.errors import UsageError
from data.warehouse import Warehouse
from serving.overrides import note_override, overrides_at
from serving.routing import choose_routes
from serving.scoring import score_leads
from tests.tables import warehouse_of
from tests.unit.serving.test_routing import agree, leads

AT = datetime(2026, 3, 1, 9)
NEXT = AT + timedelta(days=1)
WEEK = AT + timedelta(days=7)


@pytest.fixture
def warehouse():
    known = {"lead_id": ["L0", "L1"], "created_at": [AT] * 2, "known_at": [datetime(2026, 1, 1)] * 2}
    with warehouse_of(leads=pd.DataFrame(known)) as opened:
        yield opened


def test_the_latest_holds_from_when_it_was_made_until_its_day(warehouse: Warehouse) -> None:
    assert overrides_at(warehouse, NEXT).empty
    note_override(warehouse, "L0", "hand_off", "met them", "Kim", AT, WEEK)
    note_override(warehouse, "L0", "nurture", "not before May", "Lee", NEXT, WEEK)
    assert overrides_at(warehouse, AT - timedelta(minutes=1)).empty
    at_once = overrides_at(warehouse, AT).to_dict("records")
    assert at_once == [{"lead_id": "L0", "route": "hand_off", "words": "Kim asked for it until 2026-03-08: met them"}]
    assert overrides_at(warehouse, NEXT)["route"].tolist() == ["nurture"]
    assert overrides_at(warehouse, WEEK).empty


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"lead": "L9"}, "expected a lead that is known, got L9"),
        ({"route": "blocked"}, "expected one of hand_off, manager_check, tele_qualify, reheat, nurture, got blocked"),
        ({"why": " "}, "expected a reason, got none"),
        ({"until": AT}, "expected a time after 2026-03-01 09:00, got 2026-03-01 09:00"),
    ],
)
def test_what_cannot_hold_is_said(warehouse: Warehouse, wrong: dict[str, object], said: str) -> None:
    given = {"lead": "L0", "route": "hand_off", "why": "met them", "by": "Kim", "at": AT, "until": WEEK}
    with pytest.raises(UsageError, match=said):
        note_override(warehouse, **{**given, **wrong})


def wanted(**routes: str) -> pd.DataFrame:
    return pd.DataFrame({"lead_id": list(routes), "route": list(routes.values()), "words": "Kim asked: {why}"})


def test_it_goes_before_the_model_and_takes_a_place_first() -> None:
    agreement = agree(capacity={"teams": {"north": {"hand_offs_per_day": 1}}})
    day = leads(zone="qualified", probability=[0.9, 0.2], team="north")
    found = choose_routes(day, agreement, wanted=wanted(L1="hand_off")).leads
    assert list(found["route"]) == ["hold", "hand_off"]
    assert found["route_reason"].iloc[1] == "Kim asked: {why}"
    assert pd.isna(found["propensity"].iloc[1]), "nobody drew it, and no policy gave it away"


@pytest.mark.parametrize(
    ("lead", "route", "found"),
    [
        ({"may_call": False, "may_mail": False}, "hand_off", "blocked"),
        ({"with_sales": True}, "hand_off", "with_sales"),
        ({"may_call": False}, "tele_qualify", "nurture"),
        ({"cooling": True}, "hand_off", "hand_off"),
        ({"probability": 0.9}, "nurture", "nurture"),
    ],
)
def test_hard_limits_stand_above_it(lead: dict[str, object], route: str, found: str) -> None:
    day = leads(**{name: [value] for name, value in lead.items()})
    assert choose_routes(day, agree(), wanted=wanted(L0=route)).leads["route"].tolist() == [found]


def test_whom_a_person_wants_nurtured_is_neither_called_nor_released_early_nor_explored() -> None:
    agreement = agree(
        capacity={"teams": {"north": {"hand_offs_per_day": 5}}, "spare": "release_early"}, exploration={"share": 0.99}
    )
    day = leads(probability=[0.12] * 20, team="north", call_value=[50.0] * 20)
    found = choose_routes(day, agreement, wanted=wanted(**{f"L{i}": "nurture" for i in range(20)})).leads
    assert set(found["route"]) == {"nurture"}


def test_a_scoring_says_which_overrides_it_does_not_follow(caplog: pytest.LogCaptureFixture) -> None:
    known = {"lead_id": ["L0", "L1", "L2"], "created_at": [AT] * 3, "known_at": [datetime(2026, 1, 1)] * 3}
    tables = {"leads": pd.DataFrame({**known, "permission": ["all", "none", "all"]})}
    caplog.set_level("INFO")
    with warehouse_of(**tables) as opened:
        for lead in known["lead_id"]:
            note_override(opened, lead, "hand_off", "met them", "Kim", AT, WEEK)
        opened.execute("DELETE FROM leads WHERE lead_id = 'L2'")
        found = score_leads(opened, default_agreement(), None, NEXT).scores
    assert found.set_index("lead_id")["route"].to_dict() == {"L0": "hand_off", "L1": "blocked"}
    said = [record.getMessage() for record in caplog.records if "override" in record.getMessage()]
    assert said == [
        "1 of 3 overrides are followed",
        "the override of L1, hand_off, is not followed: its route is blocked",
        "the override of L2, hand_off, is not followed: it is not open",
    ]
