"""Is what leadready relies on there? Servers, the sources of the schedule, and whether the schedule was kept."""

from __future__ import annotations

import os
from pathlib import Path

from data.errors import ConfigError, LeadreadyError
from data.intake import databases, postgres
from data.postgres import is_postgres
from pipelines.doctor.finding import Finding, Visit, broken, fine, look, named
from pipelines.spark.session import check_ready, wants_spark

CATCH_UP = "run `leadready daily`, and see that what runs it is at work (docs/schedule.md)"


def check_prefect(visit: Visit) -> Finding:  # noqa: ARG001
    """Whether the Prefect server that is named answers; ConfigError, without its password, where not."""
    if "PREFECT_API_URL" not in os.environ:
        return fine("no server is named: each command brings its own")
    from pipelines.flows import check_server

    check_server()
    return fine("the server in PREFECT_API_URL answers")


def check_mlflow(visit: Visit) -> Finding:
    """Whether the MLflow server that is named answers; ConfigError where not."""
    from models.registry.client import Registry, server

    if not server():
        return fine("no server is named: models are in the workspace")
    Registry(visit.space).check_place()
    return fine("the server in LEADREADY_MLFLOW answers")


def check_spark(visit: Visit) -> Finding:  # noqa: ARG001
    """Whether what LEADREADY_ENGINE asks for is installed; ConfigError where not. No session is started."""
    if not wants_spark():
        return fine("LEADREADY_ENGINE does not ask for it: everything is done on this machine")
    return fine(f"is installed; its workers would be asked for at {check_ready()}")


def check_sources(visit: Visit) -> Finding:
    """Whether the sources of the settings can be reached; a password is never shown."""
    from pipelines.jobs.schedule import source_of

    names, ill, codes = list(visit.opened.settings.schedule.sources), [], []
    for name in names:
        try:
            found = source_of(visit.opened, name)
            if "://" in found.path:
                (postgres if is_postgres(found.path) else databases).answers(found.path)
            elif not Path(found.path).exists():
                do = "correct it in [schedule.sources], or see why the files are not delivered"
                raise ConfigError("looking for it", expected="a path that is there", got=f"no {found.shown}", do=do)
        except LeadreadyError as error:
            ill.append(f"{name}: {error.parts['what']}: {error.parts['got']}")
            codes.append(error)
    if ill:
        return broken(named(ill), codes[0].parts["do"], type(codes[0]))
    return fine(f"{named(names)} can be reached" if names else "the settings name no sources for the daily run")


def check_schedule(visit: Visit) -> Finding:
    """Whether every day on which the daily run was due has its scoring."""
    from pipelines.jobs.schedule import check_schedule as check_lines
    from pipelines.jobs.schedule import missed_days
    from serving.sinks.files import SCORED

    check_lines(visit.opened.settings, visit.clock)
    with visit.warehouse() as warehouse:
        there = warehouse.scalar("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'publications'")
        scored = [day for (day,) in warehouse.rows(SCORED)] if there else []
    if not scored:
        return fine("nothing was scored yet, so no day is missing")
    missed, beyond = missed_days(visit.opened.settings, scored, visit.clock)
    if missed or beyond:
        count, newest = len(missed) + beyond, f"the newest scoring is of {scored[-1]}"
        return look(f"{count:,} days on which the daily run was due have no scoring; {newest}", CATCH_UP)
    return fine(f"every day since {scored[0]} on which it was due has its scoring; the newest is {scored[-1]}")
