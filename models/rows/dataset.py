"""What do we learn from? The cohort's snapshots with their features and what sales decided."""

from __future__ import annotations

import logging
from datetime import datetime

import pandas as pd

from data.agreement.model import Agreement
from data.cohorts import build_cohort, count_left_out, handed_off
from data.errors import DataError
from data.labels import label_outcomes, to_target
from data.settings import Settings
from data.sql import in_force
from data.warehouse import Warehouse
from features.catalogue import build_catalogue, select
from features.matrix import build_matrix
from models.rows.training_set import TrainingSet

log = logging.getLogger(__name__)


def build_training_set(
    warehouse: Warehouse, settings: Settings, agreement: Agreement, observed: datetime
) -> tuple[TrainingSet, dict[str, int]]:
    """The labelled snapshots known at `observed`, and the count of each outcome, whatever it counts as.

    With hand-offs that are no snapshot by cause (`count_left_out`), so that the counts add up to all hand-offs.

    Raises DataError where no snapshot is there, or none has a label.
    """
    snapshots = build_cohort(warehouse, settings.cohort, observed)
    if snapshots.empty:
        raise DataError(
            f"building the cohort {settings.cohort.name} as of {observed:%Y-%m-%d}",
            expected="leads that reached it",
            got="none",
            do="ingest hand-offs, use a later --as-of, or choose another anchor in settings.toml [cohort]",
        )
    labelled = label_outcomes(warehouse, snapshots, settings.horizon, observed)
    target = to_target(labelled, settings.label.expired, settings.label.never_handed_off)
    counts = {str(k): int(v) for k, v in labelled["outcome"].value_counts().items()}
    counts |= count_left_out(warehouse, settings.cohort, observed)
    rows = labelled[target.notna()].reset_index(drop=True)
    if rows.empty:
        raise DataError(
            f"labelling the cohort {settings.cohort.name} as of {observed:%Y-%m-%d}",
            expected="decisions of sales whose horizon has closed",
            got=", ".join(f"{k} {v}" for k, v in counts.items()),
            do="ingest decisions, or use a later --as-of",
        )
    catalogue = build_catalogue(agreement, warehouse)
    # the rulebook is always fitted beside the candidates, so its points are always there
    features = select(catalogue, (*settings.features.include, "rule_points"), settings.features.exclude)
    names = [f.name for f in features]
    matrix = build_matrix(warehouse, rows, agreement, features=catalogue, names=names)
    log.info("training set: %d rows, %d features", len(rows), len(names))
    data = TrainingSet(
        X=matrix[names],
        y=target.dropna().to_numpy(dtype=int),
        as_of=rows["as_of"],
        group=matrix["house"],
        horizon=settings.horizon,
        features=features,
        lead_id=rows["lead_id"],
        propensity=_propensity(warehouse, rows, observed),
        sales_until=rows["sales_until"],
        answered_at=rows["answered_at"],
        observed=observed,
        silence_counts="not_accepted" in (settings.label.expired, settings.label.never_handed_off),
    )
    return data, counts


def _propensity(warehouse: Warehouse, rows: pd.DataFrame, observed: datetime) -> pd.Series[float]:
    """The chance with which each snapshot's lead was handed off; 1 where nothing else is said."""
    query = f"""SELECT coalesce(min(h.propensity), 1.0) AS propensity FROM m_rows r
        LEFT JOIN ({handed_off(warehouse)}) h ON h.handed_off_at = r.handed_off_at
        AND r.lead_id IN (h.lead_id, h.copied_from) AND {in_force("$1", "h")} GROUP BY r.row ORDER BY r.row"""
    with warehouse.view("m_rows", rows[["lead_id", "handed_off_at"]].assign(row=range(len(rows)))):
        return warehouse.frame(query, [observed])["propensity"]
