"""Who are they, and what do they really need? Accounts, their contacts, and the latent state that drives both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.object_]
Random = np.random.Generator

NOTHING: Texts = np.array(None, dtype=object)

INDUSTRIES = {  # share, fit
    "software": (0.20, 0.7),
    "manufacturing": (0.18, 0.4),
    "finance": (0.14, 0.3),
    "healthcare": (0.12, 0.0),
    "logistics": (0.10, 0.2),
    "retail": (0.12, -0.4),
    "education": (0.08, -0.8),
    "public_sector": (0.06, -0.9),
}
COUNTRIES = {  # share, fit
    "US": (0.34, 0.2),
    "DE": (0.20, 0.2),
    "GB": (0.16, 0.0),
    "FR": (0.12, -0.1),
    "NL": (0.10, 0.0),
    "IN": (0.08, -0.6),
}
SENIORITIES = ("specialist", "manager", "director", "vp", "c_level")
TITLES = (  # title, function, rank in SENIORITIES
    ("Chief Information Officer", "it", 4),
    ("CTO", "engineering", 4),
    ("Chief Financial Officer", "finance", 4),
    ("Managing Director", "operations", 4),
    ("VP Operations", "operations", 3),
    ("VP of Engineering", "engineering", 3),
    ("Vice President Sales", "sales", 3),
    ("Director of IT", "it", 2),
    ("Head of Procurement", "procurement", 2),
    ("Director Digital Marketing", "marketing", 2),
    ("Head of HR", "hr", 2),
    ("IT Manager", "it", 1),
    ("Operations Manager", "operations", 1),
    ("Purchasing Manager", "procurement", 1),
    ("Marketing Manager", "marketing", 1),
    ("Engineering Manager", "engineering", 1),
    ("Project Manager", "operations", 1),
    ("Systems Administrator", "it", 0),
    ("Software Developer", "engineering", 0),
    ("Business Analyst", "operations", 0),
    ("Accountant", "finance", 0),
    ("Marketing Specialist", "marketing", 0),
    ("Student", "other", 0),
)
SOURCES = {
    "website": 0.32,
    "paid_search": 0.18,
    "content_syndication": 0.16,
    "webinar": 0.14,
    "event": 0.10,
    "referral": 0.10,
}
PERMISSION_SHARES = {"all": 0.80, "no_call": 0.05, "no_mail": 0.06, "none": 0.02, "unknown": 0.07}
BANT = {  # criterion -> levels; the lowest is what "no" means
    "budget": ("none", "planned", "approved"),
    "authority": ("user", "influencer", "decision_maker"),
    "need": ("none", "latent", "active"),
    "timeframe": ("over_12_months", "within_12_months", "within_6_months", "within_90_days"),
}
FURTHER = {  # learned on the phone only, and no part of the gate or of acceptance
    "next_step": ("call_back", "demo_agreed"),
    "desired_outcome": ("vague", "specific"),
    "buying_team": ("alone", "team_known"),
}
LEVELS = BANT | FURTHER


@dataclass(frozen=True)
class People:
    """The leads of a world, one array element a lead; times are days since the world's start.

    `opens` and `closes` are (leads, 2): the account's in-market windows, NaN where it has none. What is not in
    `accounts` or `leads` is latent: no table of the world shows it.
    """

    accounts: pd.DataFrame
    leads: pd.DataFrame
    created: Floats
    fit: Floats
    wealth: Floats
    rank: Ints
    opens: Floats
    closes: Floats
    days: float
    weekday: float  # the world's start, in days since a Monday's midnight

    def urgency(self, who: Ints, at: Floats) -> Floats:
        """How far into a window lead `who` is at time `at`: 0 outside, rising from .3 to 1 inside."""
        opens, closes, t = self.opens[who], self.closes[who], at[:, None]
        inside = (t >= opens) & (t < closes)
        progress = np.where(inside, 0.3 + 0.7 * (t - opens) / (closes - opens), 0.0)
        return np.asarray(progress.max(axis=1))

    def days_to_window(self, who: Ints, at: Floats) -> Floats:
        """Days until the next window opens: 0 inside one, infinity where none comes."""
        opens, closes, t = self.opens[who], self.closes[who], at[:, None]
        wait = np.where(t < closes, np.maximum(opens - t, 0.0), np.inf)
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


def people(rng: Random, leads: int, start: pd.Timestamp, days: int) -> People:
    """`leads` contacts at accounts of 1 to 5 of them, with their latent fit, means and windows."""
    account = _members(rng, leads)
    accounts, fit, wealth = _accounts(rng, int(account[-1]) + 1, start)
    opens, closes = (side[account] for side in _windows(rng, len(accounts), days))
    created = _created(rng, opens[:, 0], closes[:, 0], days)
    rows, rank = _leads(rng, account, accounts["country"].to_numpy()[account])
    person_fit = fit[account] + 0.15 * (rank - 1.5) - 1.0 * (rows["title"] == "Student").to_numpy()
    latent = (created, person_fit, wealth[account], rank, opens, closes)
    weekday = (start - start.normalize()) / pd.Timedelta(days=1) + start.weekday()
    return People(accounts, rows, *latent, days=float(days), weekday=weekday)


def pick(rng: Random, shares: dict[str, float], size: int) -> Texts:
    """`size` draws of the keys, in proportion to their shares."""
    weights = np.array(list(shares.values()))
    drawn = rng.choice(len(shares), size, p=weights / weights.sum())
    return np.array(list(shares), dtype=object)[drawn]


def _members(rng: Random, leads: int) -> Ints:
    """The account's index per lead, rising; 1 to 5 leads an account."""
    sizes = rng.choice([1, 2, 3, 4, 5], leads, p=[0.38, 0.27, 0.18, 0.10, 0.07])
    return np.repeat(np.arange(leads), sizes)[:leads]


def _accounts(rng: Random, n: int, start: pd.Timestamp) -> tuple[pd.DataFrame, Floats, Floats]:
    industry = pick(rng, {k: share for k, (share, _) in INDUSTRIES.items()}, n)
    country = pick(rng, {k: share for k, (share, _) in COUNTRIES.items()}, n)
    size = rng.normal(5.3, 1.4, n)  # log of persons
    frame = pd.DataFrame(
        {
            "account_id": [f"A{i:06d}" for i in range(n)],
            "industry": np.where(rng.random(n) < 0.04, NOTHING, industry),
            "employees": np.maximum(np.round(np.exp(size)), 1),
            "annual_revenue": np.round(np.exp(size + rng.normal(11.8, 0.5, n)), -3),
            "country": country,
            "name": [f"Company {i:06d}" for i in range(n)],
            "known_at": start,
        }
    )
    traits = np.array([INDUSTRIES[i][1] + COUNTRIES[c][1] for i, c in zip(industry, country, strict=True)])
    best_size = 0.6 - 0.35 * np.abs(size - 6.0)  # the middle market suits best
    return frame, traits + best_size + rng.normal(0, 0.35, n), 0.25 * (size - 5.3) + rng.normal(0, 0.6, n)


def _windows(rng: Random, n: int, days: int) -> tuple[Floats, Floats]:
    first = rng.uniform(-60, days, n)
    opens = np.column_stack([first, first + rng.uniform(120, 300, n)])
    opens[rng.random(n) > 0.75] = np.nan  # never in the market
    return opens, opens + rng.uniform(28, 98, opens.shape)  # 4 to 14 weeks


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
