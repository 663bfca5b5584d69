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
    from features.rules.standing import find_unseen
    from models.judging.trial import NEW, OLD
    from models.registry.client import Registry
    from serving.in_use import find_model_known_by, trained_under
    from serving.scoring import score_leads
    from serving.trial import Tried, changed_routes, months_before, reached_moments
    from serving.volume import promises_kept, volume

    both: dict[str, Agreement] = {OLD: opened.agreement_at(as_of), NEW: draft}
    model = find_model_known_by(Registry(opened.workspace), as_of)
    seen_under = trained_under(opened, model) if model else None
    with opened.warehouse() as warehouse:
        since = max(months_before(as_of, months), warehouse.scalar("SELECT min(known_at) FROM leads") or as_of)
        zone = opened.settings.time_zone
        scores, said = {}, set[str]()
        for name, agreement in both.items():
            with _marked("under the draft: " * (name == NEW), said, draft.version):
                scores[name] = score_leads(warehouse, agreement, model, as_of, seen_under, zone).scores
        reached, left_out = reached_moments(warehouse, both, since, as_of)
        log.info("%d times a lead became qualified under either agreement", len(reached))
        told = _what_sales_would_accept(opened, warehouse, both, reached, since, as_of)
        of = {n: reached[reached["agreement"] == n] for n in both}
        return Tried(
            old=both[OLD],
            new=draft,
            since=since,
            as_of=as_of,
            scored={n: len(s) for n, s in scores.items()},
            routes={n: {str(r): int(k) for r, k in s["route"].value_counts().items()} for n, s in scores.items()},
            changed=changed_routes(scores[OLD], scores[NEW]),
            volume={n: volume(of[n]["as_of"], of[n]["team"], a, since, as_of) for n, a in both.items()},
            kept={n: promises_kept(warehouse, a, since, as_of) for n, a in both.items()},
            left_out=left_out,
            model=model.version if model else None,
            unseen=find_unseen(warehouse, draft),
            told=told,
        )


@contextmanager
def _marked(whose: str, said: set[str], draft: str) -> Iterator[None]:
    """What a scoring warns of, marked by `whose` and said once; nothing that takes the draft to be in force."""

    def new(record: logging.LogRecord) -> bool:
        message = record.getMessage()
        fresh = message not in said and draft not in message
        said.add(message)
        record.msg, record.args = f"{whose}{message}", ()
        return fresh

    scoring = logging.getLogger("serving.scoring")
    scoring.addFilter(new)
    try:
        yield
    finally:
        scoring.removeFilter(new)


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
    from models.judging.trial import BOTH, OLD, count_answers
    from models.rows.dataset import build_training_set
    from models.rows.training_set import check
    from serving.trial import NO_ANSWERS, Told, answered_handoffs, estimates

    settings = opened.settings.model_copy(update={"cohort": Cohort()})
    if set(reached["kind"]) <= {BOTH}:
        return Told(count_answers(reached, NO_ANSWERS))
    try:
        data, counts = build_training_set(warehouse, settings, both[OLD], as_of)
        check(data)
    except LeadreadyError as error:
        return Told(count_answers(reached, NO_ANSWERS), untold=str(error))
    answers = answered_handoffs(warehouse, both, data, since)
    counted = count_answers(reached, answers)
    if counted.blind:
        return Told(counted)
    found = estimates(warehouse, both[OLD], data, reached, answers, counted.few, next(iter(BLENDS.values())))
    decided = counts.get("accepted", 0) + counts.get("rejected", 0)
    silent = counts.get("expired", 0) if settings.label.expired == "exclude" else 0
    return Told(counted, *found, answered=decided / (decided + silent))
