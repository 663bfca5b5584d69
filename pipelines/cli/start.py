"""How does one begin? With an empty workspace, or with a simulated company from raw files to routes."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from data.workspace import Workspace
from pipelines.cli import running
from pipelines.cli.options import read_moment
from pipelines.cli.printing import command
from pipelines.moment import now
from serving.pages.sections import Report, Section, listed

app = typer.Typer()
DEMO_AS_OF = "2025-12-15"


@command(app, "init --workspace var")
def init(
    workspace: Path,
    scheme: Annotated[str, typer.Option(help="Start the agreement from this scheme: BANT, APNRP or digital.")] = "BANT",
) -> Report:
    """Make a workspace with an agreement and settings. Files that exist already are not changed."""
    from pipelines.jobs.start import init_workspace

    made = [str(p) for p in init_workspace(Workspace(workspace), scheme)]
    lines = [f"workspace: {workspace}", *(f"created {p}: read it and adapt it" for p in made)]
    return listed((), *lines, facts={"workspace": str(workspace), "made": made})


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
    from serving.pages.scores import top_rows
    from serving.pages.training import training_report

    trained = training_report(training.result, training.decision, training.version, training.outcomes, training.fresh)
    rows, top = ingest_rows(loaded), top_rows(scored.scores, 10)
    sections = [
        Section(chapter="What was ingested", rows=rows),
        *(replace(section, chapter="How well the models predict later leads") for section in trained.sections),
        Section(chapter=f"The ten leads to look at first on {DEMO_AS_OF}", rows=top),
        Section(chapter="Where to find everything", points=_where(space, scored.folder, folder)),
    ]
    return Report(sections, {"ingest": rows, "training": trained.facts, "top": top})


def _where(space: Workspace, folder: Path, report: Path) -> list[str]:
    return [
        f"  {folder}/scores.csv and .parquet   the score and route of every open lead, for the CRM",
        f"  {report}/report.html   waterfall, promises, who buys, model compared with rules: open it in a browser",
        f"  {space.warehouse}   the data (DuckDB)",
        f"  {space.agreements}   the agreement, which sets the rules",
        f"  {space.settings}   the settings of training and scoring",
        f"  leadready ui -w {space.root}   shows the trainings with figures and plots (MLflow)",
    ]
