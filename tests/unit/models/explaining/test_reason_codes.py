"""Reasons are steady, in the catalogue's words, and of the concept's direction."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from data.agreement.file import default_agreement
from features.catalogue import build_catalogue
from features.definition import Feature
from models.explaining.coalitions import Population
from models.explaining.criteria import criteria, swap
from models.explaining.explanation import Explainer
from models.explaining.reason_codes import against_direction, missing, named, reasons, say
from models.explaining.views import Frames, look_into
from models.fitting.candidates import boosting, logistic
from models.fitting.columns import Columns
from models.metrics.evaluation import logit
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
    feature = Feature(
        **({"name": "x", "concept": "fit", "over": "lead", "value": "1", "meaning": "signs"} | definition)
    )
    return say(feature, {feature.name: value})


@pytest.mark.parametrize(
    ("value", "definition", "said"),
    [
        (3.0, {"meaning": "clicked e-mails in the last 7 days"}, "clicked e-mails in the last 7 days: 3"),
        (61.4, {"meaning": "days since the last touch"}, "days since the last touch: 61"),
        (0.4, {"meaning": "days since the last touch", "unit": "days"}, "days since the last touch: less than 1"),
        (20.4, {"called": "time since the last call", "unit": "hours"}, "time since the last call: 20 hours"),
        (3412.0, {"called": "time since the last call", "unit": "hours"}, "time since the last call: 142 days"),
        (0.0, {"meaning": "agents", "over": "calls", "none": "nobody has called yet"}, "nobody has called yet"),
        (2.0, {"meaning": "agents", "over": "calls", "none": "nobody has called yet"}, "agents: 2"),
        (0.0, {"over": "peers"}, "signs: none"),
        (0.0, {"meaning": "hour of the day"}, "hour of the day: 0"),
        (0.003, {}, "signs: almost 0"),
        (6.0, {"meaning": "weekday, Monday = 1", "called": "weekday", "unit": "weekday"}, "weekday: Saturday"),
        (0.456, {}, "signs: 0.46"),
        (12345.0, {}, "signs: 12,345"),
        (40_019_500.0, {"meaning": "the company's yearly revenue"}, "the company's yearly revenue: 40 million"),
        (3_301_000.0, {}, "signs: 3.3 million"),
        (2e9, {}, "signs: 2 billion"),
        (float("nan"), {"null": "nobody called yet"}, "signs: nobody called yet"),
        (0.25, {"meaning": "calls that reached the person", "unit": "share"}, "calls that reached the person: 25 %"),
        (1.0, {"unit": "yes or no", "meaning": "a job title was given"}, "a job title was given: yes"),
        (0.0, {"unit": "yes or no"}, "signs: no"),
        (0.5, {"name": "has_share", "meaning": "share of voice"}, "share of voice: 0.5"),
        ("public_sector", {"dtype": "text"}, "signs: public sector"),
        ("unknown", {"dtype": "text", "null": "not given"}, "signs: not given"),
        (
            20.0,
            {"called": "need (a problem that we solve)", "criterion": "need", "part": "points"},
            "need (a problem that we solve): 20 points",
        ),
    ],
)
def test_a_value_is_said_plainly(value, definition, said):
    assert say_of(value, **definition) == said


@pytest.mark.parametrize("column", ["state", "level"])
@pytest.mark.parametrize(
    ("state", "level", "said"),
    [
        ("yes", "active", "active"),
        ("yes", "unknown", "yes"),
        ("not_asked", "unknown", "no answer yet"),
        ("refused", "unknown", "would not say"),
        ("no", "unknown", "no"),
        ("no", "none", "no"),
        ("no", "next_year", "no, next year"),
    ],
)
def test_an_answer_is_said_once_with_its_level(column, state, level, said):
    about = {"criterion": "need", "part": column, "dtype": "text", "called": "need (a problem that we solve)"}
    feature = Feature(f"need_{column}", "qualification", "rules", "1", "need: and so on", **about)
    assert say(feature, {"need_state": state, "need_level": level}) == f"need (a problem that we solve): {said}"


@pytest.mark.parametrize(
    ("state", "points", "said"),
    [
        ("yes", 25.0, "need: yes, 25 points"),
        ("yes", 1.0, "need: yes, 1 point"),
        ("yes", 0.0, "need: yes"),
        ("no", -10.0, "need: no, -10 points"),
        ("not_asked", 0.0, "need: no answer yet"),
        ("not_asked", 15.0, "need: no answer yet, 15 points from elsewhere"),
    ],
)
def test_an_answer_is_said_with_its_points(state, points, said):
    about = {"criterion": "need", "part": "state", "dtype": "text", "called": "need"}
    feature = Feature("need_state", "qualification", "rules", "1", "need: and so on", **about)
    assert say(feature, {"need_state": state, "need_points": points}) == said


@pytest.mark.parametrize(
    ("state", "level", "age", "points", "said"),
    [
        ("yes", "active", 140.2, 0.0, "need: active, told 140 days ago, too old to count"),
        ("yes", "unknown", 90.1, 5.0, "need: yes, told 90 days ago, too old to count, 5 points from elsewhere"),
        ("no", "unknown", 1204.0, 0.0, "need: no, told 1,204 days ago, too old to count"),
        ("refused", "unknown", 140.0, 0.0, "need: would not say, 140 days ago, too old to count"),
        ("yes", "active", 90.0, 25.0, "need: active, 25 points"),
        ("not_asked", "unknown", float("nan"), 0.0, "need: no answer yet"),
    ],
)
def test_an_answer_past_its_days_is_said_to_be_too_old(state, level, age, points, said):
    about = {"criterion": "need", "part": "state", "dtype": "text", "called": "need", "fresh_days": 90}
    feature = Feature("need_state", "qualification", "rules", "1", "need: and so on", **about)
    lead = {"need_state": state, "need_level": level, "need_age_days": age, "need_points": points}
    assert say(feature, lead) == said


@pytest.mark.parametrize("feature", build_catalogue(default_agreement()), ids=lambda f: f.name)
def test_nobody_reads_that_there_are_0_of_something(feature):
    """The catalogue's words of nothing stand alone and say what there is none of; a missing value says why."""
    lead = {feature.name: "unknown" if feature.dtype == "text" else np.nan if feature.null else 0.0}
    said = say(feature, lead)
    assert not said.endswith((": 0", ": nan", ": ", ": unknown")) or feature.over == "lead"
    if feature.over in ("touches", "calls") and not feature.null and feature.none:
        assert said.startswith(("no ", "nobody ", "the person was never "))


