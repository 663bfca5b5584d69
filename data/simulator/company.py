"""What happens to the leads of one simulated company? From accounts to opportunities, with the truth beside them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from data.schemas import TABLES
from data.simulator.activity import KINDS, answers, calls, late, touches
from data.simulator.people import BANT, NOTHING, Floats, Ints, People, Random, Texts, people

START = datetime(2025, 1, 6)
EXPLORED = 0.05
EXPLORED_FROM_DAYS = 8.0  # after creation
REPS = 6
REPS_OF_A_RANK = 3
NULL_ACCEPTANCE = 0.58
RECYCLABLE = ("too_early", "no_budget")


def simulate(
    leads: int = 3000,
    seed: int = 1,
    start: datetime = START,
    days: int = 365,
    null: bool = False,
    moments: Sequence[datetime] = (),
) -> dict[str, pd.DataFrame]:
    """The canonical tables of one company over `days` days as known at their end, and the truth.

    Every table has the columns of data.schemas and `known_at`; times are naive UTC in whole milliseconds. `truth` has
    one row per hand-off: lead_id, handed_off_at, probability (that sales accepts, given that it decides). `truth_at`,
    there if moments are given, has one per moment and lead created before it: lead_id, as_of, probability (the same, if
    it were handed off then, on average over the reps who could get it). Both belong to whoever judges a method and must
    never be ingested. With `null` the decisions depend on nothing.
    """
    rng, begin = np.random.default_rng(seed), pd.Timestamp(start).as_unit("us")
    who = people(rng, leads, begin, days)
    seen = touches(rng, who)
    dials = calls(rng, who)
    learned = answers(rng, who, dials, seen)
    first = _handoffs(rng, who, learned)
    first = _decided(rng, who, first, seen, null)
    handed = pd.concat([first, _decided(rng, who, _recycled(rng, who, first), seen, null)], ignore_index=True)
    stop = first.set_index("lead")["at"].reindex(range(leads)).fillna(np.inf).to_numpy()  # then sales takes over
    events = {
        "leads": who.leads.assign(created_at=who.created, known=who.created),
        "touches": _touch_columns(seen),
        "calls": _call_columns(dials[dials["at"] < stop[dials["lead"]]]),
        "answers": learned[learned["at"] < stop[learned["lead"]]].assign(answered_at=lambda f: f["at"]),
        "handoffs": handed.assign(handed_off_at=handed["at"], known=handed["at"]),
        "decisions": _decision_columns(handed),
        "opportunities": _opportunities(rng, who, handed, null),
    }
    tables = {"accounts": who.accounts[[*TABLES["accounts"].names, "known_at"]]}
    tables |= {name: _canonical(name, frame, who, begin) for name, frame in events.items()}
    truth = tables["handoffs"][["lead_id", "handed_off_at"]]
    tables["truth"] = truth.assign(probability=_sorted(handed)["probability"].round(4))
    if moments:
        truths = [_truth_at(who, seen, pd.Timestamp(moment).as_unit("us"), begin, null) for moment in moments]
        tables["truth_at"] = pd.concat(truths, ignore_index=True)
    return tables


def write(tables: dict[str, pd.DataFrame], folder: Path) -> None:
    """One CSV file a table, times as ISO with milliseconds and Z; `truth` and `truth_at` apart, in `truth/`."""
    (folder / "truth").mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        path = folder / ("" if name in TABLES else "truth") / f"{name}.csv"
        _as_text(table).to_csv(path, index=False, float_format="%.4f", lineterminator="\n")


def _handoffs(rng: Random, who: People, learned: pd.DataFrame) -> pd.DataFrame:
    """The first hand-off of each lead that gets one: by the rules, or by exploration before the rules are met."""
    n = len(who.created)
    gate = _gate(learned, n) + rng.exponential(0.25, n) + 0.01
    explored = who.created + EXPLORED_FROM_DAYS + rng.exponential(20, n)
    chosen = (rng.random(n) < EXPLORED) & (explored < gate)
    at = np.where(chosen, explored, gate)
    frame = pd.DataFrame({"lead": np.arange(n), "at": at, "route": np.where(chosen, "exploration", "rules")})
    return _due(frame.assign(propensity=np.where(chosen, EXPLORED, 1.0)), who)


def _gate(learned: pd.DataFrame, n: int) -> Floats:
    """When the answers known first make enough points: need and one more of BANT; infinity where they never do."""
    clear = learned[learned["state"].isin(["yes", "no"])].sort_values(["lead", "known", "at"], kind="stable")
    yes = pd.DataFrame(
        {c: (clear["state"] == "yes").astype(float).where(clear["criterion"] == c) for c in BANT}, clear.index
    )
    yes = yes.groupby(clear["lead"]).ffill().fillna(0)
    met = clear[(yes["need"] == 1) & (yes.sum(axis=1) >= 2)]
    return met.groupby("lead")["known"].min().reindex(range(n)).fillna(np.inf).to_numpy(dtype=float)


def _due(handed: pd.DataFrame, who: People) -> pd.DataFrame:
    return handed[handed["at"] < who.days].assign(policy_version="bant-1").reset_index(drop=True)


def _recycled(rng: Random, who: People, first: pd.DataFrame) -> pd.DataFrame:
    """Some that the rules handed off and sales refused for now come back one to three months later."""
    refused = (first["decision"] == "rejected") & first["reason"].isin(RECYCLABLE) & (first["route"] == "rules")
    back = first.loc[refused & (rng.random(len(first)) < 0.4), ["lead", "decided_at", "route", "propensity"]]
    return _due(back.assign(at=back.pop("decided_at") + rng.uniform(30, 90, len(back))), who)


def _decided(rng: Random, who: People, handed: pd.DataFrame, seen: pd.DataFrame, null: bool) -> pd.DataFrame:
    """The hand-offs with sales' decision: probability, decision (None: silence), decided_at, reason, sales_rep."""
    n, lead, at = len(handed), handed["lead"].to_numpy(), handed["at"].to_numpy()
    rep = (who.rank[lead] + rng.integers(0, REPS_OF_A_RANK, n)) % REPS
    probability = np.full(n, NULL_ACCEPTANCE) if null else _acceptance(who, lead, at, rep, _warmth(seen, lead, at))
    accepted, silent = rng.random(n) < probability, rng.random(n) < 0.10
    decision = np.where(silent, NOTHING, np.where(accepted, "accepted", "rejected"))
    reason = np.where(accepted, "qualified", _why_not(rng, who, lead, at, null))
    return handed.assign(
        probability=probability,
        decision=decision,
        decided_at=at + rng.lognormal(np.log(2.8), 0.9, n),
        decided_late=late(rng, n, share=0.05, days=2.0),
        reason=reason,
        sales_rep=[f"rep_{r + 1}" for r in rep],
    )


