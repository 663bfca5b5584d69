"""Who is there? Buying groups with needs that come and fade, their contacts, tele-qualification and sales."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Vector = npt.NDArray[Any]

AGENTS, TEAMS, REPS = 7, 2, 3
"""Callers of tele-qualification; teams of sales, and the reps of each."""
INDUSTRIES = {"chemicals": 0.5, "machinery": 0.8, "insurance": 0.1, "telecoms": 0.0, "hospitals": -0.4, "hotels": -0.9}
SOURCES = {"search": 0.1, "partner": 0.5, "trade_fair": 0.2, "webinar": 0.3, "list": -0.5, "social": -0.2}
"""What the industry and the way in say of a lead, in log-odds."""
EARLY_MIX, LATE_MIX = np.array([0.34, 0.1, 0.16, 0.2, 0.12, 0.08]), np.array([0.2, 0.08, 0.08, 0.16, 0.28, 0.2])
"""Shares of the sources on the first day and on the last."""
COUNTRIES, PERMISSIONS = ("AT", "CH", "DE", "IT", "PL"), ("all", "unknown", "no_call", "no_mail", "none")
TITLES = (  # title, function, seniority, rank from 0 (uses it) to 1 (decides)
    ("Trainee", "other", "entry", 0.05),
    ("Clerk", "other", "entry", 0.15),
    ("Systems Engineer", "it", "specialist", 0.35),
    ("Buyer", "procurement", "specialist", 0.45),
    ("Plant Manager", "operations", "manager", 0.6),
    ("IT Manager", "it", "manager", 0.6),
    ("Head of Purchasing", "procurement", "director", 0.75),
    ("VP Operations", "operations", "vp", 0.9),
    ("CFO", "finance", "c_level", 0.95),
)
TITLE, FUNCTION, SENIORITY, RANK = (np.array(column) for column in zip(*TITLES, strict=True))


class People:
    """Accounts, leads, agents and reps, as they are from the first day to the last.

    Per lead: account, created (days from the start), rank, arrival (what its source says), involved (its part in the
    account's need), curious, permission, proxy (a machine opens its mails). Per account: industry (what it says), size
    (powers of ten from 400 persons), match (latent fit), money, budget_month (when its budget is fresh), scanner (a
    machine clicks its mails), team, agent, bought (the day a competitor won it) and need (a row per day). Per agent:
    lenient, skill, and the shares of calls lost and logged late. strict: per team and rep. season: per day.
    """

    def __init__(self, rng: np.random.Generator, n: int, start: pd.Timestamp, days: int) -> None:
        sizes = 1 + np.minimum(rng.lognormal(0.3, 1.1, n).astype(int), 30)
        self.account: Vector = rng.permutation(np.repeat(np.arange(n), sizes)[:n])
        count = self.account.max() + 1
        self.season = _season(pd.date_range(start, periods=days + 1))
        self.need, jumped = _needs(rng, count, self.season)
        self.bought = _bought(rng, self.need)
        self.need = np.where(np.arange(days + 1)[:, None] > self.bought, 0.2 * self.need, self.need)
        self.created = _created(rng, self.account, jumped, self.season[:days])
        self.match, self.money = rng.normal(0, 1, count), rng.normal(0, 1, count)
        self.budget_month = rng.choice([0, 3, 6, 9], count, p=[0.6, 0.15, 0.15, 0.1])
        self.scanner, self.proxy = rng.random(count) < 0.12, rng.random(n) < 0.35
        self.team, self.agent = rng.integers(0, TEAMS, count), rng.integers(0, AGENTS, count)
        self.involved, self.curious = rng.uniform(0.3, 1.2, n), rng.lognormal(-0.2, 0.6, n)
        self.lenient, self.skill = rng.normal(0, 0.2, AGENTS), rng.normal(0, 0.3, AGENTS)
        self.lost, self.late = rng.uniform(0.01, 0.2, AGENTS), rng.uniform(0.02, 0.3, AGENTS)
        self.strict = rng.normal(0, 0.5, (TEAMS, REPS))
        self.accounts = _accounts(rng, self.match, self.money).assign(known_at=start)
        title = rng.integers(0, len(TITLES), n)
        self.rank = np.clip(RANK[title] + rng.normal(0, 0.12, n), 0, 1)
        self.leads = _leads(rng, self, title, start)
        self.permission = self.leads["permission"].to_numpy(str)
        self.arrival = self.leads["source"].map(SOURCES).to_numpy()
        self.industry = self.accounts["industry"].map(INDUSTRIES).to_numpy()
        self.size = np.log10(self.accounts["employees"].fillna(400)).to_numpy() - 2.6


def _season(days: pd.DatetimeIndex) -> Vector:
    """How busy each day is: spring and autumn, the summer break, the turn of the year."""
    year = days.day_of_year.to_numpy()
    quiet = np.where((year > 212) & (year < 238), 0.5, np.where((year > 355) | (year < 5), 0.35, 1.0))
    return np.asarray((1 + 0.2 * np.cos(4 * np.pi * (year - 90) / 365)) * quiet)


def _needs(rng: np.random.Generator, count: int, season: Vector) -> tuple[Vector, Vector]:
    """Each account's need per day, which jumps now and then and halves within weeks; whether it jumped."""
    half_days, rate = rng.uniform(25, 90, count), rng.gamma(2, 0.8, count) / 365
    jumped = rng.random((len(season), count)) < rate * season[:, None]
    need = np.where(jumped, rng.gamma(2, 0.6, jumped.shape), 0)
    need[0] = rng.exponential(0.4, count)
    for yesterday, today in pairwise(need):
        today += yesterday * 2 ** (-1 / half_days)
    return need, jumped


def _bought(rng: np.random.Generator, need: Vector) -> Vector:
    """The day on which a competitor wins each account, which is likelier while its need is great; mostly never."""
    won = np.cumsum(0.004 * (need > 0.8), axis=0) > rng.exponential(1, need.shape[1])
    return np.where(won.any(axis=0), won.argmax(axis=0), np.inf)


def _created(rng: np.random.Generator, account: Vector, jumped: Vector, season: Vector) -> Vector:
    """When each lead comes in, in days from the start: soon after one of its account's jumps, or any day."""
    n, days = len(account), len(season)
    which = np.argmax(np.where(jumped[:, account], rng.random((len(jumped), n)), 0), axis=0)
    soon = (which + rng.exponential(12, n)).astype(int)
    moved = (rng.random(n) < 0.6) & jumped[which, account] & (soon < days)
    return np.where(moved, soon, rng.choice(days, n, p=season / season.sum())) + rng.uniform(0.25, 0.95, n)


def _accounts(rng: np.random.Generator, match: Vector, money: Vector) -> pd.DataFrame:
    """The accounts' table; revenue shows a part of match and money."""
    n, ids = len(match), pd.Series(range(len(match))).map("B{:06d}".format)
    employees = np.maximum(10 ** rng.normal(2.3, 0.7, n), 2).round()
    revenue = employees * 2e5 * np.exp(0.5 * money + 0.3 * match + rng.normal(0, 0.5, n))
    table = pd.DataFrame({"account_id": ids, "industry": rng.choice(list(INDUSTRIES), n)})
    table["employees"] = np.where(rng.random(n) < 0.12, np.nan, employees)
    table["annual_revenue"] = np.where(rng.random(n) < 0.3, np.nan, revenue.round(-3))
    table["country"] = rng.choice(COUNTRIES, n, p=(0.1, 0.1, 0.5, 0.2, 0.1))
    return table.assign(name="Firm " + ids)


def _leads(rng: np.random.Generator, who: People, title: Vector, start: pd.Timestamp) -> pd.DataFrame:
    """The leads' table. Forms are filled in with little, the mix of sources drifts, some people come in twice."""
    n, account = len(title), who.accounts.iloc[who.account].reset_index(drop=True)
    person, twice = pd.Series(range(n)), rng.random(n) < 0.02
    person = person.mask(twice, person.groupby(who.account).transform("first"))
    mix = EARLY_MIX + np.outer(who.created / len(who.season), LATE_MIX - EARLY_MIX)
    table = pd.DataFrame({"lead_id": pd.Series(range(n)).map("P{:07d}".format), "account_id": account["account_id"]})
    table["created_at"] = times(start, who.created)
    table["source"] = np.array(list(SOURCES))[pick(rng, mix)]
    for column, words, given in (("title", TITLE, 0.9), ("job_function", FUNCTION, 0.5), ("seniority", SENIORITY, 0.4)):
        table[column] = pd.Series(words[title]).where(rng.random(n) < given)
    table["country"] = account["country"].where(rng.random(n) < 0.9, rng.choice(COUNTRIES, n))
    table["permission"] = rng.choice(PERMISSIONS, n, p=(0.72, 0.12, 0.06, 0.07, 0.03))
    table["name"] = person.map("Contact {:07d}".format)
    table["email"] = person.map("contact{:07d}@firm.example".format)
    return table.assign(phone=person.map("+00 {:07d}".format))


def pick(rng: np.random.Generator, shares: Vector) -> Vector:
    """The number of a column per row, drawn by the row's shares, which add up to 1."""
    return np.asarray((rng.random((len(shares), 1)) > np.cumsum(shares, axis=1)[:, :-1]).sum(axis=1))


def times(start: pd.Timestamp, days: Vector) -> pd.Series[pd.Timestamp]:
    """Days from the start as times in whole milliseconds; NaN is no time."""
    return pd.Series(start + pd.to_timedelta(np.round(days * 86_400_000), unit="ms")).astype("datetime64[us]")
