"""Places and promises under a draft, and who moves: by hand."""

from datetime import date, datetime

import pandas as pd
import pytest

from data.agreement.file import default_text, parse_agreement
from data.agreement.model import Agreement
from serving.trial import changed_routes, months_before, volume

SINCE, AS_OF = datetime(2026, 3, 1), datetime(2026, 3, 5)


def agreement(places: int | None) -> Agreement:
    text = default_text("BANT")
    teams = f"hand_offs_per_day = {places}" if places else "hand_offs_per_day = 1"
    found = parse_agreement(text.replace("hand_offs_per_day = 20", teams), date(2026, 1, 1), "a draft")
    if places is None:
        return found.model_copy(update={"capacity": found.capacity.model_copy(update={"teams": {}})})
    return found


def days(*numbers: int) -> pd.Series:
    return pd.Series(pd.to_datetime([f"2026-03-0{n} 10:00" for n in numbers]).as_unit("us"))


def test_leads_wait_for_the_next_day_with_a_place() -> None:
    found = volume(days(1, 1, 1, 2, 4), agreement(1), SINCE, AS_OF)
    # of three on the first day the second waits a day and the third two; that of the second day then waits two
    assert (found.leads, found.days, found.busiest, found.places) == (5, 5, 3, 1)
    assert (found.late, found.longest, found.left) == (4, 2, 0)


def test_who_never_found_a_place_is_still_waiting() -> None:
    found = volume(days(5, 5, 5), agreement(2), SINCE, AS_OF)
    assert (found.late, found.left) == (1, 1)


def test_without_a_limit_nobody_waits() -> None:
    found = volume(days(1, 1, 1), agreement(None), SINCE, AS_OF)
    assert (found.leads, found.places, found.late, found.left) == (3, None, 0, 0)


def test_nobody_qualified_is_no_volume() -> None:
    found = volume(days(), agreement(1), SINCE, AS_OF)
    assert (found.leads, found.busiest, found.late, found.longest, found.left) == (0, 0, 0, 0, 0)


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
