"""Why did a score change? Told by each kind of cause, and the steps add up whatever happened."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.agreement.file import default_agreement, parse_agreement
from data.agreement.model import Agreement
from data.intake.retraction import merge
from data.warehouse import Warehouse
from features.catalogue import build_catalogue, catalogue_version
from models.registry.client import LoadedModel
from serving.changes import LEAST, STEPS, Seeing, find_changes
from serving.scoring import score_snapshots
from tests.tables import fill, table, warehouse_of

SINCE, UNTIL = datetime(2026, 3, 1, 5), datetime(2026, 3, 2, 5)
WEIGHTS = {
    "touches_total": 0.3,
    "page_view_decay_7d": 2.0,
    "dials_total": -0.4,
    "answers_yes": 0.5,
    "rule_points": 0.02,
    "other_active_contacts_30d": 0.4,
    "handoffs_before": -0.9,
    "rejected_before": -0.6,
    "sales_decided_7d": 0.01,
    "employees": 0.002,
    "days_since_created": -0.03,
}
OTHER_WEIGHTS = {name: 0.4 * weight for name, weight in WEIGHTS.items()}
BANT = default_agreement()
GENEROUS = parse_agreement(
    'scheme = "BANT"\n[criteria.engagement.touches]\npage_view = { points = 30, cap = 90 }\n', date(2026, 3, 1), "x"
)
EXACT = 1e-9


@dataclass(frozen=True)
class Linear:
    """Log-odds as a weighted sum of columns, a missing value as 0."""

    weights: dict[str, float]

    def predict_proba(self, X: pd.DataFrame) -> Any:
        log_odds = X.fillna(0).to_numpy(float) @ np.array([self.weights[name] for name in X])
        p = 1 / (1 + np.exp(-log_odds))
        return np.column_stack([1 - p, p])


def seeing(version: int = 1, weights: dict[str, float] = WEIGHTS, under: Agreement = BANT) -> Seeing:
    used = tuple(f for f in build_catalogue(under) if f.name in weights)
    tags = {"catalogue_version": catalogue_version(used)}
    return Seeing(LoadedModel(Linear(weights), version, tuple(f.name for f in used), tags), under)


def scores(warehouse: Warehouse, by: Seeing, as_of: datetime, leads: list[str]) -> pd.DataFrame:
    index = pd.DataFrame({"lead_id": leads, "as_of": pd.Timestamp(as_of)})
    p = score_snapshots(warehouse, by.model, by.under, index)
    return index.assign(probability=p, model_version=str(by.model.version))


FIRST = {
    "accounts": table("""
        account  employees  known_at    superseded_at
        A        100        2026-01-01  -
    """),
    "leads": table("""
        lead  account  created_at
        L1    A        2026-02-20
        L2    A        2026-02-20
        L3    -        2026-02-20
        L4    -        2026-02-20
    """),
    "touches": table("""
        lead  event_id  occurred_at       kind       superseded_at
        L1    t1        2026-02-28 09:00  page_view  -
        L1    t2        2026-02-27 09:00  chat       -
        L3    t3        2026-02-27 09:00  chat       -
    """),
}
CASES = table("""
    what              in        cause      way   because
    nothing           -         ageing     down  the time that passed
    a touch           touches   touches    up    new touches: page view on 2026-03-01
    a late touch      touches   corrected  up    corrected or late data: page view on 2026-02-26 (came in late)
    a colleague       touches   touches    up    new touches: by other leads of its company
    a call            calls     answers    down  new calls and answers: call (voicemail) on 2026-03-01
    an answer         answers   answers    up    new calls and answers: need: yes (active) on 2026-03-01
    a hand-off        handoffs  sales      down  what sales did: hand-off on 2026-03-01
    a bot             touches   corrected  down  corrected or late data: touch by a bot on 2026-02-28 (corrected)
    a larger company  accounts  traits     up    new data about the lead or its company: employees
    a merge           -         corrected  up    corrected or late data: chat on 2026-02-27 (from a merged lead)
    a new model       -         model      down  a new model: version 2 instead of 1
    a new agreement   -         agreement  up    a new agreement: points count as 2026-03-01 says
