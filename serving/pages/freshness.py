"""How is it said how fresh the data are? In sentences, in the scores' column `stale`, and for machines."""

from __future__ import annotations

from typing import Any

from data.freshness import Age, Freshness


def freshness_words(fresh: Freshness) -> list[str]:
    """The age of the newest touch and call, and how many rows became known too late to be used."""
    rows = "1 row" if fresh.known_later == 1 else f"{fresh.known_later:,} rows"
    later = f"not used: {rows} that became known at {fresh.as_of:%Y-%m-%d %H:%M} UTC or later"
    return [*map(_sentence, fresh.ages), later]


def stale_words(fresh: Freshness) -> str | None:
    """What is out of date, for the scores' column `stale`; None where all is fresh."""
    return "; ".join(f"{_newest(age)}: {_in_words(age.days)} old" for age in fresh.stale) or None


def freshness_facts(fresh: Freshness) -> dict[str, Any]:
    """The same for machines: a table's newest event in ISO form, its age and its limit in days."""
    ages = {
        age.table: {
            "newest": age.newest and age.newest.isoformat(),
            "age_days": age.days,
            "limit_days": age.limit_days,
            "stale": age.stale,
        }
        for age in fresh.ages
    }
    return {**ages, "known_later": fresh.known_later}


def _sentence(age: Age) -> str:
    if age.newest is None:
        return f"{_newest(age)}: none is known"
    late = f", which is stale (limit: {age.limit_days:g} days): check that new {age.table} still come in"
    return f"{_newest(age)}: {_in_words(age.days)} old ({age.newest:%Y-%m-%d %H:%M} UTC){late * age.stale}"


def _newest(age: Age) -> str:
    return f"newest {age.table.removesuffix('es' if age.table == 'touches' else 's')}"


def _in_words(days: float | None) -> str:
    """An age in hours below two days, else in whole days.

    >>> _in_words(0.5), _in_words(9.4)
    ('12 hours', '9 days')
    """
    days = days or 0.0
    return f"{days * 24:.0f} hours" if days < 2 else f"{days:.0f} days"
