"""How does a function become a command, and its output text? Lines for people, or one JSON object for machines."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:  # the command line prints help without pandas
    import pandas as pd


WorkspaceOption = Annotated[
    Path, typer.Option("--workspace", "-w", envvar="LEADREADY_HOME", help="Folder that holds whatever runs produce.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")]
HOME = Path("var")


@dataclass(frozen=True)
class Output:
    """What a command came to: for machines, in lines for people, and the code it ends with."""

    result: Any
    lines: list[str]
    code: int = 0


def command(
    app: typer.Typer, example: str, name: str | None = None, home: Path = HOME
) -> Callable[[Callable[..., Output]], Callable[..., Output]]:
    """Make a function a command of `app` that prints its output; its first parameter is the workspace's folder.

    It gets `--workspace` (default `home`) and `--json`; `example` is shown after `leadready` in its help.
    """

    def register(function: Callable[..., Output]) -> Callable[..., Output]:
        def run(as_json: bool, **options: Any) -> None:
            output = function(**options)
            print(_as_json(output.result) if as_json else "\n".join(output.lines))
            if output.code:
                raise typer.Exit(output.code)

        run.__signature__ = _with_shared_options(function, home)  # type: ignore[attr-defined]
        run.__name__, run.__doc__ = function.__name__, function.__doc__
        app.command(name, epilog=f"Example: leadready {example}")(run)
        return function

    return register


def _with_shared_options(function: Callable[..., Output], home: Path) -> inspect.Signature:
    """The function's options between `--workspace` and `--json`, in the order in which help shows them."""
    by_name = inspect.Parameter.KEYWORD_ONLY
    _, *own = inspect.signature(function, eval_str=True).parameters.values()
    required = [p.replace(kind=by_name) for p in own if p.default is p.empty]
    optional = [p.replace(kind=by_name) for p in own if p.default is not p.empty]
    workspace = inspect.Parameter("workspace", by_name, default=home, annotation=WorkspaceOption)
    as_json = inspect.Parameter("as_json", by_name, default=False, annotation=JsonOption)
    return inspect.Signature([*required, workspace, *optional, as_json])


def table(rows: list[dict[str, Any]]) -> list[str]:
    """Rows as aligned text columns."""
    if not rows:
        return []
    cells = [[*rows[0]], *([_cell(v) for v in row.values()] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    numeric = [all(isinstance(r[name], int | float | None) for r in rows) for name in rows[0]]
    columns = list(zip(widths, numeric, strict=True))
    return ["  ".join(_aligned(*pair) for pair in zip(line, columns, strict=True)).rstrip() for line in cells]


def as_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """A frame for machines: a dict a row, times in ISO form, what is missing as None."""
    rows: list[dict[str, Any]] = json.loads(frame.to_json(orient="records", date_format="iso"))
    return rows


def _as_json(result: Any) -> str:
    return json.dumps(_without_nan(result), indent=1, default=str)


def _without_nan(value: Any) -> Any:
    """The same with null where a number is missing: JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _aligned(cell: str, column: tuple[int, bool]) -> str:
    width, numeric = column
    return cell.rjust(width) if numeric else cell.ljust(width)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
