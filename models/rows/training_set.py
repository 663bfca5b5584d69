"""What does a model learn from? Snapshots with their features, what sales answered, and when that was known."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from data.errors import ModelError
from features.catalogue import Feature
from models.metrics.evaluation import Vector
from models.rows.delay import known_by
from models.rows.splits import ForwardFolds, Split

LEAST_LABELS = 40
CLIP = 20.0


@dataclass(frozen=True)
class TrainingSet:
    """N snapshots, one row each.

    X: n x k features, float64 (NaN = missing) and text (never missing, "unknown"). y: n outcomes of 0/1, accepted
    within `horizon`. as_of: n snapshot times, UTC without zone. group: n account ids, the lead's own where it has none.
    features: the k definitions in the order of X's columns. propensity: the chance with which the lead was handed off,
    1 unless it was explored and 0 where it could not have been drawn.

    sales_until: up to when each row sees hand-offs and decisions (data.cohorts); left out, up to `as_of`.
    answered_at: when our systems knew sales' answer, NaT without one; left out, every label is known from the close of
    its horizon on. observed: the moment of training; left out, every horizon has closed. `silence_counts`: a row
    without an answer counts as not accepted once its horizon has closed; else such rows must not be in the set.
    """

    X: pd.DataFrame
    y: Vector
    as_of: pd.Series
    group: pd.Series
    horizon: timedelta
    features: tuple[Feature, ...]
    lead_id: pd.Series
    propensity: pd.Series
    sales_until: pd.Series | None = None
    answered_at: pd.Series | None = None
    observed: datetime | None = None
    silence_counts: bool = False

    @property
    def snapshots(self) -> pd.DataFrame:
        """Lead, moment and what is seen of sales at it, as `features.matrix.build_matrix` takes them."""
        until = self.as_of if self.sales_until is None else self.sales_until
        return pd.DataFrame({"lead_id": self.lead_id, "as_of": self.as_of, "sales_until": until})

    @property
    def now(self) -> pd.Timestamp:
        """The moment of training."""
        return pd.Timestamp(self.observed) if self.observed else (self.as_of + self.horizon).max()

    @property
    def mature(self) -> Vector:
        """Which rows' horizon had closed at the moment of training: only they are tested on."""
        return np.asarray((self.as_of + self.horizon <= self.now).to_numpy())

    @property
    def labelled(self) -> Vector:
        """Which rows have a label, be it a young one."""
        answered = False if self.answered_at is None else self.answered_at.notna().to_numpy()
        return np.asarray(self.mature | answered)

    @property
    def explored(self) -> Vector:
        """Which rows with a label were handed off by a draw, below the rules' gate."""
        return np.asarray(self.labelled & (self.propensity > 0) & (self.propensity < 1))

    @property
    def stands_for(self) -> Vector:
        """How many of the leads that are scored each row stands for (`standing_for`); 1 where it was not drawn."""
        propensity = self.propensity.to_numpy(float)
        return standing_for(np.where(propensity > 0, propensity, 1.0))

    @property
    def usable_at(self) -> pd.Series:
        """From when each row may train: from its answer on, from its close, or at once where silence counts."""
        if self.answered_at is None:
            return self.as_of + self.horizon
        return self.as_of if self.silence_counts else self.answered_at + pd.Timedelta(microseconds=1)

    def as_known(self, day: pd.Timestamp) -> TrainingSet:
        """The same rows with their labels as they stood at `day`: nothing of sales known from then on."""
        known = replace(self, observed=day)
        if self.answered_at is None:
            return known
        seen = self.answered_at < day
        return replace(known, y=np.where(seen, self.y, 0), answered_at=self.answered_at.where(seen))

    def only(self, rows: Vector) -> TrainingSet:
        """The rows at those places alone, in that order."""
        names = ("X", "as_of", "group", "lead_id", "propensity", "sales_until", "answered_at")
        given = {name: part for name in names if (part := getattr(self, name)) is not None}
        parts: dict[str, Any] = {name: part.iloc[rows].reset_index(drop=True) for name, part in given.items()}
        return replace(self, y=self.y[rows], **parts)

    def table(self, rows: Vector, *names: str) -> pd.DataFrame:
        """What is known of the rows at those places, by place: the parts of those names as columns."""
        return pd.DataFrame({name: np.asarray(getattr(self, name))[rows] for name in names}, index=rows)

    def before(self, day: pd.Timestamp) -> TrainingSet:
        """The rows that a training at `day` would have had, their labels as they stood then."""
        return self.as_known(day).only(np.flatnonzero((self.as_of < day) & (self.usable_at <= day)))

    def known(self, rows: Vector, cut: pd.Timestamp) -> tuple[Vector, Vector]:
        """Outcomes and weights of `rows`, usable by then, as they stood at `cut` (see `delay.known_by`)."""
        if self.answered_at is None:
            return self.y[rows], np.ones(len(rows))
        return known_by(self.y[rows], self.as_of.iloc[rows], self.answered_at.iloc[rows], self.horizon, cut)

    def folds(self, count: int = 4) -> ForwardFolds:
        """The rows' forward folds, for any tool that takes a scikit-learn splitter (`cv=`); groups: `group`."""

        def known(rows: Vector, cut: pd.Timestamp) -> Vector:
            return self.known(rows, cut)[0]

        return ForwardFolds(self.as_of, self.usable_at, self.mature, count, known, self.lead_id)

    def holdout(self, test_share: float = 0.3) -> Split:
        """The last `test_share` of the mature rows to test on, and the earlier rows to train on; see `ForwardFolds`."""
        return self.folds().holdout(self.group, test_share)


