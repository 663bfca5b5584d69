"""Does a company that answers day by day answer by its truth, with the same luck to everybody, and keep its secrets?"""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import UsageError
from data.simulator.answering import answering
from data.simulator.articles.replies import ArticlesReplies
from data.simulator.company import START, simulate
from data.simulator.days import CompanyOfDays, Plan
from data.simulator.replies import WorldReplies
from data.tables import TABLES

LEADS, HISTORY, DAYS = 400, 120, 8
WORLDS = ("default", "strange", "drift", "null", "articles")
Tables = dict[str, pd.DataFrame]


@cache
def _company(world: str) -> CompanyOfDays:
    return answering(world, LEADS, 1, START, HISTORY, DAYS)


def company(world: str) -> CompanyOfDays:
    return deepcopy(_company(world))


@cache
def simulated(world: str) -> Tables:
    morning = START + timedelta(days=HISTORY)
    hour = 0 if world == "articles" else 8
    return simulate(LEADS, 1, days=HISTORY + DAYS, world=world, moments=[morning + timedelta(hours=hour)])


def who_may_be_called(of: CompanyOfDays) -> list[str]:
    there = of.replies.there(of.day) & of.replies.may_call
    return of.replies.lead_ids[there].tolist()


def days_of(of: CompanyOfDays, plans: dict[int, Plan]) -> Tables:
    """All that becomes known from the first morning to the last, where each day has its plan or none."""
    of.news()
    parts: list[Tables] = []
    for number in range(DAYS):
        of.live(plans.get(number, Plan()))
        parts.append(of.news())
    names = dict.fromkeys(name for part in parts for name in part)
    return {n: pd.concat([part[n] for part in parts if n in part], ignore_index=True) for n in names}


@pytest.mark.parametrize(
    ("world", "rows", "accepted"),
    [
        ("default", "3650 touches, 691 calls, 657 answers, 71 handoffs, 60 decisions, 33 opportunities", 35.561),
        ("drift", "3650 touches, 701 calls, 638 answers, 55 handoffs, 49 decisions, 29 opportunities", 28.668),
        ("strange", "5428 touches, 677 calls, 676 answers, 78 handoffs, 63 decisions, 37 opportunities", 50.215),
        ("articles", "3755 touches, 1009 calls, 247 answers, 31 handoffs, 25 decisions, 10 opportunities", 11.941),
    ],
)
def test_a_simulated_year_stays_what_it_was(world: str, rows: str, accepted: float) -> None:
    """The luck of `simulate` is drawn in the order in which it always was: published figures rest on it."""
    tables = simulate(300, 1, days=200, world=world)
    names = ("touches", "calls", "answers", "handoffs", "decisions", "opportunities")
    assert ", ".join(f"{len(tables[name])} {name}" for name in names) == rows
    assert tables["truth"]["probability"].sum() == pytest.approx(accepted, abs=0.001)


@pytest.mark.parametrize("world", ["default", "strange", "drift", "null"])
def test_on_the_first_morning_is_known_what_a_simulated_company_knows_then(world: str) -> None:
    of, year = company(world), simulated(world)
    known = of.news()
    assert set(known) == set(TABLES)
    for name, rows in known.items():
        then = year[name][year[name]["known_at"] < of.morning].reset_index(drop=True)
        pd.testing.assert_frame_equal(rows.reset_index(drop=True), then)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["accounts", "leads", "calls", "answers", "handoffs"])
def test_the_second_worlds_history_is_that_of_its_simulated_company(name: str) -> None:
    of, then = company("articles"), simulated("articles")[name]
    known = of.news()[name].reset_index(drop=True)
    pd.testing.assert_frame_equal(known, then[then["known_at"] < of.morning].reset_index(drop=True))


@pytest.mark.parametrize("world", WORLDS)
def test_the_first_mornings_truth_is_that_of_the_simulated_company(world: str) -> None:
    of, truth = company(world), simulated(world)["truth_at"].set_index("lead_id")["probability"]
    found = of.probability()
    open_ = found[found > 0]
    assert len(open_) > LEADS / 3
    np.testing.assert_allclose(open_, truth[open_.index], rtol=1e-9)


