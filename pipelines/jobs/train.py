"""What does a training do? It fits and compares the models, keeps them, and puts the best into use if it may be."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from data.agreement.model import Agreement
from data.freshness import Freshness
from data.opened import OpenWorkspace
from data.settings import Settings
from pipelines.jobs.basis import look_at_freshness, read_rows, run_tags

if TYPE_CHECKING:  # scikit-learn and MLflow are imported by the jobs that need them: they take seconds
    from models.judging.plan import TrainingPlan
    from models.judging.promotion import Decision
    from models.judging.training import TrainingResult
    from models.registry.kept import ModelVersion

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Training:
    """What a training came to: figures, the decision with its reasons, the version kept, the count of each outcome,
    and how fresh the data were."""

    result: TrainingResult
    decision: Decision
    version: ModelVersion
    outcomes: dict[str, int]
    fresh: Freshness

    @property
    def decided(self) -> str:
        """What became of the version, in a word or two."""
        waits = " that waits to be promoted" if self.decision.waiting else ""
        return f"{self.decision.alias}{waits}" if self.decision.alias else "not promoted"


@dataclass(frozen=True)
class Planning:
    """What a training would be: its plan, the count of each outcome, and the settings and agreement it rests on."""

    plan: TrainingPlan
    outcomes: dict[str, int]
    settings: Settings
    agreement: Agreement


def train_models(opened: OpenWorkspace, observed: datetime, ask: bool = False) -> Training:
    """Fit and compare all candidates on what was known at `observed`, log them, and put the best into use if it may be.

    The warehouse is left before anything is fitted. `ask`: the best waits for a person instead. Raises ModelError or
    DataError where the labels do not suffice. A model that may not be used is no error here: the decision says so.
    """
    from features.catalogue import catalogue_version
    from models.judging.promotion import decide, hand_off_gain, let_wait, zones_of
    from models.judging.training import train
    from models.metrics.sample_size import effective_parameters
    from models.registry.client import Registry
    from models.rows.dataset import build_training_set
    from models.rows.training_set import check
    from pipelines.spark.engine import on_spark
    from serving.in_use import ask_champion
    from serving.pages.training import write_pages

    settings, agreement, registry = opened.settings, opened.agreement_at(observed), Registry(opened.workspace)
    engine = on_spark(opened)
    with opened.warehouse() as warehouse:
        fresh = look_at_freshness(opened, warehouse, observed)
        gather = engine.gather if engine else None
        data, outcomes = build_training_set(warehouse, settings, agreement, observed, gather)
        check(data)  # before MLflow's store is made: a refused training keeps nothing
        zones = zones_of(warehouse, data, agreement)
        champion = ask_champion(opened, warehouse, registry, data)
        sources = [source for (source,) in warehouse.rows("SELECT DISTINCT source FROM batches ORDER BY source")]
    registry.check_place()  # before minutes are spent on fitting
    options = settings.training
    result = train(
        data,
        seed=options.seed,
        test_share=options.test_share,
        folds=options.folds,
        allowed=options.allowed_columns,
        bags=options.refits,
    )
    gain = hand_off_gain(agreement, zones, result, champion) if champion else None
    decision = decide(result, champion, effective_parameters(result.estimator, data.X), gain)
    decision = let_wait(decision) if ask else decision
    context = run_tags(opened, observed) | {
        "source": ", ".join(sources),
        "points_version": agreement.points_version,
        "catalogue_version": catalogue_version(data.features),
        "left_out": ", ".join(settings.features.exclude),
        "explored_labels": str(data.explored.sum()),
        **{f"outcome_{name}": str(count) for name, count in outcomes.items()},
    }
    version = registry.log_training(result, context, decision, write_pages)
    log.info("kept in MLflow as version %d of the model", version.version)
    return Training(result, registry.apply(version, decision), version, outcomes, fresh)


def plan_training(opened: OpenWorkspace, observed: datetime) -> Planning:
    """What `train_models` would do on what was known at `observed`, found without fitting anything.

    Raises DataError where there is nothing to learn from. Too few labels are no error here: the plan says so.
    """
    from models.judging.plan import plan_training as plan

    data, outcomes = read_rows(opened, observed)
    options = opened.settings.training
    found = plan(data, test_share=options.test_share, folds=options.folds)
    return Planning(found, outcomes, opened.settings, opened.agreement_at(observed))
