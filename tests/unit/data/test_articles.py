"""Does the second world keep the tables' contracts, is its truth true, and is it a company that could be?"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.truth_company import company
from data.intake.ingest import ingest
from data.simulator.articles import company as articles
from data.simulator.company import START, funnel, simulate, write
from data.tables import CONNECTED, TABLES
from data.warehouse import Warehouse
from features.definition import CONCEPTS

DAYS, SEEDS = 365, (1001, 1002, 1003)
END = pd.Timestamp(START) + pd.Timedelta(days=DAYS)
MONDAYS = tuple((pd.Timestamp(START) + pd.Timedelta(weeks=w)).to_pydatetime() for w in range(4, 53, 2))
HANDED_OFF = ["lead_id", "handed_off_at"]
Tables = dict[str, pd.DataFrame]
pytestmark = pytest.mark.slow


@cache
def world(seed: int = SEEDS[0], explored: float = 0.05) -> Tables:
    return articles.simulate(2000, seed, START, DAYS, MONDAYS, explored)


@cache
def decided(seed: int) -> pd.DataFrame:
    rows = world(seed)["handoffs"].merge(world(seed)["truth"]).merge(world(seed)["decisions"], on=HANDED_OFF)
    return rows.assign(accepted=rows["decision"] == "accepted")


@pytest.mark.parametrize("name", TABLES)
def test_a_table_keeps_its_contract(name: str) -> None:
    """Columns, required and allowed values, limits, keys; whole milliseconds in its year, known once it happened."""
    contract, table = TABLES[name], world()[name]
    assert list(table.columns) == [*contract.names, "known_at"]
    assert len(table) > 0
    for column in contract.columns:
        values = table[column.name].dropna()
        assert not column.required or len(values) == len(table), column.name
        assert not column.allowed or set(values) <= set(column.allowed), column.name
        assert column.least is None or (values >= column.least).all(), column.name
    assert not contract.key or not table.drop_duplicates().duplicated(list(contract.key)).any()
    for times in (table[column].dropna() for column in table.select_dtypes("datetime")):
        assert times.between(START, END, inclusive="left").all()
        assert (times.dt.microsecond % 1000 == 0).all()
    assert contract.occurred_at is None or (table["known_at"] >= table[contract.occurred_at]).all()


def test_things_happen_in_order() -> None:
    tables = world()
    created = tables["leads"].set_index("lead_id")["created_at"]
    assert set(tables["leads"]["account_id"]) == set(tables["accounts"]["account_id"])
    for name in ("touches", "calls", "answers", "handoffs"):
        at = tables[name][TABLES[name].occurred_at]
        assert (at >= tables[name]["lead_id"].map(created)).all(), name
    answered = tables["decisions"].merge(tables["handoffs"], on=HANDED_OFF)
    assert len(answered) == len(tables["decisions"])
    assert (answered["decided_at"] > answered["handed_off_at"]).all()
    deals = tables["opportunities"].merge(tables["decisions"].query("decision == 'accepted'"), on="lead_id")
    assert len(deals) == len(tables["opportunities"])
    assert (deals["opened_at"] >= deals["decided_at"]).all()


def test_after_an_acceptance_a_lead_is_with_sales() -> None:
    handed = world()["handoffs"].merge(world()["decisions"].query("decision == 'accepted'"), on="lead_id")
    assert (handed["handed_off_at_x"] <= handed["handed_off_at_y"]).all()


def test_the_rules_hand_off_who_needs_it_and_said_enough() -> None:
    handed = world()["handoffs"].drop_duplicates("lead_id")
    said = world()["answers"].query("state in ('yes', 'no')").merge(handed, on="lead_id", suffixes=("", "_handoff"))
    said = said[said["known_at"] < said["handed_off_at"]].sort_values(["answered_at", "known_at"], kind="stable")
    yes = said.groupby(["lead_id", "criterion"])["state"].last().unstack() == "yes"
    rules = yes.reindex(handed.loc[handed["route"] == "rules", "lead_id"])
    assert rules["need"].all()
    assert (rules.sum(axis=1) >= 2).all()


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_exploration_reaches_leads_of_every_age(seed: int) -> None:
    """Days since the last sign, as the company sees it: all bands have some, and each row says its propensity."""
    handed, touches = world(seed)["handoffs"], world(seed)["touches"]
    assert handed.groupby("route")["propensity"].unique().map(list).to_dict() == {"exploration": [0.05], "rules": [1]}
    signs = touches[~touches["is_bot"].fillna(False) & (touches["direction"] == "inbound")]
    signs = signs[signs["kind"] != "unsubscribe"].rename(columns={"occurred_at": "at"})[["lead_id", "at"]]
    calls = world(seed)["calls"][lambda t: t["disposition"].isin(CONNECTED)].rename(columns={"called_at": "at"})
    explored = handed[handed["route"] == "exploration"].merge(pd.concat([signs, calls[["lead_id", "at"]]]))
    last = explored[explored["at"] < explored["handed_off_at"]].groupby(HANDED_OFF)["at"].max().reset_index()
    age_days = (last["handed_off_at"] - last["at"]) / pd.Timedelta("1D")
    assert (pd.cut(age_days, [0, 7, 30, 90, np.inf]).value_counts(normalize=True) > 0.03).all()


def test_without_exploration_only_the_rules_hand_off() -> None:
    assert set(world(explored=0)["handoffs"]["route"]) == {"rules"}


def test_those_who_forbid_it_are_neither_called_nor_mailed() -> None:
    permission = world()["leads"].set_index("lead_id")["permission"]
    assert set(world()["calls"]["lead_id"].map(permission)) == {"all", "no_mail", "unknown"}
    mails = world()["touches"].query("channel == 'email'")
    assert set(mails["lead_id"].map(permission)) == {"all", "no_call", "unknown"}


@pytest.mark.parametrize("seed", SEEDS)
def test_the_funnel_is_that_of_a_company(seed: int) -> None:
    tables, rows = world(seed), decided(seed)
    rates, n = rows.groupby("route")["accepted"].mean(), len(tables["leads"])
    found = funnel(tables, END.to_pydatetime())
    assert 0.45 < rates["rules"] < 0.7
    assert rates["exploration"] < rates["rules"] - 0.15
    assert tables["truth_at"]["probability"].mean() < rates["rules"] - 0.15
    assert 0.15 < tables["handoffs"]["lead_id"].nunique() / n < 0.3
    assert 0.03 < tables["handoffs"]["lead_id"].duplicated().mean() < 0.25
    assert 0.05 < (found["unanswered"] or 0) < 0.25
    assert 0.05 < (found["connected_per_dial"] or 0) < 0.15
    assert 0.02 < (found["bought_elsewhere"] or 0) < 0.25
    hours = (rows["decided_at"] - rows["handed_off_at"]) / pd.Timedelta("1h")
    assert 12 < hours.median() < 72
    assert hours.quantile(0.95) > 24 * 7
    assert tables["leads"]["account_id"].value_counts().max() > 10


def test_feeds_are_as_dirty_as_real_ones() -> None:
    touches, calls = world()["touches"], world()["calls"]
    assert 0.005 < touches.duplicated().mean() < 0.02
    assert touches["event_id"].nunique() == len(touches.drop_duplicates())
    assert 0.02 < (touches["known_at"] - touches["occurred_at"] > pd.Timedelta(hours=1)).mean() < 0.1
    assert 0.05 < (calls["known_at"] - calls["called_at"] > pd.Timedelta(hours=12)).mean() < 0.3
    assert set(touches["is_bot"].astype(object)) == {True, False, pd.NA}
    talked = (
        world()["answers"]
        .query("source == 'call'")
        .merge(calls, "left", left_on=["lead_id", "answered_at"], right_on=["lead_id", "called_at"])
    )
    assert 0.02 < talked["called_at"].isna().mean() < 0.2  # calls that nobody recorded


def test_visits_come_in_bursts_and_rest_at_weekends() -> None:
    """More of a lead's visits follow one of the day before than of a week before; weekends have less than half."""
    web = world()["touches"].query("channel == 'web' and asset != 'start'")
    day = web["occurred_at"].dt.normalize()
    there = pd.MultiIndex.from_arrays([web["lead_id"], day])
    after = {
        n: pd.MultiIndex.from_arrays([web["lead_id"], day - pd.Timedelta(days=n)]).isin(there).mean() for n in (7, 1)
    }
    assert after[1] > 1.15 * after[7]
    weekend = web["occurred_at"].dt.day_of_week >= 5
    assert weekend.sum() / 2 < 0.5 * (~weekend).sum() / 5


