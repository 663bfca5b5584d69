"""Who are they, and what do they really need? Accounts, their contacts, and the latent state that drives both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.simulator.words import (
    COUNTRIES,
    INDUSTRIES,
    NOTHING,
    PERMISSION_SHARES,
    SENIORITIES,
    SOURCES,
    TITLES,
    Floats,
    Ints,
    Random,
    Texts,
    pick,
)
from data.simulator.worlds import World


@dataclass(frozen=True)
class People:
    """The leads of a world, one array element a lead; times are days since the world's start.

    `opens` and `closes` are (leads, 2): the account's in-market windows, NaN where it has none. `bought` is when a
    competitor won the account, infinity where none did; `hidden` is what only people sense. What is not in `accounts`
    or `leads` is latent: no table of the world shows it.
    """

    accounts: pd.DataFrame
    leads: pd.DataFrame
    created: Floats
    fit: Floats
    wealth: Floats
    rank: Ints
    opens: Floats
    closes: Floats
    bought: Floats
    hidden: Floats
    colleagues: Ints  # other leads of the account
    days: float
    weekday: float  # the world's start, in days since a Monday's midnight

    def urgency(self, who: Ints, at: Floats) -> Floats:
        """How far into a window lead `who` is at time `at`: 0 outside or once bought elsewhere, from .3 to 1 inside."""
        opens, closes, t = self.opens[who], self.closes[who], at[:, None]
        inside = (t >= opens) & (t < closes) & (t < self.bought[who, None])
        progress = np.where(inside, 0.3 + 0.7 * (t - opens) / (closes - opens), 0.0)
        return np.asarray(progress.max(axis=1))

    def days_to_window(self, who: Ints, at: Floats) -> Floats:
        """Days until the next window opens: 0 inside one, infinity where none comes or a competitor has won."""
        opens, closes, t = self.opens[who], self.closes[who], at[:, None]
        wait = np.where((t < closes) & (t < self.bought[who, None]), np.maximum(opens - t, 0.0), np.inf)
        return np.asarray(wait.min(axis=1))

    def true_levels(self, who: Ints, at: Floats) -> dict[str, Ints]:
        """What an honest and informed answer would be then: criterion -> index into its LEVELS."""
        wait, urgency = self.days_to_window(who, at), self.urgency(who, at)
        money = self.wealth[who] + 1.4 * urgency
        return {
            "budget": (money > 0.1).astype(np.int64) + (money > 1.1),
            "authority": np.digitize(self.rank[who], [1, 3]).astype(np.int64),
            "need": (wait < 90).astype(np.int64) + (urgency > 0),
            "timeframe": (wait < 180).astype(np.int64) + (wait < 60) + (urgency > 0.5),
            "next_step": (urgency > 0.6).astype(np.int64),
            "desired_outcome": (urgency > 0).astype(np.int64),
            "buying_team": (self.rank[who] + 2 * urgency > 2.5).astype(np.int64),
        }


def people(rng: Random, leads: int, start: pd.Timestamp, days: int, world: World) -> People:
    """`leads` contacts at accounts of 1 to 5 of them, with their latent fit, means and windows."""
    market, mix, latent = rng.spawn(3)  # streams of their own: worlds of one seed share the rest
    account = _members(rng, leads)
    n = int(account[-1]) + 1
    accounts, size = _accounts(rng, n, start)
    noise, wealth = rng.normal(0, 0.35, n), 0.25 * (size - 5.3) + rng.normal(0, 0.6, n)
    opens, closes = _windows(rng, n, days)
    created = _created(rng, opens[account, 0], closes[account, 0], days)
    rows, rank = _leads(rng, account, accounts["country"].to_numpy()[account])
    _renew(mix, world, accounts, rows, created, account, days)
    opens, bought = _competitors(market, opens, closes, world.bought_elsewhere)
    fit = _account_fit(accounts, size) + noise
    accounts["industry"] = accounts["industry"].where(accounts.pop("says_industry"), None)
    person_fit = fit[account] + 0.15 * (rank - 1.5) - 1.0 * (rows["title"] == "Student").to_numpy()
    hidden = latent.standard_t(3, leads) if world.heavy_tails else latent.normal(0, 1, leads)
    windows = (opens[account], closes[account], bought[account])
    colleagues = np.bincount(account)[account] - 1
    weekday = (start - start.normalize()) / pd.Timedelta(days=1) + start.weekday()
    return People(accounts, rows, created, person_fit, wealth[account], rank, *windows, hidden, colleagues,
                  days=float(days), weekday=weekday)  # fmt: skip


def _members(rng: Random, leads: int) -> Ints:
    """The account's index per lead, rising; 1 to 5 leads an account."""
    sizes = rng.choice([1, 2, 3, 4, 5], leads, p=[0.38, 0.27, 0.18, 0.10, 0.07])
    return np.repeat(np.arange(leads), sizes)[:leads]


