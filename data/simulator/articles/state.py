"""Where does every lead stand at a midnight?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from data.simulator.articles.people import REPS, TEAMS, People, Vector

CRITERIA = {  # in the agreement's words: from which truth on a level is said, and its points
    "budget": ((0.2, "planned", 10), (1.1, "approved", 25)),
    "authority": ((0.25, "user", 5), (0.5, "influencer", 15), (0.75, "decision_maker", 25)),
    "need": ((0.35, "latent", 10), (0.9, "active", 25)),
    "timeframe": (
        (0.15, "over_12_months", 0),
        (0.4, "within_12_months", 5),
        (0.8, "within_6_months", 15),
        (1.2, "within_90_days", 25),
    ),
}
NEED = list(CRITERIA).index("need")
TURN = 90
"""Days from one chance of a lead to be explored to the next."""


class State:
    """What has become of the leads (arrays by lead) and of sales (load, by team and rep) by the midnight of `day`.

    heat drives bursts; pages and signs are what a person did online, halved every 14 days; tired counts dials, halved
    every 45; alive_at is the person's last sign and seen_at what the company takes for it; said are the points of the
    last clear answers (NaN: none), and known_at the day they are in the system; turn says on which days a
    lead may be explored; free_at is the day from which it may be handed off (again), answer_at that of sales' answer
    (infinite: none is awaited), verdict what it will be (1, 0, NaN: none); silent are those who unsubscribed.
    """

    def __init__(self, rng: np.random.Generator, who: People, turn: Vector) -> None:
        n = len(who.account)
        self.day, self.money, self.turn = 0, who.money, turn
        self.mood = rng.normal(0, 1, n)
        self.need, self.heat, self.pages, self.signs, self.tired, self.talks, self.refusals, self.verdict = np.zeros(
            (8, n)
        )
        self.alive_at, self.seen_at, self.free_at = np.tile(who.created, (3, 1))
        self.dialled_at, self.answer_at = np.full(n, -np.inf), np.full(n, np.inf)
        self.accepted, self.silent = np.zeros((2, n), bool)
        self.said, self.known_at = np.full((n, len(CRITERIA)), np.nan), np.zeros((n, len(CRITERIA)))
        self.load = np.zeros((TEAMS, REPS))
        self._rows: dict[str, list[dict[str, Vector]]] = {}

    def pass_to(self, rng: np.random.Generator, who: People, day: int) -> None:
        """What changes by itself: needs fade, minds change, budgets come round, touches and dials are forgotten."""
        turned, drift = rng.random(len(self.mood)) < 0.004, rng.normal(0, 1, len(self.mood))
        self.mood = np.where(turned, drift, 0.985 * self.mood + 0.17 * drift)
        self.day, self.need = day, who.need[day, who.account] * who.involved * expit(1 + 1.2 * self.mood)
        self.money = who.money + 0.7 * np.cos(2 * np.pi * (day / 365 - who.budget_month / 12))
        for fading, half_days in (
            (self.pages, 14),
            (self.signs, 14),
            (self.tired, 45),
            (self.heat, 1.2),
            (self.load, 7),
        ):
            fading *= 2 ** (-1 / half_days)

    @property
    def interest(self) -> Vector:
        """What a person did online lately, from 0 to 1: the fiftieth page view says nothing."""
        return np.asarray(-np.expm1(-(self.signs + 0.6 * np.log1p(self.pages)) / 3))

    @property
    def free(self) -> Vector:
        """Whether a lead is with marketing, and not left alone for a time."""
        return np.asarray((self.free_at <= self.day) & np.isinf(self.answer_at) & ~self.accepted)

    def buzz(self, who: People) -> Vector:
        """How active a lead's colleagues are together, from 0 to 1."""
        active = np.bincount(who.account, self.interest)[who.account] - self.interest
        return np.asarray(-np.expm1(-active / 1.5))

    def truly(self, who: People, criterion: str) -> Vector:
        """What is true of a criterion, on the scale of CRITERIA."""
        if criterion == "authority":
            return who.rank
        return self.need if criterion != "budget" else self.money[who.account] + 0.4 * self.need

    def alive(self, lead: Vector, at: Vector) -> None:
        """These leads gave a sign then."""
        for last in (self.alive_at, self.seen_at):
            np.maximum.at(last, lead, at)

    def write(self, table: str, lead: Vector, **columns: Any) -> None:
        """Keep rows of one table; a single value holds for all of them."""
        rows = {name: np.broadcast_to(np.asarray(values), len(lead)) for name, values in columns.items()}
        self._rows.setdefault(table, []).append({"lead": lead} | rows)

    def drain(self) -> dict[str, pd.DataFrame]:
        """The rows that were kept since the last time."""
        found, self._rows = self.tables(), {}
        return found

    def tables(self) -> dict[str, pd.DataFrame]:
        """All rows that were kept."""
        return {
            table: pd.DataFrame({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
            for table, parts in self._rows.items()
        }
