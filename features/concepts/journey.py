"""How far is the lead along its way? Age, clock, touches so far, earlier hand-offs and how busy sales is."""

from __future__ import annotations

from typing import Any

from features.definition import Feature, Room
from features.measures import Count, Last, Measure, SinceLast

NEVER = "never handed off before"


def features() -> tuple[Feature, ...]:
    """All features of this concept."""
    return (*_clock(), *_handoffs(), *_load())


def _clock() -> list[Feature]:
    age, first = (
        "date_diff('microsecond', l.created_at, r.as_of) / 864e8",
        "days_since_created - days_since_first_touch",
    )
    return [
        _of("lead", "days_since_created", age, "days since creation"),
        _of("lead", "created_hour", "hour(l.created_at)", "hour of the day (UTC) at which the lead came in"),
        _of("lead", "created_weekday", "isodow(l.created_at)", "weekday on which the lead came in, Monday = 1"),
        _of("lead", "as_of_hour", "hour(r.as_of)", "hour of the day (UTC) of the snapshot"),
        _of("lead", "as_of_weekday", "isodow(r.as_of)", "weekday of the snapshot, Monday = 1"),
        _of("made", "contacts_so_far", "touches_total + dials_total", "touches and calls so far"),
        _of("made", "first_touch_delay_days", first, "days from creation to the first touch", "no touch so far"),
    ]


def _handoffs() -> list[Feature]:
    route = Last("route", where="route IS NOT NULL")
    reason = Last("reason", "(age_days, reason)", where="decision = 'rejected' AND reason IS NOT NULL")
    delay, since = "days_since_created * 24 - hours_since_handoff", SinceLast(24)
    accepted, rejected = (Count(where=f"decision = '{decision}'") for decision in ("accepted", "rejected"))
    undecided, no_reason = "sales never decided on this lead", "never rejected, or no reason given"
    return [
        _of("handoffs", "handoffs_before", Count(), "hand-offs to sales so far"),
        _of("handoffs", "hours_since_handoff", since, "hours since the last hand-off", NEVER),
        _of("handoffs", "last_handoff_route", route, "the route of the last hand-off", NEVER, dtype="text"),
        _of("made", "hours_to_handoff", delay, "hours from creation to the last hand-off", NEVER),
        _of("decisions", "accepted_before", accepted, "earlier acceptances by sales", direction="+"),
        _of("decisions", "rejected_before", rejected, "earlier rejections by sales", direction="-"),
        _of("decisions", "hours_since_decision", since, "hours since sales last decided", undecided),
        _of("decisions", "last_reject_reason", reason, "why sales last rejected the lead", no_reason, dtype="text"),
    ]


def _load() -> list[Feature]:
    accepted, decided = (f"n.h.{what} - coalesce(n.h7.{what}, 0)" for what in ("accepted", "decided"))
    waiting, answers = "coalesce(n.h.waiting, 0)", "coalesce(n.h.decided - n.h7.decided, n.h.decided, 0)"
    rate, share = (
        f"({accepted}) / nullif({decided}, 0)",
        "share accepted of sales' decisions on all leads in the last 7 days",
    )
    none, unanswered = "no decision in that week", "hand-offs of all leads that sales has not answered yet"
    return [
        _of("lead", "sales_waiting", waiting, unanswered, clock=True),
        _of("lead", "sales_decided_7d", answers, "decisions by sales on all leads in the last 7 days", clock=True),
        _of("lead", "sales_acceptance_7d", rate, share, none, unit="share", clock=True),
    ]


def _of(over: Room, name: str, value: Measure | str, meaning: str, null: str = "", **more: Any) -> Feature:
    return Feature(name, "journey", over, value, meaning, null, **more)