def _acceptance(who: People, lead: Ints, at: Floats, rep: Ints, warmth: Floats) -> Floats:
    """The true chance of acceptance: fit, need, urgency, warmth, means, power, and how they meet."""
    level, urgency, fit = who.true_levels(lead, at), who.urgency(lead, at), who.fit[lead]
    active = level["need"] == 2
    score = -2.6 + 0.8 * fit + 0.6 * active + 0.4 * (level["need"] > 0) + 0.7 * urgency + 0.5 * warmth
    score += 0.3 * level["budget"] + 0.35 * level["authority"] + 0.15 * level["timeframe"]
    score += 0.5 * fit * active + 0.5 * active * (level["authority"] == 2) + 0.3 * (rep / (REPS - 1) * 2 - 1)
    return np.asarray(1 / (1 + np.exp(-score)))


def _truth_at(who: People, seen: pd.DataFrame, moment: pd.Timestamp, start: pd.Timestamp, null: bool) -> pd.DataFrame:
    """The true chance of acceptance, were it handed off at the moment, of each lead created before."""
    day = (moment - start) / pd.Timedelta(days=1)
    lead = np.flatnonzero(who.created < day)
    at = np.full(len(lead), day)
    warmth = _warmth(seen, lead, at)
    reps = [(who.rank[lead] + turn) % REPS for turn in range(REPS_OF_A_RANK)]
    mean = np.mean([_acceptance(who, lead, at, rep, warmth) for rep in reps], axis=0).round(4)
    return pd.DataFrame(
        {
            "lead_id": who.leads["lead_id"].to_numpy()[lead],
            "as_of": moment,
            "probability": NULL_ACCEPTANCE if null else mean,
        }
    )


