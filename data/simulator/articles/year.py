"""What happens on each day? Visits and mails, calls and answers, hand-offs and sales' decisions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit

from data.simulator.articles.law import OFFSETS, log_odds, terms
from data.simulator.articles.people import AGENTS, REPS, People, Vector, pick
from data.simulator.articles.state import CRITERIA, NEED, TURN, State

MINUTE = 1 / 1440
ENOUGH, ANSWER_DAYS, COOL_OFF_DAYS = 40, 30, 60
"""Points of answers at the gate; how long sales may take to answer; how long a refused lead is left alone."""
MISSED = ["no_answer", "voicemail", "busy", "gatekeeper"]
VISITS = (  # kind, channel, asset; its share when curious and when buying, what it says, days until it is known
    ("page_view", "web", "blog", 0.55, 0.3, 0.0, 0),
    ("page_view", "web", "solutions", 0.2, 0.24, 0.0, 0),
    ("pricing_view", "web", "prices", 0.03, 0.13, 0.8, 0),
    ("content_download", "web", "checklist", 0.06, 0.08, 0.5, 0),
    ("form_start", "web", "contact", 0.03, 0.06, 0.3, 0),
    ("form_submit", "web", "contact", 0.02, 0.05, 1.5, 0),
    ("webinar_register", "webinar", "live", 0.04, 0.04, 0.5, 0),
    ("webinar_attend", "webinar", "live", 0.02, 0.03, 1.0, 2),
    ("event_attend", "event", "fair", 0.01, 0.02, 1.0, 5),
    ("ad_click", "ad", "banner", 0.03, 0.02, 0.1, 0),
    ("chat", "chat", "chat", 0.01, 0.03, 1.2, 0),
)
KIND, CHANNEL, ASSET, CURIOUS, BUYING, SAYS, LAG = (np.array(column) for column in zip(*VISITS, strict=True))


def lived(
    rng: np.random.Generator, who: People, start: pd.Timestamp, days: int, moments: list[pd.Timestamp], explored: float
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """The rows of each table, times in days from the start; the terms of each lead created by each moment."""
    now, draws = first_midnight(rng, who)
    weekday = pd.date_range(start, periods=days + 1).day_of_week.to_numpy()
    asked = [pd.DataFrame()]
    for day in range(days + 1):
        begin_day(rng, who, now, day)
        for moment in moments:
            if min((moment - start) // pd.Timedelta(days=1), days) == day:
                there = np.flatnonzero(who.leads["created_at"] < moment)
                asked.append(pd.DataFrame(terms(who, now, there)).assign(as_of=moment))
        if day < days:
            live_day(rng, draws, who, now, weekday[day] < 5, explored)
    return now.tables(), pd.concat(asked, ignore_index=True)


def first_midnight(rng: np.random.Generator, who: People) -> tuple[State, np.random.Generator]:
    """Where every lead stands at first, and the stream that draws whom to explore."""
    draws = rng.spawn(1)[0]
    return State(rng, who, draws.integers(0, TURN, len(who.account))), draws


def begin_day(rng: np.random.Generator, who: People, now: State, day: int) -> None:
    """Midnight: what changes by itself, and sales' answers of the day before."""
    now.pass_to(rng, who, day)
    _hear_from_sales(now)


def live_day(
    rng: np.random.Generator, draws: np.random.Generator, who: People, now: State, working: bool, explored: float
) -> None:
    """A day on which agents call as they do, and the rules hand off."""
    _hand_off(rng, draws, who, now, working, explored)
    surf(rng, who, now, working)
    if working:
        _call(rng, who, now)


def surf(rng: np.random.Generator, who: People, now: State, working: bool) -> None:
    """What leads do online on a day, whoever calls them."""
    _visit(rng, who, now, who.season[now.day] * (1 if working else 0.3))
    if working:
        _mail(rng, who, now)


