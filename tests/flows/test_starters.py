"""From a bare folder with a CRM's exports to scored leads, typed as a new user would, under Prefect."""

import os
import subprocess
import sys

import pandas as pd
import pytest

from data.intake.mapping import STARTERS

pytestmark = pytest.mark.slow


def typed(folder, url, *words):
    environment = {**os.environ, "PREFECT_API_URL": url, "LEADREADY_HOME": str(folder / "var")}
    command = [sys.executable, "-m", "pipelines.cli", *map(str, words)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("source", "routes"),
    [
        ("hubspot", {"tele_qualify": 23}),  # answers without a date are known from today's load on
        ("salesforce", {"hand_off": 3, "tele_qualify": 20}),  # those with a history were known then
        ("dynamics", {"tele_qualify": 23}),
    ],
)
def test_exports_become_scores(tmp_path, prefect_url, source, routes):
    """Of 30 leads three were accepted and four rejected within the cool-off; the others are open on 6 January."""
    exports = STARTERS / source / "sample"
    begun = typed(tmp_path, prefect_url, "init", "--from", source, exports)
    assert "nothing was stored" in begun
    load = next(line.partition("leadready ")[2] for line in begun.splitlines() if line.startswith("3. "))
    assert "--backfill" in load
    assert "rejected rows" in typed(tmp_path, prefect_url, *load.split())
    typed(tmp_path, prefect_url, "score", "--as-of", "2026-01-06")
    scores = pd.read_csv(tmp_path / "var/exports/2026-01-06/scores.csv")
    assert set(scores["model_status"]) == {"rules only"}
    assert scores["route"].value_counts().to_dict() == routes
