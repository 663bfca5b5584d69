"""How do the leads and the sales of a world of data.simulator.worlds reply to calls, questions and hand-offs?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import pandas as pd

from data.simulator.activity import AGENTS, dispositions, held, said
from data.simulator.company import before_sales, call_columns, canonical, columns_of, decision_columns, live
from data.simulator.days import HAND_OFF_AT, Rows, stream
from data.simulator.sales import decided
from data.simulator.truth import probability_at, situations
from data.simulator.words import LEVELS, NOTHING, Flags, Floats, Ints
from data.simulator.worlds import World, named_world
from data.tables import CONNECTED

HASTY = 0.25
"""Share of their questions that agents get to ask who is not interested, as in data.simulator.activity."""


class WorldReplies:
    """The replies of one company, which lives its `history_days` as `simulate` would, and then `days` more.

    An agent asks what the list says, unless the lead is not interested and the talk soon over. A lead that sales
    accepted is with sales: to hand it off again brings no decision.
    """

    questions = tuple(LEVELS)

    def __init__(
        self, leads: int, seed: int, start: datetime, history_days: int, days: int, world: World | str
    ) -> None:
        self.seed, self.history, self.start = seed, history_days, pd.Timestamp(start).as_unit("us")
        rng = np.random.default_rng(seed)
        lived = live(rng, leads, self.start, history_days + days, named_world(world))
        self.who, self.world, self.seen = lived.who, lived.world, lived.seen
        self.lead_ids = pd.Index(self.who.leads["lead_id"], dtype=object)
        self.may_call = ~self.who.leads["permission"].isin(["no_call", "none"]).to_numpy()
        self.every = np.arange(leads)
        self.agent = stream(seed, "agent", 0).choice(AGENTS, leads)
        self.sent = lived.handed[lived.handed["at"] < history_days]
        self.deals = lived.deals[lived.deals.index.isin(self.sent.index)]
        self.dials, learned = (before_sales(rows, self.sent) for rows in (lived.dials, lived.learned))
        self.dials = self.dials[self.dials["at"] < history_days]
        self.learned = learned[(learned["source"] == "form") | (learned["at"] < history_days)]

    def past(self) -> Rows:
        """As data.simulator.days.Replies; with all that leads will do online, which no policy changes."""
        learned = self.learned[self.learned["at"] < self.history]
        return columns_of(self.who, self.seen, self.dials, learned, self.sent, self.deals) | {
            "accounts": self.who.accounts.assign(known=0.0)
        }

    def there(self, day: int) -> Flags:
        """As data.simulator.days.Replies."""
        return np.asarray(self.who.created < day)

    def probability(self, day: int) -> Floats:
        """As data.simulator.days.Replies, on average over the reps who could get it; 0 for leads that sales has."""
        now = situations(self.seen, self.dials, self.every, np.full(len(self.every), day + HAND_OFF_AT))
        return np.where(self._taken(day), 0.0, probability_at(self.who, self.world, now))

    def talks(self, day: int, leads: Ints, asked: Mapping[str, Flags], reached: bool = False) -> Rows:
        """As data.simulator.days.Replies."""
        dials = self._dials(day, np.inf if reached else self.world.connect)
        talks = dials.assign(at=dials["ends"])
        answered = dials["disposition"].isin(CONNECTED).to_numpy()[leads]
        heard_of = {q: leads[wanted & answered] for q, wanted in asked.items()}
        parts = [self._said(day, talks, q).iloc[rows] for q, rows in heard_of.items() if len(rows)]
        answers = {"answers": pd.concat([p.assign(answered_at=p["at"]) for p in parts])} if parts else {}
        return {"calls": dials.iloc[leads]} | answers

    def live(self, day: int, talks: Rows, handed: Ints) -> Rows:
        """As data.simulator.days.Replies."""
        rows = {} if not len(handed) else self._hand_off(day, handed)
        if talks:
            self.dials = pd.concat([self.dials, talks["calls"]], ignore_index=True)
        forms = before_sales(self.learned, self.sent)
        forms = forms[(forms["at"] >= day) & (forms["at"] < day + 1)]
        return rows | {"answers": forms.assign(answered_at=forms["at"])}

    def _hand_off(self, day: int, handed: Ints) -> Rows:
        sent = self._decided(day).iloc[handed]
        self.sent = pd.concat([self.sent, sent], ignore_index=True)
        handoffs = sent.assign(handed_off_at=sent["at"], known=sent["at"])
        return {"handoffs": handoffs, "decisions": decision_columns(sent)}

    def canonical(self, name: str, rows: pd.DataFrame) -> pd.DataFrame:
        """As data.simulator.days.Replies."""
        if name == "accounts":
            return rows[[*self.who.accounts.columns]]
        return canonical(name, rows, self.who, self.start)

    def _dials(self, day: int, connect: float) -> pd.DataFrame:
        """How the day's call of each lead would go."""
        rng, n = stream(self.seed, "dial", day), len(self.every)
        at = day + rng.uniform(8 / 24, 17 / 24, n)
        ends = dispositions(rng, self.who, self.every, at, self.agent, connect)
        dials = pd.DataFrame({"lead": self.every, "at": at, "agent": self.agent, "disposition": ends})
        return call_columns(held(rng, dials)).assign(call_id=[f"d{day:04d}{i:07d}" for i in self.every])

    def _said(self, day: int, talks: pd.DataFrame, question: str) -> pd.DataFrame:
        """What each lead would say to one question in the day's talk."""
        rng = stream(self.seed, "question", day, self.questions.index(question))
        ready, change = np.where(talks["disposition"] == "not_interested", HASTY, 1.0), self.world.change
        if change:
            ready = ready * np.where(self.world.changed(talks["at"].to_numpy(), self.who.days), change.asked, 1)
        asked = rng.random((len(talks), 1)) < ready[:, None]
        return said(rng, self.who, talks, [question], asked, "call", self.world.flipped)

    def _decided(self, day: int) -> pd.DataFrame:
        """What sales would make of each lead, were it handed off on the day."""
        n = len(self.every)
        rows = pd.DataFrame({"lead": self.every, "at": np.full(n, day + HAND_OFF_AT), "route": "policy"})
        rows = rows.assign(propensity=np.nan, policy_version="policy")
        rows = decided(stream(self.seed, "sales", day), self.who, self.world, rows, self.seen, self.dials)
        return rows.assign(decision=rows["decision"].where(~self._taken(day), NOTHING))

    def _taken(self, day: int) -> Flags:
        """Which leads sales has accepted by the day's hand-offs, whether anybody knows it yet or not."""
        accepted = (self.sent["decision"] == "accepted") & (self.sent["decided_at"] < day + HAND_OFF_AT)
        return np.isin(self.every, self.sent.loc[accepted, "lead"])
