"""What did sales and marketing agree on? Look at it, check it, compare two versions, and see a lead's points."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Annotated

import typer

from data.workspace import Workspace
from pipelines.cli.options import AsOf, find_workspace, read_as_of
from pipelines.cli.printing import command
from pipelines.moment import now, settle
from serving.pages.sections import Report, listed

log = logging.getLogger(__name__)
app = typer.Typer()
agreement = typer.Typer(no_args_is_help=True, help="Show, check and compare what sales and marketing agreed on.")
app.add_typer(agreement, name="agreement")


@agreement.command("schema", epilog="Example: leadready agreement schema > agreement.schema.json")
def agreement_schema() -> None:
    """Print every key of an agreement with its meaning, as JSON Schema."""
    from data.agreement.model import Agreement

    print(json.dumps(Agreement.model_json_schema(), indent=1))


@command(agreement, "agreement check draft/2026-03-01.toml", "check")
def agreement_check(
    workspace: Path, file: Annotated[Path | None, typer.Argument(help="Check only this file.")] = None
) -> Report:
    """Check agreements for contradictions. The first one is named with file, line and key; the exit code is 10."""
    from data.agreement.file import read_draft
    from data.errors import BusyError
    from features.rules.standing import find_unseen
    from serving.pages.agreements import agreements_report

    found = [read_draft(file, now().date())] if file else find_workspace(workspace).agreements
    unseen: list[str] = []
    if found and Workspace(workspace).warehouse.exists():
        try:
            with find_workspace(workspace).warehouse() as warehouse:
                unseen = find_unseen(warehouse, found[-1])
        except BusyError as error:
            log.warning("its words were not compared with the data: %s", error)
    return agreements_report(found, unseen)


@command(agreement, "agreement show --as-of 2026-03-01", "show")
def agreement_show(
    workspace: Path,
    as_of: Annotated[str | None, typer.Option(help="Show the agreement in force on this day (default: today).")] = None,
) -> Report:
    """Print the whole agreement in force. Its scheme is merged in; the output is a complete agreement file."""
    from data.agreement.file import as_toml
    from serving.pages.agreements import agreement_row

    opened = find_workspace(workspace)
    found = opened.agreement_at(settle(opened, read_as_of(as_of), now()))
    head = [f"# {k}: {json.dumps(v, ensure_ascii=False)}" for k, v in agreement_row(found).items()]
    return listed((), *head, as_toml(found).rstrip(), facts=found.model_dump(mode="json"))


@command(agreement, "agreement diff 2000-01-01.toml 2026-03-01.toml", "diff")
def agreement_diff(
    workspace: Path,
    old: Annotated[str, typer.Argument(help="The older agreement: a file, or its name in the workspace.")],
    new: Annotated[str, typer.Argument(help="The newer agreement, given in the same way.")],
) -> Report:
    """Show what changed between two agreements. Their schemes are merged in first."""
    from data.agreement.file import differences, read_draft
    from serving.pages.agreements import differences_report

    paths = [_file(workspace, name) for name in (old, new)]
    return differences_report(differences(*(read_draft(p, now().date()) for p in paths)))


def _file(workspace: Path, name: str) -> Path:
    """The agreement of that name: a file, or one in the workspace."""
    if Path(name).exists():
        return Path(name)
    return Workspace(workspace).agreements / (name if name.endswith(".toml") else f"{name}.toml")


@command(agreement, "agreement explain L0000012 --as-of 2026-03-01", "explain")
def agreement_explain(
    workspace: Path, leads: Annotated[list[str], typer.Argument(help="The ids of the leads.")], as_of: AsOf = None
) -> Report:
    """Show how the points of leads add up. It prints line by line what counts, and the zone that follows."""
    from pipelines.jobs.explain import explain_points
    from serving.pages.agreements import standing_report

    opened = find_workspace(workspace)
    points = explain_points(opened, leads, settle(opened, read_as_of(as_of), now()))
    return standing_report(points.standing, points.lines, points.agreement)


@command(agreement, "agreement try draft.toml --months 6", "try")
def agreement_try(
    workspace: Path,
    draft: Annotated[str, typer.Argument(help="The agreement to try: a file of any name, or one in the workspace.")],
    months: Annotated[int, typer.Option(min=1, max=60, help="Lay it over so many of the last months.")] = 6,
    as_of: AsOf = None,
) -> Report:
    """Try an agreement before it is signed. It is laid over today's open leads and the last months."""
    from data.agreement.file import read_draft
    from pipelines.jobs.trial import try_agreement
    from serving.pages.trial import trial_report

    opened = find_workspace(workspace)
    moment = settle(opened, read_as_of(as_of), now())
    found = read_draft(_file(workspace, draft), moment.date())
    return trial_report(try_agreement(opened, found, moment, months))
