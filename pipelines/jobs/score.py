"""What does a day's scoring do? Every open lead beside the rules, published whole or not at all."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
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
    from models.registry.client import LoadedModel, Registry
    from pipelines.spark.engine import OnSpark
    from serving.scoring import Scored

log = logging.getLogger(__name__)

IMPORTED = 1_000_000_000
"""Bytes of the program itself, and of what is worked on for a moment."""
LEAST, LEAST_PER_LEAD = 1_000_000_000, 1_200
"""Bytes that DuckDB needs to publish scores, in all or for each lead."""
MOVERS = 10
"""Of so many leads that rose most, and of as many that fell, it is told why, whether they are on a list or not."""


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
    from pipelines.spark.engine import on_spark
    from serving.in_use import IN_USE, find_model, trained_under
    from serving.inbox import take_in
    from serving.lists import find_columns
    from serving.pages.freshness import freshness_words
    from serving.publication import Beside
    from serving.sinks import publish

    registry = Registry(opened.workspace)
    agreement, model, waiting = opened.agreement_at(as_of), find_model(registry, alias), registry.waiting()
    if model is None:
        log.warning("no model is in use; the rules alone decide")
    seen_under = trained_under(opened, model) if model else None
    engine = on_spark(opened)
    with opened.warehouse() as warehouse:
        find_columns(warehouse, opened.settings)  # before minutes are spent on scores
        take_in(opened, warehouse, as_of)
        fresh = look_at_freshness(opened, warehouse, as_of)
        scored = score_rows(warehouse, agreement, model, as_of, seen_under, opened.settings, fresh, engine)
        log.info("scored %d open leads as of %s", len(scored.scores), as_of)
        since, moved = _moved(opened, warehouse, scored.scores)
        scores = _with_changes(opened, warehouse, scored.scores, moved, model, seen_under)
        closed = count_closed(warehouse, as_of, agreement.recycle.cool_off_days, agreement.recycle.never)
        folder = None
        if alias == IN_USE:
            beside = Beside(
                agreement,
                opened.agreements,
                scored.features,
                scored.matrix,
                scored.segments,
                scored.capacity,
                moved,
                since,
                freshness_words(fresh),
                bool(fresh.stale),
                closed,
                waiting,
                _said_of(registry, model) if model else {},
                _card(registry, model) if model else "",
            )
            zone = opened.settings.time_zone
            warehouse.limit(_left_for_duckdb(opened.settings.compute.memory_bytes, scores, scored.matrix))
            folder = publish(opened.workspace, warehouse, scores, zone, opened.settings, beside)
    return Scoring(scores, scored.capacity, folder, fresh, closed, waiting)


def _left_for_duckdb(memory: int, *held: pd.DataFrame) -> int:
    """How many bytes of `memory` DuckDB may hold beside these frames, the first with a row for each lead."""
    left = memory - IMPORTED - sum(int(frame.memory_usage(deep=True).sum()) for frame in held)
    return min(memory, max(left, LEAST, LEAST_PER_LEAD * len(held[0])))


def _card(registry: Registry, model: LoadedModel) -> str:
    """The card of the model; '' where it cannot be read: for want of it no scoring stops."""
    try:
        return registry.card(model)
    except LeadreadyError as error:
        log.warning("the page shows no card of the model: %s", error)
        return ""


def _said_of(registry: Registry, model: LoadedModel) -> dict[str, object]:
    """What the page says of the model in use, and which were in use before it."""
    tags = dict(model.tags)
    return {
        "version": model.version,
        "trained_until": f"{model.trained_until:%Y-%m-%d}",
        "provisional": model.provisional,
        "chosen": tags.get("chosen"),
        "moves": [asdict(move) for move in registry.moves()],
    }


def _moved(
    opened: OpenWorkspace, warehouse: Warehouse, scores: pd.DataFrame
) -> tuple[datetime | None, pd.Series[float]]:
    """The last scoring of an earlier day, and by how much each lead moved since, in log-odds."""
    from serving.changes import log_odds
    from serving.published import of_earlier_days, published

    as_of = scores["as_of"].iloc[0].to_pydatetime()
    earlier = of_earlier_days(published(warehouse, as_of), as_of, opened.settings.time_zone)
    if not earlier:
        return None, scores["probability"] * float("nan")
    then = warehouse.frame("SELECT lead_id, probability FROM scores WHERE as_of = $1", [earlier[0]])
    before = scores["lead_id"].map(then.set_index("lead_id")["probability"]).astype(float)
    return earlier[0], log_odds(scores["probability"]) - log_odds(before)


def _with_changes(
    opened: OpenWorkspace,
    warehouse: Warehouse,
    scores: pd.DataFrame,
    moved: pd.Series[float],
    model: LoadedModel | None,
    seen_under: Agreement | None,
) -> pd.DataFrame:
    """The scores with `changed` of those on a list and of the day's movers; what goes wrong in it stops no scoring."""
    from pipelines.jobs.movers import tell_changes
    from serving.changes import LEAST, NO_CHANGES, Seeing
    from serving.lists import on_a_list

    far = moved[moved.abs() >= LEAST].sort_values(kind="stable")
    movers = scores.index.isin([*far.index[:MOVERS], *far.index[-MOVERS:]])
    present, told = Seeing(model, seen_under) if model and seen_under else None, scores[on_a_list(scores) | movers]
    try:
        changes = NO_CHANGES if told.empty else tell_changes(opened, warehouse, told, present, LEAST)
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
    engine: OnSpark | None = None,
) -> Scored:
    """The scores (`score_leads`) with all their columns, `changed` still empty; by the workers of an `engine`."""
    from serving.in_use import model_status
    from serving.pages.freshness import stale_words
    from serving.scoring import score_leads

    look = engine.look if engine else None
    scored = score_leads(warehouse, agreement, model, as_of, seen_under, settings.time_zone, look)
    said = {"model_status": model_status(model, settings), "stale": stale_words(fresh), "changed": None}
    return scored._replace(scores=scored.scores.assign(**said))
