"""A new agreement changes zones and routes from its day on; the model goes on seeing what it was trained with."""

from datetime import datetime
from pathlib import Path

import pytest

from data.agreement_file import default_text
from data.workspace import Workspace
from pipelines.jobs import ingest_batch, init_workspace, score_open_leads, simulate_source, train_models

pytestmark = pytest.mark.slow
NOW = datetime(2026, 6, 1)
OLD, NEW = datetime(2025, 12, 14), datetime(2025, 12, 15)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    space = Workspace(tmp_path_factory.mktemp("changed"))
    init_workspace(space)
    ingest_batch(space, "canonical", str(simulate_source(space, 1500, 3)), NOW)
    assert train_models(space, OLD).decision.alias == "champion"
    return space


def write_agreement(space: Workspace, day: str, text: str) -> Path:
    path = space.agreements / f"{day}.toml"
    path.write_text(text)
    return path


def test_a_new_agreement_moves_the_zones_and_not_the_probabilities(workspace: Workspace) -> None:
    before = score_open_leads(workspace, NEW).scores
    stricter = (
        default_text("BANT")
        + """
        [criteria.need]
        levels = { latent = 10, active = 20 }
        [zones]
        qualified = 98
        nearly = 25
    """
    )
    path = write_agreement(workspace, "2025-12-15", stricter)
    try:
        after = score_open_leads(workspace, NEW).scores
        unchanged = score_open_leads(workspace, OLD).scores
    finally:
        path.unlink()
    assert set(after["agreement_version"]) != set(before["agreement_version"]) == set(unchanged["agreement_version"])
    assert (after["probability"] == before["probability"]).all()
    assert (before["zone"] == "qualified").any()
    assert not (after["zone"] == "qualified").any()
    assert (after["rule_points"] < before["rule_points"]).any()
