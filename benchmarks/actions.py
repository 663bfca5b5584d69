"""What are the calls, questions and hand-offs of a policy worth, day by day, where the truth is known?

Each policy meets the same company of --leads leads on the same days, after a history lived as the simulator lives it,
with the same luck (data/simulator/days.py). On each working morning it sees what the warehouse knows and one model,
learned on the first morning, and fills the same places: so many calls of so many questions, so many hand-offs. The
truth values a hand-off at pV + (1-p)R - c - W; a call costs --call-cost. Printed by seed and over seeds: the value of
each policy, its share of the oracle's, and the differences that count, paired by seed, with 95 % intervals (Student's
t). `python -m benchmarks.actions --seeds 3`; develop on seeds from 1001.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from benchmarks.truth_gates import interval
from data.agreement.file import default_agreement
from data.agreement.model import Agreement, Capacity, Team
from data.cohorts import open_leads
from data.intake.ingest import ingest
from data.settings import EMPTY_WORDS, Settings
from data.simulator.answering import DAYS, answering
from data.simulator.company import START
from data.simulator.days import CompanyOfDays, Plan
from data.tables import TABLES
from data.warehouse import Warehouse
from features.catalogue import build_catalogue, needed
from features.concepts.timelines import WAITING_DAYS
from features.matrix import build_matrix
from features.rules.standing import build_rules
from features.supposing import suppose
from models.fitting.candidates import DEPLOYED
from models.fitting.deployed import ReadyModel
from models.fitting.learning import compare
from models.judging.policy import expected_gain
from models.judging.training import learn
from models.rows.dataset import build_training_set
from serving.questions import weigh_calls
from serving.routing import choose_routes, prices
from serving.scoring import BESIDE

SEED = 7
ZONES_UP = ["unfit", "not_yet", "nearly", "qualified"]
BANT, NTBA = ("budget", "authority", "need", "timeframe"), ("need", "timeframe", "budget", "authority")
REST_DAYS, MOST_DIALS, ASK_AGAIN_DAYS = 2, 8, 30
"""A lead is dialled again so many days later, so often in WAITING_DAYS; who refused an answer is asked again later."""
DIALS = """SELECT lead_id, count(*) FILTER (called_at >= $as_of::TIMESTAMP - to_days($window)) AS dials,
    date_diff('day', max(called_at), $as_of::TIMESTAMP) AS rested, bool_or(disposition = 'wrong_number') AS wrong
    FROM calls WHERE known_at < $as_of GROUP BY lead_id"""
LAST_ANSWERS = """SELECT lead_id, criterion, arg_max(state, answered_at) AS state,
    date_diff('second', max(answered_at), $as_of::TIMESTAMP) / 86400 AS age_days
    FROM answers WHERE known_at < $as_of AND state <> 'not_asked' GROUP BY ALL"""


@dataclass(frozen=True)
class Places:
    """What there is time for on a working day, and how many questions a call can ask."""

    calls: int = 20
    handoffs: int = 4
    questions: int = 1


@dataclass(frozen=True)
class Taught:
    """The model of the first morning, the columns it takes, and how many explored hand-offs it learned from."""

    model: ReadyModel
    columns: tuple[str, ...]
    explored: int


@dataclass(frozen=True)
class Morning:
    """What a policy can know: the warehouse as of a moment, the agreement, the model, and the day's places."""

    as_of: datetime
    warehouse: Warehouse
    agreement: Agreement
    taught: Taught
    places: Places

    @cached_property
    def leads(self) -> pd.DataFrame:
        """A row per open lead, by lead_id: what the rules say (`build_rules`), with_sales, cooling, open_questions
        (a tuple in the agreement's order) and callable: it may be called, is due for a dial, and has such questions."""
        recycle = self.agreement.recycle
        index = open_leads(self.warehouse, self.as_of, recycle.cool_off_days, recycle.never)
        rules = build_rules(self.warehouse, index, [self.agreement]).set_index("lead_id")
        leads = rules.assign(cooling=index["cooling"].to_numpy(), with_sales=rules.index.isin(self._with_sales()))
        leads["open_questions"] = self._open_questions(leads.index)
        dials = self._frame(DIALS, window=WAITING_DAYS).set_index("lead_id").reindex(leads.index)
        due = ~(dials["rested"] < REST_DAYS) & ~(dials["dials"] >= MOST_DIALS) & ~dials["wrong"].eq(True)
        free = leads["may_call"] & ~leads["with_sales"] & ~leads["cooling"]
        return leads.assign(callable=free & due & (leads["open_questions"].str.len() > 0))

    @cached_property
    def matrix(self) -> pd.DataFrame:
        """The model's columns of `leads`, and those of `serving.scoring.BESIDE`."""
        names = list(dict.fromkeys([*self.taught.columns, *BESIDE]))
        index = self.leads.reset_index()[["lead_id", "as_of"]]
        return build_matrix(self.warehouse, index, self.agreement, names=names)[names].set_index(self.leads.index)

    @cached_property
    def probability(self) -> pd.Series[float]:
        """What the model says of each of `leads`."""
        with threadpool_limits(limits=1):
            p = self.taught.model.predict_proba(self.matrix[list(self.taught.columns)])[:, 1]
        return pd.Series(p, self.leads.index)

    @cached_property
    def gain(self) -> pd.Series[float]:
        """What a hand-off of each lead is expected to bring over waiting."""
        return pd.Series(gains(self.agreement, self.leads, self.probability.to_numpy()), self.leads.index)

    def _frame(self, sql: str, **more: object) -> pd.DataFrame:
        return self.warehouse.frame(sql, {"as_of": self.as_of, **more})

    def _with_sales(self) -> pd.Series[str]:
        """Who was handed off and awaits an answer."""
        return self._frame(
            """SELECT lead_id FROM (SELECT lead_id, max(handed_off_at) AS sent FROM handoffs WHERE known_at < $as_of
            GROUP BY lead_id) h LEFT JOIN (SELECT lead_id, max(decided_at) AS decided FROM decisions
            WHERE known_at < $as_of GROUP BY lead_id) d USING (lead_id)
            WHERE sent > $as_of::TIMESTAMP - to_days($window) AND decided >= sent IS NOT TRUE""",
            window=WAITING_DAYS,
        )["lead_id"]

    def _open_questions(self, leads: pd.Index[str]) -> pd.Series[object]:
        said = self._frame(LAST_ANSWERS)
        fresh = {name: self.agreement.criteria[of].fresh_days for name, of in self.agreement.answer_names().items()}
        holds = said["criterion"].map(fresh).where(said["state"] != "refused", ASK_AGAIN_DAYS)
        said = said[said["age_days"] < holds]
        known = set(zip(said["lead_id"], said["criterion"], strict=True))
        asked = [q for q in fresh if q in BANT]
        found = [tuple(q for q in asked if (lead, q) not in known) for lead in leads]
        return pd.Series(found, leads, dtype=object)


