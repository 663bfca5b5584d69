"""How does one begin? With an empty workspace, or with a simulated company from raw files to routes."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from data.errors import UsageError
from data.workspace import Workspace
from pipelines.cli import running
from pipelines.cli.options import find_workspace, read_moment
from pipelines.cli.printing import command
from pipelines.moment import now
from serving.pages.sections import Report, Section, listed

app = typer.Typer()
DEMO_AS_OF = "2025-12-15"


def name_starters() -> str:
    """The CRMs that mappings come with, for the help of `init`."""
    from data.intake.mapping import CANONICAL, STARTERS, known_sources

    return ", ".join(name for name in known_sources(STARTERS) if name != CANONICAL)


@command(app, "init --workspace var")
def init(
    workspace: Path,
    exports: Annotated[str, typer.Argument(help="With --from: the CRM's exports, a folder or a database URL.")] = "",
    scheme: Annotated[str, typer.Option(help="Start the agreement from this scheme: BANT, APNRP or digital.")] = "BANT",
    source: Annotated[
        str, typer.Option("--from", help=f"Copy the mappings of this CRM, to adapt: {name_starters()}.")
    ] = "",
    timezone: Annotated[str, typer.Option(help="Read the exports' times without a time zone in this one.")] = "UTC",
) -> Report:
    """Make a workspace with an agreement and settings. Files that exist already are not changed.

    With --from it also copies a CRM's mappings and checks them on its exports; nothing is loaded yet.
    """
    from pipelines.jobs.start import copy_starter, init_workspace, match_starter

    if bool(source) != bool(exports):
        do = "run `leadready init --from hubspot EXPORTS`, or `leadready init`"
        raise UsageError("making a workspace", expected="--from with the exports", got="one of them alone", do=do)
    lacking = match_starter(source, exports) if source else {}
    space = Workspace(workspace)
    made = [str(p) for p in init_workspace(space, scheme)]
    lines = [f"workspace: {workspace}", *(f"created {p}: read it and adapt it" for p in made)]
    if source:
        copied = copy_starter(space, source, [table for table, missing in lacking.items() if not missing])
        lines += [f"created {p}: read it and adapt it" for p in copied]
        lines += [f"not copied: {t}.sql, for want of {' and '.join(m)}" for t, m in lacking.items() if m]
        made += map(str, copied)
    begun = listed((), *lines, facts={"workspace": str(workspace), "made": made})
    return _with_first_look(begun, space, source, exports, timezone) if source else begun


def _with_first_look(begun: Report, space: Workspace, source: str, exports: str, timezone: str) -> Report:
    """What the copied mappings would make of the exports, the agreement's words beside theirs, and what to do next."""
    from data.intake.databases import without_password
    from pipelines.jobs.ingest import ingest_batch
    from serving.pages.ingest import check_report, criteria_rows

    opened = find_workspace(space.root)
    found = ingest_batch(opened, source, exports, now(), backfill=True, timezone=timezone, check=True)
    rows, checked = criteria_rows(opened.agreement_at(now()), found), check_report(found)
    load = f"leadready ingest {source} {shlex.quote(without_password(exports))} -w {shlex.quote(str(space.root))}"
    zone = f" --timezone {timezone}" * (timezone != "UTC")
    steps = [
        f"read {space.mappings / source / 'README.md'} and settle what is marked CONFIRM in the mappings",
        f"see again what they make of the files: {load} --check --backfill{zone}",
        f"load the history once: {load} --backfill{zone}",
        f"load every day from then on: {load}{zone}",
    ]
    sections = [
        *begun.sections,
        Section(chapter="What would be loaded", rows=checked.sections[0].rows, points=checked.sections[0].points),
        Section(chapter="What the agreement asks, and what the exports hold", rows=rows),
        Section(chapter="What to do next", points=[f"{i}. {step}" for i, step in enumerate(steps, 1)]),
    ]
    return Report(sections, begun.facts | {"check": checked.facts, "criteria": rows})


@command(app, "demo", home=Path("var/demo"))
def demo(
    workspace: Path,
    leads: Annotated[int, typer.Option(help="Simulate this many leads.", min=100, max=10_000_000)] = 3000,
    seed: Annotated[int, typer.Option(help="Change the seed to simulate another company.", min=0, max=2**32 - 1)] = 1,
) -> Report:
    """Try everything on a simulated company. It simulates, ingests, trains, scores and writes a report."""
    from pipelines.jobs.start import init_workspace

    os.environ.pop("LEADREADY_MLFLOW", None)  # made-up leads are no matter for the server of a company's models
    space, as_of = Workspace(workspace), read_moment(DEMO_AS_OF)
    init_workspace(space)
    loaded, training, scored, folder = running.find_flows(workspace).demo(workspace, leads, seed, as_of, now())
    from serving.pages.ingest import ingest_rows
    from serving.pages.scores import call_rows, top_rows
    from serving.pages.training import training_report

    trained = training_report(training.result, training.decision, training.version, training.outcomes, training.fresh)
    rows, top, called = ingest_rows(loaded), top_rows(scored.scores, 10), call_rows(scored.scores, 10)
    sections = [
        Section(chapter="What was ingested", rows=rows),
        *(replace(section, chapter="How well the models predict later leads") for section in trained.sections),
        Section(chapter=f"The ten leads to look at first on {DEMO_AS_OF}", rows=top),
        Section(chapter="The first ten calls of the day, and what to ask", rows=called),
        Section(chapter="Where to find everything", points=_where(space, scored.folder, folder)),
    ]
    return Report(sections, {"ingest": rows, "training": trained.facts, "top": top, "calls": called})


def _where(space: Workspace, folder: Path, report: Path) -> list[str]:
    command = "leadready" if shutil.which("leadready") else sys.argv[0]  # `make demo` activates no environment
    return [
        f"  {folder}/scores.csv and .parquet   the score and route of every open lead, for the CRM",
        f"  {folder}/hand_offs.csv and calls.csv   the day's lists for people, with names and numbers",
        f"  {report}/report.html   lists, waterfall, promises, who buys, model and rules compared: open in a browser",
        f"  {space.warehouse}   the data (DuckDB)",
        f"  {space.agreements}   the agreement, which sets the rules",
        f"  {space.settings}   the settings of training and scoring",
        f"  {command} review -w {space.root}   serves the page for marketing and sales: open http://127.0.0.1:8321/",
        "      and look first at the hand-offs and calls of the day, then at one lead: why, what to ask, what changed",
        f"  {command} ui -w {space.root}   shows the trainings with figures and plots (MLflow)",
    ]
