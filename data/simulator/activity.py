"""What do leads do, and what do they say? Touches, dials and answers, driven by need and urgency."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from data.simulator.people import People
from data.simulator.words import BANT, FURTHER, LEVELS, NOTHING, Flags, Floats, Ints, Random, Texts, pick
from data.simulator.worlds import World
from data.tables import CONNECTED

AGENTS = 8
MAX_DIALS = 8
KINDS = {  # kind -> channel, share when cold, share when in the market, assets
    "page_view": ("web", 0.34, 0.30, ("home", "product", "blog", "cases")),
    "pricing_view": ("web", 0.02, 0.12, ("pricing",)),
    "email_open": ("email", 0.33, 0.16, ("newsletter", "nurture", "invitation")),
    "email_click": ("email", 0.11, 0.12, ("newsletter", "nurture", "invitation")),
    "email_reply": ("email", 0.005, 0.02, ("nurture",)),
    "form_start": ("web", 0.02, 0.04, ("contact", "demo")),
    "form_submit": ("web", 0.015, 0.05, ("contact", "demo")),
    "content_download": ("web", 0.05, 0.07, ("whitepaper", "guide", "datasheet")),
    "webinar_register": ("webinar", 0.03, 0.03, ("webinar_basics", "webinar_roi")),
    "webinar_attend": ("webinar", 0.015, 0.03, ("webinar_basics", "webinar_roi")),
    "event_attend": ("event", 0.01, 0.015, ("fair",)),
    "ad_click": ("ad", 0.05, 0.03, ("campaign_a", "campaign_b")),
    "chat": ("chat", 0.005, 0.025, ("assistant",)),
    "task_scheduled": ("internal", 0.01, 0.01, ("follow_up",)),
    "unsubscribe": ("email", 0.01, 0.002, ("newsletter",)),
}
FIRST_KIND = {
    "website": "form_submit",
    "paid_search": "ad_click",
    "content_syndication": "content_download",
    "webinar": "webinar_register",
    "event": "event_attend",
    "referral": "page_view",
}
MISSED = {"no_answer": 0.46, "voicemail": 0.30, "gatekeeper": 0.12, "busy": 0.08, "wrong_number": 0.04}
NOTES = {
    "connected": "Spoke; sent material.",
    "callback": "Asked to be called again.",
    "not_interested": "No interest at present.",
    "meeting_booked": "Wants to see a demo; meeting set.",
    "voicemail": "Left a message.",
    "gatekeeper": "Front desk; not put through.",
    "wrong_number": "Number not in service.",
}
ASKED_ON_FORMS = np.array([0.15, 0.30, 0.50, 0.40])  # per criterion, in the order of BANT


def touches(rng: Random, who: People, world: World) -> pd.DataFrame:
    """Everything seen of the leads online: lead (index), at, known (days), kind and the columns that follow from it."""
    lead, at, kind = _visits(rng, who, world)
    mail = np.isin(kind, ["email_open", "email_click", "email_reply"])
    barred = who.leads["permission"].isin(["no_mail", "none"]).to_numpy()[lead]
    real = pd.DataFrame({"lead": lead, "at": at, "kind": kind, "bot": False})[~(mail & barred)]
    rows = pd.concat([_first_touches(who), real, _bots(rng, real)], ignore_index=True)
    rows["known"] = rows["at"] + late(rng, len(rows), share=0.04, days=3.0)
    rows["asset"] = _assets(rng, rows["kind"].to_numpy())
    rows["is_bot"] = rows["bot"].astype("boolean").mask(pd.Series(rng.random(len(rows)) < 0.3))
    rows["event_id"] = [f"t{i:08d}" for i in range(len(rows))]
    repeated = rows[rng.random(len(rows)) < 0.01]
    return pd.concat([rows, repeated], ignore_index=True)


def calls(rng: Random, who: People, world: World) -> pd.DataFrame:
    """Dials on different working days until somebody is reached: lead, at, ends, known, agent (index) and more."""
    dialled = _dialled(rng, who)
    tries = np.minimum(2 + rng.poisson(2.6, len(dialled)), MAX_DIALS)
    day = _working_days(rng, who.created[dialled] + who.weekday) - who.weekday
    lead, at = np.repeat(dialled, MAX_DIALS), (day + rng.uniform(8 / 24, 17 / 24, day.shape)).ravel()
    agent = rng.choice(AGENTS, len(dialled)).repeat(MAX_DIALS)
    disposition = dispositions(rng, who, lead, at, agent, world.connect)
    ended = np.isin(disposition, ["connected", "not_interested", "meeting_booked", "wrong_number"]).reshape(day.shape)
    kept = ((ended.cumsum(axis=1) - ended) == 0) & (np.arange(MAX_DIALS) < tries[:, None])
    dials = pd.DataFrame({"lead": lead, "at": at, "agent": agent, "disposition": disposition})
    return held(rng, dials[kept.ravel()].reset_index(drop=True))


def held(rng: Random, frame: pd.DataFrame) -> pd.DataFrame:
    """Dials (lead, at, agent, disposition), with how long each took, when it is known and what the agent wrote."""
    frame = frame.copy()
    reached = frame["disposition"].isin(CONNECTED).to_numpy()
    seconds = np.where(reached, rng.lognormal(5.4, 0.7, len(frame)), rng.uniform(8, 45, len(frame)))
    frame["duration_s"] = np.maximum(np.round(np.where(frame["disposition"] == "not_interested", 0.3, 1) * seconds), 5)
    frame["ends"] = frame["at"] + frame["duration_s"] / 86400
    frame["known"] = frame["ends"] + late(rng, len(frame), share=0.06, days=2.0)
    frame["notes"] = frame["disposition"].map(NOTES).where(pd.Series(rng.random(len(frame)) < 0.8), None)
    return frame


def answers(rng: Random, who: People, dials: pd.DataFrame, seen: pd.DataFrame, world: World) -> pd.DataFrame:
    """What was asked in connected calls and on forms: lead, at, known, criterion, state, level, source."""
    talks = dials[dials["disposition"].isin(CONNECTED)]
    forms = seen[(seen["kind"] == "form_submit") & ~seen["bot"]].drop_duplicates(["lead", "at"])
    skill = agent_skill(talks["agent"].to_numpy())
    ready = np.where(talks["disposition"] == "not_interested", 0.25, 0.62 + 0.1 * skill)
    if world.change:
        ready = ready * np.where(world.changed(talks["at"].to_numpy(), who.days), world.change.asked, 1)
    asked_in_talk = rng.random((len(talks), len(BANT))) < ready[:, None]
    asked_on_form = rng.random((len(forms), len(BANT))) < ASKED_ON_FORMS
    talks = talks.drop(columns="at").rename(columns={"ends": "at"})
    told = said(rng, who, talks, BANT, asked_in_talk, "call", world.flipped)
    written = said(rng, who, forms, BANT, asked_on_form, "form", world.flipped)
    told = _some_left_empty(rng, told)
    further = _further(rng.spawn(1)[0], who, talks, asked_in_talk, world.flipped)
    return pd.concat([told, written[written["state"] != "not_asked"], further], ignore_index=True)


def late(rng: Random, size: int, share: float, days: float) -> Floats:
    """Delay in days until our systems know: none mostly, `days` on average for the late `share`."""
    return np.where(rng.random(size) < share, rng.exponential(days, size) + 0.05, 0.0)


def agent_skill(agent: Ints) -> Floats:
    """An agent's skill from -1 to 1, fixed by the number."""
    return np.linspace(-1, 1, AGENTS)[agent]