Policy = Callable[[Morning], Plan]
"""Who to call with which questions, at most `places.questions` each, and whom to hand off, within the places.

To compare one of your own, add it to POLICIES. It decides by the Morning alone.
"""


def rules_alone(morning: Morning) -> Plan:
    """BANT alone: the best by zone and points to sales, the next best called, budget, authority, need, timeframe."""
    leads = morning.leads.assign(zone=pd.Categorical(morning.leads["zone"], ZONES_UP, ordered=True))
    order = leads.reset_index().sort_values(
        ["zone", "urgent", "rule_points", "lead_id"], ascending=[False] * 3 + [True]
    )
    return fill(morning, order["lead_id"], BANT)


def routes_before(morning: Morning) -> Plan:
    """The model without questions of its own: hand-offs by gain, calls by probability, need and timeframe first."""
    gain = morning.gain.sort_values(ascending=False, kind="stable")
    return fill(morning, gain.index, NTBA, worth=set(gain.index[gain > 0]))


def oracle(company: CompanyOfDays) -> Policy:
    """Hands off the best of each day by the truth, and calls the next best; no answer tells it anything new."""

    def decide(morning: Morning) -> Plan:
        true = company.probability().reindex(morning.leads.index)
        gain = pd.Series(gains(morning.agreement, morning.leads, true.to_numpy()), true.index)
        gain = gain.sort_values(ascending=False, kind="stable")
        return fill(morning, gain.index, NTBA, worth=set(gain.index[gain > 0]))

    return decide


def three_actions(morning: Morning) -> Plan:
    """Hand off, call or wait by expected gain: calls where answers may change most, with the questions that do."""
    routing = morning.agreement.routing.model_copy(update={"combine": "model_only"})
    sales = Team(hand_offs_per_day=morning.places.handoffs)
    capacity = Capacity(teams={"sales": sales}, calls_per_day=morning.places.calls)
    agreement = morning.agreement.model_copy(update={"routing": routing, "capacity": capacity})
    day = as_scored(morning).assign(team="sales")
    weighed = weigh(morning, agreement, prices(day, agreement, vouched=True))
    routed = choose_routes(day.join(weighed["call_value"]), agreement, vouched=True).leads
    ids, called = day["lead_id"], routed["contact"].eq("phone") & routed["route"].eq("tele_qualify")
    order = routed[called].sort_values("gain_call", ascending=False, kind="stable").index
    questions = weighed.loc[order, ["next_question", "then_question"]].to_numpy(object)
    asked = {
        ids[at]: tuple(q for q in both if isinstance(q, str))[: morning.places.questions]
        for at, both in zip(order, questions, strict=True)
    }
    return Plan({of: qs for of, qs in asked.items() if qs}, tuple(ids[routed["route"].eq("hand_off")]))


