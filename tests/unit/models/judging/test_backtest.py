"""Each past day learns from what was known then and nothing else, and every hand-off is predicted once."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from data.agreement.file import default_agreement
from data.errors import DataError
from models.fitting.learning import compare, fit
from models.judging.backtest import ARMS, BASELINES, KEPT, OURS, backtest, over_time, value_policies
from models.judging.policy import AGREED, EQUAL, RULES
from models.judging.training import learn
from serving.pages.backtest import backtest_figures, backtest_page
from serving.pages.drawings import draw
from tests.unit.models.leads import START, make

FIRST, LAST, EVERY = START + timedelta(days=170), START + timedelta(days=260), timedelta(days=60)
SECOND = FIRST + EVERY
HORIZON = timedelta(days=14)


def answered(silence_counts=False, seed=0):
    """Hand-offs answered after 0 to 12 days; one in six never is, where silence counts."""
    data = make(rows=400, numbers=4, texts=1, seed=seed, days=280)
    random = np.random.default_rng(seed)
    data = replace(data, as_of=data.as_of.astype("datetime64[us]"))  # as the warehouse keeps times
    answered_at = data.as_of + pd.to_timedelta(random.uniform(0, 12, 400), unit="D").floor("us")
    y = data.y
    if silence_counts:
        silent = random.random(400) < 1 / 6
        answered_at, y = answered_at.mask(silent), np.where(silent, 0, y)
    observed = (START + timedelta(days=300)).to_pydatetime()
    return replace(data, y=y, answered_at=answered_at, observed=observed, silence_counts=silence_counts)


@pytest.fixture(scope="module", params=[False, True], ids=["silence tells nothing", "silence counts"])
def data(request):
    return answered(request.param)


@pytest.fixture(scope="module")
def found(data):
    return backtest(data, FIRST, LAST, EVERY, seed=3, folds=1)


@pytest.mark.slow
def test_each_hand_off_is_predicted_exactly_once_by_every_arm(found, data):
    inside = np.flatnonzero((data.as_of >= FIRST) & (data.as_of < LAST))
    assert list(found.predicted.index) == list(inside)
    assert found.predicted[[*ARMS]].notna().all(axis=None)
    assert list(found.days["day"]) == [FIRST, SECOND]
    assert found.days["predicted"].sum() == len(inside)
    assert set(found.metrics["n"]) == {len(found.judged)}
    assert {gain.rows for arm in found.gains.values() for gain in arm.values()} == {len(found.judged)}


@pytest.mark.slow
def test_nothing_known_later_changes_a_bit_of_a_prediction(found, data):
    """Labels flip and answers go missing that were not known on the second day: it predicts as before."""
    late = ~(data.answered_at < SECOND).to_numpy()
    y = np.where(late, 1 - data.y, data.y)
    answered_at = data.answered_at.mask(late & (np.arange(len(y)) % 3 == 0))
    changed = replace(data, y=y, answered_at=answered_at)
    again = backtest(changed, SECOND, LAST, EVERY, seed=3, folds=1).predicted
    before, arms = found.predicted.loc[again.index], [arm for arm in ARMS if arm != KEPT]
    pd.testing.assert_frame_equal(again[arms], before[arms], check_exact=True)
    assert not np.array_equal(again["y"], before["y"])


def test_a_label_that_was_known_does_change_predictions(found, data):
    early = (data.answered_at < FIRST).to_numpy()
    flipped = replace(data, y=np.where(early, 1 - data.y, data.y))
    again = backtest(flipped, FIRST, SECOND, EVERY, seed=3, folds=1).predicted
    assert (again[OURS] - found.predicted[OURS].loc[again.index]).abs().min() > 1e-6


def test_a_day_is_what_learning_by_hand_gives(found, data):
    """Take the rows answered by the second day into a training set of their own, learn on it, predict what follows."""
    seen = (data.answered_at < SECOND).to_numpy()
    rows = np.flatnonzero((data.as_of < SECOND).to_numpy() & (seen | data.silence_counts))
    names = ("X", "as_of", "group", "lead_id", "propensity")
    parts = {name: getattr(data, name).iloc[rows].reset_index(drop=True) for name in names}
    known = replace(
        data,
        **parts,
        y=np.where(seen, data.y, 0)[rows],
        answered_at=data.answered_at.where(seen).iloc[rows].reset_index(drop=True),
        observed=SECOND.to_pydatetime(),
    )
    every, block = np.arange(len(rows)), found.predicted[found.predicted["day"] == SECOND]
    model = learn(known, every, SECOND, compare(known, every, 1, 3), 3).model
    X = data.X.loc[block.index]
    assert np.array_equal(model.predict_proba(X)[:, 1], block[OURS])
    for name in BASELINES:
        assert np.array_equal(fit(name, known, every, SECOND, 3).predict_proba(X)[:, 1], block[name])


def test_what_is_known_on_a_day_was_answered_before_it(data):
    day = data.answered_at.dropna().iloc[100]  # an answer at that very moment is not known yet
    past = data.before(day)
    assert past.now == day
    assert (past.as_of < day).all()
    assert (past.answered_at.dropna() < day).all()
    assert past.answered_at.notna().all() or data.silence_counts
    assert set(past.y[past.answered_at.isna()]) <= {0}


def test_without_times_of_answers_labels_are_known_from_the_close_of_the_horizon():
    data = make(rows=60, numbers=2, texts=0)
    past = data.before(FIRST)
    assert (past.as_of + HORIZON < FIRST).all()
    assert len(past.y) == (data.as_of + HORIZON < FIRST).sum()


def test_a_model_never_retrained_is_that_of_the_first_day(found):
    first = found.predicted["day"] == FIRST
    assert np.array_equal(found.predicted[first][OURS], found.predicted[first][KEPT])
    assert not np.array_equal(found.predicted[~first][OURS], found.predicted[~first][KEPT])


def test_days_without_enough_labels_are_skipped_with_a_sentence():
    early = START + timedelta(days=20)
    found = backtest(answered(), early, LAST, timedelta(days=120), seed=3, folds=1)
    assert list(found.skipped["day"]) == [early]
    assert "at least 40 accepted and 40 rejected" in found.skipped["skipped"].iloc[0]
    assert found.predicted["as_of"].min() >= early + timedelta(days=120)


def test_open_hand_offs_are_predicted_and_not_judged():
    data = replace(answered(), observed=LAST.to_pydatetime())
    found = backtest(data, FIRST, LAST, timedelta(days=90), seed=3, folds=1)
    is_open = found.predicted["as_of"] + HORIZON > LAST
    assert is_open.any()
    assert np.array_equal(found.predicted["mature"], ~is_open)
    assert found.figures["open"] == is_open.sum()


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        (
            10,
            30,
            "days; the last one: .*at least 40 accepted.*; choose a later --from, by which sales had answered more$",
        ),
        (290, 299, f"none in that time: .*; choose a --from before {answered().as_of.max():%Y-%m-%d}$"),
        (-30, -10, f"none in that time: .*; choose a --to after {START:%Y-%m-%d}$"),
    ],
)
def test_nothing_to_judge_is_a_plain_error_with_the_date_that_helps(first, last, said):
    with pytest.raises(DataError, match=said):
        backtest(answered(), START + timedelta(days=first), START + timedelta(days=last), timedelta(days=7), seed=3)


def test_where_all_are_open_an_earlier_day_helps():
    data = replace(answered(), observed=(LAST - timedelta(days=50)).to_pydatetime())
    with pytest.raises(
        DataError, match=f"all of them open; choose a --from before {LAST - timedelta(days=64):%Y-%m-%d}$"
    ):
        backtest(data, LAST - timedelta(days=60), LAST, timedelta(days=60), seed=3, folds=1)


def test_over_time_by_hand():
    """Two hand-offs in May at .5, one accepted; one in June at .9, accepted."""
    judged = pd.DataFrame(
        {
            "as_of": pd.to_datetime(["2025-05-02", "2025-05-20", "2025-06-01"]),
            "y": [1, 0, 1],
            "day": pd.Timestamp("2025-05-01"),
            **{arm: [0.5, 0.5, 0.9] for arm in ARMS},
        }
    )
    months = over_time(judged, timedelta(days=7))
    assert list(months["period"]) == [pd.Timestamp("2025-05-01"), pd.Timestamp("2025-06-01")]
    assert list(months["rows"]) == [2, 1]
    assert list(months["accepted"]) == [0.5, 1.0]
    assert list(months["log_loss_leadready"].round(4)) == [0.6931, 0.1054]
    assert list(months["z"].round(4)) == [0.0, 0.3333]
    assert len(over_time(judged, timedelta(days=28))) == 1


def standing_of(judged, zones):
    agreement = default_agreement()
    return judged[["lead_id", "as_of"]].assign(zone=zones, segment=0, agreement_version=agreement.version), agreement


def test_policies_by_hand(found):
    """Where the rules let everybody pass, the model's pick of the same volume is everybody: no gain, no claim."""
    standing, agreement = standing_of(found.judged, "qualified")
    told = value_policies(found.judged, standing, [agreement], 100, seed=1)
    table = told.table.set_index("policy")
    judged, costs = found.judged, agreement.values
    worth = judged["y"].map({1: costs.acceptance, 0: costs.refusal}).mean() - costs.review
    assert table["value"][RULES] == pytest.approx(worth)
    assert table["gain"][EQUAL] == 0
    held = judged[OURS] < costs.threshold
    saved = (costs.waiting + costs.review - judged["y"].map({1: costs.acceptance, 0: costs.refusal}))[held].sum()
    assert table["gain"][AGREED] == pytest.approx(saved / len(judged))
    assert told.curve[AGREED].iloc[-1] == pytest.approx(saved)
    assert told.claim.gated_only
    assert "gated population only" in told.claim.sentence


