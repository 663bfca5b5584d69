"""How far is the lead along its way? Age, clock, touches so far, earlier hand-offs and how busy sales is."""

from __future__ import annotations

from dataclasses import replace

from features.definition import Direction, Feature, Room
from features.measures import Count, Last, Measure, SinceLast

NEVER = "never handed off before"


def features() -> tuple[Feature, ...]:
    """All features of this concept."""
    return (*_clock(), *_handoffs(), *_load())


def _clock() -> list[Feature]:
    delay, unseen = "days_since_created - days_since_first_touch", "no touch was ever seen"
    return [
        _lead("days_since_created", "date_diff('microsecond', l.created_at, r.as_of) / 864e8", "days since creation"),
        _lead("created_hour", "hour(l.created_at)", "hour of the day (UTC) at which the lead came in"),
        _lead("created_weekday", "isodow(l.created_at)", "weekday on which the lead came in, Monday = 1"),
        _lead("as_of_hour", "hour(r.as_of)", "hour of the day (UTC) of the snapshot"),
        _lead("as_of_weekday", "isodow(r.as_of)", "weekday of the snapshot, Monday = 1"),
        Feature("contacts_so_far", "journey", "made", "touches_total + dials_total", "touches and calls so far"),
        _made("first_touch_delay_days", delay, "days from creation to the first touch", unseen),
    ]


def _handoffs() -> list[Feature]:
    route = Last("route", where="route IS NOT NULL")
    reason = Last("reason", "(age_days, reason)", where="decision = 'rejected' AND reason IS NOT NULL")
    to_handoff = "days_since_created * 24 - hours_since_handoff"
    undecided, no_reason = "sales never decided on this lead", "sales never refused, or gave no reason"
    return [
        Feature("handoffs_before", "journey", "handoffs", Count(), "hand-offs to sales so far"),
        _past("hours_since_handoff", "handoffs", SinceLast(24), "hours since the last hand-off", NEVER),
        _past_text("last_handoff_route", "handoffs", route, "the route of the last hand-off", NEVER),
        _made("hours_to_handoff", to_handoff, "hours from creation to the last hand-off", NEVER),
        _decided("accepted_before", "accepted", "earlier acceptances by sales", "+"),
        _decided("rejected_before", "rejected", "earlier refusals by sales", "-"),
        _past("hours_since_decision", "decisions", SinceLast(24), "hours since sales last decided", undecided),
        _past_text("last_reject_reason", "decisions", reason, "why sales last refused", no_reason),
    ]


def _load() -> list[Feature]:
    accepted, decided = (f"n.h.{what} - coalesce(n.h7.{what}, 0)" for what in ("accepted", "decided"))
    answers = "coalesce(n.h.decided - n.h7.decided, n.h.decided, 0)"
    share = f"({accepted}) / nullif({decided}, 0)"
    meaning = "share of sales' answers of the last 7 days that accepted, all leads"
    sales = [
        _lead("sales_waiting", "coalesce(n.h.waiting, 0)", "hand-offs of all leads that wait for an answer"),
        _lead("sales_decided_7d", answers, "answers sales gave in the last 7 days, all leads"),
        replace(_lead("sales_acceptance_7d", share, meaning), null="no answer in that week", empty=None, unit="share"),
    ]
    return [replace(feature, clock=True) for feature in sales]


def _lead(name: str, sql: str, meaning: str) -> Feature:
    return Feature(name, "journey", "lead", sql, meaning, "never: always known")


def _made(name: str, sql: str, meaning: str, null: str) -> Feature:
    return Feature(name, "journey", "made", sql, meaning, null, empty=None)


def _decided(name: str, decision: str, meaning: str, direction: Direction) -> Feature:
    count = Count(where=f"decision = '{decision}'")
    return Feature(name, "journey", "decisions", count, meaning, direction=direction)


def _past(name: str, over: Room, value: Measure, meaning: str, null: str) -> Feature:
    return Feature(name, "journey", over, value, meaning, null, empty=None)


def _past_text(name: str, over: Room, value: Measure, meaning: str, null: str) -> Feature:
    return replace(_past(name, over, value, meaning, null), dtype="text")
