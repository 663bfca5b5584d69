"""Whoever looks at a lead sees why; whom nobody looks at costs nothing."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from models.explaining.explanation import Explainer
from models.fitting.calibration import Platt
from models.fitting.candidates import logistic
from models.fitting.deployed import make_ready
from models.metrics.evaluation import logit
from serving.reasons import FLAGS, NUMBERS, TEXTS, LeadExplainer, explain_scores
from serving.routes import ROUTES
from tests.unit.models.leads import make


@pytest.fixture(scope="module")
def leads():
    return make(rows=500, seed=6)


@pytest.fixture(scope="module")
def model(leads):
    halves = [leads.X.index % 3 != part for part in range(3)]
    bags = [logistic(leads.features, 1).fit(leads.X[half], leads.y[half]) for half in halves]
    whole = logistic(leads.features, 1).fit(leads.X, leads.y)
    z, kept = logit(whole.predict_proba(leads.X)[:, 1]), leads.X.sample(200, random_state=1)
    calibrator, accepted = Platt().fit(z, leads.y), leads.y[kept.index]
    return make_ready(whole, calibrator, z, leads.y, background=kept, accepted=accepted, bags=bags)


@pytest.fixture(scope="module")
def seen(leads):
    """Leads on every route in turn: whether a person sees them."""
    return pd.Series(np.resize([r.seen for r in ROUTES.values()], len(leads.X)), index=leads.X.index)


def test_those_who_are_looked_at_are_explained(leads, model, seen):
    told = explain_scores(model, leads.features, leads.X.assign(lead_id="L"), seen)
    p = model.predict_proba(leads.X)[:, 1]
    parts = told[seen].filter(like="contribution_").sum(axis=1) + told.loc[seen, "log_odds_base"]
    assert parts.to_numpy() == pytest.approx(logit(p[seen]), abs=1e-9)
    assert told.loc[seen, "reason_1"].notna().mean() > 0.9
    assert told.loc[seen, "reasons_checked"].all()
    assert told[~seen].isna().all(axis=None)


def test_columns_and_types_are_the_same_whoever_is_looked_at(leads, model, seen):
    some, none = (explain_scores(model, leads.features, leads.X, s) for s in (seen, seen & (seen.index > 0)))
    nobody = explain_scores(model, leads.features, leads.X, pd.Series(False, index=leads.X.index))
    assert list(some) == [*NUMBERS, *TEXTS, *FLAGS]
    assert some.dtypes.equals(nobody.dtypes)
    assert some.dtypes.equals(none.dtypes)
    assert nobody.isna().all(axis=None)


def test_rules_alone_give_the_same_columns_empty(leads, model, seen):
    told = explain_scores(None, (), leads.X, seen)
    assert told.dtypes.equals(explain_scores(model, leads.features, leads.X, seen).dtypes)
    assert told.isna().all(axis=None)


def test_a_single_lead_is_told_what_accepted_leads_have(leads, model):
    poor = leads.X.head(1).assign(rule_points=0.0)
    evidence = tuple(replace(f, direction="+") if f.name == "rule_points" else f for f in leads.features)
    told = LeadExplainer(model, evidence).explain(poor)
    assert any("rule_points" in text for text in told["missing"])
    assert told["why"]["contribution_qualification"] < 0


def test_sums_are_made_on_one_thread_whatever_the_machine_allows(leads, model, monkeypatch):
    """Another number of threads adds in another order: the last bit of a score would depend on the machine."""
    threads = set()

    def watched(explainer, X):
        threads.update(pool["num_threads"] for pool in threadpool_info())
        return explain(explainer, X)

    explain = Explainer.explain
    monkeypatch.setattr(Explainer, "explain", watched)
    with threadpool_limits(limits=2):
        explain_scores(model, leads.features, leads.X.head(3), pd.Series(True, index=leads.X.index[:3]))
    assert threads == {1}
