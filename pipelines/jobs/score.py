"""What does a day's scoring do? Every open lead beside the rules, published whole or not at all."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from data.cohorts import count_closed
from data.errors import LeadreadyError
from data.freshness import Freshness
from data.opened import OpenWorkspace
from pipelines.jobs.basis import look_at_freshness

if TYPE_CHECKING:
    import pandas as pd

    from data.agreement.model import Agreement
    from data.settings import Settings
    from data.warehouse import Warehouse
    from models.registry.client import LoadedModel

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scoring:
    """The scores of a moment, what there was capacity for, the folder of the export (None: it shows others), how
    fresh the data were, how many leads are not scored, by why, and the version that waits to be promoted."""

    scores: pd.DataFrame
    capacity: pd.DataFrame
    folder: Path | None
    fresh: Freshness
    closed: dict[str, int]
    waiting: int | None = None


def score_open_leads(opened: OpenWorkspace, as_of: datetime, alias: str = "champion") -> Scoring:
    """Score every open lead at `as_of` and publish.

    Only the champion's scores are published: those of another model are to look at. Raises ModelError where the
    agreement that the model was trained under is gone.
    """
    from models.registry.client import Registry
    from serving.in_use import IN_USE, find_model, trained_under
    from serving.lists import find_columns
    from serving.sinks import publish

    registry = Registry(opened.workspace)
    agreement, model, waiting = opened.agreement_at(as_of), find_model(registry, alias), registry.waiting()
    if model is None:
        log.warning("no model is in use; the rules alone decide")
    seen_under = trained_under(opened, model) if model else None
    with opened.warehouse() as warehouse:
        find_columns(warehouse, opened.settings)  # before minutes are spent on scores
        fresh = look_at_freshness(opened, warehouse, as_of)
        zone = opened.settings.time_zone
        scores, capacity = score_rows(warehouse, agreement, model, as_of, seen_under, opened.settings, fresh)
        log.info("scored %d open leads as of %s", len(scores), as_of)
        scores = _with_changes(opened, warehouse, scores, model, seen_under)
        closed = count_closed(warehouse, as_of, agreement.recycle.cool_off_days, agreement.recycle.never)
        folder = publish(opened.workspace, warehouse, scores, zone, opened.settings) if alias == IN_USE else None
    return Scoring(scores, capacity, folder, fresh, closed, waiting)


def _with_changes(
    opened: OpenWorkspace,
    warehouse: Warehouse,
    scores: pd.DataFrame,
    model: LoadedModel | None,
    seen_under: Agreement | None,
) -> pd.DataFrame:
    """The scores with `changed` of those on a list; what goes wrong in it stops no scoring."""
    from pipelines.jobs.movers import tell_changes
    from serving.changes import LEAST, NO_CHANGES, Seeing
    from serving.lists import on_a_list

    present, listed = Seeing(model, seen_under) if model and seen_under else None, scores[on_a_list(scores)]
    try:
        changes = NO_CHANGES if listed.empty else tell_changes(opened, warehouse, listed, present, LEAST)
    except LeadreadyError as error:
        log.warning("the lists do not say what changed: %s", error)
        changes = NO_CHANGES
    return scores.assign(changed=scores["lead_id"].map(changes.set_index("lead_id")["changed"]))


def score_rows(
    warehouse: Warehouse,
    agreement: Agreement,
    model: LoadedModel | None,
    as_of: datetime,
    seen_under: Agreement | None,
    settings: Settings,
    fresh: Freshness,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The scores with all their columns, `changed` still empty, and the use of each capacity (`score_leads`)."""
    from serving.in_use import model_status
    from serving.pages.freshness import stale_words
    from serving.scoring import score_leads

    scores, capacity = score_leads(warehouse, agreement, model, as_of, seen_under, settings.time_zone)
    said = {"model_status": model_status(model, settings), "stale": stale_words(fresh), "changed": None}
    return scores.assign(**said), capacity
