"""What must hold for the moment at which any promise is due, whenever sales works."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from data.agreement.model import DAYS, WorkingTime
from data.agreement.promises import due_at

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "America/Sao_Paulo")
MINUTES = range(0, 24 * 60 + 1, 15)


def clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def works(opens_closes: tuple[int, int], **keys: Any) -> WorkingTime:
    opens, closes = sorted(opens_closes)
    return WorkingTime.model_validate({"from": clock(opens), "to": clock(closes), **keys})


working_times = st.builds(
    works,
    st.lists(st.sampled_from(MINUTES), min_size=2, max_size=2, unique=True),
    days=st.lists(st.sampled_from(DAYS), min_size=1, max_size=7),
    time_zone=st.sampled_from(ZONES),
    holidays=st.lists(st.dates(date(2011, 12, 20), date(2012, 1, 20)), max_size=20),
)
moments = st.datetimes(datetime(2011, 12, 1), datetime(2012, 12, 1))
hours = st.floats(0.001, 100)
often = settings(max_examples=100, deadline=None)


def due(since: datetime, promised: float, working_time: WorkingTime) -> datetime:
    found = due_at(pd.Series([pd.Timestamp(since)]), pd.Series([promised]), working_time)
    return found.iloc[0].to_pydatetime()


def worked(since: datetime, until: datetime, working_time: WorkingTime) -> timedelta:
    """The working time between two moments, counted another way: minute by minute of the local clock."""
    zone, total = ZoneInfo(working_time.time_zone), timedelta(0)
    opens, closes = working_time.minutes
    step = since.replace(tzinfo=UTC)
    end = until.replace(tzinfo=UTC)
    while step < end:
        here = step.astimezone(zone)
        stop = min(end, (step + timedelta(minutes=1)).replace(second=0, microsecond=0))
        at = here.hour * 60 + here.minute
        on = DAYS[here.weekday()] in working_time.days and here.date() not in working_time.holidays
        total += (stop - step) if on and opens <= at < closes else timedelta(0)
        step = stop
    return total


@often
@given(
    since=moments, promised=hours, more=hours, later=st.timedeltas(timedelta(0), timedelta(days=9)), work=working_times
)
def test_it_is_after_the_hand_off_and_rises_with_the_hours_and_the_hand_off(since, promised, more, later, work):
    first = due(since, promised, work)
    assert first > since
    assert due(since, promised + more, work) > first
    assert due(since + later, promised, work) >= first


@settings(max_examples=50, deadline=None)
@given(since=moments, promised=st.floats(0.001, 12), work=working_times)
def test_the_hours_between_are_those_promised(since, promised, work):
    """As counted minute by minute, and the last microsecond is worked.

    Where clocks go back meanwhile (tests/spec/test_promises.py), minutes that the clock shows twice do not say it.
    """
    until, zone = due(since, promised, work), ZoneInfo(work.time_zone)
    before, after = (moment.replace(tzinfo=UTC).astimezone(zone).utcoffset() for moment in (since, until))
    assume(until - since < timedelta(days=60) and before <= after)
    assert abs(worked(since, until, work) - timedelta(hours=promised)) <= timedelta(microseconds=1)
    assert worked(until - timedelta(microseconds=1), until, work) == timedelta(microseconds=1)


@often
@given(many=st.lists(st.tuples(moments, hours), min_size=1, max_size=20), work=working_times)
def test_all_at_once_are_as_each_alone(many, work):
    since, promised = zip(*many, strict=True)
    found = due_at(pd.Series(pd.to_datetime(list(since))), pd.Series(promised), work)
    assert [moment.to_pydatetime() for moment in found] == [due(*one, work) for one in many]


@often
@given(since=moments, promised=hours)
def test_day_and_night_on_every_day_is_as_without_working_time(since, promised):
    always = works((0, 1440), days=list(DAYS))
    whole = due_at(pd.Series([pd.Timestamp(since)]), pd.Series([promised]), None).iloc[0]
    assert due(since, promised, always) == whole.to_pydatetime()
