import io

import pandas as pd
import pytest

from serving.pages.explanation import draw_effects
from serving.pages.training_plots import draw_candidates, draw_training

NAMES = ("reliability", "gain", "candidates", "columns")


def test_the_plots_of_a_training(result):
    assert tuple(draw_training(result)) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_plot_is_900_pixels_wide_and_titled(result, name):
    figure = draw_training(result)[name]
    png = io.BytesIO()
    figure.savefig(png, dpi=100)
    assert int.from_bytes(png.getvalue()[16:20]) == 900
    assert figure.axes[0].get_title(loc="left").endswith(("?", "leads"))


def losses(**by_name):
    rows = {(name, fold): loss for name, folds in by_name.items() for fold, loss in enumerate(folds, 1)}
    folds = pd.DataFrame({"log_loss": rows, "n": 100.0}).rename_axis(["candidate", "fold"])
    return folds, folds.groupby("candidate").first()


def test_candidates_that_cannot_be_chosen_do_not_squeeze_the_others():
    figure = draw_candidates(*losses(logistic=(0.60, 0.64), blend=(0.59, 0.66), frequencies=(0.9, 1.9)), "logistic")
    axes = figure.axes[0]
    low, high = axes.get_xlim()
    assert low < 0.59
    assert 0.66 < high < 0.8
    assert [text.get_text() for text in axes.texts] == ["off the axis: mean 1.90, up to 1.90  \u2192"]


def test_an_axis_that_holds_all_candidates_says_nothing_of_it():
    figure = draw_candidates(*losses(logistic=(0.60, 0.64), base_rate=(0.65, 0.66)), "logistic")
    assert figure.axes[0].get_xlim()[1] > 0.66
    assert not figure.axes[0].texts


def test_large_values_have_short_ticks():
    values = [0.456, 61.4, 6983.0, 751_562_000.0, 2e9, float("nan")]
    effect = pd.DataFrame({"value": values, "log_odds": 0.0, "share": 0.2})
    ticks = draw_effects({"the company's yearly revenue": effect}).axes[0].get_xticklabels()
    assert [tick.get_text() for tick in ticks] == ["0.46", "61", "6,983", "752M", "2bn", "none"]