def _accounts(rng: Random, n: int, start: pd.Timestamp) -> tuple[pd.DataFrame, Floats]:
    """The accounts, their industry true and beside it whether it is given, and the logarithm of their persons."""
    industry = pick(rng, {k: share for k, (share, _) in INDUSTRIES.items()}, n)
    country = pick(rng, {k: share for k, (share, _) in COUNTRIES.items()}, n)
    size = rng.normal(5.3, 1.4, n)
    frame = pd.DataFrame(
        {
            "account_id": [f"A{i:06d}" for i in range(n)],
            "industry": industry,
            "says_industry": rng.random(n) >= 0.04,
            "employees": np.maximum(np.round(np.exp(size)), 1),
            "annual_revenue": np.round(np.exp(size + rng.normal(11.8, 0.5, n)), -3),
            "country": country,
            "name": [f"Company {i:06d}" for i in range(n)],
            "known_at": start,
        }
    )
    return frame, size


def _account_fit(accounts: pd.DataFrame, size: Floats) -> Floats:
    """How well industry, country and size suit; the middle market suits best."""
    industry = accounts["industry"].map({k: fit for k, (_, fit) in INDUSTRIES.items()})
    country = accounts["country"].map({k: fit for k, (_, fit) in COUNTRIES.items()})
    return (industry + country).to_numpy(dtype=float) + 0.6 - 0.35 * np.abs(size - 6.0)


def _renew(
    rng: Random, world: World, accounts: pd.DataFrame, rows: pd.DataFrame, created: Floats, account: Ints, days: int
) -> None:
    """After the world's break: leads come by another mix of sources, accounts from another mix of industries."""
    if world.change is None:
        return
    late = world.changed(created, days)
    sources = pick(rng, dict(zip(SOURCES, world.change.sources, strict=True)), len(rows))
    industries = pick(rng, dict(zip(INDUSTRIES, world.change.industries, strict=True)), len(accounts))
    rows["source"] = np.where(late, sources, rows["source"])
    new = pd.Series(late).groupby(account).min().to_numpy()  # accounts whose leads all came after it
    accounts["industry"] = np.where(new, industries, accounts["industry"])


def _windows(rng: Random, n: int, days: int) -> tuple[Floats, Floats]:
    first = rng.uniform(-60, days, n)
    opens = np.column_stack([first, first + rng.uniform(120, 300, n)])
    opens[rng.random(n) > 0.75] = np.nan  # never in the market
    return opens, opens + rng.uniform(28, 98, opens.shape)  # 4 to 14 weeks


def _competitors(rng: Random, opens: Floats, closes: Floats, chance: float) -> tuple[Floats, Floats]:
    """When a competitor wins the account, and the windows that are left: who bought opens no second one.

    The hazard grows in proportion to the time in the window, so that `chance` of them are lost by its end.
    """
    reach = np.sqrt(rng.exponential(1, opens.shape) / max(-np.log1p(-chance), 1e-12))
    lost = np.where(reach < 1, opens + reach * (closes - opens), np.inf)
    kept = opens.copy()
    kept[lost[:, 0] < np.inf, 1] = np.nan
    lost[np.isnan(kept)] = np.inf
    return kept, lost.min(axis=1)


def _created(rng: Random, opens: Floats, closes: Floats, days: int) -> Floats:
    """Six of ten leads come in around their account's first window, the others at any time."""
    near = opens - 14 + rng.random(len(opens)) * (closes - opens + 14)
    anyhow = rng.uniform(0, 0.97 * days, len(opens))
    kept = (rng.random(len(opens)) < 0.6) & (near > 0) & (near < 0.97 * days)
    return np.where(kept, near, anyhow)


def _leads(rng: Random, account: Ints, account_country: Texts) -> tuple[pd.DataFrame, Ints]:
    n = len(account)
    kind = rng.choice(len(TITLES), n)
    title, function, rank = (np.array(column, dtype=object)[kind] for column in zip(*TITLES, strict=True))
    given = rng.random((n, 3)) < [0.96, 0.7, 0.7]
    seniority = np.array(SENIORITIES, dtype=object)[rank.astype(np.int64)]
    frame = pd.DataFrame(
        {
            "lead_id": [f"L{i:07d}" for i in range(n)],
            "account_id": [f"A{i:06d}" for i in account],
            "source": pick(rng, SOURCES, n),
            "title": np.where(given[:, 0], title, NOTHING),
            "job_function": np.where(given[:, 1], function, NOTHING),
            "seniority": np.where(given[:, 2], seniority, NOTHING),
            "country": account_country,
            "permission": pick(rng, PERMISSION_SHARES, n),
            "name": [f"Person {i:07d}" for i in range(n)],
            "email": [f"person{i:07d}@company{a:06d}.example" for i, a in enumerate(account)],
            "phone": [f"+00 555 {i:07d}" for i in range(n)],
        }
    )
    return frame, rank.astype(np.int64)