@pytest.mark.parametrize("name", ["truth", "truth_at"])
def test_the_concepts_add_up_to_the_log_odds(name: str) -> None:
    truth = world()[name]
    assert np.allclose(truth[["base", *CONCEPTS]].sum(axis=1), logit(truth["probability"]), atol=1e-9)
    assert truth["base"].nunique() == 1
    assert np.allclose(world()["truth"][list(CONCEPTS)].mean(), 0)
    assert (truth[list(CONCEPTS)].std() > 0.1).all()


def test_the_truth_has_each_handoff_and_each_lead_created_before_a_moment() -> None:
    tables = world()
    assert tables["truth"][HANDED_OFF].equals(tables["handoffs"][HANDED_OFF])
    for moment, rows in tables["truth_at"].groupby("as_of"):
        created = tables["leads"]["created_at"] < moment
        assert list(rows["lead_id"]) == sorted(tables["leads"].loc[created, "lead_id"])


def test_the_truth_at_midnight_is_that_of_the_days_handoffs() -> None:
    handed = world()["truth"].assign(as_of=lambda t: t["handed_off_at"].dt.normalize())
    both = handed.merge(world()["truth_at"], on=["lead_id", "as_of"])
    assert len(both) > 20
    assert np.allclose(both["probability_x"], both["probability_y"])


