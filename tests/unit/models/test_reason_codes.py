"""Reasons are steady, in the catalogue's words, and of the concept's direction."""

import numpy as np
import pandas as pd
import pytest

from features.definition import Feature
from models.candidates import logistic
from models.explanation import Explainer
from models.reason_codes import missing, named, reasons, say
from tests.unit.models.leads import make


@pytest.fixture(scope="module")
def leads():
    return make(rows=700, seed=4)


@pytest.fixture(scope="module")
def explainer(leads):
    random = np.random.default_rng(0)
    draws = [random.integers(0, len(leads.X), len(leads.X)) for _ in range(8)]
    bags = [logistic(leads.features, 1).fit(leads.X.iloc[at], leads.y[at]) for at in draws]
    model = logistic(leads.features, 1).fit(leads.X, leads.y)
    return Explainer(model, leads.X, leads.features, bags)


def say_of(value, **definition):
    feature = Feature(**({"name": "x", "concept": "fit", "over": "lead", "sql": "1", "meaning": "signs"} | definition))
    return say(feature, {feature.name: value})


@pytest.mark.parametrize(
    ("value", "definition", "said"),
    [
        (3.0, {"meaning": "clicked e-mails in the last 7 days"}, "clicked e-mails in the last 7 days: 3"),
        (61.4, {"meaning": "days since the last touch"}, "days since the last touch: 61"),
        (0.456, {}, "signs: 0.46"),
        (1234567.0, {}, "signs: 1,234,567"),
        (float("nan"), {"null": "nobody called yet"}, "signs: nobody called yet"),
        (0.25, {"meaning": "share of calls that reached the person"}, "share of calls that reached the person: 25 %"),
        (1.0, {"name": "has_title", "meaning": "a job title was given"}, "a job title was given: yes"),
        ("public_sector", {"dtype": "text"}, "signs: public sector"),
        ("unknown", {"dtype": "text", "null": "not given"}, "signs: not given"),
        (20.0, {"meaning": "need: points under the agreement"}, "need, points under the agreement: 20"),
    ],
)
def test_a_value_is_said_plainly(value, definition, said):
    assert say_of(value, **definition) == said


@pytest.mark.parametrize("column", ["state", "level"])
@pytest.mark.parametrize(
    ("state", "level", "said"),
    [
        ("yes", "active", "need: yes, active"),
        ("not_asked", "unknown", "need: not asked"),
        ("no", "unknown", "need: no"),
    ],
)
def test_an_answer_is_said_once_with_its_level(column, state, level, said):
    feature = Feature(f"need_{column}", "qualification", "rules", "1", "need: and so on", dtype="text")
    assert say(feature, {"need_state": state, "need_level": level}) == said


def test_the_feature_named_moves_most_in_the_direction_of_its_concept():
    moves = np.array([[0.9, -0.2, -0.5, 0.3]])
    told = named(moves, None, np.array([[-0.4, 0.1]]), np.array([0, 0, 0, 1]))
    assert told.feature.tolist() == [[2, 3]]
    assert told.move.tolist() == [[-0.5, 0.3]]


def test_what_is_not_steady_or_not_worth_a_sentence_is_not_named():
    moves, concepts = np.array([[-0.2, -0.5, 0.01]]), np.array([[-0.4, 0.1]])
    told = named(moves, np.array([[True, False, True]]), concepts, np.array([0, 0, 1]))
    assert told.feature.tolist() == [[0, -1]]


def test_reasons_come_strongest_concept_first(leads, explainer):
    X = leads.X.head(40)
    told, found = reasons(explainer, X), explainer.explain(X)
    assert told.index.equals(X.index)
    assert told["reasons_checked"].all()
    concept = {f.meaning: f.concept for f in leads.features}
    for lead, row in told.filter(like="reason_").iterrows():
        sizes = [found.values.loc[lead, concept[text.split(": ", 1)[1].rsplit(":", 1)[0]]] for text in row.dropna()]
        assert [t.split(":")[0] for t in row.dropna()] == ["for" if size > 0 else "against" for size in sizes]
        assert np.abs(sizes).tolist() == sorted(np.abs(sizes), reverse=True)


def test_the_strongest_signal_is_a_reason_of_nearly_every_lead(leads, explainer):
    told = reasons(explainer, leads.X).filter(like="reason_").agg(lambda row: " ".join(row.dropna()), axis=1)
    far = (leads.X["rule_points"] - leads.X["rule_points"].median()).abs() >= 30
    assert told[far].str.contains("meaning of rule_points").mean() > 0.9


def test_refits_on_noise_leave_nothing_to_say(leads):
    """Labels without any meaning: a reason would be an invention."""
    random = np.random.default_rng(1)
    bags = [logistic(leads.features, 1).fit(leads.X, random.integers(0, 2, len(leads.X))) for _ in range(8)]
    explainer = Explainer(bags[0], leads.X, leads.features, bags)
    assert reasons(explainer, leads.X).filter(like="reason_").notna().to_numpy().mean() < 0.1


def test_without_refits_reasons_say_that_nothing_vouches_for_them(leads):
    explainer = Explainer(logistic(leads.features, 1).fit(leads.X, leads.y), leads.X, leads.features)
    assert not reasons(explainer, leads.X.head(5))["reasons_checked"].any()


def test_what_is_missing_is_what_accepted_leads_have(leads, explainer):
    beside = Explainer(explainer._estimator, leads.X[leads.y == 1], leads.features)
    usual = beside.population.baseline["rule_points"].iloc[0]
    poor = leads.X.head(1).assign(rule_points=0.0)
    assert f"meaning of rule_points: 0 (accepted leads: {usual:.0f})" in missing(beside, poor).iloc[0].tolist()
    rich = leads.X.assign(rule_points=100.0)
    assert not missing(beside, rich).stack().str.contains("rule_points").any()


def test_having_more_of_what_is_good_is_no_lack(leads):
    """A model that punishes clicks says so in its reasons, and does not call them missing."""
    clicks = Feature("clicks", "engagement", "touches", "1", "clicks", direction="+")
    X = pd.DataFrame({"clicks": np.tile([0.0, 1.0, 5.0], 100)})
    y = (X["clicks"] < 1).astype(int).to_numpy()
    explainer = Explainer(logistic((clicks,), 1).fit(X, y), X, (clicks,))
    assert reasons(explainer, X.tail(1))["reason_1"].tolist() == ["against: clicks: 5"]
    assert missing(explainer, X.tail(1)).isna().all(axis=None)
