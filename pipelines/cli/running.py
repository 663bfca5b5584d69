"""How do flows run from the command line? With Prefect set up quietly, and with their progress on stderr."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.cli.options import find_workspace
from pipelines.runs import ENDED, ROOMS, run_id

LOG_FORMAT = "LEADREADY_LOG_FORMAT"
"""`json`: what comes on stderr is a line of JSON each; else it is for people."""
WARNINGS = "py.warnings"
"""The room of what libraries warn of."""


def wants_json() -> bool:
    """Whether stderr is for machines."""
    return os.environ.get(LOG_FORMAT) == "json"


def say_end(message: str, code: int, **parts: str) -> None:
    """Why the command ends, on stderr: a plain line, or one of JSON with the exit code and the parts of an error."""
    if wants_json():
        message = _line(datetime.now(UTC), "error", __name__, message, exit_code=code, **parts)
    print(message if wants_json() else f"leadready: {message}", file=sys.stderr, flush=True)


def _line(at: datetime, level: str, room: str, message: str, **more: Any) -> str:
    said = {"at": at.isoformat(timespec="milliseconds"), "level": level, "room": room, "run": run_id()}
    return json.dumps(said | {"message": message} | more, default=str)


def find_flows(root: Path) -> Any:
    """The flows, with Prefect set up for an embedded run in the workspace unless the environment says otherwise."""
    opened = find_workspace(root)  # before seconds are spent on Prefect
    opened.settings, opened.agreements  # noqa: B018 - so that a wrong file is said
    return load_flows(root)


def set_up_prefect(root: Path) -> None:
    """Where Prefect keeps its things and what it says; it reads this when it is imported, so this comes first."""
    quiet = {
        "PREFECT_HOME": str((root / "prefect").resolve()),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "true",
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_SERVER_LEVEL": "CRITICAL",
        "PREFECT_CLI_PROMPT": "false",
    }
    for name, value in quiet.items():
        os.environ.setdefault(name, value)


def load_flows(root: Path) -> Any:
    """The flows, without a look at the workspace's files."""
    from pipelines.cli.server import start_server, wait_for_server

    set_up_prefect(root)
    show_progress()
    if "PREFECT_API_URL" not in os.environ:
        logging.getLogger("pipelines").info("starting Prefect; this takes 10 to 30 seconds")
    started = start_server()
    from pipelines import flows  # meanwhile

    if started:
        wait_for_server()
    else:
        flows.check_server()
    return flows


def show_progress(least: int = logging.INFO) -> None:
    """What the rooms log, of level `least` or higher, goes to stderr: with the seconds passed, or as lines of JSON."""
    started = time.monotonic()

    class Seconds(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return f"[{time.monotonic() - started:6.1f} s] {record.getMessage()}"

    class Lines(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            ended = {"job" if key == "run" else key: value for key, value in getattr(record, ENDED, {}).items()}
            if ended:
                ended["run"] = Path(ended["log"]).stem
            at, level = datetime.fromtimestamp(record.created, UTC), record.levelname.lower()
            return _line(at, level, record.name, record.getMessage(), **ended)

    as_json = wants_json()

    class ToStderr(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            print(self.format(record), file=sys.stderr, flush=True)  # what that is now: in a notebook it changes

    handler = ToStderr()
    handler.setFormatter(Lines() if as_json else Seconds())
    if not as_json:  # people see that it ended
        handler.addFilter(lambda record: not hasattr(record, ENDED))
    logging.captureWarnings(as_json)
    for room in (*ROOMS, *[WARNINGS] * as_json):
        logger = logging.getLogger(room)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(least)