def test_the_truth_is_calibrated_and_tells_leads_apart() -> None:
    """In fifths of the true probability as many are accepted as it says, within 3.5 standard errors."""
    rows = pd.concat([decided(seed) for seed in SEEDS])
    fifth = rows.groupby(pd.qcut(rows["probability"], 5))[["accepted", "probability"]].agg(["mean", "count"])
    p, n = fifth["probability", "mean"], fifth["accepted", "count"]
    assert ((fifth["accepted", "mean"] - p).abs() < 3.5 * np.sqrt(p * (1 - p) / n)).all()
    assert 0.78 < roc_auc_score(rows["accepted"], rows["probability"]) < 0.87


@pytest.mark.slow
def test_features_see_a_part_of_the_truth() -> None:
    """A plain regression on our features, on the later third; the truth stays ahead of it."""
    with company("articles", 2000, SEEDS[0]) as it:
        X, y, cut = it.data.X.select_dtypes("number").fillna(0), it.data.y, len(it.data.y) * 2 // 3
        fitted = make_pipeline(StandardScaler(), LogisticRegression(C=0.005)).fit(X[:cut], y[:cut])
        learnt = roc_auc_score(y[cut:], fitted.decision_function(X[cut:]))
        best = roc_auc_score(y[cut:], it.p[cut:])
    assert 0.65 < learnt < best < 0.9


def test_the_same_seed_writes_the_same_bytes_and_moments_change_nothing(tmp_path: Path) -> None:
    plain, again = (
        simulate(300, seed, START, 100, world="articles", moments=moments)
        for seed, moments in ((7, ()), (7, MONDAYS[:2]))
    )
    write(plain, tmp_path / "a")
    write({name: again[name] for name in plain}, tmp_path / "b")
    write(simulate(300, 8, START, 100, world="articles"), tmp_path / "c")
    files = {folder: [p.read_bytes() for p in sorted((tmp_path / folder).rglob("*.csv"))] for folder in "abc"}
    assert set(again) - set(plain) == {"truth_at"}
    assert files["a"] == files["b"] != files["c"]


def test_all_rows_are_taken_in_and_none_of_the_truth(tmp_path: Path) -> None:
    write(simulate(300, 1001, START, 120, world="articles", moments=MONDAYS[:1]), tmp_path)
    with Warehouse.open(None, threads=1) as warehouse:
        report = ingest(warehouse, "canonical", tmp_path, loaded_at=datetime(2026, 6, 1))
        columns = set(warehouse.frame("SELECT column_name FROM information_schema.columns")["column_name"])
    assert set(report.tables) == set(TABLES)
    assert sum(table.quarantined for table in report.tables.values()) == 0
    assert not {"probability", "base", *CONCEPTS} & columns


@pytest.mark.parametrize(("leads", "days"), [(100, 30), (1, 30)])
def test_a_small_company_is_one_too(leads: int, days: int) -> None:
    tables = simulate(leads, 1001, START, days, world="articles", moments=MONDAYS[:1])
    assert set(tables) == {*TABLES, "truth", "truth_at"}
    assert len(tables["leads"]) == leads
