"""A new agreement changes zones and routes from its day on; the model goes on seeing what it was trained with."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.agreement.file import default_text
from data.errors import ModelError
from data.opened import OpenWorkspace
from data.workspace import Workspace
from features.matrix import build_matrix
from models.judging.promotion import Champion
from models.registry.client import Registry
from models.rows.dataset import build_training_set
from models.rows.training_set import TrainingSet
from pipelines.jobs.ingest import ingest_batch
from pipelines.jobs.promote import promote_model
from pipelines.jobs.score import score_open_leads
from pipelines.jobs.start import init_workspace, simulate_source
from pipelines.jobs.train import Training, train_models
from serving.in_use import ask_champion, trained_under

NOW = datetime(2026, 6, 1)
OLD, NEW = datetime(2025, 12, 14), datetime(2025, 12, 15)
EARLY = datetime(2025, 8, 15)
STRICTER = """
    [criteria.need]
    levels = { latent = 10, active = 20 }
    [zones]
    qualified = 98
    nearly = 25
"""
ONE_MORE_QUESTION = """
    [criteria.next_step]
    meaning = "a next meeting is agreed"
    required = true
    yes = 20
    [criteria.need]
    yes = 5
"""


def write_agreement(space: Workspace, day: str, text: str) -> Path:
    path = space.agreements / f"{day}.toml"
    path.write_text(default_text("BANT") + text)
    return path


def company(root: Path, leads: int, seed: int) -> Workspace:
    space = Workspace(root)
    init_workspace(space)
    ingest_batch(OpenWorkspace(space), "canonical", str(simulate_source(space, leads, seed)), NOW)
    return space


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    space = company(tmp_path_factory.mktemp("changed"), 1500, 3)
    assert train_models(OpenWorkspace(space), OLD).decision.alias == "champion"
    return space


@pytest.mark.slow
def test_a_new_agreement_moves_the_zones_and_not_the_probabilities(workspace: Workspace) -> None:
    before = score_open_leads(OpenWorkspace(workspace), NEW).scores
    path = write_agreement(workspace, "2025-12-15", STRICTER)
    try:
        after = score_open_leads(OpenWorkspace(workspace), NEW).scores
        unchanged = score_open_leads(OpenWorkspace(workspace), OLD).scores
    finally:
        path.unlink()
    assert set(after["agreement_version"]) != set(before["agreement_version"]) == set(unchanged["agreement_version"])
    assert (after["probability"] == before["probability"]).all()
    assert (before["zone"] == "qualified").any()
    assert not (after["zone"] == "qualified").any()
    assert (after["rule_points"] < before["rule_points"]).any()


@dataclass(frozen=True)
class Change:
    """Two trainings: under the first agreement, then four months later under one that asks and counts otherwise.

    `champion`: what the second one is held against.
    """

    space: Workspace
    first: Training
    champion: Champion
    second: Training


def look_at_champion(space: Workspace) -> tuple[Champion, TrainingSet]:
    """The model in use as a training at NEW sees it, and the snapshots it is asked about."""
    opened = OpenWorkspace(space)
    with opened.warehouse() as warehouse:
        data, _ = build_training_set(warehouse, opened.settings, opened.agreement_at(NEW), NEW)
        champion = ask_champion(opened, warehouse, Registry(space), data)
    assert champion
    return champion, data


@pytest.fixture(scope="module")
def change(tmp_path_factory: pytest.TempPathFactory) -> Change:
    space = company(tmp_path_factory.mktemp("asked"), 1500, 1002)
    space.settings.write_text("[training]\nfolds = 2\nrefits = 2\ntest_share = 0.5\n")
    first = train_models(OpenWorkspace(space), EARLY)
    promote_model(OpenWorkspace(space), first.version.version, EARLY, "", "whatever its merits", force=False)
    write_agreement(space, "2025-08-16", ONE_MORE_QUESTION)
    return Change(space, first, look_at_champion(space)[0], train_models(OpenWorkspace(space), NEW))


@pytest.mark.slow
def test_new_columns_are_no_way_around_the_comparison(change: Change) -> None:
    result, decision = change.second.result, change.second.decision
    assert "next_step_state" in result.example
    assert "next_step_state" not in change.first.result.example
    assert (decision.against, change.champion.fault) == (change.first.version.version, "")
    assert [v.other for v in decision.verdicts] == ["base rate", "rules", "champion"]
    rows = result.holdout[result.holdout["as_of"] > change.champion.trained_until]
    y, ours, its = rows["y"], rows[result.chosen], change.champion.p[rows.index]
    gain = np.log(np.where(y == 1, ours / its, (1 - ours) / (1 - its))).mean()
    assert decision.verdicts[-1].gain.mean == pytest.approx(gain)
    assert Registry(change.space).load(change.second.version.version).tags["judged_against"] == str(decision.against)


@pytest.mark.slow
def test_the_champion_is_compared_by_what_it_would_have_scored(change: Change) -> None:
    """It sees the points it was trained with, although the new agreement counts them otherwise."""
    Registry(change.space).promote(change.first.version.version, NEW)
    champion, data = look_at_champion(change.space)
    pd.testing.assert_series_equal(champion.p, change.champion.p)
    opened, model = OpenWorkspace(change.space), Registry(change.space).load(change.first.version.version)
    with opened.warehouse() as warehouse:
        seen = data.snapshots.loc[champion.p.index]
        matrix = build_matrix(warehouse, seen, trained_under(opened, model), names=model.features)
    assert model.predict(matrix) == pytest.approx(champion.p.to_numpy(), abs=1e-12)
    shown = Registry(change.space).load(change.first.version.version).predict(data.X.loc[champion.p.index])
    assert np.abs(shown - champion.p).max() > 0.001, "today's points would have told it something else"


@pytest.mark.slow
def test_a_champion_whose_agreement_is_gone_can_no_longer_score_and_is_not_put_back_silently(change: Change) -> None:
    space, first = change.space, change.first.version.version
    Registry(space).promote(change.second.version.version, NEW)
    kept = space.agreements / "2000-01-01.toml"
    text = kept.read_text()
    kept.write_text(text + ONE_MORE_QUESTION)
    try:
        moves = Registry(space).moves()
        with pytest.raises(ModelError, match=r"promoting version 1: .* got no agreement 2000-01-01-\w+ any more"):
            promote_model(OpenWorkspace(space), first, NEW, "ann", "", force=False)
        assert Registry(space).moves() == moves
        forced = promote_model(OpenWorkspace(space), first, NEW, "ann", "to see it fail", force=True)
        assert forced
        assert forced.findings.startswith("no agreement 2000-01-01-")
        assert look_at_champion(space)[0].fault == forced.findings
        with pytest.raises(ModelError, match=r"scoring with model version 1: .* or train again"):
            score_open_leads(OpenWorkspace(space), NEW)
    finally:
        kept.write_text(text)
    assert look_at_champion(space)[0].fault == ""
