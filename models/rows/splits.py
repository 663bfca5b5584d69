"""Which rows train and which test? Forward in time, accounts never on both sides, open labels purged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from data.errors import ModelError
from models.metrics.evaluation import Vector

EVER = pd.Timestamp.max
LEAST_PER_CLASS = 5  # a fold that trains on fewer of either outcome says nothing
Known = Callable[[Vector, pd.Timestamp], Vector]  # outcomes of rows, by their places, as they stood at a moment


@dataclass(frozen=True)
class Split:
    """Row positions to train and to test on, and the moment between them; `purged` earlier rows are in neither."""

    train: Vector
    test: Vector
    purged: int
    cut: pd.Timestamp


def holdout(as_of: pd.Series, group: pd.Series, usable_at: pd.Series, mature: Vector, test_share: float = 0.3) -> Split:
    """Test on the last `test_share` of n rows in time, train on the earlier rows that could be known by then.

    usable_at: from when each row may train; one that is tested or whose account is, or that was not usable before the
    first test row, does not (López de Prado 2018, ch. 7). Only `mature` rows (n flags) are tested. Rows of
    one instant stay together. Raises ModelError where either side would be empty.
    """
    split = ForwardFolds(as_of, usable_at, mature).between(group, _cut(as_of[mature], test_share), EVER)
    if not len(split.train) or not len(split.test):
        raise ModelError(
            "keeping later rows for the test",
            expected=f"rows whose labels were known before the last {test_share:.0%} of the rows",
            got=f"{len(split.train)} to train, {len(split.test)} to test, {split.purged} purged, "
            f"from {as_of.min()} to {as_of.max()}",
            do="train on a longer span of time or with a shorter label horizon",
        )
    return split


class ForwardFolds:
    """Forward folds as a scikit-learn splitter: each trains on all that was known before the block that it tests.

    For the n rows that X, y and groups of `split` have in this order: as_of, usable_at and mature as `holdout` takes
    them. Time is cut into folds + 1 blocks of about as many mature rows, fewer where a fold would lack an outcome.
    known: the outcomes of rows, by their places, as they stood at a cut; left out, as they are in y.
    """

    def __init__(
        self, as_of: pd.Series, usable_at: pd.Series, mature: Vector, folds: int = 4, known: Known | None = None
    ) -> None:
        self.as_of, self.usable_at, self.mature, self.folds, self.known = as_of, usable_at, mature, folds, known

    def cuts(self, y: Vector, groups: pd.Series) -> list[Split]:
        """The folds of n outcomes of 0/1 and n account ids; raises ModelError where not even one can be made."""
        y, groups = np.asarray(y), pd.Series(groups)
        times = self.as_of[self.mature].sort_values().to_numpy()
        for count in range(self.folds if len(times) else 0, 0, -1):
            places = [len(times) * k // (count + 1) for k in range(1, count + 1)]
            cuts = [pd.Timestamp(cut) for cut in np.unique(times[places])]
            splits = [self.between(groups, cut, end) for cut, end in pairwise([*cuts, EVER])]
            if all(_usable(split, y, self.known or (lambda rows, _: y[rows])) for split in splits):
                return splits
        raise ModelError(
            "cutting the training rows into folds forward in time",
            expected="both outcomes before and after a cut, labels known by then and no account on both sides",
            got=f"no such cut in {len(self.as_of)} rows from {self.as_of.min()} to {self.as_of.max()}",
            do="train on a longer span of time or with a shorter label horizon",
        )

    def between(self, groups: pd.Series, cut: pd.Timestamp, end: pd.Timestamp) -> Split:
        """Test on the mature rows from `cut` to `end`, train on what was known at `cut` of other accounts."""
        before, known = (self.as_of < cut).to_numpy(), (self.usable_at <= cut).to_numpy()
        test = ~before & self.mature & (self.as_of < end).to_numpy()
        train = before & known & ~groups.isin(groups[test]).to_numpy()
        return Split(np.flatnonzero(train), np.flatnonzero(test), int(before.sum() - train.sum()), cut)

    def split(self, X: object, y: Vector, groups: pd.Series) -> Iterator[tuple[Vector, Vector]]:  # noqa: ARG002
        """Places of the rows that train and of those that test, fold by fold."""
        yield from ((cut.train, cut.test) for cut in self.cuts(y, groups))

    def get_n_splits(self, X: object, y: Vector, groups: pd.Series) -> int:  # noqa: ARG002
        """How many folds `split` makes of these rows."""
        return len(self.cuts(y, groups))


def _cut(as_of: pd.Series, test_share: float) -> pd.Timestamp:
    times = np.sort(as_of.to_numpy())
    later = times[times > times[0]] if len(times) else times
    if not len(later):
        return EVER
    return pd.Timestamp(max(times[min(int(len(times) * (1 - test_share)), len(times) - 1)], later[0]))


def _usable(split: Split, y: Vector, known: Known) -> bool:
    train, test = np.bincount(known(split.train, split.cut), minlength=2), np.bincount(y[split.test], minlength=2)
    return bool(train.min() >= LEAST_PER_CLASS and test.min() >= 1)
