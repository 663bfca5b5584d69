"""What do jobs rest on? The rows they learn from, the tags that say where from, and how fresh the data are."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING

from data.freshness import Freshness, measure_freshness
from data.opened import OpenWorkspace
from data.warehouse import Warehouse
from serving.pages.freshness import freshness_words

if TYPE_CHECKING:  # scikit-learn is imported by the jobs that need it: it takes seconds
    from models.rows.training_set import TrainingSet


log = logging.getLogger(__name__)


def look_at_freshness(opened: OpenWorkspace, warehouse: Warehouse, as_of: datetime) -> Freshness:
    """How fresh what was known at `as_of` is, said in the log: a warning where it is stale."""
    fresh = measure_freshness(warehouse, as_of, opened.settings.freshness)
    log.log(logging.WARNING if fresh.stale else logging.INFO, "; ".join(freshness_words(fresh)))
    return fresh


def read_rows(opened: OpenWorkspace, observed: datetime) -> tuple[TrainingSet, dict[str, int]]:
    """The labelled snapshots known at `observed`, and the count of each outcome; see `build_training_set`."""
    from models.rows.dataset import build_training_set

    with opened.warehouse() as warehouse:
        look_at_freshness(opened, warehouse, observed)
        return build_training_set(warehouse, opened.settings, opened.agreement_at(observed), observed)


def run_tags(opened: OpenWorkspace, observed: datetime) -> dict[str, str]:
    """Cohort, label, agreement, moment and seed, as a run of MLflow keeps them."""
    from serving.in_use import label_tags

    settings = opened.settings
    return {
        "cohort": settings.cohort.name,
        **label_tags(settings),
        "observed": observed.isoformat(),
        "agreement_version": opened.agreement_at(observed).version,
        "seed": str(settings.training.seed),
    }
