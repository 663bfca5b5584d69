"""What do training, backtest and ablation rest on? The rows they learn from, and the tags that say where from."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from data.opened import OpenWorkspace

if TYPE_CHECKING:  # scikit-learn is imported by the jobs that need it: it takes seconds
    from models.rows.training_set import TrainingSet


def read_rows(opened: OpenWorkspace, observed: datetime) -> tuple[TrainingSet, dict[str, int]]:
    """The labelled snapshots known at `observed`, and the count of each outcome; see `build_training_set`."""
    from models.rows.dataset import build_training_set

    with opened.warehouse() as warehouse:
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
