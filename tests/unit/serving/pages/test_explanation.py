import io

import pytest

from models.explaining.explanation import Explainer
from models.fitting.candidates import blend
from serving.pages.explanation import draw_explanation
from tests.unit.models.leads import make

NAMES = ("concepts", "importance", "effects")


@pytest.fixture(scope="module")
def drawn():
    leads = make()
    model = blend(leads.features, 1).fit(leads.X, leads.y)
    return draw_explanation(Explainer(model, leads.X.head(20), leads.features), leads.X)


def test_the_plots_of_an_explanation(drawn):
    assert tuple(drawn) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_plot_is_900_pixels_wide(drawn, name):
    png = io.BytesIO()
    drawn[name].savefig(png, dpi=100)
    assert int.from_bytes(png.getvalue()[16:20]) == 900
