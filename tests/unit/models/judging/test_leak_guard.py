import numpy as np
import pandas as pd
import pytest

from models.judging.leak_guard import column_auc, find_leaks

RANDOM = np.random.default_rng(0)
ROWS = 600
Y = (RANDOM.random(ROWS) < 0.4).astype(int)
AS_OF = pd.Series(pd.Timestamp("2025-01-01") + pd.to_timedelta(np.arange(ROWS), unit="h"))
GROUP = pd.Series(RANDOM.integers(0, 400, ROWS))
NOISE = RANDOM.normal(size=ROWS)


def report(model_auc=0.7, allowed=(), **columns):
    X = pd.DataFrame({"noise": NOISE, **columns})
    return find_leaks(X, Y, AS_OF, GROUP, model_auc, allowed)


def test_noise_is_no_suspect():
    found = report()
    assert found.suspects == found.clock == found.blocking == found.notes == ()
    assert found.columns.loc["noise", "auc"] == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize(
    "answer",
    [
        Y + 0.3 * NOISE,
        -Y + 0.3 * NOISE,
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
