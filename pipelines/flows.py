"""How do the jobs run under Prefect? Thin flows: telling run names, and tables and links to look at."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL
from pydantic import SecretStr

from data.errors import ConfigError
from data.intake.databases import without_password, without_secrets
from data.intake.ingest import ALL, IngestReport
from data.opened import OpenWorkspace, open_workspace
from data.workspace import Workspace
from pipelines.jobs.backtest import Ablating, Backtesting, ablate_models, backtest_models
from pipelines.jobs.ingest import ingest_batch
from pipelines.jobs.monitor import Monitoring, alarms, find_broken, monitor_workspace, refuse
from pipelines.jobs.notify import Event, notify, notify_of_failure
from pipelines.jobs.report import report_on
from pipelines.jobs.schedule import TOLD, failure_message, find_missed, source_of, tell
from pipelines.jobs.score import Scoring, score_open_leads
from pipelines.jobs.start import simulate_source
from pipelines.jobs.tidy import tidy
from pipelines.jobs.train import Training, train_models
from pipelines.moment import NOW, Moment, now, settle
from pipelines.runs import in_words, recorded
from serving.pages.ablation import ablation_report
from serving.pages.backtest import backtest_report
from serving.pages.ingest import ingest_rows
from serving.pages.page import as_markdown
from serving.pages.scores import scoring_report
from serving.pages.sections import Report, Section
from serving.pages.training import training_report
from serving.watch.finding import Finding

log = logging.getLogger(__name__)
ONCE = "on the latest rows, used once"
patient: dict[str, Any] = {"persist_result": False}
"""What all tasks have in common. None is tried again: who finds the warehouse in use waits for it where he opens it."""
settle_task = task(name="settle the moment", **patient)(settle)
ingest_task = task(name="ingest batch", task_run_name="ingest {source}", **patient)(ingest_batch)
train_task = task(name="train models", task_run_name="train as of {observed}", **patient)(train_models)
score_task = task(name="score open leads", task_run_name="score {as_of} by {alias}", **patient)(score_open_leads)
missed_task = task(name="find missed days", **patient)(find_missed)
tidy_task = task(name="tidy", **patient)(tidy)
report_task = task(name="write report", task_run_name="report {as_of}", **patient)(report_on)
backtest_task = task(name="test back", task_run_name="backtest from {first} to {last}", **patient)(backtest_models)
ablate_task = task(name="ablate", task_run_name="ablate as of {observed}", **patient)(ablate_models)
check_task = task(name="check what came in", **patient)(find_broken)
monitor_task = task(name="monitor", task_run_name="monitor {as_of}", **patient)(monitor_workspace)
simulate_task = task(name="simulate a company", persist_result=False)(simulate_source)


@flow(name="ingest", flow_run_name="ingest {source} from {shown}", persist_result=False)
@recorded(
    "{source}: {done.stored:,} rows stored, {done.repeats:,} repeats, {done.quarantined:,} in quarantine",
    lambda done: {"stored": done.stored, "repeats": done.repeats, "quarantined": done.quarantined},
)
def ingest(
    workspace: Path,
    source: str,
    path: SecretStr,
    shown: str,  # noqa: ARG001 - for the run name
    loaded_at: Moment = NOW,
    backfill: bool = False,
    timezone: str = "UTC",
    mappings: Path | None = None,
    by_settings: bool = False,
    full: bool = False,
) -> IngestReport:
    """Load one batch of a source into the warehouse; `path` may hold a password, `shown` does not.

    by_settings: read a database as the settings ask of this source; full: without its watermarks.
    """
    opened, moment = _opened_at(workspace, loaded_at)
    extract = source_of(opened, source).extract if by_settings else ALL
    report = ingest_task(
        opened,
        source,
        path.get_secret_value(),
        moment,
        backfill=backfill,
        timezone=timezone,
        mappings=mappings,
        extract=replace(extract, full=full),
    )
    create_table_artifact(
        [*ingest_rows(report)], key="ingest", description=f"{source}: what became of each table's rows"
    )
    return report


@flow(name="train", flow_run_name="train as of {observed}", persist_result=False)
@recorded("version {done.version.version}: {done.decided}")
def train(workspace: Path, observed: Moment = NOW, ask: bool = False) -> Training:
    """Fit, compare, keep and perhaps promote the candidates; `ask`: a better one waits for a person."""
    training = train_task(*_opened_at(workspace, observed), ask)
    report = training_report(training.result, training.decision, training.version, training.outcomes, training.fresh)
    found = f"`leadready ui --workspace {workspace}` shows run {training.version.run_id}"
    where = Section("Where is it kept?", [f"version {training.version.version}: {found}"])
    _show(replace(report, sections=[*report.sections, where]), "candidates", ONCE, "training")
    return training


@flow(name="score", flow_run_name="score {as_of}", persist_result=False)
@recorded(
    "{done.scores.shape[0]:,} open leads as of {done.fresh.as_of:%Y-%m-%d %H:%M}",
    lambda done: {
        "as_of": done.fresh.as_of.isoformat(),
        "leads": len(done.scores),
        "routes": {str(route): int(n) for route, n in done.scores["route"].value_counts().items()},
    },
)
def score(workspace: Path, as_of: Moment = NOW, alias: str = "champion") -> Scoring:
    """Score every open lead at `as_of` and publish."""
    done = score_task(*_opened_at(workspace, as_of), alias)
    as_of = done.fresh.as_of
    *_, routes, capacity = scoring_report(done.scores, done.capacity, done.folder, done.fresh).sections
    create_table_artifact([*routes.rows], key="routes", description=f"open leads per route at {as_of}")
    create_table_artifact([*capacity.rows], key="capacity", description="places, and what one more is worth")
    if done.folder:
        create_link_artifact(done.folder.absolute().as_uri(), key="export", description=f"scores and routes of {as_of}")
    return done


@flow(name="backtest", flow_run_name="backtest from {first} to {last}", persist_result=False)
@recorded("MLflow's run {done.run_id}")
def backtest(workspace: Path, first: datetime, last: datetime, every: timedelta, observed: Moment = NOW) -> Backtesting:
    """What training and scoring on each past day would have done."""
    opened, moment = _opened_at(workspace, observed)
    done = backtest_task(opened, first, last, every, moment)
    report = backtest_report(done.result, done.policies, done.outcomes, done.run_id)
    _show(report, "backtest", "each hand-off predicted before its answer", "backtest-notes")
    return done


@flow(name="ablate", flow_run_name="ablate as of {observed}", persist_result=False)
@recorded("MLflow's run {done.run_id}")
def ablate(workspace: Path, observed: Moment = NOW) -> Ablating:
    """What each kind of knowledge adds on later time."""
    done = ablate_task(*_opened_at(workspace, observed))
    _show(ablation_report(done.result, done.run_id), "ablation", ONCE, "ablation-notes")
    return done


@flow(name="report", flow_run_name="report {as_of}", persist_result=False)
@recorded("{done}")
def report(workspace: Path, as_of: Moment = NOW) -> Path:
    """Write the report of what was known at `as_of`."""
    opened, moment = _opened_at(workspace, as_of)
    folder = report_task(opened, moment)
    create_link_artifact((folder / "report.html").absolute().as_uri(), key="report", description=f"report of {moment}")
    return folder


@flow(name="monitor", flow_run_name="monitor {as_of}", persist_result=False)
@recorded(
    "{done.tier}: {done.page}",
    lambda done: {"as_of": done.as_of.isoformat(), "tier": done.tier, "alarms": sum(f.alarm for f in done.findings)},
)
def monitor(workspace: Path, as_of: Moment = NOW) -> Monitoring:
    """Look at sources, drift, outcomes and work, and tell of alarms."""
    opened, moment = _opened_at(workspace, as_of)
    done = monitor_task(opened, moment)
    alarms(opened, done, now())
    create_markdown_artifact(as_markdown(done.report), key="monitor")
    return done


@flow(name="demo", flow_run_name="demo with {leads} leads", persist_result=False)
@recorded("{leads:,} leads")
def demo(
    workspace: Path, leads: int, seed: int, as_of: datetime, loaded_at: datetime
) -> tuple[IngestReport, Training, Scoring, Path]:
    """A simulated company from raw files to routes and a report: simulate, ingest, train, score, report.

    It is scored on the day before too, so that the page has something that changed.
    """
    folder = simulate_task(Workspace(workspace), leads, seed)
    loaded = ingest(workspace, "canonical", SecretStr(str(folder)), str(folder), loaded_at)
    training = train(workspace, as_of)
    score(workspace, as_of - timedelta(days=1))
    return loaded, training, score(workspace, as_of), report(workspace, as_of)


@flow(name="daily", persist_result=False)
@recorded("{done}")
def daily(workspace: Path) -> str:
    """Ingest the sources of the settings, score missed days, oldest first, and now; then report, monitor and tidy.

    What fails stops nothing that comes after it, and is raised at the end. On broken data nothing is scored.
    """
    with _telling(workspace, "daily") as (opened, attempt):
        sources = [attempt(_ingest_source, opened, name) for name in opened.settings.schedule.sources]
        at = attempt(settle_task, opened, NOW, now()) or now()
        if broken := attempt(check_task, opened, at):
            attempt(refuse, broken)
        missed = [] if broken else attempt(missed_task, opened, at) or []
        caught = [
            attempt(score, workspace, moment)
            for moment in missed
            if not _broken_then(attempt(check_task, opened, moment), moment)
        ]
        scoring = None if broken else attempt(score, workspace)
        written = attempt(report, workspace, scoring.fresh.as_of if scoring else NOW)
        attempt(monitor, workspace, scoring.fresh.as_of if scoring else NOW)
        tidied = attempt(tidy_task, opened, at)
    leads = len(scoring.scores) if scoring else 0
    return f"{len(sources)} sources, {len(caught)} missed days, {leads:,} open leads; {tidied}; {written}"


@flow(name="weekly", persist_result=False)
@recorded("version {done.version.version}: {done.decided}")
def weekly(workspace: Path) -> Training:
    """Train; a better model is put into use or waits for a person, as the settings say."""
    with _telling(workspace, "weekly") as (opened, _):
        training = train(workspace, ask=opened.settings.training.promote == "ask")
        _notify_of_promotion(opened, training)
    return training


@contextmanager
def _telling(workspace: Path, run: str) -> Iterator[tuple[OpenWorkspace, Callable[..., Any]]]:
    """The workspace, and how to attempt a part of a scheduled run.

    When the block has ended, on_failure is told of what went wrong, and the first of it is raised.
    """
    errors: list[Exception] = []

    def attempt(part: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return part(*arguments)
        except Exception as error:
            errors.append(error)
            log.error("%s; going on with the rest", in_words(error))

    opened = open_workspace(workspace)
    command = opened.settings.schedule.on_failure
    try:
        yield opened, attempt
    except Exception as error:
        errors.append(error)
    messages = [in_words(error) for error in errors]
    if errors:
        tell(command, failure_message(run, opened.workspace, now(), messages))
        errors[0].add_note(TOLD)
    notify_of_failure(opened, run, errors, now())
    if errors:
        raise errors[0]


def _notify_of_promotion(opened: OpenWorkspace, training: Training) -> None:
    """Tell people of a model that was put into use, or waits for one of them."""
    if not training.decision.alias:
        return
    version = training.version.version
    text = f"Version {version} of the model: {training.decided}.\n"
    text += (
        f"`leadready promote -w {opened.workspace.root.absolute()}` puts one that waits into use; `leadready rollback`"
    )
    text += " goes back to the one before. The card says how good it is: see Model on the page.\n"
    event = Event(f"promotion: version {version}", f"a new model: {training.decided}", text)
    notify(opened.workspace, opened.settings.notify, [event], now())


def _broken_then(broken: list[Finding] | None, moment: datetime) -> bool:
    """Whether the data were broken at a missed moment: it gets no scores, and the log says so."""
    if broken:
        what = "; ".join(f.key for f in broken)
        log.warning("%s stays without scores: what was known then was broken (%s)", moment, what)
    return bool(broken)


def _ingest_source(opened: OpenWorkspace, name: str) -> None:
    found = source_of(opened, name)
    root, path = opened.workspace.root, SecretStr(found.path)
    zone, maps = found.timezone, found.mappings
    ingest(root, name, path, found.shown, timezone=zone, mappings=maps, by_settings=True)


def _opened_at(workspace: Path, moment: Moment) -> tuple[OpenWorkspace, datetime]:
    """The workspace and the moment to work at: the clock is read here, so that a task that is retried keeps it."""
    opened = open_workspace(workspace)
    return opened, moment if isinstance(moment, datetime) else settle_task(opened, moment, now())


def check_server() -> None:
    """Raise ConfigError where a Prefect server is named that does not answer; without one the run brings its own."""
    url = PREFECT_API_URL.value()
    if not url:
        return
    try:
        with get_client(sync_client=True) as client:
            problem = client.api_healthcheck()
    except Exception as error:  # whatever is wrong with the address: the message may repeat a password
        problem = error
    if problem:
        raise ConfigError(
            "reaching the Prefect server",
            expected=f"an answer at {without_password(url)}",
            got=without_secrets(str(problem), url) or type(problem).__name__,
            do="start it, correct PREFECT_API_URL, or unset that to run without a server",
        ) from None


def _show(report: Report, first: str, description: str, whole: str) -> None:
    """The report's first table under the key `first`, and all of it as Markdown under the key `whole`."""
    create_table_artifact([*report.sections[0].rows], key=first, description=description)
    create_markdown_artifact(as_markdown(report), key=whole)
