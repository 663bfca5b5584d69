"""How far is the lead along its way? Age, clock, touches so far, earlier hand-offs and how busy sales is."""

from __future__ import annotations

from dataclasses import replace

from features.definition import Feature

NEVER = "never handed off before"


def features() -> tuple[Feature, ...]:
    """All features of this concept."""
    return (*_clock(), *_handoffs(), *_load())


def _clock() -> list[Feature]:
    return [
        _lead("days_since_created", "date_diff('microsecond', l.created_at, r.as_of) / 864e8", "days since creation"),
        _lead("created_hour", "hour(l.created_at)", "hour of the day (UTC) at which the lead came in"),
        _lead("created_weekday", "isodow(l.created_at)", "weekday on which the lead came in, Monday = 1"),
        _lead("as_of_hour", "hour(r.as_of)", "hour of the day (UTC) of the snapshot"),
        _lead("as_of_weekday", "isodow(r.as_of)", "weekday of the snapshot, Monday = 1"),
        Feature("contacts_so_far", "journey", "made", "touches_total + dials_total", "touches and calls so far"),
        Feature("first_touch_delay_days", "journey", "made", "days_since_created - days_since_first_touch",
                "days from creation to the first touch", null="no touch was ever seen", empty=None),
    ]  # fmt: skip


def _handoffs() -> list[Feature]:
    decided = "count(*) FILTER (decision = '{}')"
    hours = "min(age_days) * 24"
    return [
        Feature("handoffs_before", "journey", "handoffs", "count(*)", "hand-offs to sales so far"),
        Feature("hours_since_handoff", "journey", "handoffs", hours, "hours since the last hand-off", NEVER,
                empty=None),
        Feature("last_handoff_route", "journey", "handoffs", "arg_min(route, age_days)",
                "the route of the last hand-off", NEVER, dtype="text", empty=None),
        Feature("hours_to_handoff", "journey", "made", "days_since_created * 24 - hours_since_handoff",
                "hours from creation to the last hand-off", NEVER, empty=None),
        Feature("accepted_before", "journey", "decisions", decided.format("accepted"), "earlier acceptances by sales",
                direction="+"),
        Feature("rejected_before", "journey", "decisions", decided.format("rejected"), "earlier refusals by sales",
                direction="-"),
        Feature("hours_since_decision", "journey", "decisions", hours, "hours since sales last decided",
                "sales never decided on this lead", empty=None),
        Feature("last_reject_reason", "journey", "decisions",
                "arg_min(reason, (age_days, reason)) FILTER (decision = 'rejected' AND reason IS NOT NULL)",
                "why sales last refused", "sales never refused, or gave no reason", dtype="text", empty=None),
    ]  # fmt: skip


def _load() -> list[Feature]:
    sales = [
        _lead("sales_waiting", "coalesce(n.h.waiting, 0)", "hand-offs of all leads that wait for an answer"),
        _lead("sales_decided_7d", "coalesce(n.h.decided - n.h7.decided, n.h.decided, 0)",
              "answers sales gave in the last 7 days, all leads"),
        _lead("sales_acceptance_7d",
              "(n.h.accepted - coalesce(n.h7.accepted, 0)) / nullif(n.h.decided - coalesce(n.h7.decided, 0), 0)",
              "share of sales' answers of the last 7 days that accepted, all leads", "no answer in that week", None),
    ]  # fmt: skip
    return [replace(feature, clock=True) for feature in sales]


def _lead(name: str, sql: str, meaning: str, null: str = "never: always known", empty: float | None = 0) -> Feature:
    return Feature(name, "journey", "lead", sql, meaning, null, empty=empty)
