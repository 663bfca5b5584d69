"""What the rules of an agreement make of a lead: docs/agreement.md, "What is seen" to "Contact", one rule a test."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from data.agreement.file import parse_agreement
from data.warehouse import Warehouse
from features.rules.standing import build_lines, build_rules
from tests.tables import table, warehouse_of

DOCUMENT = Path(__file__).parents[2] / "docs" / "agreement.md"
BASE = """
name = "small"
[criteria.need]
fresh_days = 30
yes = 5
no = -10
refused = -1
levels = { latent = 10, active = 20 }
[criteria.clicks.touches]
email_click = { points = 8, half_life_days = 10, cap = 20 }
[zones]
research = [10, 20]
matrix = [["not_yet"], ["nearly"], ["qualified"]]
"""


def rules(agreement: str, as_of: str, column: str, **tables: pd.DataFrame) -> dict[str, object]:
    """{lead: what the rules say of it in that column}."""
    with warehouse_of(**tables) as warehouse:
        return dict(seen_in(warehouse, agreement, as_of)[column])


def seen_in(warehouse: Warehouse, agreement: str, as_of: str) -> pd.DataFrame:
    """What the rules say of every lead they know, by lead; None where they say nothing."""
    leads = sorted(lead for (lead,) in warehouse.rows("SELECT DISTINCT lead_id FROM leads"))
    index = pd.DataFrame({"lead_id": leads, "as_of": pd.Timestamp(as_of)})
    found = build_rules(warehouse, index, [parse_agreement(agreement, date(2020, 1, 1), "the agreement")])
    return found.astype(object).where(found.notna(), None).set_index("lead_id")


# Answers

SAID = table("""
    lead  answered_at       criterion  state      level
    L1    2026-03-01 12:00  need       yes        active
    L2    2026-03-01 12:00  need       yes        latent
    L3    2026-03-01 12:00  need       yes        burning
    L4    2026-03-01 12:00  need       yes        -
    L5    2026-03-01 12:00  need       no         active
    L6    2026-03-01 12:00  need       refused    -
    L7    2026-03-01 12:00  need       not_asked  -
    L8    2026-03-01 12:00  budget     yes        active
