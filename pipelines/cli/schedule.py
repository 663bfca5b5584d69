"""How does leadready run by itself? The scheduled runs once, in one process that waits, or on a Prefect server."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from data.errors import ConfigError
from pipelines.cli import running
from pipelines.cli.options import AsOf, find_workspace, read_as_of
from pipelines.cli.printing import HOME, WorkspaceOption, command
from pipelines.moment import now
from pipelines.runs import in_words
from serving.pages.sections import Report, Section, listed

if TYPE_CHECKING:
    from data.opened import OpenWorkspace

app = typer.Typer()
log = logging.getLogger(__name__)
STEP_S = 20.0
"""How long `serve` sleeps before it looks at the clock again, which may have been set, or have gone on in standby."""


@command(app, "daily")
def daily(workspace: Path) -> Report:
    """Do the day's work now. It ingests your sources, scores missed days and today, and writes the report."""
    done = _run_flow("daily", workspace)
    return listed((), done, facts={"done": done})


@command(app, "weekly")
def weekly(workspace: Path) -> Report:
    """Do the week's work now. It trains; a better model waits for you, unless the settings say otherwise."""
    training = _run_flow("weekly", workspace)
    from serving.pages.training import training_report

    return training_report(training.result, training.decision, training.version, training.outcomes, training.fresh)


@command(app, "monitor")
def monitor(workspace: Path, as_of: AsOf = None) -> tuple[Report, int]:
    """Look whether all is well. Exit code 15: somebody has to act; 16: the data are broken, do not score on them."""
    done = running.find_flows(workspace).monitor(workspace, read_as_of(as_of))
    from serving.watch.finding import EXIT_CODES

    first, *_ = done.report.sections
    pages = Section(points=[f"{done.page}: open it in a browser", f"{done.metrics}: for a collector of metrics"])
    return replace(done.report, sections=[first, pages]), EXIT_CODES[done.tier]


@app.command(epilog="Example: leadready serve --workspace var")
def serve(workspace: WorkspaceOption = HOME) -> None:
    """Run the schedule without a server. It waits for each run's time; stop it with Ctrl-C."""
    from pipelines.jobs.notify import find_channels
    from pipelines.jobs.schedule import firings

    settings = _find_schedule(workspace).settings
    find_channels(settings.notify)
    running.show_progress()
    crons = {"daily": settings.schedule.daily, "weekly": settings.schedule.weekly}
    begun = dict.fromkeys(crons, now())
    while True:
        due = {name: next(firings(cron, settings.time_zone, begun[name])) for name, cron in crons.items()}
        name = min(due, key=lambda of: due[of])
        log.info("next: %s at %s UTC", name, due[name])
        while now() < due[name]:
            time.sleep(STEP_S)
        begun[name] = now()
        _run(name, workspace)


def _run(name: str, workspace: Path) -> None:
    """One run in a process of its own, which is stopped with this one."""
    process = subprocess.Popen([sys.executable, "-m", "pipelines.cli", name, "--workspace", str(workspace)])
    try:
        log.info("%s ended with exit code %d", name, process.wait())
    finally:
        if process.poll() is None:
            process.terminate()


@command(app, "deploy --name leadready")
def deploy(
    workspace: Path,
    name: Annotated[str, typer.Option(help="Call work pool and deployments this.")] = "leadready",
) -> Report:
    """Put the schedule on a Prefect server. PREFECT_API_URL names it; repeat the command after a change of times."""
    from pipelines.jobs.notify import find_channels

    opened = _find_schedule(workspace)
    find_channels(opened.settings.notify)
    if "PREFECT_API_URL" not in os.environ:
        do = "set it, or use `leadready serve`, which needs no server"
        raise ConfigError("deploying the schedule", expected="a server in PREFECT_API_URL", got="none", do=do)
    running.load_flows(workspace)
    from pipelines.deployments import deploy_schedule

    rows = deploy_schedule(opened, name)
    return listed(rows, f"next, on this machine and with the same PREFECT_API_URL: prefect worker start --pool {name}")


def _run_flow(run: str, workspace: Path) -> Any:
    """What a flow comes to; where Prefect did not let it begin, on_failure is told here."""
    from pipelines.jobs.notify import notify_of_failure
    from pipelines.jobs.schedule import TOLD, failure_message, tell

    opened = _find_schedule(workspace)
    try:
        return getattr(running.load_flows(workspace), run)(workspace)
    except Exception as error:
        if TOLD not in getattr(error, "__notes__", ()):
            message = failure_message(run, opened.workspace, now(), [in_words(error)])
            tell(opened.settings.schedule.on_failure, message)
            notify_of_failure(opened, run, [error], now())
        raise


def _find_schedule(workspace: Path) -> OpenWorkspace:
    """The workspace; ConfigError where its schedule is wrong, before seconds are spent on Prefect."""
    from pipelines.jobs.schedule import check_schedule

    opened = find_workspace(workspace)
    running.set_up_prefect(workspace)
    check_schedule(opened.settings, now())
    return opened
