"""Which question first? What an answer to one or two questions is worth by the truth, for several orders of asking.

On some mornings every lead that may be called answers the phone, and each order puts its questions to the same leads,
who say the same to the same question whatever else was asked (data/simulator/days.py). The model then sees the answers.
There are places for a --share of these leads, and the best by what the model says then have them. U is what these bring
by the truth, less the price of a place (the gain that the last of them would bring by what was known before), per lead
asked. Printed: how much each order adds to U beyond a talk in which nothing is asked, and the differences between
orders, paired by seed, with 95 % intervals (Student's t). `python -m benchmarks.questions --seeds 3`; develop on seeds
from 1001.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import timedelta
from itertools import combinations

import numpy as np
import pandas as pd

from benchmarks.actions import (
    BANT,
    NTBA,
    Morning,
    Places,
    Taught,
    as_scored,
    first_morning,
    gains,
    line,
    take_in,
    weigh,
)
from data.agreement.file import default_agreement
from data.agreement.model import Calls, Capacity
from data.simulator.answering import DAYS, answering
from data.simulator.company import START
from data.simulator.days import CompanyOfDays, Plan
from data.warehouse import Warehouse
from serving.routing import prices

MORNINGS, DAYS_BETWEEN = 3, DAYS // 3
NUMBERS = (1, 2)
"""How many questions are asked."""
Order = Callable[[Morning, int, float, np.random.Generator], dict[str, tuple[str, ...]]]
"""The questions, at most so many, to ask each lead of `morning.leads` that is callable, where a place has that price;
by lead_id.

To compare one of your own, add it to ORDERS. It decides by the Morning alone; only `at_random` needs the generator.
"""


def fixed(questions: tuple[str, ...]) -> Order:
    """The first open questions in this order, whoever the lead is."""

    def order(morning: Morning, most: int, _price: float, _: np.random.Generator) -> dict[str, tuple[str, ...]]:
        return {of: tuple(q for q in questions if q in left)[:most] for of, left in to_ask(morning).items()}

    return order


def at_random(morning: Morning, most: int, _: float, random: np.random.Generator) -> dict[str, tuple[str, ...]]:
    """Open questions by chance."""
    return {of: tuple(random.permutation(left)[:most].tolist()) for of, left in to_ask(morning).items()}


def by_value(morning: Morning, most: int, price: float, _: np.random.Generator) -> dict[str, tuple[str, ...]]:
    """The questions that `score` would ask, if asking cost nothing."""
    open_now = to_ask(morning)
    routing = morning.agreement.routing.model_copy(update={"combine": "model_only"})
    capacity = Capacity(calls_per_day=len(morning.leads))
    free = Calls(asking=dict.fromkeys(BANT, 0.0))
    agreement = morning.agreement.model_copy(update={"routing": routing, "capacity": capacity, "calls": free})
    day = prices(as_scored(morning), agreement, vouched=True).assign(price=price)
    found = weigh(morning, agreement, day).set_index(day["lead_id"])
    asked = found.loc[open_now.index, ["next_question", "then_question"]].to_numpy(object)
    return {of: tuple(q for q in qs if isinstance(q, str))[:most] for of, qs in zip(open_now.index, asked, strict=True)}


ORDERS: dict[str, Order] = {"by value": by_value, "N-T-B-A": fixed(NTBA), "B-A-N-T": fixed(BANT), "random": at_random}


def to_ask(morning: Morning) -> pd.Series[object]:
    """The open questions of each lead that may be called."""
    return morning.leads.loc[morning.leads["callable"], "open_questions"]


def on_seed(world: str, leads: int, seed: int, share: float) -> pd.DataFrame:
    """seed, number (of questions), order, value: what asking adds to U, in the agreement's currency per lead asked."""
    with first_morning(world, leads, seed) as (first, taught), Warehouse.open(first, threads=1) as warehouse:
        company = answering(world, leads, seed, START)
        company.news()  # the first warehouse has it
        rows = []
        for _ in range(MORNINGS):
            rows += on_morning(company, warehouse, taught, share, np.random.default_rng([seed, company.day]))
            for _ in range(DAYS_BETWEEN):
                company.live(Plan())
            take_in(warehouse, company.news())
    means = (
        pd.DataFrame(rows, columns=["number", "order", "value"])
        .groupby(["number", "order"], sort=False)["value"]
        .mean()
    )
    return means.reset_index().assign(seed=seed)


def on_morning(
    company: CompanyOfDays, warehouse: Warehouse, taught: Taught, share: float, random: np.random.Generator
) -> list[tuple[int, str, float]]:
    """Number of questions, order, and what it adds to U on one morning."""
    morning = Morning(company.morning, warehouse, default_agreement(), taught, Places())
    asked = to_ask(morning).index
    true = gains(morning.agreement, morning.leads.loc[asked], company.probability().reindex(asked).to_numpy())
    price = max(float(np.quantile(morning.gain[asked], 1 - share)), 0.0)

    def worth(questions: dict[str, tuple[str, ...]]) -> float:
        found = after(company, morning, questions)[asked].to_numpy()
        best = np.argsort(-found, kind="stable")[: int(share * len(found))]
        return float((true - price)[best].sum() / len(found))

    nothing = worth(dict.fromkeys(asked, ()))
    every = [(n, name, order) for n in NUMBERS for name, order in ORDERS.items()]
    every.append((len(BANT), "all four", fixed(BANT)))
    return [(n, name, worth(order(morning, n, price, random)) - nothing) for n, name, order in every]


def after(company: CompanyOfDays, morning: Morning, questions: dict[str, tuple[str, ...]]) -> pd.Series[float]:
    """The gain of each lead by what is known on the next morning, if everybody answers these questions today."""
    with morning.warehouse.transaction(keep=False):
        take_in(morning.warehouse, company.talks(questions, reached=True))
        later = Morning(
            morning.as_of + timedelta(days=1), morning.warehouse, morning.agreement, morning.taught, Places()
        )
        return later.gain


def main() -> None:
    """Ask in each order, and print what that was worth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=1, help="the first seed; develop on 1001 and up")
    parser.add_argument("--leads", type=int, default=3000)
    parser.add_argument("--world", default="default")
    parser.add_argument("--share", type=float, default=0.1, help="of the leads asked, for whom there are places")
    arguments = parser.parse_args()
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    found = pd.concat([on_seed(arguments.world, arguments.leads, seed, arguments.share) for seed in seeds])
    table = found.pivot(index="seed", columns=["number", "order"], values="value")
    print(table.round(2).to_string())
    for number, name in table:
        print(line(f"{number} asked, {name}", table[number, name], "+.2f"))
    for number in NUMBERS:
        for one, other in combinations(ORDERS, 2):
            print(line(f"{number} asked, {one} less {other}", table[number, one] - table[number, other], "+.2f"))


if __name__ == "__main__":
    main()
