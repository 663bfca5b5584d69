"""What may be asked of a model: the agreement it was trained under, and whether its label is still today's."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

import pytest

from data.agreement.file import default_text
from data.errors import ModelError
from data.opened import OpenWorkspace
from data.settings import Settings
from data.workspace import Workspace
from models.registry.client import LoadedModel
from serving.in_use import label_tags, model_status, trained_under

OTHER_POINTS = "[criteria.need]\nyes = 5\n"


@pytest.fixture
def opened(tmp_path: Path) -> OpenWorkspace:
    """Two agreements: from January on the need counts otherwise."""
    space = Workspace(tmp_path)
    space.create()
    for day, more in (("2000-01-01", ""), ("2026-01-01", OTHER_POINTS)):
        (space.agreements / f"{day}.toml").write_text(default_text("BANT") + more)
    return OpenWorkspace(space)


def model(**tags: str) -> LoadedModel:
    return LoadedModel(None, 3, (), tags)


def test_a_model_sees_points_as_under_its_own_agreement(opened: OpenWorkspace) -> None:
    old, new = opened.agreements
    assert opened.agreement_at(datetime(2026, 6, 1)) == new
    assert trained_under(opened, model(agreement_version=old.version, points_version=new.points_version)) == old


def test_an_edited_agreement_will_do_where_it_gives_the_same_points(opened: OpenWorkspace) -> None:
    old, new = opened.agreements
    for same in (old, new):
        assert trained_under(opened, model(agreement_version="gone", points_version=same.points_version)) == same
    with pytest.raises(ModelError, match=r"scoring with model version 3: .* got no agreement gone any more"):
        trained_under(opened, model(agreement_version="gone", points_version="other"))


@pytest.mark.parametrize(("provisional", "status"), [("true", "provisional"), ("false", "in use")])
def test_beside_a_score_stands_how_far_to_rely_on_it(provisional: str, status: str) -> None:
    settings = Settings()
    assert model_status(None, settings) == "rules only"
    assert model_status(model(provisional=provisional, **label_tags(settings)), settings) == status
    assert model_status(model(provisional=provisional), settings) == status, "an older model does not say its label"


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ({"horizon_days": 28}, "horizon_days"),
        ({"expired": "not_accepted"}, "expired"),
        ({"horizon_days": 7.5, "never_handed_off": "not_accepted"}, "horizon_days, never_handed_off"),
    ],
)
def test_a_label_that_changed_asks_for_a_training(
    label: dict[str, object], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    trained = model(provisional="true", **label_tags(Settings()))
    with caplog.at_level(logging.WARNING):
        status = model_status(trained, Settings.model_validate({"label": label}))
    assert status == "retrain: the label changed"
    assert caplog.messages == [
        f"{said} changed after the model was trained: it still predicts the old label; train again"
    ]
