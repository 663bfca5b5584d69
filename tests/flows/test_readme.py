"""The README is true: its commands run as written, its row is the demo's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.agreement.file import parse_agreement

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, prefect_url: str) -> Path:
    """A folder after the demo, in which the README's commands are typed."""
    place = tmp_path_factory.mktemp("readme")
    (place / ".venv").symlink_to(Path(sys.prefix), target_is_directory=True)
    run(place, "leadready demo", prefect_url)
    return place


def run(folder: Path, command: str, url: str) -> str:
    path = f"{folder / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PREFECT_API_URL": url, "PYTHONPATH": str(ROOT)}
    environment.pop("LEADREADY_HOME", None)
    done = subprocess.run(["bash", "-ec", command], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_two_commands_are_targets_of_the_makefile() -> None:
    assert blocks("sh")[0].split("\n")[0].startswith("make demo")
    for target in ("demo", "test"):
        planned = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        assert {"demo": "leadready demo", "test": "-m pytest"}[target] in planned


def test_the_agreement_shown_holds_together() -> None:
    for text in blocks("toml"):
        assert parse_agreement(text, date(2026, 1, 1), "README.md").criteria["pain"].answers == ("need",)


def test_a_notebook_needs_nothing_of_the_pipelines() -> None:
    (notebook,) = blocks("python")
    rooms = set(re.findall(r"^from (\w+)\.", notebook, re.M))
    assert {"data", "models"} <= rooms <= {"data", "features", "models", "serving"}


def test_the_row_shown_is_the_demos(folder: Path) -> None:
    scores = pd.read_csv(folder / "var/demo/exports/2025-12-15/scores.csv").set_index("lead_id")
    shown = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", README, re.M))
    assert list(shown) == ["lead_id", *scores.columns]
    row = scores.loc[shown["lead_id"]].drop(["as_of", "catalogue_version"])
    wrong = {name: (shown[name], value) for name, value in row.items() if not is_shown(value, shown[str(name)].strip())}
    assert not wrong


def is_shown(value: object, cell: str) -> bool:
    """A number to the digits shown, a text as it is, nothing as an empty cell."""
    if pd.isna(value) or isinstance(value, (bool, np.bool_, str)):
        return cell == ("" if pd.isna(value) else str(value))
    return cell == f"{value:.{len(cell.partition('.')[2])}f}"


def test_the_commands_for_your_own_data_run_as_written(folder: Path, prefect_url: str) -> None:
    first, *others = blocks("sh")[1].strip().split("\n")[1:]
    run(folder, first, prefect_url)
    settings = folder / "var/settings.toml"  # as many fits as it takes, so that there is time for every command
    settings.write_text(settings.read_text().replace("folds = 4", "folds = 1").replace("refits = 8", "refits = 2"))
    for line in others:
        run(folder, line, prefect_url)
    assert (folder / "var/exports/2025-12-15/scores.parquet").exists()
    notebook = folder / "notebook.py"
    (search,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "models.md").read_text(), re.S)
    notebook.write_text(blocks("python")[0] + search)
    assert "learning_rate" in run(folder, f"{sys.executable} {notebook}", prefect_url)
