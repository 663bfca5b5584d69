"""Which leads moved since they were last scored, and why? Two publications of one workspace, one beside the other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from data.errors import DataError, ModelError
from data.opened import OpenWorkspace
from data.tables import SCORES
from data.warehouse import Warehouse
from serving.published import of_earlier_days, published

if TYPE_CHECKING:  # scikit-learn takes seconds
    from serving.changes import Seeing

OF_MOMENT = "SELECT lead_id, as_of, probability, model_version FROM scores WHERE as_of = $1 ORDER BY lead_id"
BEFORE = """SELECT lead_id, as_of, probability, model_version FROM scores WHERE lead_id = $1 AND as_of < $2
    AND probability IS NOT NULL ORDER BY as_of DESC LIMIT 1"""


@dataclass(frozen=True)
class Movers:
    """The changes between two publications (`serving.changes.find_changes`), and how many leads are in one alone.

    both: leads that have a probability in both. agreement: the one newly in force between them, '' where none is.
    """

    since: datetime
    as_of: datetime
    changes: pd.DataFrame
    both: int
    came: int
    went: int
    agreement: str = ""


def find_movers(opened: OpenWorkspace, as_of: datetime, since: datetime | None, least: float) -> Movers:
    """What moved by `least` or more in log-odds, from the last publication by `since` to the last one by `as_of`.

    since None: the last publication of an earlier day. Raises DataError where there are no two, ModelError where the
    model of the later one is gone.
    """
    from serving.changes import NO_CHANGES, find_changes

    with opened.warehouse() as warehouse:
        first, last = _two(opened, warehouse, as_of, since)
        then, now = (warehouse.frame(OF_MOMENT, [moment]) for moment in (first, last))
        present = _seeing(opened, now)
        changes = NO_CHANGES
        if present:
            changes = find_changes(warehouse, then, now, present, _former(opened, then, present), least)
    before, after = set(then["lead_id"]), set(now["lead_id"])
    scored = [set(of.loc[of["probability"].notna(), "lead_id"]) for of in (then, now)]
    named = {opened.agreement_at(moment).version for moment in (first, last)}
    agreement = opened.agreement_at(last).version if len(named) > 1 else ""
    both = len(scored[0] & scored[1])
    return Movers(first, last, changes, both, len(after - before), len(before - after), agreement)


def find_change(opened: OpenWorkspace, lead: str, as_of: datetime, found: dict[str, Any] | None) -> Movers | None:
    """What changed for one lead between its last publication before `as_of` and `found` (see `explain_score`).

    None where there is no model, or no earlier publication with a probability of the lead.
    """
    from serving.changes import find_changes

    if found is None:
        return None
    with opened.warehouse() as warehouse:
        warehouse.make(SCORES)
        then = warehouse.frame(BEFORE, [lead, as_of])
        if then.empty:
            return None
        now = then.assign(as_of=pd.Timestamp(as_of), probability=found["probability"], model_version=found["version"])
        present = _seeing(opened, now)
        if present is None:
            return None
        changes = find_changes(warehouse, then, now, present, _former(opened, then, present), 0)
    return Movers(then["as_of"].iloc[0].to_pydatetime(), as_of, changes, 1, 0, 0)


def tell_changes(
    opened: OpenWorkspace, warehouse: Warehouse, scores: pd.DataFrame, present: Seeing | None, least: float
) -> pd.DataFrame:
    """What changed in these scores, just computed by `present`, since the last publication of an earlier day.

    As `serving.changes.find_changes`; empty without a model or an earlier publication.
    """
    from serving.changes import NO_CHANGES, find_changes

    as_of = scores["as_of"].iloc[0].to_pydatetime()
    earlier = of_earlier_days(published(warehouse, as_of), as_of, opened.settings.time_zone)
    if present is None or not earlier:
        return NO_CHANGES
    then = warehouse.frame(OF_MOMENT, [earlier[0]])
    return find_changes(warehouse, then, scores, present, _former(opened, then, present), least)


def _two(
    opened: OpenWorkspace, warehouse: Warehouse, as_of: datetime, since: datetime | None
) -> tuple[datetime, datetime]:
    moments = published(warehouse, as_of)
    if since:
        earlier = [moment for moment in moments[1:] if moment <= since]
    else:
        earlier = of_earlier_days(moments, moments[0], opened.settings.time_zone) if moments else []
    if earlier:
        return earlier[0], moments[0]
    found = ", ".join(f"{moment:%Y-%m-%d %H:%M}" for moment in moments[:3]) or "none"
    raise DataError(
        f"comparing the scores of {as_of:%Y-%m-%d %H:%M}",
        expected=f"two publications, the earlier by {since:%Y-%m-%d %H:%M}" if since else "publications of two days",
        got=found,
        do="score another day first, or choose another --as-of or --since",
    )


def _seeing(opened: OpenWorkspace, scores: pd.DataFrame) -> Seeing | None:
    """The model of these scores and the agreement whose points it sees; None where the rules alone decided."""
    from models.registry.client import Registry
    from serving.changes import Seeing
    from serving.in_use import trained_under

    version = "none" if scores.empty else str(scores["model_version"].iloc[0])
    if version == "none":
        return None
    model = Registry(opened.workspace).load(version)
    return Seeing(model, trained_under(opened, model))


def _former(opened: OpenWorkspace, then: pd.DataFrame, present: Seeing) -> Seeing | None:
    """The same of earlier scores; None where it is gone too."""
    if not then.empty and str(then["model_version"].iloc[0]) == str(present.model.version):
        return present
    try:
        return _seeing(opened, then)
    except ModelError:
        return None
