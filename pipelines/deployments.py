"""How does the schedule get onto a Prefect server? A work pool of processes, and a deployment per scheduled flow."""

from __future__ import annotations

from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.schedules import Cron
from prefect.types.entrypoint import EntrypointType
from prefect.workers.process import ProcessWorker

from data.errors import ConfigError
from data.opened import OpenWorkspace
from pipelines.flows import daily, weekly

QUIET = {"PREFECT_LOGGING_TO_API_ENABLED": "false", "PREFECT_LOGGING_LEVEL": "CRITICAL"}
"""What goes wrong is in the workspace's logs; the server keeps no text that could be personal."""


def deploy_schedule(opened: OpenWorkspace, name: str) -> list[dict[str, Any]]:
    """Make or update work pool and deployments of that name on the server; a row per deployment.

    A run that is due while the one before is at work is left out. Raises ConfigError where the name is taken.
    """
    schedule, zone = opened.settings.schedule, opened.settings.time_zone
    workspace, rows = str(opened.workspace.root.resolve()), []
    flows: list[tuple[Any, str]] = [(daily, schedule.daily), (weekly, schedule.weekly)]
    _check_name([f"{flow.name}/{name}" for flow, _ in flows], workspace)
    _make_pool(name)
    for flow, cron in flows:
        RunnerDeployment.from_flow(
            flow,
            name,
            schedule=Cron(cron, timezone=zone),
            parameters={"workspace": workspace},
            work_pool_name=name,
            job_variables={"env": QUIET},
            concurrency_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW),
            entrypoint_type=EntrypointType.MODULE_PATH,
        ).apply()
        rows.append({"deployment": f"{flow.name}/{name}", "cron": cron, "time zone": zone, "workspace": workspace})
    return rows


def _check_name(deployments: list[str], workspace: str) -> None:
    """Nobody's schedule is replaced by that of another workspace."""
    with get_client(sync_client=True) as client:
        for deployment in deployments:
            try:
                found = client.read_deployment_by_name(deployment).parameters.get("workspace")
            except ObjectNotFound:
                continue
            if found != workspace:
                do = "choose another name with --name, or delete that deployment"
                got = f"{deployment} of the workspace {found}"
                raise ConfigError("deploying the schedule", expected="a free name", got=got, do=do)


def _make_pool(name: str) -> None:
    pool = WorkPoolCreate(
        name=name, type=ProcessWorker.type, base_job_template=ProcessWorker.get_default_base_job_template()
    )
    with get_client(sync_client=True) as client:
        try:
            client.create_work_pool(pool)
        except ObjectAlreadyExists:
            if (found := client.read_work_pool(name).type) != ProcessWorker.type:
                do = "choose another name with --name"
                raise ConfigError("deploying the schedule", expected="a pool of processes", got=found, do=do) from None
