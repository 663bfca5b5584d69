"""By what law does sales accept, and what is each concept's part in it?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from data.simulator.articles.people import REPS, People, Vector
from data.simulator.articles.state import State

CONCEPTS = ["fit", "engagement", "calls", "qualification", "account", "journey"]
BASE = -0.85
PAIRS = (  # what one says depends on the other
    ("engagement", "interest", "qualification", "wish", 1.2),
    ("fit", "match", "qualification", "wish", 0.6),
    ("account", "buzz", "qualification", "rank", 0.9),
)
NO_MORE_DAYS = 180  # so long nothing is sold to an account that bought elsewhere
OFFSETS = [f"rep_{r}" for r in range(REPS)]


def terms(who: People, now: State, at: Vector) -> dict[str, Any]:
    """The law's terms for the leads `at`, at the midnight of `now`: a column per concept, the pairs', the reps'."""
    account, day = who.account[at], now.day
    wish, interest, bought = np.tanh(now.need[at]), now.interest[at], day - who.bought[account]
    match, rank, buzz = who.match[account], who.rank[at], now.buzz(who)[at]
    reps = -(who.strict + 0.5 * np.log1p(now.load))[who.team[account]]
    return {
        "lead": at,
        "fit": 0.7 * who.industry[account] + 0.4 * match - 0.6 * who.size[account] ** 2,
        "engagement": 1.2 * interest - 0.3 * np.log1p(np.maximum(day - now.alive_at[at], 0) / 14),
        "calls": 0.4 * np.minimum(now.talks[at], 3) ** 0.7 - 0.06 * np.minimum(now.tired[at], 8),
        "qualification": 1.3 * wish
        + 0.5 * np.clip(now.money[account], -1.5, 1.5)
        + 0.7 * rank
        - 2.5 * ((bought > 0) & (bought < NO_MORE_DAYS)),
        "account": 0.5 * buzz,
        "journey": who.arrival[at]
        - 0.3 * np.log1p(np.maximum(day - who.created[at], 0) / 60)
        - 0.6 * np.minimum(now.refusals[at], 2),
        "interest": interest,
        "wish": wish,
        "match": match,
        "rank": rank,
        "buzz": buzz,
        **dict(zip(OFFSETS, reps.T, strict=True)),
    }


def log_odds(rows: pd.DataFrame | dict[str, Any]) -> Vector:
    """Of acceptance, before it is known which rep gets it."""
    alone, products = (rows[c] for c in CONCEPTS), (weight * rows[x] * rows[y] for _, x, _, y, weight in PAIRS)
    return np.asarray(BASE + sum(alone) + sum(products))


def truth(rows: pd.DataFrame, handoffs: pd.DataFrame) -> pd.DataFrame:
    """Of each row of terms: probability, averaged over the reps who could get it, base, and a column per concept.

    A concept's part is its own terms and half of what its products add beside their main effects, less the mean over
    the hand-offs: Shapley values against independent concepts. Base and parts add up to the log-odds.
    """
    handoffs = handoffs if len(handoffs) else rows
    usual = handoffs.mean(numeric_only=True)
    parts, centre = _parts(rows, usual), _parts(handoffs, usual).mean()
    base = BASE + sum(weight * usual[x] * usual[y] for _, x, _, y, weight in PAIRS) + centre.sum()
    return (parts - centre).assign(probability=probability(rows), base=base)[["probability", "base", *CONCEPTS]]


def probability(rows: pd.DataFrame | dict[str, Any]) -> Vector:
    """The chance of acceptance, averaged over the reps who could get it."""
    offsets = np.column_stack([rows[name] for name in OFFSETS])
    return np.asarray(expit(log_odds(rows)[:, None] + offsets).mean(axis=1))


def _parts(rows: pd.DataFrame, usual: pd.Series[float]) -> pd.DataFrame:
    parts = rows[CONCEPTS].astype(float)
    parts["journey"] += logit(probability(rows)) - log_odds(rows)
    for one, x, other, y, weight in PAIRS:
        dx, dy = rows[x] - usual[x], rows[y] - usual[y]
        parts[one] += weight * (dx * dy / 2 + dx * usual[y])
        parts[other] += weight * (dx * dy / 2 + dy * usual[x])
    return parts
