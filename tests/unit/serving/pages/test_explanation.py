"""What an explanation's figures say of a small model whose workings are known."""

import numpy as np
import pandas as pd
import pytest

from models.explaining.explanation import Explainer, importance
from models.fitting.candidates import blend
from serving.pages.drawings import draw
from serving.pages.explanation import effects, explanation_figures
from tests.unit.models.leads import make


@pytest.fixture(scope="module")
def leads():
    return make()


@pytest.fixture(scope="module")
def explainer(leads):
    model = blend(leads.features, 1).fit(leads.X, leads.y)
    return Explainer(model, leads.X.head(20), leads.features)


@pytest.fixture(scope="module")
def figures(leads, explainer):
    return explanation_figures(explainer, leads.X, importance(explainer, leads.X))


def test_every_figure_is_drawn_with_its_numbers(figures):
    assert len(figures) == 3
    for section in figures:
        rows = draw(section.frame, section.kind).rows
        assert len(rows) == len(section.frame)
        assert all(row.marks and row.value and "nan" not in row.marks for row in rows)


def test_the_concepts_are_those_of_the_contributions(figures, leads, explainer):
    found, frame = explainer.explain(leads.X), figures[0].frame.set_index("concept")
    assert frame["mean_size"].to_dict() == pytest.approx(found.values.abs().mean().to_dict())
    assert frame["p5"].to_dict() == pytest.approx(found.values.quantile(0.05).to_dict())
    assert frame["mean_size"].is_monotonic_decreasing


def test_the_features_stand_by_their_move(figures):
    moves = figures[1].frame["move"]
    assert moves.is_monotonic_decreasing
    assert figures[2].frame["feature"].unique().tolist() == figures[1].frame["meaning"].head(6).tolist()


def test_large_values_are_short():
    values = [0.456, 61.4, 6983.0, 751_562_000.0, 2e9, float("nan")]
    effect = pd.DataFrame({"value": values, "log_odds": np.linspace(-1, 1, 6), "share": 1 / 6})
    frame = effects({"the company's yearly revenue": effect}).frame
    assert frame["value"].tolist() == ["0.46", "61", "6,983", "752M", "2bn", "missing"]
    assert np.allclose(frame["mean"], 0)