@pytest.mark.parametrize("world", WORLDS)
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_the_same_question_on_the_same_day_has_the_same_answer_whatever_else_is_done(
    world: str, data: st.DataObject
) -> None:
    one, other = company(world), company(world)
    may = who_may_be_called(one)
    some = st.lists(st.sampled_from(may), unique=True)
    both = data.draw(st.lists(st.sampled_from(may), unique=True, min_size=1, max_size=60))
    question = data.draw(st.sampled_from(one.questions))
    for of in (one, other):
        mine = [lead for lead in data.draw(some) if lead not in both]
        half = len(mine) // 2
        of.live(Plan(dict.fromkeys(mine[:half], of.questions), tuple(mine[half:])))
    asked = [dict.fromkeys(both, (question,)), dict.fromkeys(reversed(both), (*other.questions,))]
    first, second = one.talks(asked[0], reached=True), other.talks(asked[1], reached=True)
    answers = second["answers"][second["answers"]["criterion"] == question]
    same_rows(first["answers"], answers)
    same_rows(first["calls"], second["calls"])
    assert len(answers) == len(both)


def same_rows(one: pd.DataFrame, other: pd.DataFrame) -> None:
    columns = ["lead_id", *one.columns.drop("lead_id")]
    ordered = (rows[columns].sort_values(columns[:2]).reset_index(drop=True) for rows in (one, other))
    pd.testing.assert_frame_equal(*ordered)


@pytest.mark.parametrize("world", WORLDS)
def test_what_leads_do_online_depends_on_no_policy(world: str) -> None:
    of = company(world)
    may = who_may_be_called(of)
    busy = days_of(of, {0: Plan(dict.fromkeys(may[:100], of.questions), tuple(may[100:150]))})
    idle = days_of(company(world), {})
    for name in ("leads", "touches"):
        pd.testing.assert_frame_equal(busy[name], idle[name])


@pytest.mark.parametrize("world", WORLDS)
def test_what_becomes_known_has_the_contracts_columns_and_nothing_of_the_truth(world: str) -> None:
    of = company(world)
    may, first = who_may_be_called(of), of.morning
    plan = Plan(dict.fromkeys(may[:100], of.questions), tuple(may[100:150]))
    for tables in (company(world).news(), days_of(of, {0: plan, 2: Plan({may[0]: of.questions})})):
        for name, rows in tables.items():
            assert list(rows) == [*TABLES[name].names, "known_at"]
    later = days_of(company(world), {0: plan})
    assert set(later) >= {"touches", "calls", "answers", "handoffs", "decisions"}
    for rows in later.values():
        assert rows["known_at"].between(first, of.morning, inclusive="left").all()
    for name in ("calls", "touches"):
        ids = TABLES[name].event_id
        repeats = later[name].drop_duplicates()
        assert repeats[ids].is_unique
        assert not set(later[name][ids]) & set(company(world).news()[name][ids])


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
def test_sales_accepts_by_the_truth(world: str) -> None:
    """Hand everybody off: of those answered in time as many are accepted as the truth says, one by one."""
    of = answering(world, 2500, 3, START, HISTORY, 40)
    of.news()
    open_ = of.probability()
    handed = tuple(open_.index[open_ > 0])
    moment = of.morning
    of.live(Plan(handoffs=handed))
    for _ in range(39):
        of.live(Plan())
    decided = of.news()["decisions"]
    decided = decided[decided["handed_off_at"].between(moment, moment + timedelta(days=1))].set_index("lead_id")
    p, accepted = open_[decided.index].to_numpy(), (decided["decision"] == "accepted").to_numpy()
    assert len(decided) > 0.7 * len(handed)
    assert abs((accepted - p).sum()) < 4 * np.sqrt((p * (1 - p)).sum())
    found = of.handoffs
    assert found["lead_id"].tolist() == list(handed)
    np.testing.assert_array_equal(found["probability"], open_[open_ > 0])
    if world != "null":  # there all are alike
        assert p[accepted].mean() > p[~accepted].mean() + 0.1


