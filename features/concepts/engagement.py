"""What did the lead do online? Counts, decay, recency and variety of digital touches; bots left out and counted."""

from __future__ import annotations

from features.definition import ANY, FIXED_POINT, Direction, Feature, Merge, count_within, decay

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
DAY_BITS = "bit_or(1::BIGINT << least(floor(age_days), 30)::INTEGER) FILTER (age_days < 30)"


def features() -> tuple[Feature, ...]:
    """All features of this concept."""
    return (*_per_kind(), *_totals(), *_ages(), *_variety(), *_others())


def _per_kind() -> list[Feature]:
    counts = [
        _touch(f"{kind}_{days}d", count_within(days), f"{words} in the last {days} days", (kind,))
        for kind, words in PLAIN.items()
        for days in WINDOWS
    ]
    decays = [_decay(f"{kind}_decay", PLAIN[kind], half, (kind,)) for kind in PLAIN for half in HALF_LIVES]
    return [*counts, *decays]


def _totals() -> list[Feature]:
    return [
        *(_touch(f"touches_{days}d", count_within(days), f"touches in the last {days} days", HUMAN)
          for days in (1, *WINDOWS)),
        *(_decay("touches_decay", "touches", half, HUMAN) for half in HALF_LIVES),
        _touch("touches_total", "count(*)", "touches so far", HUMAN),
        Feature("velocity_7d", "engagement", "made", "touches_7d - (touches_30d - touches_7d) * 7.0 / 23.0",
                "touches in the last week beyond the pace of the weeks before", direction="+"),
    ]  # fmt: skip


def _ages() -> list[Feature]:
    return [
        _age("days_since_touch", "min", "days since the last touch", HUMAN, "-"),
        _age("days_since_first_touch", "max", "days since the first touch", HUMAN, ""),
        *(_age(f"days_since_{kind}", "min", f"days since the last of the {PLAIN[kind]}", (kind,), "-")
          for kind in ("pricing_view", "email_click", "form_submit", "content_download", "webinar_attend")),
        _age("last_event_days", "min", "days since anything was recorded, bots and our own mails too", ANY, "-"),
    ]  # fmt: skip


def _variety() -> list[Feature]:
    return [
        _touch("active_days_30d", DAY_BITS, "days with a touch in the last 30", HUMAN, merge="days"),
        _touch("kinds_90d", "(count(*) FILTER (age_days < 90) > 0)::INTEGER",
               "different kinds of touch in the last 90 days", HUMAN),
        Feature("assets_90d", "engagement", "touches", "count(DISTINCT asset)",
                "different pages, mails and documents in the last 90 days", direction="+",
                where="age_days < 90 AND NOT bot"),
        Feature("last_touch_kind", "engagement", "touches", "min(age_days)", "the kind of the last touch", NOT_SEEN,
                dtype="text", kinds=HUMAN, merge="kind_of_min", empty=None),
    ]  # fmt: skip


def _others() -> list[Feature]:
    return [
        _touch("unsubscribes", "count(*)", "times unsubscribed from mails", ("unsubscribe",), "-"),
        _touch("tasks_scheduled", "count(*)", "tasks planned for the lead in our own systems", ("task_scheduled",), ""),
        _touch("other_touches_1d", count_within(1), "other signs in the last day", ("other",), ""),
        _touch("bot_touches_30d", count_within(30), "touches by scanners and bots in the last 30 days, counted apart",
               ("bot",), ""),
    ]  # fmt: skip


def _touch(
    name: str, sql: str, meaning: str, kinds: tuple[str, ...], direction: Direction = "+", merge: Merge = "sum"
) -> Feature:
    return Feature(name, "engagement", "touches", sql, meaning, direction=direction, kinds=kinds, merge=merge)


def _decay(name: str, words: str, half: float, kinds: tuple[str, ...]) -> Feature:
    meaning = f"{words}, each counting half after {half:g} days"
    return Feature(f"{name}_{half:g}d", "engagement", "touches", decay(half), meaning, direction="+", kinds=kinds,
                   scale=FIXED_POINT)  # fmt: skip


def _age(name: str, merge: Merge, meaning: str, kinds: tuple[str, ...], direction: Direction) -> Feature:
    return Feature(name, "engagement", "touches", f"{merge}(age_days)", meaning, NOT_SEEN, direction, kinds=kinds,
                   merge=merge, empty=None)  # fmt: skip
