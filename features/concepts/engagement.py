"""What did the lead do online? Counts, decay, recency and variety of digital touches; bots left out and counted."""

from __future__ import annotations

from dataclasses import replace

from features.definition import ANY, Direction, Feature
from features.measures import ActiveDays, Count, DecaySum, Distinct, KindOfLast, Measure, Seen, SinceFirst, SinceLast

PLAIN = {
    "page_view": "page views",
    "pricing_view": "views of the pricing page",
    "email_open": "opened e-mails",
    "email_click": "clicked e-mails",
    "form_submit": "submitted forms",
    "content_download": "downloads",
    "webinar_attend": "attended webinars",
    "event_attend": "attended events",
    "chat": "chats",
}
WINDOWS = (7, 30, 90)
HALF_LIVES = (7, 30, 90)
HUMAN = (*PLAIN, "email_reply", "form_start", "webinar_register", "ad_click", "other")
"""The kinds by which a person shows interest."""
NOT_SEEN = "no such touch was ever seen"
Kinds = tuple[str, ...]


def features() -> tuple[Feature, ...]:
    """All features of this concept."""
    return (*_per_kind(), *_totals(), *_ages(), *_variety(), *_others())


def _per_kind() -> list[Feature]:
    counts = [_count(kind, days, words, (kind,)) for kind, words in PLAIN.items() for days in WINDOWS]
    decays = [_decay(kind, half, words, (kind,)) for kind, words in PLAIN.items() for half in HALF_LIVES]
    return [*counts, *decays]


def _totals() -> list[Feature]:
    velocity = "touches_7d - (touches_30d - touches_7d) * 7.0 / 23.0"
    faster = "touches in the last week beyond the pace of the weeks before"
    return [
        *(_count("touches", days, "touches", HUMAN) for days in (1, *WINDOWS)),
        *(_decay("touches", half, "touches", HUMAN) for half in HALF_LIVES),
        _touch("touches_total", Count(), "touches so far", HUMAN),
        Feature("velocity_7d", "engagement", "made", velocity, faster, direction="+"),
    ]


def _ages() -> list[Feature]:
    kinds = ("pricing_view", "email_click", "form_submit", "content_download", "webinar_attend")
    return [
        _age("days_since_touch", SinceLast(), "days since the last touch", HUMAN),
        _age("days_since_first_touch", SinceFirst(), "days since the first touch", HUMAN, ""),
        *(_age(f"days_since_{k}", SinceLast(), f"days since the last of the {PLAIN[k]}", (k,)) for k in kinds),
        _age("last_event_days", SinceLast(), "days since anything was recorded, bots and our own mails too", ANY),
    ]


def _variety() -> list[Feature]:
    assets, pages = (
        Distinct("asset", within=90, where="NOT bot"),
        "different pages, mails and documents in the last 90 days",
    )
    last = Feature("last_touch_kind", "engagement", "touches", KindOfLast(), "the kind of the last touch", NOT_SEEN)
    return [
        _touch("active_days_30d", ActiveDays(30), "days with a touch in the last 30", HUMAN),
        _touch("kinds_90d", Seen(within=90), "different kinds of touch in the last 90 days", HUMAN),
        _touch("assets_90d", assets, pages),
        replace(last, dtype="text", kinds=HUMAN, empty=None),
    ]


def _others() -> list[Feature]:
    bots = "touches by scanners and bots in the last 30 days, counted apart"
    planned = "tasks planned for the lead in our own systems"
    return [
        _touch("unsubscribes", Count(), "times unsubscribed from mails", ("unsubscribe",), "-"),
        _touch("tasks_scheduled", Count(), planned, ("task_scheduled",), ""),
        _touch("other_touches_1d", Count(within=1), "other signs in the last day", ("other",), ""),
        _touch("bot_touches_30d", Count(within=30), bots, ("bot",), ""),
    ]


def _touch(name: str, value: Measure, meaning: str, kinds: Kinds = (), direction: Direction = "+") -> Feature:
    return Feature(name, "engagement", "touches", value, meaning, direction=direction, kinds=kinds)


def _count(stem: str, days: int, words: str, kinds: Kinds) -> Feature:
    return _touch(f"{stem}_{days}d", Count(within=days), f"{words} in the last {days} days", kinds)


def _decay(stem: str, half: float, words: str, kinds: Kinds) -> Feature:
    meaning = f"{words}, each counting half after {half:g} days"
    return _touch(f"{stem}_decay_{half:g}d", DecaySum(half), meaning, kinds)


def _age(name: str, value: Measure, meaning: str, kinds: Kinds, direction: Direction = "-") -> Feature:
    return Feature(name, "engagement", "touches", value, meaning, NOT_SEEN, direction, kinds=kinds, empty=None)
