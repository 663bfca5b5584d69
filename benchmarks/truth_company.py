"""What does one simulated company know, and what is true? Its training set, its leads at some moments, their truth."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from data.agreement.file import default_agreement
from data.agreement.model import Agreement
from data.intake.ingest import ingest
from data.settings import LabelSettings, Settings
from data.simulator.company import START, simulate
from data.simulator.worlds import World
from data.tables import TABLES
from data.warehouse import Warehouse
from features.matrix import build_matrix
from models.metrics.evaluation import Vector, logit, sigmoid
from models.rows.dataset import build_training_set
from models.rows.training_set import TrainingSet

END = START + timedelta(days=365)
JUST_AFTER = pd.Timedelta(microseconds=1)  # a training row is looked at so long after its hand-off
NEVER_HANDED_OFF = """SELECT l.lead_id, $moment::TIMESTAMP AS as_of FROM leads l
    WHERE l.known_at < $moment AND l.lead_id NOT IN (SELECT lead_id FROM handoffs WHERE handed_off_at < $moment)
    ORDER BY hash(l.lead_id) LIMIT $most"""


@dataclass(frozen=True)
class Company:
    """A simulated company at the end of its year.

    data: the training set it has then. truth: per row of it, what data.simulator.company says of the hand-off,
    and without_rep, the chance before anybody knows whom in sales it gets to.
    truth_at: the same by (lead_id, as_of) for the moments asked for.
    """

    seed: int
    warehouse: Warehouse
    agreement: Agreement
    data: TrainingSet
    truth: pd.DataFrame
    truth_at: pd.DataFrame

    @property
    def p(self) -> Vector:
        """The true chance of acceptance, given a decision, of each row of `data`."""
        return self.truth["probability"].to_numpy()

    def features(self, index: pd.DataFrame) -> pd.DataFrame:
        """The training set's features of the leads and moments of `index` (lead_id, as_of)."""
        names = list(self.data.X.columns)
        return build_matrix(self.warehouse, index, self.agreement, names=names)[names]

    def never_handed_off(self, moment: datetime, most: int) -> pd.DataFrame:
        """Up to `most` of the leads that nobody had handed off by a moment: lead_id, as_of."""
        return self.warehouse.frame(NEVER_HANDED_OFF, {"moment": moment, "most": most})

    def true_at(self, index: pd.DataFrame) -> pd.DataFrame:
        """What is true of the leads of `index` at their moments, which were asked for."""
        return self.truth_at.loc[pd.MultiIndex.from_frame(index[["lead_id", "as_of"]])].reset_index(drop=True)


@contextmanager
def company(
    world: World | str, leads: int, seed: int, moments: Sequence[datetime] = (), label: LabelSettings | None = None
) -> Iterator[Company]:
    """Simulate a year, take it in and build the training set as a user's would be; the truth goes another way."""
    tables = simulate(leads, seed, world=world, moments=moments)
    truth, truth_at = tables.pop("truth"), tables.pop("truth_at", pd.DataFrame(columns=["lead_id", "as_of"]))
    agreement, settings = default_agreement(), Settings(label=label or LabelSettings())
    with tempfile.TemporaryDirectory() as folder, Warehouse.open(None, threads=1) as warehouse:
        warehouse.connection.execute("SET enable_progress_bar = false")
        for name in TABLES.keys() & tables.keys():
            tables[name].to_parquet(Path(folder) / f"{name}.parquet")
        ingest(warehouse, "canonical", folder, loaded_at=END + timedelta(days=90))
        data, _ = build_training_set(warehouse, settings, agreement, END)
        true = truth.assign(as_of=truth["handed_off_at"] + JUST_AFTER).set_index(["lead_id", "as_of"])
        index = pd.MultiIndex.from_frame(pd.DataFrame({"lead_id": data.lead_id, "as_of": data.as_of}))
        rows = true.loc[index].reset_index(drop=True)
        rep = 0 if world == "articles" else rows["journey"]  # there the truth is an average over the reps already
        rows["without_rep"] = sigmoid(logit(rows["probability"].to_numpy()) - rep)
        at = truth_at.set_index(["lead_id", "as_of"])
        yield Company(seed, warehouse, agreement, data, rows, at)


def cross_entropy(p: Vector, q: Vector) -> float:
    """Mean log loss of probabilities q where p is true: what it would be on endlessly many outcomes."""
    z = logit(q)
    return float(np.mean(np.logaddexp(0, z) - p * z))


def calibration_error(p: Vector, q: Vector, bins: int = 10) -> float:
    """Mean distance of mean q and mean true p over bins of equal size by q."""
    parts = np.array_split(np.argsort(q, kind="stable"), bins)
    return float(sum(len(at) * abs(np.mean(q[at]) - np.mean(p[at])) for at in parts) / len(p))
