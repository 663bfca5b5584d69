"""What happened on the phone? Dials, connects, talk time, how the last call ended and who made it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from data.sql import literal
from data.tables import CONNECTED
from features.definition import Direction, Feature
from features.measures import Count, Distinct, Largest, Last, Measure, SinceLast, Sum

REACHED = f"disposition IN ({', '.join(map(literal, CONNECTED))})"
NO_CALL = "nobody has called yet"
NOT_REACHED = "the person was never reached"
UNDECIDED = "nobody has called yet, or sales has decided on none of the agent's hand-offs"


def features() -> tuple[Feature, ...]:
    """All features of this concept."""
    return (*_counts(), *_talk(), *_last())


def _counts() -> list[Feature]:
    reached, lately = Count(where=REACHED), "calls that reached the person in the last 30 days"
    return [
        *(_dials(days) for days in (1, 7, 30)),
        _call("dials_total", Count(), "calls tried so far", none=NO_CALL),
        _call("connects_30d", replace(reached, within=30), lately, direction="+", none=f"no {lately}"),
        _call("connects_total", reached, "calls that reached the person so far", direction="+", none=NOT_REACHED),
        _ended("voicemails", "voicemail", "messages left on voicemail"),
        _ended("gatekeepers", "gatekeeper", "calls that ended at a gatekeeper"),
        _ended("callbacks", "callback", "times the person asked for a callback", "+"),
        _ended("meetings_booked", "meeting_booked", "meetings booked by phone", "+"),
        _ended("not_interested", "not_interested", "times the person declined", "-"),
        _call("agents", Distinct("agent_id"), "different agents who called", none=NO_CALL),
    ]


def _talk() -> list[Feature]:
    talked, longest = Sum("duration_s", 1000, where=REACHED), Largest("duration_s", where=REACHED)
    share, meaning = "connects_total / nullif(dials_total, 0)", "share of calls that reached the person"
    return [
        _call("talk_seconds_total", talked, "seconds talked so far", none=NOT_REACHED),
        _call("talk_seconds_7d", replace(talked, within=7), "seconds talked in the last 7 days"),
        _call("longest_talk_seconds", longest, "seconds of the longest conversation", NOT_REACHED),
        Feature("connect_rate", "calls", "made", share, meaning, NO_CALL, unit="share"),
    ]


def _last() -> list[Feature]:
    since_connect, accepted = SinceLast(24, where=REACHED), "g.accepted / nullif(g.decided, 0)"
    rate = "share of the last agent's hand-offs that sales accepted, as known then"
    decided = "hand-offs of the last agent that sales had decided on, as known then"
    return [
        _since("hours_since_call", SinceLast(24), "since the last call", NO_CALL),
        _since("hours_since_connect", since_connect, "since a call last reached the person", NOT_REACHED, "-"),
        _call("last_disposition", Last("disposition"), "how the last call ended", NO_CALL, dtype="text"),
        _call("last_call_purpose", Last("purpose"), "what the last call was for", NO_CALL, dtype="text"),
        _call("last_agent", Last("agent_id"), "who called last", NO_CALL, dtype="text"),
        _call("last_talk_seconds", Last("duration_s"), "seconds of the last call", NO_CALL),
        Feature("agent_acceptance_rate", "calls", "lead", accepted, rate, UNDECIDED, "+", unit="share"),
        Feature("agent_decided", "calls", "lead", "g.decided", decided, clock=True),
    ]


def _dials(days: int) -> Feature:
    lately = f"in the last {days} days" if days > 1 else "in the last day"
    return _call(f"dials_{days}d", Count(within=days), f"calls tried {lately}", none=f"nobody has called {lately}")


def _since(name: str, value: Measure, words: str, null: str, direction: Direction = "") -> Feature:
    return _call(name, value, f"hours {words}", null, direction, unit="hours", called=f"time {words}")


def _ended(name: str, disposition: str, meaning: str, direction: Direction = "") -> Feature:
    return _call(name, Count(where=f"disposition = '{disposition}'"), meaning, direction=direction)


def _call(name: str, value: Measure, meaning: str, null: str = "", direction: Direction = "", **more: Any) -> Feature:
    return Feature(name, "calls", "calls", value, meaning, null, direction, **more)
