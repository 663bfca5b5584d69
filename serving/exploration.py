"""Who below the gate goes to sales at random today, and with what chance? A lead has its turn every so many days."""

from __future__ import annotations

import hashlib
from datetime import datetime

import numpy as np
import pandas as pd

from data.agreement.model import Exploration
from data.warehouse import Warehouse
from data.workspace import day_name
from models.metrics.evaluation import Vector

TURN_DAYS = 7
"""A turn can be taken so many days after it came, where nothing was scored or the lead could not be drawn then."""
PAST = {"lead_id": "str", "draw": "str", "day": "str", "explored": "bool", "propensity": "float"}
NO_DRAWS = pd.DataFrame(columns=list(PAST)).astype(PAST)


def earlier_draws(warehouse: Warehouse, as_of: datetime, time_zone: str = "UTC") -> pd.DataFrame:
    """Which lead took part in which draw before `as_of`, by the published scores: the columns of PAST.

    `day` is the calendar day of a scoring in that time zone.
    """
    there = "SELECT count(*) FROM duckdb_columns() WHERE (table_name, column_name) = ('scores', 'draw')"
    if not warehouse.scalar(there):
        return NO_DRAWS
    columns = "lead_id, draw, as_of, explored, propensity"
    sql = f"SELECT {columns} FROM scores WHERE draw IS NOT NULL AND as_of < $1 ORDER BY as_of, lead_id"
    found = warehouse.frame(sql, [as_of])
    days = {moment: day_name(moment, time_zone) for moment in found["as_of"].unique()}
    return found.assign(day=found["as_of"].map(days))[list(PAST)].astype(PAST)


def find_turns(leads: pd.DataFrame, quota: Exploration, past: pd.DataFrame) -> pd.DataFrame:
    """Whose turn it is in the draw of the day, by the index of `leads` (lead_id, day, age_days, episode).

    Columns draw (hand-offs before it, `/`, the number of the turn), share (of its age band), due; kept and stated,
    where an earlier scoring of the same day held the day's draw: whom it picked, with what chance.
    """
    found = _turns(leads, quota)
    today = past[past["day"] == leads["day"].max()]
    drawn, now = (pd.MultiIndex.from_frame(of[["lead_id", "draw"]]) for of in (past, found))
    held = today.drop_duplicates("lead_id").set_index("lead_id").reindex(found["lead_id"]).set_axis(found.index)
    return found.assign(
        draw=held["draw"].fillna(found["draw"]),
        due=found["due"] & ~now.isin(drawn) & today.empty,
        kept=held["explored"].eq(True),
        stated=held["propensity"].astype(float),
    )


def _turns(leads: pd.DataFrame, quota: Exploration) -> pd.DataFrame:
    """Each lead's draw, the share of its age band, and whether its turn came: a hash spreads the turns over the days.

    So a day draws among a cross-section of all leads as they are then, and the first day of exploration not among all.
    """
    every, age = quota.every_days, leads["age_days"].to_numpy(float)
    share = np.array(quota.by_band)[np.searchsorted(quota.bands, age, side="right")]
    days = pd.to_datetime(leads["day"]).to_numpy("datetime64[D]").astype(float)
    number, since = np.divmod(days + every * _numbers("turn", quota.seed, leads["lead_id"]), every)
    draw = [f"{episode:.0f}/{turn:.0f}" for episode, turn in zip(leads["episode"], number, strict=True)]
    return leads[["lead_id"]].assign(
        draw=pd.Series(draw, leads.index, dtype="str"), share=share, due=(share > 0) & (since < TURN_DAYS)
    )


def hold_draw(among: pd.DataFrame, quota: Exploration) -> pd.DataFrame:
    """The draw of one day among leads whose turn it is (lead_id, day, draw, share): drawn, picked and chance.

    A lead is drawn by a hash of seed, draw and lead. When more are drawn than there are places, a second hash, of the
    day, says who is picked; the others lapse. `chance` is that of being picked, as it was before the draw.
    """
    coin = _numbers("coin", quota.seed, among["draw"], among["lead_id"])
    lot = _numbers("place", quota.seed, among["day"], among["lead_id"])
    drawn = pd.Series(coin < among["share"], among.index)
    place = pd.Series(lot, among.index).where(drawn).rank(method="first")
    chance = chances(among["share"].to_numpy(float), quota.per_day)
    return pd.DataFrame({"drawn": drawn, "picked": place <= quota.per_day, "chance": chance}, among.index)


def lots_of_day(leads: pd.DataFrame, quota: Exploration) -> Vector:
    """A lot in [0, 1) for each lead and day, by which leads of one account get its room before a draw."""
    return _numbers("account", quota.seed, leads["day"], leads["lead_id"])


def chances(share: Vector, places: int) -> Vector:
    """The chance of each of n leads to be drawn and to get one of the places, in (0, share].

    share: n chances in (0, 1) of being drawn, each by a coin of its own. Which of those drawn get the places is as
    likely for each, so the chance is share x E[min(1, places / (1 + others drawn))]. The number of others
    drawn is Poisson-binomial; its distribution comes from its characteristic function (Hong 2013, DFT-CF), to 1e-9.
    """
    if len(share) <= places:
        return share
    kinds, kind, many = np.unique(share, return_inverse=True, return_counts=True)
    n = len(share)
    coins = 1 + np.outer(kinds, np.exp(2j * np.pi * np.arange(n) / n) - 1)
    place = np.minimum(1, places / np.arange(1, n + 1))
    others = many - np.eye(len(kinds), dtype=int)
    drawn = [np.fft.fft((coins ** of[:, None]).prod(axis=0)).real / n for of in others]
    return np.asarray((kinds * (np.array(drawn) @ place))[kind].round(9))


def _numbers(what: str, seed: int, *columns: pd.Series) -> Vector:
    """A number in [0, 1) for each row, the same on every machine: the 6-byte BLAKE2b hash of what/seed/columns."""
    texts = ("/".join((what, str(seed), *row)).encode() for row in zip(*columns, strict=True))
    return np.array([int.from_bytes(hashlib.blake2b(t, digest_size=6).digest(), "big") for t in texts]) / 2**48