def test_the_feature_named_moves_most_in_the_direction_of_its_concept():
    moves = np.array([[0.9, -0.2, -0.5, 0.3]])
    feature, move = named(moves, None, np.array([[-0.4, 0.1]]), np.array([0, 0, 0, 1]))
    assert feature.tolist() == [[2, 3]]
    assert move.tolist() == [[-0.5, 0.3]]


def test_what_is_not_steady_or_not_worth_a_sentence_is_not_named():
    moves, concepts = np.array([[-0.2, -0.5, 0.01]]), np.array([[-0.4, 0.1]])
    feature, _ = named(moves, np.array([[True, False, True]]), concepts, np.array([0, 0, 1]))
    assert feature.tolist() == [[0, -1]]


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


TOLD = {
    "need_state": {"criterion": "need", "part": "state", "called": "need"},
    "need_points": {"criterion": "need", "part": "points", "axis": "research"},
    "clicks_points": {"criterion": "clicks", "part": "points", "axis": "digital"},
    "digital_points": {"part": "points", "axis": "digital"},
    "research_points": {"part": "points", "axis": "research"},
    "rule_points": {"part": "points", "axis": "both"},
}
MEANS = {"need_state": "need: not asked, refused, no or yes"}


def evidence(features):
    return tuple(replace(f, direction="+") if f.name == "rule_points" else f for f in features)


