"""What did the lead do online? Counts, decay, recency and variety of digital touches; bots left out and counted."""

from __future__ import annotations

from features.definition import ANY, DECAY_MERGE, Feature, count_within, decay

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
HUMAN = tuple(PLAIN) + ("email_reply", "form_start", "webinar_register", "ad_click", "other")
"""The kinds by which a person shows interest."""
NOT_SEEN = "no such touch was ever seen"
DAY_BIT = "bit_or(1::HUGEINT << least(age_days, 120)::INTEGER) FILTER (age_days < {})"


def features() -> tuple[Feature, ...]:
    """All features of this concept."""
    return (*_per_kind(), *_totals(), *_variety(), *_others())


def _per_kind() -> list[Feature]:
    out = []
    for kind, words in PLAIN.items():
        for days in WINDOWS:
            out.append(_touch(f"{kind}_{days}d", count_within(days), f"{words} in the last {days} days", (kind,)))
        for half in HALF_LIVES:
            words_ = f"{words}, each counting half after {half} days"
            out.append(_touch(f"{kind}_decay_{half}d", decay(half), words_, (kind,), merge=DECAY_MERGE))
    return out


def _totals() -> list[Feature]:
    out = [
        _touch(f"touches_{days}d", count_within(days), f"touches in the last {days} days", HUMAN)
        for days in (1, *WINDOWS)
    ]
    out += [
        _touch(f"touches_decay_{half}d", decay(half), f"touches, each counting half after {half} days", HUMAN,
               merge=DECAY_MERGE)
        for half in HALF_LIVES
    ]  # fmt: skip
    out += [
        _touch("touches_total", "count(*)", "touches so far", HUMAN),
        _age("days_since_touch", "min", "days since the last touch", HUMAN, "-"),
        _age("days_since_first_touch", "max", "days since the first touch", HUMAN, ""),
    ]
    out += [
        _age(f"days_since_{kind}", "min", f"days since the last of the {PLAIN[kind]}", (kind,), "-")
        for kind in ("pricing_view", "email_click", "form_submit", "content_download", "webinar_attend")
    ]
    return out


def _variety() -> list[Feature]:
    out = [
        _touch(f"active_days_{days}d", DAY_BIT.format(days), f"days with a touch in the last {days}", HUMAN,
               merge="bit_count(bit_or({}))")
        for days in (30, 90)
    ]  # fmt: skip
    return [
        *out,
        Feature("assets_90d", "engagement", "touches", "count(DISTINCT asset) FILTER (age_days < 90 AND NOT bot)",
                "different pages, mails and documents in the last 90 days", direction="+"),
        Feature("kinds_90d", "engagement", "touches", count_within(90), "different kinds of touch in the last 90 days",
                direction="+", kinds=HUMAN, merge="count(*) FILTER ({} > 0)"),
        Feature("last_touch_kind", "engagement", "touches", "min(age_days)", "the kind of the last touch",
                null=NOT_SEEN, dtype="text", kinds=HUMAN, merge="arg_min(kind, ({}, kind))", empty=None),
        Feature("velocity_7d", "engagement", "made", "touches_7d - (touches_30d - touches_7d) * 7.0 / 23.0",
                "touches in the last week beyond the pace of the weeks before", direction="+"),
    ]  # fmt: skip


def _others() -> list[Feature]:
    return [
        _touch("unsubscribes", "count(*)", "unsubscribed from mails", ("unsubscribe",), "-"),
        _touch("tasks_scheduled", "count(*)", "tasks planned for the lead in our own systems", ("task_scheduled",), ""),
        _touch("other_touches_1d", count_within(1), "other signs in the last day", ("other",), ""),
        _touch("bot_touches_30d", count_within(30), "touches by scanners and bots in the last 30 days, counted apart",
               ("bot",), ""),
        Feature("last_event_days", "engagement", "touches", "min(age_days)", "days since anything was recorded",
                null=NOT_SEEN, direction="-", kinds=ANY, merge="min({})", empty=None),
    ]  # fmt: skip


def _touch(
    name: str, sql: str, meaning: str, kinds: tuple[str, ...], direction: str = "+", merge: str = "sum({})"
) -> Feature:
    return Feature(name, "engagement", "touches", sql, meaning, direction=direction, kinds=kinds, merge=merge)  # type: ignore[arg-type]


def _age(name: str, which: str, meaning: str, kinds: tuple[str, ...], direction: str) -> Feature:
    return Feature(
        name, "engagement", "touches", f"{which}(age_days)", meaning, null=NOT_SEEN,
        direction=direction, kinds=kinds, merge=f"{which}({{}})", empty=None,  # type: ignore[arg-type]
    )  # fmt: skip
