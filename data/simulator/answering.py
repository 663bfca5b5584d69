"""Which company answers day by day? One of a world's name."""

from __future__ import annotations

from datetime import datetime

from data.simulator.articles.replies import ArticlesReplies
from data.simulator.days import CompanyOfDays
from data.simulator.replies import WorldReplies
from data.simulator.worlds import World

HISTORY_DAYS, DAYS = 300, 60


def answering(
    world: World | str, leads: int, seed: int, start: datetime, history_days: int = HISTORY_DAYS, days: int = DAYS
) -> CompanyOfDays:
    """A company that lives `history_days` as `simulate` has it live, and answers on the `days` after them."""
    if world == "articles":
        return CompanyOfDays(ArticlesReplies(leads, seed, start, history_days, days), start, history_days)
    return CompanyOfDays(WorldReplies(leads, seed, start, history_days, days, world), start, history_days)
