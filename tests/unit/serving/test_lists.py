"""The lists that people work from: who is on them, in what order, with what beside the score."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from data.errors import ConfigError
from data.settings import ListSettings, Settings
from data.tables import SCORES
from serving.lists import CALLS, HAND_OFFS, share_out, work_lists
from tests.tables import warehouse_of

AS_OF = datetime(2026, 3, 1, 6)
KNOWN = datetime(2026, 1, 1)


def scores(**columns: object) -> pd.DataFrame:
    """A row for each lead: empty but for what a test says."""
    of_type = {"text": None, "number": np.nan, "flag": False, "whole": 1, "time": pd.Timestamp(AS_OF)}
    n = len(next(v for v in columns.values() if isinstance(v, list)))
    usual = {c.name: [of_type[c.type]] * n for c in SCORES.columns}
    ids = [f"L{i}" for i in range(n)]
    rows = pd.DataFrame({**usual, "lead_id": ids, "probability": 0.4, "support": "inside", **columns})
    return rows.astype({name: kind for name, kind in SCORES.pandas_types.items() if kind == "float64"})


def people(n: int) -> dict[str, pd.DataFrame]:
    leads = {
        "lead_id": [f"L{i}" for i in range(n)],
        "account_id": "A",
        "created_at": KNOWN,
        "name": [f"Person {i}" for i in range(n)],
        "phone": [f"+49 {i}" for i in range(n)],
        "Owner": "Kim",
        "known_at": KNOWN,
    }
    accounts = {"account_id": ["A", "A"], "name": ["Old", "New"], "known_at": [KNOWN, datetime(2026, 2, 1)]}
    changed = pd.DataFrame(accounts).assign(superseded_at=[datetime(2026, 2, 1), pd.NaT])
    return {"leads": pd.DataFrame(leads), "accounts": changed}


def lists(found: pd.DataFrame, settings: Settings | None = None) -> dict[str, pd.DataFrame]:
    with warehouse_of(**people(len(found))) as warehouse:
        return work_lists(warehouse, found, settings or Settings())


def test_hand_offs_come_urgent_first_then_by_probability_with_the_promise_in_local_time() -> None:
    found = lists(
        scores(
            route=["hand_off", "hand_off", "nurture", "hand_off"],
            probability=[0.5, 0.7, 0.9, 0.3],
            urgent=[False, False, False, True],
            promise_due_at=pd.to_datetime(["2026-03-03 06:00", None, None, "2026-03-01 14:00"]),
        ),
        Settings(time_zone="Europe/Berlin"),
    )["hand_offs"]
    assert found["lead_id"].tolist() == ["L3", "L1", "L0"]
    assert found["place"].tolist() == [1, 2, 3]
    assert found["promise_due"].tolist() == ["2026-03-01 15:00 CET", None, "2026-03-03 07:00 CET"]
    assert list(found.columns) == ["place", "lead_id", "name", "company", "email", "phone", *HAND_OFFS]
    assert found.loc[0, ["name", "company", "phone"]].tolist() == ["Person 3", "New", "+49 3"]


def test_calls_come_by_what_they_are_worth_and_are_shared_out_to_and_fro() -> None:
    rows = scores(
        route=["tele_qualify"] * 5 + ["reheat"],
        contact=["phone"] * 5 + ["e-mail"],
        gain_call=[1.0, 5.0, 3.0, np.nan, 2.0, 9.0],
        reach=[0.25] * 6,
        next_question=["need"] * 6,
    )
    found = lists(rows, Settings(lists=ListSettings(agents=("ann", "bob"))))["calls"]
    assert found["lead_id"].tolist() == ["L1", "L2", "L4", "L0", "L3"]
    assert found["agent"].tolist() == ["ann", "bob", "bob", "ann", "ann"]
    assert found["reach"].tolist() == ["25 %"] * 5
    assert list(found.columns)[-len(CALLS) :] == list(CALLS)


def test_where_little_is_known_the_bounds_stand_beside() -> None:
    rows = scores(
        route=["hand_off"] * 2, support=["outside", "inside"], probability_low=[0.1, 0.1], probability_high=[0.9, 0.9]
    )
    assert lists(rows)["hand_offs"]["likely"].tolist() == ["40 % (between 10 % and 90 %)", "40 %"]


def test_without_a_model_nothing_is_said_of_how_likely_it_is() -> None:
    found = lists(scores(route=["hand_off"], probability=[np.nan], support=[None]))["hand_offs"]
    assert found["likely"].tolist() == [None]


def test_settings_choose_what_is_shown() -> None:
    shown = Settings(lists=ListSettings(columns={"who": "lead.name", "Owner": "lead.Owner"}))
    found = lists(scores(route=["hand_off"]), shown)["hand_offs"]
    assert found.loc[0, ["who", "Owner"]].tolist() == ["Person 0", "Kim"]
    wrong = Settings(lists=ListSettings(columns={"who": "lead.nmae"}))
    with pytest.raises(
        ConfigError, match=r"expected a column of leads or accounts, got lead\.nmae; use one of .*lead\.name"
    ):
        lists(scores(route=["hand_off"]), wrong)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"Place": "lead.name"}, "expected a title that the lists do not have yet, got Place"),
        ({"who": "lead.name", "Who": "lead.email"}, "expected each title once"),
    ],
)
def test_titles_do_not_collide(columns: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        lists(scores(route=["hand_off"]), Settings(lists=ListSettings(columns=columns)))


def test_a_day_without_work_has_empty_lists_with_all_columns() -> None:
    found = lists(scores(route=["nurture"]))
    assert [len(rows) for rows in found.values()] == [0, 0]
    assert list(found["calls"].columns)[-len(CALLS) :] == list(CALLS)


@pytest.mark.parametrize(
    ("calls", "each"), [(0, {}), (7, {"ann": 3, "bob": 2, "cy": 2}), (6, {"ann": 2, "bob": 2, "cy": 2})]
)
def test_everyone_gets_as_many(calls: int, each: dict[str, int]) -> None:
    assert pd.Series(share_out(calls, ("ann", "bob", "cy")), dtype=str).value_counts().to_dict() == each
