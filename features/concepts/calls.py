"""What happened on the phone? Dials, connects, talk time, how the last call ended and who made it."""

from __future__ import annotations

from dataclasses import replace

from data.sql import literal
from data.tables import CONNECTED
from features.definition import Direction, Feature
from features.measures import Count, Distinct, Largest, Last, Measure, SinceLast, Sum

REACHED = f"disposition IN ({', '.join(map(literal, CONNECTED))})"
NOBODY_CALLED = "nobody called yet"
NOBODY_REACHED = "nobody was reached"
UNDECIDED = "no call yet, or none of the agent's hand-offs was decided yet"


def features() -> tuple[Feature, ...]:
    """All features of this concept."""
    return (*_counts(), *_talk(), *_last(), *_agent())


def _counts() -> list[Feature]:
    return [
        *(_call(f"dials_{days}d", Count(within=days), f"calls tried in the last {days} days") for days in (1, 7, 30)),
        _call("dials_total", Count(), "calls tried so far"),
        _call(
            "connects_30d", Count(within=30, where=REACHED), "calls that reached the person in the last 30 days", "+"
        ),
        _call("connects_total", Count(where=REACHED), "calls that reached the person so far", "+"),
        _ended("voicemails", "voicemail", "messages left on voicemail"),
        _ended("gatekeepers", "gatekeeper", "calls that ended at a gatekeeper"),
        _ended("callbacks", "callback", "times the person wanted a call back", "+"),
        _ended("meetings_booked", "meeting_booked", "meetings booked by phone", "+"),
        _ended("not_interested", "not_interested", "times the person declined", "-"),
        _call("agents", Distinct("agent_id"), "different agents who called"),
    ]


def _talk() -> list[Feature]:
    talked = Sum("duration_s", 1000, where=REACHED)
    longest = Largest("duration_s", where=REACHED)
    share, meaning = "connects_total / nullif(dials_total, 0)", "share of calls that reached the person"
    return [
        _call("talk_seconds_total", talked, "seconds talked so far"),
        _call("talk_seconds_7d", replace(talked, within=7), "seconds talked in the last 7 days"),
        _call("longest_talk_seconds", longest, "seconds of the longest talk", null=NOBODY_REACHED),
        Feature("connect_rate", "calls", "made", share, meaning, NOBODY_CALLED, empty=None, unit="share"),
    ]


def _last() -> list[Feature]:
    since_call, since_connect = SinceLast(24), SinceLast(24, where=REACHED)
    seconds = Last("duration_s")
    return [
        _call("hours_since_call", since_call, "hours since the last call", null=NOBODY_CALLED),
        _call("hours_since_connect", since_connect, "hours since anybody was reached", "-", NOBODY_REACHED),
        _last_text("last_disposition", "disposition", "how the last call ended"),
        _last_text("last_call_purpose", "purpose", "what the last call was for"),
        _last_text("last_agent", "agent_id", "who called last"),
        _call("last_talk_seconds", seconds, "seconds of the last call", null=NOBODY_CALLED),
    ]


def _agent() -> list[Feature]:
    rate, accepted = "g.accepted / nullif(g.decided, 0)", "share of the last agent's hand-offs that sales accepted"
    share, decided = f"{accepted}, as known then", "hand-offs of the last agent that were decided, as known then"
    return [
        Feature("agent_acceptance_rate", "calls", "lead", rate, share, UNDECIDED, "+", empty=None, unit="share"),
        Feature("agent_decided", "calls", "lead", "g.decided", decided, clock=True),
    ]


def _ended(name: str, disposition: str, meaning: str, direction: Direction = "") -> Feature:
    return _call(name, Count(where=f"disposition = '{disposition}'"), meaning, direction)


def _call(name: str, value: Measure, meaning: str, direction: Direction = "", null: str = "") -> Feature:
    """A number; where `null` says what a missing one means, it is missing without a call, and 0 otherwise."""
    if null:
        return Feature(name, "calls", "calls", value, meaning, null, direction, empty=None)
    return Feature(name, "calls", "calls", value, meaning, direction=direction)


def _last_text(name: str, column: str, meaning: str) -> Feature:
    return Feature(name, "calls", "calls", Last(column), meaning, NOBODY_CALLED, dtype="text", empty=None)
