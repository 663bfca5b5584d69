"""How does a function become a command that prints a report? Lines for people, or one JSON value for machines."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from serving.pages import terminal
from serving.pages.sections import Report

WorkspaceOption = Annotated[
    Path, typer.Option("--workspace", "-w", envvar="LEADREADY_HOME", help="Use the workspace in this folder.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
HOME = Path("var")
Answer = Report | tuple[Report, int]
"""What a command prints, and the code that it ends with where that is not 0."""


def command(
    app: typer.Typer, example: str, name: str | None = None, home: Path = HOME
) -> Callable[[Callable[..., Answer]], Callable[..., Answer]]:
    """Make a function a command of `app` that prints its report; its first parameter is the workspace's folder.

    It gets `--workspace` (default `home`) and `--json`; `example` is shown after `leadready` in its help.
    """

    def register(function: Callable[..., Answer]) -> Callable[..., Answer]:
        def run(as_json: bool, **options: Any) -> None:
            answer = function(**options)
            report, code = answer if isinstance(answer, tuple) else (answer, 0)
            print(terminal.as_json(report) if as_json else "\n".join(terminal.as_lines(report)))
            if code:
                raise typer.Exit(code)

        run.__signature__ = _with_shared_options(function, home)  # type: ignore[attr-defined]
        run.__name__, run.__doc__ = function.__name__, function.__doc__
        app.command(name, epilog=f"Example: leadready {example}")(run)
        return function

    return register


def _with_shared_options(function: Callable[..., Answer], home: Path) -> inspect.Signature:
    """The function's options between `--workspace` and `--json`, in the order in which help shows them."""
    by_name = inspect.Parameter.KEYWORD_ONLY
    _, *own = inspect.signature(function, eval_str=True).parameters.values()
    required = [p.replace(kind=by_name) for p in own if p.default is p.empty]
    optional = [p.replace(kind=by_name) for p in own if p.default is not p.empty]
    workspace = inspect.Parameter("workspace", by_name, default=home, annotation=WorkspaceOption)
    as_json = inspect.Parameter("as_json", by_name, default=False, annotation=JsonOption)
    return inspect.Signature([*required, workspace, *optional, as_json])