def _visit(rng: np.random.Generator, who: People, now: State, busy: float) -> None:
    """Visits excite more visits on the days after; what is looked at depends on the need."""
    age = now.day - who.created
    moved = who.curious * (0.012 + 0.22 * 2 ** (-np.maximum(age, 0) / 8) + 0.14 * now.need)
    count = rng.poisson(np.where(age > 0, 0.9 * busy * (moved + 0.25 * np.minimum(now.heat, 10)), 0))
    lead = np.repeat(np.arange(len(count)), count)
    buying = rng.random((len(lead), 1)) < 0.7 * np.tanh(now.need[lead])[:, None]
    what = pick(rng, np.where(buying, BUYING, CURIOUS))
    begun = now.day + np.clip(rng.normal(0.55, 0.14, len(count)), 0.01, 0.9)
    at = begun[lead] + 40 * MINUTE * rng.random(len(lead))
    _touch(now, lead, at, KIND[what], CHANNEL[what], ASSET[what], known=at + LAG[what] * rng.random(len(lead)))
    now.heat += count
    now.pages += np.bincount(lead, KIND[what] == "page_view", len(count))
    now.signs += np.bincount(lead, SAYS[what], len(count))
    now.alive(lead, at)
    form = (KIND[what] == "form_submit") & (rng.random(len(lead)) < 0.5)
    for criterion in ("need", "timeframe"):
        _take_down(rng, who, now, _written(lead[form], at[form]), criterion, "form")


def _touch(now: State, lead: Vector, at: Vector, kind: object, channel: object, asset: object, **more: object) -> None:
    usual = {"direction": "inbound", "is_bot": pd.NA, "known": at}
    now.write("touches", lead, at=at, kind=kind, channel=channel, asset=asset, **usual | more)


def _mail(rng: np.random.Generator, who: People, now: State) -> None:
    """A mail to each lead every three weeks, the answers of people and machines to it, and who has had enough."""
    may = np.isin(who.permission, ["all", "unknown", "no_call"]) & (who.created < now.day) & ~now.silent
    lead = np.flatnonzero(may & (np.arange(len(may)) % 21 == now.day % 21))
    at = now.day + 0.375 + 20 * MINUTE * rng.random(len(lead))
    _touch(now, lead, at, "other", "email", "newsletter", direction="outbound")
    opened = rng.random(len(lead)) < np.clip(0.1 + 0.12 * who.curious[lead] + 0.1 * now.need[lead], 0, 0.7)
    clicked = opened & (rng.random(len(lead)) < 0.25)
    replied = clicked & (rng.random(len(lead)) < 0.15 * np.tanh(now.need[lead]))
    for kind, did, says in (("email_open", opened, 0.05), ("email_click", clicked, 0.5), ("email_reply", replied, 2)):
        _touch(now, lead[did], at[did] + (60 + 20 * says) * MINUTE, kind, "email", "newsletter", is_bot=False)
        now.signs[lead[did]] += says
        now.alive(lead[did], at[did])
    left = lead[rng.random(len(lead)) < 0.006 * np.exp(-now.mood[lead])]
    _touch(now, left, np.full(len(left), now.day + 0.5), "unsubscribe", "email", "newsletter")
    now.silent[left] = True
    _machines(rng, now, lead[who.proxy[lead]], "email_open")
    _machines(rng, now, lead[who.scanner[who.account[lead]]], "email_click")


def _machines(rng: np.random.Generator, now: State, lead: Vector, kind: str) -> None:
    """Privacy proxies open and scanners click at once; one in five is not known for one and taken for a sign."""
    at, known = now.day + 0.375 + 25 * MINUTE * rng.random(len(lead)), rng.random(len(lead)) < 0.8
    _touch(now, lead, at, kind, "email", "newsletter", is_bot=np.array([pd.NA, True])[known.astype(int)])
    np.maximum.at(now.seen_at, lead[~known], at[~known])


def _call(rng: np.random.Generator, who: People, now: State) -> None:
    """Tele-qualification dials who was active lately or is in conversation, as many as a day has room for."""
    lead = _call_list(rng, who, now)
    dials = dialled(rng, who, now, lead)
    at, known, reached = (dials[name].to_numpy() for name in ("at", "known", "reached"))
    looked_up = np.isinf(now.dialled_at[lead]) & (rng.random(len(lead)) < 0.15)
    _take_down(rng, who, now, _written(lead[looked_up], at[looked_up] - MINUTE), "authority", "research")
    _talk(rng, who, now, Said(lead, at, known, who.lenient[dials["agent_id"]], ~reached).some(reached))
    note_dials(now, dials)


