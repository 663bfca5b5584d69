"""What did the lead do online? Counts, decay, recency and variety of its touches; bots and our own counted apart."""

from __future__ import annotations

from typing import Any

from data.sql import literal
from features.definition import ANY, Direction, Feature
from features.measures import ActiveDays, Count, DecaySum, Distinct, Largest, Measure, SinceFirst, SinceLast

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
DATED = {
    "pricing_view": "view of the pricing page",
    "email_click": "clicked e-mail",
    "form_submit": "submitted form",
    "content_download": "download",
    "webinar_attend": "attended webinar",
}
WINDOWS = HALF_LIVES = (7, 30, 90)
HUMAN = (*PLAIN, "email_reply", "form_start", "webinar_register", "ad_click", "other")
"""The kinds by which a person shows interest."""
NONE_YET = "none so far"


def features() -> tuple[Feature, ...]:
    """All features of this concept."""
    return (*_amounts(), *_ages(), *_variety(), *_others())


def _amounts() -> list[Feature]:
    velocity = "touches_7d - (touches_30d - touches_7d) * 7.0 / 23.0"
    faster = "touches in the last week above the pace of the weeks before"
    return [
        *(_count(kind, days, words, (kind,)) for kind, words in PLAIN.items() for days in WINDOWS),
        *(_decay(kind, half, words, (kind,)) for kind, words in PLAIN.items() for half in HALF_LIVES),
        *(_count("touches", days, "touches", HUMAN) for days in (1, *WINDOWS)),
        *(_decay("touches", half, "touches", HUMAN) for half in HALF_LIVES),
        _touch("touches_total", Count(), "touches so far", HUMAN, none="no touches so far"),
        Feature("velocity_7d", "engagement", "made", velocity, faster, direction="+"),
    ]


def _ages() -> list[Feature]:
    anything = "days since anything was recorded, including bots and our own e-mails"
    return [
        _age("days_since_touch", SinceLast(), "days since the last touch", HUMAN),
        _age("days_since_first_touch", SinceFirst(), "days since the first touch", HUMAN, ""),
        *(
            _age(f"days_since_{kind}", SinceLast(), f"days since the last {one}", (kind,))
            for kind, one in DATED.items()
        ),
        _age("last_event_days", SinceLast(), anything, ANY),
    ]


def _variety() -> list[Feature]:
    seen, last = Largest("1", within=90, across="sum"), SinceLast(across="latest")
    by_person = f"kind IN ({', '.join(map(literal, HUMAN))})"
    quiet = "no touch in the last 30 days"
    assets, pages = Distinct("asset", within=90, where=by_person), "different pages, e-mails and documents"
    return [
        _touch("active_days_30d", ActiveDays(within=30), "days with a touch in the last 30", HUMAN, none=quiet),
        _touch("kinds_90d", seen, "different kinds of touch in the last 90 days", HUMAN),
        _touch("assets_90d", assets, f"{pages} in the last 90 days"),
        _touch("last_touch_kind", last, "the kind of the last touch", HUMAN, "", null=NONE_YET, dtype="text"),
    ]


def _others() -> list[Feature]:
    bots = "touches by scanners and bots in the last 30 days, counted separately"
    ours = "our own e-mails and chats to the lead in the last 30 days, counted separately"
    return [
        _touch("unsubscribes", Count(), "times unsubscribed from e-mails", ("unsubscribe",), "-"),
        _touch("tasks_scheduled", Count(), "tasks planned for the lead in our own systems", ("task_scheduled",), ""),
        _touch("other_touches_1d", Count(within=1), "other touches in the last day", ("other",), ""),
        _touch("bot_touches_30d", Count(within=30), bots, ("bot",), ""),
        _touch("outbound_touches_30d", Count(within=30), ours, ("outbound",), ""),
    ]


def _count(stem: str, days: int, words: str, kinds: tuple[str, ...]) -> Feature:
    said = f"{words} in the last {days} days" if days > 1 else f"{words} in the last day"
    return _touch(f"{stem}_{days}d", Count(within=days), said, kinds, none=f"no {said}")


def _decay(stem: str, half: int, words: str, kinds: tuple[str, ...]) -> Feature:
    said = f"{words}, each counting half after {half} days"
    return _touch(f"{stem}_decay_{half}d", DecaySum(half), said, kinds, none=f"no {words} so far")


def _age(name: str, value: Measure, meaning: str, kinds: tuple[str, ...], direction: Direction = "-") -> Feature:
    return _touch(name, value, meaning, kinds, direction, null=NONE_YET, unit="days")


def _touch(
    name: str, value: Measure, meaning: str, kinds: tuple[str, ...] = (), direction: Direction = "+", **more: Any
) -> Feature:
    return Feature(name, "engagement", "touches", value, meaning, direction=direction, kinds=kinds, **more)
