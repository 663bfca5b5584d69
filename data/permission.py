"""How may a lead be contacted? What it refused holds until it says anew that it may be, whatever rows leave out."""

from __future__ import annotations

NO_CALL, NO_MAIL = ("no_call", "none"), ("no_mail", "none")
REFUSALS = ("no_call", "no_mail", "none")


def refusing(no_call: str, no_mail: str, otherwise: str) -> str:
    """SQL of the permission that refuses a channel where its condition holds, and is `otherwise` where neither does."""
    return f"""CASE WHEN {no_call} AND {no_mail} THEN 'none' WHEN {no_call} THEN 'no_call'
        WHEN {no_mail} THEN 'no_mail' ELSE {otherwise} END"""


def _refused(values: tuple[str, str]) -> str:
    """Whether such a permission came after the last explicit consent."""
    consent = "coalesce(max(known_at) FILTER (permission = 'all') OVER so_far, '-infinity'::TIMESTAMP)"
    return f"coalesce(max(known_at) FILTER (permission IN {values}) OVER so_far > {consent}, false)"


LEADS = f"""(SELECT l.* REPLACE ({refusing("p.no_call", "p.no_mail", "l.permission")} AS permission)
    FROM leads l LEFT JOIN (
        SELECT lead_id, known_at, {_refused(NO_CALL)} AS no_call, {_refused(NO_MAIL)} AS no_mail
        FROM leads SEMI JOIN (FROM leads WHERE permission IN {REFUSALS}) r USING (lead_id)
        WINDOW so_far AS (PARTITION BY lead_id ORDER BY known_at)
    ) p ON p.lead_id = l.lead_id AND p.known_at = l.known_at)"""
"""The table leads; the permission of each version is what was refused or allowed by then, not what its row says alone.

A refusal of a channel (`no_call`, `no_mail`, `none`) outlives rows without a permission, `unknown` and refusals of the
other channel; only a later `all` undoes it.
"""
