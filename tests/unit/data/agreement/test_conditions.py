"""Plain conditions: what they mean of a lead, how they are read, and what is said where they cannot be."""

import json
import re
from datetime import date

import pandas as pd
import pytest

from data.agreement.conditions import ALWAYS, Comparison, Joined, Not, parse_condition
from data.agreement.file import parse_agreement
from data.warehouse import Warehouse
from features.rules.standing import build_lines, build_rules
from tests.tables import fill, table

LEADS = table("""
    lead  account  created_at  title              country  permission  source   code  score
    L1    A1       2025-09-01  Head of Plant "7"  DE       -           1234567  007   5
    L2    A2       2025-11-01  -                  -        all         web      nan   -
""")
ACCOUNTS = table("""
    account  industry  employees
    A1       2024      120
    A2       finance   -
""")
ANSWERS = table("""
    lead  answered_at  criterion  state    level
    L1    2025-11-25   need       yes      active
    L2    2025-11-25   need       yes      -
    L2    2025-11-25   budget     refused  -
    L1    2025-11-25   timeframe  yes      within_90_days
""")


def standing(text, build=build_rules, answers=ANSWERS, touches=None):
    with Warehouse.open(None) as warehouse:
        warehouse.execute('ALTER TABLE leads ADD COLUMN "lead.code" VARCHAR')
        fill(warehouse, {"leads": LEADS, "accounts": ACCOUNTS, "answers": answers})
        fill(warehouse, {} if touches is None else {"touches": touches})
        index = pd.DataFrame({"lead_id": ["L1", "L2"], "as_of": pd.Timestamp("2025-12-15")})
        return build(warehouse, index, [parse_agreement(text, date(2025, 1, 1), "x.toml")])


HOLDS = {
    "": "L1 L2",
    "source = 1234567": "L1",
    "source = '1234567'": "L1",
    "source != 1234567": "L2",
    "source in (1234567, WEB)": "L1 L2",
    "industry = 2024": "L1",
    "industry = 02024": "",
    "lead.code = 7": "",
    "lead.code = 007": "L1",
    "lead.code = NaN": "L2",
    "lead.code != 7": "L1 L2",
    "lead.score = 5": "L1",
    "lead.score = '5'": "L1",
    "lead.score in (4, 5.0)": "L1",
    "lead.score >= '5'": "L1",
    "lead.score != 5": "",
    "lead.score = five": "",
    "lead.score < 5 or lead.code > 6": "L1",
    "employees = 120": "L1",
    "employees in (5, '120')": "L1",
    "employees != 5": "L1",
    "employees_band = 50-249": "L1",
    "title contains 'PLANT \"7'": "L1",
    "country != US": "L1",
    "not country = DE": "L2",
    "country is unknown": "L2",
    "permission = Unknown": "L1",
    "need = ACTIVE": "L1",
    "need != active": "L2",
    "need in (active, refused) or budget = refused": "L1 L2",
    "budget != yes and need = yes": "L1 L2",
    "timeframe <= 90 days and timeframe > '30'": "L1",
    "research_points >= 25": "L1",
    "digital_points = 0 and (country = DE or country is unknown)": "L1 L2",
}


def test_what_a_condition_means():
    """Each stands for a combination; those that hold are listed with the lead."""
    combinations = "".join(f"[[combinations]]\nname = '{i}'\nwhen = {json.dumps(c)}\n" for i, c in enumerate(HOLDS))
    rules = standing(f'name = "x"\nscheme = "BANT"\n{combinations}').set_index("lead_id")["combinations"]
    held = {lead: set(named.split(", ")) for lead, named in rules.items()}
    assert {c: " ".join(lead for lead in held if str(i) in held[lead]) for i, c in enumerate(HOLDS)} == HOLDS


ODD, LEVEL = """it's "so" \\ 100 % {x} É 名""", "it's \\ 100 % {x} É 名"


