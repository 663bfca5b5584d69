"""What do we learn from? The cohort's snapshots with their features and what sales decided."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

import pandas as pd

from data.agreement.model import Agreement
from data.cohorts import LEFT_OUT, build_cohort, count_left_out, handed_off
from data.errors import DataError
from data.labels import label_outcomes, to_target
from data.settings import Settings
from data.sql import in_force
from data.warehouse import Warehouse
from features.catalogue import Feature, build_catalogue, select
from features.matrix import Across, build_matrix
from models.rows.training_set import TrainingSet

log = logging.getLogger(__name__)


class Gathered(NamedTuple):
    """The snapshots of a cohort that have a label, and how many have none, by why.

    rows: n snapshots as `label_outcomes` gives them, with target and propensity, in the order of as_of and lead_id.
    matrix: their n rows. counts: of each outcome, whatever it counts as, with hand-offs that are no snapshot by cause.
    """

    rows: pd.DataFrame
    matrix: pd.DataFrame
    counts: dict[str, int]


Gather = Callable[[Warehouse, Settings, Agreement, datetime, tuple[Feature, ...], list[str]], Gathered]
"""As `gather_rows` does."""


def build_training_set(
    warehouse: Warehouse, settings: Settings, agreement: Agreement, observed: datetime, gather: Gather | None = None
) -> tuple[TrainingSet, dict[str, int]]:
    """The labelled snapshots known at `observed`, and the counts of `Gathered`, which add up to all hand-offs.

    `gather`: how another engine does what this process else does itself, with the same result. Raises DataError where
    no snapshot is there, or none has a label.
    """
    catalogue = build_catalogue(agreement, warehouse)
    # the rulebook is always fitted beside the candidates, so its points are always there
    features = select(catalogue, (*settings.features.include, "rule_points"), settings.features.exclude)
    names = [f.name for f in features]
    rows, matrix, found = (gather or gather_rows)(warehouse, settings, agreement, observed, catalogue, names)
    counts = dict(sorted(found.items(), key=lambda count: (count[0] in LEFT_OUT, -count[1], count[0])))
    if not set(counts) - set(LEFT_OUT):
        raise DataError(
            f"building the cohort {settings.cohort.name} as of {observed:%Y-%m-%d}",
            expected="leads that reached it",
            got="none",
            do="ingest hand-offs, use a later --as-of, or choose another anchor in settings.toml [cohort]",
        )
    if rows.empty:
        raise DataError(
            f"labelling the cohort {settings.cohort.name} as of {observed:%Y-%m-%d}",
            expected="decisions of sales whose horizon has closed",
            got=", ".join(f"{k} {v}" for k, v in counts.items()),
            do="ingest decisions, or use a later --as-of",
        )
    log.info("training set: %d rows, %d features", len(rows), len(names))
    data = TrainingSet(
        X=matrix[names],
        y=rows["target"].to_numpy(dtype=int),
        as_of=rows["as_of"],
        group=matrix["house"],
        horizon=settings.horizon,
        features=features,
        lead_id=rows["lead_id"],
        propensity=rows["propensity"],
        sales_until=rows["sales_until"],
        answered_at=rows["answered_at"],
        observed=observed,
        silence_counts="not_accepted" in (settings.label.expired, settings.label.never_handed_off),
    )
    return data, counts


def gather_rows(
    warehouse: Warehouse,
    settings: Settings,
    agreement: Agreement,
    observed: datetime,
    catalogue: tuple[Feature, ...],
    names: list[str],
    across: Across | None = None,
) -> Gathered:
    """The labelled snapshots of the leads of a warehouse, with the columns `names` of the catalogue.

    Asks of no lead what only others' rows tell, but for its account's, those it was merged with, and `across`
    (`build_matrix`): whole accounts may be gathered apart.
    """
    snapshots = build_cohort(warehouse, settings.cohort, observed)
    labelled = label_outcomes(warehouse, snapshots, settings.horizon, observed)
    target = to_target(labelled, settings.label.expired, settings.label.never_handed_off)
    counts = {str(k): int(v) for k, v in labelled["outcome"].value_counts().items()}
    counts |= count_left_out(warehouse, settings.cohort, observed)
    rows = labelled.assign(target=target)[target.notna()].reset_index(drop=True)
    rows["propensity"] = _propensity(warehouse, rows, observed)
    matrix = build_matrix(warehouse, rows, agreement, features=catalogue, names=names, across=across)
    return Gathered(rows, matrix, counts)


def _propensity(warehouse: Warehouse, rows: pd.DataFrame, observed: datetime) -> pd.Series[float]:
    """The chance with which each snapshot's lead was handed off; 1 where nothing else is said."""
    query = f"""SELECT coalesce(min(h.propensity), 1.0) AS propensity FROM m_rows r
        LEFT JOIN ({handed_off(warehouse)}) h ON h.handed_off_at = r.handed_off_at
        AND r.lead_id IN (h.lead_id, h.copied_from) AND {in_force("$1", "h")} GROUP BY r.row ORDER BY r.row"""
    with warehouse.view("m_rows", rows[["lead_id", "handed_off_at"]].assign(row=range(len(rows)))):
        return warehouse.frame(query, [observed])["propensity"]
