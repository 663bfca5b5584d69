"""What does a company answer, day by day, to whoever decides whom to call, what to ask and whom to hand off?

`data.simulator.company.simulate` draws a whole year in which agents call as they do. Here such a company lives a
history in that way, and from then on a policy decides each day. Whatever does not depend on it goes on as it would:
what leads do online and write on forms, what they need, who buys elsewhere. Luck comes from a stream for each kind of
event, day and question, drawn for every lead at once (`stream`). So two policies on one seed meet the same luck: whom
both ask the same question on the same day gives both the same answer, whatever else they did.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import numpy as np
import pandas as pd

from data.errors import UsageError
from data.simulator.words import Flags, Floats, Ints
from data.tables import TABLES

Rows = dict[str, pd.DataFrame]
"""Rows of tables: lead (index), at and known in days since the start, and what each table's own columns need."""
HAND_OFF_AT = 8 / 24
"""The hour of all hand-offs of a day, as a share of it."""


@dataclass(frozen=True)
class Plan:
    """What to do on a day: whom to call, each with the questions to ask, and whom to hand off."""

    calls: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    handoffs: tuple[str, ...] = ()


class Replies(Protocol):
    """How the leads and the sales of one world reply."""

    lead_ids: pd.Index[str]
    questions: tuple[str, ...]
    may_call: Flags

    def past(self) -> Rows:
        """What happened before the first day, also what is not known yet."""

    def there(self, day: int) -> Flags:
        """Which leads have come in by the midnight that begins the day."""

    def probability(self, day: int) -> Floats:
        """The chance that sales accepts each lead, if it decides, were it handed off on the day."""

    def talks(self, day: int, leads: Ints, asked: Mapping[str, Flags], reached: bool = False) -> Rows:
        """The calls and answers of a day: `asked` says which of the n leads are asked each question.

        Nothing is changed. `reached`: everybody answers the phone.
        """

    def live(self, day: int, talks: Rows, handed: Ints) -> Rows:
        """Let these talks (`{}` for none) and hand-offs happen; the rows of hand-offs and of what happens by itself."""

    def canonical(self, name: str, rows: pd.DataFrame) -> pd.DataFrame:
        """The contract's columns and known_at."""


class CompanyOfDays:
    """A company that answers. `day` counts from its start; `morning` is the midnight that begins it.

    A day goes: `news` gives what became known, a policy decides, `live` makes it happen. `handoffs` and `probability`
    are the truth: they belong to whoever judges a policy, are never ingested, and no policy but an oracle may see them.
    """

    def __init__(self, replies: Replies, start: datetime, history_days: int) -> None:
        self.replies, self.day = replies, history_days
        self._start, self._waiting = pd.Timestamp(start).as_unit("us"), replies.past()
        self._handed: list[pd.DataFrame] = []

    @property
    def morning(self) -> datetime:
        """The moment at which the day begins: what is known before it is what a policy can know."""
        return (self._start + pd.Timedelta(days=self.day)).to_pydatetime()

    @property
    def questions(self) -> tuple[str, ...]:
        """What a call can ask."""
        return self.replies.questions

    def news(self) -> dict[str, pd.DataFrame]:
        """The canonical rows, with known_at, that became known since the last time, or ever before the first time."""
        rows, self._waiting = _parted(self._waiting, self.day)
        return {name: self.replies.canonical(name, rows[name]) for name in TABLES if name in rows}

    def probability(self) -> pd.Series[float]:
        """The truth, by lead_id: the chance that sales accepts each lead that is there, were it handed off today."""
        there = self.replies.there(self.day)
        return pd.Series(self.replies.probability(self.day)[there], self.replies.lead_ids[there])

    def talks(self, calls: Mapping[str, tuple[str, ...]], reached: bool = False) -> dict[str, pd.DataFrame]:
        """The canonical rows of today's calls and answers if these calls were made; they do not happen.

        `reached`: as if everybody answered the phone. Raises UsageError as `live` does.
        """
        rows = self._talks(Plan(calls), reached)
        return {name: self.replies.canonical(name, rows[name]) for name in rows}

    def live(self, plan: Plan) -> None:
        """Let the day happen. Raises UsageError for a plan that nobody could carry out."""
        talks, handed = self._talks(plan), self._places(plan.handoffs)
        if len(handed):
            true = self.replies.probability(self.day)[handed]
            self._handed.append(pd.DataFrame({"lead_id": [*plan.handoffs], "day": self.day, "probability": true}))
        self._waiting = _joined(self._waiting, talks, self.replies.live(self.day, talks, handed))
        self.day += 1

    @property
    def handoffs(self) -> pd.DataFrame:
        """The truth of each hand-off that was decided on: lead_id, day, probability."""
        none = pd.DataFrame({"lead_id": [], "day": [], "probability": []})
        return pd.concat(self._handed or [none], ignore_index=True)

    def _talks(self, plan: Plan, reached: bool = False) -> Rows:
        leads = self._places(tuple(plan.calls))
        self._check(plan, leads)
        if not plan.calls:
            return {}
        asked = {q: np.array([q in of for of in plan.calls.values()], bool) for q in self.questions}
        return self.replies.talks(self.day, leads, asked, reached)

    def _places(self, lead_ids: tuple[str, ...]) -> Ints:
        """The index of each lead, which has to be there."""
        at = self.replies.lead_ids.get_indexer(pd.Index(lead_ids, dtype=object))
        there = (at >= 0) & self.replies.there(self.day)[at]
        if not there.all():
            absent = [lead for lead, is_there in zip(lead_ids, there, strict=True) if not is_there]
            raise _impossible("leads that have come in", absent)
        return np.asarray(at, dtype=np.int64)

    def _check(self, plan: Plan, called: Ints) -> None:
        barred = [lead for lead, at in zip(plan.calls, called, strict=True) if not self.replies.may_call[at]]
        unknown = {question for asked in plan.calls.values() for question in asked} - {*self.questions}
        twice = [lead for lead, times in Counter([*plan.calls, *plan.handoffs]).items() if times > 1]
        for expected, found in (
            ("calls of leads that allow calls", barred),
            (f"questions among {', '.join(self.questions)}", sorted(unknown)),
            ("each lead once a day, called or handed off", twice),
        ):
            if found:
                raise _impossible(expected, found)


def stream(seed: int, kind: str, day: int, *more: int) -> np.random.Generator:
    """The luck of one kind of event on one day. Drawing for all leads in their order gives each its own."""
    return np.random.default_rng([seed, *kind.encode(), day, *more])


def _impossible(expected: str, found: list[str]) -> UsageError:
    few = ", ".join(found[:5]) + (" ..." if len(found) > 5 else "")
    return UsageError("living a simulated day", expected=expected, got=few, do="correct the policy's plan")


def _parted(rows: Rows, day: float) -> tuple[Rows, Rows]:
    """What is known before the day's midnight, and the rest."""
    known = {name: frame["known"] < day for name, frame in rows.items()}
    return {n: f[known[n]] for n, f in rows.items() if known[n].any()}, {n: f[~known[n]] for n, f in rows.items()}


def _joined(*parts: Rows) -> Rows:
    names = dict.fromkeys(name for part in parts for name in part)
    every = {name: [part[name] for part in parts if name in part and len(part[name])] for name in names}
    return {name: pd.concat(frames, ignore_index=True) for name, frames in every.items() if frames}