""")
NEWS = {
    "a touch": "lead,event_id,occurred_at,kind L1,n,2026-03-01_09:00,page_view",
    "a late touch": "lead,event_id,occurred_at,known_at,kind L1,n,2026-02-26_09:00,2026-03-01_09:00,page_view",
    "a colleague": "lead,event_id,occurred_at,kind L2,n,2026-03-01_09:00,chat",
    "a call": "lead,call_id,called_at,disposition L1,n,2026-03-01_09:00,voicemail",
    "an answer": "lead,criterion,answered_at,state,level L1,need,2026-03-01_09:00,yes,active",
    "a hand-off": "lead,handed_off_at,known_at L1,2026-03-01_09:00,2026-03-01_09:00",
    "a bot": "lead,event_id,occurred_at,known_at,kind,is_bot L1,t1,2026-02-28_09:00,2026-03-01_09:00,page_view,true",
    "a larger company": "account,employees,known_at A,500,2026-03-01_09:00",
}


def arrive(warehouse: Warehouse, what: str, name: str | None) -> None:
    """What happens between the two scorings."""
    if what == "a merge":
        merge(warehouse, "L3", "L1", SINCE + timedelta(hours=4))
    if what in NEWS:
        rows = table(NEWS[what].replace(" ", "\n").replace(",", "  ").replace("_0", " 0"))
        if what in ("a bot", "a larger company"):
            key = {"a bot": "event_id = 't1'", "a larger company": "account_id = 'A'"}[what]
            warehouse.execute(f"UPDATE {name} SET superseded_at = '2026-03-01 09:00' WHERE {key}")
        fill(warehouse, {str(name): rows})


@pytest.mark.parametrize("case", CASES.to_dict("records"), ids=lambda case: case["what"])
def test_a_change_is_told_by_its_cause(case):
    former = seeing()
    present = {"a new model": seeing(2, OTHER_WEIGHTS), "a new agreement": seeing(2, under=GENEROUS)}
    by = present.get(case["what"], former)
    with warehouse_of(**FIRST) as warehouse:
        then = scores(warehouse, former, SINCE, ["L1"])
        arrive(warehouse, case["what"], case["in"])
        now = scores(warehouse, by, UNTIL, ["L1"])
        found = find_changes(warehouse, then, now, by, former, 0).iloc[0]
    way, because = re.fullmatch(r"(up|down) from .*, mainly because of (.*)", found["changed"]).groups()
    told = {"cause": found["cause"], "way": way, "because": because.replace(GENEROUS.version, "2026-03-01")}
    assert told == {name: case[name] for name in told}
    assert found[list(STEPS)].sum() == pytest.approx(found["change"], abs=EXACT)
    others = {step for step in STEPS if abs(found[step]) > EXACT} - {case["cause"], "ageing"}
    assert others <= ({"agreement"} if case["what"] == "a new model" else set())


def test_a_small_change_is_none_and_without_a_model_there_is_none():
    by = seeing()
    with warehouse_of(**FIRST) as warehouse:
        then, now = (scores(warehouse, by, moment, ["L1", "L4"]) for moment in (SINCE, UNTIL))
        found = find_changes(warehouse, then, now, by, by)
        assert list(found["lead_id"]) == ["L1"]
        assert abs(found["change"].iloc[0]) >= LEAST
        none = now.assign(probability=np.nan)
        assert find_changes(warehouse, then, none, by, by).empty


def test_what_came_later_and_says_it_was_known_before_is_corrected_data():
    """Also a lead that was scored and of which nothing is stored from before any more."""
    by = seeing()
    with warehouse_of(**FIRST) as warehouse:
        then = scores(warehouse, by, SINCE, ["L1", "L3"])
        rows = table("""
            lead  event_id  occurred_at       kind
            L1    b         2026-02-26 09:00  page_view
        """)
        fill(warehouse, {"touches": rows})
        warehouse.execute("UPDATE leads SET known_at = '2026-03-01 09:00' WHERE lead_id = 'L3'")
        now = scores(warehouse, by, UNTIL, ["L1", "L3"])
        found = find_changes(warehouse, then, now, by, by, 0).set_index("lead_id")
    assert found.loc["L1", "cause"] == "corrected"
    assert found["changed"].str.endswith("or data from before that came in after it was scored").all()
    assert found.loc["L3", "corrected"] == found.loc["L3", "change"]


def test_a_model_that_is_gone_leaves_the_rest_to_the_present_one():
    by = seeing(2, OTHER_WEIGHTS)
    with warehouse_of(**FIRST) as warehouse:
        then = scores(warehouse, seeing(), SINCE, ["L1"])
        found = find_changes(warehouse, then, scores(warehouse, by, UNTIL, ["L1"]), by, None, 0).iloc[0]
    assert found["cause"] == "model"
    assert "version 2 instead of 1, which is gone" in found["changed"]
    assert found[list(STEPS)].sum() == pytest.approx(found["change"], abs=EXACT)


def random_rows(random: Random, n: int) -> dict[str, pd.DataFrame]:
    """Rows of every table around the two moments: corrected, late, of colleagues and of nobody's company."""
    hours = [random.randrange(-400, 40) for _ in range(n)]
    leads = pd.DataFrame({"lead_id": [f"R{i}" for i in range(12)], "created_at": "2026-02-01"})
    leads["account_id"] = [random.choice(["A", "B", None]) for _ in range(12)]
    rows = pd.DataFrame({"lead_id": [random.choice(leads["lead_id"]) for _ in range(n)]})
    happened = [UNTIL + timedelta(hours=h - 24, minutes=i % 60) for i, h in enumerate(hours)]
    known = [at + timedelta(hours=random.choice([0, 0, 0, 30, 90])) for at in happened]
    again = [at + timedelta(hours=random.randrange(1, 60)) if random.random() < 0.3 else None for at in known]
    last = {"known_at": known, "superseded_at": again}
    kinds = [random.choice(["page_view", "chat", "email_click", "unsubscribe"]) for _ in range(n)]
    ids = [f"e{i}" for i in range(n)]
    states = [random.choice(["yes", "no", "refused"]) for _ in range(n)]
    criteria = [random.choice(["need", "budget"]) for _ in range(n)]
    decided = [random.choice(["accepted", "rejected"]) for _ in range(n)]
    return {
        "leads": leads,
        "touches": rows.assign(event_id=ids, occurred_at=happened, kind=kinds, is_bot=random.random() < 0.1, **last),
        "calls": rows.assign(call_id=ids, called_at=happened, disposition="connected", agent_id="a", **last),
        "answers": rows.assign(answered_at=happened, criterion=criteria, state=states, **last),
        "handoffs": rows.assign(handed_off_at=happened, **last)[::5],
        "decisions": rows.assign(decided_at=happened, handed_off_at=happened, decision=decided, **last)[::3],
    }


@pytest.mark.slow
@given(st.integers(0, 2**32), st.booleans(), st.booleans())
def test_the_steps_add_up(seed, other_model, other_agreement):
    random = Random(seed)
    former = seeing()
    under = GENEROUS if other_agreement else BANT
    by = seeing(2, OTHER_WEIGHTS if other_model else WEIGHTS, under) if other_model or other_agreement else former
    with warehouse_of(**random_rows(random, 60)) as warehouse:
        leads = [f"R{i}" for i in range(12)]
        then = scores(warehouse, former, SINCE, leads)
        merge(warehouse, "R0", "R1", SINCE + timedelta(hours=2))
        now = scores(warehouse, by, UNTIL, leads[1:])
        found = find_changes(warehouse, then, now, by, former, 0)
    assert set(found["lead_id"]) == set(leads[1:])
    assert (found[list(STEPS)].sum(axis=1) - found["change"]).abs().max() < EXACT
    assert (found["agreement"].abs() > EXACT).any() <= other_agreement
    assert (found["model"].abs() > EXACT).any() == other_model
