"""What would change under another agreement? Today's routes under both, and the last months laid over with each."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from data.agreement.model import Agreement
from data.errors import LeadreadyError
from data.opened import OpenWorkspace

if TYPE_CHECKING:
    import pandas as pd

    from data.warehouse import Warehouse
    from serving.trial import Told, Tried

log = logging.getLogger(__name__)


def try_agreement(opened: OpenWorkspace, draft: Agreement, as_of: datetime, months: int) -> Tried:
    """Lay the agreement in force at `as_of` and a draft over today's open leads and the last months; keeps nothing."""
    from models.judging.trial import NEW, OLD
    from models.registry.client import Registry
    from serving.in_use import find_model, trained_under
    from serving.scoring import score_leads
    from serving.trial import Tried, changed_routes, months_before, promises_kept, reached_moments, volume

    both: dict[str, Agreement] = {OLD: opened.agreement_at(as_of), NEW: draft}
    model = find_model(Registry(opened.workspace))
    seen_under = trained_under(opened, model) if model else None
    with opened.warehouse() as warehouse:
        since = max(months_before(as_of, months), warehouse.scalar("SELECT min(known_at) FROM leads") or as_of)
        zone = opened.settings.time_zone
        scores = {}
        for name, agreement in both.items():
            with _said_once(name == OLD):
                scores[name], _ = score_leads(warehouse, agreement, model, as_of, seen_under, zone)
        reached, by_draw = reached_moments(warehouse, both, since, as_of)
        log.info("%d times a lead became qualified under either agreement", len(reached))
        told = _what_sales_would_accept(opened, warehouse, both, reached, since, as_of)
        moments = {n: reached.loc[reached["agreement"] == n, "as_of"] for n in both}
        return Tried(
            old=both[OLD],
            new=draft,
            since=since,
            as_of=as_of,
            scored={n: len(s) for n, s in scores.items()},
            routes={n: {str(r): int(k) for r, k in s["route"].value_counts().items()} for n, s in scores.items()},
            changed=changed_routes(scores[OLD], scores[NEW]),
            volume={n: volume(moments[n], a, since, as_of) for n, a in both.items()},
            kept={n: promises_kept(warehouse, a, since, as_of) for n, a in both.items()},
            by_draw=by_draw,
            model=model.version if model else None,
            told=told,
        )


@contextmanager
def _said_once(first: bool) -> Iterator[None]:
    """What a scoring warns of is said for the agreement in force, not once more for a draft."""
    scoring = logging.getLogger("serving.scoring")
    scoring.disabled = not first
    try:
        yield
    finally:
        scoring.disabled = False


def _what_sales_would_accept(
    opened: OpenWorkspace,
    warehouse: Warehouse,
    both: Mapping[str, Agreement],
    reached: pd.DataFrame,
    since: datetime,
    as_of: datetime,
) -> Told:
    """How many of the leads that either agreement qualifies sales would have accepted, if that can be told."""
    from data.cohorts import Cohort
    from models.fitting.candidates import BLENDS
    from models.judging.trial import OLD, count_answers
    from models.rows.dataset import build_training_set
    from models.rows.training_set import check
    from serving.trial import NO_ANSWERS, Told, answered_handoffs, estimates

    settings = opened.settings.model_copy(update={"cohort": Cohort()})
    try:
        data, _ = build_training_set(warehouse, settings, both[OLD], as_of)
        check(data)
    except LeadreadyError as error:
        return Told(count_answers(reached, NO_ANSWERS), untold=str(error))
    answers = answered_handoffs(warehouse, both, data, since)
    counted = count_answers(reached, answers)
    if counted.blind:
        return Told(counted)
    candidate = next(iter(BLENDS.values()))
    return Told(counted, *estimates(warehouse, both[OLD], data, reached, answers, counted.few, candidate))
