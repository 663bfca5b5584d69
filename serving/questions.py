"""What is a call worth, and what should be asked? As much as the answers may change what is done with the lead.

The worth of a question is its expected value of information (Howard 1966): what the best hand-off or none is worth on
average once the answer is known, less what it is worth without. A call is worth its best question, or its best two,
times the chance to reach the person.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from data.agreement.model import USUAL_ORDER, Agreement
from data.sql import in_force, literal
from data.tables import CONNECTED
from data.warehouse import Warehouse
from features.supposing import (
    answer_chances,
    answer_pairs,
    last_answers,
    open_questions,
    possible_answers,
    single_answers,
    suppose,
)
from models.metrics.evaluation import Vector, logit, sigmoid
from serving.routing import may_go

log = logging.getLogger(__name__)

LIKELIEST = 20
"""Questions are weighed for the likeliest leads, so many times as many as can be called."""
MOST_ROWS = 200_000
"""And for no more than come to so many answers to look at."""
PAIRED = 5
"""Of so many criteria, those worth most on average, two are weighed together."""
COMPANY, OWN = 20.0, 5.0
"""How many calls of the company the agreement's chance to reach counts for, and how many calls of a lead its
company's."""
CLEAR = 2.0
"""A question is asked out of the agreement's order where it is worth so many times as much as the one whose turn it
is."""
REACHED = f"count(*) FILTER (disposition IN ({', '.join(map(literal, CONNECTED))}))"
WEIGHED = {
    "call_value": "float64",
    "due": "boolean",
    "reach": "float64",
    "next_question": "str",
    "then_question": "str",
    "estimates": "str",
}
Predict = Callable[[pd.DataFrame, pd.DataFrame], Vector]
"""From leads (lead_id, as_of) and what-ifs (as `features.supposing.suppose` takes them) the probability of each sid."""


def weigh_calls(
    warehouse: Warehouse, day: pd.DataFrame, agreement: Agreement, predict: Predict | None, vouched: bool
) -> pd.DataFrame:
    """What calling each lead is worth before the cost of the call, and what to ask: WEIGHED, by the index of `day`.

    day: n leads as `routing.weigh` gives them, with `price`: what a place of the lead's team is worth to others.
    predict: None without a model; then `call_value` is the chance that the call qualifies the lead.
    Empty for leads that may not be called or are taken care of, for those less likely than the LIKELIEST, and for
    those with nothing open to ask: call_value and questions; `reach` is known of all that are weighed. Not `due` is
    who was called within the agreement's rest_days.
    """
    found = pd.DataFrame(index=day.index, columns=list(WEIGHED)).astype(WEIGHED).assign(due=True)
    if day.empty:
        return found
    found["due"] = ~day["lead_id"].isin(_called_lately(warehouse, day, agreement))
    asked = _worth_weighing(day[found["due"]], agreement)
    if asked.empty:
        return found
    leads = asked.reset_index(drop=True)
    reach = chance_to_reach(warehouse, leads, agreement)
    best = _best_questions(warehouse, leads, agreement, predict, vouched)
    known = best.assign(call_value=best["worth"] * reach, reach=reach, due=True).set_axis(asked.index)[list(WEIGHED)]
    return known.reindex(day.index).assign(due=found["due"]).astype(WEIGHED)


def chance_to_reach(warehouse: Warehouse, leads: pd.DataFrame, agreement: Agreement) -> Vector:
    """The chance that a call now reaches each of n leads (lead_id, as_of, the same for all).

    The mean of a Beta distribution: a lead's own calls and contacts beside OWN calls as the company's go, and these of
    the last year beside COMPANY calls as the agreement says.
    """
    as_of = leads["as_of"].iloc[0].to_pydatetime()
    lately = f"FROM calls e WHERE {in_force('$1')} AND called_at > $1::TIMESTAMP - INTERVAL 365 DAY"
    dials, reached = warehouse.rows(f"SELECT count(*), {REACHED} {lately}", [as_of])[0]
    usual = (reached + agreement.calls.reach * COMPANY) / (dials + COMPANY)
    with warehouse.view("m_index", leads[["lead_id"]]):
        own = warehouse.frame(
            f"SELECT lead_id, count(*) AS dials, {REACHED} AS reached FROM calls e JOIN m_index USING (lead_id) "
            f"WHERE {in_force('$1')} GROUP BY lead_id",
            [as_of],
        )
    own = own.set_index("lead_id").reindex(leads["lead_id"]).fillna(0)
    return np.asarray((own["reached"] + usual * OWN) / (own["dials"] + OWN))


