"""What happens to the leads of one simulated company? From accounts to opportunities, with the truth beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from data.errors import UsageError
from data.simulator.activity import KINDS, answers, calls, touches
from data.simulator.articles.company import simulate as articles
from data.simulator.people import People, people
from data.simulator.sales import decided, first_handoffs, opportunities, recycled
from data.simulator.truth import Situation, situations, terms, truth_at, truth_of
from data.simulator.words import Random
from data.simulator.worlds import World, named_world
from data.tables import CONNECTED, TABLES

START = datetime(2025, 1, 6)


@dataclass(frozen=True)
class Lived:
    """A company's rows while they still have the index of their lead and days since the start as times.

    dials, learned: also those that a lead's first hand-off kept from happening. handed: hand-offs with what sales made
    of them. deals: on the index of their hand-offs.
    """

    who: People
    world: World
    seen: pd.DataFrame
    dials: pd.DataFrame
    learned: pd.DataFrame
    handed: pd.DataFrame
    deals: pd.DataFrame


def simulate(
    leads: int = 3000,
    seed: int = 1,
    start: datetime = START,
    days: int = 365,
    world: World | str = "default",
    moments: Sequence[datetime] | pd.DataFrame = (),
) -> dict[str, pd.DataFrame]:
    """The canonical tables of one company over `days` days as known at their end, and the truth.

    Every table has the columns of data.tables and `known_at`; times are naive UTC in whole milliseconds. `truth` has
    one row per hand-off: lead_id, handed_off_at, probability (that sales accepts, given that it decides), base and a
    column per concept, which add up to the probability's log-odds (data.simulator.truth). `truth_at`, there if moments
    are given, has one per moment and lead created before it: lead_id, as_of and the same columns (were it handed off
    then, on average over the reps who could get it); of moments as a frame (lead_id, as_of) one per row of it. Both
    belong to whoever judges a method and must never be ingested. The world `articles` has laws of its own
    (data.simulator.articles) and takes moments that are the same for all. Raises UsageError for an unknown world.
    """
    if world == "articles":
        if isinstance(moments, pd.DataFrame):
            what, do = "simulating the world articles", "use the default world, or name the moments"
            raise UsageError(what, expected="moments that are the same for all", got="one for each lead", do=do)
        return articles(leads, seed, start, days, moments)
    begin = pd.Timestamp(start).as_unit("us")
    lived = live(np.random.default_rng(seed), leads, begin, days, named_world(world))
    who, world, seen, handed = lived.who, lived.world, lived.seen, lived.handed
    dials, learned = before_sales(lived.dials, handed), before_sales(lived.learned, handed)
    events = columns_of(who, seen, dials, learned, handed, lived.deals)
    tables = {"accounts": who.accounts[[*TABLES["accounts"].names, "known_at"]]}
    tables |= {name: canonical(name, frame, who, begin) for name, frame in events.items()}
    last = _sorted(handed)
    then = Situation(*(last[c].to_numpy() for c in ("lead", "at", "warmth", "dials")))
    among = terms(who, world, then, last["rep"].to_numpy())
    truth = tables["handoffs"][["lead_id", "handed_off_at"]]
    tables["truth"] = pd.concat([truth, truth_of(among, among)], axis=1)
    if len(moments):
        asked = moments if isinstance(moments, pd.DataFrame) else _born_before(tables["leads"], moments)
        lead = pd.Index(who.leads["lead_id"]).get_indexer(asked["lead_id"])
        now = situations(seen, dials, lead, np.asarray((asked["as_of"] - begin) / pd.Timedelta(days=1)))
        true = truth_at(who, world, now, among)
        tables["truth_at"] = pd.concat([asked[["lead_id", "as_of"]].reset_index(drop=True), true], axis=1)
    return tables


def live(rng: Random, leads: int, start: pd.Timestamp, days: int, world: World) -> Lived:
    """What happens to `leads` contacts in `days` days, where agents call as they do and the gate hands off."""
    who = people(rng, leads, start, days, world)
    seen = touches(rng, who, world)
    dials = calls(rng, who, world)
    learned = answers(rng, who, dials, seen, world)
    first = first_handoffs(rng, who, world, learned)
    made = before_sales(dials, first)
    once = decided(rng, who, world, first, seen, made)
    again = decided(rng, who, world, recycled(rng, who, world, once), seen, made)
    handed = pd.concat([once, again], ignore_index=True)
    return Lived(who, world, seen, dials, learned, handed, opportunities(rng, who, world, handed))


def before_sales(rows: pd.DataFrame, handed: pd.DataFrame) -> pd.DataFrame:
    """The rows that come before their lead's first hand-off of `handed`: then sales takes over."""
    stop = handed.groupby("lead")["at"].min().reindex(rows["lead"]).fillna(np.inf).to_numpy()
    kept: pd.DataFrame = rows[rows["at"].to_numpy() < stop]
    return kept


def write(tables: dict[str, pd.DataFrame], folder: Path) -> None:
    """One CSV file a table, times as ISO with milliseconds and Z; `truth` and `truth_at` apart, in `truth/`.

    A `truth_at` of an earlier company in the same folder goes.
    """
    (folder / "truth").mkdir(parents=True, exist_ok=True)
    (folder / "truth" / "truth_at.csv").unlink(missing_ok=True)
    for name, table in tables.items():
        path, digits = (folder, "%.4f") if name in TABLES else (folder / "truth", "%.9f")
        _as_text(table).to_csv(path / f"{name}.csv", index=False, float_format=digits, lineterminator="\n")


