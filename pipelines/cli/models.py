"""How good are the models, and which is in use? Train, judge, put into use by hand, go back, look."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data.errors import UsageError
from pipelines.cli import running
from pipelines.cli.options import AsOf, Why, find_workspace, read_as_of, read_moment, read_span, user
from pipelines.cli.printing import HOME, Answer, WorkspaceOption, command
from pipelines.moment import NOW, now, settle
from serving.pages.sections import Report, Section, for_machines, listed

if TYPE_CHECKING:
    from models.registry.history import Move

app = typer.Typer()


@command(app, "train --as-of 2026-03-01 --dry-run")
def train(
    workspace: Path,
    as_of: AsOf = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what it would train and test on.")] = False,
) -> Answer:
    """Train models, keep them in MLflow and put the best into use. If it may not be used, the exit code is 13."""
    moment = read_as_of(as_of)
    if dry_run:
        from pipelines.jobs.train import plan_training
        from serving.pages.plan import plan_report

        opened = find_workspace(workspace)
        found = plan_training(opened, settle(opened, moment, now()))
        planned = plan_report(found.plan, found.outcomes, found.settings, found.agreement)
        return planned, 12 if found.plan.refusals else 0
    training = running.find_flows(workspace).train(workspace, moment)
    from serving.pages.training import training_report

    report = training_report(training.result, training.decision, training.version, training.outcomes, training.fresh)
    return report, 13 if training.decision.alias is None else 0


@command(app, "promote 3 --why 'sales asked for it'")
def promote(
    workspace: Path,
    version: Annotated[int, typer.Argument(help="The version of the model, as `leadready runs` lists it.", min=1)],
    why: Why = "",
    force: Annotated[
        bool, typer.Option(help="Ignore warnings of the leak guard and failures to score; requires --why.")
    ] = False,
) -> Report:
    """Put a version into use by hand. The exit code is 12 if it cannot score, 13 if the leak guard warns of it."""
    from pipelines.jobs.promote import promote_model

    move = promote_model(find_workspace(workspace), version, now(), user(), why, force)
    if move is None:
        same = f"version {version} is already in use; nothing changed"
        return listed((), same, facts={"to": version, "changed": False})
    return _moved(move)


@command(app, "rollback --why 'too many rejections since Monday'")
def rollback(workspace: Path, why: Why = "") -> Report:
    """Put the previous model back into use. Repeat the command to go back further."""
    from pipelines.jobs.promote import roll_back

    return _moved(roll_back(find_workspace(workspace), now(), user(), why))


def _moved(move: Move) -> Report:
    """What changed, and what to do next."""
    before = f" instead of version {move.instead_of}" if move.instead_of else ""
    lines = [f"version {move.to} is in use{before} since {move.when} UTC"]
    lines += [f"its training decided: {move.decided}"] * bool(move.decided)
    lines += [f"forced despite: {move.findings}"] * move.forced
    lines += ["`leadready score` uses it from now on; `leadready rollback` undoes this"]
    return listed((), *lines, facts=asdict(move))


@command(app, "backtest --from 2025-09-01 --to 2026-03-01 --every 28d")
def backtest(
    workspace: Path,
    first: Annotated[str, typer.Option("--from", help="Train first on this day (UTC).")],
    last: Annotated[str, typer.Option("--to", help="Predict hand-offs before this moment (UTC).")],
    every: Annotated[str, typer.Option(help="Retrain this often, in days (7d) or hours (12h).")] = "7d",
    as_of: AsOf = None,
) -> Report:
    """Replay training and scoring on past days. The model is compared with the rules and the base rate."""
    begin, end, moment = read_moment(first, "--from"), read_moment(last, "--to"), read_as_of(as_of)
    latest = now() if moment == NOW else moment
    if not begin < end <= latest:
        wanted, got = "--from before --to, and --to not after --as-of", f"{begin} to {end} as of {latest}"
        raise UsageError("backtesting", expected=wanted, got=got, do="choose a period in the past")
    step = read_span(every)
    done = running.find_flows(workspace).backtest(workspace, begin, end, step, moment)
    from serving.pages.backtest import backtest_report

    return backtest_report(done.result, done.policies, done.outcomes, done.run_id)


@command(app, "ablate --as-of 2026-03-01")
def ablate(workspace: Path, as_of: AsOf = None) -> Report:
    """Measure what each kind of knowledge is worth. Rules, clicks, fit, calls and answers are tested on later leads."""
    moment = read_as_of(as_of)
    done = running.find_flows(workspace).ablate(workspace, moment)
    from serving.pages.ablation import ablation_report

    return ablation_report(done.result, done.run_id)


@command(app, "runs")
def runs(
    workspace: Path,
    most: Annotated[int, typer.Option(help="Print at most this many runs and trainings.", min=1, max=50_000)] = 20,
) -> Report:
    """List the latest runs and trainings. What came of each run is shown, and each training's main figures."""
    space = find_workspace(workspace, reading=True).workspace
    from models.registry.client import Registry
    from pipelines.runs import COLUMNS, read_runs
    from serving.pages.waiting import waiting_words

    registry, ran = Registry(space), read_runs(space)[:most]
    rows, waiting = for_machines(registry.runs(most)), registry.waiting()
    said = [*["no training yet: run `leadready train`"] * (not rows), *waiting_words(waiting)]
    sections = [Section(rows=[{name: run[name] for name in COLUMNS} for run in ran]), Section(rows=rows, points=said)]
    return Report(sections, {"runs": ran, "trainings": rows, "waiting": waiting})


@app.command(epilog="Example: leadready ui --port 5001")
def ui(
    workspace: WorkspaceOption = HOME,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Serve the page on this port.")] = 5000,
) -> None:
    """Serve MLflow's page of this workspace. It compares trainings and shows plots and models; stop it with Ctrl-C."""
    from data.intake.databases import without_password
    from models.registry.client import Registry, server
    from models.registry.tracking import page_command

    if named := server():
        print(f"MLflow's page: {without_password(named)}")
        return
    space = find_workspace(workspace).workspace
    command, runs = page_command(space, port), Registry(space).page()
    print(f"MLflow's page: http://127.0.0.1:{port}/{runs}", flush=True)
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    quiet |= {"PYTHONWARNINGS": "ignore", "MLFLOW_LOGGING_LEVEL": "ERROR"}
    os.execvpe(command[0], command, {**os.environ, **quiet})
