"""Are the probabilities of a scoring day right, over all open leads? By age, by zone, by support, and as a ranking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from benchmarks.truth_company import Company, cross_entropy
from data.cohorts import open_leads
from features.matrix import build_matrix
from features.rules.standing import build_rules
from models.metrics.evaluation import Vector
from models.rows.training_set import TrainingSet

DAY = datetime(2025, 12, 15)
BANDS = {"0-7": 7, "7-30": 30, "30-90": 90, "90+": np.inf}
"""Days since the last sign of the person, up to which each band goes."""
SIGNS = ("days_since_touch", "days_since_answer", "hours_since_connect")
ENOUGH = 100
"""Leads from which a band or zone is judged."""
BEST = (20, 60, 200)


@dataclass(frozen=True)
class ScoringDay:
    """What was known on a day, and what is true of its open leads.

    past: the training set. X: the n open leads' features; leads: n rows with lead_id, band, zone, true.
    """

    past: TrainingSet
    X: pd.DataFrame
    leads: pd.DataFrame

    @property
    def true(self) -> Vector:
        """The true chance of acceptance of each open lead."""
        return self.leads["true"].to_numpy()


def scoring_day(of: Company, day: datetime = DAY) -> ScoringDay:
    """The day as the product would meet it; the company has to have been simulated with this moment."""
    recycle, names = of.agreement.recycle, list(of.data.X.columns)
    index = open_leads(of.warehouse, day, recycle.cool_off_days, recycle.never)
    matrix = build_matrix(
        of.warehouse, index, of.agreement, names=list(dict.fromkeys([*names, *SIGNS, "days_since_created"]))
    )
    ages = pd.concat([matrix[SIGNS[0]], matrix[SIGNS[1]], matrix[SIGNS[2]] / 24], axis=1).min(axis=1)
    age = ages.fillna(matrix["days_since_created"])
    leads = pd.DataFrame(
        {
            "lead_id": index["lead_id"],
            "band": pd.cut(age, [-np.inf, *BANDS.values()], labels=list(BANDS), right=False).astype(str),
            "zone": build_rules(of.warehouse, index, [of.agreement])["zone"].to_numpy(),
            "true": of.true_at(index)["probability"].to_numpy(),
        }
    )
    return ScoringDay(of.data.before(pd.Timestamp(day)), matrix[names], leads)


def parts(leads: pd.DataFrame) -> Iterator[tuple[str, Vector]]:
    """The bands and zones that have enough leads, each with its rows."""
    for column in ("band", "zone"):
        for name, rows in leads.groupby(column).indices.items():
            if len(rows) >= ENOUGH:
                yield str(name), rows


def judged(day: ScoringDay, p: Vector) -> dict[str, float]:
    """Excess log loss, rank with the truth, bias over all, by band and by zone, and the truth among the best."""
    true, order = day.true, np.argsort(-p, kind="stable")
    found = {
        "excess": cross_entropy(true, p) - cross_entropy(true, true),
        "rank": float(pd.Series(p).corr(pd.Series(true), method="spearman")),
        "bias": float(p.mean() - true.mean()),
    }
    found |= {f"bias {name}": float(p[rows].mean() - true[rows].mean()) for name, rows in parts(day.leads)}
    return found | {f"true among best {most}": float(true[order[:most]].mean()) for most in BEST}