def test_names_with_odd_characters_work_from_the_file_to_the_lines():
    """A text in a condition can hold one kind of quotes, all other names both."""
    answers = table("""
        lead  answered_at  state  level
        L1    2025-12-01   yes    -
        L2    2025-12-01   yes    other
    """).assign(criterion=ODD, level=[LEVEL, "other"])
    odd, level, when = (json.dumps(text, ensure_ascii=False) for text in (ODD, LEVEL, f'need = "{LEVEL.lower()}"'))
    text = f"""
        name = {odd}
        scheme = "BANT"
        criteria.need = {{answers = [{odd}], yes = 1, fresh_days = 30.0000001, levels = {{{level} = 12.5}}}}
        combinations = [{{name = {odd}, when = {when}, points = 1}}]
        stages = {{{odd} = "need = yes"}}
        capacity.teams = {{{odd} = {{hand_offs_per_day = 1}}}}
        personas = {{{odd} = {{when = "title contains '\\"7'"}}}}
    """
    rules = standing(text, answers=answers)
    assert list(rules["research_points"]) == [13.5, 1]
    assert list(rules["combinations"]) == [ODD, ""]
    assert set(rules["team"]) == set(rules["buying_stage"]) == {ODD}
    assert list(rules["persona"].fillna("")) == [ODD, ""]
    assert standing(text, build_lines, answers).groupby("lead_id")["points"].sum().to_dict() == {"L1": 13.5, "L2": 1}


TWO = (Comparison("a", "=", ("1",)), Comparison("b", "in", ("x", "Y Z")))


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        (" ", ALWAYS),
        ("a=1", TWO[0]),
        ("a = 1 days AND b IN (x, 'Y Z')", Joined("and", TWO)),
        ("a = 1 or a = 1 and b in (x, 'Y Z')", Joined("or", (TWO[0], Joined("and", TWO)))),
        ("not (a = '1')", Not(TWO[0])),
        ("not not a = 1", Not(Not(TWO[0]))),
        ("'lead.Lead Score' >= -2.5", Comparison("lead.Lead Score", ">=", ("-2.5",))),
        ("a is Known", Comparison("a", "known")),
        ("a contains 007", Comparison("a", "contains", ("007",))),
        ("not " * 20 + "a = 1 or " + "not " * 20 + "a = 1", parse_condition(" or ".join(["not " * 20 + "a = 1"] * 2))),
    ],
)
def test_a_condition_is_read(text, tree):
    assert parse_condition(text) == tree


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a", "after 'a' comes the end, not =, !=, <, <=, >, >=, in, contains or is"),
        ("a == 1", "after '=' comes '=', not a value"),
        ("a in 1", "after 'in' comes '1', not '('"),
        ("a in ()", "after '(' comes ')', not a value"),
        ("a is not known", "after 'is' comes 'not', not known or unknown"),
        ("a = 1 b = 2", "after '1' comes 'b', not and, or, or the end"),
        ("a = 1 weeks", "after '1' comes 'weeks', not and, or, or the end"),
        ("(a = 1", "after '1' comes the end, not ')'"),
        ("a = 1)", "after '1' comes ')', not and, or, or the end"),
        (") = 1", "it begins with ')', not with a name"),
        ("a contains (", "after 'contains' comes '(', not a word"),
        ("a = 'x", '"\'x" is not understood (a quote that is not closed?)'),
        ("(" * 100 + "a = 1" + ")" * 100, "more than 20 nested brackets and nots"),
        ("not " * 100 + "a = 1", "more than 20 nested brackets and nots"),
        ("(" * 3000 + "a = 1" + ")" * 3000, "longer than 1,000 characters"),
        ("a" * 1001, "longer than 1,000 characters"),
    ],
)
def test_what_cannot_be_read_is_told(text, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        parse_condition(text)


def test_half_lives_and_freshness_count_to_the_last_digit():
    touches = table("""
        lead  occurred_at  kind
        L1    2025-11-15   chat
        L1    2025-11-15   form_submit
    """)
    text = """
        name = "x"
        scheme = "BANT"
        criteria.need.fresh_days = 20.0004
        criteria.engagement.touches = {chat = 5000, form_submit = {points = 5000, half_life_days = 30.0001}}
    """
    answers = ANSWERS.iloc[:1].assign(answered_at="2025-11-24 23:59:30")  # 20.00035 days before
    assert standing(text, answers=answers, touches=touches)["research_points"][0] == 25
    lines = standing(text, build_lines, answers, touches)
    assert sorted(lines.loc[lines["axis"] == "digital", "points"]) == [2500, 2500.006]
