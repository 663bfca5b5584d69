"""How is a person forgotten? In files first and the warehouse last, so that a run that was killed can be repeated."""

from __future__ import annotations

from datetime import datetime

from data.erasure import erase_rows
from data.intake.retraction import Retracted, forget, same_person
from data.opened import OpenWorkspace
from data.sql import literal
from data.warehouse import Warehouse, rewrite

STAYS = "models that learned from this lead keep what they learned, without its name: train again to leave it out"
OUTSIDE = "files outside the workspace (exports of the CRM, copies, backups) are yours to clean"


def forget_lead(opened: OpenWorkspace, lead: str, moment: datetime) -> Retracted:
    """Erase a lead, with all that were merged with it, wherever the workspace holds it; what was deleted where.

    Rows of it that come later are dropped. Companies stay, and so do models.
    """
    from models.registry.client import Registry, server
    from serving import inbox
    from serving.sinks import page, postgres

    space, rows = opened.workspace, {}
    with opened.warehouse() as warehouse:
        leads = same_person(warehouse, lead)
        for place in (space.reports, space.artifacts):
            rows[place.name] = sum(erase_rows(path, leads) for path in sorted(place.rglob("*.*")))
        rows |= {"page": page.forget(space, leads), "inbox": inbox.forget(space, leads)}
        rows["PostgreSQL"] = postgres.forget(space, leads)
        if server():
            rows["MLflow server"] = Registry(space).forget(leads)
        count = "SELECT count(*) FROM retractions WHERE what = 'forget'"
        before = warehouse.scalar(count)
        rows |= _in_warehouse(opened, warehouse, leads, moment)
        new = warehouse.scalar(count) > before
    rewrite(space.warehouse)
    found = {name: count for name, count in rows.items() if count}
    dropped = "rows of this lead that come later are dropped, and counted"
    return Retracted(f"lead {leads[0]}", found, bool(found) or new, (dropped, STAYS, OUTSIDE))


def _in_warehouse(opened: OpenWorkspace, warehouse: Warehouse, leads: list[str], moment: datetime) -> dict[str, int]:
    """All tables and the exports made from them, in one transaction."""
    from serving.publication import Publication
    from serving.sinks import dynamics, files, finish, hubspot, salesforce

    finish(opened.workspace, warehouse)
    published = f"""SELECT as_of, coalesce(day, strftime(as_of, '%Y-%m-%d')) FROM publications WHERE as_of IN
        (SELECT as_of FROM scores WHERE lead_id IN ({", ".join(map(literal, leads))}))"""
    with warehouse.transaction():
        moments = warehouse.rows(published)
        rows = forget(warehouse, leads, moment)
        for as_of, day in moments:
            scores = warehouse.frame("SELECT * FROM scores WHERE as_of = $1 ORDER BY lead_id", [as_of])
            again = Publication(scores, as_of, day, opened.settings)
            for sink in (files, hubspot, salesforce, dynamics):
                sink.write(opened.workspace, warehouse, again)
    finish(opened.workspace, warehouse)
    return rows | {"exports": len(moments)}
