"""Do the benchmarks of actions and questions see what a company would see, and claim nothing out of nothing?"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.actions import (
    NTBA,
    Morning,
    Places,
    answering,
    differences,
    fill,
    first_morning,
    on_seed,
    take_in,
    within,
)
from benchmarks.questions import ORDERS, to_ask
from data.agreement.file import default_agreement
from data.intake.ingest import ingest
from data.simulator.company import START
from data.simulator.days import Plan
from data.tables import TABLES
from data.warehouse import Warehouse


def test_rows_taken_in_are_those_that_the_intake_would_store(tmp_path: Path) -> None:
    company = answering("default", 200, 1, START, 60, 5)
    news = company.news()
    for name, rows in news.items():
        rows.to_parquet(tmp_path / f"{name}.parquet")
    with Warehouse.open(None) as quick, Warehouse.open(None) as usual:
        take_in(quick, news)
        ingest(usual, "canonical", tmp_path, loaded_at=company.morning + timedelta(days=1))
        for name in news:
            columns = ", ".join([*TABLES[name].names, "known_at"])
            one, other = (w.frame(f"SELECT {columns} FROM {name} ORDER BY ALL") for w in (quick, usual))
            pd.testing.assert_frame_equal(one, other)


@pytest.mark.parametrize(
    "plan",
    [
        Plan(dict.fromkeys("abc", ("need",))),
        Plan(handoffs=("a", "b")),
        Plan({"a": ("need", "budget")}),
    ],
)
def test_a_plan_beyond_the_days_places_is_refused(plan: Plan) -> None:
    with pytest.raises(ValueError, match="at most"):
        within(plan, Places(calls=2, handoffs=1, questions=1))


@pytest.mark.soak
def test_in_the_null_world_no_policy_is_ahead() -> None:
    found = on_seed("null", 700, 1001, Places(calls=5, handoffs=1), call_cost=10.0)
    rows = found.set_index("policy")
    brought = rows["value"] + 10.0 * rows["calls"]
    assert found["hand-offs"].nunique() == rows.drop("three actions")["calls"].nunique() == 1
    assert rows.loc["three actions", "calls"] <= rows["calls"].min(), "it calls nobody for nothing"
    np.testing.assert_allclose(brought, brought.iloc[0], rtol=1e-9)
    assert any(line.startswith("rules alone less routes before: +0 ") for line in differences(found))


@pytest.mark.slow
def test_a_morning_knows_who_may_be_called_and_what_is_still_to_ask() -> None:
    company = answering("default", 700, 1001, START)
    with first_morning("default", 700, 1001) as (path, taught), Warehouse.open(path, threads=1) as warehouse:
        morning = Morning(company.morning, warehouse, default_agreement(), taught, Places(calls=10, handoffs=3))
        leads, said = morning.leads, company.news()["answers"]
        assert not leads.loc[leads["callable"], ["with_sales", "cooling"]].any(axis=None)
        assert leads.loc[leads["callable"], "may_call"].all()
        said = said[(said["known_at"] < morning.as_of) & (said["state"] != "not_asked")].sort_values("answered_at")
        last = said.drop_duplicates(["lead_id", "criterion"], keep="last")
        fresh = last[last["state"].isin(["yes", "no"]) & (last["answered_at"] > morning.as_of - timedelta(days=100))]
        for lead, criterion in zip(fresh["lead_id"], fresh["criterion"], strict=True):
            assert lead not in leads.index or criterion not in leads.loc[lead, "open_questions"]
        plan = within(fill(morning, morning.gain.sort_values().index, NTBA), morning.places)
        assert len(plan.calls) == 10
        assert not set(plan.calls) & set(plan.handoffs)
        for name, order in ORDERS.items():
            for lead, questions in order(morning, 2, 100.0, np.random.default_rng(1)).items():
                assert set(questions) <= set(to_ask(morning)[lead])
                assert len(questions) <= 2
                assert name == "by value" or len(questions) == min(2, len(to_ask(morning)[lead]))
        assert morning.probability.between(0, 1).all()
