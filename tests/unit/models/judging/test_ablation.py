"""Every arm sees its own columns alone, learns as training does, and is tested on the same later rows."""

from dataclasses import replace

import numpy as np
import pytest

from data.errors import DataError, ModelError
from models.fitting.learning import compare, fit
from models.judging.ablation import ALL, LEARNED, ablate
from models.judging.training import learn
from serving.pages.ablation import ablation_figures
from serving.pages.drawings import draw
from tests.unit.models.leads import feature, make

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data():
    return make(rows=400, numbers=3, texts=1)


@pytest.fixture(scope="module")
def result(data):
    return ablate(data, seed=1, folds=1)


def part(data, keeps):
    kept = tuple(f for f in data.features if keeps(f))
    return replace(data, X=data.X[[f.name for f in kept]], features=kept)


def test_points_belong_to_the_rules():
    points = feature("need_points", "qualification", part="points")
    answer = feature("need_state", "qualification", "text", part="state")
    assert [name for name, keeps in LEARNED.items() if keeps(points)] == [ALL]
    assert [name for name, keeps in LEARNED.items() if keeps(answer)] == ["calls + answers", ALL]
    assert [name for name, keeps in LEARNED.items() if keeps(feature("industry", "fit", "text"))] == [
        "digital + fit",
        ALL,
    ]


def test_all_arms_are_tested_on_the_same_later_rows(result, data):
    split = data.holdout(0.3)
    assert list(result.tested.index) == list(split.test)
    assert set(result.arms["n"]) == {len(split.test)}
    assert list(result.arms.index) == ["base rate", "rules", *LEARNED]
    assert set(result.gains) == set(result.arms.index) - {ALL}


@pytest.mark.parametrize("arm", ["digital only", "calls + answers"])
def test_an_arm_is_what_learning_on_its_columns_gives(result, data, arm):
    split = data.holdout(0.3)
    own = part(data, LEARNED[arm])
    assert "rule_points" not in own.X
    found = learn(own, split.train, split.cut, compare(own.as_known(split.cut), split.train, 1, 1), 1)
    assert found.chosen == result.arms["chosen"][arm]
    assert np.array_equal(found.model.predict_proba(own.X.iloc[split.test])[:, 1], result.tested[arm])
    rules = fit("rulebook", data, split.train, split.cut, 1).predict_proba(data.X.iloc[split.test])[:, 1]
    assert np.array_equal(rules, result.tested["rules"])


def test_the_outcomes_of_the_tested_rows_change_no_prediction(result, data):
    y = data.y.copy()
    y[result.tested.index] = 1 - y[result.tested.index]
    again = ablate(replace(data, y=y), seed=1, folds=1)
    arms = list(result.arms.index)
    assert again.tested[arms].equals(result.tested[arms])


def test_no_claim_is_made_on_few_rows(result):
    assert not any(verdict.made for verdict in result.verdicts)
    assert result.sentence.startswith("no claim")
    assert list(result.gains_table["arm"]) == list(result.gains)


def test_a_claim_follows_the_intervals(result):
    sure = {n: replace(g, mean=0.02, low=0.01, high=0.03, rows=500) for n, g in result.gains.items()}
    known = replace(result, labels=5000, least=900)
    assert replace(known, gains=sure).sentence.startswith("everything together is better than each part alone")
    some = replace(known, gains={**sure, "rules": replace(sure["rules"], low=-0.01)})
    assert "no claim against rules" in some.sentence
    assert "no claim" in replace(known, gains=sure, labels=100).sentence


def test_an_arm_without_columns_is_left_out(data):
    found = ablate(
        part(data, lambda f: f.concept not in ("calls", "qualification") or f.name == "rule_points"), seed=1, folds=1
    )
    assert found.left_out == ("calls + answers",)
    assert "calls + answers" not in found.arms.index


def test_nothing_to_compare_is_a_plain_error(data):
    with pytest.raises(DataError, match="comparing kinds of knowledge: expected features of engagement"):
        ablate(part(data, lambda f: f.concept == "journey" or f.name == "rule_points"), seed=1, folds=1)
    with pytest.raises(ModelError, match="at least 40 accepted"):
        ablate(replace(data, y=np.zeros(len(data.y), dtype=int)), seed=1)


def test_the_figures(result):
    arms, gains = ablation_figures(result)
    assert [row.label for row in draw(arms.frame, arms.kind).rows] == [*result.arms.index]
    assert arms.frame["low"].le(arms.frame["log_loss"]).all()
    assert [row.label for row in draw(gains.frame, gains.kind).rows] == [*result.gains]
    assert all('class="middle"' in row.marks for row in draw(gains.frame, gains.kind).rows), "0 is marked"
