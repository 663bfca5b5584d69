"""Which rows train and which test? Forward in time, accounts on one side if that leaves enough, open labels purged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from data.errors import ModelError
from models.metrics.evaluation import Vector

EVER = pd.Timestamp.max
LEAST_PER_CLASS = 5  # a fold that trains on fewer of either outcome says nothing
ENOUGH, ENOUGH_PER_CLASS = 200, 30  # rows that a fold is to train on, and of either outcome
PURGED_MOST = 0.5  # share that a purge by account may cost a fold which has fewer anyway
Known = Callable[[Vector, pd.Timestamp], Vector]  # outcomes of rows, by their places, as they stood at a moment


@dataclass(frozen=True)
class Split:
    """Row positions to train and to test on, and the moment between them; `purged` earlier rows are in neither.

    by_lead: only the tested leads were purged, not their whole accounts: that would have left too few rows.
    """

    train: Vector
    test: Vector
    purged: int
    cut: pd.Timestamp
    by_lead: bool = False


def splits_note(test: Split, folds: Sequence[Split]) -> str:
    """In plain words, how many folds there are, on how much they train, and whether only leads were purged."""
    least = min(len(fold.train) for fold in folds)
    found = f"the models were compared on {len(folds)} forward folds, each trained on at least {least:,} earlier rows"
    few = f" (fewer than {ENOUGH}: there were no more)" if least < ENOUGH else ""
    for_what = [what for what, at in (("the folds", folds[0]), ("the test", test)) if at.by_lead]
    kept = f"; for {' and '.join(for_what)} only the tested leads were left out of training, not their whole accounts"
    return f"{found}{few}{f'{kept}, which would have left too few rows' if for_what else ''}"


class ForwardFolds:
    """Forward folds as a scikit-learn splitter: each trains on all that was known before the block that it tests.

    For the n rows that X, y and groups of `split` have in this order: as_of; usable_at, from when each row may train;
    `mature` rows (n flags) alone are tested; lead: n lead ids, groups: n account ids. Time is cut into folds + 1 blocks
    of about as many mature rows, and rows of one instant stay together. A row that is tested or was not usable before
    the first test row does not train, nor does one of a tested account (López de Prado 2018, ch. 7). Where that leaves
    a fold fewer than 200 rows or 30 of an outcome, there are fewer folds, two at least; where that does not help, a
    tested lead's rows alone are purged. With too few rows for that, folds are as many as can be, and purged by account
    where this costs no more than half of their rows. known: the outcomes of rows, by their places, as they
    stood at a cut; left out, as they are in y.
    """

    def __init__(
        self,
        as_of: pd.Series,
        usable_at: pd.Series,
        mature: Vector,
        folds: int = 4,
        known: Known | None = None,
        lead: pd.Series | None = None,
    ) -> None:
        self.as_of, self.usable_at, self.mature, self.folds, self.known = as_of, usable_at, mature, folds, known
        self.lead = pd.Series(np.arange(len(as_of))) if lead is None else lead

    def cuts(self, y: Vector, groups: pd.Series) -> list[Split]:
        """The folds of n outcomes of 0/1 and n account ids; raises ModelError where not even one can be made."""
        y, groups = np.asarray(y), pd.Series(groups)
        known = self.known or (lambda rows, _: y[rows])
        blocks = [self._blocks(count) for count in range(self.folds, 0, -1)]
        by_account = [[self.between(groups, *ends) for ends in each] for each in blocks]
        by_lead = [[self.between(self.lead, *ends, by_lead=True) for ends in each] for each in blocks]
        asked = [
            *(each for each in by_account + by_lead if len(each) > 1 and all(_enough(split, known) for split in each)),
            *(ours for ours, most in zip(by_account, by_lead, strict=True) if all(map(_spared, ours, most))),
            *by_lead,
        ]
        for splits in asked:
            if splits and all(_usable(split, y, known) for split in splits):
                return splits
        raise ModelError(
            "cutting the training rows into folds forward in time",
            expected="both outcomes before and after a cut, labels known by then and no lead on both sides",
            got=f"no such cut in {len(self.as_of)} rows from {self.as_of.min()} to {self.as_of.max()}",
            do="train on a longer span of time or with a shorter label horizon",
        )

    def holdout(self, groups: pd.Series, test_share: float) -> Split:
        """Test on the last `test_share` of the mature rows, train on the earlier ones that could be known by then.

        Purged as in the folds, by account where that leaves 400 rows, from which folds can be cut, or half of them.
        Raises ModelError where either side would be empty.
        """
        ends = _cut(self.as_of[self.mature], test_share), EVER
        split, by_lead = self.between(groups, *ends), self.between(self.lead, *ends, by_lead=True)
        if len(split.train) < 2 * ENOUGH and not _spared(split, by_lead):
            split = by_lead
        if not len(split.train) or not len(split.test):
            raise ModelError(
                "keeping later rows for the test",
                expected=f"rows whose labels were known before the last {test_share:.0%} of the rows",
                got=f"{len(split.train)} to train, {len(split.test)} to test, {split.purged} purged, "
                f"from {self.as_of.min()} to {self.as_of.max()}",
                do="train on a longer span of time or with a shorter label horizon",
            )
        return split

    def between(self, groups: pd.Series, cut: pd.Timestamp, end: pd.Timestamp, by_lead: bool = False) -> Split:
        """Test on the mature rows from `cut` to `end`, train on what was known at `cut` of other groups."""
        before, known = (self.as_of < cut).to_numpy(), (self.usable_at <= cut).to_numpy()
        test = ~before & self.mature & (self.as_of < end).to_numpy()
        train = before & known & ~groups.isin(groups[test]).to_numpy()
        return Split(np.flatnonzero(train), np.flatnonzero(test), int(before.sum() - train.sum()), cut, by_lead)

    def split(self, X: object, y: Vector, groups: pd.Series) -> Iterator[tuple[Vector, Vector]]:  # noqa: ARG002
        """Places of the rows that train and of those that test, fold by fold."""
        yield from ((cut.train, cut.test) for cut in self.cuts(y, groups))

    def get_n_splits(self, X: object, y: Vector, groups: pd.Series) -> int:  # noqa: ARG002
        """How many folds `split` makes of these rows."""
        return len(self.cuts(y, groups))

    def _blocks(self, count: int) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
        """First and last moment of each tested block; none where no row is mature."""
        times = self.as_of[self.mature].sort_values().to_numpy()
        places = [len(times) * k // (count + 1) for k in range(1, count + 1) if len(times)]
        return list(pairwise([*(pd.Timestamp(cut) for cut in np.unique(times[places])), EVER]))


def _cut(as_of: pd.Series, test_share: float) -> pd.Timestamp:
    times = np.sort(as_of.to_numpy())
    later = times[times > times[0]] if len(times) else times
    if not len(later):
        return EVER
    return pd.Timestamp(max(times[min(int(len(times) * (1 - test_share)), len(times) - 1)], later[0]))


def _enough(split: Split, known: Known) -> bool:
    classes = np.bincount(known(split.train, split.cut), minlength=2)
    return bool(len(split.train) >= ENOUGH and classes.min() >= ENOUGH_PER_CLASS)


def _spared(by_account: Split, by_lead: Split) -> bool:
    """Whether the purge by account takes no more than half of what there is."""
    return len(by_account.train) >= PURGED_MOST * len(by_lead.train)


def _usable(split: Split, y: Vector, known: Known) -> bool:
    train, test = np.bincount(known(split.train, split.cut), minlength=2), np.bincount(y[split.test], minlength=2)
    return bool(train.min() >= LEAST_PER_CLASS and test.min() >= 1)