def test_answers_are_true_but_for_the_worlds_share_of_slips() -> None:
    of = answering("default", 2500, 3, START, HISTORY, DAYS)
    assert isinstance(of.replies, WorldReplies)
    who, asked = of.replies.who, dict.fromkeys(who_may_be_called(of), of.questions)
    answers = of.talks(asked, reached=True)["answers"]
    at = (answers["answered_at"] - pd.Timestamp(START)).dt.total_seconds().to_numpy() / 86_400
    lead = of.replies.lead_ids.get_indexer(answers["lead_id"])
    for question in of.questions:
        rows = ((answers["criterion"] == question) & answers["state"].isin(["yes", "no"])).to_numpy()
        true = who.true_levels(lead[rows], at[rows])[question] > 0
        wrong = ((answers["state"][rows] == "yes").to_numpy() != true).mean()
        assert wrong == pytest.approx(of.replies.world.flipped, abs=0.025)


@pytest.mark.slow
def test_in_the_second_world_talks_are_remembered() -> None:
    """Who was reached says more the next time, and sales thinks better of it."""
    of, idle = (answering("articles", 1500, 3, START, HISTORY, DAYS) for _ in range(2))
    assert isinstance(of.replies, ArticlesReplies)
    called = who_may_be_called(of)
    for _ in range(3):
        of.live(Plan(dict.fromkeys(called, ("need",))))
        idle.live(Plan())
    talked = pd.Series(of.replies.now.talks > idle.replies.now.talks, of.replies.lead_ids)  # type: ignore[attr-defined]
    assert talked.sum() > 50
    better = (of.probability() - idle.probability())[talked[talked].index.intersection(called)]
    assert better.mean() > 0
    asked = dict.fromkeys(talked[talked].index, ("budget",))
    refused = [c.talks(asked, reached=True)["answers"]["state"].eq("refused").mean() for c in (of, idle)]
    assert refused[0] < refused[1] - 0.1


@pytest.mark.parametrize("world", WORLDS)
def test_sales_does_not_accept_a_lead_twice(world: str) -> None:
    of = company(world)
    accepted = of.news()["decisions"].query("decision == 'accepted'")["lead_id"].unique()
    assert (of.probability()[accepted] == 0).all()
    day, before = of.morning, of.day
    of.live(Plan(handoffs=tuple(accepted)))
    while of.day < before + DAYS:
        of.live(Plan())
    news = of.news()
    assert set(news["handoffs"]["lead_id"]) == set(accepted)
    assert "decisions" not in news or (news["decisions"]["handed_off_at"] < day).all()


def test_in_the_null_world_all_hand_offs_are_worth_the_same() -> None:
    of = company("null")
    may = who_may_be_called(of)
    of.live(Plan(dict.fromkeys(may[:100], of.questions)))
    found = of.probability()
    assert found[found > 0].to_numpy() == pytest.approx(0.58)


@pytest.mark.parametrize("world", ["default", "articles"])
@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ("a call of a stranger", "leads that have come in"),
        ("a call before it came in", "leads that have come in"),
        ("a call that is not allowed", "calls of leads that allow calls"),
        ("a question nobody can ask", "questions among budget"),
        ("a call and a hand-off", "each lead once a day"),
        ("two hand-offs", "each lead once a day"),
    ],
)
def test_a_plan_that_nobody_could_carry_out_is_refused_and_changes_nothing(
    world: str, wrong: str, expected: str
) -> None:
    of = company(world)
    there, may = of.replies.there(of.day), of.replies.may_call
    lead = who_may_be_called(of)[0]
    plan = {
        "a call of a stranger": Plan({"nobody": ("need",)}),
        "a call before it came in": Plan({of.replies.lead_ids[~there][0]: ("need",)}),
        "a call that is not allowed": Plan({of.replies.lead_ids[there & ~may][0]: ("need",)}),
        "a question nobody can ask": Plan({lead: ("shoe size",)}),
        "a call and a hand-off": Plan({lead: ("need",)}, (lead,)),
        "two hand-offs": Plan(handoffs=(lead, lead)),
    }[wrong]
    day = of.day
    with pytest.raises(UsageError, match=expected):
        of.live(plan)
    assert of.day == day
    assert of.handoffs.empty
