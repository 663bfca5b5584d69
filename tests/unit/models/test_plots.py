import io

import pytest

from models.plots import draw_training

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