""")


def test_an_answer_gives_the_points_of_its_state_and_level():
    """A yes whose level is not listed gives those of yes; an answer to a question not named here gives none."""
    assert rules(BASE, "2026-03-05", "research_points", answers=SAID) == {
        "L1": 20,
        "L2": 10,
        "L3": 5,
        "L4": 5,
        "L5": -10,
        "L6": -1,
        "L7": 0,
        "L8": 0,
    }


@pytest.mark.parametrize(
    ("as_of", "points"),
    [
        ("2026-03-31 11:59:59.999999", 20),
        ("2026-03-31 12:00", 0),
    ],
)
def test_an_answer_of_exactly_fresh_days_is_stale(as_of: str, points: float):
    assert rules(BASE, as_of, "research_points", answers=SAID)["L1"] == points


def test_the_latest_answer_counts_and_a_question_not_asked_takes_nothing_back():
    answers = table("""
        lead  answered_at  criterion  state      level
        L1    2026-03-01   need       yes        active
        L1    2026-03-02   need       no         -
        L2    2026-03-01   need       yes        active
        L2    2026-03-02   need       not_asked  -
        L3    2026-03-02   need       yes        latent
        L3    2026-03-01   need       yes        active
    """)
    assert rules(BASE, "2026-03-05", "research_points", answers=answers) == {"L1": -10, "L2": 20, "L3": 10}


def test_a_stale_answer_hides_the_one_before_it():
    """No older answer steps in for the latest, which is always the first to count and the last to grow stale."""
    answers = table("""
        lead  answered_at  criterion  state  level
        L1    2026-03-01   need       yes    active
        L1    2026-03-03   need       no     -
    """)
    assert rules(BASE, "2026-04-02", "research_points", answers=answers) == {"L1": 0}


def test_of_two_answers_at_one_moment_the_later_name_in_the_alphabet_counts():
    """By code point: small letters come after capitals, and letters with accents after both."""
    agreement = BASE.replace("[criteria.need]", '[criteria.need]\nanswers = ["need", "Pain", "änderung"]')
    answers = table("""
        lead  answered_at  criterion  state  level
        L1    2026-03-01   need       yes    active
        L1    2026-03-01   Pain       no     -
        L2    2026-03-01   need       yes    active
        L2    2026-03-01   änderung   no     -
    """)
    assert rules(agreement, "2026-03-05", "research_points", answers=answers) == {"L1": 20, "L2": -10}


@pytest.mark.parametrize(
    ("as_of", "points"),
    [
        ("2026-03-09 00:00", 0),  # known at that moment is not known before it
        ("2026-03-09 00:00:00.000001", 20),
    ],
)
def test_an_answer_counts_once_it_is_known(as_of: str, points: float):
    answers = table("""
        lead  answered_at  known_at    criterion  state  level
        L1    2026-03-01   2026-03-09  need       yes    active
    """)
    assert rules(BASE, as_of, "research_points", answers=answers) == {"L1": points}


@pytest.mark.parametrize(
    ("as_of", "points"),
    [
        ("2026-03-02", 20),
        ("2026-03-04", 20),  # the correction is not known yet
        ("2026-03-04 00:00:00.000001", -10),
    ],
)
def test_a_corrected_answer_holds_until_its_correction_is_known(as_of: str, points: float):
    answers = table("""
        lead  answered_at  known_at    superseded_at  criterion  state  level
        L1    2026-03-01   2026-03-01  2026-03-04     need       yes    active
        L1    2026-03-01   2026-03-04  -              need       no     -
    """)
    assert rules(BASE, as_of, "research_points", answers=answers) == {"L1": points}


# Touches


@pytest.mark.parametrize(
    ("as_of", "points"),
    [
        ("2026-03-01", 8),
        ("2026-03-11", 4),
        ("2026-03-21", 2),
        ("2026-05-30", 0.016),  # nine half-lives: 15.625 thousandths
        ("2026-06-19", 0.004),
        ("2028-03-01", 0),
    ],
)
def test_a_touch_counts_half_after_its_half_life(as_of: str, points: float):
    """A touch that was announced before it happened counts as one of now."""
    touches = table("""
        lead  occurred_at       known_at          kind
        L1    2026-03-01 00:00  2026-02-28 00:00  email_click
        L2    2026-12-01 00:00  2026-02-28 00:00  email_click
    """)
    found = rules(BASE, as_of, "digital_points", touches=touches)
    assert found["L1"] == points
    assert found["L2"] == 8 or as_of > "2026-12"


@pytest.mark.parametrize(("points", "left"), [(1, 0.063), (-1, -0.062), (3, 0.188), (-3, -0.187)])
def test_half_a_thousandth_is_rounded_up(points: int, left: float):
    """After four half-lives 1 point is 62.5 thousandths."""
    agreement = BASE.replace("points = 8, half_life_days = 10, cap = 20", f"points = {points}, half_life_days = 10")
    touches = table("""
        lead  occurred_at  kind
        L1    2026-03-01   email_click
    """)
    assert rules(agreement, "2026-04-10", "digital_points", touches=touches) == {"L1": left}


def test_repeats_saturate_at_the_cap():
    """8 and 8 and 4 reach the cap of 20; nothing beyond it counts."""
    touches = table("""
        lead  occurred_at       kind
        L1    2026-03-11 00:00  email_click
        L2    2026-03-11 00:00  email_click
        L2    2026-03-11 00:01  email_click
        L3    2026-03-11 00:00  email_click
        L3    2026-03-11 00:01  email_click
        L3    2026-03-11 00:02  email_click
    """).assign(known_at="2026-03-01")
    assert rules(BASE, "2026-03-11", "digital_points", touches=touches) == {"L1": 8, "L2": 16, "L3": 20}


def test_bots_and_what_we_sent_are_no_touches_but_an_unsubscribe_always_is():
    agreement = BASE + "[criteria.gone.touches]\nunsubscribe = { points = -5, cap = -8 }\n"
    touches = table("""
        lead  occurred_at  known_at    kind         is_bot  direction
        L1    2026-03-11   2026-03-01  email_click  true    inbound
        L2    2026-03-11   2026-03-01  email_click  false   outbound
        L3    2026-03-11   2026-03-01  email_click  -       -
        L4    2026-03-11   2026-03-01  page_view    false   inbound
        L5    2026-03-11   2026-03-01  unsubscribe  true    inbound
        L6    2026-03-11   2026-03-01  unsubscribe  false   outbound
        L6    2026-03-11   2026-03-02  unsubscribe  false   inbound
    """)
    assert rules(agreement, "2026-03-11", "digital_points", touches=touches) == {
        "L1": 0,
        "L2": 0,
        "L3": 8,
        "L4": 0,
        "L5": -5,
        "L6": -8,
    }


# Facts and conditions

PEOPLE = table("""
    lead  account  created_at  title           seniority  country  permission
    L1    A1       2026-01-01  Plant Manager   -          DE       all
    L2    A2       2026-02-14  -               VP         nl       unknown
    L3    -        2026-01-01  CTO             director   -        -