def test_where_nobody_was_explored_and_all_are_above_the_threshold_the_text_says_why_nothing_differs(found):
    judged = found.judged.assign(leadready=0.9)
    standing, agreement = standing_of(judged, "qualified")
    told = value_policies(judged, standing, [agreement], 100, seed=1)
    assert told.table.set_index("policy")["gain"][AGREED] == 0
    assert "no lead below the gate was explored" in told.alike
    rules = agreement.model_copy(update={"routing": agreement.routing.model_copy(update={"combine": "rules_only"})})
    assert not value_policies(judged, standing, [rules], 100, seed=1).alike
    assert not value_policies(found.judged, standing, [agreement], 100, seed=1).alike  # there some are held back


def test_below_the_gate_the_model_decides_only_once_it_learned_from_explored_leads(found):
    judged = found.judged.assign(propensity=0.05, explored=np.arange(len(found.judged)))
    standing, agreement = standing_of(judged, "not_yet")
    from_then_on = value_policies(judged, standing, [agreement], 50, seed=1).curve[AGREED]
    assert (from_then_on[:50] == 0).all()
    assert from_then_on[50:].ne(0).any()


def test_hand_offs_that_could_not_have_been_made_are_not_valued(found):
    standing, agreement = standing_of(found.judged, "qualified")
    assert value_policies(found.judged.assign(propensity=0.0), standing, [agreement], 100, seed=1) is None


def test_the_figures(found):
    standing, agreement = standing_of(found.judged, np.resize(["qualified", "nearly"], len(found.judged)))
    policies = value_policies(found.judged, standing, [agreement], 100, seed=1)
    figures = backtest_figures(found, policies)
    assert [section.kind.split()[0] for section in figures] == ["curves", "dots", "curves", "curves"]
    assert len(backtest_figures(found, None)) == 3
    for section in figures:
        marks = "".join(row.marks for row in draw(section.frame, section.kind).rows)
        assert marks
        assert "nan" not in marks
    losses = figures[0].frame.set_index(["arm", "period"])["log_loss"]
    assert losses["never retrained"].tolist() == found.periods[f"log_loss_{KEPT}"].tolist()
    assert figures[3].frame["gain_so_far"].iloc[-1] in policies.curve.iloc[-1].tolist()
    page = backtest_page(found, policies)
    assert all(section.title.split("?")[0] in page for section in figures)