def funnel(tables: dict[str, pd.DataFrame], end: datetime, horizon_days: float = 14) -> dict[str, float | None]:
    """What became of it: numbers of hand-offs and answers, and shares; a share of nothing is None.

    accepted, rejected and unanswered within the horizon are shares of the `mature` hand-offs, whose horizon closed
    before `end`; bought_elsewhere is one of refusals, connected_per_dial one of dials.
    """
    handoffs, decisions, horizon = tables["handoffs"], tables["decisions"], pd.Timedelta(days=horizon_days)
    mature = handoffs[handoffs["handed_off_at"] < pd.Timestamp(end) - horizon]
    rows = mature.merge(decisions, "left", ["lead_id", "handed_off_at"])
    said = rows["decision"].where(rows["decided_at"] - rows["handed_off_at"] < horizon).fillna("unanswered")
    refused = decisions[decisions["decision"] == "rejected"]
    return {
        "handoffs": len(handoffs),
        "decisions": len(decisions),
        "mature": len(mature),
        **{outcome: _share(said == outcome) for outcome in ("accepted", "rejected", "unanswered")},
        "bought_elsewhere": _share(refused["reason"] == "bought_elsewhere"),
        "connected_per_dial": _share(tables["calls"]["disposition"].isin(CONNECTED)),
    }


def in_words(found: dict[str, float | None]) -> list[str]:
    """A funnel as lines for people."""
    said = {k: "none" if v is None else f"{v:.1%}".replace("%", " %") for k, v in found.items()}
    outcomes = ", ".join(f"{said[outcome]} {outcome}" for outcome in ("accepted", "rejected", "unanswered"))
    return [
        f"{found['handoffs']:,} hand-offs, {found['decisions']:,} answered by the end",
        f"of the {found['mature']:,} handed off 14 days before it: {outcomes} within 14 days",
        f"{said['bought_elsewhere']} of rejections were because the lead bought elsewhere; "
        f"{said['connected_per_dial']} of the dials reached a person",
    ]


def _share(flags: pd.Series) -> float | None:
    return float(flags.mean()) if len(flags) else None


def _born_before(leads: pd.DataFrame, moments: Sequence[datetime]) -> pd.DataFrame:
    """A row per moment and lead created before it: lead_id, as_of."""
    born = leads.sort_values("lead_id")
    rows = [born.loc[born["created_at"] < m, ["lead_id"]].assign(as_of=pd.Timestamp(m).as_unit("us")) for m in moments]
    return pd.concat(rows, ignore_index=True)


def columns_of(
    who: People,
    seen: pd.DataFrame,
    dials: pd.DataFrame,
    learned: pd.DataFrame,
    handed: pd.DataFrame,
    deals: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """The rows of each table of events, with the columns that `canonical` needs."""
    return {
        "leads": who.leads.assign(created_at=who.created, known=who.created),
        "touches": _touch_columns(seen),
        "calls": call_columns(dials),
        "answers": learned.assign(answered_at=learned["at"]),
        "handoffs": handed.assign(handed_off_at=handed["at"], known=handed["at"]),
        "decisions": decision_columns(handed),
        "opportunities": deals,
    }


def _touch_columns(seen: pd.DataFrame) -> pd.DataFrame:
    outbound = seen["kind"] == "task_scheduled"
    return seen.assign(
        occurred_at=seen["at"],
        channel=seen["kind"].map({kind: spec[0] for kind, spec in KINDS.items()}),
        direction=np.where(outbound, "outbound", "inbound"),
    )


def call_columns(dials: pd.DataFrame) -> pd.DataFrame:
    """Dials with the columns of the table calls; their index is their number."""
    agent = "agent_" + (dials["agent"] + 1).astype(str)
    ids = dials.index.map("c{:08d}".format)
    return dials.assign(called_at=dials["at"], agent_id=agent, purpose="qualification", call_id=ids)


def decision_columns(handed: pd.DataFrame) -> pd.DataFrame:
    """What sales said of hand-offs, with the columns of the table decisions."""
    decided = handed[handed["decision"].notna()]
    return decided.assign(handed_off_at=decided["at"], known=decided["decided_at"] + decided["decided_late"])


def canonical(name: str, frame: pd.DataFrame, who: People, start: pd.Timestamp) -> pd.DataFrame:
    """The contract's columns and known_at, times as times, in the order in which rows became known."""
    table = TABLES[name]
    frame = frame[frame["known"] < who.days]
    frame = _sorted(frame if name == "leads" else frame.assign(lead_id=who.leads["lead_id"].to_numpy()[frame["lead"]]))
    times = [*(c.name for c in table.columns if c.type == "time"), "known_at"]
    frame = frame.assign(known_at=frame["known"])
    return frame.assign(**{c: _time(frame[c], start) for c in times})[[*table.names, "known_at"]]


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values("known" if "known" in frame else "at", kind="stable").reset_index(drop=True)


def _time(days: pd.Series, start: pd.Timestamp) -> pd.Series:
    """Days since the start as times, cut to whole milliseconds; NaN as NaT."""
    whole = np.floor(days.to_numpy(dtype=float) * 86_400_000)
    return start + pd.Series(pd.to_timedelta(whole, unit="ms").as_unit("us"), days.index)


def _as_text(table: pd.DataFrame) -> pd.DataFrame:
    times = table.select_dtypes("datetime").columns
    flags = table.select_dtypes("boolean").columns
    texts = {c: table[c].dt.strftime("%Y-%m-%dT%H:%M:%S.%f").str[:-3] + "Z" for c in times}
    return table.assign(**texts, **{c: table[c].map({True: "true", False: "false"}) for c in flags})
