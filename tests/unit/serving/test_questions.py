"""What a call is worth and what to ask: by hand, on leads whose answers are known to matter."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest

from data.agreement.file import parse_agreement
from serving.questions import CLEAR, _averages, _standing, _turns, chance_to_reach, weigh_calls
from serving.routing import prices
from tests.tables import table as laid_out
from tests.tables import warehouse_of
from tests.unit.serving.test_routing import leads as alike

AS_OF = datetime(2026, 3, 1)
TEXT = """
name = "ours"
[criteria.need]
required = true
yes = 30
[criteria.budget]
yes = 20
[zones]
nearly = 10
qualified = 30
[calls]
cost = 8
early = 1
asking = { budget = 3 }
[routing]
combine = "quadrant"
"""
AGREEMENT = parse_agreement(TEXT, date(2020, 1, 1), "a test")
YES = {"need": 0.3, "budget": 0.1}
"""By how much a yes lifts the probability; a no lowers it by half of that."""


def table(text: str) -> pd.DataFrame:
    return laid_out(text.replace(" ", "  "))


def leads(**columns: object) -> pd.DataFrame:
    """Leads L0, L1 ... that the rules do not think much of, by an index of their own."""
    rows = alike(**{"as_of": pd.Timestamp(AS_OF), "probability": 0.3, "rule_points": 0.0, "zone": "not_yet", **columns})
    return rows.set_axis(range(10, 10 + len(rows)))


def predict_from(day: pd.DataFrame):
    """A model that answers shift by a set amount."""

    def predict(index: pd.DataFrame, asked: pd.DataFrame) -> np.ndarray:
        before = day.set_index("lead_id")["probability"][index["lead_id"]].to_numpy()[asked["place"]]
        by = asked["criterion"].map(YES) * asked["state"].map({"yes": 1.0, "no": -0.5, "refused": 0.0})
        return (before + by).to_numpy()

    return predict


def weigh(rows: pd.DataFrame, agreement=AGREEMENT, model: bool = True, **tables: pd.DataFrame) -> pd.DataFrame:
    known = pd.DataFrame({"lead_id": rows["lead_id"], "created_at": AS_OF, "known_at": datetime(2025, 1, 1)})
    with warehouse_of(leads=known, **tables) as warehouse:
        day = prices(rows, agreement, False)
        return weigh_calls(warehouse, day, agreement, predict_from(rows) if model else None, False)


def test_the_worth_of_a_call_by_hand() -> None:
    """Three answers, a third each. After a yes to need the rules are met, p is .6: gain (.6 - .14) x 860 = 395.6, and
    nothing else is ever handed off: 395.6 / 3 - 1 = 130.87, times .3 as nobody has called. Both questions together are
    worth less, as budget costs 3 and adds .1 at most."""
    found = weigh(leads()).iloc[0]
    assert found["call_value"] == pytest.approx((395.6 / 3 - 1) * 0.3, rel=0.02)
    assert (found["next_question"], found["reach"]) == ("need", pytest.approx(0.3))
    assert found["estimates"] == "if yes, about 60 % and qualified; if no, about 15 %"


def test_one_that_goes_to_sales_whatever_it_says_is_worth_no_call() -> None:
    rows = leads(zone="qualified", probability=0.9)
    answers = table("lead_id criterion answered_at state known_at\nL0 need 2026-02-01 yes 2026-02-01")
    assert weigh(rows, answers=answers)["call_value"].iloc[0] < 0


@pytest.mark.parametrize(
    ("state", "day", "asked"),
    [("yes", "2026-02-01", "budget"), ("refused", "2026-02-01", "budget"), ("yes", "2025-02-01", "need")],
)
def test_what_is_answered_and_fresh_is_not_asked(state: str, day: str, asked: str) -> None:
    answers = table(f"lead_id criterion answered_at state known_at\nL0 need {day} {state} {day}")
    found = weigh(leads(zone="nearly"), answers=answers).iloc[0]
    assert found["next_question"] == asked
    assert pd.isna(found["then_question"]) or found["then_question"] != "need" or asked == "need"


@pytest.mark.parametrize("barred", [{"may_call": [False]}, {"with_sales": [True]}, {"cooling": [True]}])
def test_who_may_not_be_called_or_is_with_sales_is_asked_nothing(barred: dict[str, list[bool]]) -> None:
    assert weigh(leads(**barred)).drop(columns="due").isna().all(axis=None)


def test_two_questions_are_asked_where_one_alone_changes_nothing() -> None:
    """Required need gives 20 of the 30 points, budget 20: only both yeses qualify."""
    both = parse_agreement(TEXT.replace("yes = 30", "yes = 20"), date(2020, 1, 1), "a test")
    found = weigh(leads(), both).iloc[0]
    assert {found["next_question"], found["then_question"]} == {"need", "budget"}
    assert found["call_value"] > 0


def test_without_a_model_a_question_is_worth_its_chance_to_qualify_the_lead() -> None:
    found = weigh(leads(probability=np.nan), model=False).iloc[0]
    assert found["call_value"] == pytest.approx(0.3 / 3)
    assert found["estimates"] == "if yes, qualified; if no, not qualified"


def test_a_price_of_places_makes_a_call_worth_more_that_tells_who_is_better() -> None:
    """One place: the better of two leads has it, at the price of the other, which a yes lifts above it."""
    text = TEXT + "[capacity.teams.sales]\nhand_offs_per_day = 1\n"
    priced = parse_agreement(text, date(2020, 1, 1), "a test")
    rows = leads(zone="qualified", probability=[0.5, 0.4], team="sales")
    answers = table("lead_id criterion answered_at state known_at\nL1 need 2026-02-01 yes 2026-02-01")
    found = weigh(rows, priced, answers=answers)
    free = weigh(rows.assign(team=None), AGREEMENT, answers=answers)
    assert found.loc[11, "call_value"] > free.loc[11, "call_value"]


def test_the_chance_to_reach_learns_from_the_company_and_the_lead() -> None:
    """Two of eight reached: (2 + .3 x 20) / (8 + 20) for the company; the lead's own 1 of 4 beside 5 of these."""
    calls = "lead_id call_id called_at disposition known_at\n" + "\n".join(
        f"L{i // 4} c{i} 2026-02-0{i % 4 + 1} {'connected' if i % 4 == 0 else 'no_answer'} 2026-02-05" for i in range(8)
    )
    known = pd.DataFrame({"lead_id": ["L0", "L9"], "created_at": AS_OF, "known_at": datetime(2025, 1, 1)})
    with warehouse_of(leads=known, calls=table(calls)) as warehouse:
        rows = known[["lead_id"]].assign(as_of=pd.Timestamp(AS_OF))
        found = chance_to_reach(warehouse, rows, AGREEMENT)
    company = (2 + 6) / 28
    assert found.tolist() == pytest.approx([(1 + 5 * company) / 9, company])


