"""How do the leads and the sales of the second world reply to calls, questions and hand-offs?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import pandas as pd

from data.simulator.articles.company import (
    brought_in,
    by_the_rules,
    canonical,
    decisions,
    finished,
    numbered,
    opportunities,
)
from data.simulator.articles.law import probability, terms
from data.simulator.articles.people import People
from data.simulator.articles.state import CRITERIA
from data.simulator.articles.year import (
    Said,
    begin_day,
    dialled,
    first_midnight,
    heard,
    judged,
    live_day,
    note_answers,
    note_dials,
    note_handoffs,
    refusing,
    surf,
)
from data.simulator.days import Rows, stream
from data.simulator.words import Flags, Floats, Ints

EXPLORED = 0.05
"""The share of leads below the gate that the history hands off on their turn."""


class ArticlesReplies:
    """The replies of one company, which lives its `history_days` as `simulate` would, and then `days` more.

    An agent asks what the list says and looks nothing up. As in `simulate`, some calls are never logged and the law is
    that of the day's midnight. A lead that sales accepted is with sales: to hand it off again brings no decision.
    """

    questions = tuple(CRITERIA)

    def __init__(self, leads: int, seed: int, start: datetime, history_days: int, days: int) -> None:
        self.seed, self.start, self.last = seed, pd.Timestamp(start).as_unit("us"), history_days + days
        rng = np.random.default_rng(seed)
        self.who = People(rng, leads, self.start, self.last)
        self.now, draws = first_midnight(rng, self.who)
        self.working = pd.date_range(self.start, periods=self.last + 1).day_of_week.to_numpy() < 5
        for day in range(history_days):
            begin_day(rng, self.who, self.now, day)
            live_day(rng, draws, self.who, self.now, self.working[day], EXPLORED)
        self._history = self.now.drain()
        begin_day(rng, self.who, self.now, history_days)
        self.every = np.arange(leads)
        self.lead_ids = pd.Index(self.who.leads["lead_id"], dtype=object)
        self.may_call = ~np.isin(self.who.permission, ["no_call", "none"])

    def past(self) -> Rows:
        """As data.simulator.days.Replies."""
        day, who, lived = self.now.day, self.who, self._history
        handed = lived["handoffs"].sort_values(["at", "lead"], ignore_index=True)
        said = decisions(stream(self.seed, "reasons", 0), who, handed)
        came = brought_in(who)
        touches = pd.concat([lived["touches"], came[came["at"] < day]])
        return {
            "accounts": who.accounts.assign(known=0.0),
            "leads": who.leads.assign(lead=self.every, at=who.created, known=who.created).sort_values("at"),
            "touches": finished(stream(self.seed, "feed", 0), touches, "e{:08d}"),
            "calls": numbered(lived["calls"], "c{:08d}"),
            "answers": lived["answers"],
            "handoffs": by_the_rules(handed, EXPLORED).assign(known=handed["at"]),
            "decisions": said,
            "opportunities": opportunities(stream(self.seed, "deals", 0), who, said, self.last),
        }

    def there(self, day: int) -> Flags:
        """As data.simulator.days.Replies."""
        return np.asarray(self.who.created < day)

    def probability(self, day: int) -> Floats:  # noqa: ARG002
        """As data.simulator.days.Replies, on average over the reps who could get it; 0 for leads that sales has."""
        return np.where(self.now.accepted, 0.0, probability(terms(self.who, self.now, self.every)))

    def talks(self, day: int, leads: Ints, asked: Mapping[str, Flags], reached: bool = False) -> Rows:
        """As data.simulator.days.Replies."""
        more = {"connect": np.inf} if reached else {}
        dials = dialled(stream(self.seed, "dial", day), self.who, self.now, self.every, **more)
        dials = numbered(dials, f"d{day:04d}{{:07d}}").assign(agent=dials["agent_id"])
        answered = dials["reached"].to_numpy()[leads]
        heard_of = {q: leads[wanted & answered] for q, wanted in asked.items()}
        parts = [self._said(day, dials, q).iloc[rows] for q, rows in heard_of.items() if len(rows)]
        answers = {"answers": pd.concat(parts, ignore_index=True)} if parts else {}
        return {"calls": dials.iloc[leads]} | answers

    def live(self, day: int, talks: Rows, handed: Ints) -> Rows:
        """As data.simulator.days.Replies."""
        who, now = self.who, self.now
        rows = {} if not len(handed) else self._hand_off(day, handed)
        surf(stream(self.seed, "online", day), who, now, bool(self.working[day]))
        lived, came = now.drain(), brought_in(who)
        touches = pd.concat([lived["touches"], came[(came["at"] >= day) & (came["at"] < day + 1)]])
        rows["touches"] = finished(stream(self.seed, "feed", day), touches, f"e{day:04d}{{:07d}}")
        rows["answers"] = lived["answers"]
        if talks:
            self._remember(talks)
        begin_day(stream(self.seed, "midnight", day + 1), who, now, day + 1)
        return rows

    def _hand_off(self, day: int, handed: Ints) -> Rows:
        every = self._judged(day)
        sent, decided = every.iloc[handed], self._decided(day, every).iloc[handed]
        note_handoffs(self.who, self.now, sent)
        handoffs = sent.assign(route="policy", propensity=np.nan, policy_version="policy", known=sent["at"])
        self.now.drain()  # these are the rows
        return {"handoffs": handoffs, "decisions": decided[decided["at"] <= self.last]}

    def _remember(self, talks: Rows) -> None:
        note_dials(self.now, talks["calls"].assign(agent_id=talks["calls"]["agent"]))
        for criterion, rows in talks["answers"].groupby("criterion") if "answers" in talks else ():
            note_answers(self.now, str(criterion), rows)
        self.now.drain()  # the talks have these rows

    def canonical(self, name: str, rows: pd.DataFrame) -> pd.DataFrame:
        """As data.simulator.days.Replies."""
        if name == "accounts":
            return rows[[*self.who.accounts.columns]]
        logged = rows[rows["lost"].ne(True)] if "lost" in rows else rows
        return canonical(name, logged, self.who, self.start, self.last)

    def _said(self, day: int, dials: pd.DataFrame, question: str) -> pd.DataFrame:
        """What each lead would say to one question in the day's talk."""
        rng = stream(self.seed, "question", day, self.questions.index(question))
        refused = rng.random(len(self.every)) < refusing(self.now, self.every, question)
        at, known, lenient = dials["at"].to_numpy(), dials["known"].to_numpy(), self.who.lenient[dials["agent"]]
        said = Said(self.every, at, known, lenient, refused)
        return heard(rng, self.who, self.now, said, question, "call")

    def _judged(self, day: int) -> pd.DataFrame:
        """What sales would make of each lead, were it handed off on the day."""
        rows = judged(stream(self.seed, "sales", day), self.who, self.now, self.every)
        return rows.assign(answered=rows["answered"].where(~self.now.accepted, np.inf), route="policy")

    def _decided(self, day: int, every: pd.DataFrame) -> pd.DataFrame:
        """Sales' answers, had all leads been handed off; those who get none are known too late for anybody."""
        answered = every["answered"].where(np.isfinite(every["answered"]), self.last + 1)
        return decisions(stream(self.seed, "reasons", day), self.who, every.assign(answered=answered))