def dialled(rng: np.random.Generator, who: People, now: State, lead: Vector, connect: float = -2.6) -> pd.DataFrame:
    """A dial of each lead that day, a row each: when, by whom, how it ends, and whether it is lost and never logged.

    connect: log-odds of reaching a stranger.
    """
    n, stand_in = len(lead), rng.integers(0, AGENTS, len(lead))
    agent = np.where(rng.random(n) < 0.85, who.agent[who.account[lead]], stand_in)
    at = now.day + rng.uniform(8, 16, n) / 24
    knows = now.talks[lead] > 0
    reached = rng.random(n) < expit(connect + who.skill[agent] + 0.3 * now.mood[lead] + 0.9 * knows)
    seconds = np.where(reached, rng.lognormal(5.3, 0.6, n), rng.uniform(15, 45, n)).round()
    known = at + seconds / 86400 + np.where(rng.random(n) < who.late[agent], rng.uniform(0.7, 6, n), 0)
    ended = np.where(reached, rng.choice(["connected", "callback"], n), rng.choice(MISSED, n))
    ended = np.where(reached & (now.need[lead] < 0.1) & (now.mood[lead] < -0.5), "not_interested", ended)
    rows = {"lead": lead, "at": at, "agent_id": agent, "disposition": ended, "duration_s": seconds, "known": known}
    return pd.DataFrame(rows).assign(reached=reached, lost=rng.random(n) <= who.lost[agent])


def note_dials(now: State, dials: pd.DataFrame) -> None:
    """Log the dials that are not lost, and remember all of them."""
    logged = dials[~dials["lost"]]
    rows = {name: logged[name].to_numpy() for name in ("at", "agent_id", "disposition", "duration_s", "known")}
    now.write("calls", logged["lead"].to_numpy(), **rows)
    lead, reached = dials["lead"].to_numpy(), dials["reached"].to_numpy()
    now.dialled_at[lead], now.tired[lead] = now.day, now.tired[lead] + 1
    now.talks[lead[reached]] += 1
    now.alive(lead[reached], dials["at"].to_numpy()[reached])


def _call_list(rng: np.random.Generator, who: People, now: State) -> Vector:
    may = now.free & ~np.isin(who.permission, ["no_call", "none"]) & (now.day - now.dialled_at >= 2) & (now.tired < 6)
    worth = now.interest + 0.4 * ((now.talks > 0) & (now.talks < 4)) + rng.normal(0, 0.15, len(may))
    best = np.argsort(np.where(may, -worth, np.inf), kind="stable")[: max(1, round(0.03 * len(may)))]
    return np.sort(best[may[best] & (worth[best] > 0.25)])


class Said(NamedTuple):
    """What was said by whom and when, when it is known, how lenient the listener is, and whether it was a refusal."""

    lead: Vector
    at: Vector
    known: Vector
    lenient: Vector

    refused: Vector

    def some(self, chosen: Vector) -> Said:
        """Only some of it."""
        return Said(*(part[chosen] for part in self))


def _written(lead: Vector, at: Vector) -> Said:
    return Said(lead, at, at, np.zeros(len(lead)), np.zeros(len(lead), bool))


def _talk(rng: np.random.Generator, who: People, now: State, talk: Said) -> None:
    """An open question first; the hard ones are asked less, and refused less once there is a relationship."""
    for c, criterion in enumerate(CRITERIA):
        old = np.isnan(now.said[talk.lead, c]) | (now.day - now.known_at[talk.lead, c] > 60)
        asked = talk.some(old & (rng.random(len(old)) < (0.95 if c == NEED else 0.65)))
        refused = rng.random(len(asked.lead)) < refusing(now, asked.lead, criterion)
        _take_down(rng, who, now, asked._replace(refused=refused), criterion, "call")


def refusing(now: State, lead: Vector, criterion: str) -> Vector:
    """The chance that leads will not say."""
    earned = 1.1 * np.minimum(now.talks[lead], 3) + 0.6 * np.tanh(now.need[lead])
    return np.asarray(expit(-1.4 + 1.2 * (criterion in ("budget", "authority")) - earned))


def _take_down(rng: np.random.Generator, who: People, now: State, said: Said, criterion: str, source: str) -> None:
    note_answers(now, criterion, heard(rng, who, now, said, criterion, source))