@pytest.mark.parametrize(("day", "due"), [("2026-02-28", False), ("2026-02-27", True)])
def test_who_was_called_within_the_rest_days_is_not_due(day: str, due: bool) -> None:
    calls = table(f"lead_id call_id called_at disposition known_at\nL0 c1 {day} no_answer {day}")
    found = weigh(leads(), calls=calls).iloc[0]
    assert (bool(found["due"]), bool(pd.isna(found["next_question"]))) == (due, not due)


def test_an_agreement_with_many_criteria_is_weighed_for_fewer_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six answers in all and room for twelve: the two likeliest leads."""
    monkeypatch.setattr("serving.questions.MOST_ROWS", 12)
    found = weigh(leads(probability=[0.1, 0.3, 0.2, 0.4]))
    assert found["call_value"].notna().tolist() == [False, True, False, True]


PLAIN = TEXT.replace("required = true\n", "").replace("asking = { budget = 3 }", "asking = { need = 0, budget = 0 }")


@pytest.mark.parametrize(
    ("worth", "order", "asked"),
    [
        ({"need": 1.0, "budget": 1.9}, "", "need"),  # less than twice as much
        ({"need": 1.0, "budget": 2.1}, "", "budget"),
        ({"need": 1.9, "budget": 1.0}, 'order = ["budget", "need"]', "budget"),
        ({"need": 2.1, "budget": 1.0}, 'order = ["budget"]', "need"),
        ({"need": 0.0, "budget": 0.0}, 'order = ["budget"]', "budget"),
    ],
)
def test_another_question_takes_the_turn_only_where_it_is_clearly_worth_more(worth, order, asked) -> None:
    agreement = parse_agreement(PLAIN.replace("\nearly = 1\n", f"\nearly = 1\n{order}\n"), date(2020, 1, 1), "a test")
    turns = _turns(agreement)
    ones = pd.DataFrame({name: [worth[name]] * 3 for name in sorted(worth, key=turns.__getitem__)})
    thought = _standing(ones.to_numpy(), ones.to_numpy() * 0, CLEAR).thought
    assert [ones.columns[at] for at in thought.argmax(axis=1)] == [asked] * 3


def test_leads_that_could_be_asked_more_are_no_worse_for_those_that_answered() -> None:
    """Two hot leads have told their need; what budget is worth to them says nothing of the cold ones."""
    nan = float("nan")
    worths = np.array([[nan, 9.0], [nan, 9.0], [1.0, 0.5], [1.0, 0.5]])
    known = ~np.isnan(worths)
    assert _averages(worths, known).tolist() == [[0, 4.75], [0, 4.75], [1.0, 0.5], [1.0, 0.5]]