def standing_for(propensity: Vector) -> Vector:
    """How many leads at the gate each of n hand-offs stands for: 1 / propensity, at most 20."""
    return np.minimum(1 / propensity, CLIP)


def check(data: TrainingSet) -> None:
    """Raise ModelError unless the parts fit together and there are at least 40 labels of each outcome."""
    lengths = {len(part) for part in (data.X, data.y, data.as_of, data.group)}
    names = [f.name for f in data.features]
    if len(lengths) > 1 or names != list(data.X.columns):
        raise ModelError(
            "reading the training set",
            expected="X, y, as_of and group of one length, and one feature definition per column in order",
            got=f"lengths {sorted(lengths)}, {len(names)} definitions for {data.X.shape[1]} columns",
            do="build all of them from one cohort with build_matrix",
        )
    labels = data.y[data.labelled]
    accepted, rejected = int((labels == 1).sum()), int((labels == 0).sum())
    if not np.isin(data.y, (0, 1)).all() or min(accepted, rejected) < LEAST_LABELS:
        raise ModelError(
            "training a model",
            expected=f"at least {LEAST_LABELS} accepted and {LEAST_LABELS} rejected leads, and no other outcome",
            got=f"{accepted} accepted and {rejected} rejected of {len(data.y)}",
            do="ingest more decisions or start earlier; until then let the rules alone route leads",
        )


def data_hash(data: TrainingSet) -> str:
    """SHA-256 of all that training looks at but propensity: features, labels, accounts, times, and how labels count."""
    parts = (data.X, data.group.astype(str))
    content, accounts = (pd.util.hash_pandas_object(part, index=False).to_numpy().tobytes() for part in parts)
    names = repr([(str(c), f.dtype) for c, f in zip(data.X.columns, data.features, strict=True)]).encode()
    times = [t for t in (data.as_of, data.answered_at) if t is not None]
    when = [t.astype("datetime64[us]").to_numpy().tobytes() for t in times]
    rules = repr((data.horizon, data.now, data.silence_counts)).encode()
    return sha256(names, content, accounts, rules, data.y.astype("int8").tobytes(), *when)


def sha256(*parts: bytes) -> str:
    """The hash of all parts in their order."""
    return hashlib.sha256(b"".join(parts)).hexdigest()