def _visits(rng: Random, who: People, world: World) -> tuple[Ints, Floats, pd.Series]:
    """Fading interest after creation, and visits in the market that grow with urgency."""
    n = len(who.created)
    faded = np.repeat(np.arange(n), rng.poisson(3.6, n))
    cold_at = who.created[faded] + rng.exponential(50, len(faded))
    lead, at = [faded], [cold_at]
    for opens, closes in zip(who.opens.T, who.closes.T, strict=True):
        begin, end = np.maximum(who.created, opens), np.minimum(closes, np.minimum(who.bought, who.days))
        length = np.nan_to_num(np.maximum(end - begin, 0))
        hot = np.repeat(np.arange(n), rng.poisson(0.14 * length * np.exp(rng.normal(0, 0.5, n))))
        lead.append(hot)
        at.append(begin[hot] + length[hot] * rng.beta(1.6, 1.0, len(hot)))
    visit, when = np.concatenate(lead), np.concatenate(at)
    steps = 1 + rng.poisson(0.9, len(visit))  # touches in one visit, minutes apart
    if world.heavy_tails:
        steps = np.minimum(steps + (rng.pareto(1.5, len(visit)) * 0.8).astype(np.int64), 60)
    visit, when = visit.repeat(steps), when.repeat(steps) + rng.exponential(0.004, steps.sum())
    weekday_or_lucky = ((when + who.weekday) % 7 < 5) | (rng.random(len(when)) < 0.4)
    visit, when = visit[weekday_or_lucky], when[weekday_or_lucky]
    return visit, when, _kinds(rng, who.urgency(visit, when))


def _kinds(rng: Random, urgency: Floats) -> pd.Series:
    cold = pick(rng, {k: shares[1] for k, shares in KINDS.items()}, len(urgency))
    hot = pick(rng, {k: shares[2] for k, shares in KINDS.items()}, len(urgency))
    return pd.Series(np.where(rng.random(len(urgency)) < urgency + 0.1 * (urgency > 0), hot, cold))


