"""How far is the lead along its way? Age, clock, touches so far, earlier hand-offs and how busy sales is."""

from __future__ import annotations

from typing import Any

from features.concepts.timelines import RECENT_DAYS, WAITING_DAYS
from features.definition import Feature
from features.measures import Count, Last, Measure, SinceLast

NEVER = "never handed off before"


def features() -> tuple[Feature, ...]:
    """All features of this concept."""
    return (*_clock(), *_handoffs(), *_load())


def _clock() -> list[Feature]:
    weekday = "weekday on which the lead came in"
    age, first = (
        "date_diff('microsecond', l.created_at, r.as_of) / 864e8",
        "days_since_created - days_since_first_touch",
    )
    return [
        _of("lead", "days_since_created", age, "days since creation", unit="days"),
        _of("lead", "created_hour", "hour(l.created_at)", "hour of the day (UTC) at which the lead came in"),
        _of(
            "lead", "created_weekday", "isodow(l.created_at)", f"{weekday}, Monday = 1", unit="weekday", called=weekday
        ),
        _of("made", "contacts_so_far", "touches_total + dials_total", "touches and calls so far"),
        _of(
            "made",
            "first_touch_delay_days",
            first,
            "days from creation to the first touch",
            "no touch so far",
            unit="days",
        ),
    ]


def _handoffs() -> list[Feature]:
    route = Last("route")
    reason = Last("reason", "(age_days, reason)", where="decision = 'rejected'")
    delay, taken = "days_since_created * 24 - hours_since_handoff", "from creation to the last hand-off"
    accepted, rejected = (Count(where=f"decision = '{decision}'") for decision in ("accepted", "rejected"))
    undecided, no_reason = "sales never decided on this lead", "never rejected, or no reason given the last time"
    no_route = "never handed off before, or the last time without a route"
    return [
        _of("handoffs", "handoffs_before", Count(), "hand-offs to sales so far"),
        _since("handoffs", "hours_since_handoff", "since the last hand-off", NEVER),
        _of("handoffs", "last_handoff_route", route, "the route of the last hand-off", no_route, dtype="text"),
        _of("made", "hours_to_handoff", delay, f"hours {taken}", NEVER, unit="hours", called=f"time {taken}"),
        _of("decisions", "accepted_before", accepted, "earlier acceptances by sales", direction="+"),
        _of("decisions", "rejected_before", rejected, "earlier rejections by sales", direction="-"),
        _since("decisions", "hours_since_decision", "since sales last decided", undecided),
        _of("decisions", "last_reject_reason", reason, "why sales last rejected the lead", no_reason, dtype="text"),
    ]


def _load() -> list[Feature]:
    unanswered = f"hand-offs of all leads in the last {WAITING_DAYS} days that sales has not answered yet"
    decided, none = f"decisions by sales on all leads in the last {RECENT_DAYS} days", "no decision in those days"
    rate, share = "h.accepted / nullif(h.decided, 0)", f"share accepted of the {decided}"
    return [
        _of("lead", "sales_waiting", "coalesce(h.waiting, 0)", unanswered, clock=True),
        _of("lead", "sales_decided_7d", "coalesce(h.decided, 0)", decided, clock=True),
        _of("lead", "sales_acceptance_7d", rate, share, none, unit="share", clock=True),
    ]


def _since(over: str, name: str, words: str, null: str) -> Feature:
    return _of(over, name, SinceLast(24), f"hours {words}", null, unit="hours", called=f"time {words}")


def _of(over: str, name: str, value: Measure | str, meaning: str, null: str = "", **more: Any) -> Feature:
    return Feature(name, "journey", over, value, meaning, null, **more)
