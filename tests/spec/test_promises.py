"""When is a promise due, where the agreement says when sales works?"""

from datetime import date, datetime

import pandas as pd
import pytest

from data.agreement.file import parse_agreement
from data.agreement.model import WorkingTime
from data.agreement.promises import due_at, hours_count
from serving.scoring import score_leads
from tests.tables import table, warehouse_of

BERLIN = WorkingTime.model_validate(
    {"time_zone": "Europe/Berlin", "holidays": [date(2026, 4, 3), date(2026, 4, 6), date(2026, 4, 6)]}
)
DUE = """
    handed off (local)  hours  due (local)       why
    Mon 2026-03-02 10:00   4   2026-03-02 14:00  within the day
    Mon 2026-03-02 10:00   7   2026-03-02 17:00  ends at closing time, not at the next opening
    Mon 2026-03-02 10:00   8   2026-03-03 10:00  runs into the next day
    Mon 2026-03-02 09:00   8   2026-03-02 17:00  a whole day
    Mon 2026-03-02 03:00   1   2026-03-02 10:00  handed off at night: from the opening
    Mon 2026-03-02 17:00   1   2026-03-03 10:00  handed off at closing time: from the next opening
    Mon 2026-03-02 10:00  48   2026-03-10 10:00  six working days
    Fri 2026-03-06 16:30   1   2026-03-09 09:30  over the weekend
    Sat 2026-03-07 12:00   8   2026-03-09 17:00  handed off at the weekend
    Thu 2026-04-02 16:00   2   2026-04-07 10:00  over Easter: two holidays and a weekend
    Fri 2026-03-27 16:00   2   2026-03-30 10:00  the clocks go forward on Sunday
    Fri 2026-10-23 16:00   2   2026-10-26 10:00  the clocks go back on Sunday
    Mon 2026-03-02 16:59   0.5 2026-03-03 09:29  half an hour
"""


def moment(local: str) -> pd.Timestamp:
    return pd.Timestamp(local).tz_localize("Europe/Berlin").tz_convert("UTC").tz_localize(None)


@pytest.mark.parametrize("row", DUE.strip().splitlines()[1:])
def test_a_promise_runs_in_working_time_alone(row):
    _, day, time, hours, due_day, due_time, _ = row.split(maxsplit=6)
    since = pd.Series([moment(f"{day} {time}")])
    assert due_at(since, pd.Series([float(hours)]), BERLIN).tolist() == [moment(f"{due_day} {due_time}")]


def test_each_row_for_itself_by_its_own_index():
    """What promises nothing is never due; without working time nights and weekends count."""
    since = pd.Series(pd.to_datetime(["2026-03-06 15:30", None, "2026-03-02 08:00"]), [7, 5, 3])
    hours = pd.Series([1.0, 4.0, float("nan")], [7, 5, 3])
    assert due_at(since, hours, BERLIN)[7] == pd.Timestamp("2026-03-09 08:30")
    assert due_at(since, hours, None)[7] == pd.Timestamp("2026-03-06 16:30")
    for working_time in (BERLIN, None):
        due = due_at(since, hours, working_time)
        assert list(due.index) == [7, 5, 3]
        assert due[[5, 3]].isna().all()
        assert due_at(since[:0], hours[:0], working_time).empty


@pytest.mark.parametrize(
    ("work", "since", "hours", "due"),
    [
        ({"from": "00:00", "to": "24:00"}, "2026-03-28 23:00", 23, "2026-03-29 22:00"),  # the day has 23 hours
        ({"from": "00:00", "to": "24:00"}, "2026-10-24 22:00", 25, "2026-10-25 23:00"),  # and this one 25
        ({"from": "02:30", "to": "03:30"}, "2026-03-29 00:00", 0.5, "2026-03-29 01:30"),  # half past two is left out
        ({"from": "02:10", "to": "02:50"}, "2026-03-29 00:00", 0.5, "2026-03-30 00:40"),  # nobody works on that day
        ({"from": "02:30", "to": "03:30"}, "2026-10-25 00:00", 2, "2026-10-25 02:30"),  # from the first half past two
    ],
)
def test_hours_are_those_that_pass_where_the_clocks_change(work, since, hours, due):
    every = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "time_zone": "Europe/Berlin"}
    working_time = WorkingTime.model_validate({**every, **work})
    assert due_at(pd.Series([pd.Timestamp(since)]), pd.Series([hours]), working_time).tolist() == [pd.Timestamp(due)]


def test_a_month_of_holidays_is_skipped():
    away = WorkingTime.model_validate({"holidays": [d.date() for d in pd.date_range("2026-08-01", "2026-08-31")]})
    due = due_at(pd.Series([pd.Timestamp("2026-08-03")]), pd.Series([8.0]), away)
    assert due.tolist() == [pd.Timestamp("2026-09-01 17:00")]


def test_which_hours_count_in_words():
    assert hours_count(BERLIN) == "mon, tue, wed, thu, fri 09:00 to 17:00 Europe/Berlin, without 2 holidays"
    assert hours_count(None) == "day and night, on every day"


AGREED = """
name = "everybody at once"
scheme = "BANT"
combinations = [{ name = "everybody", when = "", zone = "qualified", urgent = false }]
[promises.qualified]
hours = 8
[working_time]
time_zone = "Europe/Berlin"
[capacity]
per_account = 1
"""


def test_a_scoring_says_when_its_promises_are_due_and_heeds_the_limit_per_account():
    """On Friday at 16:00 in Berlin. L2 is of the company that was known on that day; who waits has no promise."""
    leads = table("""
        lead  account  created_at  known_at    superseded_at
        L1    A        2026-03-01  2026-03-01  -
        L2    B        2026-03-01  2026-03-01  2026-03-05
        L2    A        2026-03-01  2026-03-05  -
        L3    B        2026-03-01  2026-03-01  -
        L4    -        2026-03-01  2026-03-01  -
        L5    -        2026-03-01  2026-03-01  -
    """)
    with warehouse_of(leads=leads) as warehouse:
        agreement = parse_agreement(AGREED, date(2026, 1, 1), "an agreement")
        scores, capacity, *_ = score_leads(warehouse, agreement, None, datetime(2026, 3, 6, 15))
    scores = scores.set_index("lead_id")
    assert scores["route"].to_dict() == {
        "L1": "hand_off",
        "L2": "hold",
        "L3": "hand_off",
        "L4": "hand_off",
        "L5": "hand_off",
    }
    monday = pd.Timestamp("2026-03-09 15:00")
    assert scores["promise_due_at"].dropna().to_dict() == dict.fromkeys(["L1", "L3", "L4", "L5"], monday)
    assert scores["promise_hours"].dropna().to_dict() == dict.fromkeys(["L1", "L3", "L4", "L5"], 8)
    assert capacity.set_index("team").loc["one account", ["limit", "taken", "held"]].tolist() == [1, 1, 1]
