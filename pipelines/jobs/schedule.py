"""What does the schedule ask for? Which moments of which days, which sources, and whom to tell of a failure."""

from __future__ import annotations

import logging
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from data.errors import ConfigError
from data.intake.databases import without_password
from data.intake.watermarks import Extract
from data.opened import OpenWorkspace
from data.settings import Settings, from_environment
from data.workspace import Workspace, day_name

log = logging.getLogger(__name__)
TOLD = "on_failure was told"
"""A note on an error that a person has heard of."""
TIMEOUT_S = 60.0
"""How long the command that is told of a failure may take."""


@dataclass(frozen=True)
class ToIngest:
    """Where a source is and how it is read. path: may hold a password; shown: does not."""

    path: str
    shown: str
    timezone: str
    mappings: Path | None
    extract: Extract


def source_of(opened: OpenWorkspace, name: str) -> ToIngest:
    """A source of the settings; relative paths begin at the workspace.

    ConfigError where its variable is not set, or what is given is neither an address nor a path; it is not repeated.
    """
    root, source = opened.workspace.root.absolute(), opened.settings.schedule.sources[name]
    path = from_environment(f"[schedule.sources], {name}", source.path)
    not_there = path != source.path and "://" not in path and not (root / path).exists()
    if not_there or without_password(path) == "...":
        raise ConfigError(
            f"reading [schedule.sources], {name}",
            expected="a database's address, or a path that is there",
            got="neither",
            do="write an address such as postgresql://USER:PASSWORD@HOST/NAME",
        )
    path = path if "://" in path else str(root / path)
    mappings = root / source.mappings if source.mappings else None
    extract = Extract(source.queries, source.watermark, source.overlap_hours, silence_s=source.silence_s)
    return ToIngest(path, without_password(path), source.timezone, mappings, extract)


def firings(cron: str, time_zone: str, after: datetime) -> Iterator[datetime]:
    """The moments (UTC) at which a cron line is due after a moment (UTC), by the clock of the time zone.

    A time that the clock skips in spring is an hour later, one that it shows twice in autumn is the first. Raises
    ConfigError where the line is wrong or never due.
    """
    from prefect._vendor.croniter import CroniterError, croniter

    zone = ZoneInfo(time_zone)
    try:
        times = croniter(cron, after.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None))
        while True:
            due = times.get_next(datetime).replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None)
            if due > after:
                yield due
    except CroniterError as error:
        wanted, do = "five fields of cron, such as 0 5 * * *", "correct [schedule] in settings.toml"
        raise ConfigError("reading the schedule", expected=wanted, got=f"{cron} ({error})", do=do) from None


def check_schedule(settings: Settings, clock: datetime) -> None:
    """Raise ConfigError where a cron line of the settings is wrong."""
    for cron in (settings.schedule.daily, settings.schedule.weekly):
        next(firings(cron, settings.time_zone, clock))


def find_missed(opened: OpenWorkspace, clock: datetime) -> list[datetime]:
    """The moments of `missed_days`, which the log names. Raises BusyError where another process has the warehouse."""
    from serving.sinks.files import published_days

    with opened.warehouse() as warehouse:
        scored = published_days(warehouse)
    missed, beyond = missed_days(opened.settings, scored, clock)
    if missed:
        log.warning("days without a scoring, which are made up for: %s", ", ".join(f"{m:%Y-%m-%d}" for m in missed))
    if beyond:
        left = "%d more days since %s have no scoring and get none: [schedule] catch_up_days is %d"
        log.warning(left, beyond, scored[-1], opened.settings.schedule.catch_up_days)
    return missed


def missed_days(settings: Settings, scored: list[str], clock: datetime) -> tuple[list[datetime], int]:
    """The moments (UTC) at which the daily run was due on days that have no scoring, oldest first; and how many older
    days since the latest scoring are beyond the limit.

    scored: the calendar days that have one (`published_days`). Today and days before the first scoring are not missed;
    of a day on which it was due several times the last counts.
    """
    if not scored:
        return [], 0
    zone, days = settings.time_zone, settings.schedule.catch_up_days
    oldest, today = day_name(clock - timedelta(days=days), zone), day_name(clock, zone)
    begin = datetime.fromisoformat(min(scored[-1], oldest)) - timedelta(days=1)
    due: dict[str, datetime] = {}
    for moment in firings(settings.schedule.daily, zone, begin):
        if moment >= clock:
            break
        due[day_name(moment, zone)] = moment
    missed = {day: at for day, at in due.items() if scored[0] < day < today and day not in scored}
    return [at for day, at in missed.items() if day >= oldest], sum(scored[-1] < day < oldest for day in missed)


def tell(command: str, message: str) -> None:
    """Give the command a message on its standard input; that it fails is said in the log and changes nothing."""
    if not command:
        return
    try:
        words, null = shlex.split(command), subprocess.DEVNULL
        done = subprocess.run(words, input=message.encode(), stdout=null, stderr=null, timeout=TIMEOUT_S, check=False)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        log.warning("on_failure could not be told: %s", type(error).__name__)
        return
    if done.returncode:
        log.warning("on_failure ended with exit code %d", done.returncode)


def failure_message(run: str, space: Workspace, clock: datetime, errors: list[str]) -> str:
    """What a person is told of a scheduled run that failed."""
    problems = "".join(f"- {error}\n" for error in errors)
    what = f"leadready: the {run} run of {space.root.absolute()} failed at {clock:%Y-%m-%d %H:%M} UTC.\n"
    return f"{what}{problems}`leadready runs` lists all runs; their logs are in {space.logs.absolute()}.\n"
