from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from data.errors import ModelError
from models.rows.splits import ForwardFolds, splits_note

DAYS = [1, 2, 3, 20, 21, 30, 30, 30, 31, 32]
AS_OF = pd.Series(pd.Timestamp("2025-01-01") + pd.to_timedelta(DAYS, unit="D"))
GROUP = pd.Series(list("abcdefghbj"))
HORIZON = timedelta(days=9)
ALL = np.ones(len(DAYS), dtype=bool)


def holdout(as_of, group, usable_at, mature):
    return ForwardFolds(as_of, usable_at, mature).holdout(group, 0.3)


def test_the_last_rows_are_tested_and_equal_times_stay_together():
    split = holdout(AS_OF, GROUP, AS_OF + HORIZON, ALL)
    assert list(split.test) == [5, 6, 7, 8, 9]


def test_an_account_of_the_test_is_purged_and_so_is_an_open_label():
    """b is tested later; day 21 + 9 = day 30 has just closed when the test begins."""
    split = holdout(AS_OF, GROUP, AS_OF + HORIZON, ALL)
    assert list(split.train) == [0, 2, 3, 4]
    assert split.purged == 1
    assert list(holdout(AS_OF, GROUP, AS_OF + HORIZON + timedelta(seconds=1), ALL).train) == [0, 2, 3]


def test_the_order_of_rows_does_not_matter():
    order = np.random.default_rng(0).permutation(len(AS_OF))
    times, groups = AS_OF.iloc[order].reset_index(drop=True), GROUP.iloc[order].reset_index(drop=True)
    mixed = holdout(times, groups, times + HORIZON, ALL)
    assert set(order[mixed.train]) == set(holdout(AS_OF, GROUP, AS_OF + HORIZON, ALL).train)


@pytest.mark.parametrize("days", [[5] * 6, [], [1, 2, 3, 4]])
def test_a_span_too_short_is_refused_in_plain_words(days):
    as_of = pd.Series(pd.Timestamp("2025-01-01") + pd.to_timedelta(days, unit="D"))
    with pytest.raises(ModelError, match=r"keeping later rows .*expected rows whose labels were known.*longer span"):
        holdout(as_of, pd.Series(range(len(days))), as_of + HORIZON, np.ones(len(days), dtype=bool))


def _year(rows=400):
    as_of = pd.Series(pd.Timestamp("2025-01-01") + pd.to_timedelta(np.linspace(0, 364, rows), unit="D"))
    return as_of, pd.Series(np.arange(rows) % 300), np.arange(rows) % 2


def _folds(as_of, group, days, y, known=None):
    all_mature = np.ones(len(y), dtype=bool)
    return ForwardFolds(as_of, as_of + timedelta(days=days), all_mature, 4, known).cuts(y, group)


def test_folds_grow_forward_and_share_no_account():
    as_of, group, y = _year()
    folds = _folds(as_of, group, 14, y)
    assert len(folds) == 4
    assert [len(f.train) for f in folds] == sorted(len(f.train) for f in folds)
    assert np.array_equal(np.concatenate([f.test for f in folds]), np.arange(80, 400))
    for fold in folds:
        assert (as_of[fold.train] + timedelta(days=14)).max() <= as_of[fold.test].min()
        assert not set(group[fold.train]) & set(group[fold.test])


def test_fewer_folds_are_made_where_an_outcome_is_missing():
    as_of, group, y = _year()
    y[:160] = np.arange(160) >= 150
    folds = _folds(as_of, group, 14, y)
    assert 1 <= len(folds) < 4
    assert all(0 < y[f.train].mean() < 1 for f in folds)


def test_no_fold_at_all_is_refused():
    with pytest.raises(ModelError, match="both outcomes before and after a cut"):
        _folds(*_year()[:2], 400, _year()[2])


def test_only_mature_rows_are_tested_and_a_row_trains_from_its_answer_on():
    """From day 30 on horizons are open; day 3 + 9 days would have closed before the test, day 3 + 18 not."""
    mature = (pd.Timestamp("2025-02-08") >= AS_OF + HORIZON).to_numpy()
    answered_at = AS_OF + pd.to_timedelta([1, 1, 18, *[1] * 7], unit="D")
    split = holdout(AS_OF, GROUP, answered_at, mature)
    assert list(split.test) == [3, 4]
    assert list(split.train) == [0, 1]


def test_a_fold_whose_labels_were_of_one_outcome_at_its_cut_is_unusable():
    """By now half are accepted; as known at each cut of the first half of the year none was."""
    as_of, group, y = _year()

    def known(rows, cut):
        return np.where(cut < pd.Timestamp("2025-07-01"), 0, y[rows])

    assert len(_folds(as_of, group, 1, y)) == 4
    folds = _folds(as_of, group, 1, y, known)
    assert 1 <= len(folds) < 4
    assert all(fold.cut >= pd.Timestamp("2025-07-01") for fold in folds)


def _crowded(rows, per_account):
    """Hand-offs over a year of accounts that keep coming back: so many each, at any time."""
    as_of, _, _ = _year(rows)
    rng = np.random.default_rng(0)
    return as_of, pd.Series(rng.integers(0, rows // per_account, rows)), (rng.random(rows) < 0.4).astype(int)


def test_where_accounts_come_back_the_purge_leaves_enough_to_choose_by():
    """1,500 hand-offs, 4 an account: folds inside the earlier part train on 200 rows and more; it is said how."""
    as_of, group, y = _crowded(1500, 4)
    usable_at, mature = as_of + timedelta(days=14), np.ones(len(y), dtype=bool)
    late = ForwardFolds(as_of, usable_at, mature).holdout(group, 0.3)
    rows = late.train
    inside = ForwardFolds(*(each.iloc[rows].reset_index(drop=True) for each in (as_of, usable_at)), mature[rows])
    folds = inside.cuts(y[rows], group.iloc[rows].reset_index(drop=True))
    assert min(len(fold.train) for fold in folds) >= 200
    assert all(np.bincount(y[rows][fold.train]).min() >= 30 for fold in folds)
    assert "only the tested leads were left out of training, not their whole accounts" in splits_note(late, folds)


def test_where_the_purge_by_account_is_cheap_it_stays():
    as_of, group, y = _year()
    folds = _folds(as_of, group, 14, y)
    assert not any(fold.by_lead for fold in folds)
    assert splits_note(folds[-1], folds) == (
        "the models were compared on 4 forward folds, each trained on at least 65 earlier rows "
        "(fewer than 200: there were no more)"
    )


@pytest.mark.parametrize("rows", [90, 300])
def test_a_small_company_of_few_accounts_still_gets_folds(rows):
    as_of, group, y = _crowded(rows, 20)
    folds = _folds(as_of, group, 14, y)
    assert folds[0].by_lead
    assert "fewer than 200" in splits_note(folds[0], folds)


def test_where_no_row_is_mature_it_is_said_plainly():
    as_of, group, y = _year()
    with pytest.raises(ModelError, match="cutting the training rows"):
        ForwardFolds(as_of, as_of, np.zeros(len(y), dtype=bool)).cuts(y, group)
