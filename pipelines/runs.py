"""What ran, when, and what came of it? One line of JSON per run in `runs.jsonl`, and a log file in `logs/`."""

from __future__ import annotations

import json
import logging
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from data.errors import LeadreadyError
from data.whole import locked
from data.workspace import Workspace
from pipelines.moment import now

log = logging.getLogger(__name__)
ROOMS = ("data", "features", "models", "serving", "pipelines")
COLUMNS = ("started", "run", "outcome", "seconds", "what")
"""What people see of a run; `what` says what came of it, with its counts."""
_log_of: ContextVar[Path | None] = ContextVar("the log of the run that this is a part of", default=None)
ENDED = "ended"
"""What a record in the log has that says how a run ended: its line of `runs.jsonl`."""
P = ParamSpec("P")
R = TypeVar("R")


def recorded(
    what: str, facts: Callable[[Any], dict[str, Any]] = lambda _: {}
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A job that is recorded; one of its parameters is the workspace's folder.

    what: what came of it, with its parameters and its result `done` in braces. facts: its moment and counts for
    machines, by its result.
    """

    def around(job: Callable[P, R]) -> Callable[P, R]:
        form = signature(job, eval_str=True)

        @wraps(job)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            given = form.bind(*args, **kwargs).arguments
            with _recording(Workspace(given["workspace"]), job.__name__) as line:
                done = job(*args, **kwargs)
                line["what"] = what.format(**given, done=done)
                line["facts"] = facts(done)
            return done

        run.__signature__ = form  # type: ignore[attr-defined]  # Prefect would look for its types in this module
        return run

    return around


@contextmanager
def _recording(space: Workspace, name: str) -> Iterator[dict[str, Any]]:
    """Record what the block does, unless there is no workspace; the parts of a run share its log file."""
    begun, clock = now(), time.monotonic()
    file = _log_of.get() or space.logs / f"{begun:%Y-%m-%dT%H%M%S.%f}-{name}.log"
    line: dict[str, Any] = {"started": f"{begun:%Y-%m-%d %H:%M:%S}", "run": name, "outcome": "done", "seconds": 0.0}
    line |= {"what": "", "log": str(file.relative_to(space.root))}
    try:
        with _logging_to(file, space):
            yield line
    except BaseException as error:
        stopped = not isinstance(error, Exception)
        line |= {"outcome": "stopped" if stopped else "failed", "what": in_words(error)}
        raise
    finally:
        line["seconds"] = round(time.monotonic() - clock, 1)
        line["ended"] = now().isoformat()
        log.info("%s: %s", name, line["outcome"], extra={ENDED: line})
        _append(space, json.dumps(line, ensure_ascii=False))


def run_id() -> str | None:
    """The name of the run that this is a part of, and of its log; None outside of one."""
    file = _log_of.get()
    return file.stem if file else None


def in_words(error: BaseException) -> str:
    """What went wrong, without the words of other libraries: these may repeat values that are personal."""
    return str(error) if isinstance(error, LeadreadyError) else f"ended by {type(error).__name__}"


@contextmanager
def _logging_to(file: Path, space: Workspace) -> Iterator[None]:
    """What the rooms log goes to `file` as well; a log that cannot be written stops no run."""
    if _log_of.get() or not (handler := _handler(file, space)):
        yield
        return
    token, before = _log_of.set(file), {room: logging.getLogger(room).level for room in ROOMS}
    for room in ROOMS:
        logging.getLogger(room).addHandler(handler)
        logging.getLogger(room).setLevel(logging.INFO)
    try:
        yield
    except BaseException as error:
        where = "" if isinstance(error, LeadreadyError) else "\n" + "".join(traceback.format_tb(error.__traceback__))
        log.error("%s%s", in_words(error), where)
        raise
    finally:
        for room, level in before.items():
            logging.getLogger(room).removeHandler(handler)
            logging.getLogger(room).setLevel(level)
        handler.close()
        _log_of.reset(token)


def _handler(file: Path, space: Workspace) -> logging.Handler | None:
    try:
        space.check()
        file.parent.mkdir(exist_ok=True)
        handler = logging.FileHandler(file, encoding="utf-8")
    except (LeadreadyError, OSError) as error:
        log.warning("no log is kept of this run: %s", in_words(error))
        return None
    form = logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    form.converter = time.gmtime
    handler.setFormatter(form)
    handler.addFilter(lambda record: not hasattr(record, ENDED))  # that is for runs.jsonl
    handler.handleError = lambda record: None  # type: ignore[method-assign]  # noqa: ARG005 - a full disk
    return handler


def _append(space: Workspace, line: str) -> None:
    if not space.marker.exists():
        return
    try:
        with locked(space.runs.with_suffix(".lock")), space.runs.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
    except OSError as error:
        log.warning("this run is missing in %s: %s", space.runs, error.strerror)


def read_runs(space: Workspace) -> list[dict[str, Any]]:
    """Every run that was recorded, the latest first; one that is at work or was killed shows by its log alone."""
    try:
        lines = space.runs.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        lines = []
    read = [_parsed(line) for line in lines]
    if broken := sum(run is None for run in read):
        log.warning("%s: %d lines that cannot be read are left out", space.runs, broken)
    runs = [run for run in read if run]
    known = {run["log"] for run in runs}
    runs += [_unended(p) for p in space.logs.glob("????-??-??T??????.??????-*.log") if f"logs/{p.name}" not in known]
    return sorted(runs, key=lambda run: str(run["started"]))[::-1]  # of one second, the last to end comes first


def latest_end(space: Workspace) -> datetime | None:
    """When the latest run ended by the clock of that time; None where none is recorded."""
    try:
        lines = space.runs.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return None
    return max((end for line in lines if (run := _parsed(line)) and (end := _end(run))), default=None)


def _end(run: dict[str, Any]) -> datetime | None:
    """An older leadready noted the second of the beginning, and how long it took."""
    try:
        if "ended" in run:
            return datetime.fromisoformat(run["ended"])
        return datetime.fromisoformat(run["started"]) + timedelta(seconds=float(run["seconds"]))
    except (ValueError, TypeError, OverflowError):
        return None


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and {*COLUMNS, "log"} <= found.keys() else None


def _unended(file: Path) -> dict[str, Any]:
    started = datetime.strptime(file.name[:17], "%Y-%m-%dT%H%M%S")
    line = {"started": str(started), "run": file.stem[25:], "outcome": "running or killed", "seconds": None}
    return line | {"what": "", "log": f"logs/{file.name}"}
