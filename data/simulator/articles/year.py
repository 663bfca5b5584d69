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
    draws = rng.spawn(1)[0]
    now = State(rng, who, draws.integers(0, TURN, len(who.account)))
    weekday = pd.date_range(start, periods=days + 1).day_of_week.to_numpy()
    asked = [pd.DataFrame()]
    for day in range(days + 1):
        now.pass_to(rng, who, day)
        _hear_from_sales(now)
        for moment in moments:
            if min((moment - start) // pd.Timedelta(days=1), days) == day:
                there = np.flatnonzero(who.leads["created_at"] < moment)
                asked.append(pd.DataFrame(terms(who, now, there)).assign(as_of=moment))
        if day < days:
            _hand_off(rng, draws, who, now, weekday[day] < 5, explored)
            _visit(rng, who, now, who.season[day] * (1 if weekday[day] < 5 else 0.3))
        if day < days and weekday[day] < 5:
            _mail(rng, who, now)
            _call(rng, who, now)
    return now.tables(), pd.concat(asked, ignore_index=True)


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
    n, stand_in = len(lead), rng.integers(0, AGENTS, len(lead))
    agent = np.where(rng.random(n) < 0.85, who.agent[who.account[lead]], stand_in)
    at = now.day + rng.uniform(8, 16, n) / 24
    knows = now.talks[lead] > 0
    reached = rng.random(n) < expit(-2.6 + who.skill[agent] + 0.3 * now.mood[lead] + 0.9 * knows)
    seconds = np.where(reached, rng.lognormal(5.3, 0.6, n), rng.uniform(15, 45, n)).round()
    known = at + seconds / 86400 + np.where(rng.random(n) < who.late[agent], rng.uniform(0.7, 6, n), 0)
    ended = np.where(reached, rng.choice(["connected", "callback"], n), rng.choice(MISSED, n))
    ended = np.where(reached & (now.need[lead] < 0.1) & (now.mood[lead] < -0.5), "not_interested", ended)
    kept = rng.random(n) > who.lost[agent]
    rows = {"at": at, "agent_id": agent, "disposition": ended, "duration_s": seconds, "known": known}
    now.write("calls", lead[kept], **{name: values[kept] for name, values in rows.items()})
    looked_up = np.isinf(now.dialled_at[lead]) & (rng.random(n) < 0.15)
    _take_down(rng, who, now, _written(lead[looked_up], at[looked_up] - MINUTE), "authority", "research")
    _talk(rng, who, now, Said(lead, at, known, who.lenient[agent], ~reached).some(reached))
    now.dialled_at[lead], now.tired[lead] = now.day, now.tired[lead] + 1
    now.talks[lead[reached]] += 1
    now.alive(lead[reached], at[reached])


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
        earned = 1.1 * np.minimum(now.talks[asked.lead], 3) + 0.6 * np.tanh(now.need[asked.lead])
        refused = rng.random(len(earned)) < expit(-1.4 + 1.2 * (criterion in ("budget", "authority")) - earned)
        _take_down(rng, who, now, asked._replace(refused=refused), criterion, "call")


def _take_down(rng: np.random.Generator, who: People, now: State, said: Said, criterion: str, source: str) -> None:
    """What is noted of answers: forms and research are less sure, some are wrong, levels are not always written."""
    n, c, levels = len(said.lead), list(CRITERIA).index(criterion), CRITERIA[criterion]
    heard = now.truly(who, criterion)[said.lead] + rng.normal(said.lenient, 0.3 if source == "call" else 0.5)
    heard = np.where(rng.random(n) < 0.07, rng.uniform(0, 1.5, n), heard)
    level = np.searchsorted([least for least, _, _ in levels], heard)
    clear, state = ~said.refused, np.where(said.refused, "refused", np.where(level == 0, "no", "yes"))
    words = np.array([None, *(word for _, word, _ in levels)], dtype=object)[level]
    words[~clear | (rng.random(n) < 0.15)] = None
    columns = {"at": said.at, "known": said.known, "state": state, "level": words}
    now.write("answers", said.lead, criterion=criterion, source=source, **columns)
    now.said[said.lead[clear], c] = np.array([-10, *(points for _, _, points in levels)])[level[clear]]
    now.known_at[said.lead[clear], c] = said.known[clear]


def _hand_off(
    rng: np.random.Generator, draws: np.random.Generator, who: People, now: State, working: bool, explored: float
) -> None:
    """By the rules: need and enough points. Below them: by chance, when their turn comes."""
    free = now.free & (who.permission != "none")
    met = free & (now.said[:, NEED] > 0) & (np.nansum(np.maximum(now.said, 0), axis=1) >= ENOUGH)
    drawn = free & ~met & ((now.day + now.turn) % TURN == 0) & (draws.random(len(free)) < explored)
    lead = np.flatnonzero((met & working & (now.known_at.max(axis=1) < now.day)) | drawn)
    n, rows, team = len(lead), terms(who, now, lead), who.team[who.account[lead]]
    rep = rng.integers(0, REPS, n)
    offset = np.array([rows[name] for name in OFFSETS])[rep, np.arange(n)]
    accepted = rng.random(n) < expit(log_odds(rows) + offset)
    at = now.day + rng.uniform(7, 8, n) / 24
    wait = np.where(accepted, 1.6, 1.3) * rng.lognormal(0, 1.2, n) * (1 + 0.5 * now.load[team, rep]) + 1 / 48
    wait = np.where((rng.random(n) < 0.1) | (wait > ANSWER_DAYS), np.inf, wait)
    route = np.where(drawn[lead], "exploration", "rules")
    now.write("handoffs", at=at, rep=rep, accepted=accepted, answered=at + wait, route=route, **rows)
    now.answer_at[lead] = at + np.minimum(wait, ANSWER_DAYS)
    now.verdict[lead] = np.where(np.isfinite(wait), accepted, np.nan)
    np.add.at(now.load, (team, rep), 600 / max(len(who.account), 600))


def _hear_from_sales(now: State) -> None:
    """Sales has answered, or has let it lie: a lead that comes back has to say again what it needs."""
    back = np.flatnonzero(now.answer_at <= now.day)
    verdict, now.answer_at[back], now.said[back, NEED] = now.verdict[back], np.inf, np.nan
    now.accepted[back] = verdict == 1
    now.refusals[back] += verdict == 0
    now.free_at[back] = now.day + np.where(verdict == 0, COOL_OFF_DAYS, 0)
