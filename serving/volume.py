"""Would there have been places for the leads that an agreement qualifies, and would sales have kept its promises?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from data.agreement.model import Agreement
from data.agreement.promises import due_at, promise_of, promised_hours
from data.sql import in_force
from data.warehouse import Warehouse
from features.rules.standing import build_rules

ANSWERED = f"""SELECT h.lead_id, h.handed_off_at, h.handed_off_at + INTERVAL 1 MICROSECOND AS as_of,
    min(d.decided_at) AS answered_at FROM handoffs h
    LEFT JOIN decisions d ON d.lead_id = h.lead_id AND d.handed_off_at = h.handed_off_at AND d.known_at < $as_of
    WHERE {in_force("$as_of", "h")} AND h.handed_off_at >= $since GROUP BY ALL ORDER BY ALL"""
"""As the report: a decision that was changed later was an answer too."""


@dataclass(frozen=True)
class Volume:
    """How many leads a day an agreement qualifies, against its places.

    places: hand-offs a day of all teams, None without a limit. homeless: leads that no team takes. late: leads that
    their team would have had no place for on their day; longest: the most days one would have waited; left: those still
    waiting at the end.
    """

    leads: int
    days: int
    busiest: int
    places: int | None
    homeless: int
    late: int
    longest: int
    left: int


@dataclass(frozen=True)
class Kept:
    """How often sales would have kept an agreement's promises, as it answered.

    promised: hand-offs that the agreement promises something; due: those of them whose time is over, of which it `kept`
    so many; unknown: hand-offs of leads that our systems did not know yet.
    """

    promised: int
    kept: int
    due: int
    unknown: int


def volume(moments: pd.Series, team: pd.Series, agreement: Agreement, since: datetime, as_of: datetime) -> Volume:
    """The leads that come to be qualified at n `moments`, by calendar day (UTC), and how they would have had to wait.

    team: which team takes each, missing where none does. Who finds no place waits for the next day on which the team
    has a free one, first come, first served.
    """
    last = pd.Timestamp(as_of) - pd.Timedelta(microseconds=1)
    days = pd.date_range(pd.Timestamp(since).normalize(), last.normalize(), freq="D")
    day = moments.dt.normalize()
    teams = agreement.capacity.teams
    queues = [
        waited(day[team == name].value_counts().reindex(days, fill_value=0).to_numpy(), of.hand_offs_per_day)
        for name, of in teams.items()
    ]
    late = np.concatenate([np.zeros(0, dtype=int), *queues])
    return Volume(
        leads=len(moments),
        days=len(days),
        busiest=int(day.value_counts().max()) if len(day) else 0,
        places=sum(of.hand_offs_per_day for of in teams.values()) if teams else None,
        homeless=int((~team.isin(list(teams))).sum()) if teams else 0,
        late=int((late != 0).sum()),
        longest=int(late.max(initial=0)),
        left=int((late < 0).sum()),
    )


def waited(came: np.ndarray, places: int) -> np.ndarray:
    """Days that each lead waited where so many came a day; -1 for those still waiting after the last day."""
    total, gone = np.cumsum(came), np.zeros(len(came), dtype=int)
    for day in range(len(came)):
        before = gone[day - 1] if day else 0
        gone[day] = before + min(places, total[day] - before)
    number = np.arange(1, total[-1] + 1)
    took = np.searchsorted(gone, number) - np.searchsorted(total, number)
    return np.where(number <= gone[-1], took, -1)


def promises_kept(warehouse: Warehouse, agreement: Agreement, since: datetime, as_of: datetime) -> Kept:
    """Of the hand-offs from `since` on, how many the agreement would have promised, and whether sales kept it."""
    handed = warehouse.frame(ANSWERED, {"since": since, "as_of": as_of})
    standing = build_rules(warehouse, handed, [agreement.from_ever_on()])
    rows = handed.merge(standing, on=["lead_id", "as_of"])
    hours = promised_hours(promise_of(rows["zone"], rows["urgent"], agreement), agreement)
    due = due_at(rows["handed_off_at"], hours, agreement.working_time)
    over = due < as_of  # who answers early answers before the time of the others is over: both count once it is
    kept = over & (rows["answered_at"] <= due)
    return Kept(int(hours.notna().sum()), int(kept.sum()), int(over.sum()), len(handed) - len(rows))
