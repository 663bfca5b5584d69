"""What can be typed? The `leadready` command: a file a family of commands; each reads words, calls a job, prints."""

from __future__ import annotations

import sys
import traceback
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from data.errors import LeadreadyError
from pipelines.cli import agreement, features, leads, models, rows, start

ORDER = (
    *("init", "ingest", "explain", "train", "promote", "rollback", "score", "backtest", "ablate", "report"),
    *("simulate", "demo", "runs", "ui", "quarantine", "features", "agreement"),
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
for family in (start, rows, models, leads, features, agreement):
    app.add_typer(family.app)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"leadready {version('leadready')}")
        raise typer.Exit


@app.callback()
def about(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Find out which leads sales would accept today, why, and what to do next with each."""


def main() -> None:
    """Run the command; a user's mistake ends in one plain line and an exit code of its kind, without a traceback."""
    try:
        app()
    except LeadreadyError as error:
        print(f"leadready: {error}", file=sys.stderr)
        _let_go(error)
        sys.exit(error.exit_code)


def _let_go(error: BaseException | None) -> None:
    """Drop what an error's frames hold: a DuckDB connection that outlives the interpreter complains on stderr."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__context__
