"""How is taken back what should not be there? Loads, leads, people and columns; each whole or not at all."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data.errors import UsageError
from pipelines.cli.options import find_workspace
from pipelines.cli.printing import command
from pipelines.moment import NOW, now, settle
from serving.pages.sections import Report, listed

if TYPE_CHECKING:
    from data.intake.retraction import Retracted

app = typer.Typer()
Reason = Annotated[str, typer.Option("--why", help="Give the reason; it is kept with the retraction.")]


@command(app, "retract --batch 40181a0398d44cd2 --why 'wrong time zone'")
def retract(
    workspace: Path,
    batch: Annotated[
        str, typer.Option(help="Take back all rows of this load; for an unknown one the last loads are named.")
    ] = "",
    lead: Annotated[str, typer.Option(help="Take back this lead, which was deleted.")] = "",
    from_start: Annotated[bool, typer.Option("--from-start", help="Take a batch out of the past too.")] = False,
    why: Reason = "",
) -> Report:
    """Take back a load or a lead from now on. Snapshots of the past stay as they were known."""
    from data.intake.retraction import retract_batch, retract_lead

    if bool(batch) == bool(lead) or (from_start and lead):
        do = "name a batch (perhaps with --from-start) or a lead"
        got = "neither" if not lead else "both" if batch else "--from-start with --lead"
        raise UsageError("retracting", expected="either --batch or --lead", got=got, do=do)
    opened = find_workspace(workspace)
    moment = settle(opened, NOW, now())
    with opened.warehouse() as warehouse:
        if lead:
            return _report("retracted", retract_lead(warehouse, lead, moment, why))
        return _report("retracted", retract_batch(warehouse, batch, moment, from_start=from_start, why=why))


@command(app, "merge L0000412 --into L0000007")
def merge(
    workspace: Path,
    lead: Annotated[str, typer.Argument(help="The lead that is a duplicate.")],
    into: Annotated[str, typer.Option(help="The lead that stays.")],
    why: Reason = "",
) -> Report:
    """Merge a lead into another. From now on its history, and what still comes for it, counts for the other."""
    from data.intake.retraction import merge as merge_leads

    opened = find_workspace(workspace)
    moment = settle(opened, NOW, now())
    with opened.warehouse() as warehouse:
        return _report("merged", merge_leads(warehouse, lead, into, moment, why))


@command(app, "forget L0000412")
def forget(workspace: Path, lead: Annotated[str, typer.Argument(help="The lead to erase.")]) -> Report:
    """Erase a person everywhere in the workspace. The past is included, and this cannot be undone."""
    from pipelines.jobs.forget import forget_lead

    opened = find_workspace(workspace)
    return _report("forgotten", forget_lead(opened, lead, settle(opened, NOW, now())))


@command(app, "drop-column leads Stage", "drop-column")
def drop_column(
    workspace: Path,
    table: Annotated[str, typer.Argument(help="The table: accounts or leads.")],
    column: Annotated[str, typer.Argument(help="The column, as its source calls it.")],
    why: Reason = "",
) -> Report:
    """Drop a column that a source brought, in the past too. Models that use it have to be trained again."""
    from data.intake.retraction import drop_column as drop
    from data.warehouse import rewrite

    opened = find_workspace(workspace)
    moment = settle(opened, NOW, now())
    with opened.warehouse() as warehouse:
        dropped = drop(warehouse, table, column, moment, why)
    rewrite(opened.workspace.warehouse, opened.settings.compute.wait_s)
    return _report("dropped", dropped)


def _report(done: str, found: Retracted) -> Report:
    said = f"{done}: {found.what}" if found.changed else f"nothing to change: {found.what} was {done} before"
    rows = [{"where": name, "rows": count} for name, count in found.rows.items()]
    return listed(rows, said, *found.notes, facts=asdict(found))
