"""What can be typed? The `leadready` command: a file a family of commands; each reads words, calls a job, prints."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from importlib.metadata import version
from itertools import pairwise
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer
from typer.core import TyperGroup

from data.errors import LeadreadyError
from pipelines.cli import (
    agreement,
    ending,
    features,
    keeping,
    leads,
    models,
    review,
    rows,
    running,
    schedule,
    start,
    ways_back,
)
from pipelines.cli.running import LOG_FORMAT, say_end, wants_json

if TYPE_CHECKING:
    from io import TextIOWrapper

UNEXPECTED = 70
"""The exit code of a fault that is leadready's own (EX_SOFTWARE)."""
ORDER = (
    *("init", "ingest", "explain", "train", "promote", "rollback", "score", "movers", "replay"),
    *("review", "calls", "override", "backtest", "ablate", "report"),
    *("daily", "weekly", "monitor", "serve", "deploy", "runs", "ui"),
    *("simulate", "demo", "quarantine", "features", "agreement"),
    *("retract", "merge", "forget", "drop-column", "forgotten"),
    *("doctor", "backup", "restore", "tidy"),
)


class Listed(TyperGroup):
    """Its help lists the commands as in `ORDER`, whichever file they are in; one that is not named comes last."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names, for `--help`."""
        return sorted(super().list_commands(ctx), key=[*ORDER, *self.commands].index)


app = typer.Typer(
    cls=Listed,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for family in (start, rows, models, leads, review, schedule, features, agreement, ways_back, keeping):
    app.add_typer(family.app)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"leadready {version('leadready')}")
        raise typer.Exit


@app.callback()
def about(
    version: Annotated[  # noqa: ARG001 - answered by its callback
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    log_format: Annotated[
        Literal["text", "json"], typer.Option(envvar=LOG_FORMAT, help="Write to stderr for people, or lines of JSON.")
    ] = "text",
) -> None:
    """Find out which leads sales would accept today, why, and what to do next with each."""
    os.environ[LOG_FORMAT] = log_format  # for the processes that it starts too
    if wants_json():
        running.show_progress(logging.WARNING)  # of commands that show none, too


def main() -> None:
    """Run the command; what goes wrong ends in one plain line and an exit code of its kind, without a traceback."""
    for stream in (sys.stdout, sys.stderr):  # a file name may hold what no text does
        cast("TextIOWrapper", stream).reconfigure(errors="backslashreplace")
    if ("--log-format", "json") in pairwise(sys.argv):
        os.environ[LOG_FORMAT] = "json"  # what is wrong with the words is found before they are read
    try:
        with ending.at_once():
            code = app(standalone_mode=False)
    except typer.TyperException as error:  # words that are no command of ours
        code = error.exit_code
        say_end(error.format_message(), code) if wants_json() else error.show()  # type: ignore[attr-defined]
    except LeadreadyError as error:
        code = error.exit_code
        say_end(str(error), code, **error.parts)
        _let_go(error)
    except Exception as error:
        code = UNEXPECTED
        say_end(_unexpected(error), code)
        _let_go(error)
    sys.exit(code)


def _unexpected(error: Exception) -> str:
    """One line for a fault of ours; its traceback goes into a file, for it may repeat what is personal."""
    with NamedTemporaryFile("w", prefix="leadready-", suffix=".txt", delete=False, encoding="utf-8") as file:
        file.write("".join(traceback.format_exception(error)))
    do = f"report it with {file.name} (look first whether it holds what is personal)"
    return f"running this command: expected no fault of leadready's own, got {type(error).__name__}; {do}"


def _let_go(error: BaseException | None) -> None:
    """Drop what an error's frames hold: a DuckDB connection that outlives the interpreter complains on stderr."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__context__
