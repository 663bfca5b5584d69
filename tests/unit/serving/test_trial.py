"""Places and promises under a draft, and who moves: by hand."""

from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.agreement.file import default_text, parse_agreement
from data.agreement.model import Agreement, Team
from serving.trial import changed_routes, months_before
from serving.volume import volume, waited

SINCE, AS_OF = datetime(2026, 3, 1), datetime(2026, 3, 6)


def agreement(places: int | None) -> Agreement:
    text = default_text("BANT")
    teams = f"hand_offs_per_day = {places}" if places else "hand_offs_per_day = 1"
    found = parse_agreement(text.replace("hand_offs_per_day = 20", teams), date(2026, 1, 1), "a draft")
    if places is None:
        return found.model_copy(update={"capacity": found.capacity.model_copy(update={"teams": {}})})
    return found


def days(*numbers: int) -> pd.Series:
    return pd.Series(pd.to_datetime([f"2026-03-0{n} 10:00" for n in numbers]).as_unit("us"))


def sales(moments: pd.Series) -> pd.Series:
    return pd.Series("sales", moments.index)


def test_leads_wait_for_the_next_day_with_a_place() -> None:
    came = days(1, 1, 1, 2, 4)
    found = volume(came, sales(came), agreement(1), SINCE, AS_OF)
    # of three on the first day the second waits a day and the third two; that of the second day then waits two, the
    # last one
    assert (found.leads, found.days, found.busiest, found.places) == (5, 5, 3, 1)
    assert (found.late, found.longest, found.left) == (4, 2, 0)


def test_who_never_found_a_place_is_still_waiting() -> None:
    came = days(5, 5, 5)
    found = volume(came, sales(came), agreement(2), SINCE, AS_OF)
    assert (found.late, found.left) == (1, 1)


def test_a_place_of_another_team_is_none() -> None:
    came = days(1, 1, 1, 1)
    two = agreement(1)
    teams = {"north": Team(hand_offs_per_day=1, when="country = DE"), "south": Team(hand_offs_per_day=9)}
    two = two.model_copy(update={"capacity": two.capacity.model_copy(update={"teams": teams})})
    found = volume(came, pd.Series(["north", "north", "south", None]), two, SINCE, AS_OF)
    assert (found.places, found.homeless, found.late, found.longest) == (10, 1, 1, 1)


def test_without_a_limit_nobody_waits() -> None:
    came = days(1, 1, 1)
    found = volume(came, pd.Series([None] * 3), agreement(None), SINCE, AS_OF)
    assert (found.leads, found.places, found.homeless, found.late, found.left) == (3, None, 0, 0, 0)


def test_nobody_qualified_is_no_volume() -> None:
    found = volume(days(), sales(days()), agreement(1), SINCE, AS_OF)
    assert (found.leads, found.busiest, found.late, found.longest, found.left) == (0, 0, 0, 0, 0)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=20), st.integers(1, 5))
def test_waiting_is_what_a_queue_gives(came: list[int], places: int) -> None:
    """As a queue that is worked off day by day."""
    queue: list[int] = []
    took = []
    for day, count in enumerate(came):
        queue += [day] * count
        took += [day - arrived for arrived in queue[:places]]
        queue = queue[places:]
    assert list(waited(np.array(came), places)) == [*took, *([-1] * len(queue))]


def test_months_are_those_of_the_calendar() -> None:
    assert months_before(datetime(2026, 8, 31, 12), 6) == datetime(2026, 2, 28, 12)


def test_who_moves_is_listed_once_and_who_stays_is_not() -> None:
    names = ["lead_id", "probability", "zone", "route"]
    old = pd.DataFrame(
        [("A", 0.5, "nearly", "nurture"), ("B", 0.4, "qualified", "hand_off"), ("C", 0.3, "unfit", "nurture")],
        columns=names,
    )
    new = pd.DataFrame(
        [("A", 0.5, "nearly", "nurture"), ("B", 0.4, "nearly", "tele_qualify"), ("D", 0.2, "nearly", "nurture")],
        columns=names,
    )
    found = changed_routes(old, new).set_index("lead_id")
    assert list(found.index) == ["B", "C", "D"]
    assert tuple(found.loc["B", ["zone_old", "zone_new", "route_old", "route_new"]]) == (
        "qualified",
        "nearly",
        "hand_off",
        "tele_qualify",
    )
    assert tuple(found.loc["C", ["zone_old", "zone_new"]]) == ("unfit", "not in the list")
    assert found.loc["D", "probability"] == pytest.approx(0.2)
