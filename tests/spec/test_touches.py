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


SIGNS = table("""
    lead  occurred_at       kind            asset  direction  is_bot
    L1    2026-02-01 09:00  page_view       blog   inbound    -
    L1    2026-03-01 09:00  email_open      mail   outbound   -
    L1    2026-03-02 09:00  chat            bot    outbound   -
    L1    2026-03-03 09:00  email_click     scan   inbound    true
    L1    2026-03-03 10:00  unsubscribe     news   inbound    -
    L1    2026-03-03 11:00  task_scheduled  todo   outbound   -
    L2    2026-03-02 09:00  chat            help   inbound    -
    L2    2026-03-03 09:00  page_view       home   -          -
""")


def test_what_we_send_is_no_sign_of_the_person():
    """Outbound mails and chats are counted apart; unsubscribes, tasks and bots are no interest either."""
    names = ["touches_30d", "touches_total", "last_touch_kind", "days_since_touch", "assets_90d", "chat_7d"]
    counted = ["outbound_touches_30d", "bot_touches_30d", "unsubscribes", "tasks_scheduled"]
    found = build_features("2026-03-03 12:00", [*names, *counted], touches=SIGNS)
    ours = {"touches_30d": 0, "touches_total": 1, "last_touch_kind": "page_view", "days_since_touch": 30.125}
    assert found["L1"] == ours | {
        "assets_90d": 1,
        "chat_7d": 0,
        "outbound_touches_30d": 2,
        "bot_touches_30d": 1,
        "unsubscribes": 1,
        "tasks_scheduled": 1,
    }
    theirs = {"touches_30d": 2, "touches_total": 2, "last_touch_kind": "page_view", "days_since_touch": 0.125}
    assert found["L2"] == theirs | {"assets_90d": 2, "chat_7d": 1} | dict.fromkeys(counted, 0)


def test_an_outbound_mail_gives_no_velocity_and_nothing_to_colleagues():
    leads = table("""
        lead  created_at  account
        L1    2026-01-01  A
        L2    2026-01-01  A
    """)
    sent = SIGNS[(SIGNS["lead_id"] == "L1") & (SIGNS["direction"] == "outbound")]
    names = ["velocity_7d", "account_touches_30d", "other_active_contacts_30d"]
    found = build_features("2026-03-03 12:00", names, leads=leads, touches=sent)
    assert found["L1"] == found["L2"] == dict.fromkeys(names, 0)
