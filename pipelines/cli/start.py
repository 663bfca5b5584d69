"""How does one begin? With an empty workspace, or with a simulated company from raw files to routes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from data.workspace import Workspace
from pipelines.cli import running
from pipelines.cli.options import now, read_moment
from pipelines.cli.printing import Output, command, table

app = typer.Typer()
DEMO_AS_OF = "2025-12-15"


@command(app, "init --workspace var")
def init(
    workspace: Path,
    scheme: Annotated[str, typer.Option(help="What the agreement starts from: BANT, APNRP or digital.")] = "BANT",
) -> Output:
    """Make a workspace with an agreement and settings; nothing that is there is changed."""
    from pipelines.jobs.start import init_workspace

    made = [str(p) for p in init_workspace(Workspace(workspace), scheme)]
    lines = [f"workspace: {workspace}", *(f"made {p}: read it, change it" for p in made)]
    return Output({"workspace": str(workspace), "made": made}, lines)


@command(app, "demo", home=Path("var/demo"))
def demo(
    workspace: Path,
    leads: Annotated[int, typer.Option(help="Leads of the simulated company.", min=100)] = 3000,
    seed: Annotated[int, typer.Option(help="Another seed, another company.")] = 1,
) -> Output:
    """From nothing to routes and a report on a simulated company: simulate, ingest, train, score, report."""
    from pipelines.jobs.start import init_workspace

    os.environ.pop("LEADREADY_MLFLOW", None)  # made-up leads are no matter for the server of a company's models
    space, as_of = Workspace(workspace), read_moment(DEMO_AS_OF, now())
    init_workspace(space)
    loaded, training, scored, folder = running.find_flows(workspace).demo(workspace, leads, seed, as_of, now())
    from pipelines.reports import ingest_rows, top_rows, training_json, training_notes, training_rows

    top = top_rows(scored.scores, 10)
    lines = [
        *("", "What came in", *table(ingest_rows(loaded))),
        *("", "How well it predicts, on later leads", *table(training_rows(training)), *training_notes(training)),
        *("", f"The ten leads to look at first on {DEMO_AS_OF}", *table(top)),
        *("", *_where(space, scored.folder, folder)),
    ]
    return Output({"ingest": ingest_rows(loaded), "training": training_json(training), "top": top}, lines)


def _where(space: Workspace, folder: Path, report: Path) -> list[str]:
    return [
        "Where things lie",
        f"  {folder}/scores.csv and .parquet   every open lead's score and route, for the CRM",
        f"  {report}/report.html   waterfall, promises, who buys, the model beside the rules: open it in a browser",
        f"  {space.warehouse}   the data (DuckDB)",
        f"  {space.agreements}   the agreement: what the rules are",
        f"  {space.settings}   how training and scoring are set",
        f"  leadready ui -w {space.root}   the trainings, their figures and plots (MLflow)",
    ]
