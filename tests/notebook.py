"""What do a notebook's cells print? Runs them as a fresh kernel would, without one: `python -m tests.notebook FILE`.

With `--write` the outputs are stored in the file; else they are printed as JSON, a list of outputs per code cell.
"""

from __future__ import annotations

import ast
import io
import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any


def run(notebook: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """The outputs of each code cell, run in order in one namespace: what it printed, and its last expression."""
    names: dict[str, Any] = {"__name__": "__main__"}
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return [_outputs("".join(cell["source"]), place, names) for place, cell in enumerate(cells, 1)]


def _outputs(source: str, place: int, names: dict[str, Any]) -> list[dict[str, Any]]:
    body, printed, value = ast.parse(source).body, io.StringIO(), None
    last = ast.Expression(body.pop().value) if body and isinstance(body[-1], ast.Expr) else None
    with redirect_stdout(printed):
        exec(compile(ast.Module(body, []), f"cell {place}", "exec"), names)
        value = eval(compile(last, f"cell {place}", "eval"), names) if last else None
    said = [{"output_type": "stream", "name": "stdout", "text": _lines(printed.getvalue())}] * bool(printed.getvalue())
    return said if value is None else [*said, _shown(value, place)]


def _shown(value: Any, place: int) -> dict[str, Any]:
    shown = {"text/plain": _lines(repr(value))}
    if hasattr(value, "_repr_html_"):
        shown["text/html"] = _lines(value._repr_html_())
    return {"output_type": "execute_result", "execution_count": place, "data": shown, "metadata": {}}


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def write(path: Path) -> None:
    """Run the notebook and store its outputs in it."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for place, (cell, outputs) in enumerate(zip(code, run(notebook), strict=True), 1):
        cell |= {"execution_count": place, "outputs": outputs}
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[2:] == ["--write"]:
        write(Path(sys.argv[1]))
    else:
        print(json.dumps(run(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))))
