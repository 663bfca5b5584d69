"""How old is the newest touch and call, by when they happened, of what was known at a moment?"""

from datetime import datetime

import pytest

from data.freshness import Limits, measure_freshness
from serving.pages.freshness import freshness_facts, freshness_words, stale_words
from tests.tables import table, warehouse_of

AS_OF = datetime(2026, 3, 2, 8)
TOUCHES = """
    lead  occurred_at       known_at          kind
    L1    2026-03-01 20:00  2026-03-02 06:00  email_click
    L1    2026-02-20 09:00  2026-03-02 07:00  page_view
    L2    2026-03-02 07:30  2026-03-02 08:00  page_view
"""
CALLS = """
    lead  called_at         known_at          superseded_at     disposition
    L1    2026-02-25 08:00  2026-02-25 09:00  -                 connected
    L2    2026-03-01 09:00  2026-03-01 09:10  2026-03-01 12:00  voicemail
"""


def measured(limits=None, **tables):
    with warehouse_of(**{name: table(text) for name, text in tables.items()}) as warehouse:
        return measure_freshness(warehouse, AS_OF, limits or Limits())


def test_it_is_the_newest_of_what_was_known_by_when_it_happened():
    """A touch loaded at as_of is not seen, one loaded late is as old as it is, and a call withdrawn does not count."""
    fresh = measured(touches=TOUCHES, calls=CALLS)
    assert {age.table: (str(age.newest), age.days) for age in fresh.ages} == {
        "touches": ("2026-03-01 20:00:00", 0.5),
        "calls": ("2026-02-25 08:00:00", 5.0),
    }
    assert fresh.known_later == 1


@pytest.mark.parametrize(
    ("touches_days", "calls_days", "stale"),
    [
        (3, 5, None),
        (3, 4.9, "newest call: 5 days old"),
        (0.4, 5, "newest touch: 12 hours old"),
        (0.4, 4.9, "newest touch: 12 hours old; newest call: 5 days old"),
    ],
)
def test_beyond_the_limit_it_is_stale(touches_days, calls_days, stale):
    limits = Limits(touches_days=touches_days, calls_days=calls_days)
    assert stale_words(measured(limits, touches=TOUCHES, calls=CALLS)) == stale


def test_it_is_said_in_sentences_and_for_machines():
    fresh = measured(Limits(calls_days=2), touches=TOUCHES, calls=CALLS)
    assert freshness_words(fresh) == [
        "newest touch: 12 hours old (2026-03-01 20:00 UTC)",
        "newest call: 5 days old (2026-02-25 08:00 UTC), which is stale (limit: 2 days): check that new calls still "
        "come in",
        "not used: 1 row that became known at 2026-03-02 08:00 UTC or later",
    ]
    assert freshness_facts(fresh) == {
        "touches": {"newest": "2026-03-01T20:00:00", "age_days": 0.5, "limit_days": 3, "stale": False},
        "calls": {"newest": "2026-02-25T08:00:00", "age_days": 5, "limit_days": 2, "stale": True},
        "known_later": 1,
    }


def test_a_company_without_calls_has_none_that_could_be_stale():
    fresh = measured(touches=TOUCHES)
    assert freshness_words(fresh)[1] == "newest call: none is known"
    assert stale_words(fresh) is None


def test_what_happens_after_the_moment_has_no_negative_age():
    announced = """
        lead  occurred_at       known_at          kind
        L1    2026-03-05 08:00  2026-03-01 08:00  webinar_register
    """
    assert measured(touches=announced).ages[0].days == 0