def as_scored(morning: Morning) -> pd.DataFrame:
    """The leads as `choose_routes` takes them, by a plain index."""
    leads = morning.leads.reset_index()
    return leads.assign(
        probability=morning.probability.to_numpy(),
        probability_low=0.0,
        support="inside",
        may_call=leads["callable"],
        may_mail=True,
        reheat=False,
        episode=0,
        age_days=0.0,
        day=f"{morning.as_of:%Y-%m-%d}",
    )


def weigh(morning: Morning, agreement: Agreement, day: pd.DataFrame) -> pd.DataFrame:
    """What calls are worth, and the questions, of leads as `routing.prices` gives them."""
    used = needed(build_catalogue(morning.agreement, morning.warehouse), set(morning.taught.columns))
    index = morning.leads.reset_index()[["lead_id", "as_of"]]
    matrix = build_matrix(morning.warehouse, index, morning.agreement, features=used, names=[f.name for f in used])
    matrix.index = morning.leads.index

    def after(asked_of: pd.DataFrame, asked: pd.DataFrame) -> np.ndarray:
        own = matrix.loc[asked_of["lead_id"]].reset_index(drop=True)
        rows = suppose(morning.warehouse, morning.agreement, asked_of, asked, used, own).matrix
        with threadpool_limits(limits=1):
            return np.asarray(morning.taught.model.predict_proba(rows[list(morning.taught.columns)])[:, 1])

    return weigh_calls(morning.warehouse, day, agreement, after, vouched=True)


POLICIES: dict[str, Policy] = {
    "rules alone": rules_alone,
    "routes before": routes_before,
    "three actions": three_actions,
}
ORACLE = "oracle"
AGAINST = ("routes before", "rules alone")
"""The policies that all others are compared with."""


def fill(morning: Morning, order: pd.Index[str], questions: tuple[str, ...], worth: set[str] | None = None) -> Plan:
    """The day's places filled in the order given: hand-offs first, then calls with the first open questions.

    worth: the leads whose hand-off pays; all by default.
    """
    leads, places = morning.leads.loc[list(order)], morning.places
    free = ~leads["with_sales"] & ~leads["cooling"]
    if worth is not None:
        free &= leads.index.isin(list(worth))
    handed = tuple(leads.index[free][: places.handoffs])
    called = leads[leads["callable"] & ~leads.index.isin(handed)].head(places.calls)
    asked = {
        of: tuple(q for q in questions if q in left)[: places.questions]
        for of, left in called["open_questions"].items()
    }
    return Plan(asked, handed)


def gains(agreement: Agreement, leads: pd.DataFrame, p: np.ndarray) -> np.ndarray:
    """What a hand-off of each lead brings over waiting where p is its chance, by its segment's costs."""
    costs = agreement.values.costs()
    money = [
        np.array([getattr(c, name) for c in costs])[leads["segment"].to_numpy(int)]
        for name in ("acceptance", "review", "waiting", "refusal")
    ]
    return expected_gain(p, *money)


@contextmanager
def first_morning(world: str, leads: int, seed: int) -> Iterator[tuple[Path, Taught]]:
    """A warehouse that has taken in the history of the company, and what is learned from it."""
    company = answering(world, leads, seed, START)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "first.duckdb"
        with Warehouse.open(path, threads=1) as warehouse:
            for name, rows in company.news().items():
                rows.to_parquet(Path(folder) / f"{name}.parquet")
            ingest(warehouse, "canonical", folder, loaded_at=company.morning)
            taught = teach(warehouse, company.morning)
        yield path, taught


def teach(warehouse: Warehouse, moment: datetime) -> Taught:
    """What a company would learn then from its hand-offs."""
    data, _ = build_training_set(warehouse, Settings(), default_agreement(), moment)
    every = np.arange(len(data.y))
    model = learn(data, every, data.now, compare(data, every, 4, SEED, DEPLOYED), SEED).model
    return Taught(model, tuple(data.X.columns), int(data.explored.sum()))


