"""How is a person forgotten? In files first and the warehouse last, so that a run that was killed can be repeated."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from data.erasure import erase_rows
from data.forgotten import Forgotten, still_there, take_over
from data.intake.retraction import Retracted, forget, same_person
from data.opened import OpenWorkspace
from data.sql import literal
from data.warehouse import COPY, Warehouse, rewrite
from data.whole import remove
from pipelines.spark.session import folder_of

STAYS = "models that learned from this lead keep what they learned, without its name: train again to leave it out"
OUTSIDE = "exports of the CRM and other copies outside the workspace are yours to clean (for backups see `restore`)"


def forget_lead(opened: OpenWorkspace, lead: str, moment: datetime) -> Retracted:
    """Erase a lead, with all that were merged with it, wherever the workspace holds it; what was deleted where.

    Rows of it that come later are dropped. Companies stay, and so do models.
    """
    with opened.warehouse() as warehouse:
        leads = same_person(warehouse, lead)
        count = "SELECT count(*) FROM retractions WHERE what = 'forget'"
        before = warehouse.scalar(count)
        rows = _everywhere(opened, warehouse, leads, moment)
        new = warehouse.scalar(count) > before
    rewrite(opened.workspace.warehouse, opened.settings.compute.wait_s)
    found = {name: count for name, count in rows.items() if count}
    dropped = "rows of this lead that come later are dropped, and counted"
    return Retracted(f"lead {leads[0]}", found, bool(found) or new, (dropped, STAYS, OUTSIDE))


def forget_again(opened: OpenWorkspace, known: Sequence[Forgotten], moment: datetime) -> tuple[int, int]:
    """Erase everybody on lists of forgotten people from older data; how many were there, and how many cannot be noted.

    Nothing outside the workspace is touched: there they were erased when they were forgotten.

    Those who cannot be noted are dropped no more should rows of them come later: see `forgotten.take_over`.
    """
    with opened.warehouse() as warehouse:
        lost = sum(take_over(warehouse, one) for one in known)
        leads = sorted({lead for one in known for lead in still_there(warehouse, one)})
        leads = sorted({alike for lead in leads for alike in same_person(warehouse, lead)})
        if leads:
            _in_workspace(opened, warehouse, leads, moment)
    if leads:
        rewrite(opened.workspace.warehouse)
    return len(leads), lost


def _everywhere(opened: OpenWorkspace, warehouse: Warehouse, leads: list[str], moment: datetime) -> dict[str, int]:
    """Erase leads outside first, then in files, and in the warehouse last; how many rows where."""
    from models.registry.client import Registry, server
    from serving.sinks import postgres

    rows = {"PostgreSQL": postgres.forget(opened.workspace, leads)}
    if server():
        rows["MLflow server"] = Registry(opened.workspace).forget(leads)
    return rows | _in_workspace(opened, warehouse, leads, moment)


def _in_workspace(opened: OpenWorkspace, warehouse: Warehouse, leads: list[str], moment: datetime) -> dict[str, int]:
    """Files first, the warehouse last."""
    from serving import inbox
    from serving.sinks import page

    space, rows = opened.workspace, dict[str, int]()
    for place in (space.reports, space.artifacts):
        rows[place.name] = sum(erase_rows(path, leads) for path in sorted(place.rglob("*.*")))
    rows |= {"page": page.forget(space, leads), "inbox": inbox.forget(space, leads)}
    older = [*space.root.glob(COPY.format(name=space.warehouse.name, to="*"))]
    remove(*older, folder_of(space))
    return rows | {"copies from before a migration": len(older)} | _in_warehouse(opened, warehouse, leads, moment)


def _in_warehouse(opened: OpenWorkspace, warehouse: Warehouse, leads: list[str], moment: datetime) -> dict[str, int]:
    """All tables and the exports made from them, in one transaction."""
    from serving.publication import Publication
    from serving.sinks import dynamics, files, finish_here, hubspot, salesforce

    finish_here(opened.workspace, warehouse)
    ids = ", ".join(map(literal, leads))
    published = f"""SELECT as_of, coalesce(day, strftime(as_of, '%Y-%m-%d')) FROM publications
        WHERE folder IS NOT NULL AND as_of IN (SELECT as_of FROM scores WHERE lead_id IN ({ids}))"""
    with warehouse.transaction():
        moments = warehouse.rows(published)
        rows = forget(warehouse, leads, moment)
        for as_of, day in moments:
            scores = warehouse.frame("SELECT * FROM scores WHERE as_of = $1 ORDER BY lead_id", [as_of])
            again = Publication(scores, as_of, day, opened.settings)
            for sink in (files, hubspot, salesforce, dynamics):
                sink.write(opened.workspace, warehouse, again)
    finish_here(opened.workspace, warehouse)
    return rows | {"exports": len(moments)}
