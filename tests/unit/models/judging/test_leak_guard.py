from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from models.judging.leak_guard import column_auc, find_leaks
from models.rows.training_set import TrainingSet
from tests.unit.models.leads import feature, make

pytestmark = pytest.mark.slow

RANDOM = np.random.default_rng(0)
ROWS = 600
Y = (RANDOM.random(ROWS) < 0.4).astype(int)
AS_OF = pd.Series(pd.Timestamp("2025-01-01") + pd.to_timedelta(np.arange(ROWS), unit="h"))
GROUP = pd.Series(RANDOM.integers(0, 400, ROWS))
NOISE = RANDOM.normal(size=ROWS)
BLUR = RANDOM.normal(size=ROWS)  # of no column: else that one would be a suspect too


def report(model_auc=0.7, allowed=(), **columns):
    X = pd.DataFrame({"noise": NOISE, **columns})
    features = tuple(feature(name, dtype="number" if X[name].dtype.kind == "f" else "text") for name in X)
    lead_id, met = pd.Series([f"L{i}" for i in range(ROWS)]), pd.Series(np.ones(ROWS))
    data = TrainingSet(X, Y, AS_OF, GROUP, timedelta(hours=1), features, lead_id, met)
    return find_leaks(data, model_auc, allowed)


def test_noise_is_no_suspect():
    found = report()
    assert found.suspects == found.clock == found.blocking == found.notes == ()
    assert found.columns.loc["noise", "auc"] == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize(
    "answer",
    [
        Y + 0.3 * BLUR,
        -Y + 0.3 * BLUR,
        np.where(Y == 1, np.nan, NOISE),
        np.where(Y == 1, "Closed won", "Open"),
    ],
    ids=["number", "reversed", "missing", "text"],
)
def test_a_column_that_knows_the_answer_is_a_suspect(answer):
    found = report(answer=answer)
    assert found.suspects == found.blocking == ("answer",)
    assert found.most_telling.index[0] == "answer"


def test_a_gap_in_missing_values_is_a_suspect_though_its_auc_is_not():
    gone = RANDOM.random(ROWS) < np.where(Y == 1, 0.1, 0.6)
    for column in (np.where(gone, np.nan, NOISE), np.where(gone, "unknown", "web")):
        found = report(filled_later=column)
        assert found.columns.loc["filled_later", "auc"] < 0.9
        assert found.suspects == ("filled_later",)


def test_what_a_person_allowed_does_not_block():
    found = report(allowed=("answer",), answer=Y.astype(float))
    assert found.suspects == ("answer",)
    assert found.blocking == ()


def test_a_model_too_good_is_an_alarm_of_its_own():
    assert report(0.95).blocking == ("model_auc",)
    assert report(0.949).blocking == ()
    assert report(0.99, allowed=("model_auc",)).blocking == ()


def test_an_identifier_learns_nothing_about_other_accounts():
    assert column_auc(pd.Series([f"L{i}" for i in range(ROWS)]), Y, np.arange(ROWS) % 5) == pytest.approx(0.5)


def test_a_column_that_tells_the_date_is_named_and_does_not_block():
    month = AS_OF.dt.strftime("%Y-%m-%d")
    found = report(
        number=np.arange(ROWS) + 5.0 * NOISE,
        week=AS_OF.dt.isocalendar().week.astype(float).to_numpy(),
        half=np.where(np.arange(ROWS) < 300, "old form", "new form"),
        day=month.to_numpy(),
    )
    assert set(found.clock) == {"number", "week", "half", "day"}
    assert found.blocking == ()
    assert "rises or falls with the date" in found.notes[0]


def test_empty_and_constant_columns_tell_nothing():
    found = report(empty=np.full(ROWS, np.nan), constant=np.ones(ROWS), word=np.full(ROWS, "unknown"))
    assert (found.columns.loc[["empty", "constant", "word"], "auc"] == 0.5).all()
    assert found.suspects == ()


def planted(seed, make_column):
    """What the guard finds where one more column is among honest ones, the rules' points one of them."""
    data = make(1000, seed=seed)
    column = make_column(data, np.random.default_rng(seed))
    features = (*data.features, feature("planted"))
    return find_leaks(replace(data, X=data.X.assign(planted=column), features=features), 0.7)


def agrees(share):
    return lambda data, random: np.where(random.random(len(data.y)) < share, data.y, 1.0 - data.y)


def gone(share):
    return lambda data, random: np.where(
        (data.y == 0) & (random.random(len(data.y)) < share), np.nan, random.normal(size=len(data.y))
    )


def total_in_the_end(data, random):
    """All touches there will be: those so far, and later ones, of which refused leads get more in nurture."""
    return data.X["n1"] + random.poisson(np.where(data.y == 1, 3, 8)).astype(float)


@pytest.mark.parametrize("column", [agrees(0.85), gone(0.4)], ids=["label in 85 %", "missing in 40 % of negatives"])
def test_a_column_that_often_knows_the_answer_is_a_suspect(column):
    for seed in range(5):
        assert planted(seed, column).suspects == ("planted",)


def test_a_column_that_tells_only_on_top_of_another_is_a_suspect():
    for seed in range(3):
        found = planted(seed, total_in_the_end)
        assert "planted" in found.suspects  # n1, without which it tells nothing, may be as well
        assert found.columns.loc["planted", "lift"] > 4 * found.columns.loc["planted", "lift_error"]
        assert "planted" in found.most_telling.index


def test_honest_columns_are_none_however_much_the_rules_tell():
    for seed in range(5):
        found = find_leaks(make(1000, seed=seed), 0.7)
        assert found.columns.index[0] == "rule_points"
        assert found.suspects == ()
