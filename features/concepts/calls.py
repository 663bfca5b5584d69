"""What happened on the phone? Dials, connects, talk time, how the last call ended and who made it."""

from __future__ import annotations

from data.tables import CONNECTED
from features.definition import Direction, Feature, count_within

REACHED = "disposition IN ({})".format(", ".join(f"'{d}'" for d in CONNECTED))
NO_CALL = "nobody called yet"


def features() -> tuple[Feature, ...]:
    """All features of this concept."""
    return (*_counts(), *_talk(), *_last(), *_agent())


def _counts() -> list[Feature]:
    out = [_call(f"dials_{days}d", count_within(days), f"calls tried in the last {days} days") for days in (1, 7, 30)]
    out += [
        _call("dials_total", "count(*)", "calls tried so far"),
        _call("connects_30d", f"count(*) FILTER ({REACHED} AND age_days < 30)", "calls that reached the person in the "
              "last 30 days", "+"),
        _call("connects_total", f"count(*) FILTER ({REACHED})", "calls that reached the person so far", "+"),
        _call("voicemails", "count(*) FILTER (disposition = 'voicemail')", "messages left on voicemail"),
        _call("gatekeepers", "count(*) FILTER (disposition = 'gatekeeper')", "calls that ended at a gatekeeper"),
        _call("callbacks", "count(*) FILTER (disposition = 'callback')", "times the person wanted a call back", "+"),
        _call("meetings_booked", "count(*) FILTER (disposition = 'meeting_booked')", "meetings booked by phone", "+"),
        _call("not_interested", "count(*) FILTER (disposition = 'not_interested')", "times the person declined", "-"),
        _call("agents", "count(DISTINCT agent_id)", "different agents who called"),
    ]  # fmt: skip
    return out


def _talk() -> list[Feature]:
    seconds = "coalesce(sum((duration_s * 1000)::BIGINT) FILTER ({}), 0) / 1000.0"
    return [
        _call("talk_seconds_total", seconds.format(REACHED), "seconds talked so far"),
        _call("talk_seconds_7d", seconds.format(f"{REACHED} AND age_days < 7"), "seconds talked in the last 7 days"),
        _call("longest_talk_seconds", f"max(duration_s) FILTER ({REACHED})", "seconds of the longest talk", "",
              "nobody was reached", None),
        Feature("connect_rate", "calls", "made", "connects_total / nullif(dials_total, 0)",
                "share of calls that reached the person", null=NO_CALL, empty=None),
    ]  # fmt: skip


def _last() -> list[Feature]:
    return [
        _call("hours_since_call", "min(age_days) * 24", "hours since the last call", "", NO_CALL, None),
        _call("hours_since_connect", f"min(age_days) FILTER ({REACHED}) * 24", "hours since anybody was reached", "-",
              "nobody was reached", None),
        _last_text("last_disposition", "disposition", "how the last call ended"),
        _last_text("last_call_purpose", "purpose", "what the last call was for"),
        _last_text("last_agent", "agent_id", "who called last"),
        _call("last_talk_seconds", "arg_min_null(duration_s, age_days)", "seconds of the last call", "",
              NO_CALL, None),
    ]  # fmt: skip


def _agent() -> list[Feature]:
    return [
        Feature("agent_acceptance_rate", "calls", "lead", "g.accepted / nullif(g.decided, 0)",
                "share of the last agent's hand-offs that sales accepted, as known then",
                null="no call yet, or none of the agent's hand-offs was decided yet", direction="+", empty=None),
        Feature("agent_decided", "calls", "lead", "g.decided",
                "hand-offs of the last agent that were decided, as known then", clock=True),
    ]  # fmt: skip


def _call(
    name: str,
    sql: str,
    meaning: str,
    direction: Direction = "",
    null: str = "never: none means 0",
    empty: float | str | None = 0,
) -> Feature:
    return Feature(name, "calls", "calls", sql, meaning, null, direction, empty=empty)


def _last_text(name: str, column: str, meaning: str) -> Feature:
    sql = f"arg_min_null({column}, age_days)"
    return Feature(name, "calls", "calls", sql, meaning, null=NO_CALL, dtype="text", empty=None)
