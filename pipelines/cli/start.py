"""How does one begin? With an empty workspace, or with a simulated company from raw files to routes."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from data.workspace import Workspace
from pipelines.cli import running
from pipelines.cli.options import now, read_moment
from pipelines.cli.printing import command
from serving.pages.sections import Report, Section, listed

app = typer.Typer()
DEMO_AS_OF = "2025-12-15"


@command(app, "init --workspace var")
def init(
    workspace: Path,
    scheme: Annotated[str, typer.Option(help="What the agreement starts from: BANT, APNRP or digital.")] = "BANT",
) -> Report:
    """Make a workspace with an agreement and settings; nothing that is there is changed."""
    from pipelines.jobs.start import init_workspace

    made = [str(p) for p in init_workspace(Workspace(workspace), scheme)]
    lines = [f"workspace: {workspace}", *(f"made {p}: read it, change it" for p in made)]
    return listed((), *lines, facts={"workspace": str(workspace), "made": made})


@command(app, "demo", home=Path("var/demo"))
def demo(
    workspace: Path,
    leads: Annotated[int, typer.Option(help="Leads of the simulated company.", min=100)] = 3000,
    seed: Annotated[int, typer.Option(help="Another seed, another company.")] = 1,
) -> Report:
    """From nothing to routes and a report on a simulated company: simulate, ingest, train, score, report."""
    from pipelines.jobs.start import init_workspace

    os.environ.pop("LEADREADY_MLFLOW", None)  # made-up leads are no matter for the server of a company's models
    space, as_of = Workspace(workspace), read_moment(DEMO_AS_OF, now())
    init_workspace(space)
    loaded, training, scored, folder = running.find_flows(workspace).demo(workspace, leads, seed, as_of, now())
    from serving.pages.ingest import ingest_rows
    from serving.pages.scores import top_rows
    from serving.pages.training import training_report

    trained = training_report(training.result, training.decision, training.version, training.outcomes)
    rows, top = ingest_rows(loaded), top_rows(scored.scores, 10)
    sections = [
        Section(chapter="What came in", rows=rows),
        *(replace(section, chapter="How well it predicts, on later leads") for section in trained.sections),
        Section(chapter=f"The ten leads to look at first on {DEMO_AS_OF}", rows=top),
        Section(chapter="Where things lie", points=_where(space, scored.folder, folder)),
    ]
    return Report(sections, {"ingest": rows, "training": trained.facts, "top": top})


def _where(space: Workspace, folder: Path, report: Path) -> list[str]:
    return [
        f"  {folder}/scores.csv and .parquet   every open lead's score and route, for the CRM",
        f"  {report}/report.html   waterfall, promises, who buys, the model beside the rules: open it in a browser",
        f"  {space.warehouse}   the data (DuckDB)",
        f"  {space.agreements}   the agreement: what the rules are",
        f"  {space.settings}   how training and scoring are set",
        f"  leadready ui -w {space.root}   the trainings, their figures and plots (MLflow)",
    ]
