"""What do the lead's colleagues do? Sums over the other leads of the same company, at the same moment."""

from __future__ import annotations

from features.definition import Direction, Feature


def features() -> tuple[Feature, ...]:
    """All features of this concept."""
    active = "(touches_30d > 0)::INTEGER"
    return (
        _peers("other_contacts", "1", "other leads known at the company", ""),
        _peers("other_active_contacts_30d", active, "other leads of the company active in the last 30 days"),
        _peers("account_touches_30d", "touches_30d", "touches by colleagues in the last 30 days"),
        _peers("account_form_submits_90d", "form_submit_90d", "forms submitted by colleagues in the last 90 days"),
        _peers("account_connects", "connects_total", "calls that reached colleagues"),
        _peers("account_yes_answers", "answers_yes", "criteria that colleagues answered with yes"),
        _peers("account_handoffs", "handoffs_before", "earlier hand-offs of colleagues", ""),
        _peers("account_accepted", "accepted_before", "colleagues' hand-offs that sales accepted"),
        _peers("account_rejected", "rejected_before", "colleagues' hand-offs that sales rejected", "-"),
    )


def _peers(name: str, sql: str, meaning: str, direction: Direction = "+") -> Feature:
    return Feature(name, "account", "peers", sql, meaning, direction=direction)
