"""By when did sales promise to answer a hand-off? The hours of the agreement, added in its working time."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data.agreement.model import DAYS, Agreement, WorkingTime

HOUR = 3_600_000_000
"""In microseconds, the unit of all moments here."""
Moments = NDArray[np.int64]
"""Microseconds since 1970, UTC."""


def promise_of(zone: pd.Series, urgent: pd.Series[bool], agreement: Agreement) -> pd.Series:
    """Which promise each lead has: `urgent` where it is and that is promised something, else that of its zone."""
    return zone.mask(urgent & ("urgent" in agreement.promises), "urgent")


def promised_hours(promise: pd.Series, agreement: Agreement) -> pd.Series[float]:
    """The hours of each promise (as `promise_of` gives it), as stated; NaN where nothing is promised."""
    return promise.map({name: promised.hours for name, promised in agreement.promises.items()}).astype(float)


def due_at(since: pd.Series, hours: pd.Series[float], working_time: WorkingTime | None) -> pd.Series:
    """The moment at which each promise is due: `since` plus `hours` that are worked; by the index of both.

    since: naive UTC. hours: above 0; NaN gives NaT. Without working time all hours count. With it a promise made while
    nobody works runs from the next opening; one whose last hour ends at closing time is due then, not at the next
    opening. Where clocks change, hours are those that pass: a day that loses one is an hour shorter.
    """
    promised = since.notna() & hours.notna()
    begin = since[promised].to_numpy("datetime64[us]").astype(np.int64)
    micros = np.maximum((hours[promised].to_numpy(float) * HOUR).round().astype(np.int64), 1)
    end = begin + micros if working_time is None else _add_worked(begin, micros, working_time)
    due = pd.Series(pd.NaT, since.index, dtype="datetime64[us]")
    due[promised] = end.astype("datetime64[us]")
    return due


def promised(zones: pd.DataFrame, agreements: Sequence[Agreement]) -> pd.DataFrame:
    """Which promise each hand-off of `zones` has and when it is due, by the agreement in force then: lead_id,
    handed_off_at, promise, due_at. `agreements`: the earliest first; without one in force nothing was promised."""
    begins = np.array([a.effective_from for a in agreements], dtype="datetime64[us]")
    place = np.searchsorted(begins, zones["handed_off_at"].to_numpy("datetime64[us]"), side="right") - 1
    found = zones[["lead_id", "handed_off_at"]].assign(promise=zones["zone"], due_at=None)
    parts = [found[place < 0]]
    for number, agreement in enumerate(agreements):
        own = zones[place == number]
        promise = promise_of(own["zone"], own["urgent"], agreement)
        due = due_at(own["handed_off_at"], promised_hours(promise, agreement), agreement.working_time)
        parts.append(found[place == number].assign(promise=promise, due_at=due))
    return pd.concat(parts, ignore_index=True)


def hours_count(working_time: WorkingTime | None) -> str:
    """In words which hours count for promises."""
    if working_time is None:
        return "day and night, on every day"
    days = ", ".join(name for name in DAYS if name in working_time.days)
    off = len(set(working_time.holidays))
    free = f", without {off} holiday{'s' * (off > 1)}" if off else ""
    return f"{days} {working_time.opens} to {working_time.closes} {working_time.time_zone}{free}"


def _add_worked(begin: Moments, micros: Moments, working_time: WorkingTime) -> Moments:
    """Each beginning plus so many microseconds of work."""
    if not len(begin):
        return begin
    weeks = int(micros.max() / (working_time.weekly_hours * HOUR)) + 2
    first, last = (_local_day(moment, working_time.time_zone) for moment in (begin.min(), begin.max()))
    while True:
        opens, closes = _openings(np.arange(first, last + np.timedelta64(7 * weeks, "D")), working_time)
        worked = np.concatenate([[0], (closes - opens).cumsum()])
        if len(opens):
            goal = _worked_until(begin, opens, closes, worked) + micros
            place = np.searchsorted(worked[1:], goal, side="left")
            if place.max() < len(opens):
                return np.asarray(opens[place] + goal - worked[place], np.int64)
        weeks *= 2  # holidays, or clocks that lost an hour


def _worked_until(moments: Moments, opens: Moments, closes: Moments, worked: Moments) -> Moments:
    """How much was worked from the first opening until each moment; `worked`: until each opening, and after all."""
    place = np.maximum(np.searchsorted(opens, moments, side="right") - 1, 0)
    return np.asarray(worked[place] + np.clip(moments - opens[place], 0, (closes - opens)[place]), np.int64)


def _openings(days: NDArray[np.datetime64], working_time: WorkingTime) -> tuple[Moments, Moments]:
    """When work begins and ends on those of the local days on which there is any."""
    weekday = (days.astype(np.int64) + 3) % 7  # 1 January 1970 was a Thursday
    free = np.isin(days, np.array(working_time.holidays, dtype="datetime64[D]"))
    worked = days[np.isin(weekday, [DAYS.index(name) for name in working_time.days]) & ~free]
    opens, closes = (_as_utc(worked, minutes, working_time.time_zone) for minutes in working_time.minutes)
    some = closes > opens
    return opens[some], closes[some]


def _as_utc(days: NDArray[np.datetime64], minutes: int, time_zone: str) -> Moments:
    """So many minutes after midnight by the clock of a zone: the first of two where it shows a time twice, the next
    where it leaves one out."""
    local = pd.DatetimeIndex(days.astype("datetime64[us]")) + pd.Timedelta(minutes=minutes)
    first = np.ones(len(days), dtype=bool)
    zoned = local.tz_localize(ZoneInfo(time_zone), ambiguous=first, nonexistent="shift_forward")
    return np.asarray(zoned.tz_convert("UTC").tz_localize(None), "datetime64[us]").astype(np.int64)


def _local_day(moment: np.int64, time_zone: str) -> np.datetime64:
    """The calendar day of a moment in that zone."""
    local = pd.Timestamp(int(moment), unit="us", tz="UTC").tz_convert(ZoneInfo(time_zone))
    return np.datetime64(local.date(), "D")