def take_in(warehouse: Warehouse, news: Mapping[str, pd.DataFrame]) -> None:
    """Store canonical rows as they are, the same row once: as the intake would, in far less time."""
    for name, rows in news.items():
        free = [c.name for c in TABLES[name].columns if c.type == "text" and not c.allowed]
        read = rows.assign(**{c: rows[c].mask(rows[c].isin(EMPTY_WORDS)) for c in free})
        with warehouse.view("news", read):
            warehouse.execute(f"INSERT INTO {name} BY NAME SELECT DISTINCT * FROM news")


def lived(
    first: Path, taught: Taught, world: str, leads: int, seed: int, policy: str, places: Places, call_cost: float
) -> dict[str, float]:
    """What a policy brings in the company's last days."""
    company = answering(world, leads, seed, START)
    company.news()  # the first warehouse has it
    decide = oracle(company) if policy == ORACLE else POLICIES[policy]
    agreement, brought, calls, talks = default_agreement(), 0.0, 0, 0
    path = first.with_name(f"{policy}.duckdb")
    shutil.copy(first, path)
    with Warehouse.open(path, threads=1) as warehouse:
        for _ in range(DAYS):
            if company.morning.weekday() >= 5:
                company.live(Plan())
                continue
            news = company.news()
            talks += int(news["answers"]["source"].eq("call").sum()) if "answers" in news else 0
            take_in(warehouse, news)
            morning = Morning(company.morning, warehouse, agreement, taught, places)
            plan = within(decide(morning), places)
            calls += len(plan.calls)
            company.live(plan)
            true = company.handoffs["probability"].to_numpy()[-len(plan.handoffs) :]
            brought += gains(agreement, morning.leads.loc[list(plan.handoffs)], true).sum() if plan.handoffs else 0.0
    path.unlink()
    true = company.handoffs["probability"]
    return {
        "value": brought - call_cost * calls,
        "calls": calls,
        "answers": talks,
        "hand-offs": len(true),
        "true": true.mean(),
    }


def within(plan: Plan, places: Places) -> Plan:
    """The plan, if it fits; a policy with more places would be compared with nobody."""
    used = (len(plan.calls), len(plan.handoffs), max(map(len, plan.calls.values()), default=0))
    if any(n > most for n, most in zip(used, (places.calls, places.handoffs, places.questions), strict=True)):
        raise ValueError(f"a day's plan: expected at most {places}, got {used}; correct the policy")
    return plan


def on_seed(world: str, leads: int, seed: int, places: Places, call_cost: float) -> pd.DataFrame:
    """A row per policy: seed, policy, and what `lived` says."""
    rows = []
    with first_morning(world, leads, seed) as (first, taught):
        for policy in (ORACLE, *POLICIES):
            began = time.process_time()
            found = lived(first, taught, world, leads, seed, policy, places, call_cost)
            rows.append({"seed": seed, "policy": policy, **found, "seconds": time.process_time() - began})
    return pd.DataFrame(rows)


def differences(found: pd.DataFrame) -> list[str]:
    """Each policy against those of AGAINST, paired by seed, and its share of the oracle's value, with intervals."""
    value = found.pivot(index="seed", columns="policy", values="value")
    lines = [line(f"{p}, share of the oracle's value", value[p] / value[ORACLE], ".3f") for p in POLICIES]
    pairs = [(p, other) for i, other in enumerate(AGAINST) for p in POLICIES if p != other and p not in AGAINST[:i]]
    return lines + [line(f"{p} less {other}", value[p] - value[other], "+,.0f") for p, other in pairs]


def line(name: str, values: pd.Series[float], form: str) -> str:
    """The mean over seeds with its interval, in words."""
    low, high = interval(values) if len(values) > 1 else (np.nan, np.nan)
    return f"{name}: {values.mean():{form}} (95 % interval {low:{form}} to {high:{form}}, {len(values)} seeds)"


def main() -> None:
    """Let each policy live the same days, and print what they bring."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=1, help="the first seed; develop on 1001 and up")
    parser.add_argument("--leads", type=int, default=3000)
    parser.add_argument("--world", default="default")
    parser.add_argument("--calls", type=int, default=Places.calls, help="a working day")
    parser.add_argument("--handoffs", type=int, default=Places.handoffs, help="a working day")
    parser.add_argument("--questions", type=int, default=Places.questions, help="a call")
    parser.add_argument("--call-cost", type=float, default=10.0, help="of a dial, in the agreement's currency")
    arguments = parser.parse_args()
    places = Places(arguments.calls, arguments.handoffs, arguments.questions)
    every = []
    for seed in range(arguments.first, arguments.first + arguments.seeds):
        every.append(on_seed(arguments.world, arguments.leads, seed, places, arguments.call_cost))
        print(every[-1].round(3).to_string(index=False), flush=True)
    print("\n".join(differences(pd.concat(every, ignore_index=True))))


if __name__ == "__main__":
    main()