def test_what_is_missing_is_what_accepted_leads_have(leads, explainer):
    beside = Explainer(explainer._estimator, leads.X[leads.y == 1], evidence(leads.features))
    usual = beside.population.baseline["rule_points"].iloc[0]
    poor = leads.X.head(1).assign(rule_points=0.0)
    assert f"meaning of rule_points: none (accepted leads: {usual:.0f})" in missing(beside, poor).iloc[0].tolist()
    rich = leads.X.assign(rule_points=100.0)
    assert not missing(beside, rich).stack().str.contains("rule_points").any()


@pytest.fixture(scope="module")
def answered():
    """Firms by size, called or not, that said yes to need or were not asked, with points for it; sizes are seen."""
    random = np.random.default_rng(3)
    rows, yes = 600, random.random(600) < 0.6
    X = pd.DataFrame(
        {
            "need_state": np.where(yes, "yes", "not_asked"),
            "need_points": 25.0 * yes,
            "clicks_points": 10.0 * random.integers(0, 3, rows),
            "size": random.choice([np.nan, 10.0, 900.0], rows),
            "meetings": random.poisson(1.0, rows).astype(float),
            "last_click_days": random.choice([np.nan, 2.0], rows),
            "peers": random.poisson(1.0, rows).astype(float),
        }
    )
    X["digital_points"], X["research_points"] = X["clicks_points"], X["need_points"]
    X["rule_points"] = X["digital_points"] + X["research_points"]
    worth = 0.06 * X["rule_points"] + 0.004 * X["size"].fillna(0.0) + X["meetings"] + X["peers"]
    worth += X["last_click_days"].isna()
    y = (random.random(rows) < 1 / (1 + np.exp(worth.mean() - worth))).astype(int).to_numpy()
    about = {"size": "fit", "meetings": "calls", "last_click_days": "engagement", "peers": "account"}
    over = {"size": "lead", "meetings": "calls", "last_click_days": "touches", "peers": "peers"}
    features = tuple(
        Feature(
            name,
            about.get(name, "qualification"),
            over.get(name, "rules"),
            "1",
            MEANS.get(name, f"{name} of it"),
            null="not given" if name in ("size", "last_click_days") else "",
            direction="-" if name == "last_click_days" else "+",
            dtype="text" if name == "need_state" else "number",
            **TOLD.get(name, {}),
        )
        for name in X
    )
    return X, y, features


@pytest.fixture(scope="module", params=[logistic, boosting])
def asked(answered, request):
    X, y, features = answered
    return request.param(features, 1).fit(X, y)


def test_the_answers_behind_the_points_are_named_and_not_their_sum(answered, asked):
    X, _, features = answered
    poor = X[X["rule_points"] == 0]
    explainer = Explainer(asked, X, features)
    found = explainer.explain(poor)
    assert (found.base + found.values.sum(axis=1)).to_numpy() == pytest.approx(explainer.log_odds(poor), abs=1e-9)
    told = reasons(explainer, poor, found).filter(like="reason_").agg(lambda row: str(list(row)), axis=1)
    assert told.str.contains("against: need: no answer yet|against: clicks_points").all()
    assert told.str.contains("against: need: no answer yet").any()
    assert not told.str.contains("(?:rule|research|digital)_points").any()


def test_a_sum_is_named_where_nothing_is_known_of_its_parts(answered):
    X, y, features = answered
    alone = tuple(f for f in features if f.name == "rule_points")
    told = reasons(Explainer(logistic(alone, 1).fit(X[["rule_points"]], y), X, alone), X[["rule_points"]])
    assert told["reason_1"].str.contains("rule_points").mean() > 0.5