def heard(rng: np.random.Generator, who: People, now: State, said: Said, criterion: str, source: str) -> pd.DataFrame:
    """What is noted of answers: forms and research are less sure, some are wrong, levels are not always written."""
    n, levels = len(said.lead), CRITERIA[criterion]
    sounds = now.truly(who, criterion)[said.lead] + rng.normal(said.lenient, 0.3 if source == "call" else 0.5)
    sounds = np.where(rng.random(n) < 0.07, rng.uniform(0, 1.5, n), sounds)
    level = np.searchsorted([least for least, _, _ in levels], sounds)
    clear, state = ~said.refused, np.where(said.refused, "refused", np.where(level == 0, "no", "yes"))
    words = np.array([None, *(word for _, word, _ in levels)], dtype=object)[level]
    words[~clear | (rng.random(n) < 0.15)] = None
    columns = {"lead": said.lead, "at": said.at, "known": said.known, "state": state, "level": words}
    points = np.array([-10, *(points for _, _, points in levels)])[level]
    return pd.DataFrame(columns).assign(criterion=criterion, source=source, points=points)


def note_answers(now: State, criterion: str, rows: pd.DataFrame) -> None:
    """Write down answers to one question; the last clear one counts at the gate."""
    lead, c = rows["lead"].to_numpy(), list(CRITERIA).index(criterion)
    names = ("at", "known", "state", "level", "criterion", "source")
    now.write("answers", lead, **{name: rows[name].to_numpy() for name in names})
    clear = (rows["state"] != "refused").to_numpy()
    now.said[lead[clear], c] = rows["points"].to_numpy()[clear]
    now.known_at[lead[clear], c] = rows["known"].to_numpy()[clear]


def _hand_off(
    rng: np.random.Generator, draws: np.random.Generator, who: People, now: State, working: bool, explored: float
) -> None:
    """By the rules: need and enough points. Below them: by chance, when their turn comes."""
    free = now.free & (who.permission != "none")
    met = free & (now.said[:, NEED] > 0) & (np.nansum(np.maximum(now.said, 0), axis=1) >= ENOUGH)
    drawn = free & ~met & ((now.day + now.turn) % TURN == 0) & (draws.random(len(free)) < explored)
    lead = np.flatnonzero((met & working & (now.known_at.max(axis=1) < now.day)) | drawn)
    route = np.where(drawn[lead], "exploration", "rules")
    note_handoffs(who, now, judged(rng, who, now, lead).assign(route=route))


def judged(rng: np.random.Generator, who: People, now: State, lead: Vector) -> pd.DataFrame:
    """What sales would make of each lead, were it handed off that day: a row each, with the law's terms."""
    n, rows, team = len(lead), terms(who, now, lead), who.team[who.account[lead]]
    rep = rng.integers(0, REPS, n)
    offset = np.array([rows[name] for name in OFFSETS])[rep, np.arange(n)]
    accepted = rng.random(n) < expit(log_odds(rows) + offset)
    at = now.day + rng.uniform(7, 8, n) / 24
    wait = np.where(accepted, 1.6, 1.3) * rng.lognormal(0, 1.2, n) * (1 + 0.5 * now.load[team, rep]) + 1 / 48
    wait = np.where((rng.random(n) < 0.1) | (wait > ANSWER_DAYS), np.inf, wait)
    return pd.DataFrame(rows).assign(at=at, rep=rep, accepted=accepted, answered=at + wait)


def note_handoffs(who: People, now: State, rows: pd.DataFrame) -> None:
    """The leads are with sales, and sales has more to do."""
    lead, wait = rows["lead"].to_numpy(), rows["answered"].to_numpy() - rows["at"].to_numpy()
    now.write("handoffs", lead, **{str(name): rows[name].to_numpy() for name in rows if name != "lead"})
    now.answer_at[lead] = rows["at"].to_numpy() + np.minimum(wait, ANSWER_DAYS)
    now.verdict[lead] = np.where(np.isfinite(wait), rows["accepted"], np.nan)
    np.add.at(now.load, (who.team[who.account[lead]], rows["rep"].to_numpy()), 600 / max(len(who.account), 600))


def _hear_from_sales(now: State) -> None:
    """Sales has answered, or has let it lie: a lead that comes back has to say again what it needs."""
    back = np.flatnonzero(now.answer_at <= now.day)
    verdict, now.answer_at[back], now.said[back, NEED] = now.verdict[back], np.inf, np.nan
    now.accepted[back] = verdict == 1
    now.refusals[back] += verdict == 0
    now.free_at[back] = now.day + np.where(verdict == 0, COOL_OFF_DAYS, 0)
