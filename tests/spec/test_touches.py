"""What counts as a digital touch, and when."""

from tests.tables import build_features, table


def test_a_click_counts_once_it_is_known():
    """A click that happened before as_of but was loaded after it is not seen."""
    touches = table("""
        lead  occurred_at       known_at          kind
        L1    2026-03-01 09:00  2026-03-01 09:00  email_click
        L1    2026-03-02 09:00  2026-03-09 09:00  email_click
    """)
    assert build_features("2026-03-05", ["email_click_7d"], touches=touches) == {"L1": 1}