def test_an_answer_moves_with_its_points_in_the_sums(answered, asked):
    """By hand: need as usual, and 25 points fewer in its own column and in both sums."""
    X, _, features = answered
    explainer, lead = Explainer(asked, X, features), X[X["need_state"] == "not_asked"].head(3)
    assert explainer.population.baseline["need_state"].iloc[0] == "yes"
    more = {name: lead[name] + 25.0 for name in ("need_points", "research_points", "rule_points")}
    by_hand = explainer.log_odds(lead) - explainer.log_odds(lead.assign(need_state="yes", **more))
    moves, steady = explainer.named_by(lead)
    assert moves[:, 0] == pytest.approx(by_hand, abs=1e-9)
    assert (moves[:, 1] == 0).all()
    assert steady is None
    usual, _ = explainer.named_by(X[(X["need_state"] == "yes") & (X["clicks_points"] == 10.0)])
    assert (usual[:, :3] == 0).all()


def test_leaves_and_terms_say_of_swaps_what_asking_for_such_leads_says(answered, asked):
    X, _, features = answered
    population, leads = Population(X.head(9), features), Columns(X.tail(200).reset_index(drop=True))
    swaps = swap(criteria(features), leads.frame, population.baseline.iloc[0])
    assert 0 < len(swaps[0].at) < 200
    fast, slow = look_into(asked, population), Frames(asked, population)
    assert fast.moves(leads, swaps) == pytest.approx(slow.moves(leads, swaps), abs=1e-12)


def test_refits_judge_the_answer_as_a_whole_too(answered):
    """By hand: the move of need and its points in either refit; its columns alone move nothing."""
    X, y, features = answered
    bags = [logistic(features, 1).fit(X[part], y[part]) for part in (np.arange(600) % 2 == 0, np.arange(600) % 2 == 1)]
    explainer, lead = Explainer(bags[0], X, features, bags), X[X["need_state"] == "not_asked"].head(3)
    more = {name: lead[name] + 25.0 for name in ("need_points", "research_points", "rule_points")}
    usual = lead.assign(need_state="yes", **more)
    by_hand = np.array([logit(bag.predict_proba(lead)[:, 1]) - logit(bag.predict_proba(usual)[:, 1]) for bag in bags])
    _, steady = explainer.named_by(lead)
    assert (steady[:, 0] == (np.abs(by_hand.mean(axis=0)) > 2 * by_hand.std(axis=0, ddof=1))).all()
    assert not steady[:, 1].any()


def test_what_is_missing_can_be_found_out_or_done(answered, asked):
    """An unknown size is asked for, a small one cannot be helped; what accepted leads lack as well is no lack."""
    X, y, features = answered
    beside = Explainer(asked, X[y == 1], features)
    lead = X.head(1).assign(**dict.fromkeys(X, 0.0) | {"need_state": "not_asked", "last_click_days": 2.0})
    small, unknown = (missing(beside, lead.assign(size=size)).iloc[0].dropna().tolist() for size in (10.0, np.nan))
    assert "need: no answer yet (accepted leads: yes, 25 points)" in small
    assert any(text.startswith("meetings of it: none (accepted leads: ") for text in small)
    assert not any(name in text for text in small for name in ("size", "rule_points", "peers", "last_click_days"))
    assert "size of it: not given; find out" in unknown


def test_having_more_of_what_is_good_is_no_lack(leads):
    """Nor is it a reason against: a model that punishes clicks does not say so in reasons."""
    clicks = Feature("clicks", "engagement", "touches", "1", "clicks", direction="+")
    free = replace(clicks, direction="")
    X = pd.DataFrame({"clicks": np.tile([0.0, 1.0, 5.0], 100)})
    y = (X["clicks"] < 1).astype(int).to_numpy()
    explainer = Explainer(logistic((free,), 1).fit(X, y), X, (clicks,))
    assert against_direction(explainer, X, held=False) == pytest.approx(2 / 3), "all but those with the usual 1"
    assert against_direction(explainer, X) == 0
    assert reasons(explainer, X.tail(1)).filter(like="reason_").isna().all(axis=None)
    assert missing(explainer, X.tail(1)).isna().all(axis=None)
