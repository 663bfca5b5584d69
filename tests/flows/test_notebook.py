"""The notebook is true: its cells, run in a fresh Python, print what is stored in it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATH = ROOT / "docs" / "first-model.ipynb"
TEXT = PATH.read_text(encoding="utf-8")
NOTEBOOK = json.loads(TEXT)
CODE = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


@pytest.mark.slow  # a whole training
def test_its_outputs_are_what_its_cells_print(tmp_path: Path) -> None:
    run = [sys.executable, "-W", "error", "-m", "tests.notebook", str(PATH)]
    done = subprocess.run(run, cwd=ROOT, env=at_home(tmp_path), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for cell, printed in zip(CODE, json.loads(done.stdout), strict=True):
        assert cell["outputs"] == printed, "after a change: python -m tests.notebook docs/first-model.ipynb --write"


def at_home(folder: Path) -> dict[str, str]:
    """An environment of its own, whose temporary files go with the test."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LEADREADY", "MLFLOW"))}
    return {**kept, "TMPDIR": str(folder), "PYTHONPATH": str(ROOT)}


def test_it_needs_nothing_of_the_pipelines() -> None:
    source = "\n".join("".join(cell["source"]) for cell in CODE)
    rooms = set(re.findall(r"^(?:from|import) (data|features|models|serving|pipelines)\b", source, re.M))
    assert rooms == {"data", "features", "models", "serving"}


def test_it_is_small_and_tells_of_no_machine() -> None:
    assert len(TEXT) < 60_000
    assert (
        re.findall(r"/(?:tmp|home|root|work|Users|var/folders)\b|file:|localhost|127\.0\.0\.1|[A-Z]:\\\\", TEXT) == []
    )


def test_it_has_the_form_of_a_notebook() -> None:
    """nbformat 4.5: what Jupyter, VS Code and GitHub open."""
    assert (NOTEBOOK["nbformat"], NOTEBOOK["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in NOTEBOOK["cells"]]
    assert len(set(ids)) == len(ids)
    assert [cell["execution_count"] for cell in CODE] == [*range(1, len(CODE) + 1)]
    assert {output["output_type"] for cell in CODE for output in cell["outputs"]} == {"stream", "execute_result"}