def _warmth(seen: pd.DataFrame, lead: Ints, at: Floats) -> Floats:
    """log1p of each hand-off's earlier touches by a person, each halved every 14 days."""
    pairs = pd.DataFrame({"lead": lead, "handed": at, "row": np.arange(len(lead))})
    pairs = seen.loc[~seen["bot"], ["lead", "at"]].merge(pairs, on="lead")
    age = (pairs["handed"] - pairs["at"]).to_numpy()
    weight = np.where(age >= 0, 0.5 ** (np.maximum(age, 0) / 14), 0)
    return np.log1p(np.bincount(pairs["row"], weight, minlength=len(lead)))


def _why_not(rng: Random, who: People, lead: Ints, at: Floats, null: bool) -> Texts:
    """The reason that a refusal would be given."""
    anything = rng.choice(["too_early", "no_budget", "poor_fit", "not_reached"], len(lead))
    level = who.true_levels(lead, at)
    causes = [level["need"] < 2, who.fit[lead] < 0, level["budget"] == 0]
    honest = ~np.bool_(null) & (rng.random(len(lead)) < 0.8)
    said = np.select([honest & cause for cause in causes], ["too_early", "poor_fit", "no_budget"], anything)
    return said.astype(object)


def _opportunities(rng: Random, who: People, handed: pd.DataFrame, null: bool) -> pd.DataFrame:
    """One deal per acceptance, open or closed, as known at the world's end."""
    deal = handed.loc[handed["decision"] == "accepted", ["lead", "probability", "decided_at", "decided_late"]]
    n, staff = len(deal), who.accounts["employees"].to_numpy()[_account(who, deal["lead"].to_numpy())]
    opened = deal["decided_at"] + deal["decided_late"] + rng.exponential(2, n)
    closed = opened + rng.lognormal(np.log(45), 0.6, n)
    over = closed < who.days
    won = pd.Series(rng.random(n), deal.index) < (0.3 if null else 0.5 * deal["probability"])
    amount = np.round(2000 * np.sqrt(staff) * rng.lognormal(0, 0.5, n), -2)
    stage = np.where(over, np.where(won, "won", "lost"), rng.choice(["discovery", "proposal"], n))
    earned = np.round(amount * rng.uniform(0.2, 0.5, n), 2)
    return deal.assign(
        opened_at=opened,
        closed_at=closed.where(over),
        known=closed.where(over, opened),
        stage=stage,
        amount=amount,
        margin=np.where(over & won, earned, np.nan),
        won=won.astype("boolean").where(over),
    )


def _account(who: People, lead: Ints) -> Ints:
    return who.leads["account_id"].str[1:].to_numpy(dtype=np.int64)[lead]


def _touch_columns(seen: pd.DataFrame) -> pd.DataFrame:
    outbound = seen["kind"] == "task_scheduled"
    return seen.assign(
        occurred_at=seen["at"],
        channel=seen["kind"].map({kind: spec[0] for kind, spec in KINDS.items()}),
        direction=np.where(outbound, "outbound", "inbound"),
    )


def _call_columns(dials: pd.DataFrame) -> pd.DataFrame:
    agent = "agent_" + (dials["agent"] + 1).astype(str)
    return dials.assign(called_at=dials["at"], agent_id=agent, purpose="qualification")


def _decision_columns(handed: pd.DataFrame) -> pd.DataFrame:
    decided = handed[handed["decision"].notna()]
    return decided.assign(handed_off_at=decided["at"], known=decided["decided_at"] + decided["decided_late"])


def _canonical(name: str, frame: pd.DataFrame, who: People, start: pd.Timestamp) -> pd.DataFrame:
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