def _called_lately(warehouse: Warehouse, day: pd.DataFrame, agreement: Agreement) -> set[str]:
    """The leads that are left alone, as they were called a short time ago."""
    as_of = day["as_of"].iloc[0].to_pydatetime()
    lately = f"SELECT DISTINCT lead_id FROM calls e WHERE {in_force('$1')} AND called_at > $2"
    return {of for (of,) in warehouse.rows(lately, [as_of, as_of - timedelta(days=agreement.calls.rest_days)])}


def _worth_weighing(day: pd.DataFrame, agreement: Agreement) -> pd.DataFrame:
    free = day[day["may_call"] & ~day["with_sales"] & ~day["cooling"]]
    answers = max(len(possible_answers(agreement)), 1)
    most = min(LIKELIEST * agreement.capacity.calls_per_day, max(MOST_ROWS // answers, 1))
    if len(free) > most:
        log.info("questions were weighed for the %d likeliest of %d leads that may be called", most, len(free))
    return free.nlargest(most, "worth") if len(free) > most else free


def _best_questions(
    warehouse: Warehouse, leads: pd.DataFrame, agreement: Agreement, predict: Predict | None, vouched: bool
) -> pd.DataFrame:
    """Per lead, by place: worth, next_question, then_question, estimates; worth NaN where nothing is open."""
    index, last = leads[["lead_id", "as_of"]], last_answers(warehouse, agreement, leads)
    questions = open_questions(last, agreement, len(leads))
    chances = answer_chances(warehouse, agreement, leads["as_of"].iloc[0].to_pydatetime())
    single = single_answers(questions, chances)
    found = _empty(len(leads))
    if single.empty:
        return found
    p = predict(index, single) if predict else np.full(len(single), np.nan)
    zone = suppose(warehouse, agreement, index, single).standing["zone"]
    single = single.assign(probability=p, zone=zone, was=leads["zone"].astype(str).to_numpy()[single["place"]])
    ones = pd.DataFrame(
        {str(c): _information(rows, leads, agreement, vouched) for c, rows in single.groupby("criterion", sort=False)}
    )
    best = ones.columns[ones.columns.isin(ones.mean().nlargest(PAIRED).index)]
    twos = {
        (one, other): _information(rows, leads, agreement, vouched)
        for one, other, rows in _pairs(warehouse, leads, agreement, questions[best], chances, single)
    }
    turns = _turns(agreement)
    ones = ones[sorted(ones.columns, key=lambda name: turns[str(name)])]
    if predict is None:  # what the rules make of an answer is sure, and asking is counted in no currency
        return _choose(ones, twos, _costs(questions, last, agreement) * 0, single, 1.0)
    return _choose(ones, twos, _costs(questions, last, agreement), single, CLEAR)


def _turns(agreement: Agreement) -> dict[str, int]:
    """The place of each criterion in the agreement's order of asking; those it does not name come last."""
    order = USUAL_ORDER if agreement.calls.order is None else agreement.calls.order
    order = tuple(name for name in order if name in agreement.criteria)
    return {name: at for at, name in enumerate(dict.fromkeys([*order, *agreement.criteria]))}


def _empty(leads: int) -> pd.DataFrame:
    found = pd.DataFrame(index=range(leads), columns=["worth", "next_question", "then_question", "estimates"])
    return found.astype({"worth": float} | dict.fromkeys(["next_question", "then_question", "estimates"], "str"))


def _costs(questions: pd.DataFrame, last: pd.DataFrame, agreement: Agreement) -> pd.DataFrame:
    """What asking costs, leads x criteria: more where the lead has told nothing yet."""
    cost = pd.DataFrame({c: agreement.calls.price(str(c)) for c in questions}, index=questions.index, dtype=float)
    silent = ~questions.index.isin(last["place"])
    return cost.mul(np.where(silent, agreement.calls.early, 1.0), axis=0)


def _information(rows: pd.DataFrame, leads: pd.DataFrame, agreement: Agreement, vouched: bool) -> Vector:
    """Expected value of information per lead of one what-if's answers; NaN where the question is not open.

    rows: place, chance, probability, zone of every answer. By place the sum of chance x worth after the answer, less
    the worth without: at the mean of the probabilities after, so that a question is worth nothing for moving them all.
    """
    of = rows["place"].to_numpy()
    after = leads.iloc[of].reset_index(drop=True).assign(probability=rows["probability"].to_numpy())
    after["zone"] = pd.Categorical(rows["zone"], categories=leads["zone"].cat.categories)
    chance = rows["chance"].to_numpy()
    mean = np.bincount(of, chance * rows["probability"].to_numpy(), len(leads))
    now = leads.assign(probability=np.where(leads["probability"].isna(), np.nan, mean))
    with_answer = np.bincount(of, chance * _worth(after, agreement, vouched), len(leads))
    gained = with_answer - _worth(now, agreement, vouched)
    return np.where(np.bincount(of, minlength=len(leads)) > 0, gained, np.nan)


def _worth(rows: pd.DataFrame, agreement: Agreement, vouched: bool) -> Vector:
    """What handing off or waiting is worth, the better of the two; without a model 1 where the lead may go to sales."""
    goes = may_go(rows, agreement, vouched)
    gain = ((rows["probability"] - rows["threshold"]) * rows["slope"] - rows["price"]).fillna(1.0)
    return np.where(goes, gain.clip(lower=0), 0.0)


def _pairs(
    warehouse: Warehouse,
    leads: pd.DataFrame,
    agreement: Agreement,
    questions: pd.DataFrame,
    chances: pd.DataFrame,
    single: pd.DataFrame,
) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Both criteria, and place, chance, probability and zone of every pair of answers.

    The rules are asked what they make of both answers; of the probability it is taken that each answer moves the
    log-odds by as much as it does alone.
    """
    before = logit(leads["probability"].to_numpy(float))
    moved = single.assign(moved=logit(single["probability"].to_numpy(float)) - before[single["place"]])
    by_answer = moved.set_index(["place", "criterion", "answer"])["moved"]
    pairs = [pair for pair in answer_pairs(questions, chances) if len(pair)]
    for pair, zone in zip(pairs, _zones(warehouse, agreement, leads[["lead_id", "as_of"]], pairs), strict=True):
        steps = by_answer.reindex(pd.MultiIndex.from_frame(pair[["place", "criterion", "answer"]])).to_numpy()
        first = pair.drop_duplicates("sid").reset_index(drop=True)
        p = sigmoid(before[first["place"]] + np.bincount(pair["sid"], steps, len(first)))
        one, other = dict.fromkeys(pair["criterion"])
        yield one, other, first.assign(probability=p, zone=zone)


def _zones(
    warehouse: Warehouse, agreement: Agreement, index: pd.DataFrame, asked: list[pd.DataFrame]
) -> Iterator[np.ndarray]:
    """The zone of each what-if of each frame, by sid; the rules are asked about MOST_ROWS at once, as a query of them
    takes its time however few rows it is about."""
    ends = np.cumsum([len(each) for each in asked], dtype=int)
    for group in np.unique(ends // MOST_ROWS):
        some = [each for each, end in zip(asked, ends, strict=True) if end // MOST_ROWS == group]
        begins = np.cumsum([0, *(each["sid"].max() + 1 for each in some)])
        together = pd.concat([each.assign(sid=each["sid"] + at) for each, at in zip(some, begins[:-1], strict=True)])
        zone = suppose(warehouse, agreement, index, together).standing["zone"].to_numpy()
        yield from np.split(zone, begins[1:-1])


def _choose(
    ones: pd.DataFrame, twos: dict[tuple[str, str], Vector], costs: pd.DataFrame, single: pd.DataFrame, clear: float
) -> pd.DataFrame:
    """The question of each lead; where two are worth more than one, two of them, in the order in which to ask.

    ones, twos: what one and two questions are worth to each of n leads before the cost of asking; NaN where they are
    not open. The columns of `ones` are in the agreement's order. What the call is worth is the lead's own.
    """
    names, cost = [*ones.columns.astype(str), None], costs[ones.columns].to_numpy(float)
    places = sorted((*sorted((names.index(one), names.index(other))), at) for at, (one, other) in enumerate(twos))
    pairs = np.array([[0, 0, -1], *places])[:, :2]
    columns = np.column_stack([np.full(len(ones), np.nan), *([*twos.values()][at] for *_, at in places)])
    alone, both = ones.to_numpy(float), cost[:, pairs].sum(axis=2)
    columns = np.maximum(columns, alone[:, pairs].max(axis=2))  # an answer more is never worth less than none
    one, two = _standing(alone, cost, clear), _standing(columns, both, clear)
    rows, first, pair = np.arange(len(ones)), one.thought.argmax(axis=1), two.thought.argmax(axis=1)
    together = two.worth[rows, pair] > one.worth[rows, first]
    left, right = pairs[pair].T
    better = np.where(one.thought[rows, left] < one.thought[rows, right], right, left)
    asked_first = np.where(together, better, first)
    asked_then = np.where(together, left + right - better, len(names) - 1)
    worth = np.where(together, (columns - both)[rows, pair], (alone - cost)[rows, first])
    words = np.array(names, dtype=object)
    asked = pd.DataFrame({"next_question": words[asked_first], "then_question": words[asked_then]}, dtype=object)
    asked.loc[np.isnan(worth)] = None
    found = asked.assign(worth=worth)
    return found.assign(estimates=_estimates_of(single, found["next_question"].to_numpy(object)))


class _Standing(NamedTuple):
    worth: Vector
    """Of each question to each lead, its cost paid; -inf where it is not open."""
    thought: Vector
    """The same, and more for the question whose turn it is."""


def _standing(worths: Vector, costs: Vector, clear: float) -> _Standing:
    """How n leads x questions, in the order of their turns, stand to each other.

    They stand as on average for all leads for which the same questions are open: what a model makes of one lead is
    unsure, and for most leads no single answer changes anything. As the averages are unsure as well, the first open
    question in the agreement's order keeps its turn unless another is worth `clear` times as much.
    """
    known = ~np.isnan(worths)
    told = np.where(known, _averages(worths, known), -np.inf)
    rows, turn = np.arange(len(worths)), known.argmax(axis=1)
    thought = told - costs
    thought[rows, turn] += (clear - 1) * np.maximum(told[rows, turn], 0)
    return _Standing(told - costs, thought)


def _averages(worths: Vector, known: Vector) -> Vector:
    """N leads x questions: of all leads that could be asked what the lead could, what each question is worth.

    Leads that have answered something are worth more of any call: they are no measure for the others.
    """
    found = np.zeros(worths.shape)
    kinds, of = np.unique(known, axis=0, return_inverse=True)
    for number, open_ in enumerate(kinds):
        alike = known[:, open_].all(axis=1)
        found[np.ix_(of == number, open_)] = worths[np.ix_(alike, open_)].mean(axis=0)
    return found


def _estimates_of(single: pd.DataFrame, question: Vector) -> pd.Series[str]:
    """What each answer to a lead's question would make of the estimate, best first, in one text per lead."""
    answered = single[single["criterion"].to_numpy(object) == question[single["place"].to_numpy()]]
    words = answered.assign(words=_estimates(answered)).dropna(subset="words")
    words = words.sort_values(["place", "probability", "answer"], ascending=[True, False, True], kind="stable")
    said: pd.Series[str] = words.groupby("place")["words"].agg("; ".join)
    return said.reindex(range(len(question)))


def _estimates(answered: pd.DataFrame) -> pd.Series[str]:
    """What an answer would make of the estimate; nothing for a refusal."""

    def said(state: str, level: Any, p: float, zone: str, was: str) -> str | None:
        if state == "refused":
            return None
        if_so = f"if {(state if pd.isna(level) else level).replace('_', ' ')}"
        if p != p:
            return f"{if_so}, {'qualified' if zone == 'qualified' else 'not qualified'}"
        return f"{if_so}, about {p * 100:.0f} %{' and qualified' * (zone == 'qualified' != was)}"

    columns = (answered[c] for c in ("state", "level", "probability", "zone", "was"))
    return pd.Series([said(*row) for row in zip(*columns, strict=True)], answered.index, dtype=object)