def _first_touches(who: People) -> pd.DataFrame:
    kind = who.leads["source"].map(FIRST_KIND)
    return pd.DataFrame({"lead": np.arange(len(kind)), "at": who.created, "kind": kind, "bot": False})


def _bots(rng: Random, real: pd.DataFrame) -> pd.DataFrame:
    """Mail scanners: seconds after some mails are opened, a few clicks on every link."""
    scanned = real[(real["kind"] == "email_open") & (rng.random(len(real)) < 0.08)]
    clicks = scanned.loc[scanned.index.repeat(1 + rng.poisson(1.5, len(scanned)))]
    return clicks.assign(kind="email_click", bot=True, at=clicks["at"] + rng.uniform(2, 20, len(clicks)) / 86400)


def _assets(rng: Random, kind: Texts) -> list[str]:
    drawn = rng.random(len(kind))
    return [KINDS[k][3][int(u * len(KINDS[k][3]))] for k, u in zip(kind, drawn, strict=True)]


def _dialled(rng: Random, who: People) -> Ints:
    """Leads that may be called and that somebody found the time for; sooner the ones in the market."""
    allowed = ~who.leads["permission"].isin(["no_call", "none"]).to_numpy()
    in_market = who.urgency(np.arange(len(who.created)), who.created) > 0
    wanted = rng.random(len(who.created)) < np.where(in_market, 0.9, 0.65)
    return np.flatnonzero(allowed & wanted)


def _working_days(rng: Random, created: Floats) -> Floats:
    """(leads, MAX_DIALS) different days from Monday to Friday after creation; day 0 is a Monday."""
    gaps = rng.geometric(0.45, (len(created), MAX_DIALS))
    gaps[:, 0] += rng.geometric(0.2, len(created)) - 1
    working = (np.floor(created / 7) * 5 + np.minimum(np.floor(created % 7), 4))[:, None] + gaps.cumsum(axis=1)
    return np.asarray(working // 5 * 7 + working % 5)


def dispositions(rng: Random, who: People, lead: Ints, at: Floats, agent: Ints, connect: float) -> pd.Series:
    """How each dial ends; `connect` is the log-odds that it reaches a person out of the market."""
    urgency = who.urgency(lead, at)
    chance = 1 / (1 + np.exp(-connect - 0.3 * agent_skill(agent) - 0.6 * urgency))  # of reaching the person, per dial
    roll = rng.random(len(lead))
    talk = np.select(
        [roll < 0.04 + 0.25 * urgency, roll < 0.22 + 0.15 * urgency, roll < 0.42 - 0.1 * urgency],
        ["meeting_booked", "callback", "not_interested"],
        "connected",
    )
    return pd.Series(np.where(rng.random(len(lead)) < chance, talk, pick(rng, MISSED, len(lead))))


def _further(rng: Random, who: People, talks: pd.DataFrame, asked: Flags, flips: float) -> pd.DataFrame:
    """The further answers: asked for in 6 of 10 talks by whose end three of BANT were asked, in it or earlier."""
    known = pd.DataFrame(asked).groupby(talks["lead"].to_numpy()).cummax().sum(axis=1).to_numpy()
    asked_too = (rng.random((len(talks), len(FURTHER))) < 0.6) & (known >= 3)[:, None]
    return _some_left_empty(rng, said(rng, who, talks, FURTHER, asked_too, "call", flips))


def _some_left_empty(rng: Random, said: pd.DataFrame) -> pd.DataFrame:
    """Without half of the rows that only say that nobody asked: agents leave them empty."""
    kept: pd.DataFrame = said[(said["state"] != "not_asked") | (rng.random(len(said)) < 0.5)]
    return kept


def said(
    rng: Random, who: People, occasion: pd.DataFrame, criteria: Iterable[str], asked: Flags, source: str, flips: float
) -> pd.DataFrame:
    """One row per question that could have been asked; the truth, at times flipped, refused more if it is no."""
    frames, base = [], occasion[["lead", "at", "known"]].reset_index(drop=True)
    lead, at = base["lead"].to_numpy(), base["at"].to_numpy()
    truth = who.true_levels(lead, at)
    for column, criterion in enumerate(criteria):
        level, top = truth[criterion], len(LEVELS[criterion])
        flipped = rng.random(len(lead)) < flips
        heard = np.where(flipped, np.where(level > 0, 0, rng.integers(1, top, len(lead))), level)
        refused = rng.random(len(lead)) < np.where(level > 0, 0.08, 0.22)
        state = np.select([~asked[:, column], refused], ["not_asked", "refused"], np.where(heard > 0, "yes", "no"))
        word = np.where(np.isin(state, ["yes", "no"]), np.array(LEVELS[criterion], dtype=object)[heard], NOTHING)
        frames.append(base.assign(criterion=criterion, state=state, level=word))
    return pd.concat(frames, ignore_index=True).assign(source=source)