""")
COMPANIES = table("""
    account  industry       employees  annual_revenue  country
    A1       manufacturing  120        1000000         DE
    A2       -              5000       999999          -
""").assign(known_at="2026-01-01")


@pytest.fixture(scope="module")
def people() -> Iterator[Warehouse]:
    with warehouse_of(leads=PEOPLE, accounts=COMPANIES) as warehouse:
        yield warehouse


@pytest.mark.parametrize(
    ("condition", "leads"),
    [
        ("", "L1 L2 L3"),
        ("country = de", "L1"),
        ("country != DE", "L2"),  # what is unknown is neither
        ("not country = DE", "L2 L3"),  # not turns false into true
        ("not country in (de, NL)", "L3"),
        ("country is unknown", "L3"),
        ("country is known and not (country = DE)", "L2"),
        ("employees >= 120", "L1 L2"),
        ("employees > 120 or employees < 120", "L2"),
        ("not employees < 5000", "L2 L3"),
        ("employees_band = 5000+", "L2"),
        ("revenue_band in ('under 1m')", "L2"),
        ("revenue_band = '1M-10M'", "L1"),  # exactly 1M
        ("account_country = DE", "L1"),
        ("seniority = manager", "L1"),  # read from the title
        ("seniority = vp", "L2"),
        ("seniority = c_level", ""),  # the given one goes before the title's
        ("job_function in (operations, it)", "L1 L3"),
        ("title contains 'PLANT'", "L1"),
        ("permission is unknown", "L2 L3"),
        ("permission = unknown", "L2 L3"),
        ("permission != all", "L2 L3"),
        ("age_days = 15", "L2"),
        ("age_days <= 15 days", "L2"),
        ("country = DE or country = NL and employees < 100", "L1"),  # and binds closer
        ("(country = DE or country = NL) and employees > 200", "L2"),
        ("NOT country = DE AND employees_band IS KNOWN", "L2"),
    ],
)
def test_conditions_on_facts(people: Warehouse, condition: str, leads: str):
    agreement = BASE + f"[criteria.fit]\nfacts = [{{ when = '''{condition}''', points = 1 }}]\n"
    found = seen_in(people, agreement, "2026-03-01")["research_points"]
    assert " ".join(found.index[found == 1]) == leads


def test_the_first_fact_that_holds_gives_its_points():
    """And it adds to those of the answer."""
    agreement = BASE.replace(
        "levels = {",
        """facts = [
        { when = "employees >= 5000", points = 3 },
        { when = "employees >= 100", points = 2 },
        { when = "country is unknown", points = -1 },
    ]\nlevels = {""",
    )
    answers = table("""
        lead  answered_at  criterion  state  level
        L2    2026-02-20   need       yes    active
    """)
    assert rules(agreement, "2026-03-01", "research_points", leads=PEOPLE, accounts=COMPANIES, answers=answers) == {
        "L1": 2,
        "L2": 23,
        "L3": -1,
    }


def test_an_account_is_seen_once_it_is_known():
    agreement = BASE + '[criteria.fit]\nfacts = [{ when = "employees >= 100", points = 3 }]\n'
    accounts = COMPANIES.assign(known_at="2026-03-01")
    tables = {"leads": PEOPLE, "accounts": accounts}
    assert rules(agreement, "2026-03-01", "research_points", **tables) == {"L1": 0, "L2": 0, "L3": 0}
    assert rules(agreement, "2026-03-02", "research_points", **tables) == {"L1": 3, "L2": 3, "L3": 0}


WHEN = """
[criteria.timeframe]
yes = 1
levels = { within_12_months = 1, within_90_days = 2, some_day = 1 }
amounts = { within_12_months = 365, within_90_days = 90 }
"""


ASKED = table("""
    lead  answered_at  criterion  state    level
    L1    2026-02-20   timeframe  yes      within_12_months
    L2    2026-02-20   timeframe  yes      within_90_days
    L3    2026-02-20   timeframe  yes      some_day
    L4    2026-02-20   timeframe  no       within_90_days
    L5    2026-02-20   timeframe  refused  -
    L6    2025-02-20   timeframe  yes      within_90_days
""")


@pytest.fixture(scope="module")
def asked() -> Iterator[Warehouse]:
    with warehouse_of(answers=ASKED) as warehouse:
        yield warehouse


@pytest.mark.parametrize(
    ("condition", "leads"),
    [
        ("timeframe = yes", "L1 L2 L3"),
        ("timeframe = within_90_days", "L2"),
        ("timeframe != within_90_days", "L1 L3 L4 L5 L6"),  # the opposite of =, for all who were not asked too
        ("timeframe != yes", "L4 L5 L6"),
        ("timeframe in (no, Within_90_Days)", "L2 L4"),
        ("timeframe <= 90 days", "L2"),
        ("timeframe > 90 days", "L1"),  # some_day has no amount
        ("not timeframe > 90 days", "L2 L3 L4 L5 L6"),
        ("timeframe is known", "L1 L2 L3 L4"),
        ("timeframe is unknown", "L5 L6"),
        ("timeframe in (refused, not_asked)", "L5 L6"),
    ],
)
def test_conditions_on_answers(asked: Warehouse, condition: str, leads: str):
    """L6 said yes too long ago: as if nobody had asked."""
    agreement = BASE + WHEN + f'[[combinations]]\nname = "it holds"\nwhen = "{condition}"\nurgent = true\n'
    found = seen_in(asked, agreement, "2026-03-01")["urgent"]
    assert " ".join(found.index[found.astype(bool)]) == leads


CODED = table("""
    lead  created_at  Code  Score
    L1    2026-01-01  007   12.5
    L2    2026-01-01  7     9
    L3    2026-01-01  B7    -
    L4    2026-01-01  nan   0
""")


@pytest.fixture(scope="module")
def coded() -> Iterator[Warehouse]:
    with warehouse_of(leads=CODED.drop(columns="Code")) as warehouse:
        warehouse.execute('ALTER TABLE leads ADD COLUMN "lead.Code" VARCHAR')
        with warehouse.view("given", CODED[["lead_id", "Code"]]):
            warehouse.execute(
                'UPDATE leads l SET "lead.Code" = given."Code" FROM given WHERE given.lead_id = l.lead_id'
            )
        yield warehouse


@pytest.mark.parametrize(
    ("condition", "leads"),
    [
        ("lead.Code = 7", "L2"),  # texts as they are written
        ("lead.Code = '7'", "L2"),
        ("lead.Code != 007", "L2 L3 L4"),
        ("lead.Code in ('007', b7)", "L1 L3"),
        ("lead.Code contains 7", "L1 L2 L3"),
        ("lead.Code > 5", "L1 L2"),  # what is no number is unknown
        ("not lead.Code > 5", "L3 L4"),
        ("lead.Code is known", "L1 L2 L3 L4"),
        ("lead.Score = 9.0", "L2"),
        ("lead.Score in (0, '12.50')", "L1 L4"),
        ("lead.Score >= 9", "L1 L2"),
        ("not lead.Score >= 9", "L3 L4"),
        ("lead.Score is unknown", "L3"),
    ],
)
def test_an_extra_column_is_what_its_source_brought(coded: Warehouse, condition: str, leads: str):
    """Code is a column of texts, Score one of numbers."""
    agreement = BASE + f'[criteria.fit]\nfacts = [{{ when = "{condition}", points = 1 }}]\n'
    found = seen_in(coded, agreement, "2026-03-01")["research_points"]
    assert " ".join(found.index[found == 1]) == leads


# Combinations, zones, teams

BOTH = table("""
    lead  answered_at  criterion  state  level
    L1    2026-03-01   need       yes    active
    L2    2026-03-01   need       yes    latent
    L3    2026-03-01   need       no     -
""")
CLICKED = table("""
    lead  occurred_at  known_at    kind
    L1    2026-03-11   2026-03-01  email_click
    L3    2026-03-11   2026-03-01  email_click
    L4    2026-03-11   2026-03-01  email_click
""")
TOGETHER = """
[[combinations]]
name = "asks and clicks"
when = "need = active and digital_points >= 8"
points = 4.5
urgent = true
[[combinations]]
name = "asks"
when = "need = yes and research_points <= 20"
points = 1
[[combinations]]
name = "no need"
when = "need = no"
zone = "unfit"
"""


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("combinations", {"L1": "asks and clicks, asks", "L2": "asks", "L3": "no need", "L4": ""}),
        ("urgent", {"L1": True, "L2": False, "L3": False, "L4": False}),
        ("digital_points", {"L1": 8, "L2": 0, "L3": 8, "L4": 8}),
        ("research_points", {"L1": 25.5, "L2": 11, "L3": -10, "L4": 0}),  # conditions see the sum before combinations
        ("rule_points", {"L1": 33.5, "L2": 11, "L3": -2, "L4": 8}),
        ("zone", {"L1": "qualified", "L2": "nearly", "L3": "unfit", "L4": "not_yet"}),
    ],
)
def test_combinations_give_points_and_urgency_and_set_the_zone(column: str, expected: dict[str, object]):
    assert rules(BASE + TOGETHER, "2026-03-11", column, answers=BOTH, touches=CLICKED) == expected


def test_the_lines_add_up_to_the_points():
    with warehouse_of(answers=BOTH, touches=CLICKED) as warehouse:
        index = pd.DataFrame({"lead_id": ["L1"], "as_of": pd.Timestamp("2026-03-11")})
        lines = build_lines(warehouse, index, [parse_agreement(BASE + TOGETHER, date(2020, 1, 1), "the agreement")])
    assert dict(lines.groupby("axis")["points"].sum()) == {"digital": 8, "research": 25.5}


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("zone", {"L1": "qualified", "L2": "nearly", "L3": "not_yet"}),
        ("missing", {"L1": "", "L2": "clicks", "L3": "clicks"}),
    ],
)
def test_nobody_is_qualified_without_what_is_required(column: str, expected: dict[str, object]):
    """L1 and L2 have the same points on phone and research."""
    agreement = BASE.replace(
        "[criteria.clicks.touches]", "[criteria.clicks]\nrequired = true\n[criteria.clicks.touches]"
    )
    answers = table("""
        lead  answered_at  criterion  state  level
        L1    2026-03-01   need       yes    active
        L2    2026-03-01   need       yes    active
        L3    2026-03-01   need       no     -
    """)
    assert rules(agreement, "2026-03-11", column, answers=answers, touches=CLICKED[:1]) == expected


def test_a_combination_sets_the_zone_even_where_something_required_is_missing():
    agreement = BASE.replace(
        "[criteria.clicks.touches]", "[criteria.clicks]\nrequired = true\n[criteria.clicks.touches]"
    )
    agreement += """
        [[combinations]]
        name = "sure"
        when = "need = active"
        zone = "qualified"
        [[combinations]]
        name = "later in the file"
        when = "need = yes"
        zone = "unfit"
    """
    assert rules(agreement, "2026-03-11", "zone", answers=BOTH) == {"L1": "qualified", "L2": "unfit", "L3": "not_yet"}


@pytest.mark.parametrize(
    ("clicks", "level", "zone"),
    [
        (0, "none", "unfit"),
        (1, "none", "not_yet"),
        (2, "none", "nearly"),
        (0, "latent", "not_yet"),
        (1, "latent", "nearly"),
        (2, "latent", "qualified"),
        (0, "active", "nearly"),
        (1, "active", "nearly"),
        (2, "active", "qualified"),
    ],
)
def test_the_zone_is_where_the_bands_of_both_axes_meet(clicks: int, level: str, zone: str):
    """A band begins at exactly its threshold: 8 and 16 digital points, 10 and 20 of phone and research."""
    matrix = """digital = [8, 16]
    matrix = [["unfit", "not_yet", "nearly"], ["not_yet", "nearly", "qualified"], ["nearly", "nearly", "qualified"]]
    """
    agreement = re.sub("matrix = .*", matrix, BASE).replace("yes = 5", "yes = 0")
    answers = pd.DataFrame(
        [{"lead_id": "L1", "answered_at": "2026-03-01", "criterion": "need", "state": "yes", "level": level}]
    )
    touches = CLICKED.assign(lead_id="L1", occurred_at=["2026-03-11", "2026-03-12", "2026-03-13"])[:clicks]
    assert rules(agreement, "2026-03-11", "zone", answers=answers, touches=touches) == {"L1": zone}


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("team", {"L1": "rhine", "L2": "rhine", "L3": None}),
        ("persona", {"L1": "plant", "L2": None, "L3": "any"}),
        ("buying_stage", {"L1": "early", "L2": "early", "L3": "early"}),
        ("segment", {"L1": 1, "L2": 0, "L3": 2}),  # the number of the segment; after the last: all others
    ],
)
def test_the_first_that_holds_takes_the_lead(column: str, expected: dict[str, object]):
    agreement = (
        BASE
        + """
        [capacity.teams]
        rhine = { when = "country in (DE, NL)", hand_offs_per_day = 1 }
        germany = { when = "country = DE", hand_offs_per_day = 1 }
        [personas]
        plant = { when = "title contains plant" }
        any = { when = "title is known" }
        [stages]
        late = "need = yes"
        early = ""
        [values]
        segments = [{ name = "large", when = "employees > 1000" }, { name = "german", when = "country = DE" }]
    """
    )
    assert rules(agreement, "2026-03-01", column, leads=PEOPLE, accounts=COMPANIES) == expected


# Contact


def contact(agreement: str, **tables: pd.DataFrame) -> dict[str, str]:
    """What is allowed at 2026-03-11, in the four words of a permission."""
    words = {(True, True): "all", (False, True): "no_call", (True, False): "no_mail", (False, False): "none"}
    with warehouse_of(**tables) as warehouse:
        found = seen_in(warehouse, agreement, "2026-03-11")
    return {lead: words[(bool(row["may_call"]), bool(row["may_mail"]))] for lead, row in found.iterrows()}


ALLOWED = table("""
    lead  created_at  country  permission
    L1    2026-01-01  DE       all
    L2    2026-01-01  DE       no_call
    L3    2026-01-01  DE       no_mail
    L4    2026-01-01  DE       none
    L5    2026-01-01  DE       unknown
    L6    2026-01-01  US       -
""")


def test_a_lead_that_never_said_allows_what_the_agreement_says():
    said = {"L1": "all", "L2": "no_call", "L3": "no_mail", "L4": "none"}
    assert contact(BASE, leads=ALLOWED) == {**said, "L5": "all", "L6": "all"}
    unknown = BASE + '[permission]\nunknown = "no_call"\n'
    assert contact(unknown, leads=ALLOWED) == {**said, "L5": "no_call", "L6": "no_call"}


def test_every_permission_rule_narrows_and_none_widens():
    agreement = (
        BASE
        + """
        [permission]
        unknown = "no_call"
        rules = [
            { when = "country = DE and permission = all", allow = "no_call" },
            { when = "permission = unknown", allow = "all" },
            { when = "country = US", allow = "no_mail" },
            { when = "country = DE", allow = "all" },
        ]
    """
    )
    assert contact(agreement, leads=ALLOWED) == {
        "L1": "no_call",
        "L2": "no_call",
        "L3": "no_mail",
        "L4": "none",
        "L5": "no_call",
        "L6": "none",
    }


def test_an_unsubscribe_takes_mail_away_for_good():
    """Also where no criterion counts it, whoever made it and however long ago; not before it is known."""
    touches = table("""
        lead  occurred_at  known_at    kind         is_bot
        L1    2020-01-01   2020-01-01  unsubscribe  false
        L2    2026-03-01   2026-03-01  unsubscribe  true
        L5    2026-03-01   2026-03-11  unsubscribe  false
    """)
    leads = ALLOWED.assign(known_at="2020-01-01")
    agreement = BASE + '[permission]\nrules = [{ when = "", allow = "all" }]\n'
    assert contact(agreement, leads=leads, touches=touches) == {
        "L1": "no_mail",
        "L2": "none",
        "L3": "no_mail",
        "L4": "none",
        "L5": "all",
        "L6": "all",
    }


# All together


def test_the_example_of_the_document():
    """Part 1, 4: a plant manager in Germany, under the whole agreement of Alder Pumps, on 15 December."""
    agreement = re.search(r"```toml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    tables = {
        "leads": table("""
            lead  account  created_at  title          country  permission
            L1    A1       2025-03-01  Plant Manager  DE       unknown
        """),
        "accounts": table("""
            account  industry       employees  known_at
            A1       manufacturing  120        2025-01-01
        """),
        "touches": table("""
            lead  occurred_at  kind
            L1    2025-10-16   form_submit
            L1    2025-11-15   webinar_attend
            L1    2025-12-01   pricing_view
            L1    2025-12-11   pricing_view
            L1    2025-12-08   email_click
        """),
        "answers": table("""
            lead  answered_at  criterion  state    level
            L1    2025-12-01   need       yes      active
            L1    2025-12-01   timeframe  yes      within_90_days
            L1    2025-12-01   next_step  yes      demo_agreed
            L1    2025-04-01   budget     yes      approved
            L1    2025-12-01   authority  refused  -
        """),
    }
    expected = {
        "digital_points": 18.623,
        "research_points": 82.5,
        "zone": "qualified",
        "urgent": True,
        "missing": "",
        "combinations": "pain, soon, and a next step",
        "team": "rhine",
        "persona": "plant",
        "buying_stage": "decision",
        "segment": 1,
        "may_call": False,
        "may_mail": True,
    }
    assert agreement
    with warehouse_of(**tables) as warehouse:
        found = seen_in(warehouse, agreement[1], "2025-12-15")
    assert dict(found.loc["L1", list(expected)]) == expected
